use std::path::Path;

use mizzen_model::refusal::RefusalCode;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use serde_json::{Value, json};

use super::{Grouping, TraceReader, Trial, trials};

/// A span of a trace, for documents in OTLP JSON.
struct Span {
    trace: u8,
    id: u8,
    parent: Option<u8>,
    name: &'static str,
    start: u64,
    end: u64,
    attributes: Value,
    failed: bool,
}

fn span(id: u8, parent: Option<u8>, name: &'static str, attributes: Value) -> Span {
    let start = u64::from(id) * 10;
    Span { trace: 1, id, parent, name, start, end: start + 5, attributes, failed: false }
}

fn agent(id: u8, attributes: Value) -> Span {
    let mut all = json!({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a" });
    all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    Span { end: 2_000, ..span(id, None, "invoke_agent a", all) }
}

fn chat(id: u8, parent: Option<u8>, input: Value, output: Value) -> Span {
    let attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.id": format!("resp-{id}"),
        "gen_ai.input.messages": input.to_string(), "gen_ai.output.messages": output.to_string(),
    });
    span(id, parent, "chat m", attributes)
}

fn tool(id: u8, parent: Option<u8>, name: &str, more: Value) -> Span {
    let mut attributes = json!({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name });
    attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    span(id, parent, "execute_tool", attributes)
}

fn says(role: &str, text: &str) -> Value {
    json!({ "role": role, "parts": [{ "type": "text", "content": text }] })
}

fn asks(id: Option<&str>, name: &str, arguments: Value) -> Value {
    json!({ "role": "assistant", "parts": [{ "type": "tool_call", "id": id, "name": name, "arguments": arguments }] })
}

fn answers(id: Option<&str>, response: &str) -> Value {
    json!({ "role": "tool", "parts": [{ "type": "tool_call_response", "id": id, "response": response }] })
}

fn document(spans: &[Span]) -> Value {
    let told: Vec<Value> = spans
        .iter()
        .map(|span| {
            let attributes: Vec<Value> = span.attributes.as_object().unwrap().iter()
                .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value.as_str().unwrap() } }))
                .collect();
            json!({
                "traceId": format!("{:032x}", span.trace), "spanId": format!("{:016x}", span.id),
                "parentSpanId": span.parent.map_or_else(String::new, |id| format!("{id:016x}")), "name": span.name, "kind": 1,
                "startTimeUnixNano": (1_000_000 + span.start * 1_000).to_string(),
                "endTimeUnixNano": (1_000_000 + span.end * 1_000).to_string(),
                "attributes": attributes, "status": { "code": if span.failed { 2 } else { 1 } },
            })
        })
        .collect();
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": told }] }] })
}

fn reader() -> TraceReader {
    TraceReader::new(Timestamp::from_unix_nanos(10_000_000)).unwrap()
}

fn read(spans: &[Span]) -> Vec<Trial> {
    reader().read(document(spans).to_string().as_bytes()).unwrap()
}

fn only(spans: &[Span]) -> Trial {
    let [trial] = <[Trial; 1]>::try_from(read(spans)).unwrap();
    trial
}

/// Turns as text: what was said, which tools were called with what and gave what, what was answered.
fn told(trial: &Trial) -> Vec<String> {
    let call = |call: &super::ToolCall| {
        let result = call.result.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
        format!("{}({})={result}", call.name, call.arguments)
    };
    let turn = |turn: &super::Turn| {
        let calls: Vec<String> = turn.tool_calls.iter().map(call).collect();
        format!("{} [{}] {}", turn.user, calls.join(" "), turn.response.as_deref().unwrap_or("-"))
    };
    trial.turns.iter().map(turn).collect()
}

