//! One JSON-RPC message from a client.

use mizzen_model::respelled;
use serde_json::value::RawValue;

use super::json::{self, Members};
use super::rpc::{INVALID_REQUEST, PARSE_ERROR, RpcError};
use crate::seam::ClientAnswer;

/// What a client sent.
#[derive(Debug)]
pub enum Message {
    Request {
        /// A string or an integer, as it came.
        id: Box<RawValue>,
        method: String,
        params: Members,
    },
    Notification {
        method: String,
        params: Members,
    },
    /// To a request of ours.
    Response {
        id: String,
        answer: ClientAnswer,
    },
}

/// A message that is none, and its id if it has one that can be read.
#[derive(Debug)]
pub struct Malformed {
    pub id: Option<Box<RawValue>>,
    pub error: RpcError,
}

/// Members of messages and of parameters that decide what is asked of whom.
const MEMBERS: [&str; 14] = [
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "_meta",
    "name",
    "arguments",
    "uri",
    "ref",
    "argument",
    "task",
    "inputResponses",
];

/// # Errors
/// When `body` is no single JSON-RPC message: batches are refused.
pub fn decode(body: &[u8], depth_max: usize) -> Result<Message, Malformed> {
    let bare = |code, message: String| Malformed { id: None, error: RpcError::new(code, message) };
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(bare(INVALID_REQUEST, "batches are not part of this protocol; send one message a request".into()));
    }
    json::check(body, depth_max)
        .map_err(|error| bare(PARSE_ERROR, format!("the body is not acceptable JSON: {error}")))?;
    let invalid = |id: Option<&Box<RawValue>>, message: &str| Malformed {
        id: id.cloned(),
        error: RpcError::new(INVALID_REQUEST, message),
    };
    let Ok(mut parts) = serde_json::from_slice::<Members>(body) else {
        return Err(invalid(None, "a message is an object"));
    };
    let id = match parts.swap_remove("id") {
        // A request that nobody could answer, and none that needs no answer.
        Some(id) if !is_id(&id) => return Err(invalid(None, "`id` must be a string or an integer")),
        id => id,
    };
    if is_respelled(&parts) {
        return Err(invalid(id.as_ref(), RESPELLED));
    }
    if parts.get("jsonrpc").and_then(|version| json::text(version)).as_deref() != Some("2.0") {
        return Err(invalid(id.as_ref(), "`jsonrpc` must be \"2.0\""));
    }
    let Some(method) = parts.get("method") else { return response(id, &mut parts) };
    let Some(method) = json::text(method) else {
        return Err(invalid(id.as_ref(), "`method` must be a string"));
    };
    let params = match parts.swap_remove("params") {
        None => Members::new(),
        Some(params) => match json::members(&params) {
            Some(params) if is_respelled(&params) => return Err(invalid(id.as_ref(), RESPELLED)),
            Some(params) => params,
            None => return Err(invalid(id.as_ref(), "`params` must be an object")),
        },
    };
    Ok(match id {
        Some(id) => Message::Request { id, method, params },
        None => Message::Notification { method, params },
    })
}

const RESPELLED: &str =
    "a member is written in other letters, which some servers would read; write it as the protocol does";

fn is_respelled(members: &Members) -> bool {
    members.keys().any(|name| MEMBERS.iter().any(|known| respelled::is_respelled(name, known)))
}

fn response(id: Option<Box<RawValue>>, parts: &mut Members) -> Result<Message, Malformed> {
    let malformed = |message: &str| Malformed { id: None, error: RpcError::new(INVALID_REQUEST, message) };
    let Some(id) = id.as_ref().and_then(|id| json::text(id)) else {
        return Err(malformed("a message without `method` must be the answer to a request of ours"));
    };
    match (parts.swap_remove("result"), parts.swap_remove("error")) {
        (Some(result), None) => Ok(Message::Response { id, answer: Ok(result) }),
        (None, Some(error)) => Ok(Message::Response { id, answer: Err(error) }),
        _ => Err(malformed("an answer has either `result` or `error`")),
    }
}

/// MCP narrows the ids of JSON-RPC to strings and integers.
fn is_id(raw: &RawValue) -> bool {
    let text = raw.get();
    text.starts_with('"') || text.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests;
