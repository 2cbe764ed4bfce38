//! Messages and their parts, from every shape that providers and frameworks give them.

use mizzen_model::message::{Message, Part, Speaker};
use serde_json::{Map, Value};

use super::sources::{has_content, parsed};

/// Messages from a list of them, from one, or from plain text said by `speaker`.
pub(super) fn messages(value: &Value, speaker: Speaker) -> Vec<Message> {
    match value {
        Value::Array(items) if items.iter().any(is_message) => {
            items.iter().filter_map(|item| message(item, speaker)).collect()
        }
        Value::Object(map) if !is_message(value) => match (map.get("messages").map(parsed), map.get("generations")) {
            (Some(inner @ Value::Array(_)), _) => messages(&inner, speaker),
            (_, Some(Value::Array(prompts))) if prompts.iter().all(Value::is_array) => generated(prompts, speaker),
            _ => message(value, speaker).into_iter().collect(),
        },
        other => message(other, speaker).into_iter().collect(),
    }
}

/// What LangChain's `LLMResult` holds: for each prompt a list of answers, which are empty where the call failed.
fn generated(prompts: &[Value], speaker: Speaker) -> Vec<Message> {
    let answers = prompts.iter().filter_map(Value::as_array).flatten();
    let said = answers.filter_map(|answer| {
        let whole = answer.get("message").and_then(|inner| message(inner, speaker));
        whole.or_else(|| message(answer.get("text")?, speaker))
    });
    said.collect()
}

pub(super) fn is_message(value: &Value) -> bool {
    let Value::Object(map) = value else { return false };
    ["role", "parts", "message", "tool_calls"].iter().any(|key| map.contains_key(*key))
        || (map.contains_key("content") && !map.get("type").is_some_and(|kind| is_part_type(kind.as_str())))
}

fn is_part_type(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| !matches!(kind, "human" | "ai" | "system" | "tool" | "message"))
}

/// One message. `speaker` is who speaks when the message does not say. `None` when it has no content.
pub(super) fn message(value: &Value, speaker: Speaker) -> Option<Message> {
    let Value::Object(map) = value else {
        let parts = content_parts(value);
        return (!parts.is_empty()).then_some(Message { role: speaker, name: None, parts, finish_reason: None });
    };
    if let Some(inner @ Value::Object(_)) = map.get("message").or_else(|| map.get("kwargs")) {
        let mut message = message(inner, speaker)?;
        message.finish_reason = message.finish_reason.or_else(|| text(map, &["finish_reason", "finishReason"]));
        return Some(message);
    }
    let stated = text(map, &["role", "type"]).and_then(|role| speaker_of(&role));
    let role = stated.unwrap_or(speaker);
    let mut parts = Vec::new();
    if let Some(thought) = text(map, &["reasoning_content", "reasoning", "thinking"]) {
        parts.push(Part::Reasoning { content: thought });
    }
    // Some write every key, and leave those empty that they do not use.
    let content =
        ["parts", "content", "contents"].iter().find_map(|key| map.get(*key).filter(|value| has_content(value)));
    match content {
        Some(content) if role == Speaker::Tool && !holds_responses(content) => parts.push(Part::ToolCallResponse {
            id: text(map, &["tool_call_id", "tool_use_id", "id"]),
            name: text(map, &["name"]),
            response: plain_text(content).map_or_else(|| parsed(content), Value::String),
        }),
        Some(content) => parts.extend(content_parts(content)),
        None if map.contains_key("content") && stated.is_some() => {}
        None if !map.contains_key("role") => parts.extend(part(value)),
        None => {}
    }
    // LangChain keeps the calls as the provider gave them beside its own, which it leaves out where it cannot read them.
    let as_given = map.get("additional_kwargs").and_then(|given| given.get("tool_calls"));
    let told = [map.get("tool_calls"), map.get("toolCalls"), as_given];
    if let Some(Value::Array(calls)) = told.into_iter().flatten().find(|calls| has_content(calls)).map(parsed) {
        parts.extend(calls.iter().filter_map(tool_call));
    }
    let name = if role == Speaker::Tool { None } else { text(map, &["name"]) };
    let finish_reason = text(map, &["finish_reason", "finishReason", "stop_reason"]);
    (!parts.is_empty()).then_some(Message { role, name, parts, finish_reason })
}

