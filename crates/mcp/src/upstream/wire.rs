//! JSON-RPC 2.0 as it goes over a line or in a body; what is inside stays as it came.

use std::borrow::Cow;

use bytes::Bytes;
use mizzen_runtime::lanes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::seam::ClientAnswer;
use crate::wire::rpc::METHOD_NOT_FOUND;

/// One message of a server.
#[derive(Debug)]
pub(super) enum Message {
    Request {
        id: Box<RawValue>,
        method: String,
        params: Option<Box<RawValue>>,
    },
    Notification {
        method: String,
        params: Option<Box<RawValue>>,
    },
    /// `None`: the server could not tell which request it answers.
    Response {
        id: Option<u64>,
        outcome: Outcome,
    },
}

/// How a request ended: the result, or the error object.
#[derive(Debug)]
pub(super) enum Outcome {
    Result(Box<RawValue>),
    Error(Box<RawValue>),
}

/// The members of an error object that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorObject {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) data: Option<serde_json::Value>,
}

impl Outcome {
    /// The error, if it is one that can be read.
    pub(super) fn error(&self) -> Option<ErrorObject> {
        match self {
            Self::Error(error) => serde_json::from_str(error.get()).ok(),
            Self::Result(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    jsonrpc: Cow<'a, str>,
    #[serde(default)]
    id: Option<Box<RawValue>>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(default)]
    params: Option<Box<RawValue>>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<Box<RawValue>>,
}

/// # Errors
/// With what is wrong, without content.
pub(super) fn parse(text: &[u8]) -> Result<Message, &'static str> {
    let frame: Frame<'_> = serde_json::from_slice(text).map_err(|_| "it sent something that is no JSON-RPC message")?;
    if frame.jsonrpc != "2.0" {
        return Err("it sent a message that is not JSON-RPC 2.0");
    }
    match (frame.method, frame.id, frame.result, frame.error) {
        (Some(method), Some(id), None, None) => {
            Ok(Message::Request { id, method: method.into_owned(), params: frame.params })
        }
        (Some(method), None, None, None) => {
            Ok(Message::Notification { method: method.into_owned(), params: frame.params })
        }
        (None, id, Some(result), None) => {
            Ok(Message::Response { id: own_id(id.as_deref()), outcome: Outcome::Result(result) })
        }
        (None, id, None, Some(error)) => {
            Ok(Message::Response { id: own_id(id.as_deref()), outcome: Outcome::Error(error) })
        }
        _ => Err("it sent a JSON-RPC message that is neither request nor response"),
    }
}

/// The same of a text that may be large.
pub(super) async fn read(text: Bytes) -> Result<Message, &'static str> {
    let reading = lanes::beside(text.len(), move || parse(&text));
    reading.await.unwrap_or(Err("it sent a message that could not be read"))
}

/// Our ids are numbers; whatever else a server answers with is none of ours.
fn own_id(id: Option<&RawValue>) -> Option<u64> {
    id.and_then(|id| id.get().parse().ok())
}

#[derive(Serialize)]
struct Sent<'a, Id: Serialize> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RawValue>,
}

fn line<Id: Serialize>(sent: &Sent<'_, Id>) -> Vec<u8> {
    // Texts, numbers and raw JSON always serialise.
    serde_json::to_vec(sent).unwrap_or_default()
}

pub(super) fn request(id: u64, method: &str, params: Option<&RawValue>) -> Vec<u8> {
    line(&Sent { jsonrpc: "2.0", id: Some(id), method: Some(method), params, result: None, error: None })
}

pub(super) fn notification(method: &str, params: Option<&RawValue>) -> Vec<u8> {
    line::<u64>(&Sent { jsonrpc: "2.0", id: None, method: Some(method), params, result: None, error: None })
}

pub(super) fn answer(id: &RawValue, answer: &ClientAnswer) -> Vec<u8> {
    let (result, error) = match answer {
        Ok(result) => (Some(&**result), None),
        Err(error) => (None, Some(&**error)),
    };
    line(&Sent { jsonrpc: "2.0", id: Some(id), method: None, params: None, result, error })
}

/// What a server is told whose request nobody can answer.
pub(super) fn nobody() -> ClientAnswer {
    Err(raw(
        &serde_json::json!({ "code": METHOD_NOT_FOUND, "message": "the client behind this gateway cannot be asked this" }),
    ))
}

/// `{}`, for `ping`.
pub(super) fn empty() -> Box<RawValue> {
    raw(&serde_json::json!({}))
}

pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Message, Outcome, answer, parse, raw, request};

    #[test]
    fn what_is_inside_a_message_stays_as_it_came() {
        let text = br#"{"jsonrpc":"2.0","id":7,"result":{"big":12345678901234567890123,"a":1.0}}"#;
        let Ok(Message::Response { id: Some(7), outcome: Outcome::Result(result) }) = parse(text) else { panic!() };
        assert_eq!(result.get(), r#"{"big":12345678901234567890123,"a":1.0}"#);
        let Ok(Message::Request { id, .. }) = parse(br#"{"jsonrpc":"2.0","id":"x","method":"roots/list"}"#) else {
            panic!()
        };
        let sent = answer(&id, &Ok(result));
        assert!(sent.starts_with(br#"{"jsonrpc":"2.0","id":"x","result":{"big""#));
        assert_eq!(request(1, "ping", None), br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in
            ["", "[]", "{}", r#"{"jsonrpc":"1.0","method":"x"}"#, r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        // A response to nobody is one all the same, and an id that is not ours is none.
        assert!(matches!(
            parse(br#"{"jsonrpc":"2.0","id":null,"error":{"code":1}}"#),
            Ok(Message::Response { id: None, .. })
        ));
        assert!(matches!(parse(br#"{"jsonrpc":"2.0","id":"7","result":{}}"#), Ok(Message::Response { id: None, .. })));
        let error = Outcome::Error(raw(&serde_json::json!({"code": -32601}))).error().unwrap();
        assert_eq!(error.code, -32_601);
    }
}
