//! JSON-RPC 2.0 errors and the texts of messages.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json;

pub const PARSE_ERROR: i64 = -32700;
pub const INVALID_REQUEST: i64 = -32600;
pub const METHOD_NOT_FOUND: i64 = -32601;
pub const INVALID_PARAMS: i64 = -32602;
pub const INTERNAL_ERROR: i64 = -32603;
/// MCP until 2025-11-25.
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// Ours: a decision was no.
pub const REFUSED: i64 = -32010;
/// Ours: the tool server could not be asked, or did not answer.
pub const UPSTREAM: i64 = -32011;
/// Ours: a limit of the gateway.
pub const LIMIT: i64 = -32012;
/// MCP 2026-07-28.
pub const HEADER_MISMATCH: i64 = -32020;
pub const MISSING_CAPABILITY: i64 = -32021;
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// An error object.
#[derive(Debug, Clone, Serialize)]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    #[must_use]
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    #[must_use]
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(METHOD_NOT_FOUND, format!("method not found: `{}`", shown(method)))
    }

    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

/// What a stranger sent, short enough for a message.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}

/// The answer to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    Result(Box<RawValue>),
    Error { code: i64, object: Box<RawValue> },
}

impl Answer {
    /// Of what it tells.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let (Self::Result(said) | Self::Error { object: said, .. }) = self;
        said.get().len()
    }

    /// An error object as it came; one without a code is an internal error.
    #[must_use]
    pub fn raw_error(object: Box<RawValue>) -> Self {
        #[derive(serde::Deserialize)]
        struct Coded {
            code: i64,
        }
        let code = serde_json::from_str::<Coded>(object.get()).map_or(INTERNAL_ERROR, |coded| coded.code);
        Self::Error { code, object }
    }
}

impl From<RpcError> for Answer {
    fn from(error: RpcError) -> Self {
        Self::Error { code: error.code, object: json::raw(&error) }
    }
}

/// `id` is a JSON value; `null` for what has none.
#[must_use]
pub fn response(id: &RawValue, answer: &Answer) -> Bytes {
    let (member, value) = match answer {
        Answer::Result(result) => ("result", result),
        Answer::Error { object, .. } => ("error", object),
    };
    format!(r#"{{"jsonrpc":"2.0","id":{},"{member}":{}}}"#, id.get(), value.get()).into()
}

#[must_use]
pub fn notification(method: &str, params: Option<&RawValue>) -> Bytes {
    let params = params.map(|params| format!(r#","params":{}"#, params.get())).unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","method":{}{params}}}"#, json::raw(method).get()).into()
}

#[must_use]
pub fn request(id: &str, method: &str, params: Option<&RawValue>) -> Bytes {
    let params = params.map(|params| format!(r#","params":{}"#, params.get())).unwrap_or_default();
    let (id, method) = (json::raw(id), json::raw(method));
    format!(r#"{{"jsonrpc":"2.0","id":{},"method":{}{params}}}"#, id.get(), method.get()).into()
}
