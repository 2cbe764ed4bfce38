//! What a tool was given and what it gave back; so with a retrieval, a guardrail and a human.

use mizzen_model::message::{Part, Speaker};
use serde_json::Value;

use super::DETAILS_EVENT;
use super::dialect::unwrapped;
use super::indexed;
use super::langchain;
use super::message::{content_parts, messages};
use super::sources::{Sources, parsed};

/// Arguments as the tool got them.
const STATED: &[&str] = &[
    "gen_ai.retrieval.query.text",
    "gen_ai.memory.query.text",
    "reranker.query",
    "gen_ai.tool.call.arguments",
    "gcp.vertex.agent.tool_call_args",
    "tool_arguments",
    "ai.toolCall.args",
];

const INPUT_VALUE: &str = "input.value";

/// Arguments among what a framework noted of the call.
const NOTED: &[&str] =
    &["traceloop.entity.input", "langfuse.observation.input", "mlflow.spanInputs", "tool.parameters", "input"];

const RESULTS: &[&str] = &[
    "gen_ai.retrieval.documents",
    "gen_ai.memory.records",
    "gen_ai.tool.call.result",
    "gcp.vertex.agent.tool_response",
    "tool_response",
    "ai.toolCall.result",
    "output.value",
    "traceloop.entity.output",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "output",
];

/// OpenInference's lists of documents; it may repeat them as text in `output.value`.
const DOCUMENTS: &[&str] = &["reranker.output_documents.", "retrieval.documents."];

/// The arguments of the call, as JSON when they are.
pub(super) fn arguments(sources: &Sources) -> Option<Value> {
    let noted = || sources.first(&[INPUT_VALUE]).map(llama_index_arguments);
    let stated = sources.first(STATED).or_else(noted).or_else(|| sources.first(NOTED));
    let stated = stated.map(unwrapped).map(langchain::arguments);
    let in_message = || sources.event_fields("gen_ai.tool.message", "content").next();
    let in_details = || {
        detail_parts(sources, "gen_ai.input.messages", Speaker::Tool).find_map(|part| match part {
            Part::ToolCall { arguments, .. } => Some(arguments),
            _ => None,
        })
    };
    stated.or_else(in_message).or_else(in_details)
}

/// The result of the call, as JSON when it is.
pub(super) fn result(sources: &Sources) -> Option<Value> {
    let in_choice = || sources.event_fields("gen_ai.choice", "message").next().map(|value| text_or(&value));
    let in_details = || {
        detail_parts(sources, "gen_ai.output.messages", Speaker::Tool).find_map(|part| match part {
            Part::ToolCallResponse { response, .. } => Some(response),
            _ => None,
        })
    };
    let stated = || sources.first(RESULTS).map(langchain::result).map(llama_index_result);
    documents(sources).or_else(stated).or_else(in_choice).or_else(in_details)
}

fn documents(sources: &Sources) -> Option<Value> {
    let lists = DOCUMENTS.iter().map(|prefix| indexed::list(&sources.attributes, prefix));
    let found = lists.into_iter().find(|documents| !documents.is_empty())?;
    Some(Value::Array(found.into_iter().map(document).collect()))
}

/// OpenInference wraps each document once more.
fn document(mut item: Value) -> Value {
    item.get_mut("document").map(Value::take).unwrap_or(item)
}

fn detail_parts<'s>(sources: &'s Sources, field: &'s str, speaker: Speaker) -> impl Iterator<Item = Part> + 's {
    let values = sources.event_fields(DETAILS_EVENT, field);
    values.flat_map(move |value| messages(&value, speaker)).flat_map(|message| message.parts)
}

/// OpenInference keeps the call of LlamaIndex's tools: `{"kwargs": {…}}`.
fn llama_index_arguments(value: Value) -> Value {
    match &value {
        Value::Object(call) if call.len() == 1 => {
            call.get("kwargs").filter(|kwargs| kwargs.is_object()).cloned().unwrap_or(value)
        }
        _ => value,
    }
}

/// LlamaIndex's `ToolOutput` is its blocks, with the call beside them.
fn llama_index_result(value: Value) -> Value {
    match value.get("blocks") {
        Some(blocks) if ["tool_name", "raw_input", "raw_output"].iter().all(|key| value.get(key).is_some()) => {
            text_or(blocks)
        }
        _ => value,
    }
}

/// Blocks that are nothing but text become the text.
pub(super) fn text_or(value: &Value) -> Value {
    let value = parsed(value);
    let texts: Option<Vec<String>> = match &value {
        Value::Array(blocks) if !blocks.is_empty() && blocks.iter().all(Value::is_object) => content_parts(&value)
            .into_iter()
            .map(|part| match part {
                Part::Text { content } => Some(content),
                _ => None,
            })
            .collect(),
        _ => None,
    };
    texts.map_or(value, |texts| Value::String(texts.join("\n")))
}
