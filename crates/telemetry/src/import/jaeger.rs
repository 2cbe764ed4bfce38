//! Jaeger's JSON, as its query API and UI export it: times in microseconds, tags with types, processes apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Otlp;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::Value;

use super::FieldError;
use crate::record::{any, string};

const NANOS_PER_MICRO: u64 = 1_000;

/// Name and version of an instrumentation scope.
type ScopeKey = (String, String);

/// Spans of one process by their scope, in the order they came.
type Process = IndexMap<ScopeKey, Vec<Span>>;

pub(super) fn traces(traces: &[Value]) -> Result<Vec<ResourceSpans>, FieldError> {
    let mut out = Vec::new();
    for (index, trace) in traces.iter().enumerate() {
        let place = format!("`data[{index}]`");
        let spans = trace.get("spans").and_then(Value::as_array);
        let spans = spans.ok_or_else(|| FieldError::new(place.as_str(), "has no list `spans`"))?;
        let mut processes: IndexMap<&str, Process> = IndexMap::new();
        for (number, span) in spans.iter().enumerate() {
            let place = format!("`data[{index}].spans[{number}]`");
            let (scope, converted) = convert(span, &place)?;
            let process = span.get("processID").and_then(Value::as_str).unwrap_or("");
            processes.entry(process).or_default().entry(scope).or_default().push(converted);
        }
        for (process_id, scopes) in processes {
            let process = trace.get("processes").and_then(|all| all.get(process_id));
            out.push(resource_spans(process, scopes));
        }
    }
    Ok(out)
}

fn resource_spans(process: Option<&Value>, scopes: Process) -> ResourceSpans {
    let mut attributes = Vec::new();
    if let Some(service) = process.and_then(|process| process.get("serviceName")).and_then(Value::as_str) {
        attributes.push(string("service.name", service.to_owned()));
    }
    attributes.extend(process.into_iter().flat_map(|process| tags(process, "tags")).map(key_value));
    let scope_spans = scopes.into_iter().map(|((name, version), spans)| ScopeSpans {
        scope: Some(InstrumentationScope { name, version, ..InstrumentationScope::default() }),
        spans,
        schema_url: String::new(),
    });
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: scope_spans.collect(),
        schema_url: String::new(),
    }
}

fn convert(span: &Value, place: &str) -> Result<(ScopeKey, Span), FieldError> {
    let text = |key: &str| span.get(key).and_then(Value::as_str);
    let micros = |key: &str| span.get(key).and_then(Value::as_u64);
    let start = micros("startTime")
        .ok_or_else(|| FieldError::new(place, "has no `startTime` in microseconds"))?
        .saturating_mul(NANOS_PER_MICRO);
    let duration = micros("duration").unwrap_or(0).saturating_mul(NANOS_PER_MICRO);
    let mut out = Span {
        trace_id: id(text("traceID"), 16, place, "traceID")?,
        span_id: id(text("spanID"), 8, place, "spanID")?,
        name: text("operationName").unwrap_or("").to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(duration),
        events: span.get("logs").and_then(Value::as_array).into_iter().flatten().map(event).collect(),
        ..Span::default()
    };
    if let Some(parent) = text("parentSpanID").filter(|parent| !parent.is_empty()) {
        out.parent_span_id = id(Some(parent), 8, place, "parentSpanID")?;
    }
    for reference in span.get("references").and_then(Value::as_array).into_iter().flatten() {
        refer(&mut out, reference, place)?;
    }
    let scope = read_tags(&mut out, span);
    Ok((scope, out))
}

/// The first `CHILD_OF` within the trace is the parent; every other reference is a link.
fn refer(span: &mut Span, reference: &Value, place: &str) -> Result<(), FieldError> {
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let span_id = id(text("spanID"), 8, place, "references.spanID")?;
    let trace_id = match text("traceID") {
        Some(trace_id) => id(Some(trace_id), 16, place, "references.traceID")?,
        None => span.trace_id.clone(),
    };
    let child_of = text("refType") == Some("CHILD_OF");
    if child_of && span.parent_span_id.is_empty() && trace_id == span.trace_id {
        span.parent_span_id = span_id;
    } else if !(child_of && span.parent_span_id == span_id) {
        let kind = string("opentracing.ref_type", text("refType").unwrap_or("FOLLOWS_FROM").to_ascii_lowercase());
        span.links.push(Link { trace_id, span_id, attributes: vec![kind], ..Link::default() });
    }
    Ok(())
}

