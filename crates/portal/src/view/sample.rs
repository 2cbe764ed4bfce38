//! Steps for tests, named by small numbers. A step starts at its number, in nanoseconds.

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source, Step, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

pub(crate) fn id(number: u8) -> SpanId {
    SpanId::from_bytes(&[0, 0, 0, 0, 0, 0, 1, number]).unwrap()
}

pub(crate) fn trace() -> TraceId {
    TraceId::from_bytes(&[7; 16]).unwrap()
}

pub(crate) fn step(number: u8, parent: Option<u8>, kind: StepKind) -> Step {
    Step {
        run_id: trace().into(),
        trace_id: trace(),
        span_id: id(number),
        parent_step: parent.map(id),
        kind,
        name: format!("step {number}"),
        source: Source::Sdk,
        agent: None,
        model: None,
        provider: None,
        tool: None,
        tool_call_id: None,
        response_id: None,
        started_at: Timestamp::from_unix_nanos(i64::from(number)),
        duration_ns: 1,
        outcome: Outcome::Ok,
        error_type: None,
        error_message: None,
        usage: None,
        cost_usd: None,
        sampling_fraction: 1.0,
        counted_as: None,
    }
}

pub(crate) fn summary(run_id: &str, spans: u32) -> RunSummary {
    RunSummary {
        run_id: run_id.parse().unwrap(),
        revision: 1,
        is_final: false,
        agent: None,
        title: String::new(),
        session: None,
        caller: None,
        service: None,
        started_at: Timestamp::default(),
        duration_ns: 0,
        outcome: Outcome::Unset,
        error_message: None,
        spans,
        steps: 0,
        model_calls: 0,
        tool_calls: 0,
        errors: 0,
        usage: Usage::default(),
        cost_usd: None,
        unpriced_calls: 0,
        models: vec![],
        confinement: None,
        sources: vec![],
        agent_digests: vec![],
        case: None,
        has_foreign_steps: false,
    }
}
