//! Where a call stands in a trace (W3C Trace Context), and ids for spans of our own.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use crate::id::{SpanId, TraceId};

/// The name of the header, and of the member of MCP's `_meta` (SEP-414).
pub const TRACEPARENT: &str = "traceparent";

/// Where a call stands in a trace. Every call has a span of its own; only a joined one has a parent. As text it is the
/// `traceparent` that makes an upstream's spans children of ours.
#[derive(Debug, Clone, Copy)]
pub struct TraceContext {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    flags: u8,
}

impl TraceContext {
    /// Joins the caller's trace, or begins one. A `traceparent` that is not valid counts as absent (section 4.3).
    #[must_use]
    pub fn join(traceparent: Option<&str>) -> Self {
        let span_id = random_span_id();
        match traceparent.and_then(parse) {
            Some((trace_id, parent, flags)) => Self { trace_id, span_id, parent_span_id: Some(parent), flags },
            None => Self { trace_id: random_trace_id(), span_id, parent_span_id: None, flags: 1 },
        }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags)
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

#[must_use]
pub fn random_span_id() -> SpanId {
    loop {
        if let Some(id) = SpanId::from_bytes(&random().to_be_bytes()) {
            return id;
        }
    }
}

/// Ids must be distinct, not secret: the standard library's keyed hash, seeded by the operating system and
/// re-keyed for every call, is enough and cannot fail.
#[must_use]
pub fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    fn of(value: &str) -> TraceContext {
        TraceContext::join(Some(value))
    }

    #[test]
    fn a_valid_traceparent_is_joined_and_passed_on_with_our_span() {
        let context = of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        assert_eq!(context.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.parent_span_id.unwrap().to_string(), "b7ad6b7169203331");
        assert_eq!(context.to_string(), format!("00-0af7651916cd43dd8448eb211c80319c-{}-00", context.span_id));
        assert!(of("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").parent_span_id.is_some());
    }

    #[test]
    fn an_invalid_traceparent_begins_a_trace_of_its_own() {
        for value in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert!(of(value).parent_span_id.is_none(), "{value}");
        }
        assert_ne!(TraceContext::join(None).trace_id, TraceContext::join(None).trace_id);
    }
}
