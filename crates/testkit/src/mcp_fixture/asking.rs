//! Tools that ask the client while they work: the older era.

use rmcp::ErrorData;
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::{complete, read};

/// `None`: not one of these.
#[allow(deprecated, reason = "asking while working is what the older era is tested for")]
pub(super) async fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Option<CallToolResult>, ErrorData> {
    let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
    let asked = match request.name.as_ref() {
        "test_sampling" => {
            let content = json!({ "type": "text", "text": arguments["prompt"] });
            let params = json!({ "messages": [{ "role": "user", "content": content }], "maxTokens": 100 });
            let result = context.peer.create_message(read(params)?).await;
            return told(result.map(|result| {
                let result = serde_json::to_value(result).unwrap_or_default();
                format!("LLM response: {}", result["content"]["text"].as_str().unwrap_or_default())
            }));
        }
        "test_elicitation" => json!({
            "message": arguments["message"],
            "requestedSchema": { "type": "object", "required": ["username", "email"], "properties": {
                "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" },
            } },
        }),
        "test_elicitation_sep1034_defaults" => json!({
            "message": "Please review these values",
            "requestedSchema": { "type": "object", "required": [], "properties": {
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
                "verified": { "type": "boolean", "default": true },
            } },
        }),
        "test_elicitation_sep1330_enums" => json!({ "message": "Please choose", "requestedSchema": choices() }),
        _ => return Ok(None),
    };
    let result = context.peer.create_elicitation(read(asked)?).await;
    told(result.map(|result| {
        let result = serde_json::to_value(result).unwrap_or_default();
        format!(
            "User response: action={}, content={}",
            result["action"].as_str().unwrap_or_default(),
            result["content"]
        )
    }))
}

fn told(answer: Result<String, rmcp::ServiceError>) -> Result<Option<CallToolResult>, ErrorData> {
    let (text, is_error) = match answer {
        Ok(text) => (text, false),
        Err(error) => (format!("The client did not answer: {error}"), true),
    };
    Ok(Some(complete(json!({ "content": [{ "type": "text", "text": text }], "isError": is_error }))?))
}

/// The five forms of a choice (SEP-1330).
fn choices() -> Value {
    let titled = |number: u8, title: &str| json!({ "const": format!("value{number}"), "title": title });
    let options = json!(["option1", "option2", "option3"]);
    json!({ "type": "object", "required": [], "properties": {
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": { "type": "string",
            "oneOf": [titled(1, "First Option"), titled(2, "Second Option"), titled(3, "Third Option")] },
        "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"] },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
        "titledMulti": { "type": "array",
            "items": { "anyOf": [titled(1, "First Choice"), titled(2, "Second Choice"), titled(3, "Third Choice")] } },
    } })
}
