//! Rows: what one span, log record or metric point becomes after normalisation, and what is stored.

use std::sync::Arc;

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::span::SpanKind;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

/// A name that many rows share.
pub type Name = Arc<str>;

/// A stored span: `head` is small and enough to assemble runs, `body` holds content and is read on demand.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRow {
    pub head: SpanHead,
    pub body: SpanBody,
}

/// Identity, time and meaning of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanHead {
    /// The run's own key when one is known, else the trace id in hexadecimal.
    pub run_id: Name,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub name: Name,
    pub kind: SpanKind,
    pub started_at: Timestamp,
    pub duration_ns: i64,
    pub outcome: Outcome,
    pub error_type: Option<Name>,
    /// OpenTelemetry `service.name`.
    pub service: Option<Name>,
    /// What the span means, `None` for plain infrastructure spans.
    pub step: Option<StepKind>,
    pub agent: Option<Name>,
    /// The model asked for, which is what boundaries grant and the catalog declares; where nobody says, the one that answered.
    /// Under which name it answered is in the attributes.
    pub model: Option<Name>,
    pub provider: Option<Name>,
    pub tool: Option<Name>,
    pub tool_call_id: Option<Name>,
    pub response_id: Option<Name>,
    /// `gen_ai.conversation.id` or its like.
    pub session: Option<Name>,
    pub usage: Option<Usage>,
    pub cost_usd: Option<f64>,
    pub source: Source,
    /// The authenticated caller, `None` when unknown.
    pub caller: Option<Name>,
    /// Share of such spans that the sender kept, in (0, 1].
    pub sampling_fraction: f64,
}

/// Content of a span. Attribute sets are JSON objects as text, in the order they came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanBody {
    pub status_message: String,
    pub attributes: String,
    /// JSON array of `{name, time, attributes}`, empty when there are none.
    pub events: String,
    /// JSON array of `{trace_id, span_id, trace_state, attributes}`, empty when there are none.
    pub links: String,
    pub trace_state: String,
    /// JSON object of the resource's attributes; shared by the spans of one resource.
    pub resource: Name,
    /// JSON object `{name, version, attributes}` of the instrumentation scope.
    pub scope: Name,
}

/// A stored log record or event.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    pub run_id: Option<Name>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub at: Timestamp,
    pub severity_number: i32,
    pub severity: Name,
    pub event_name: Option<Name>,
    pub service: Option<Name>,
    /// The body as JSON.
    pub body: String,
    pub attributes: String,
    pub resource: Name,
    pub scope: Name,
}

/// One stored metric data point.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    pub name: Name,
    pub unit: Name,
    /// `gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`.
    pub kind: &'static str,
    pub at: Timestamp,
    pub service: Option<Name>,
    /// The number of a gauge or sum; the sum of a distribution.
    pub value: Option<f64>,
    /// Observations of a distribution.
    pub count: Option<u64>,
    pub attributes: String,
    /// What the columns above do not hold (temporality, buckets, quantiles, exemplars), as JSON.
    pub detail: String,
    pub resource: Name,
    pub scope: Name,
}
