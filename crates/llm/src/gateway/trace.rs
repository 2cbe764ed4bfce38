//! The caller's trace, from the header `traceparent`.

use http::{HeaderMap, HeaderName};
use mizzen_model::trace_context;
pub(super) use mizzen_model::trace_context::{TraceContext, random, random_span_id};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static(trace_context::TRACEPARENT);

/// Joins the caller's trace, or begins one.
pub(super) fn of(headers: &HeaderMap) -> TraceContext {
    TraceContext::join(headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()))
}
