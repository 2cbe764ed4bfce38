//! Where each dialect keeps a conversation. The first dialect that has an input, and the first that has an
//! output, are taken: instrumentations that write two dialects say the same twice.

use mizzen_model::message::{Message, Part, Speaker};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::indexed;
use super::message::{content_parts, is_message, message, messages, speaker_of};
use super::sources::{Attributes, EventSource, Sources, parsed, read};
use super::{DETAILS_EVENT, Question};

#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) system: Vec<String>,
    pub(super) input: Vec<Message>,
    pub(super) output: Vec<Message>,
}

const INPUT_MESSAGES: &str = "gen_ai.input.messages";

type Dialect = fn(&Sources) -> Conversation;

const DIALECTS: &[Dialect] =
    &[genai, details_events, adk, traceloop, openinference, vercel, message_events, pydantic_agent, plain_values];

pub(super) fn conversation(sources: &Sources) -> Conversation {
    let mut found = Conversation::default();
    for dialect in DIALECTS {
        if !found.input.is_empty() && !found.output.is_empty() {
            break;
        }
        let Conversation { system, input, output } = dialect(sources);
        if found.system.is_empty() {
            found.system = system;
        }
        if found.input.is_empty() {
            found.input = input;
        }
        if found.output.is_empty() {
            found.output = output;
        }
    }
    found
}

/// GenAI 1.37 and later, on the span.
fn genai(sources: &Sources) -> Conversation {
    let list = |key: &str, speaker| sources.structured(key).map_or_else(Vec::new, |value| messages(&value, speaker));
    Conversation {
        system: sources.structured("gen_ai.system_instructions").map_or_else(Vec::new, |value| instructions(&value)),
        input: list(INPUT_MESSAGES, Speaker::User),
        output: list("gen_ai.output.messages", Speaker::Assistant),
    }
}

/// What a user asked in a conversation as [`genai`] reads it, without the messages between: conversations are long, and
/// titles are wanted while spans come in. `None` where it takes all of them to know.
pub(super) fn question(attributes: &Attributes, which: Question) -> Option<String> {
    let list = attributes.spelled(INPUT_MESSAGES)?;
    let items: Vec<&RawValue> = serde_json::from_str(&list).ok()?;
    let mut items = items.into_iter().filter_map(|item| read(item.get()));
    let first = items.next().filter(is_message)?;
    which.of([first].into_iter().chain(items).filter_map(|item| message(&item, Speaker::User)))
}

/// The same on an event of the span or of the log; Strands writes several that add up.
fn details_events(sources: &Sources) -> Conversation {
    let list = |field: &'static str, speaker| {
        sources.event_fields(DETAILS_EVENT, field).flat_map(|value| messages(&value, speaker)).collect()
    };
    Conversation {
        system: sources
            .event_fields(DETAILS_EVENT, "gen_ai.system_instructions")
            .flat_map(|value| instructions(&value))
            .collect(),
        input: list(INPUT_MESSAGES, Speaker::User),
        output: list("gen_ai.output.messages", Speaker::Assistant),
    }
}

fn instructions(value: &Value) -> Vec<String> {
    let parts = match value {
        Value::Object(map) if map.contains_key("parts") => content_parts(&map["parts"]),
        other => content_parts(other),
    };
    let texts = parts.into_iter().map(|part| match part {
        Part::Text { content } | Part::Reasoning { content } => content,
        other => serde_json::to_string(&other).unwrap_or_default(),
    });
    texts.collect()
}

/// Google's ADK keeps Gemini's request and response as JSON text.
fn adk(sources: &Sources) -> Conversation {
    let mut found = Conversation::default();
    if let Some(request) = sources.structured("gcp.vertex.agent.llm_request") {
        if let Some(system) = request.pointer("/config/system_instruction") {
            found.system = instructions(system);
        }
        if let Some(Value::Array(contents)) = request.get("contents") {
            found.input =
                contents.iter().filter_map(|content| message(content, Speaker::User)).map(tool_turn).collect();
        }
    }
    if let Some(Value::Object(response)) = sources.structured("gcp.vertex.agent.llm_response")
        && let Some(mut answer) = response.get("content").and_then(|content| message(content, Speaker::Assistant))
    {
        answer.finish_reason = response.get("finish_reason").and_then(Value::as_str).map(str::to_ascii_lowercase);
        found.output.push(answer);
    }
    found
}

