//! One span with everything that is known of it.

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::message::Message;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_telemetry::row::{Name, SpanRow};
use mizzen_telemetry::story::SpanContent;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A span in full.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanDetail {
    pub(crate) run_id: String,
    #[schema(value_type = String)]
    pub(crate) trace_id: TraceId,
    #[schema(value_type = String)]
    pub(crate) span_id: SpanId,
    #[schema(value_type = Option<String>)]
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) name: String,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub(crate) kind: &'static str,
    pub(crate) started_at: Timestamp,
    pub(crate) duration_ns: i64,
    pub(crate) outcome: Outcome,
    pub(crate) error_type: Option<String>,
    pub(crate) status_message: String,
    pub(crate) service: Option<String>,
    pub(crate) step: Option<StepKind>,
    pub(crate) agent: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) response_id: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) source: Source,
    pub(crate) caller: Option<String>,
    pub(crate) sampling_fraction: f64,
    /// An object of the attributes as they came.
    pub(crate) attributes: Value,
    /// A list of `{name, time, attributes}`.
    pub(crate) events: Value,
    /// A list of `{trace_id, span_id, trace_state, attributes}`.
    pub(crate) links: Value,
    pub(crate) resource: Value,
    /// `{name, version, attributes}` of the instrumentation.
    pub(crate) scope: Value,
    pub(crate) content: ContentView,
}

/// What was said in a span, whatever the dialect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentView {
    pub(crate) system: Option<String>,
    pub(crate) input: Vec<Message>,
    pub(crate) output: Vec<Message>,
    pub(crate) tool_arguments: Option<Value>,
    pub(crate) tool_result: Option<Value>,
    pub(crate) tool_definitions: Option<Value>,
}

impl SpanDetail {
    pub(crate) fn of(row: &SpanRow, content: SpanContent) -> Self {
        let (head, body) = (&row.head, &row.body);
        let text = |name: &Option<Name>| name.as_deref().map(str::to_owned);
        Self {
            run_id: head.run_id.to_string(),
            trace_id: head.trace_id,
            span_id: head.span_id,
            parent_span_id: head.parent_span_id,
            name: head.name.to_string(),
            kind: head.kind.as_str(),
            started_at: head.started_at,
            duration_ns: head.duration_ns,
            outcome: head.outcome,
            error_type: text(&head.error_type),
            status_message: body.status_message.clone(),
            service: text(&head.service),
            step: head.step,
            agent: text(&head.agent),
            model: text(&head.model),
            provider: text(&head.provider),
            tool: text(&head.tool),
            tool_call_id: text(&head.tool_call_id),
            response_id: text(&head.response_id),
            session: text(&head.session),
            usage: head.usage,
            cost_usd: head.cost_usd,
            source: head.source,
            caller: text(&head.caller),
            sampling_fraction: head.sampling_fraction,
            attributes: object(&body.attributes),
            events: list(&body.events),
            links: list(&body.links),
            resource: object(&body.resource),
            scope: object(&body.scope),
            content: ContentView {
                system: content.system,
                input: content.input,
                output: content.output,
                tool_arguments: content.tool_arguments,
                tool_result: content.tool_result,
                tool_definitions: content.tool_definitions,
            },
        }
    }
}

fn object(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
}

fn list(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::Array(vec![]))
}
