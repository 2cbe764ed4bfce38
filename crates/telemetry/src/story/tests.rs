use std::fmt::Write as _;
use std::path::PathBuf;

use mizzen_model::message::{Message, Part};
use mizzen_model::price::PriceTable;
use mizzen_model::step::StepKind;
use mizzen_model::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{content, title, title_of_log};
use crate::decode::{Encoding, decode_logs, decode_traces};
use crate::engine::runs::tests::question;
use crate::import;
use crate::normalise::{Limits, Normaliser};
use crate::origin::Origin;
use crate::row::{LogRow, Name, SpanRow};

const NOW: Timestamp = Timestamp::from_unix_nanos(1_800_000_000_000_000_000);

fn normaliser() -> Normaliser {
    Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default())
}

fn rows(body: &str) -> Vec<SpanRow> {
    let request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    normaliser().spans(&request, &Origin::unknown(NOW)).rows
}

fn line(out: &mut String, label: &str, message: &Message) {
    write!(out, "  {label} {}:", message.role).unwrap();
    for part in &message.parts {
        match part {
            Part::Text { content } => write!(out, " {content:?}"),
            Part::Reasoning { content } => write!(out, " thinks {content:?}"),
            Part::ToolCall { id, name, arguments } => {
                write!(out, " calls {name}{arguments} {}", id.as_deref().unwrap_or("-"))
            }
            Part::ToolCallResponse { id, response, .. } => {
                write!(out, " gets {response} {}", id.as_deref().unwrap_or("-"))
            }
            other => write!(out, " {other:?}"),
        }
        .unwrap();
    }
    if let Some(reason) = &message.finish_reason {
        write!(out, " ({reason})").unwrap();
    }
    out.push('\n');
}

fn story(rows: &[SpanRow], logs: &[LogRow]) -> String {
    let mut out = String::new();
    for row in rows {
        let found = content(row, logs);
        writeln!(out, "{} | title {:?}", row.head.name, title(row)).unwrap();
        if let Some(system) = &found.system {
            writeln!(out, "  system {system:?}").unwrap();
        }
        found.input.iter().for_each(|message| line(&mut out, "in ", message));
        found.output.iter().for_each(|message| line(&mut out, "out", message));
        let values =
            [("arguments", &found.tool_arguments), ("result", &found.tool_result), ("tools", &found.tool_definitions)];
        for (label, value) in values {
            if let Some(value) = value {
                writeln!(out, "  {label} {value}").unwrap();
            }
        }
    }
    out
}

macro_rules! dialects {
    ($($name:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            let body = include_str!(concat!("../../fixtures/dialects/", stringify!($name), ".json"));
            insta::assert_snapshot!(stringify!($name), story(&rows(body), &[]));
        }
    )+};
}

dialects! {
    adk, genai_current, genai_details_event, genai_legacy, genai_structured, langfuse, mcp, openai_agents_logfire,
    openinference, pydantic_ai, strands, traceloop, vercel_ai,
}

#[test]
fn content_in_log_records_is_found_by_the_span() {
    let span = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"chat","startTimeUnixNano":"5",
      "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}]}]}]}]}"#;
    let logs = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
      {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","eventName":"gen_ai.user.message","body":{"kvlistValue":{"values":[{"key":"content","value":{"stringValue":"hi"}}]}}},
      {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"0000000000000001","eventName":"gen_ai.user.message","body":{"kvlistValue":{"values":[{"key":"content","value":{"stringValue":"another span"}}]}}},
      {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","attributes":[{"key":"event.name","value":{"stringValue":"gen_ai.choice"}}],
        "body":{"kvlistValue":{"values":[{"key":"finish_reason","value":{"stringValue":"stop"}},{"key":"message","value":{"kvlistValue":{"values":[{"key":"content","value":{"stringValue":"hello"}}]}}}]}}}]}]}]}"#;
    let logs = decode_logs(logs.as_bytes(), Encoding::Json).unwrap();
    let logs = normaliser().logs(&logs, &Origin::unknown(NOW)).rows;
    assert_eq!(story(&rows(span), &logs), "chat | title None\n  in  user: \"hi\"\n  out assistant: \"hello\" (stop)\n");
}

