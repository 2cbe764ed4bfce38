//! What a gateway saw, on its way to telemetry: one finished span with its attributes.

use crate::attribute::Value;
use crate::id::{Digest, RunId, SpanId, TraceId};
use crate::step::Source;
use crate::time::Timestamp;

/// OpenTelemetry's span kinds, with the numbers OTLP gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum SpanKind {
    #[default]
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

impl SpanKind {
    /// OpenTelemetry's name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// A finished span from one of Mizzen's own doors. Attributes use the OpenTelemetry GenAI names
/// (schema `https://opentelemetry.io/schemas/gen-ai/1.42.0`), so telemetry reads it like any other span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRecord {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// The caller's span, from its `traceparent`.
    pub parent_span_id: Option<SpanId>,
    pub name: String,
    pub kind: SpanKind,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// `Some(message)` when the operation failed; the message carries no content.
    pub error: Option<String>,
    pub attributes: Vec<(&'static str, Value)>,
    pub source: Source,
    /// The authenticated caller, empty when unknown.
    pub caller: String,
    /// The run that the caller's key belongs to, when `mizzen run` minted that key.
    pub run_id: Option<RunId>,
    /// The agent that the caller's key belongs to.
    pub agent: Option<String>,
    /// The version of it that the caller's key is bound to: what a door saw then counts for that digest, without a word from
    /// the agent.
    pub agent_digest: Option<Digest>,
}
