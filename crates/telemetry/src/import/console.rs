//! What `ConsoleSpanExporter` of the Python SDK prints: one JSON object a span, ids as `0x…`, times as RFC 3339.

use mizzen_model::time::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Otlp;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::{Map, Value};

use super::jaeger::plain;
use super::{FieldError, hex_bytes};
use crate::record::any;

const PLACE: &str = "the span";

pub(super) fn span(map: &Map<String, Value>) -> Result<ResourceSpans, FieldError> {
    let context = map.get("context").unwrap_or(&Value::Null);
    let status = map.get("status").unwrap_or(&Value::Null);
    let span = Span {
        trace_id: id(context.get("trace_id"), 16, "context.trace_id")?,
        span_id: id(context.get("span_id"), 8, "context.span_id")?,
        parent_span_id: match map.get("parent_id") {
            None | Some(Value::Null) => Vec::new(),
            parent => id(parent, 8, "parent_id")?,
        },
        name: text(map.get("name")),
        kind: kind(map.get("kind")),
        start_time_unix_nano: time(map.get("start_time"), "start_time")?,
        end_time_unix_nano: match map.get("end_time") {
            None | Some(Value::Null) => 0,
            end => time(end, "end_time")?,
        },
        attributes: attributes(map.get("attributes")),
        events: list(map.get("events")).iter().map(event).collect::<Result<_, _>>()?,
        links: list(map.get("links")).iter().map(link).collect::<Result<_, _>>()?,
        status: Some(Status { code: status_code(status.get("status_code")), message: text(status.get("description")) }),
        ..Span::default()
    };
    let resource = attributes(map.get("resource").and_then(|resource| resource.get("attributes")));
    Ok(ResourceSpans {
        resource: Some(Resource { attributes: resource, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        schema_url: String::new(),
    })
}

fn event(event: &Value) -> Result<Event, FieldError> {
    Ok(Event {
        time_unix_nano: time(event.get("timestamp"), "events.timestamp")?,
        name: text(event.get("name")),
        attributes: attributes(event.get("attributes")),
        ..Event::default()
    })
}

fn link(link: &Value) -> Result<Link, FieldError> {
    let context = link.get("context").unwrap_or(&Value::Null);
    Ok(Link {
        trace_id: id(context.get("trace_id"), 16, "links.context.trace_id")?,
        span_id: id(context.get("span_id"), 8, "links.context.span_id")?,
        attributes: attributes(link.get("attributes")),
        ..Link::default()
    })
}

fn kind(value: Option<&Value>) -> i32 {
    match value.and_then(Value::as_str) {
        Some("SpanKind.INTERNAL") => 1,
        Some("SpanKind.SERVER") => 2,
        Some("SpanKind.CLIENT") => 3,
        Some("SpanKind.PRODUCER") => 4,
        Some("SpanKind.CONSUMER") => 5,
        _ => 0,
    }
}

fn status_code(value: Option<&Value>) -> i32 {
    match value.and_then(Value::as_str) {
        Some("OK") => 1,
        Some("ERROR") => 2,
        _ => 0,
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or("").to_owned()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn attributes(value: Option<&Value>) -> Vec<KeyValue> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(key, value)| any(key.clone(), attribute_value(value))).collect()
}

fn attribute_value(value: &Value) -> Option<Otlp> {
    match value {
        Value::Array(items) => {
            let values = items.iter().map(|item| AnyValue { value: attribute_value(item) }).collect();
            Some(Otlp::ArrayValue(ArrayValue { values }))
        }
        other => plain(other),
    }
}

fn time(value: Option<&Value>, key: &str) -> Result<u64, FieldError> {
    let instant = value.and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok());
    instant
        .and_then(|instant| u64::try_from(instant.unix_nanos()).ok())
        .ok_or_else(|| FieldError::new(PLACE, format!("has `{key}` that is not an RFC 3339 time after 1970")))
}

fn id(value: Option<&Value>, length: usize, key: &str) -> Result<Vec<u8>, FieldError> {
    let text = value.and_then(Value::as_str).unwrap_or("");
    hex_bytes(text.strip_prefix("0x").unwrap_or(text), length)
        .map_err(|reason| FieldError::new(PLACE, format!("has `{key}` that {reason}")))
}
