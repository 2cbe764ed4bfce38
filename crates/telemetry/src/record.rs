//! What a gateway saw, as the OTLP request it would have sent: one path for every span.

use mizzen_model::attribute;
use mizzen_model::span::SpanRecord;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// The `service.name` of spans that Mizzen's own doors record.
pub const GATEWAY_SERVICE: &str = "mizzen";

/// The resource attribute that names what exactly ran.
pub(crate) const AGENT_DIGEST: &str = "mizzen.agent.digest";

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/gen-ai/1.42.0";

/// The request for records of one origin. Attributes are kept in order and type; the run of the caller's key becomes
/// the resource attribute `mizzen.run.id`. Caller and source are no attributes, because anybody could claim
/// them: take them with [`Origin::of_record`](crate::origin::Origin::of_record).
#[must_use]
pub fn to_otlp(records: Vec<SpanRecord>) -> ExportTraceServiceRequest {
    let mut resource = vec![string("service.name", GATEWAY_SERVICE.to_owned())];
    if let Some(run_id) = records.first().and_then(|record| record.run_id.as_ref()) {
        resource.push(string("mizzen.run.id", run_id.as_str().to_owned()));
    }
    if let Some(digest) = records.first().and_then(|record| record.agent_digest.as_ref()) {
        resource.push(string(AGENT_DIGEST, digest.as_str().to_owned()));
    }
    let scope_spans = ScopeSpans {
        scope: Some(InstrumentationScope { name: GATEWAY_SERVICE.to_owned(), ..InstrumentationScope::default() }),
        spans: records.into_iter().map(span).collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    let resource_spans = ResourceSpans {
        resource: Some(Resource { attributes: resource, ..Resource::default() }),
        scope_spans: vec![scope_spans],
        schema_url: String::new(),
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn span(record: SpanRecord) -> Span {
    let status = match record.error {
        Some(message) => Status { code: StatusCode::Error as i32, message },
        None => Status { code: StatusCode::Ok as i32, message: String::new() },
    };
    Span {
        trace_id: record.trace_id.as_bytes().to_vec(),
        span_id: record.span_id.as_bytes().to_vec(),
        parent_span_id: record.parent_span_id.map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
        name: record.name,
        kind: record.kind as i32,
        start_time_unix_nano: unsigned(record.started_at.unix_nanos()),
        end_time_unix_nano: unsigned(record.ended_at.unix_nanos()),
        attributes: record.attributes.into_iter().map(|(key, value)| key_value(key.to_owned(), value)).collect(),
        status: Some(status),
        ..Span::default()
    }
}

fn unsigned(nanos: i64) -> u64 {
    u64::try_from(nanos).unwrap_or(0)
}

pub(crate) fn string(key: &str, value: String) -> KeyValue {
    any(key.to_owned(), Some(Value::StringValue(value)))
}

pub(crate) fn any(key: String, value: Option<Value>) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value }), ..KeyValue::default() }
}

pub(crate) fn key_value(key: String, value: attribute::Value) -> KeyValue {
    any(key, Some(otlp_value(value)))
}

fn otlp_value(value: attribute::Value) -> Value {
    match value {
        attribute::Value::String(text) => Value::StringValue(text),
        attribute::Value::Bool(flag) => Value::BoolValue(flag),
        attribute::Value::Int(number) => Value::IntValue(number),
        attribute::Value::Double(number) => Value::DoubleValue(number),
        attribute::Value::Bytes(bytes) => Value::BytesValue(bytes),
        attribute::Value::Array(items) => {
            let values = items.into_iter().map(|item| AnyValue { value: Some(otlp_value(item)) }).collect();
            Value::ArrayValue(ArrayValue { values })
        }
        attribute::Value::Map(entries) => {
            let values = entries.into_iter().map(|(key, value)| key_value(key, value)).collect();
            Value::KvlistValue(KeyValueList { values })
        }
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::attribute::Value;
    use mizzen_model::id::{SpanId, TraceId};
    use mizzen_model::price::PriceTable;
    use mizzen_model::span::{SpanKind, SpanRecord};
    use mizzen_model::step::{Outcome, Source, StepKind};
    use mizzen_model::time::Timestamp;

    use super::to_otlp;
    use crate::normalise::{Limits, Normaliser};
    use crate::origin::Origin;

    #[test]
    fn a_record_becomes_the_row_that_says_the_same() {
        let record = SpanRecord {
            trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
            span_id: SpanId::from_bytes(&[2; 8]).unwrap(),
            parent_span_id: SpanId::from_bytes(&[3; 8]),
            name: "chat gpt-4o".into(),
            kind: SpanKind::Client,
            started_at: Timestamp::from_unix_nanos(1_000),
            ended_at: Timestamp::from_unix_nanos(3_500),
            error: Some("upstream answered 500".into()),
            attributes: vec![
                ("gen_ai.operation.name", "chat".into()),
                ("gen_ai.request.model", "gpt-4o".into()),
                ("gen_ai.usage.input_tokens", Value::Int(7)),
                ("gen_ai.response.finish_reasons", Value::Array(vec!["stop".into()])),
                (
                    "mizzen.detail",
                    Value::Map(vec![("b".into(), Value::Bytes(vec![1])), ("a".into(), Value::Double(0.5))]),
                ),
            ],
            source: Source::Gateway,
            caller: "alice".into(),
            run_id: Some("run-1".parse().unwrap()),
            agent: Some("bot".into()),
            agent_digest: Some(mizzen_model::id::Digest::of(b"bot")),
        };
        let origin = Origin::of_record(&record, Timestamp::from_unix_nanos(5_000));
        let normaliser = Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default());
        let mut normalised = normaliser.spans(&to_otlp(vec![record]), &origin);
        let row = normalised.rows.remove(0);
        assert_eq!(
            (&*row.head.run_id, row.head.agent.as_deref(), row.head.caller.as_deref()),
            ("run-1", Some("bot"), Some("alice"))
        );
        assert_eq!(
            (row.head.source, row.head.step, row.head.outcome),
            (Source::Gateway, Some(StepKind::ModelCall), Outcome::Error)
        );
        assert_eq!((row.head.duration_ns, row.body.status_message.as_str()), (2_500, "upstream answered 500"));
        assert_eq!(
            row.body.attributes,
            r#"{"gen_ai.operation.name":"chat","gen_ai.request.model":"gpt-4o","gen_ai.usage.input_tokens":7,"gen_ai.response.finish_reasons":["stop"],"mizzen.detail":{"b":{"$bytes":"AQ=="},"a":0.5}}"#
        );
    }
}
