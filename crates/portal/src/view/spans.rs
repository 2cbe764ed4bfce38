//! All spans of a run in depth-first order, a page at a time.

use std::cmp::Reverse;

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_telemetry::row::SpanHead;
use serde::Serialize;
use utoipa::ToSchema;

use super::forest::{Link, Visit, walk};

/// One line of the waterfall.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SpanView {
    #[schema(value_type = String)]
    pub(crate) span_id: SpanId,
    #[schema(value_type = Option<String>)]
    pub(crate) parent_span_id: Option<SpanId>,
    #[schema(value_type = String)]
    pub(crate) trace_id: TraceId,
    pub(crate) name: String,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub(crate) kind: &'static str,
    pub(crate) service: Option<String>,
    /// `null` for plain infrastructure spans.
    pub(crate) step: Option<StepKind>,
    pub(crate) outcome: Outcome,
    pub(crate) source: Source,
    /// Nanoseconds since the run started.
    pub(crate) offset_ns: i64,
    pub(crate) duration_ns: i64,
    pub(crate) depth: u32,
}

/// The spans of a run in the order a reader meets them, kept between the pages of one view.
#[derive(Debug)]
pub(crate) struct OpenRun {
    started_at: Timestamp,
    heads: Vec<SpanHead>,
    /// Place in `heads`, and depth.
    order: Vec<(u32, u32)>,
}

impl OpenRun {
    pub(crate) fn new(started_at: Timestamp, heads: Vec<SpanHead>) -> Self {
        let links: Vec<_> = heads
            .iter()
            .map(|head| Link {
                id: (head.trace_id, head.span_id),
                parent: head.parent_span_id.map(|parent| (head.trace_id, parent)),
                rank: (head.started_at, Reverse(head.duration_ns), head.span_id),
            })
            .collect();
        let place = |visit: &Visit| (u32::try_from(visit.index).unwrap_or(u32::MAX), visit.depth);
        let order = walk(&links).iter().map(place).collect();
        Self { started_at, heads, order }
    }

    pub(crate) const fn total(&self) -> usize {
        self.order.len()
    }

    /// At most `limit` spans from place `from`.
    pub(crate) fn page(&self, from: usize, limit: usize) -> Vec<SpanView> {
        let places = self.order.iter().skip(from).take(limit);
        let started_at = self.started_at;
        places.filter_map(|(index, depth)| Some(view(self.heads.get(*index as usize)?, *depth, started_at))).collect()
    }
}

fn view(head: &SpanHead, depth: u32, started_at: Timestamp) -> SpanView {
    SpanView {
        span_id: head.span_id,
        parent_span_id: head.parent_span_id,
        trace_id: head.trace_id,
        name: head.name.to_string(),
        kind: head.kind.as_str(),
        service: head.service.as_deref().map(str::to_owned),
        step: head.step,
        outcome: head.outcome,
        source: head.source,
        offset_ns: head.started_at.unix_nanos().saturating_sub(started_at.unix_nanos()),
        duration_ns: head.duration_ns,
        depth,
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::id::SpanId;
    use mizzen_model::span::SpanKind;
    use mizzen_model::step::{Outcome, Source};
    use mizzen_model::time::Timestamp;
    use mizzen_telemetry::row::SpanHead;

    use super::OpenRun;
    use crate::view::sample::trace;

    fn span(number: u64, parent: Option<u64>) -> SpanHead {
        let id = |number: u64| SpanId::from_bytes(&number.to_be_bytes()).unwrap();
        SpanHead {
            run_id: "run".into(),
            trace_id: trace(),
            span_id: id(number),
            parent_span_id: parent.map(id),
            name: "span".into(),
            kind: SpanKind::Client,
            started_at: Timestamp::from_unix_nanos(i64::try_from(number).unwrap()),
            duration_ns: 1,
            outcome: Outcome::Unset,
            error_type: None,
            service: None,
            step: None,
            agent: None,
            model: None,
            provider: None,
            tool: None,
            tool_call_id: None,
            response_id: None,
            session: None,
            usage: None,
            cost_usd: None,
            source: Source::Sdk,
            caller: None,
            sampling_fraction: 1.0,
        }
    }

    #[test]
    fn pages_join_to_one_walk_over_one_hundred_thousand_spans() {
        // A comb: every tenth span is the child of the one ten before it, the others hang below those.
        let heads: Vec<SpanHead> = (1..=100_000)
            .map(|n| span(n, (n > 1).then(|| if n % 10 == 1 { n - 10 } else { n - n % 10 + 1 })))
            .collect();
        let run = OpenRun::new(heads[0].started_at, heads);
        assert_eq!(run.total(), 100_000);
        let (first, next) = (run.page(0, 1_000), run.page(1_000, 1_000));
        assert_eq!((first[0].depth, first[0].offset_ns, first[0].kind), (0, 0, "client"));
        assert_eq!((first.len(), next.len()), (1_000, 1_000));
        assert_ne!(first[999].span_id, next[0].span_id);
        assert!(run.page(100_000, 10).is_empty());
    }
}