fn row_with(attributes: &Value, step: StepKind) -> SpanRow {
    let mut row = rows(include_str!("../../fixtures/dialects/langfuse.json")).remove(2);
    row.head.step = Some(step);
    row.body.attributes = attributes.to_string();
    row
}

#[test]
fn titles_are_one_short_line() {
    let long = format!("  list\nall {}", "releases ".repeat(200));
    let row = row_with(&json!({ "input.value": long }), StepKind::AgentCall);
    let title = title(&row).unwrap();
    assert!(title.starts_with("list all releases"), "{title}");
    assert_eq!(title.chars().count(), 120);
    assert!(title.ends_with('…'));
}

#[test]
fn a_title_is_what_the_whole_conversation_would_give() {
    let said = |role: &str, text: &str| json!({ "role": role, "parts": [{ "type": "text", "content": text }] });
    let broken = r#"[{"role":"user","parts":[{"type":"text","content":"how full?"#;
    let conversations = [
        (
            json!([
                said("system", "be brief"),
                said("user", ""),
                said("user", "how \"full\"?"),
                said("user", "and now?")
            ]),
            true,
        ),
        (json!([said("assistant", "yes?"), said("tool", "42")]), false),
        (json!([{ "type": "text", "text": "one part of one message" }]), true),
        (json!([{ "type": "text", "text": "a part" }, said("user", "a message beside it")]), true),
        (json!({ "messages": [said("user", "inside")] }), true),
        (json!("plain words"), true),
        (json!(broken), true),
        (json!([]), false),
    ];
    for (conversation, is_titled) in conversations {
        let spelled = conversation.as_str().map_or_else(|| conversation.to_string(), str::to_owned);
        for value in [json!(spelled), conversation] {
            let row = row_with(&json!({ "gen_ai.input.messages": value }), StepKind::ModelCall);
            let found = title(&row);
            assert_eq!(found, super::asked(&super::Sources::read(&row, &[]), super::Question::Last), "{value}");
            assert_eq!(found.is_some(), is_titled, "{value}");
        }
    }
}

#[test]
fn a_call_asks_what_was_said_last_and_an_agent_what_was_said_first() {
    let said = |role: &str, text: &str| json!({ "role": role, "content": text });
    let history =
        json!([said("user", "how full?"), said("assistant", "half"), said("user", "and now?"), said("tool", "7")]);
    let prompts = |n: usize, text: &str| (format!("gen_ai.prompt.{n}.content"), json!(text));
    let flattened = Value::Object([prompts(0, "how full?"), prompts(1, "and now?")].into_iter().collect());
    for attributes in [json!({ "gen_ai.input.messages": history }), json!({ "input.value": history }), flattened] {
        let titled = |step| title(&row_with(&attributes, step));
        assert_eq!(titled(StepKind::ModelCall).as_deref(), Some("and now?"), "{attributes}");
        assert_eq!(titled(StepKind::AgentCall).as_deref(), Some("how full?"), "{attributes}");
    }
    let printed = "ChatMessage(role=<MessageRole.USER: 'user'>, additional_kwargs={}, blocks=[])";
    let row = row_with(&json!({ "input.value": json!({ "messages": [printed] }).to_string() }), StepKind::ModelCall);
    assert_eq!(title(&row), None, "no words of anybody");
}

#[test]
fn half_a_character_within_a_text_hides_no_conversation() {
    let messages = r#"[{"role":"user","content":"how full? \ud83d"}]"#;
    let row = row_with(&json!({ "gen_ai.input.messages": messages }), StepKind::ModelCall);
    assert_eq!(title(&row).as_deref(), Some("how full? \u{fffd}"));
    assert_eq!(content(&row, &[]).input.len(), 1);
}

