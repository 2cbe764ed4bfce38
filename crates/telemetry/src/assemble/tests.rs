mod properties;
mod rules;
mod summaries;

use std::sync::Arc;

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::span::SpanKind;
use mizzen_model::step::{Outcome, Source, Step, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

use super::{Assembly, RunState, assemble};
use crate::row::{Name, SpanHead};

const SECOND: i64 = 1_000_000_000;

fn span_id(n: u64) -> SpanId {
    SpanId::from_bytes(&(n + 1).to_be_bytes()).unwrap()
}

fn trace_id(n: u64) -> TraceId {
    TraceId::from_bytes(&(u128::from(n) + 1).to_be_bytes()).unwrap()
}

fn name(text: &str) -> Name {
    Arc::from(text)
}

/// Span `id` of trace 0 from second `id` on, long enough to hold what tests put inside.
fn plain(id: u64, parent: Option<u64>) -> SpanHead {
    SpanHead {
        run_id: name("run"),
        trace_id: trace_id(0),
        span_id: span_id(id),
        parent_span_id: parent.map(span_id),
        name: name("span"),
        kind: SpanKind::Internal,
        started_at: Timestamp::from_unix_nanos(id as i64 * SECOND),
        duration_ns: 100 * SECOND,
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

fn step(id: u64, parent: Option<u64>, kind: StepKind) -> SpanHead {
    SpanHead { step: Some(kind), ..plain(id, parent) }
}

fn chat(id: u64, parent: Option<u64>) -> SpanHead {
    SpanHead { name: name("chat"), model: Some(name("m-1")), ..step(id, parent, StepKind::ModelCall) }
}

fn tool(id: u64, parent: Option<u64>, tool: &str, call: Option<&str>) -> SpanHead {
    let tool_call_id = call.map(name);
    SpanHead { tool: Some(name(tool)), tool_call_id, ..step(id, parent, StepKind::ToolCall) }
}

/// Short ways to say what a test is about.
trait With: Sized {
    fn using(self, input: u64, output: u64) -> Self;
    fn seen_by(self, source: Source) -> Self;
    fn answering(self, response_id: &str) -> Self;
    fn in_trace(self, trace: u64) -> Self;
    fn between(self, from: i64, to: i64) -> Self;
    fn ending(self, outcome: Outcome) -> Self;
}

impl With for SpanHead {
    fn using(self, input_tokens: u64, output_tokens: u64) -> Self {
        Self { usage: Some(Usage { input_tokens, output_tokens, ..Usage::default() }), ..self }
    }
    fn seen_by(self, source: Source) -> Self {
        Self { source, ..self }
    }
    fn answering(self, response_id: &str) -> Self {
        Self { response_id: Some(name(response_id)), ..self }
    }
    fn in_trace(self, trace: u64) -> Self {
        Self { trace_id: trace_id(trace), ..self }
    }
    fn between(self, from: i64, to: i64) -> Self {
        let started_at = Timestamp::from_unix_nanos(from * SECOND);
        Self { started_at, duration_ns: (to - from) * SECOND, ..self }
    }
    fn ending(self, outcome: Outcome) -> Self {
        let error_type = (outcome == Outcome::Error).then(|| name(&format!("failure {}", self.span_id)));
        Self { outcome, error_type, ..self }
    }
}

/// Which span each step is counted as, by number.
fn twins(assembly: &Assembly) -> Vec<(u64, Option<u64>)> {
    let number = |id: SpanId| u64::from_be_bytes(*id.as_bytes()) - 1;
    let mut twins: Vec<_> =
        assembly.steps.iter().map(|step| (number(step.span_id), step.counted_as.map(number))).collect();
    twins.sort_unstable();
    twins
}

fn counting(assembly: &Assembly) -> impl Iterator<Item = &Step> {
    assembly.steps.iter().filter(|step| step.counted_as.is_none())
}

fn input_tokens(assembly: &Assembly) -> u64 {
    counting(assembly).filter_map(|step| step.usage).map(|usage| usage.input_tokens).sum()
}

#[test]
fn who_does_not_show_the_key_of_the_calls_that_were_seen_is_a_stranger_to_the_run() {
    let by = |caller: Option<&str>, head: SpanHead| SpanHead { caller: caller.map(name), ..head };
    let seen = || by(Some("ada"), chat(1, Some(0)).seen_by(Source::Gateway));
    let is_foreign = |heads: &[SpanHead]| {
        let mut state = RunState::new(name("run"));
        for head in heads {
            state.insert(head.clone());
        }
        state.summary(1, true, "").has_foreign_steps
    };
    assert!(!is_foreign(&[seen()]), "nobody else says anything");
    assert!(!is_foreign(&[seen(), by(Some("ada"), plain(0, None))]), "the agent itself");
    assert!(!is_foreign(&[by(Some("ada"), plain(0, None)), by(None, plain(2, None))]), "nothing was seen");
    for stranger in [None, Some("eve")] {
        assert!(
            is_foreign(&[seen(), by(Some("ada"), plain(0, None)), by(stranger, plain(2, Some(0)))]),
            "{stranger:?}"
        );
    }
}
