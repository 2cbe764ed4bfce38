//! The OTLP doors: HTTP (`/v1/traces`, `/v1/logs`, `/v1/metrics`) and gRPC, after the OTLP specification 1.9.
//!
//! Both lead through [`Receiver::export`]: authenticate, bound the size, decode, hand to the [`Ingest`], and say
//! what happened in the words of the protocol. A refusal that may be retried says when; one that may not is
//! never sent as if it might.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use mizzen_model::id::Digest;
use mizzen_runtime::limit::{Limit, LimitReached};
use mizzen_runtime::metrics::Metrics;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::decode::{DecodeError, Encoding, decode_logs, decode_metrics, decode_traces};
use crate::origin::Origin;
use crate::{Incoming, IngestError, Receipt, Telemetry};

mod body;
mod grpc;
mod held;
mod http_door;
mod status;

use held::{Held, Pool};

pub use grpc::grpc_router;
pub use http_door::http_router;

/// Bodies above this are decoded on the blocking pool, because it takes about a millisecond.
const INLINE_BYTES_MAX: usize = 256 << 10;

/// How long a sender should wait when more comes in than can be written.
const OVERLOADED_RETRY: Duration = Duration::from_secs(1);
/// How long a sender should wait when nothing can be written.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

/// Where decoded requests go: [`Telemetry`], or a double in tests. Each method stores what it is given durably,
/// and only then returns. `digest` is that of the message that `request` was decoded from: logs and metrics have no identity
/// of their own, and exporters send again what was not answered in time.
pub trait Ingest: Clone + Send + Sync + 'static {
    fn traces(
        &self,
        request: Incoming<ExportTraceServiceRequest>,
        origin: Origin,
    ) -> impl Future<Output = Result<Receipt, IngestError>> + Send;

    fn logs(
        &self,
        request: ExportLogsServiceRequest,
        digest: Digest,
        origin: Origin,
    ) -> impl Future<Output = Result<Receipt, IngestError>> + Send;

    fn metrics(
        &self,
        request: ExportMetricsServiceRequest,
        digest: Digest,
        origin: Origin,
    ) -> impl Future<Output = Result<Receipt, IngestError>> + Send;
}

impl Ingest for Telemetry {
    async fn traces(
        &self,
        request: Incoming<ExportTraceServiceRequest>,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        match request {
            Incoming::Decoded(request) => self.ingest_traces(request, origin).await,
            Incoming::Encoded(wire) => self.ingest_traces_as_sent(wire, origin).await,
        }
    }

    async fn logs(
        &self,
        request: ExportLogsServiceRequest,
        digest: Digest,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        self.ingest_logs_as_sent(request, digest, origin).await
    }

    async fn metrics(
        &self,
        request: ExportMetricsServiceRequest,
        digest: Digest,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        self.ingest_metrics_as_sent(request, digest, origin).await
    }
}

/// Why a sender may not use this door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Forbidden(String),
}

/// Identifies the sender from the request's headers (gRPC metadata are headers) and its address.
pub type Authenticate = Arc<dyn Fn(&HeaderMap, SocketAddr) -> Result<Origin, Denied> + Send + Sync>;

/// Bounds of the doors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoorLimits {
    /// Bytes of a body as it comes over the wire.
    pub body_bytes_max: u64,
    /// Bytes of a body after decompression.
    pub message_bytes_max: u64,
    /// Requests being decompressed, decoded and stored at one time.
    pub concurrent_max: usize,
    /// Bytes of all bodies and messages together, from when they are read until they are answered. One request of the
    /// largest size always fits.
    pub held_bytes_max: u64,
    /// Seconds that a body may take from its first byte to its last.
    pub body_seconds_max: u64,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            message_bytes_max: 64 << 20,
            concurrent_max: 64,
            held_bytes_max: 256 << 20,
            body_seconds_max: 60,
        }
    }
}

/// What the three paths of either protocol carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// Why an export failed; each protocol has its own words for these.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    TooLarge(#[from] LimitReached),
    #[error("too many requests at once; try again")]
    Busy,
    #[error("the body was not here within {seconds} s; send smaller batches, or try again")]
    TooSlow { seconds: u64 },
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Body(String),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Ingest(IngestError),
    #[error("the server did not finish the work; try again")]
    Interrupted,
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Malformed(error) => Self::Decode(error),
            error => Self::Ingest(error),
        }
    }
}

impl Failure {
    /// A stable word for the counter.
    const fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::TooLarge(_) => "too_large",
            Self::TooSlow { .. } => "too_slow",
            Self::Unsupported(_) => "unsupported",
            Self::Body(_) => "bad_body",
            Self::Decode(error) | Self::Ingest(IngestError::Malformed(error)) => error.code(),
            Self::Busy | Self::Ingest(IngestError::Overloaded) => "busy",
            Self::Ingest(IngestError::TooLarge { .. }) => "too_large",
            Self::Ingest(IngestError::Unavailable | IngestError::Stopping) | Self::Interrupted => "unavailable",
        }
    }
}

