//! Tools and a prompt that ask in their result and are called again with the answers (SEP-2322): the newer era.

use rmcp::ErrorData;
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value, json};

use super::state::State;
use super::{complete, read};

/// `None`: not one of these.
pub(super) fn call(
    state: &State,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Option<CallToolResponse>, ErrorData> {
    let answers = request.input_responses.as_ref();
    let answered = |key: &str| answers.and_then(|answers| answers.get(key)).filter(|answer| answer.is_object());
    let name = request.name.as_ref();
    let response = match name {
        "test_input_required_result_elicitation" | "test_streaming_elicitation" => match answered("user_name") {
            Some(answer) => done(&format!("Hello, {}!", answer["content"]["name"].as_str().unwrap_or_default()))?,
            None => ask(json!({ "user_name": name_wanted("What is your name?") }), None)?,
        },
        "test_input_required_result_sampling" => match answered("capital_question") {
            Some(answer) => done(&format!("The model said: {}", answer["content"]["text"]))?,
            None => ask(json!({ "capital_question": sampling("What is the capital of France?") }), None)?,
        },
        "test_input_required_result_list_roots" => match answered("client_roots") {
            Some(answer) => done(&format!("The roots are {}", answer["roots"]))?,
            None => ask(json!({ "client_roots": { "method": "roots/list", "params": {} } }), None)?,
        },
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            match opened(state, request)?.zip(answered("confirm")) {
                Some(_) => done("state-ok: the state came back as it was given")?,
                None => ask(json!({ "confirm": confirmation() }), Some(state.sealed.seal(name.as_bytes())))?,
            }
        }
        "test_input_required_result_multiple_inputs" => {
            let all = ["user_name", "greeting", "client_roots"].iter().all(|key| answered(key).is_some());
            match opened(state, request)? {
                Some(_) if all => done("All three were answered.")?,
                _ => ask(
                    json!({
                        "user_name": name_wanted("What is your name?"),
                        "greeting": sampling("Generate a greeting"),
                        "client_roots": { "method": "roots/list", "params": {} },
                    }),
                    Some(state.sealed.seal(name.as_bytes())),
                )?,
            }
        }
        "test_input_required_result_multi_round" => rounds(state, request)?,
        "test_input_required_result_capabilities" => capable(context)?,
        "test_missing_capability" => {
            let can_sample = context.client_capabilities().is_some_and(|capabilities| capabilities.sampling.is_some());
            if !can_sample {
                return Err(ErrorData::missing_required_client_capability(read(json!({ "sampling": {} }))?));
            }
            done("The client can sample.")?
        }
        _ => return Ok(None),
    };
    Ok(Some(response))
}

/// A name, then a colour.
fn rounds(state: &State, request: &CallToolRequestParams) -> Result<CallToolResponse, ErrorData> {
    let content = |key: &str, field: &str| {
        let answer = request.input_responses.as_ref().and_then(|answers| answers.get(key));
        answer.and_then(|answer| answer["content"][field].as_str()).map(str::to_owned)
    };
    let before = opened(state, request)?.unwrap_or_default();
    if let Some(name) = before.strip_prefix("named ") {
        if let Some(colour) = content("step2", "color") {
            return done(&format!("{name} likes {colour}."));
        }
    } else if let (true, Some(name)) = (before == "begun", content("step1", "name")) {
        let asked = elicitation("Step 2: What is your favorite color?", "color", "string");
        return ask(json!({ "step2": asked }), Some(state.sealed.seal(format!("named {name}").as_bytes())));
    }
    ask(json!({ "step1": name_wanted("Step 1: What is your name?") }), Some(state.sealed.seal(b"begun")))
}

/// Only what the client can answer.
fn capable(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    let capabilities = context.client_capabilities().unwrap_or_default();
    let mut asked = Map::new();
    if capabilities.elicitation.is_some() {
        asked.insert("user_name".to_owned(), name_wanted("What is your name?"));
    }
    if capabilities.sampling.is_some() {
        asked.insert("greeting".to_owned(), sampling("Generate a greeting"));
    }
    if asked.is_empty() { done("The client can answer nothing.") } else { ask(Value::Object(asked), None) }
}

pub(super) fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let answer = request.input_responses.as_ref().and_then(|answers| answers.get("user_context"));
    let Some(answer) = answer.filter(|answer| answer.is_object()) else {
        let asked = elicitation("What context should the prompt use?", "context", "string");
        return Ok(GetPromptResponse::InputRequired(required(json!({ "user_context": asked }), None)?));
    };
    let text = format!("The context is {}", answer["content"]["context"].as_str().unwrap_or_default());
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    Ok(GetPromptResponse::Complete(complete(json!({ "messages": [message] }))?))
}

/// What an earlier round sealed; an error when it is not what was sealed.
fn opened(state: &State, request: &CallToolRequestParams) -> Result<Option<String>, ErrorData> {
    let Some(sealed) = &request.request_state else { return Ok(None) };
    let opened =
        state.sealed.open(sealed).map_err(|_| ErrorData::invalid_params("the requestState was changed", None))?;
    Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
}

fn ask(asked: Value, sealed: Option<String>) -> Result<CallToolResponse, ErrorData> {
    Ok(CallToolResponse::InputRequired(required(asked, sealed)?))
}

fn required(asked: Value, sealed: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    Ok(InputRequiredResult::new(Some(read(asked)?), sealed))
}

fn done(text: &str) -> Result<CallToolResponse, ErrorData> {
    Ok(CallToolResponse::Complete(complete(json!({ "content": [{ "type": "text", "text": text }] }))?))
}

pub(super) fn name_wanted(message: &str) -> Value {
    elicitation(message, "name", "string")
}

pub(super) fn confirmation() -> Value {
    elicitation("Please confirm", "ok", "boolean")
}

fn elicitation(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    json!({ "method": "elicitation/create", "params": { "message": message, "requestedSchema": schema } })
}

fn sampling(question: &str) -> Value {
    let message = json!({ "role": "user", "content": { "type": "text", "text": question } });
    json!({ "method": "sampling/createMessage", "params": { "messages": [message], "maxTokens": 100 } })
}
