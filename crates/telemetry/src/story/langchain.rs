//! What LangChain wraps around the arguments and the result of a tool, as its instrumentations hand it on.

use serde_json::{Map, Value};

use super::tool::text_or;

/// What Traceloop notes of a call; `inputs` are the arguments.
const CALL: &[&str] = &["input_str", "tags", "metadata", "inputs", "kwargs"];

/// The arguments within what Traceloop notes of a call; anything else as it is.
pub(super) fn arguments(value: Value) -> Value {
    match &value {
        Value::Object(call) if is_exactly(call, CALL) => {
            let inputs = [&call["inputs"], &call["input_str"]];
            inputs.into_iter().find(|inputs| !inputs.is_null()).cloned().unwrap_or_default()
        }
        _ => value,
    }
}

/// The content of a `ToolMessage`; anything else as it is.
pub(super) fn result(value: Value) -> Value {
    let output = match &value {
        // Traceloop notes the tags of the call beside the output.
        Value::Object(noted) if is_exactly(noted, &["output", "kwargs"]) && noted["kwargs"].get("tags").is_some() => {
            &noted["output"]
        }
        _ => &value,
    };
    message_fields(output).and_then(|fields| fields.get("content")).map_or_else(|| output.clone(), text_or)
}

/// The fields of a tool's message as LangChain writes it: for itself (`{"lc": 1, …}`), and for others.
fn message_fields(value: &Value) -> Option<&Value> {
    let map = value.as_object()?;
    match map.get("type")?.as_str()? {
        "constructor" if is_exactly(map, &["lc", "type", "id", "kwargs"]) => {
            map.get("kwargs").filter(|fields| fields.get("type").is_some_and(|kind| kind == "tool"))
        }
        "tool" if is_exactly(map, &["type", "data"]) => map.get("data"),
        _ => None,
    }
}

fn is_exactly(map: &Map<String, Value>, keys: &[&str]) -> bool {
    map.len() == keys.len() && keys.iter().all(|key| map.contains_key(*key))
}