#[test]
fn a_call_is_told_once_though_it_is_seen_three_times() {
    let question = says("user", "how many?");
    let asked = asks(Some("c1"), "count", json!({"what": "pods"}));
    let trial = only(&[
        agent(1, json!({})),
        chat(2, Some(1), json!([question]), json!([asked])),
        tool(3, Some(1), "count", json!({ "gen_ai.tool.call.id": "c1" })),
        chat(4, Some(1), json!([question, asked, answers(Some("c1"), "3")]), json!([says("assistant", "three")])),
    ]);
    assert_eq!(told(&trial), [r#"how many? [count({"what":"pods"})="3"] three"#]);
    assert_eq!((trial.agent.as_deref(), trial.outcome, trial.revision), (Some("a"), Outcome::Ok, 1));
    assert_eq!(
        (trial.counters.model_calls, trial.counters.tool_calls, trial.counters.retries),
        (Some(2), Some(1), Some(0))
    );
    assert_eq!((trial.counters.input_tokens, trial.counters.cost_usd), (None, None), "not reported is not zero");
    assert_eq!(trial.sources, [Source::Sdk]);
}

#[test]
fn what_was_only_asked_for_stands_where_it_was_asked_for() {
    let asked: Vec<Value> = ["a", "b", "c"].iter().map(|name| asks(None, name, json!({}))).collect();
    let trial = only(&[
        agent(1, json!({})),
        chat(2, Some(1), json!([says("user", "q")]), json!(asked)),
        tool(3, Some(1), "a", json!({})),
        tool(4, Some(1), "c", json!({})),
        chat(
            5,
            Some(1),
            json!([says("user", "q"), answers(None, "ra"), answers(None, "rb")]),
            json!([says("assistant", "x")]),
        ),
    ]);
    assert_eq!(told(&trial), [r#"q [a(null)="ra" b({})="rb" c(null)=?] x"#].map(|line| line.replace("null", "{}")));
}

#[test]
fn an_mcp_span_below_a_tool_span_is_the_same_call() {
    let trial = only(&[
        agent(1, json!({})),
        Span {
            end: 90,
            ..tool(
                2,
                Some(1),
                "count",
                json!({ "gen_ai.tool.call.id": "model-1", "gen_ai.tool.call.arguments": "{\"n\":1}" }),
            )
        },
        tool(3, Some(2), "count", json!({ "gen_ai.tool.call.id": "rpc-9", "gen_ai.tool.call.result": "three" })),
    ]);
    assert_eq!(trial.turns[0].tool_calls.len(), 1);
    assert_eq!(trial.turns[0].tool_calls[0].arguments, json!({"n": 1}));
}

#[test]
fn every_agent_call_at_the_top_is_a_turn_and_delegates_are_not() {
    let said = |text: &str| json!({ "gen_ai.input.messages": json!([says("user", text)]).to_string() });
    let trial = only(&[
        Span { end: 3_000, ..span(1, None, "POST /", json!({})) },
        Span { parent: Some(1), end: 50, ..agent(2, said("first")) },
        Span { end: 45, ..tool(3, Some(2), "delegate", json!({})) },
        Span { parent: Some(3), end: 44, ..agent(4, said("do this")) },
        chat(4 + 1, Some(4), json!([says("user", "do this")]), json!([says("assistant", "sub answer")])),
        Span { parent: Some(1), ..agent(60, said("second")) },
        chat(70, Some(60), json!([says("user", "second")]), json!([says("assistant", "done")])),
    ]);
    let users: Vec<&str> = trial.turns.iter().map(|turn| turn.user.as_str()).collect();
    assert_eq!(users, ["first", "second"]);
    assert_eq!(trial.turns[0].tool_calls[0].name, "delegate");
}

#[test]
fn what_a_gateway_sees_call_by_call_is_one_turn_until_the_user_speaks_again() {
    let q = says("user", "q");
    let asked = asks(Some("c"), "t", json!({}));
    let run = |span: Span, trace: u8| {
        let mut attributes = span.attributes;
        attributes["mizzen.run.id"] = json!("run-x");
        Span { trace, attributes, ..span }
    };
    let next = says("user", "and then?");
    let trial = only(&[
        run(chat(1, None, json!([q]), json!([asked])), 1),
        run(tool(2, None, "t", json!({ "gen_ai.tool.call.result": "from the tool gateway" })), 2),
        run(chat(3, None, json!([q, asked, answers(Some("c"), "r")]), json!([says("assistant", "a")])), 3),
        run(
            chat(
                4,
                None,
                json!([q, asked, answers(Some("c"), "r"), says("assistant", "a"), next]),
                json!([says("assistant", "b")]),
            ),
            4,
        ),
    ]);
    assert_eq!(told(&trial), [r#"q [t({})="from the tool gateway"] a"#, "and then? [] b"]);
}

#[test]
fn a_trial_may_name_its_case() {
    let named = |key: &str| {
        only(&[agent(1, json!({ key: "case-7" })), chat(2, Some(1), json!([says("user", "q")]), json!([]))])
    };
    for key in ["mizzen.evaluation.case", "agentevals.eval.case.id"] {
        assert_eq!(named(key).case.as_deref(), Some("case-7"));
    }
    assert_eq!(named("other.key").case, None);
}

#[test]
fn failures_and_repeats_are_counted() {
    let failed = |span: Span, error: &str| {
        let mut attributes = span.attributes;
        attributes["error.type"] = json!(error);
        Span { failed: true, attributes, ..span }
    };
    let arguments = json!({ "gen_ai.tool.call.arguments": "{\"a\":1}" });
    let trial = only(&[
        agent(1, json!({})),
        failed(tool(2, Some(1), "t", arguments.clone()), "timeout"),
        tool(3, Some(1), "t", arguments.clone()),
        failed(tool(4, Some(1), "u", json!({})), "permission_denied"),
        failed(chat(5, Some(1), json!([says("user", "q")]), json!([])), "429"),
        chat(6, Some(1), json!([says("user", "q")]), json!([says("assistant", "a")])),
    ]);
    let counters = &trial.counters;
    assert_eq!((counters.errors, counters.retries, counters.denied_actions), (Some(3), Some(2), Some(1)));
}

#[test]
fn a_call_that_only_a_model_asked_for_is_counted_as_it_is_told() {
    let question = says("user", "weather in Oslo");
    let asked = asks(Some("c1"), "get_weather", json!({ "city": "Oslo" }));
    let trial = only(&[chat(1, None, json!([question]), json!([asked]))]);
    assert_eq!((trial.tool_calls().count(), trial.counters.tool_calls), (1, Some(1)));
}

#[test]
fn what_mizzen_refused_is_a_denied_action_unless_nobody_said_no() {
    let denied = |code: &str| {
        let attributes = json!({ "error.type": code });
        only(&[Span { failed: true, ..tool(1, None, "pay", attributes) }]).counters.denied_actions
    };
    for code in RefusalCode::ALL {
        assert_eq!(denied(code.as_str()), Some(u64::from(code.is_denial())), "{code}");
    }
    for code in ["evidence_missing", "approval_denied", "secret_found", "budget_exhausted"] {
        assert_eq!(denied(code), Some(1), "{code}");
    }
    assert_eq!((denied("rate_limited"), denied("timeout")), (Some(0), Some(0)));
}

#[test]
fn sessions_are_one_trial_when_asked() {
    let run = |trace: u8, user: &str| {
        let attributes =
            json!({ "gen_ai.conversation.id": "s", "gen_ai.input.messages": json!([says("user", user)]).to_string() });
        Span { trace, start: u64::from(trace) * 100, end: u64::from(trace) * 100 + 50, ..agent(trace, attributes) }
    };
    // The later run comes first in the file.
    let file = document(&[run(5, "second"), run(4, "first")]).to_string();
    assert_eq!(reader().read(file.as_bytes()).unwrap().len(), 2);
    let joined = trials(reader().rows(file.as_bytes()).unwrap(), Grouping::Session);
    assert_eq!(told(&joined[0]), ["first [] -", "second [] -"]);
    assert_eq!((joined.len(), joined[0].run_id.as_str()), (1, format!("{:032x}", 4).as_str()));
}

#[test]
fn depth_and_cycles_cost_no_stack() {
    let mut spans: Vec<Span> = (2..=255).map(|id| span(id, Some(id - 1), "deep", json!({}))).collect();
    spans
        .push(Span { parent: Some(255), ..chat(1, None, json!([says("user", "q")]), json!([says("assistant", "a")])) });
    assert_eq!(told(&only(&spans)), ["q [] a"], "every span has a parent");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "tests have no configuration; the command that starts them sets this")]
fn the_public_samples_read_as_what_happened() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/agentevals");
    if !folder.is_dir() {
        let ci = std::env::var("CI");
        assert_ne!(ci.as_deref(), Ok("true"), "`{}` is not there, and in CI nothing may be skipped", folder.display());
        eprintln!("SKIPPED: `{}` is not there, so this test did not run", folder.display());
        return;
    }
    let turns = |file: &str| {
        let content = std::fs::read(folder.join(file)).unwrap();
        let trials = TraceReader::new(Timestamp::from_unix_nanos(i64::MAX)).unwrap().read(&content).unwrap();
        let [trial] = <[Trial; 1]>::try_from(trials).unwrap();
        let turn = |turn: &super::Turn| {
            (
                turn.user.clone(),
                turn.tool_calls.iter().map(|c| c.name.clone()).collect::<Vec<_>>(),
                turn.response.is_some(),
            )
        };
        trial.turns.iter().map(turn).collect::<Vec<_>>()
    };
    let asked = "list all Helm releases".to_owned();
    assert_eq!(turns("helm.json"), [(asked.clone(), vec!["helm_list_releases".to_owned()], true)]);
    assert_eq!(turns("k8s.json"), [(asked, vec![], true)]);
}
