//! The body of an answer on its way from the upstream to the client, copied for the record as it passes.

mod filter;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

pub(super) use self::filter::{Filter, Own};
use self::filter::{Held, Owning, Step};
use super::recording::{End, Recording};
use super::refusal::{Reason, Refusal};
use crate::routing::Upstream;

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) idle: Duration,
    pub(super) deadline: Instant,
}

/// The client's side of an answer. Dropping it drops the upstream's side, which ends the call there.
pub(super) struct Relay {
    /// `None` when everything was read, or nothing more is wanted.
    incoming: Option<Incoming>,
    upstream: Arc<Upstream>,
    filter: Filter,
    recording: Recording,
    ready: VecDeque<Bytes>,
    owning: Option<(Owning, Held)>,
    broken: Option<BrokenOff>,
    pace: Pace,
    heard_at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the answer is a stream of events, to which one may be added where another has just ended.
    events: bool,
    last: Bytes,
}

/// The answer broke off after its head was sent; closing the connection tells the client.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the upstream {0}")]
pub(super) struct BrokenOff(pub(super) &'static str);

impl Relay {
    pub(super) fn new(
        incoming: Incoming,
        upstream: Arc<Upstream>,
        filter: Filter,
        recording: Recording,
        pace: Pace,
        events: bool,
    ) -> Self {
        Self {
            incoming: Some(incoming),
            upstream,
            filter,
            recording,
            ready: VecDeque::new(),
            owning: None,
            broken: None,
            pace,
            heard_at: Instant::now(),
            timer: None,
            events,
            last: Bytes::new(),
        }
    }

    /// Takes one chunk from the upstream.
    fn take(&mut self, data: Bytes) {
        self.heard_at = Instant::now();
        self.recording.copy(&data);
        let step = self.filter.take(data, &mut self.ready);
        self.step(step);
        if self.incoming.as_ref().is_some_and(Incoming::is_end_stream) {
            self.finish();
        }
    }

    /// The upstream has sent everything.
    fn finish(&mut self) {
        self.incoming = None;
        self.recording.note(|copy| copy.end = End::Answered);
        let step = self.filter.finish(&mut self.ready);
        self.step(step);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Go => {}
            Step::Own(owning, held) => self.owning = Some((owning, held)),
            Step::Stop(what) => self.stop(Reason::Broken, what),
        }
    }

    /// Ends the answer early: with an event of the provider's own shape where one may stand, or else by
    /// breaking the connection off.
    fn stop(&mut self, reason: Reason, what: &'static str) {
        let text = format!("upstream `{}` {what}; try again", self.upstream.name);
        let refusal = self.recording.refuse(Refusal::new(reason, text));
        tracing::debug!(upstream = self.upstream.name, what, "an answer broke off");
        self.incoming = None;
        self.filter = Filter::Pass;
        let last = self.ready.back().unwrap_or(&self.last);
        let at_boundary = last.is_empty() || last.ends_with(b"\n\n") || last.ends_with(b"\n\r\n");
        if self.events && at_boundary {
            self.ready.push_back(refusal.event(self.upstream.protocol).into());
        } else {
            self.broken = Some(BrokenOff(what));
        }
    }

    /// Ready when the upstream was silent for too long. The timer is set anew only when it fires: most chunks
    /// come long before it.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<&'static str> {
        loop {
            let idle_at = self.heard_at + self.pace.idle;
            let at = idle_at.min(self.pace.deadline);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
            ready!(timer.as_mut().poll(context));
            if Instant::now() < at {
                timer.as_mut().reset(at);
                continue;
            }
            let silent = "sent nothing for longer than `timeouts.idle_seconds`";
            return Poll::Ready(if at == idle_at { silent } else { "took longer than `timeouts.total_seconds`" });
        }
    }

    /// Waits until the response is the caller's; ready at once when there is nothing to wait for.
    fn poll_owning(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some((owning, _)) = &mut self.owning else { return Poll::Ready(()) };
        let owned = ready!(owning.as_mut().poll(context));
        let held = self.owning.take().map(|(_, held)| held);
        match owned {
            Ok(()) => self.ready.extend(held.into_iter().flatten()),
            Err(error) => {
                tracing::warn!(error = %mizzen_runtime::error::Chain(&error), "a response could not be kept as its caller's");
                self.stop(Reason::Internal, "made a response whose owner could not be kept");
            }
        }
        Poll::Ready(())
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_owning(context));
            if let Some(piece) = this.ready.pop_front() {
                this.last = piece.clone();
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if let Some(broken) = this.broken.take() {
                return Poll::Ready(Some(Err(broken)));
            }
            let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
            match Pin::new(incoming).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.take(data),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Poll::Ready(Some(Err(_))) => this.stop(Reason::Broken, "broke off its answer"),
                Poll::Ready(None) => this.finish(),
                Poll::Pending => {
                    let what = ready!(this.poll_silence(context));
                    this.stop(Reason::TimedOut, what);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_none() && self.ready.is_empty() && self.owning.is_none() && self.broken.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.incoming, &self.filter) {
            (Some(incoming), Filter::Pass) if self.ready.is_empty() && self.owning.is_none() => incoming.size_hint(),
            _ => SizeHint::default(),
        }
    }
}
