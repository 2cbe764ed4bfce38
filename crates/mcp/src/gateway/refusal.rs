//! What a door answers when there is no answer to pass on: an HTTP status and, in the body, a JSON-RPC error.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::value::RawValue;

use crate::wire::rpc::{self, Answer, RpcError};

/// No answer to a message.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Of the request, where it is known.
    pub(super) id: Option<Box<RawValue>>,
    error: Box<RpcError>,
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: i64, message: impl Into<String>) -> Self {
        Self { status, id: None, error: Box::new(RpcError::new(code, message)), fields: Vec::new() }
    }

    pub(super) fn of(status: StatusCode, id: Option<&RawValue>, error: RpcError) -> Self {
        Self { status, id: id.map(ToOwned::to_owned), error: Box::new(error), fields: Vec::new() }
    }

    pub(super) fn with_field(mut self, name: HeaderName, value: &str) -> Self {
        self.fields.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let id = self.id.unwrap_or_else(|| RawValue::NULL.to_owned());
        let mut response = json(self.status, rpc::response(&id, &Answer::from(*self.error)));
        response.headers_mut().extend(self.fields);
        response
    }
}

/// A whole answer in one body.
pub(super) fn json(status: StatusCode, body: bytes::Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// No body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
