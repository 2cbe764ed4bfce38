//! Runs in the run list, and runs that grow.

use super::*;
use crate::assemble::{Inserted, RunState};
use mizzen_model::id::RunId;
use mizzen_model::run::RunSummary;

fn state(heads: impl IntoIterator<Item = SpanHead>) -> RunState {
    let mut state = RunState::new(name("run"));
    for head in heads {
        state.insert(head);
    }
    state
}

fn summary(heads: impl IntoIterator<Item = SpanHead>) -> RunSummary {
    state(heads).summary(1, true, "title")
}

fn agent(id: u64, parent: Option<u64>, called: &str) -> SpanHead {
    SpanHead { agent: Some(name(called)), ..step(id, parent, StepKind::AgentCall) }
}

#[test]
fn the_agent_is_the_outermost_one_else_the_reported_one_else_the_service() {
    let service = SpanHead { service: Some(name("svc")), ..plain(0, None) };
    let inner_first = agent(2, Some(1), "inner").between(0, 1);
    let both = [service.clone(), agent(1, Some(0), "outer"), inner_first];
    assert_eq!(summary(both).agent.as_deref(), Some("outer"));
    let reported = SpanHead { agent: Some(name("reported")), ..chat(1, Some(0)) };
    assert_eq!(summary([service.clone(), reported]).agent.as_deref(), Some("reported"));
    assert_eq!(summary([service, chat(1, Some(0))]).agent.as_deref(), Some("svc"));
}

#[test]
fn the_root_decides_the_outcome() {
    let root = |outcome| agent(0, None, "a").ending(outcome);
    let failed = || tool(1, Some(0), "t", None).ending(Outcome::Error);
    let run = summary([root(Outcome::Ok), failed()]);
    assert_eq!((run.outcome, run.errors, run.error_message), (Outcome::Ok, 1, None));
    let run = summary([root(Outcome::Error), failed()]);
    assert_eq!((run.outcome, run.errors), (Outcome::Error, 2));
    assert_eq!(run.error_message, Some(format!("failure {}", span_id(0))));
    let infrastructure = plain(9, None).in_trace(9).ending(Outcome::Error);
    assert_eq!(summary([root(Outcome::Ok), infrastructure]).outcome, Outcome::Ok, "holds no step");
    let later_turn = agent(5, None, "a").in_trace(5).ending(Outcome::Error);
    assert_eq!(summary([root(Outcome::Ok), later_turn]).outcome, Outcome::Error, "one root of several");
}

#[test]
fn without_a_root_the_last_step_speaks_of_failure_only() {
    let orphan = |id, outcome| tool(id, Some(0), "t", None).ending(outcome);
    assert_eq!(summary([orphan(1, Outcome::Ok), orphan(2, Outcome::Error)]).outcome, Outcome::Error);
    assert_eq!(summary([orphan(1, Outcome::Error), orphan(2, Outcome::Ok)]).outcome, Outcome::Unset);
    let call = |id, outcome| chat(id, None).in_trace(id).seen_by(Source::Gateway).ending(outcome);
    assert_eq!(summary([call(1, Outcome::Error), call(2, Outcome::Ok)]).outcome, Outcome::Ok, "gateway calls only");
}

#[test]
fn cost_is_unknown_until_something_is_priced_and_tells_what_is_missing() {
    let priced = |id| SpanHead { cost_usd: Some(0.5), ..chat(id, Some(0)).using(1, 1) };
    let run = summary([agent(0, None, "a"), chat(1, Some(0)).using(1, 1)]);
    assert_eq!((run.cost_usd, run.unpriced_calls), (None, 1));
    let run = summary([agent(0, None, "a"), priced(1), priced(2), chat(3, Some(0)).using(1, 1)]);
    assert_eq!((run.cost_usd, run.unpriced_calls, run.model_calls), (Some(1.0), 1, 3));
    let refused = chat(3, Some(0)).ending(Outcome::Error);
    assert_eq!(summary([agent(0, None, "a"), priced(1), refused]).unpriced_calls, 0, "it used nothing");
    let aggregate = SpanHead { cost_usd: Some(2.0), ..agent(0, None, "a").using(9, 9) };
    let run = summary([aggregate, chat(1, Some(0))]);
    assert_eq!((run.cost_usd, run.unpriced_calls), (Some(2.0), 0), "the agent's aggregate covers the call");
}

