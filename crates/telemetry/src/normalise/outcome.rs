//! How a span ended, from its status and what else says so.

use mizzen_model::span::SpanKind;
use mizzen_model::step::{Outcome, StepKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::facts::Facts;
use super::keys::{Count, Text};
use crate::decode::borrowed::{Event, Span, Value};

/// An explicit status wins. Without one, an error type, an error status of HTTP, a failed tool or a finish
/// reason `error` make an error; a finish reason or a successful tool make a step ok. SDKs leave the status
/// of a successful span unset, so `unset` is common and no failure.
pub(super) fn outcome(facts: &Facts<'_>, span: &Span<'_>, kind: SpanKind, step: Option<StepKind>) -> Outcome {
    let status = span.status.code;
    if status == StatusCode::Error as i32 {
        return Outcome::Error;
    }
    if status == StatusCode::Ok as i32 {
        return Outcome::Ok;
    }
    let http_error = facts.count(Count::HttpStatus).is_some_and(|code| is_http_error(code, kind));
    let finish = facts.text(Text::FinishReason);
    let tool_status = facts.text(Text::ToolStatus);
    if facts.text(Text::ErrorType).is_some()
        || http_error
        || tool_status == Some("error")
        || finish.is_some_and(|reason| matches!(reason, "error" | "[\"error\"]"))
    {
        return Outcome::Error;
    }
    if step.is_some() && (finish.is_some() || tool_status == Some("success")) {
        return Outcome::Ok;
    }
    Outcome::Unset
}

/// A client sees a 404 as its failure; a server that answers 404 did its work (HTTP conventions).
const fn is_http_error(code: u64, kind: SpanKind) -> bool {
    match kind {
        SpanKind::Client => code >= 400 && code < 600,
        _ => code >= 500 && code < 600,
    }
}

/// `error.type`, else the type of the recorded exception.
pub(super) fn error_type<'a>(facts: &Facts<'a>, span: &Span<'a>) -> Option<&'a str> {
    facts.text(Text::ErrorType).or_else(|| exception_text(span, "exception.type"))
}

/// The status message, else the message of the recorded exception.
pub(super) fn message<'a>(facts: &Facts<'a>, span: &Span<'a>, outcome: Outcome) -> &'a str {
    let stated = span.status.message;
    if !stated.is_empty() || outcome != Outcome::Error {
        return stated;
    }
    exception_text(span, "exception.message").or_else(|| facts.text(Text::StatusMessage)).unwrap_or("")
}

fn exception_text<'a>(span: &Span<'a>, key: &str) -> Option<&'a str> {
    let is_exception = |event: &&Event<'_>| event.name == "exception";
    let event = span.events.iter().rev().find(is_exception)?;
    let attribute = event.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()? {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
