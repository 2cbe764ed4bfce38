//! What the gateway answers by itself, in the shape of the door's own provider.

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::wire::Protocol;

/// Why the gateway did not, or could not, pass a call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Unauthenticated,
    InvalidRequest,
    TooLarge,
    Slow,
    NotFound,
    WrongMethod,
    NoSuchModel,
    NoSuchResponse,
    NoProviderKey,
    Busy,
    Unreachable,
    Broken,
    TimedOut,
    Internal,
}

impl Reason {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::NotFound | Self::NoSuchModel | Self::NoSuchResponse => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            // Not 401: the client's key is fine. Not 5xx: SDKs would only try again.
            Self::NoProviderKey => StatusCode::FORBIDDEN,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable, for programs: OpenAI's `code`, the record's `error.type` and the metric's label.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unauthenticated => "invalid_api_key",
            Self::InvalidRequest => "invalid_request",
            Self::TooLarge => "request_too_large",
            Self::Slow => "request_timeout",
            Self::NotFound => "unknown_url",
            Self::WrongMethod => "method_not_allowed",
            Self::NoSuchModel => "model_not_found",
            Self::NoSuchResponse => "response_not_found",
            Self::NoProviderKey => "provider_key_missing",
            Self::Busy => "gateway_busy",
            Self::Unreachable => "upstream_unreachable",
            Self::Broken => "upstream_disconnected",
            Self::TimedOut => "upstream_timeout",
            Self::Internal => "internal_error",
        }
    }

    const fn openai_type(self) -> &'static str {
        match self.status().as_u16() {
            400..500 => "invalid_request_error",
            _ => "server_error",
        }
    }

    const fn anthropic_type(self) -> &'static str {
        match self {
            Self::Unauthenticated => "authentication_error",
            Self::InvalidRequest | Self::Slow | Self::WrongMethod => "invalid_request_error",
            Self::TooLarge => "request_too_large",
            Self::NotFound | Self::NoSuchModel | Self::NoSuchResponse => "not_found_error",
            Self::NoProviderKey => "permission_error",
            Self::Busy => "overloaded_error",
            Self::TimedOut => "timeout_error",
            Self::Unreachable | Self::Broken | Self::Internal => "api_error",
        }
    }
}

/// An answer of the gateway's own. The message says what to do next, and holds no secret and no content.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    message: String,
    /// The request's field that is at fault (OpenAI's `param`).
    param: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), param: None }
    }

    pub(super) const fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.reason.status()
    }

    fn body(&self, protocol: Protocol) -> serde_json::Value {
        match protocol {
            Protocol::OpenAi => json!({"error": {
                "message": self.message,
                "type": self.reason.openai_type(),
                "param": self.param,
                "code": self.reason.code(),
            }}),
            Protocol::Anthropic => json!({
                "type": "error",
                "error": {"type": self.reason.anthropic_type(), "message": self.message},
            }),
        }
    }

    pub(super) fn into_response(self, protocol: Protocol) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body(protocol).to_string()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.reason == Reason::Busy {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The event that ends a stream whose status was sent long ago.
    pub(super) fn event(&self, protocol: Protocol) -> String {
        let body = self.body(protocol);
        match protocol {
            Protocol::OpenAi => format!("data: {body}\n\n"),
            Protocol::Anthropic => format!("event: error\ndata: {body}\n\n"),
        }
    }
}