/// Tags that OpenTelemetry's exporter made from fields become those fields again, the others attributes.
fn read_tags(out: &mut Span, span: &Value) -> ScopeKey {
    let mut scope = ScopeKey::default();
    let mut status = Status::default();
    let mut error_tag = false;
    for tag in tags(span, "tags") {
        let (key, value) = (tag.get("key").and_then(Value::as_str).unwrap_or(""), tag.get("value"));
        let text = value.and_then(Value::as_str);
        match (key, text) {
            ("otel.scope.name" | "otel.library.name", Some(name)) => name.clone_into(&mut scope.0),
            ("otel.scope.version" | "otel.library.version", Some(version)) => version.clone_into(&mut scope.1),
            ("otel.status_code", Some("OK")) => status.code = StatusCode::Ok as i32,
            ("otel.status_code", Some("ERROR")) => status.code = StatusCode::Error as i32,
            ("otel.status_description", Some(message)) => message.clone_into(&mut status.message),
            ("w3c.tracestate", Some(state)) => state.clone_into(&mut out.trace_state),
            ("span.kind", Some(kind)) => out.kind = span_kind(kind),
            ("error", None) => error_tag = value == Some(&Value::Bool(true)),
            // Clients that keep every tag as text.
            ("error", Some(text)) if text.eq_ignore_ascii_case("true") => error_tag = true,
            ("error", Some(text)) if text.eq_ignore_ascii_case("false") => {}
            _ => out.attributes.push(key_value(tag)),
        }
    }
    if error_tag && status.code == StatusCode::Unset as i32 {
        status.code = StatusCode::Error as i32;
    }
    out.status = Some(status);
    scope
}

fn span_kind(name: &str) -> i32 {
    match name {
        "internal" => 1,
        "server" => 2,
        "client" => 3,
        "producer" => 4,
        "consumer" => 5,
        _ => 0,
    }
}

fn event(log: &Value) -> Event {
    let mut out = Event {
        time_unix_nano: log.get("timestamp").and_then(Value::as_u64).unwrap_or(0).saturating_mul(NANOS_PER_MICRO),
        name: "log".to_owned(),
        ..Event::default()
    };
    for field in tags(log, "fields") {
        match (field.get("key").and_then(Value::as_str), field.get("value").and_then(Value::as_str)) {
            (Some("event"), Some(name)) => name.clone_into(&mut out.name),
            _ => out.attributes.push(key_value(field)),
        }
    }
    out
}

fn tags<'v>(holder: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    holder.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// A tag by its declared type; a value that is not of it keeps its own.
fn key_value(tag: &Value) -> KeyValue {
    let key = tag.get("key").and_then(Value::as_str).unwrap_or("").to_owned();
    let value = tag.get("value").unwrap_or(&Value::Null);
    let declared = tag.get("type").and_then(Value::as_str).unwrap_or("string");
    let converted = match (declared.to_ascii_lowercase().as_str(), value) {
        ("int64", Value::String(text)) => text.parse().ok().map(Otlp::IntValue),
        ("float64", Value::String(text)) => text.parse().ok().map(Otlp::DoubleValue),
        ("float64", Value::Number(number)) => number.as_f64().map(Otlp::DoubleValue),
        ("bool", Value::String(text)) => text.parse().ok().map(Otlp::BoolValue),
        ("binary", Value::String(text)) => STANDARD.decode(text).ok().map(Otlp::BytesValue),
        _ => None,
    };
    any(key, converted.or_else(|| plain(value)))
}

/// Any JSON value as an attribute value; a structure becomes its JSON text.
pub(super) fn plain(value: &Value) -> Option<Otlp> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(Otlp::BoolValue(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Otlp::IntValue(whole)),
            None => number.as_f64().map(Otlp::DoubleValue),
        },
        Value::String(text) => Some(Otlp::StringValue(text.clone())),
        structure => Some(Otlp::StringValue(structure.to_string())),
    }
}

/// Hexadecimal digits as `length` bytes. Jaeger leaves out leading zeros, and old clients have 64-bit trace ids.
fn id(text: Option<&str>, length: usize, place: &str, key: &str) -> Result<Vec<u8>, FieldError> {
    let wrong = |reason: String| FieldError::new(place, format!("has `{key}` that {reason}"));
    let text = text.ok_or_else(|| FieldError::new(place, format!("has no `{key}`")))?;
    super::hex_bytes(text, length).map_err(wrong)
}