pub(super) fn speaker_of(role: &str) -> Option<Speaker> {
    match role.to_ascii_lowercase().as_str() {
        "system" | "developer" => Some(Speaker::System),
        "user" | "human" => Some(Speaker::User),
        "assistant" | "model" | "ai" => Some(Speaker::Assistant),
        "tool" | "function" => Some(Speaker::Tool),
        _ => None,
    }
}

/// Parts of the content of a message: text, a list of blocks, or JSON text of such a list.
pub(super) fn content_parts(value: &Value) -> Vec<Part> {
    match value {
        Value::String(content) if content.is_empty() => Vec::new(),
        Value::String(content) => {
            blocks_in_text(value).unwrap_or_else(|| vec![Part::Text { content: content.clone() }])
        }
        Value::Array(items) => items.iter().filter_map(part).collect(),
        Value::Null => Vec::new(),
        other => part(other).into_iter().collect(),
    }
}

/// A text that is a JSON list of nothing but known blocks is taken as those.
fn blocks_in_text(value: &Value) -> Option<Vec<Part>> {
    let Value::Array(items) = parsed(value) else { return None };
    let parts: Vec<Part> = items.iter().map(part).collect::<Option<_>>()?;
    let known = |part: &Part| !matches!(part, Part::Other { .. });
    (!parts.is_empty() && items.iter().all(Value::is_object) && parts.iter().all(known)).then_some(parts)
}

fn holds_responses(content: &Value) -> bool {
    content_parts(&parsed(content))
        .iter()
        .any(|part| matches!(part, Part::ToolCallResponse { .. } | Part::ToolCall { .. }))
}

/// One part; `None` for one that is empty.
pub(super) fn part(value: &Value) -> Option<Part> {
    let map = match value {
        Value::Object(map) => map,
        Value::String(content) => return (!content.is_empty()).then(|| Part::Text { content: content.clone() }),
        Value::Null => return None,
        other => return Some(Part::Other { value: other.clone() }),
    };
    // OpenInference wraps each block once more.
    if let Some(inner) = map.get("message_content") {
        return part(inner);
    }
    let known = match map.get("type").and_then(Value::as_str) {
        Some(kind) => typed_part(kind, map),
        None => untyped_part(map),
    };
    match known {
        Some(Part::Text { content } | Part::Reasoning { content }) if content.is_empty() => None,
        Some(part) => Some(part),
        None => Some(Part::Other { value: value.clone() }),
    }
}

/// OpenTelemetry, OpenAI (chat and responses), Anthropic and AI SDK blocks, which all have a `type`.
fn typed_part(kind: &str, map: &Map<String, Value>) -> Option<Part> {
    match kind {
        "text" | "input_text" | "output_text" => {
            Some(Part::Text { content: text(map, &["content", "text"]).unwrap_or_default() })
        }
        "reasoning" | "thinking" | "redacted_thinking" => {
            Some(Part::Reasoning { content: text(map, &["content", "thinking", "text"]).unwrap_or_default() })
        }
        "tool_call" | "tool_use" | "tool-call" | "function_call" | "server_tool_call" | "server_tool_use"
        | "function" => tool_call_of(map),
        "tool_call_response" | "tool_result" | "tool-result" | "function_call_output" | "server_tool_call_response" => {
            Some(response_of(map))
        }
        "blob" | "uri" | "file" | "image" | "image_url" | "image-url" | "input_image" | "audio" | "input_audio"
        | "input_file" | "document" | "video" | "binary" | "document-url" | "audio-url" | "video-url" => {
            Some(media(kind, map))
        }
        _ => None,
    }
}

