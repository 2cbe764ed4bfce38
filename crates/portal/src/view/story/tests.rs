use std::collections::HashMap;

use mizzen_model::id::SpanId;
use mizzen_model::message::{Message, Part, Speaker};
use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_telemetry::story::SpanContent;
use serde_json::{Value, json};

use super::{StoryEntry, StoryKind, scenes, tell};
use crate::view::sample::{id, step};

fn message(role: Speaker, parts: Vec<Part>) -> Message {
    Message { role, name: None, parts, finish_reason: None }
}

fn says(role: Speaker, text: &str) -> Message {
    message(role, vec![Part::Text { content: text.into() }])
}

fn calls(id: Option<&str>, name: &str, arguments: Value) -> Message {
    let part = Part::ToolCall { id: id.map(Into::into), name: name.into(), arguments };
    message(Speaker::Assistant, vec![part])
}

fn answers(id: Option<&str>, response: Value) -> Message {
    let part = Part::ToolCallResponse { id: id.map(Into::into), name: None, response };
    message(Speaker::Tool, vec![part])
}

fn content(input: Vec<Message>, output: Vec<Message>) -> SpanContent {
    SpanContent { input, output, ..SpanContent::default() }
}

fn story(told: Vec<(Step, SpanContent)>) -> Vec<StoryEntry> {
    let steps: Vec<Step> = told.iter().map(|(step, _)| step.clone()).collect();
    let contents: HashMap<SpanId, SpanContent> =
        told.into_iter().map(|(step, content)| (step.span_id, content)).collect();
    tell(&scenes(&steps, contents), Timestamp::default())
}

/// Each entry as `who: what`.
fn lines(entries: &[StoryEntry]) -> Vec<String> {
    entries.iter().map(line).collect()
}