/// What both doors share. Cheap to clone.
#[derive(Clone)]
pub struct Receiver<I> {
    ingest: I,
    authenticate: Authenticate,
    metrics: Metrics,
    body_bytes: Limit,
    body_seconds: Limit,
    message_bytes: Limit,
    concurrent: Limit,
    slots: Arc<Semaphore>,
    held: Arc<Pool>,
}

impl<I> fmt::Debug for Receiver<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("slots", &self.slots.available_permits()).finish_non_exhaustive()
    }
}

impl<I: Ingest> Receiver<I> {
    pub fn new(ingest: I, authenticate: Authenticate, metrics: Metrics, limits: &DoorLimits) -> Self {
        let largest = limits.body_bytes_max.max(limits.message_bytes_max).saturating_add(limits.message_bytes_max);
        let largest = largest.saturating_add(body::INFLATED_STEP_BYTES as u64);
        let held = Limit::new(&metrics, "otlp_held_bytes", limits.held_bytes_max.max(largest));
        Self {
            ingest,
            authenticate,
            body_bytes: Limit::new(&metrics, "otlp_body_bytes", limits.body_bytes_max),
            body_seconds: Limit::new(&metrics, "otlp_body_seconds", limits.body_seconds_max),
            message_bytes: Limit::new(&metrics, "otlp_message_bytes", limits.message_bytes_max),
            concurrent: Limit::new(&metrics, "otlp_concurrent_requests", limits.concurrent_max as u64),
            slots: Arc::new(Semaphore::new(limits.concurrent_max)),
            held: Arc::new(Pool::new(held)),
            metrics,
        }
    }

    /// A slot for one request's memory and time; held until its answer is made.
    fn slot(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            let _counted = self.concurrent.refuse(self.concurrent.max() + 1);
            Failure::Busy
        })
    }

    /// Reads a body of at most `limit` bytes.
    async fn read(&self, headers: &HeaderMap, body: Body, limit: &Limit, held: &Held) -> Result<Bytes, Failure> {
        let reading = body::read(headers, body, limit, held);
        let seconds = self.body_seconds.max();
        tokio::time::timeout(Duration::from_secs(seconds), reading).await.unwrap_or_else(|_| {
            let _counted = self.body_seconds.refuse(seconds);
            Err(Failure::TooSlow { seconds })
        })
    }

    /// Decodes a decompressed message and stores it.
    async fn export(
        &self,
        signal: Signal,
        encoding: Encoding,
        message: Bytes,
        origin: Origin,
    ) -> Result<Receipt, Failure> {
        let receipt = match signal {
            Signal::Traces => {
                let request = match encoding {
                    Encoding::Protobuf => Incoming::Encoded(message),
                    Encoding::Json => {
                        Incoming::Decoded(decoded(message, |body| decode_traces(body, Encoding::Json)).await?)
                    }
                };
                self.ingest.traces(request, origin).await?
            }
            Signal::Logs => {
                let decode = move |body: &[u8]| Ok((decode_logs(body, encoding)?, Digest::of(body)));
                let (request, digest) = decoded(message, decode).await?;
                self.ingest.logs(request, digest, origin).await?
            }
            Signal::Metrics => {
                let decode = move |body: &[u8]| Ok((decode_metrics(body, encoding)?, Digest::of(body)));
                let (request, digest) = decoded(message, decode).await?;
                self.ingest.metrics(request, digest, origin).await?
            }
        };
        Ok(receipt)
    }

    fn count(&self, protocol: &str, signal: Signal, result: Result<(), &Failure>) {
        let outcome = result.map_or_else(Failure::code, |()| "accepted");
        let labels = [("protocol", protocol), ("signal", signal.name()), ("outcome", outcome)];
        self.metrics.counter("mizzen_otlp_requests_total", "OTLP requests by how they ended.", &labels).add(1);
    }
}

/// Runs `decode` here when it is quick, else where it may take its time.
async fn decoded<T: Send + 'static>(
    message: Bytes,
    decode: impl FnOnce(&[u8]) -> Result<T, DecodeError> + Send + 'static,
) -> Result<T, Failure> {
    if message.len() <= INLINE_BYTES_MAX {
        return Ok(decode(&message)?);
    }
    let request = tokio::task::spawn_blocking(move || decode(&message)).await.map_err(|_| Failure::Interrupted)?;
    Ok(request?)
}

#[cfg(test)]
mod tests;