/// Google's and Bedrock's blocks, which are named by their only key.
fn untyped_part(map: &Map<String, Value>) -> Option<Part> {
    for (key, value) in map {
        let inner = value.as_object();
        match (key.as_str(), inner) {
            ("function_call" | "functionCall" | "toolUse" | "tool_call", Some(call)) => return tool_call_of(call),
            ("function_response" | "functionResponse" | "toolResult", Some(response)) => {
                return Some(response_of(response));
            }
            ("reasoningContent", Some(reasoning)) => {
                let inner = reasoning.get("reasoningText").and_then(Value::as_object).unwrap_or(reasoning);
                return Some(Part::Reasoning { content: text(inner, &["text"]).unwrap_or_default() });
            }
            ("inline_data" | "inlineData" | "file_data" | "fileData" | "image" | "document" | "video", Some(data)) => {
                return Some(media(key, data));
            }
            _ => {}
        }
    }
    let content = text(map, &["text"])?;
    let is_thought = map.get("thought") == Some(&Value::Bool(true));
    Some(if is_thought { Part::Reasoning { content } } else { Part::Text { content } })
}

/// A call as OpenAI lists them (`function` inside), or as any other block has it.
fn tool_call(value: &Value) -> Option<Part> {
    let map = value.as_object()?;
    let map = map.get("tool_call").and_then(Value::as_object).unwrap_or(map);
    tool_call_of(map)
}

fn tool_call_of(map: &Map<String, Value>) -> Option<Part> {
    let function = map.get("function").and_then(Value::as_object).unwrap_or(map);
    let name = text(function, &["name", "toolName", "tool_name"])?;
    let arguments = ["arguments", "args", "input", "server_tool_call"].iter().find_map(|key| function.get(*key));
    Some(Part::ToolCall {
        id: text(map, &["id", "call_id", "toolCallId", "toolUseId", "tool_call_id"]),
        name,
        arguments: arguments.map_or(Value::Null, parsed),
    })
}

fn response_of(map: &Map<String, Value>) -> Part {
    let keys = ["response", "result", "output", "content", "server_tool_call_response"];
    let response = keys.iter().find_map(|key| map.get(*key));
    let response = response.map_or(Value::Null, |value| plain_text(value).map_or_else(|| parsed(value), Value::String));
    Part::ToolCallResponse {
        id: text(map, &["id", "tool_call_id", "tool_use_id", "call_id", "toolCallId", "toolUseId"]),
        name: text(map, &["name", "toolName", "tool_name"]),
        response,
    }
}

/// The text of `"…"`, `[{"text": "…"}, …]` or `{"type": "text", "value": "…"}`; `None` for anything else.
fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| match part(item) {
                    Some(Part::Text { content }) if item.is_object() => Some(content),
                    _ => None,
                })
                .collect();
            texts.map(|texts| texts.join("\n"))
        }
        Value::Object(map) if map.get("type") == Some(&Value::from("text")) => text(map, &["value", "text"]),
        _ => None,
    }
}

fn media(kind: &str, map: &Map<String, Value>) -> Part {
    let nested =
        ["image_url", "input_audio", "source", "file", "image"].iter().find_map(|key| map.get(*key)?.as_object());
    let find = |keys: &[&str]| text(map, keys).or_else(|| nested.and_then(|nested| text(nested, keys)));
    let mime_type = find(&["mime_type", "mimeType", "media_type", "mediaType"]);
    let uri =
        find(&["uri", "url", "file_uri", "fileUri", "file_id", "image_url"]).filter(|uri| !uri.starts_with("data:"));
    let data = find(&["data", "content", "base64"]);
    let modality = find(&["modality"]).or_else(|| mime_type.as_deref()?.split('/').next().map(str::to_owned));
    let fallback = ["image", "audio", "video", "document"].iter().find(|word| kind.contains(**word)).unwrap_or(&"file");
    Part::Media {
        modality: modality.unwrap_or_else(|| (*fallback).to_owned()),
        mime_type,
        uri,
        // Base64 has four characters for three bytes.
        bytes: data.and_then(|data| u64::try_from(data.len() / 4 * 3).ok()),
    }
}

/// The first of `keys` that is a text with something in it.
fn text(map: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| map.get(*key)?.as_str()).filter(|text| !text.is_empty()).map(str::to_owned)
}
