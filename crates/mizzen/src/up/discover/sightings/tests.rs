use std::collections::{BTreeMap, BTreeSet};

use mizzen_catalog::observed::{Subject, SubjectKind};
use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::run::{JUDGE_CALLER, RunSummary};
use mizzen_model::step::{Outcome, Source, Step, StepKind};
use mizzen_model::time::Timestamp;

use super::{KnownTools, PAIRS_MAX, in_run, in_summary, server_in};
use crate::up::facts::runs::tests::run;

fn span(number: u8) -> SpanId {
    SpanId::from_bytes(&[number; 8]).unwrap()
}

fn step(number: u8, kind: StepKind, source: Source) -> Step {
    Step {
        run_id: "r".parse().unwrap(),
        trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
        span_id: span(number),
        parent_step: None,
        kind,
        name: String::new(),
        source,
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

fn model(number: u8, name: &str) -> Step {
    Step { model: Some(name.to_owned()), ..step(number, StepKind::ModelCall, Source::Gateway) }
}

fn tool(number: u8, name: &str, source: Source) -> Step {
    Step { tool: Some(name.to_owned()), ..step(number, StepKind::ToolCall, source) }
}

fn tools() -> KnownTools {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let servers = [("helm", named(&["list", "search"])), ("git", named(&["search"]))];
    KnownTools::new(servers.into_iter().map(|(server, tools)| (server.to_owned(), tools)).collect::<BTreeMap<_, _>>())
}

fn shown(run: &RunSummary, steps: &[Step]) -> Vec<(String, Option<String>, u64)> {
    let text = |subject: &Subject| format!("{:?} {}", subject.kind, subject.name);
    let seen = in_run(run, steps, &tools()).0;
    let observed = seen.iter().map(|seen| &seen.observation);
    observed.map(|seen| (text(&seen.subject), seen.uses.as_ref().map(text), seen.calls)).collect()
}

#[test]
fn a_run_shows_its_agent_and_what_it_used_each_call_once() {
    let run = run("r", Outcome::Ok);
    let twin = Step { counted_as: Some(span(1)), ..model(9, "gpt-4o") };
    let steps = [model(1, "gpt-4o"), model(2, "gpt-4o"), twin, tool(3, "list", Source::Gateway)];
    assert_eq!(
        shown(&run, &steps),
        [
            ("Agent helm".to_owned(), None, 1),
            ("Agent helm".to_owned(), Some("Model gpt-4o".to_owned()), 2),
            ("Agent helm".to_owned(), Some("Tool helm/list".to_owned()), 1),
        ]
    );
}

/// Nobody looks into such a run: what its summary says must be what its step would.
#[test]
fn a_run_that_is_one_call_of_a_model_shows_the_same_by_its_summary() {
    let call =
        |run: &RunSummary| Step { started_at: run.started_at, duration_ns: run.duration_ns, ..model(1, "gpt-4o") };
    let one = RunSummary { spans: 1, steps: 1, model_calls: 1, models: vec!["gpt-4o".into()], ..run("r", Outcome::Ok) };
    let by_caller = RunSummary { agent: None, caller: Some("nightly".to_owned()), ..one.clone() };
    let by_nobody = RunSummary { agent: None, ..one.clone() };
    for run in [&one, &by_caller, &by_nobody] {
        assert_eq!(in_summary(run), Some(in_run(run, &[call(run)], &tools()).0));
    }
    for more in [
        RunSummary { spans: 2, ..one.clone() },
        RunSummary { model_calls: 0, models: Vec::new(), ..one.clone() },
        RunSummary { steps: 2, models: vec!["a".into(), "b".into()], ..one },
    ] {
        assert_eq!(in_summary(&more), None);
    }
}

#[test]
fn a_key_without_an_agent_is_a_caller_and_nobody_is_nobody() {
    let mut run = RunSummary { agent: None, caller: Some("nightly".to_owned()), ..run("r", Outcome::Ok) };
    let by_gateway = RunSummary { agent: Some("mizzen".to_owned()), ..run.clone() };
    assert_eq!(shown(&by_gateway, &[]), [("Caller nightly".to_owned(), None, 1)], "the gateway's name is no agent's");
    let seen = shown(&run, &[model(1, "gpt-4o")]);
    assert_eq!(seen[1], ("Caller nightly".to_owned(), Some("Model gpt-4o".to_owned()), 1));
    for nobody in [None, Some(JUDGE_CALLER.to_owned())] {
        run.caller = nobody;
        assert!(shown(&run, &[model(1, "gpt-4o")]).is_empty());
    }
}

#[test]
fn an_agent_that_is_called_uses_what_its_own_steps_used() {
    let run = run("r", Outcome::Ok);
    let called = Step { agent: Some("planner".to_owned()), ..step(1, StepKind::AgentCall, Source::Sdk) };
    let by_it = Step { agent: Some("planner".to_owned()), parent_step: Some(span(1)), ..model(2, "claude") };
    let deeper = Step {
        agent: Some("writer".to_owned()),
        parent_step: Some(span(1)),
        ..step(3, StepKind::AgentCall, Source::Sdk)
    };
    let own = Step { agent: Some("helm".to_owned()), ..step(4, StepKind::AgentCall, Source::Sdk) };
    let seen = shown(&run, &[called, by_it, deeper, own]);
    assert!(seen.contains(&("Agent helm".to_owned(), Some("Agent planner".to_owned()), 1)), "{seen:?}");
    assert!(seen.contains(&("Agent planner".to_owned(), Some("Model claude".to_owned()), 1)));
    assert!(seen.contains(&("Agent planner".to_owned(), Some("Agent writer".to_owned()), 1)));
    assert!(!seen.iter().any(|(user, used, _)| used.as_ref() == Some(user)), "nobody calls itself: {seen:?}");
}

#[test]
fn the_server_of_a_tool_is_known_asked_for_or_left_out() {
    let run = run("r", Outcome::Ok);
    let steps = [
        tool(1, "search", Source::Gateway),
        tool(2, "git__search", Source::Sdk),
        tool(3, "list", Source::Sdk),
        tool(4, "unheard_of", Source::Gateway),
    ];
    let seen = in_run(&run, &steps, &tools()).0;
    let of = |name: &str| {
        seen.iter()
            .find(|seen| seen.observation.uses.as_ref().is_some_and(|used| used.name == name))
            .map(|seen| seen.asks_span)
    };
    assert_eq!(of("search"), Some(Some(span(1))), "two servers have it: the span is asked");
    assert_eq!((of("git/search"), of("list"), of("unheard_of")), (Some(None), Some(None), Some(None)));
    assert_eq!(server_in(r#"{"mizzen.tool.server":"git"}"#), Some("git".to_owned()));
    assert_eq!(server_in("{"), None);
}

#[test]
fn what_one_run_shows_is_bounded_and_the_rest_is_counted() {
    let run = run("r", Outcome::Ok);
    let steps: Vec<Step> = (0..PAIRS_MAX + 5).map(|at| model(1, &format!("m{at}"))).collect();
    let (seen, shed) = in_run(&run, &steps, &tools());
    assert_eq!((seen.len(), shed), (PAIRS_MAX, 6));
    assert!(seen.iter().all(|seen| seen.observation.subject.kind == SubjectKind::Agent));
}
