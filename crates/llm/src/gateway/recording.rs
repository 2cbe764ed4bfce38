//! What is kept of one call while it runs, and the guard that hands it on exactly once, however the call ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mizzen_control::KeyIdentity;
use mizzen_model::time::Timestamp;
use mizzen_runtime::metrics::Gauge;
use tokio::sync::mpsc;

use super::metrics::GatewayMetrics;
use super::refusal::Refusal;
use super::tap::Tap;
use super::trace::TraceContext;
use crate::routing::Upstream;
use crate::wire::Format;

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
    Refused { code: &'static str, status: u16 },
}

/// Everything the record of a call is made of. Cheap to collect: bytes are kept as they came and read later.
#[derive(Debug)]
pub(super) struct CallCopy {
    pub(super) format: Format,
    pub(super) caller: Arc<KeyIdentity>,
    pub(super) trace: TraceContext,
    pub(super) started_at: Timestamp,
    pub(super) started: Instant,
    pub(super) duration: Duration,
    /// As the upstream knows it.
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) upstream: Option<Arc<Upstream>>,
    /// As the client sent it; `None` before it was read, or when it is too large to be read again.
    pub(super) request: Option<Bytes>,
    pub(super) request_bytes: usize,
    pub(super) retries: u32,
    pub(super) status: Option<u16>,
    pub(super) time_to_first_chunk: Option<Duration>,
    pub(super) answer: Option<Tap>,
    pub(super) end: End,
}

impl CallCopy {
    fn bytes(&self) -> usize {
        self.request.as_ref().map_or(0, Bytes::len) + self.answer.as_ref().map_or(0, Tap::bytes)
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
    _in_flight: InFlight,
}

impl Recording {
    pub(super) const fn of_call(copy: Box<CallCopy>, sink: Arc<Sink>, in_flight: InFlight) -> Self {
        Self { copy: Some((copy, sink)), _in_flight: in_flight }
    }

    /// For what is no step of a run, such as listing models.
    pub(super) const fn none(in_flight: InFlight) -> Self {
        Self { copy: None, _in_flight: in_flight }
    }

    pub(super) fn note(&mut self, write: impl FnOnce(&mut CallCopy)) {
        if let Some((copy, _)) = &mut self.copy {
            write(copy);
        }
    }

    /// Notes that the gateway answers by itself.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Refusal {
        let end = End::Refused { code: refusal.reason.code(), status: refusal.status().as_u16() };
        self.note(|copy| copy.end = end);
        refusal
    }

    /// Notes bytes of the answer as they came from the upstream.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.note(|copy| {
            if copy.time_to_first_chunk.is_none() {
                copy.time_to_first_chunk = Some(copy.started.elapsed());
            }
            if let Some(tap) = &mut copy.answer {
                tap.push(bytes);
            }
        });
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some((mut copy, sink)) = self.copy.take() {
            copy.duration = copy.started.elapsed();
            sink.put(copy);
        }
    }
}