/// Gemini and Anthropic hand tool results back in the user's name.
fn tool_turn(mut message: Message) -> Message {
    let is_response = |part: &Part| matches!(part, Part::ToolCallResponse { .. });
    if message.role == Speaker::User && message.parts.iter().all(is_response) {
        message.role = Speaker::Tool;
    }
    message
}

fn traceloop(sources: &Sources) -> Conversation {
    let list = |prefix: &str, speaker| {
        let items = indexed::list(&sources.attributes, prefix);
        items.iter().filter_map(|item| message(item, speaker)).map(tool_turn).collect()
    };
    Conversation {
        system: Vec::new(),
        input: list("gen_ai.prompt.", Speaker::User),
        output: list("gen_ai.completion.", Speaker::Assistant),
    }
}

fn openinference(sources: &Sources) -> Conversation {
    let list = |prefix: &str, speaker| {
        let items = indexed::list(&sources.attributes, prefix);
        items.iter().filter_map(|item| message(item, speaker)).map(tool_turn).collect()
    };
    Conversation {
        system: Vec::new(),
        input: list("llm.input_messages.", Speaker::User),
        output: list("llm.output_messages.", Speaker::Assistant),
    }
}

/// The AI SDK: messages on the inner call, a prompt on the outer one.
fn vercel(sources: &Sources) -> Conversation {
    let mut found = Conversation::default();
    if let Some(prompt) = sources.first(&["ai.prompt.messages", "ai.prompt"]) {
        if let Some(Value::String(system)) = prompt.get("system") {
            found.system.push(system.clone());
        }
        let inner = prompt.get("prompt").or_else(|| prompt.get("messages")).unwrap_or(&prompt);
        found.input = messages(inner, Speaker::User);
    }
    let mut parts = Vec::new();
    if let Some(content) = sources.attributes.text("ai.response.reasoning") {
        parts.push(Part::Reasoning { content });
    }
    if let Some(content) = sources.attributes.text("ai.response.text").filter(|text| !text.is_empty()) {
        parts.push(Part::Text { content });
    }
    if let Some(calls) = sources.structured("ai.response.toolCalls") {
        let calls = serde_json::json!({ "role": "assistant", "tool_calls": calls });
        parts.extend(message(&calls, Speaker::Assistant).into_iter().flat_map(|message| message.parts));
    }
    if !parts.is_empty() {
        let finish_reason = sources.attributes.text("ai.response.finishReason");
        found.output.push(Message { role: Speaker::Assistant, name: None, parts, finish_reason });
    }
    found
}

/// GenAI up to 1.36: one event a message, on the span or in the log.
fn message_events(sources: &Sources) -> Conversation {
    let mut found = Conversation::default();
    for event in &sources.events {
        match event.name.as_str() {
            "gen_ai.choice" => found.output.extend(choice(event)),
            "gen_ai.content.completion" => found.output.extend(whole(event, "gen_ai.completion", Speaker::Assistant)),
            "gen_ai.content.prompt" => found.input.extend(whole(event, "gen_ai.prompt", Speaker::User)),
            name => {
                let role = name.strip_prefix("gen_ai.").and_then(|rest| rest.strip_suffix(".message"));
                if let Some(role) = role.and_then(speaker_of) {
                    found.input.extend(event_message(event, role));
                }
            }
        }
    }
    found
}

fn event_message(event: &EventSource, role: Speaker) -> Option<Message> {
    let mut fields = body(event);
    // The name of the event says more than a role inside: Strands keeps `user` for tool results.
    fields.insert("role".to_owned(), Value::from(role.as_str()));
    message(&Value::Object(fields), role)
}

fn choice(event: &EventSource) -> Option<Message> {
    let fields = body(event);
    let inner = fields.get("message").map(parsed).unwrap_or_else(|| Value::Object(fields.clone()));
    let mut answer = messages(&inner, Speaker::Assistant).into_iter().next()?;
    answer.finish_reason =
        answer.finish_reason.or_else(|| fields.get("finish_reason").and_then(Value::as_str).map(str::to_owned));
    Some(answer)
}

