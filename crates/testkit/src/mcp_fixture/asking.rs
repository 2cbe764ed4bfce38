//! Tools that ask the client's model or user, and how a client of the older era is asked: while they work.

use rmcp::ErrorData;
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::{complete, read};

/// Times that one call may ask.
const ROUNDS_MAX: usize = 4;

/// `None`: not one of these.
pub(super) fn call(request: &CallToolRequestParams) -> Result<Option<CallToolResponse>, ErrorData> {
    let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
    let asked = match request.name.as_ref() {
        "test_sampling" => {
            let content = json!({ "type": "text", "text": arguments["prompt"] });
            json!({ "messages": [{ "role": "user", "content": content }], "maxTokens": 100 })
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
    let is_sampling = request.name == "test_sampling";
    let Some(answer) = request.input_responses.as_ref().and_then(|answers| answers.get("asked")) else {
        let method = if is_sampling { "sampling/createMessage" } else { "elicitation/create" };
        let asked = read(json!({ "asked": { "method": method, "params": asked } }))?;
        return Ok(Some(CallToolResponse::InputRequired(InputRequiredResult::new(Some(asked), None))));
    };
    let text = if is_sampling {
        format!("LLM response: {}", answer["content"]["text"].as_str().unwrap_or_default())
    } else {
        format!(
            "User response: action={}, content={}",
            answer["action"].as_str().unwrap_or_default(),
            answer["content"]
        )
    };
    Ok(Some(CallToolResponse::Complete(complete(json!({ "content": [{ "type": "text", "text": text }] }))?)))
}

/// Whether the client is to be asked while the tool works.
pub(super) fn is_older(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_none_or(|version| version.as_str() < ProtocolVersion::V_2026_07_28.as_str())
}

/// Asks a client of the older era what `response` asks, and calls again with the answers until the tool is done.
pub(super) async fn fulfil(
    mut response: CallToolResponse,
    mut request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
    again: impl Fn(&CallToolRequestParams) -> Result<Option<CallToolResponse>, ErrorData>,
) -> Result<CallToolResponse, ErrorData> {
    for _ in 0..ROUNDS_MAX {
        let CallToolResponse::InputRequired(required) = response else { return Ok(response) };
        let mut answers = InputResponses::new();
        for (key, asked) in required.input_requests.unwrap_or_default() {
            match ask(asked, context).await {
                Ok(answer) => answers.insert(key, answer),
                Err(error) => {
                    let text = format!("The client did not answer: {error}");
                    let content = json!([{ "type": "text", "text": text }]);
                    return Ok(CallToolResponse::Complete(complete(json!({ "content": content, "isError": true }))?));
                }
            };
        }
        request.input_responses = Some(answers);
        request.request_state = required.request_state;
        let next = again(&request)?;
        response = next.ok_or_else(|| ErrorData::internal_error("the tool is gone", None))?;
    }
    Err(ErrorData::internal_error("the tool never stops asking", None))
}

#[allow(deprecated, reason = "asking while working is what the older era is tested for")]
async fn ask(asked: InputRequest, context: &RequestContext<RoleServer>) -> Result<Value, rmcp::ServiceError> {
    let answer = match asked {
        InputRequest::CreateMessage(asked) => context.peer.create_message(asked.params).await.map(serde_json::to_value),
        InputRequest::Elicitation(asked) => {
            context.peer.create_elicitation(asked.params).await.map(serde_json::to_value)
        }
        _ => context.peer.list_roots().await.map(serde_json::to_value),
    };
    Ok(answer?.unwrap_or_default())
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
