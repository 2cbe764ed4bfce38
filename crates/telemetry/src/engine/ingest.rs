//! The way in: policy, normalisation, the log. Returns when what was sent survives.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use mizzen_model::id::Digest;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::entry;
use super::error::{IngestError, OpenError};
use super::health::Health;
use super::log_writer::{Append, Batch};
use super::repeats::{Claim, Claimed, Repeats, Sent};
use super::segment::Signal;
use super::view::Rows;
use super::wal::Record;
use crate::capture::CapturePolicy;
use crate::decode::{DecodeError, protobuf_error};
use crate::normalise::{Normalised, Normaliser};
use crate::origin::Origin;

/// Bytes of requests, as protobuf, that may be on their way from their door to the rows in memory.
const QUEUED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Requests are counted in units of this many bytes.
const UNIT_BYTES: usize = 1024;
/// Requests on their way, at most: each takes a unit at least.
pub(crate) const QUEUED_REQUESTS_MAX: usize = QUEUED_BYTES_MAX / UNIT_BYTES;
/// How long a request waits for its turn before its sender is told to try again.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);
/// Largest request, as protobuf.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Requests up to this size, as protobuf, are worked on where they are; larger ones go to the blocking pool.
const INLINE_BYTES: usize = 48 * 1024;

/// Most origins take less.
const ORIGIN_BYTES: usize = 256;

/// What became of a request. What was rejected must not be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    pub accepted: u64,
    pub rejected: u64,
    /// For `partial_success.error_message`; empty when all went well.
    pub message: String,
}

/// A kind of OTLP request.
pub(crate) trait Request: Message + Default + Send + 'static {
    const SIGNAL: Signal;
    fn apply(&mut self, policy: &CapturePolicy, agent: Option<&str>) -> bool;
    /// Rows, and what was rejected with the message for the sender. `encoded` is the request in protobuf; it need not be
    /// decoded for this.
    fn rows(
        decoded: Option<&Self>,
        encoded: &[u8],
        normaliser: &Normaliser,
        origin: &Origin,
    ) -> Result<(Rows, u64, String), DecodeError>;
}

macro_rules! request {
    ($request:ty, $signal:ident, $apply:ident, $normalise:ident, $normalise_encoded:ident) => {
        impl Request for $request {
            const SIGNAL: Signal = Signal::$signal;
            fn apply(&mut self, policy: &CapturePolicy, agent: Option<&str>) -> bool {
                policy.$apply(self, agent)
            }
            fn rows(
                decoded: Option<&Self>,
                encoded: &[u8],
                normaliser: &Normaliser,
                origin: &Origin,
            ) -> Result<(Rows, u64, String), DecodeError> {
                let Normalised { rows, rejected, message, .. } = match decoded {
                    Some(request) => normaliser.$normalise(request, origin),
                    None => normaliser.$normalise_encoded(encoded, origin)?,
                };
                Ok((Rows::$signal(rows), rejected, message))
            }
        }
    };
}

request!(ExportTraceServiceRequest, Spans, apply_traces, spans, encoded_spans);
request!(ExportLogsServiceRequest, Logs, apply_logs, logs, encoded_logs);
request!(ExportMetricsServiceRequest, Metrics, apply_metrics, metrics, encoded_metrics);

/// A request on its way in.
#[derive(Debug, Clone)]
pub enum Incoming<R> {
    Decoded(R),
    /// As its sender wrote it: protobuf, not compressed.
    Encoded(Bytes),
}

impl<R: Message> Incoming<R> {
    fn bytes(&self) -> usize {
        match self {
            Self::Decoded(request) => request.encoded_len(),
            Self::Encoded(wire) => wire.len(),
        }
    }
}

/// What may be kept of a request, as protobuf, and decoded where that was needed to see. What the policy changes nothing in
/// is kept as it came, unless there is something in it that the policy could not see.
fn captured<R: Request>(
    incoming: Incoming<R>,
    capture: &CapturePolicy,
    agent: Option<&str>,
) -> Result<(Option<R>, Bytes), DecodeError> {
    let (mut request, wire) = match incoming {
        Incoming::Encoded(wire) if capture.keeps_everything() => return Ok((None, wire)),
        Incoming::Encoded(wire) => (R::decode(&*wire).map_err(|error| protobuf_error(&error))?, Some(wire)),
        Incoming::Decoded(request) => (request, None),
    };
    let changed = request.apply(capture, agent);
    // Fields that nobody here knows would be kept unread.
    let wire = wire.filter(|wire| !changed && request.encoded_len() == wire.len());
    let kept = wire.unwrap_or_else(|| request.encode_to_vec().into());
    Ok((Some(request), kept))
}

/// What every request passes.
#[derive(Clone)]
pub(crate) struct Ingest {
    capture: Arc<CapturePolicy>,
    normaliser: Arc<Normaliser>,
    queue: mpsc::Sender<Append>,
    turns: Arc<Semaphore>,
    /// More rows are built at once than there are cores only to keep more heaps warm.
    building: Arc<Semaphore>,
    repeats: Repeats,
    health: Health,
}

/// A request ready for the log.
struct Prepared {
    origin: Vec<u8>,
    request: Bytes,
    rows: Rows,
    rejected: u64,
    message: String,
}

