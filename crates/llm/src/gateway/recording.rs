//! What is kept of one call while it runs, and the guard that hands it on exactly once, however the call ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mizzen_control::KeyIdentity;
use mizzen_model::permission::Decision;
use mizzen_model::time::Timestamp;
use mizzen_runtime::lanes::LARGE_BYTES;
use mizzen_runtime::metrics::Gauge;
use tokio::sync::mpsc;

use super::metrics::GatewayMetrics;
use super::rates::NOTHING;
use super::refusal::{Reason, Refusal};
use super::reservation::{Outcome, Reservation};
use super::tap::{Tap, Unread};
use super::trace::TraceContext;
use crate::routing::Upstream;
use crate::wire::Format;
use crate::wire::answer::Answer;

/// Copies that wait to be recorded; bounded in bytes too, see [`Sink`].
pub(super) const QUEUE_CALLS_MAX: usize = 4096;

/// How a call ended, as far as the gateway knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody took the rest of the answer: the client hung up.
    ClientGone,
    /// The answer went out whole, whatever its status.
    Answered,
    /// The gateway answered by itself, or cut the answer short.
    Refused { reason: Reason, status: u16 },
}

/// Everything the record of a call is made of. Cheap to collect: bytes are kept as they came and read later.
#[derive(Debug)]
pub(super) struct CallCopy {
    pub(super) format: Format,
    pub(super) caller: Arc<KeyIdentity>,
    pub(super) trace: TraceContext,
    pub(super) started_at: Timestamp,
    pub(super) started: Instant,
    /// Until the call was let out: for reading it, and for a person's answer. A budget does not count it.
    pub(super) before: Duration,
    pub(super) duration: Duration,
    /// As the upstream knows it.
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) upstream: Option<Arc<Upstream>>,
    /// As the client sent it, without its secrets; `None` before it was read.
    pub(super) request: Option<Bytes>,
    /// Why there is none though it was read.
    pub(super) request_unread: Option<Unread>,
    pub(super) retries: u32,
    pub(super) status: Option<u16>,
    pub(super) time_to_first_chunk: Option<Duration>,
    pub(super) answer: Kept,
    pub(super) end: End,
    /// What the gate said about the call, and the id that a refusal of its own names.
    pub(super) decision: Option<Arc<Decision>>,
    pub(super) refused_by: Option<String>,
    /// Why permission said no.
    pub(super) refused_why: Option<String>,
    /// Whether policy lets content be recorded.
    pub(super) record_content: bool,
    /// Kinds of secrets that were found in what leaves, each once.
    pub(super) secrets: Vec<&'static str>,
    /// Whether an upstream was asked.
    pub(super) sent: bool,
    /// Left to the recorder with an answer too large to be read at once.
    pub(super) reservation: Option<Reservation>,
}

/// The copy of an answer.
#[derive(Debug)]
pub(super) enum Kept {
    Nothing,
    Raw(Box<Tap>),
    Read(Box<Answer>, Option<Unread>),
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Raw(tap) => tap.bytes(),
            Self::Read(answer, _) => answer.messages.as_ref().map_or(0, String::capacity),
        }
    }

    pub(super) fn read(&mut self) {
        if let Self::Raw(_) = self
            && let Self::Raw(tap) = std::mem::replace(self, Self::Nothing)
        {
            let (answer, unread) = tap.finish();
            *self = Self::Read(Box::new(answer), unread);
        }
    }
}

impl CallCopy {
    pub(super) fn bytes(&self) -> usize {
        self.request.as_ref().map_or(0, Bytes::len) + self.answer.bytes()
    }

    /// How the call ended, for its price. The answer must have been read.
    pub(super) fn outcome(&self) -> Outcome<'_> {
        let answer = match &self.answer {
            Kept::Read(answer, None) => Some(&**answer),
            _ => None,
        };
        let took = self.duration.saturating_sub(self.before);
        Outcome { sent: self.sent, status: self.status, end: self.end, took, answer }
    }

    /// Reads the answer and settles. What is large is left for the recorder.
    fn conclude(&mut self, reservation: &mut Option<Reservation>) {
        self.duration = self.started.elapsed();
        if self.answer.bytes() > LARGE_BYTES {
            return;
        }
        self.answer.read();
        if let Some(reservation) = reservation.take() {
            reservation.settle(&self.outcome());
        }
    }
}

/// A place among the calls in flight, given back when the call ends.
#[derive(Debug)]
pub(super) struct InFlight(Gauge);