#[test]
fn models_come_in_order_of_use_and_twins_do_not_count() {
    let call = |id, model: &str| SpanHead { model: Some(name(model)), ..chat(id, Some(0)) };
    let inner = SpanHead { model: Some(name("alias")), ..chat(4, Some(3)) };
    let run = summary([agent(0, None, "a"), call(1, "rare"), call(2, "often"), call(3, "often"), inner.clone()]);
    assert_eq!(run.models, ["alias", "often", "rare"]);
    assert_eq!((run.spans, run.steps, run.model_calls), (5, 4, 3));
}

#[test]
fn a_duplicate_replaces_and_is_reported() {
    let mut state = state([agent(0, None, "a"), chat(1, Some(0)).using(1, 0)]);
    assert_eq!(state.summary(1, false, "").usage.input_tokens, 1);
    assert_eq!(state.insert(chat(1, Some(0)).using(2, 0)), Inserted::Duplicate);
    assert_eq!((state.len(), state.summary(1, false, "").usage.input_tokens), (2, 2));
    assert_eq!(state.insert(chat(1, Some(0)).in_trace(1)), Inserted::New, "another trace");
}

#[test]
fn the_root_ended_when_every_trace_has_one() {
    let mut state = state([chat(1, Some(0))]);
    assert!(!state.root_ended());
    state.insert(agent(0, None, "a"));
    assert!(state.root_ended());
    state.insert(chat(2, Some(9)).in_trace(1));
    assert!(!state.root_ended());
    assert_eq!(state.last_started(), Timestamp::from_unix_nanos(2 * SECOND));
    assert_eq!(state.last_ended(), Timestamp::from_unix_nanos(102 * SECOND));
}

#[test]
fn a_large_run_is_nearly_right_while_it_grows_and_right_at_the_end() {
    let mut state = state([agent(0, None, "a").between(0, 1_000)]);
    for id in 1..5_000u64 {
        state.insert(chat(id, Some(0)).between(id as i64, id as i64 + 1).using(1, 0));
        let run = state.summary(1, false, "");
        assert_eq!(u64::from(run.spans), id + 1);
        assert!(run.usage.input_tokens * 6 >= id * 5, "{} of {id}", run.usage.input_tokens);
    }
    assert_eq!(state.summary(1, true, "").usage.input_tokens, 4_999);
}

/// The span that `mizzen run` sends at the end, in a trace of its own.
fn of_process(mut head: SpanHead) -> SpanHead {
    head.run_id = name(RunId::of_process(trace_id(99)).as_str());
    head
}

#[test]
fn the_traces_of_one_process_hang_below_its_own_root() {
    let root = of_process(step(50, None, StepKind::AgentCall).in_trace(99).between(0, 60).ending(Outcome::Ok));
    let first = of_process(chat(1, None).in_trace(1).between(10, 20));
    let failed = of_process(step(2, None, StepKind::AgentCall).in_trace(2).between(30, 40).ending(Outcome::Error));
    let assembly = assemble(&[failed.clone(), first.clone(), root.clone()]);
    let parents: Vec<_> = assembly.steps.iter().map(|step| step.parent_step).collect();
    assert_eq!(parents, [None, Some(root.span_id), Some(root.span_id)]);

    let mut state = RunState::new(root.run_id.clone());
    state.insert(first);
    state.insert(failed);
    assert!(!state.root_ended(), "the process still runs");
    state.insert(root);
    assert!(state.root_ended());
    let summary = state.summary(1, true, "");
    assert_eq!(summary.outcome, Outcome::Ok, "the process decides, not an agent in it");
    assert_eq!(summary.confinement.as_deref(), Some("unconfined"));
}

#[test]
fn a_run_of_tool_calls_alone_is_called_by_them_until_somebody_asks() {
    let title = |heads: &[SpanHead]| state(heads.iter().cloned()).summary(1, true, "").title;
    let (list, get) = (tool(2, Some(0), "list", None), tool(3, Some(0), "get", None));
    let root = agent(0, None, "a");
    let nested = tool(4, Some(2), "list", None);
    assert_eq!(title(&[root.clone(), list.clone(), nested]), "list", "one call that two saw");
    assert_eq!(title(&[root.clone(), list.clone(), get.clone()]), "list and another tool call");
    let third = tool(5, Some(0), "get", None);
    assert_eq!(title(&[root.clone(), list.clone(), get, third]), "list and 2 more tool calls");
    assert_eq!(title(&[root.clone(), list.clone(), chat(1, Some(0))]), "", "a model was asked something");
    assert_eq!(title(std::slice::from_ref(&root)), "");
    assert_eq!(state([root, list]).summary(1, true, "what runs?").title, "what runs?");
}