#[test]
fn langchains_result_is_its_answers_and_a_failed_calls_is_none() {
    let answered = |generation: Value| {
        let result = json!({ "generations": [[generation]], "llm_output": null, "type": "LLMResult" });
        let told = json!({ "llm.output_messages.0.message.role": "assistant", "output.value": result.to_string() });
        content(&row_with(&told, StepKind::ModelCall), &[]).output
    };
    let chat = |text: &str| {
        let kwargs = json!({ "content": text, "type": "ai", "response_metadata": { "status_code": 400 } });
        json!({ "text": text, "type": "ChatGeneration", "message": { "lc": 1, "type": "constructor", "kwargs": kwargs } })
    };
    assert!(answered(chat("")).is_empty());
    assert_eq!(answered(chat("hello"))[0].parts, [Part::Text { content: "hello".into() }]);
    assert_eq!(answered(json!({ "text": "hi", "type": "Generation" }))[0].parts, [Part::Text { content: "hi".into() }]);
    assert_eq!(answered(json!({ "text": "hi", "message": null }))[0].parts, [Part::Text { content: "hi".into() }]);
    let calls = json!([{ "id": "c1", "type": "function", "function": { "name": "look", "arguments": r#"{"at":1}"# } }]);
    let given = json!({ "content": "", "type": "ai", "tool_calls": [], "additional_kwargs": { "tool_calls": calls } });
    let called = answered(json!({ "text": "", "message": { "type": "constructor", "kwargs": given } }));
    let call = Part::ToolCall { id: Some("c1".into()), name: "look".into(), arguments: json!({ "at": 1 }) };
    assert_eq!(called[0].parts, [call]);
    let other = json!({ "output.value": r#"{"generations":["x","y"]}"# });
    assert_eq!(content(&row_with(&other, StepKind::ModelCall), &[]).output.len(), 1, "of another kind");
}

#[test]
fn what_frameworks_wrap_around_a_tool_is_taken_off() {
    let told = |input: Value, output: Value| {
        let attributes = json!({ "input.value": input.to_string(), "output.value": output.to_string() });
        let found = content(&row_with(&attributes, StepKind::ToolCall), &[]);
        (found.tool_arguments.unwrap(), found.tool_result.unwrap())
    };
    let arguments = json!({ "a": 1 });
    let noted = |inputs: &Value| json!({ "input_str": "{'a': 1}", "tags": ["t"], "metadata": {}, "inputs": inputs, "kwargs": { "tool_call_id": "c1" } });
    let fields = json!({ "content": "3", "type": "tool", "name": "add", "tool_call_id": "c1" });
    let id = json!(["langchain", "schema", "messages", "ToolMessage"]);
    let constructor = json!({ "lc": 1, "type": "constructor", "id": id, "kwargs": fields });
    let traceloop = json!({ "output": constructor, "kwargs": { "tags": ["t"], "name": "add" } });
    assert_eq!(told(noted(&arguments), traceloop), (arguments.clone(), json!("3")));
    assert_eq!(told(noted(&Value::Null), constructor.clone()), (json!("{'a': 1}"), json!("3")));
    let openinference = json!({ "type": "tool", "data": fields });
    let llama_index =
        json!({ "blocks": [{ "text": "3" }], "tool_name": "add", "raw_input": {}, "raw_output": 3, "is_error": false });
    for output in [openinference, llama_index] {
        assert_eq!(told(json!({ "kwargs": arguments }), output), (arguments.clone(), json!("3")));
    }
    for result in [json!("[]"), json!(r#"["Oslo","Bergen"]"#)] {
        let fields = json!({ "content": result, "type": "tool" });
        assert_eq!(
            told(arguments.clone(), json!({ "type": "tool", "data": fields })).1.to_string(),
            result.as_str().unwrap()
        );
    }
    let stated = json!({ "gen_ai.tool.call.arguments": r#"{"kwargs":{"a":1}}"# });
    let stated = content(&row_with(&stated, StepKind::ToolCall), &[]).tool_arguments;
    assert_eq!(stated, Some(json!({ "kwargs": { "a": 1 } })), "a tool may call its parameter so");
    for other in [
        json!({ "kwargs": { "a": 1 }, "b": 2 }),
        json!({ "inputs": { "a": 1 }, "kwargs": {} }),
        json!({ "output": "3", "kwargs": {} }),
        json!({ "type": "tool", "data": fields, "more": 1 }),
        json!({ "blocks": [{ "text": "3" }] }),
    ] {
        assert_eq!(told(other.clone(), other.clone()), (other.clone(), other));
    }
}

#[test]
fn the_numbers_of_an_embedding_are_not_told() {
    let answer = |data: Value| {
        let told =
            json!({ "input.value": "Oslo", "output.value": json!({ "object": "list", "data": data }).to_string() });
        content(&row_with(&told, StepKind::ModelCall), &[])
    };
    let vectors = answer(json!([{ "object": "embedding", "index": 0, "embedding": [0.25, 0.5] }]));
    assert_eq!((vectors.input.len(), vectors.output.len()), (1, 0));
    assert_eq!(answer(json!([{ "name": "no vector" }])).output.len(), 1, "other data is");
    assert_eq!(answer(json!([{ "text": "Oslo", "embedding": [0.5] }])).output.len(), 1, "what is beside them too");
}

#[test]
fn what_a_retrieval_a_guardrail_and_a_human_got_and_gave_is_told() {
    let told = |attributes: Value, step| {
        let found = content(&row_with(&attributes, step), &[]);
        assert!(found.input.is_empty() && found.output.is_empty(), "told once");
        (found.tool_arguments.unwrap(), found.tool_result.unwrap())
    };
    let documents = json!([{ "id": "7", "score": 0.5 }]);
    let retrieval =
        json!({ "input.value": "{}", "gen_ai.retrieval.query.text": "how?", "gen_ai.retrieval.documents": documents });
    assert_eq!(told(retrieval, StepKind::Retrieval), (json!("how?"), documents.clone()));
    let memory =
        json!({ "gen_ai.memory.query.text": "likes", "gen_ai.memory.records": documents.to_string(), "output": "2" });
    assert_eq!(told(memory, StepKind::Retrieval), (json!("likes"), documents));
    for (query, family) in [("input.value", "retrieval.documents"), ("reranker.query", "reranker.output_documents")] {
        let listed = json!({
            query: "how?", format!("{family}.1.document.content"): "b", format!("{family}.0.document.content"): "a",
            format!("{family}.0.document.score"): 0.5, "reranker.input_documents.0.document.content": "c", "output.value": "a b",
        });
        let expected = (json!("how?"), json!([{ "content": "a", "score": 0.5 }, { "content": "b" }]));
        assert_eq!(told(listed, StepKind::Retrieval), expected);
    }
    for step in [StepKind::Guardrail, StepKind::Human] {
        let checked = json!({ "input.value": "is this fine?", "output.value": r#"{"pass":true}"# });
        assert_eq!(told(checked, step), (json!("is this fine?"), json!({ "pass": true })));
    }
    let messages = json!({ "gen_ai.input.messages": [{ "role": "user", "content": "is this fine?" }] });
    assert_eq!(content(&row_with(&messages, StepKind::Guardrail), &[]).input.len(), 1);
}

#[test]
fn tools_that_a_provider_runs_have_their_payload_under_their_own_name() {
    let parts = json!([
        { "type": "server_tool_call", "id": "c1", "name": "code", "server_tool_call": { "type": "code", "code": "1+1" } },
        { "type": "server_tool_call_response", "id": "c1", "server_tool_call_response": { "type": "code", "out": "2" } },
    ]);
    let answer = json!({ "gen_ai.output.messages": [{ "role": "assistant", "parts": parts }] });
    let found = content(&row_with(&answer, StepKind::ModelCall), &[]);
    let id = Some("c1".to_owned());
    let call =
        Part::ToolCall { id: id.clone(), name: "code".into(), arguments: json!({ "type": "code", "code": "1+1" }) };
    let response = Part::ToolCallResponse { id, name: None, response: json!({ "type": "code", "out": "2" }) };
    assert_eq!(found.output[0].parts, [call, response]);
}

#[test]
fn a_key_without_content_hides_none_that_has_some() {
    let message = json!([{ "role": "user", "parts": [], "content": "hi" }]);
    let found = content(&row_with(&json!({ "gen_ai.input.messages": message }), StepKind::ModelCall), &[]);
    assert_eq!(found.input[0].parts, [Part::Text { content: "hi".into() }]);
}

#[test]
fn a_log_record_says_what_was_asked() {
    let log = |name: &str, body: &Value, attributes: &Value| LogRow {
        event_name: Some(Name::from(name)),
        body: body.to_string(),
        attributes: attributes.to_string(),
        ..question("a", 0, "")
    };
    let asked = json!([{ "role": "system", "parts": [{ "type": "text", "content": "Be short." }] },
        { "role": "user", "parts": [{ "type": "text", "content": "how\nfull?" }] }]);
    let details = "gen_ai.client.inference.operation.details";
    let none = json!({});
    for asking in [
        log("gen_ai.user.message", &json!({ "content": "how full?" }), &none),
        log(details, &Value::Null, &json!({ "gen_ai.input.messages": asked })),
        log(details, &json!({ "gen_ai.input.messages": asked.to_string() }), &none),
    ] {
        assert_eq!(title_of_log(&asking).as_deref(), Some("how full?"), "{asking:?}");
    }
    for name in ["gen_ai.system.message", "gen_ai.tool.message", "gen_ai.choice", "app.message"] {
        assert_eq!(title_of_log(&log(name, &json!({ "content": "how full?" }), &none)), None, "{name}");
    }
}

#[test]
fn media_is_named_and_not_copied() {
    let message = json!([{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "https://example.org/a.png" } },
        { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AAAAAAAA" } },
        { "type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA" },
    ]}]);
    let found = content(&row_with(&json!({ "gen_ai.input.messages": message }), StepKind::ModelCall), &[]);
    let media = |modality: &str, mime: Option<&str>, uri: Option<&str>, bytes| Part::Media {
        modality: modality.into(),
        mime_type: mime.map(str::to_owned),
        uri: uri.map(str::to_owned),
        bytes,
    };
    let expected = [
        media("image", None, Some("https://example.org/a.png"), None),
        media("image", Some("image/png"), None, Some(6)),
        media("audio", Some("audio/wav"), None, Some(3)),
    ];
    assert_eq!(found.input[0].parts, expected);
}

/// The rows of a real trace of kagent, ADK and Traceloop together, when the shared data are there.
fn real_trace(name: &str) -> Option<Vec<SpanRow>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/agentevals").join(name);
    let Ok(file) = std::fs::read(&path) else {
        assert!(
            !std::env::vars().any(|(key, value)| key == "CI" && value == "true"),
            "`{}` is missing",
            path.display()
        );
        eprintln!("SKIPPED: `{}` is not there", path.display());
        return None;
    };
    let requests = import::read(&file).unwrap();
    let normaliser = normaliser();
    let parts = requests.iter().map(|request| normaliser.spans(request, &Origin::unknown(NOW)));
    Some(parts.inspect(|part| assert_eq!(part.rejected, 0, "{}", part.message)).flat_map(|part| part.rows).collect())
}

#[test]
fn the_helm_trace_tells_its_story() {
    let Some(rows) = real_trace("helm.json") else { return };
    assert_eq!(rows.len(), 96);
    let named = |name: &'static str| rows.iter().filter(move |row| &*row.head.name == name);
    let mut chats: Vec<&SpanRow> = named("openai.chat").collect();
    chats.sort_by_key(|row| row.head.started_at);
    for row in chats.iter().copied().chain(named("call_llm")) {
        assert_eq!(title(row).as_deref(), Some("list all Helm releases"), "{}", row.head.name);
        assert_eq!(row.head.step, Some(StepKind::ModelCall));
    }
    let calls =
        |row: &SpanRow| content(row, &[]).output.into_iter().flat_map(|message| message.parts).collect::<Vec<_>>();
    let called = |parts: &[Part]| {
        parts.iter().any(|part| matches!(part, Part::ToolCall { name, .. } if name == "helm_list_releases"))
    };
    assert!(called(&calls(chats[0])));
    let answered =
        |part: &Part| matches!(part, Part::Text { content } if content.starts_with("There are two Helm releases"));
    assert!(calls(chats[1]).iter().any(answered));
    let mut adk: Vec<&SpanRow> = named("call_llm").collect();
    adk.sort_by_key(|row| row.head.started_at);
    assert!(called(&calls(adk[0])) && calls(adk[1]).iter().any(answered));
    let tool = named("execute_tool helm_list_releases").next().unwrap();
    assert_eq!((tool.head.step, tool.head.tool.as_deref()), (Some(StepKind::ToolCall), Some("helm_list_releases")));
    let found = content(tool, &[]);
    assert_eq!(found.tool_arguments, Some(json!({})));
    assert!(found.tool_result.unwrap().to_string().contains("kagent-crds"));
}

#[test]
fn token_totals_of_the_real_traces_are_those_of_their_attributes() {
    for name in ["helm.json", "helm_2.json", "k8s.json"] {
        let Some(rows) = real_trace(name) else { return };
        let mut compared = 0;
        for row in &rows {
            let attributes: Value = serde_json::from_str(&row.body.attributes).unwrap();
            let stated = |keys: [&str; 2]| keys.iter().find_map(|key| attributes.get(*key)).and_then(Value::as_u64);
            let input = stated(["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]);
            let output = stated(["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"]);
            let usage = row.head.usage;
            assert_eq!(usage.map(|usage| usage.input_tokens), input, "{name} {}", row.head.name);
            assert_eq!(usage.map(|usage| usage.output_tokens), output, "{name} {}", row.head.name);
            compared += usize::from(usage.is_some());
        }
        assert!(compared >= 2, "{name}: {compared}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "role",
        "content",
        "parts",
        "type",
        "text",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "message",
        "messages",
        "function_call",
        "toolUse",
        "response",
        "result",
        "kwargs",
        "args",
        "image",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "user",
            "tool",
            "text",
            "tool_call",
            "tool_result",
            "image_url",
            "[{\"text\":1}]",
            "{"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn any_content_is_told_without_a_panic(
        value in any_json(),
        as_text: bool,
        key in prop::sample::select(vec![
            "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
            "gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response", "gen_ai.prompt.0.content", "gen_ai.prompt.99999999999999999999.x",
            "llm.input_messages.0.message.tool_calls.0", "ai.prompt.messages", "ai.response.toolCalls", "pydantic_ai.all_messages",
            "events", "input.value", "tool_arguments", "traceloop.entity.input", "retrieval.documents.0.document",
        ]),
        step in prop::sample::select(vec![StepKind::ModelCall, StepKind::ToolCall, StepKind::AgentCall, StepKind::Retrieval]),
    ) {
        let value = if as_text { Value::String(value.to_string()) } else { value };
        let mut row = row_with(&json!({ key: value.clone() }), step);
        row.body.events = json!([{ "name": "gen_ai.choice", "attributes": { "message": value } }, value]).to_string();
        let _ = (content(&row, &[]), title(&row));
        row.body.attributes = value.to_string();
        row.body.events = value.to_string();
        let _ = (content(&row, &[]), title(&row));
    }
}
