//! The caller's trace: `traceparent` of `_meta` (SEP-414), else of the HTTP request.

use http::HeaderMap;
use mizzen_model::trace_context::TRACEPARENT;
pub(super) use mizzen_model::trace_context::TraceContext;

use crate::wire::json::{self, Members};

/// Joins the caller's trace, or begins one. What is not valid counts as absent.
pub(super) fn of(meta: &Members, headers: &HeaderMap) -> TraceContext {
    let said = json::member_text(meta, TRACEPARENT);
    let in_header = || headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    TraceContext::join(said.as_deref().or_else(in_header))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::of;
    use crate::wire::json::{Members, raw};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_message_goes_before_the_request_and_both_before_a_new_trace() {
        let meta = Members::from_iter([("traceparent".to_owned(), raw(PARENT))]);
        let other = PARENT.replace("0af7", "ffff");
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("traceparent"),
            HeaderValue::try_from(other).unwrap(),
        )]);
        let joined = of(&meta, &headers);
        assert_eq!(joined.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(joined.to_string(), format!("00-{}-{}-01", joined.trace_id, joined.span_id));
        assert!(of(&Members::new(), &headers).trace_id.to_string().starts_with("ffff"));
        assert!(of(&Members::new(), &HeaderMap::new()).parent_span_id.is_none());
    }
}
