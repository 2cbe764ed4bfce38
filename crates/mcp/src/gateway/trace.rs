//! The caller's trace: `traceparent` of `_meta` (SEP-414), else of the HTTP request (W3C Trace Context).

use std::hash::{BuildHasher as _, RandomState};

use http::HeaderMap;
use mizzen_model::id::{SpanId, TraceId};

use crate::wire::json::{self, Members};

const TRACEPARENT: &str = "traceparent";

/// Where a call stands in a trace. Every call has a span of its own; only a joined one has a parent.
#[derive(Debug, Clone, Copy)]
pub(super) struct TraceContext {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_span_id: Option<SpanId>,
    flags: u8,
}

impl TraceContext {
    /// Joins the caller's trace, or begins one. What is not valid counts as absent.
    pub(super) fn of(meta: &Members, headers: &HeaderMap) -> Self {
        let said = json::member_text(meta, TRACEPARENT);
        let in_header = || headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let span_id = random_span_id();
        match said.as_deref().or_else(in_header).and_then(parse) {
            Some((trace_id, parent, flags)) => Self { trace_id, span_id, parent_span_id: Some(parent), flags },
            None => Self { trace_id: random_trace_id(), span_id, parent_span_id: None, flags: 1 },
        }
    }

    /// What makes the tool server's spans children of ours.
    pub(super) fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Versions after 00 may add fields behind the flags, never before (section 3.2.4).
fn parse(value: &str) -> Option<(TraceId, SpanId, u8)> {
    let mut fields = value.trim().split('-');
    let version = fields.next().filter(|version| version.len() == 2 && *version != "ff")?;
    let ids = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let flags = u8::from_str_radix(fields.next().filter(|flags| flags.len() == 2)?, 16).ok()?;
    (version != "00" || fields.next().is_none()).then_some((ids.0, ids.1, flags))
}

fn random_trace_id() -> TraceId {
    loop {
        let bytes = (u128::from(random()) << 64 | u128::from(random())).to_be_bytes();
        if let Some(id) = TraceId::from_bytes(&bytes) {
            return id;
        }
    }
}

fn random_span_id() -> SpanId {
    loop {
        if let Some(id) = SpanId::from_bytes(&random().to_be_bytes()) {
            return id;
        }
    }
}

/// Ids of spans must be distinct, not secret.
fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::TraceContext;
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
        let joined = TraceContext::of(&meta, &headers);
        assert_eq!(joined.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(joined.traceparent(), format!("00-{}-{}-01", joined.trace_id, joined.span_id));
        assert!(TraceContext::of(&Members::new(), &headers).trace_id.to_string().starts_with("ffff"));
        assert!(TraceContext::of(&Members::new(), &HeaderMap::new()).parent_span_id.is_none());
    }
}