impl Ingest {
    pub(crate) fn new(
        capture: Arc<CapturePolicy>,
        normaliser: Arc<Normaliser>,
        queue: mpsc::Sender<Append>,
        repeats: Repeats,
        health: Health,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(QUEUED_REQUESTS_MAX));
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let building = Arc::new(Semaphore::new(cores));
        Self { capture, normaliser, queue, turns, building, repeats, health }
    }

    /// Takes a request.
    pub(crate) async fn ingest<R: Request>(
        &self,
        request: Incoming<R>,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        self.take(request, origin, None).await
    }

    /// As [`Self::ingest`], for what has no identity of its own: what the same sender has sent in the last minutes is
    /// answered again and not stored again. `digest` is that of the request as it came.
    pub(crate) async fn ingest_once<R: Request>(
        &self,
        request: R,
        digest: Digest,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        let sent = Sent::new(R::SIGNAL, digest, &origin);
        let claimed = loop {
            match self.repeats.claim(&sent, origin.received_at) {
                Claim::Mine(claimed) => break claimed,
                Claim::Stored(receipt) => {
                    self.health.repeated.inc();
                    return Ok(receipt);
                }
                // Nothing is ever sent: an error says that the one before has ended.
                Claim::Underway(mut ended) => drop(ended.changed().await),
            }
        };
        self.take(Incoming::Decoded(request), origin, Some(claimed)).await
    }

    async fn take<R: Request>(
        &self,
        request: Incoming<R>,
        origin: Origin,
        claimed: Option<Claimed>,
    ) -> Result<Receipt, IngestError> {
        let bytes = request.bytes();
        let permit = self.turn(bytes).await.inspect_err(|_| self.health.turned_away.add(1))?;
        let prepared = self.prepare(request, &origin, bytes).await?;
        self.health.rejected.add(prepared.rejected);
        let accepted = prepared.rows.len() as u64;
        let receipt = Receipt { accepted, rejected: prepared.rejected, message: prepared.message };
        if accepted == 0 {
            return Ok(receipt);
        }
        let (ack, answer) = oneshot::channel();
        let received_at = origin.received_at;
        // Without a time in it, the same request may well be meant a second time: somebody is alive, still.
        let claimed = claimed.filter(|_| prepared.rows.are_dated(received_at));
        let repeatable = claimed.map(|claimed| (claimed.with_runs(prepared.rows.runs()), receipt.clone()));
        let batch = Batch { rows: prepared.rows, received_at, permit: Some(permit) };
        let Prepared { origin, request, .. } = prepared;
        let append = Append { signal: R::SIGNAL.number(), origin, request, batch, repeatable, ack };
        self.queue.send(append).await.map_err(|_| IngestError::Stopping)?;
        match answer.await {
            Ok(Ok(())) => Ok(receipt),
            Ok(Err(error)) => {
                self.health.turned_away.add(1);
                Err(error)
            }
            Err(_) => Err(IngestError::Stopping),
        }
    }

    async fn turn(&self, bytes: usize) -> Result<OwnedSemaphorePermit, IngestError> {
        if bytes > REQUEST_BYTES_MAX {
            return Err(IngestError::TooLarge { max: REQUEST_BYTES_MAX });
        }
        let units = bytes.div_ceil(UNIT_BYTES).clamp(1, QUEUED_REQUESTS_MAX);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        match tokio::time::timeout(TURN_TIMEOUT, self.turns.clone().acquire_many_owned(units)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(IngestError::Stopping),
            Err(_) => Err(IngestError::Overloaded),
        }
    }

    async fn prepare<R: Request>(
        &self,
        request: Incoming<R>,
        origin: &Origin,
        bytes: usize,
    ) -> Result<Prepared, IngestError> {
        let (capture, normaliser, origin) = (self.capture.clone(), self.normaliser.clone(), origin.clone());
        let work = move || {
            let (decoded, request) = captured(request, &capture, origin.agent.as_deref())?;
            let (rows, rejected, message) = R::rows(decoded.as_ref(), &request, &normaliser, &origin)?;
            let mut sender = Vec::with_capacity(ORIGIN_BYTES);
            entry::encode_origin(&origin, &mut sender);
            Ok(Prepared { origin: sender, request, rows, rejected, message })
        };
        if bytes <= INLINE_BYTES {
            return work();
        }
        let core = self.building.clone().acquire_owned().await.map_err(|_| IngestError::Stopping)?;
        let work = move || {
            // Who hung up does not end what was begun.
            let _core = core;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| IngestError::Stopping)?
    }

    /// What a record of the log holds. `None` for a signal of another release.
    pub(crate) fn replay(&self, record: &Record) -> Result<Option<Batch>, OpenError> {
        let (origin, request) = entry::decode(record.lsn, &record.body)?;
        let decoded = match Signal::from_number(record.signal) {
            Some(Signal::Spans) => self.replay_as::<ExportTraceServiceRequest>(request, &origin),
            Some(Signal::Logs) => self.replay_as::<ExportLogsServiceRequest>(request, &origin),
            Some(Signal::Metrics) => self.replay_as::<ExportMetricsServiceRequest>(request, &origin),
            None => return Ok(None),
        };
        let rows = decoded.map_err(|source| OpenError::Request { lsn: record.lsn, source })?;
        Ok(Some(Batch { rows, received_at: origin.received_at, permit: None }))
    }

    fn replay_as<R: Request>(&self, request: &[u8], origin: &Origin) -> Result<Rows, DecodeError> {
        Ok(R::rows(None, request, &self.normaliser, origin)?.0)
    }
}
