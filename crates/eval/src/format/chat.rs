//! Turns from a list of chat messages as OpenAI and Inspect write them.

use mizzen_model::step::{Outcome, Source};
use serde_json::Value;

use crate::trial::{ToolCall, Turn};

/// The turns of `messages`, which are in order. What an assistant says before any user is part of the first turn.
pub(super) fn turns(messages: &[Value]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    // Ids of the calls of the open turn, in order of `tool_calls`.
    let mut ids: Vec<Option<&str>> = Vec::new();
    for message in messages {
        match message["role"].as_str() {
            Some("user") => {
                turns.push(Turn { user: text(&message["content"]).unwrap_or_default(), ..Turn::default() });
                ids.clear();
            }
            Some("assistant") => {
                let turn = open(&mut turns);
                if let Some(said) = text(&message["content"]) {
                    turn.response = Some(said);
                }
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    ids.push(call["id"].as_str());
                    turn.tool_calls.push(tool_call(call));
                }
            }
            Some("tool") => result(open(&mut turns), &ids, message),
            _ => {}
        }
    }
    // A user who only says goodbye got no answer and asked for none.
    let is_silent = |turn: &Turn| turn.response.is_none() && turn.tool_calls.is_empty();
    while turns.len() > 1 && turns.last().is_some_and(is_silent) {
        turns.pop();
    }
    turns
}

fn open(turns: &mut Vec<Turn>) -> &mut Turn {
    if turns.is_empty() {
        turns.push(Turn::default());
    }
    let last = turns.len() - 1;
    &mut turns[last]
}

/// OpenAI: `{function: {name, arguments: text}}`; Inspect: `{function: name, arguments: {…}}`.
fn tool_call(call: &Value) -> ToolCall {
    let function = &call["function"];
    let name = function["name"].as_str().or(function.as_str()).or(call["name"].as_str()).unwrap_or_default();
    let stated = if function.is_object() { &function["arguments"] } else { &call["arguments"] };
    let arguments = match stated {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| stated.clone()),
        other => other.clone(),
    };
    ToolCall { name: name.to_owned(), arguments, result: None, outcome: Outcome::Unset, source: Source::Sdk }
}

/// Gives a result to its call: by id, else to the first call of that name that has none.
fn result(turn: &mut Turn, ids: &[Option<&str>], message: &Value) {
    let id = message["tool_call_id"].as_str();
    let name = message["name"].as_str().or(message["function"].as_str());
    let by_id = id.and_then(|id| ids.iter().position(|known| *known == Some(id)));
    let fits = |call: &ToolCall| call.result.is_none() && name.is_none_or(|name| name == call.name);
    let place = by_id.or_else(|| turn.tool_calls.iter().position(fits));
    if let Some(call) = place.and_then(|place| turn.tool_calls.get_mut(place)) {
        call.result = text(&message["content"]).map(Value::String);
        call.outcome = if message["error"].is_null() { Outcome::Ok } else { Outcome::Error };
    }
}

/// Content is a text, or a list of parts.
pub(super) fn text(content: &Value) -> Option<String> {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str().or(part.as_str())).collect::<String>()
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}