/// The fields of an event; Azure puts the whole body into `gen_ai.event.content`.
fn body(event: &EventSource) -> Map<String, Value> {
    match event.fields.get("gen_ai.event.content").map(parsed) {
        Some(Value::Object(body)) => body,
        _ => event.fields.clone(),
    }
}

fn whole(event: &EventSource, field: &str, speaker: Speaker) -> Vec<Message> {
    event.fields.get(field).map_or_else(Vec::new, |value| messages(&parsed(value), speaker))
}

/// pydantic-ai's agent span has the whole conversation; what was said last is the answer.
fn pydantic_agent(sources: &Sources) -> Conversation {
    let mut found = Conversation::default();
    if let Some(all) = sources.structured("pydantic_ai.all_messages") {
        found.input = messages(&all, Speaker::User);
        if found.input.last().is_some_and(|message| message.role == Speaker::Assistant) {
            found.output.extend(found.input.pop());
        }
    }
    if found.output.is_empty()
        && let Some(result) = sources.structured("final_result")
    {
        found.output = messages(&result, Speaker::Assistant);
    }
    found
}

/// Inputs and outputs of no particular form, as wrappers and chains have them.
fn plain_values(sources: &Sources) -> Conversation {
    const INPUTS: &[&str] = &[
        "input.value",
        "langfuse.observation.input",
        "traceloop.entity.input",
        "mlflow.spanInputs",
        "gen_ai.prompt",
        "request_data",
        "input",
    ];
    const OUTPUTS: &[&str] = &[
        "output.value",
        "langfuse.observation.output",
        "traceloop.entity.output",
        "mlflow.spanOutputs",
        "gen_ai.completion",
        "response_data",
        "output",
    ];
    let list = |keys, speaker| {
        let value = sources.first(keys).map(unwrapped).filter(|value| !is_embeddings(value));
        value.map_or_else(Vec::new, |value| messages(&value, speaker))
    };
    Conversation { system: Vec::new(), input: list(INPUTS, Speaker::User), output: list(OUTPUTS, Speaker::Assistant) }
}

/// What an embedding call answers, of which nothing is for people.
fn is_embeddings(value: &Value) -> bool {
    let items = value.get("data").and_then(Value::as_array);
    let is_vector = |item: &Value| {
        let fields = item.as_object().filter(|fields| fields.contains_key("embedding"));
        fields.is_some_and(|fields| fields.keys().all(|key| matches!(key.as_str(), "object" | "index" | "embedding")))
    };
    items.is_some_and(|items| !items.is_empty() && items.iter().all(is_vector))
}

/// Traceloop keeps the call of the decorated function: `{"args": ["…"], "kwargs": {}}`.
pub(super) fn unwrapped(value: Value) -> Value {
    let Value::Object(map) = &value else { return value };
    match (map.get("args"), map.get("kwargs")) {
        (Some(Value::Array(args)), Some(Value::Object(kwargs))) if kwargs.is_empty() && args.len() == 1 => {
            args[0].clone()
        }
        (Some(Value::Array(args)), Some(kwargs)) if args.is_empty() => kwargs.clone(),
        _ => value,
    }
}

/// The tools that the model was offered.
pub(super) fn tool_definitions(sources: &Sources) -> Option<Value> {
    let stated = sources.first(&["gen_ai.tool.definitions", "ai.prompt.tools"]);
    let stated = stated.or_else(|| sources.event_fields(DETAILS_EVENT, "gen_ai.tool.definitions").next());
    if let Some(Value::Array(items)) = stated {
        return Some(Value::Array(items.iter().map(parsed).collect()));
    }
    let adk = || sources.structured("gcp.vertex.agent.llm_request")?.pointer("/config/tools").cloned();
    let listed = |prefix| {
        let items = indexed::list(&sources.attributes, prefix);
        let schema = |item: &Value| item.pointer("/tool/json_schema").map_or_else(|| item.clone(), parsed);
        (!items.is_empty()).then(|| Value::Array(items.iter().map(schema).collect()))
    };
    stated.or_else(adk).or_else(|| listed("llm.request.functions.")).or_else(|| listed("llm.tools."))
}