fn line(entry: &StoryEntry) -> String {
    let text = |message: &Message| {
        let texts = message.parts.iter().filter_map(|part| match part {
            Part::Text { content } => Some(content.as_str()),
            Part::ToolCall { name, .. } => Some(name.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join(" ")
    };
    match entry.kind {
        StoryKind::Message => {
            let role = entry.role.map_or("?", Speaker::as_str);
            format!("{role}: {}", entry.message.as_ref().map(text).unwrap_or_default())
        }
        StoryKind::ToolCall => {
            let json = |value: &Option<Value>| value.as_ref().map_or("?".into(), Value::to_string);
            format!("{}({}) = {}", entry.tool.as_deref().unwrap_or("?"), json(&entry.arguments), json(&entry.result))
        }
        StoryKind::Agent => format!("agent {}", entry.agent.as_deref().unwrap_or("?")),
        StoryKind::Error => format!("error {}", entry.error_message.as_deref().unwrap_or("?")),
    }
}

#[test]
fn a_tool_that_is_called_while_the_answer_still_streams_is_told_after_it() {
    let asks = |id, name| calls(Some(id), name, json!({}));
    let tool = |at, id: &str, name: &str| Step {
        tool: Some(name.into()),
        tool_call_id: Some(id.into()),
        ..step(at, None, StepKind::ToolCall)
    };
    let told = story(vec![
        (
            Step { duration_ns: 20, ..step(10, None, StepKind::ModelCall) },
            content(vec![says(Speaker::User, "go")], vec![asks("c1", "get"), asks("c2", "read")]),
        ),
        (tool(15, "c1", "get"), SpanContent::default()),
        (tool(40, "c2", "read"), SpanContent::default()),
    ]);
    let told: Vec<(i64, String)> = told.iter().map(|entry| (entry.at_offset_ns, line(entry))).collect();
    let expected =
        [(10, "user: go"), (30, "assistant: get"), (30, "assistant: read"), (15, "get({}) = ?"), (40, "read({}) = ?")];
    assert_eq!(told, expected.map(|(at, line)| (at, line.to_owned())));
}

#[test]
fn a_conversation_is_told_once_although_every_call_repeats_it() {
    let question = says(Speaker::User, "list releases");
    let ask = calls(Some("c1"), "list", json!({"all": true}));
    let first = SpanContent { system: Some("be brief".into()), ..content(vec![question.clone()], vec![ask.clone()]) };
    let tool = SpanContent { tool_result: Some(json!({"n": 2})), ..SpanContent::default() };
    // The history carries arguments as text and drops the finish reason, as histories do.
    let history =
        vec![question, calls(Some("c1"), "list", json!("{\"all\":true}")), answers(Some("c1"), json!("{\"n\":2}"))];
    let second =
        SpanContent { system: Some("be brief".into()), ..content(history, vec![says(Speaker::Assistant, "two")]) };
    let told = story(vec![
        (
            Step { agent: Some("helm".into()), duration_ns: 90, ..step(1, None, StepKind::AgentCall) },
            content(vec![says(Speaker::User, "list releases")], vec![says(Speaker::Assistant, "two")]),
        ),
        (Step { duration_ns: 5, ..step(2, Some(1), StepKind::ModelCall) }, first),
        (
            Step {
                tool: Some("list".into()),
                tool_call_id: Some("c1".into()),
                ..step(10, Some(1), StepKind::ToolCall)
            },
            tool,
        ),
        (step(20, Some(1), StepKind::ModelCall), second),
    ]);
    assert_eq!(
        lines(&told),
        [
            "agent helm",
            "system: be brief",
            "user: list releases",
            "assistant: list",
            "list({\"all\":true}) = {\"n\":2}",
            "assistant: two",
        ]
    );
}

#[test]
fn the_same_words_said_twice_are_told_twice() {
    let yes = || says(Speaker::User, "yes");
    let more = || says(Speaker::Assistant, "more?");
    let told = story(vec![
        (step(1, None, StepKind::ModelCall), content(vec![yes()], vec![more()])),
        (step(5, None, StepKind::ModelCall), content(vec![yes(), more(), yes()], vec![more()])),
    ]);
    assert_eq!(lines(&told), ["user: yes", "assistant: more?", "user: yes", "assistant: more?"]);
}

#[test]
fn a_call_that_only_a_gateway_saw_gets_its_result_from_the_next_request() {
    let question = says(Speaker::User, "q");
    let asks = message(
        Speaker::Assistant,
        vec![
            Part::ToolCall { id: Some("a".into()), name: "add".into(), arguments: json!({"x": 1}) },
            Part::ToolCall { id: Some("b".into()), name: "add".into(), arguments: json!({"x": 2}) },
        ],
    );
    // Anthropic sends results as the user's message, in any order.
    let results = message(
        Speaker::User,
        vec![
            Part::ToolCallResponse { id: Some("b".into()), name: None, response: json!("two") },
            Part::ToolCallResponse { id: Some("a".into()), name: None, response: json!("one") },
        ],
    );
    let told = story(vec![
        (step(1, None, StepKind::ModelCall), content(vec![question.clone()], vec![asks.clone()])),
        (
            step(5, None, StepKind::ModelCall),
            content(vec![question, asks, results], vec![says(Speaker::Assistant, "done")]),
        ),
    ]);
    assert_eq!(
        lines(&told),
        ["user: q", "assistant: add add", "add({\"x\":1}) = \"one\"", "add({\"x\":2}) = \"two\"", "assistant: done",]
    );
    assert_eq!((told[2].duration_ns, told[2].outcome), (None, Outcome::Unset));
}

#[test]
fn calls_without_ids_are_joined_in_order() {
    let tool = |number: u8| Step { tool: Some("add".into()), ..step(number, None, StepKind::ToolCall) };
    let asks = [calls(None, "add", json!({"x": 1})), calls(None, "add", json!({"x": 2}))];
    let results = [answers(None, json!("one")), answers(None, json!("two"))];
    let told = story(vec![
        (step(1, None, StepKind::ModelCall), content(vec![], asks.to_vec())),
        (tool(5), SpanContent::default()),
        (tool(6), SpanContent::default()),
        (step(9, None, StepKind::ModelCall), content([asks, results].concat(), vec![])),
    ]);
    let tools: Vec<String> = lines(&told).into_iter().filter(|line| line.starts_with("add")).collect();
    assert_eq!(tools, ["add({\"x\":1}) = \"one\"", "add({\"x\":2}) = \"two\""]);
}

#[test]
fn a_twin_adds_its_content_and_no_second_entry() {
    let usage = Some(Usage { input_tokens: 3, ..Usage::default() });
    let gateway = Step { usage, model: Some("m".into()), ..step(2, None, StepKind::ModelCall) };
    let sdk = Step { counted_as: Some(id(2)), usage, ..step(1, None, StepKind::ModelCall) };
    let told = story(vec![
        (gateway, SpanContent::default()),
        (sdk, content(vec![says(Speaker::User, "q")], vec![says(Speaker::Assistant, "a")])),
    ]);
    assert_eq!(lines(&told), ["user: q", "assistant: a"]);
    assert_eq!((told[1].usage, told[1].model.as_deref(), told[1].span_id), (usage, Some("m"), id(2)));
}

#[test]
fn a_call_without_captured_content_still_shows_its_tokens() {
    let usage = Some(Usage { output_tokens: 8, ..Usage::default() });
    let told = story(vec![(Step { usage, ..step(1, None, StepKind::ModelCall) }, SpanContent::default())]);
    assert_eq!((told.len(), told[0].role, told[0].usage), (1, Some(Speaker::Assistant), usage));
    assert!(told[0].message.is_none());
}

#[test]
fn what_was_not_read_is_said_to_be_left_out_and_a_twin_that_was_read_stands_in() {
    let steps = [
        step(1, None, StepKind::ModelCall),
        step(2, None, StepKind::ToolCall),
        step(3, None, StepKind::ToolCall),
        Step { counted_as: Some(id(3)), ..step(4, None, StepKind::ToolCall) },
        step(5, None, StepKind::ModelCall),
    ];
    let read = |number| (id(number), SpanContent::default());
    let told = tell(&scenes(&steps, HashMap::from([read(1), read(4)])), Timestamp::default());
    assert_eq!(told.iter().map(|entry| entry.content_omitted).collect::<Vec<_>>(), [false, true, false, true]);
}

#[test]
fn what_was_not_read_is_filled_in_for_a_page() {
    let steps = [step(1, None, StepKind::ModelCall), step(2, None, StepKind::ToolCall)];
    let mut told = tell(&scenes(&steps, HashMap::new()), Timestamp::default());
    told[0].fill(&content(
        vec![says(Speaker::User, "q")],
        vec![says(Speaker::Assistant, "one"), says(Speaker::Assistant, "two")],
    ));
    assert!(told[1].content_omitted);
    told[1].fill(&SpanContent::default());
    assert!(told[1].content_omitted, "a twin may have it");
    let called =
        SpanContent { tool_arguments: Some(json!("{\"a\":1}")), tool_result: Some(json!(2)), ..SpanContent::default() };
    told[1].fill(&called);
    assert_eq!(lines(&told), ["assistant: one two", "step 2({\"a\":1}) = 2"]);
    assert!(told.iter().all(|entry| !entry.content_omitted));
}

#[test]
fn failures_are_told_where_they_happened() {
    let failed = |step: Step, text: &str| Step { outcome: Outcome::Error, error_message: Some(text.into()), ..step };
    let told = story(vec![
        (failed(step(1, None, StepKind::ModelCall), "429"), content(vec![says(Speaker::User, "q")], vec![])),
        (failed(step(4, None, StepKind::ToolCall), "no such file"), SpanContent::default()),
    ]);
    assert_eq!(lines(&told), ["user: q", "error 429", "step 4(?) = ?"]);
    assert_eq!(told[2].error_message.as_deref(), Some("no such file"));
    let group = story(vec![(failed(step(7, None, StepKind::Group), "gave up"), SpanContent::default())]);
    assert_eq!((lines(&group), group[0].tool.as_deref()), (vec!["error gave up".into()], Some("step 7")));
}

#[test]
fn results_of_an_earlier_run_are_told_as_they_came() {
    let told = story(vec![(
        step(1, None, StepKind::ModelCall),
        content(vec![says(Speaker::User, "q"), answers(Some("old"), json!("r"))], vec![says(Speaker::Assistant, "a")]),
    )]);
    assert_eq!(lines(&told), ["user: q", "tool: ", "assistant: a"]);
}

/// A conversation of two rounds with tools that was over before the call, and a question of the call's own.
fn two_rounds() -> Vec<Message> {
    vec![
        says(Speaker::User, "Q1"),
        calls(Some("k1"), "list", json!({"n": 1})),
        answers(Some("k1"), json!("R1")),
        calls(Some("k2"), "read", json!({"n": 2})),
        answers(Some("k2"), json!("R2")),
        says(Speaker::Assistant, "A2"),
        says(Speaker::User, "capital of France?"),
    ]
}

const TWO_ROUNDS: [&str; 8] = [
    "user: Q1",
    "assistant: list",
    "list({\"n\":1}) = \"R1\"",
    "assistant: read",
    "read({\"n\":2}) = \"R2\"",
    "assistant: A2",
    "user: capital of France?",
    "assistant: Paris",
];

#[test]
fn a_history_is_told_in_its_order_with_each_result_at_its_call_and_once() {
    let paris = says(Speaker::Assistant, "Paris");
    let next = [two_rounds(), vec![paris.clone(), says(Speaker::User, "of Spain?")]].concat();
    let told = story(vec![
        (step(1, None, StepKind::ModelCall), content(two_rounds(), vec![paris])),
        (step(5, None, StepKind::ModelCall), content(next, vec![says(Speaker::Assistant, "Madrid")])),
    ]);
    let expected = [&TWO_ROUNDS[..], &["user: of Spain?", "assistant: Madrid"]].concat();
    assert_eq!(lines(&told), expected);
    assert_eq!((told[2].duration_ns, told[2].outcome), (None, Outcome::Unset));
}

#[test]
fn a_history_that_only_an_agent_carries_is_told_in_its_order() {
    let told = story(vec![(
        step(1, None, StepKind::AgentCall),
        content(two_rounds(), vec![says(Speaker::Assistant, "Paris")]),
    )]);
    assert_eq!(lines(&told)[1..], TWO_ROUNDS);
}

#[test]
fn parallel_calls_of_a_history_get_their_results_in_any_order_and_a_stray_one_keeps_its_place() {
    let asks = [calls(Some("a"), "add", json!(1)), calls(Some("b"), "add", json!(2))];
    let asks = message(Speaker::Assistant, asks.into_iter().flat_map(|message| message.parts).collect());
    let stray = Part::ToolCallResponse { id: Some("z".into()), name: Some("old".into()), response: json!("gone") };
    let history = vec![
        message(Speaker::Tool, vec![stray]),
        says(Speaker::User, "q"),
        asks,
        answers(Some("b"), json!("two")),
        answers(Some("a"), json!("one")),
        says(Speaker::User, "and?"),
    ];
    let told = story(vec![(step(1, None, StepKind::ModelCall), content(history, vec![]))]);
    let expected = ["tool: ", "user: q", "assistant: add add", "add(1) = \"one\"", "add(2) = \"two\"", "user: and?"];
    assert_eq!(lines(&told)[..6], expected);
    assert_eq!(told[0].tool.as_deref(), Some("old"));
}

#[test]
fn an_id_that_is_used_again_gives_each_call_its_own_result() {
    let round = |n: u8| [calls(Some("call_0"), "list", json!(n)), answers(Some("call_0"), json!(10 * n))];
    let history = [round(1), round(2)].concat();
    let told = story(vec![(step(1, None, StepKind::ModelCall), content(history, vec![]))]);
    let tools: Vec<String> = lines(&told).into_iter().filter(|line| line.starts_with("list")).collect();
    assert_eq!(tools, ["list(1) = 10", "list(2) = 20"]);
}

#[test]
fn a_step_is_of_a_call_that_was_made_then_and_not_of_an_older_one_in_the_history() {
    let history = vec![calls(None, "list", json!("old")), answers(None, json!("R-old"))];
    let tool = |at| Step { tool: Some("list".into()), ..step(at, None, StepKind::ToolCall) };
    let later = [history.clone(), vec![calls(None, "list", json!("new")), answers(None, json!("R-new"))]].concat();
    let told = story(vec![
        (step(1, None, StepKind::ModelCall), content(history, vec![])),
        (tool(5), SpanContent::default()),
        // What the first call answered was not captured: its call is known from here.
        (step(9, None, StepKind::ModelCall), content(later, vec![])),
    ]);
    let tools: Vec<(i64, String)> = told
        .iter()
        .filter(|entry| entry.kind == StoryKind::ToolCall)
        .map(|entry| (entry.at_offset_ns, line(entry)))
        .collect();
    assert_eq!(tools, [(1, "list(\"old\") = \"R-old\"".into()), (5, "list(\"new\") = \"R-new\"".into())]);
}

#[test]
fn a_call_whose_message_came_back_changed_is_no_second_call() {
    let asks = calls(Some("c1"), "list", json!({}));
    let changed =
        message(Speaker::Assistant, [says(Speaker::Assistant, "let me see").parts, asks.parts.clone()].concat());
    let told = story(vec![
        (step(1, None, StepKind::ModelCall), content(vec![], vec![asks])),
        (step(5, None, StepKind::ModelCall), content(vec![changed, answers(Some("c1"), json!("R"))], vec![])),
    ]);
    let tools: Vec<String> = lines(&told).into_iter().filter(|line| line.starts_with("list(")).collect();
    assert_eq!(tools, ["list({}) = \"R\""]);
}
