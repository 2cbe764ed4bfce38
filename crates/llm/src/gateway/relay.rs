//! The body of an answer on its way from the upstream to the client, copied for the record as it passes.

mod filter;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mizzen_control::KeyIdentity;
use mizzen_control::gate::{DenialCode, Permit};
use mizzen_control::responses::ResponseError;
use tokio::time::{Instant, Sleep, sleep_until};

pub(super) use self::filter::{Filter, Own};
use self::filter::{Held, Owning, Step};
use super::Inner;
use super::recording::Recording;
use super::refusal::{Reason, Refusal};
use super::reservation::Timed;
use crate::routing::Upstream;

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) idle: Duration,
    pub(super) deadline: Instant,
}

/// Ready when the call is to end before its answer does, with what its client is told: the agent that made it was stopped
/// meanwhile, the time is over that a budget has put aside for it, or Mizzen itself ends.
pub(super) struct Stopped(Pin<Box<dyn Future<Output = Refusal> + Send>>);

impl Stopped {
    pub(super) fn caller(gateway: &Inner, caller: &KeyIdentity) -> Self {
        let (stopped, ending) = (gateway.control.gate().stopped(caller), gateway.ending.clone());
        Self(Box::pin(async move {
            tokio::select! {
                () = stopped => was_stopped(),
                () = ending.cancelled() => is_ending(),
            }
        }))
    }

    pub(super) fn of(gateway: &Inner, permit: &Permit) -> Self {
        let (stopped, ending) = (permit.stopped(), gateway.ending.clone());
        let (decision, ends_at) = (Arc::clone(&permit.decision), permit.time_max.map(|time| Instant::now() + time));
        Self(Box::pin(async move {
            let time = async {
                match ends_at {
                    Some(ends_at) => sleep_until(ends_at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stopped => was_stopped(),
                () = ending.cancelled() => is_ending(),
                () = time => time_is_over(&decision.id),
            }
        }))
    }
}

fn was_stopped() -> Refusal {
    let message = "the agent was stopped while this call was going on; ask who stopped it before you try again";
    Refusal::new(Reason::Stopped, message)
}

fn is_ending() -> Refusal {
    Refusal::new(Reason::Ending, "Mizzen was told to end, and this call took longer than it waits for; try again")
}

fn time_is_over(decision: &str) -> Refusal {
    let message = "the call took all the time that a budget had left for it, and was ended; `mizzen budgets list` tells \
        when the budget begins anew";
    Refusal::new(Reason::Denied(DenialCode::BudgetExhausted), message).decided_by(decision)
}

impl Future for Stopped {
    type Output = Refusal;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Refusal> {
        self.get_mut().0.as_mut().poll(context)
    }
}

/// What an answer is bound by.
pub(super) struct Terms {
    pub(super) pace: Pace,
    pub(super) bytes_max: Option<u64>,
    pub(super) stopped: Stopped,
    /// Whether the answer is a stream of events, to which one may be added where another has just ended.
    pub(super) events: bool,
    /// Settled when the answer has ended.
    pub(super) timed: Option<Timed>,
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
    terms: Terms,
    bytes: u64,
    heard_at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    last: Bytes,
    /// What ended the answer early.
    cut: Option<Refusal>,
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
        terms: Terms,
    ) -> Self {
        let is_empty = incoming.is_end_stream();
        let mut relay = Self {
            incoming: Some(incoming),
            upstream,
            filter,
            recording,
            ready: VecDeque::new(),
            owning: None,
            broken: None,
            terms,
            bytes: 0,
            heard_at: Instant::now(),
            timer: None,
            last: Bytes::new(),
            cut: None,
        };
        // Nobody asks for a body that has nothing.
        if is_empty {
            relay.finish();
        }
        relay
    }

    /// The whole answer as the client is to have it, and its recording. The client has got nothing of it.
    pub(super) async fn gather(mut self, bytes_max: usize) -> Result<(Bytes, Recording), (Refusal, Recording)> {
        let mut gathered = BytesMut::new();
        while let Some(Ok(frame)) = self.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            if gathered.len() + data.len() > bytes_max {
                self.stop(Reason::Broken, "sent an answer larger than `limits.body_bytes_max`");
                break;
            }
            gathered.extend_from_slice(&data);
        }
        match self.cut {
            Some(refusal) => Err((refusal, self.recording)),
            None => Ok((gathered.freeze(), self.recording)),
        }
    }

    /// Takes one chunk from the upstream.
    fn take(&mut self, data: Bytes) {
        self.heard_at = Instant::now();
        self.recording.copy(&data);
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        if self.terms.bytes_max.is_some_and(|most| self.bytes > most) {
            let policy_denied = Reason::Denied(DenialCode::PolicyDenied);
            return self.stop(policy_denied, "sent an answer larger than the policy allows");
        }
        let step = self.filter.take(data, &mut self.ready);
        self.step(step);
        if self.incoming.as_ref().is_some_and(Incoming::is_end_stream) {
            self.finish();
        }
    }

    /// The upstream has sent everything, or says so: behind a proxy a stream of which the engine died ends as others do.
    fn finish(&mut self) {
        self.incoming = None;
        self.terms.timed = None;
        let is_whole = !self.terms.events || !self.recording.is_cut_short();
        if is_whole {
            self.recording.answered();
        }
        let step = self.filter.finish(&mut self.ready);
        self.step(step);
        if !is_whole && self.cut.is_none() {
            self.stop(Reason::Broken, "ended its stream before the answer was complete");
        }
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
        self.end(Refusal::new(reason, text), what);
    }

    fn end(&mut self, refusal: Refusal, what: &'static str) {
        let refusal = self.recording.refuse(refusal);
        tracing::debug!(upstream = self.upstream.name, what, "an answer broke off");
        self.incoming = None;
        self.terms.timed = None;
        self.filter = Filter::Pass;
        let held = self.owning.as_mut().map(|(_, held)| held);
        let last = held.as_ref().and_then(|held| held.last()).or(self.ready.back()).unwrap_or(&self.last);
        let at_boundary = last.is_empty() || last.ends_with(b"\n\n") || last.ends_with(b"\n\r\n");
        if self.terms.events && at_boundary {
            let event = refusal.event(self.upstream.protocol).into();
            // Behind what still waits for its owner.
            match held {
                Some(held) => held.push(event),
                None => self.ready.push_back(event),
            }
        } else {
            self.broken = Some(BrokenOff(what));
        }
        self.cut = Some(refusal);
    }

    /// Ready when the upstream was silent for too long. The timer is set anew only when it fires: most chunks
    /// come long before it.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<&'static str> {
        loop {
            let idle_at = self.heard_at + self.terms.pace.idle;
            let at = idle_at.min(self.terms.pace.deadline);
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
                match error {
                    ResponseError::Taken(_) => {
                        self.stop(Reason::Broken, "gave its answer the id of another caller's response")
                    }
                    _ => self.stop(Reason::Internal, "made a response whose owner could not be kept"),
                }
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
            // Before the upstream, which may never be silent.
            if let Poll::Ready(refusal) = Pin::new(&mut this.terms.stopped).poll(context) {
                this.end(refusal, "had no more time, or it was stopped");
                continue;
            }
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