impl InFlight {
    pub(super) fn enter(gauge: &Gauge) -> Self {
        gauge.add(1);
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// Where copies go: a queue bounded in calls and bytes. When it is full the record is shed and counted, and
/// the call goes on.
#[derive(Debug)]
pub(super) struct Sink {
    queue: mpsc::Sender<Box<CallCopy>>,
    queued_bytes: AtomicUsize,
    queued_bytes_max: usize,
    metrics: GatewayMetrics,
}

impl Sink {
    pub(super) fn new(queued_bytes_max: usize, metrics: GatewayMetrics) -> (Self, mpsc::Receiver<Box<CallCopy>>) {
        let (queue, receiver) = mpsc::channel(QUEUE_CALLS_MAX);
        (Self { queue, queued_bytes: AtomicUsize::new(0), queued_bytes_max, metrics }, receiver)
    }

    fn put(&self, copy: Box<CallCopy>) {
        let bytes = copy.bytes();
        let before = self.queued_bytes.fetch_add(bytes, Ordering::AcqRel);
        // One copy may always wait, however large, so that a small bound does not shed every record.
        let fits = before == 0 || before.saturating_add(bytes) <= self.queued_bytes_max;
        if !fits || self.queue.try_send(copy).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.metrics.shed.inc();
        }
    }

    /// Called when a copy has left the queue.
    pub(super) fn taken(&self, copy: &CallCopy) {
        self.queued_bytes.fetch_sub(copy.bytes(), Ordering::AcqRel);
    }
}

/// Owns the copy of a call. Dropped without an [`End`] it records that the client hung up.
#[derive(Debug)]
pub(super) struct Recording {
    // Dropped in this order: a call counts as in flight until its copy is in the queue.
    copy: Option<(Box<CallCopy>, Arc<Sink>)>,
    reservation: Option<Reservation>,
    _in_flight: InFlight,
}

impl Recording {
    pub(super) const fn of_call(copy: Box<CallCopy>, sink: Arc<Sink>, in_flight: InFlight) -> Self {
        Self { copy: Some((copy, sink)), reservation: None, _in_flight: in_flight }
    }

    /// For what is no step of a run and takes nothing of a budget, such as listing models and counting tokens.
    pub(super) const fn none(in_flight: InFlight) -> Self {
        Self { copy: None, reservation: None, _in_flight: in_flight }
    }

    /// What is put aside for the call is settled when its answer has ended, before the client knows that it has.
    pub(super) fn settle_later(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }

    /// The upstream has sent everything.
    pub(super) fn answered(&mut self) {
        if let Some((copy, _)) = &mut self.copy {
            copy.end = End::Answered;
            copy.conclude(&mut self.reservation);
        }
    }

    /// Whether the stream that has ended was no whole answer: nothing in it says that it is, nor why it is not. `false` where it
    /// takes long to know.
    pub(super) fn is_cut_short(&mut self) -> bool {
        let Some((copy, _)) = &mut self.copy else { return false };
        if copy.status.is_none_or(|status| status >= 400) || copy.answer.bytes() > LARGE_BYTES {
            return false;
        }
        copy.answer.read();
        self.answer().is_some_and(|answer| !answer.complete && answer.error.is_none())
    }

    /// Reads the answer now, however large it is, and settles.
    pub(super) fn read_answer(&mut self) {
        if let Some((copy, _)) = &mut self.copy {
            copy.answer.read();
            copy.conclude(&mut self.reservation);
        }
    }

    /// The client got a refusal of the gateway in place of an answer that had begun; what was paid is settled by how
    /// the upstream's answer went.
    pub(super) fn told_nothing_else(&mut self) {
        if let Some((copy, _)) = &mut self.copy {
            copy.conclude(&mut self.reservation);
            copy.status = None;
        }
    }

    /// As the upstream knows it.
    pub(super) fn model(&self) -> Option<&str> {
        self.copy.as_ref().and_then(|(copy, _)| copy.model.as_deref())
    }

    /// The answer, when it was read.
    pub(super) fn answer(&self) -> Option<&Answer> {
        match self.copy.as_ref().map(|(copy, _)| &copy.answer) {
            Some(Kept::Read(answer, None)) => Some(answer),
            _ => None,
        }
    }

    pub(super) fn note(&mut self, write: impl FnOnce(&mut CallCopy)) {
        if let Some((copy, _)) = &mut self.copy {
            write(copy);
        }
    }

    /// Notes that the gateway answers by itself.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Refusal {
        let end = End::Refused { reason: refusal.reason, status: refusal.status().as_u16() };
        self.note(|copy| {
            copy.end = end;
            copy.refused_why = refusal.recordable().map(str::to_owned);
            copy.refused_by = refusal.decision_id().map(str::to_owned);
            copy.record_content &= !refusal.is_secret;
        });
        refusal
    }

    /// Notes bytes of the answer as they came from the upstream.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.note(|copy| {
            if copy.time_to_first_chunk.is_none() {
                copy.time_to_first_chunk = Some(copy.started.elapsed());
            }
            if let Kept::Raw(tap) = &mut copy.answer {
                tap.push(bytes);
            }
        });
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some((mut copy, sink)) = self.copy.take() {
            copy.conclude(&mut self.reservation);
            copy.reservation = self.reservation.take();
            sink.put(copy);
        } else if let Some(reservation) = self.reservation.take() {
            reservation.permit.settle(NOTHING);
        }
    }
}
