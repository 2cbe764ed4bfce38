//! What the gateway answers by itself, in the shape of the door's own provider.

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use mizzen_control::gate::{Denial, DenialCode};
use mizzen_model::refusal::RefusalCode;
use mizzen_model::time::Timestamp;
use serde_json::{Value, json};

use crate::wire::Protocol;

/// The decision that an answer of the gateway's own rests on; also in the body.
const DECISION: HeaderName = HeaderName::from_static("mizzen-decision");
/// The official clients try again after 409, 429 and 5xx unless this says `false`.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

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
    /// Policy, a budget or a pause said no.
    Denied(DenialCode),
    /// A person has not answered yet.
    Held,
    /// The agent was stopped while the call was going on.
    Stopped,
    /// Mizzen ends while the call is going on.
    Ending,
    SecretFound,
    GuardrailDenied,
    GuardrailFailed,
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
            Self::Denied(DenialCode::BudgetExhausted | DenialCode::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
            Self::Denied(DenialCode::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            // Not 401: the client's key is fine. Not 5xx: SDKs would only try again.
            Self::Denied(_) | Self::Stopped | Self::SecretFound | Self::GuardrailDenied | Self::GuardrailFailed => {
                StatusCode::FORBIDDEN
            }
            // The official clients ask again by themselves, and so go on waiting.
            Self::Held => StatusCode::CONFLICT,
            // The caller can do nothing about it.
            Self::NoProviderKey | Self::Busy | Self::Ending => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::Denied(code) => code.as_str(),
            Self::Held => RefusalCode::ApprovalPending.as_str(),
            Self::Stopped => RefusalCode::Stopped.as_str(),
            Self::Ending => "gateway_ending",
            Self::SecretFound => RefusalCode::SecretFound.as_str(),
            Self::GuardrailDenied => RefusalCode::GuardrailDenied.as_str(),
            Self::GuardrailFailed => RefusalCode::GuardrailFailed.as_str(),
        }
    }

    const fn openai_type(self) -> &'static str {
        match self {
            Self::Denied(DenialCode::BudgetExhausted) => "insufficient_quota",
            Self::Denied(DenialCode::RateLimited) => "rate_limit_exceeded",
            Self::Denied(DenialCode::Unavailable) => "server_error",
            Self::Denied(_)
            | Self::Held
            | Self::Stopped
            | Self::SecretFound
            | Self::GuardrailDenied
            | Self::GuardrailFailed => "permission_denied",
            _ => match self.status().as_u16() {
                400..500 => "invalid_request_error",
                _ => "server_error",
            },
        }
    }

    const fn anthropic_type(self) -> &'static str {
        match self {
            Self::Unauthenticated => "authentication_error",
            Self::InvalidRequest | Self::Slow | Self::WrongMethod => "invalid_request_error",
            Self::TooLarge => "request_too_large",
            Self::NotFound | Self::NoSuchModel | Self::NoSuchResponse => "not_found_error",
            Self::Denied(DenialCode::BudgetExhausted | DenialCode::RateLimited) => "rate_limit_error",
            Self::Denied(DenialCode::Unavailable) => "api_error",
            Self::Denied(_)
            | Self::Held
            | Self::Stopped
            | Self::SecretFound
            | Self::GuardrailDenied
            | Self::GuardrailFailed => "permission_error",
            Self::Busy | Self::Ending => "overloaded_error",
            Self::TimedOut => "timeout_error",
            Self::NoProviderKey | Self::Unreachable | Self::Broken | Self::Internal => "api_error",
        }
    }

    /// Whether the official clients, which would try again, would only hear the same.
    const fn is_final(self) -> bool {
        matches!(self, Self::NoProviderKey | Self::Denied(DenialCode::BudgetExhausted))
    }
}

/// An answer of the gateway's own. The message says what to do next, and holds no secret and no content.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    message: String,
    /// The request's field that is at fault (OpenAI's `param`).
    param: Option<&'static str>,
    decision_id: Option<String>,
    approval_id: Option<String>,
    retry_after_seconds: Option<u64>,
    /// A policy says that nothing of the content may be recorded, of a call that does not go out either.
    pub(super) is_secret: bool,
}

impl Refusal {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        let retry_after_seconds = (reason == Reason::Busy).then_some(1);
        let message = message.into();
        let (param, decision_id, approval_id) = (None, None, None);
        Self { reason, message, param, decision_id, approval_id, retry_after_seconds, is_secret: false }
    }

    /// What the gate said, for the caller.
    pub(super) fn denied(denial: Denial, now: Timestamp) -> Self {
        let mut refusal = Self::new(Reason::Denied(denial.code), denial.message);
        refusal.decision_id = Some(denial.decision.id.clone());
        refusal.retry_after_seconds = denial.retry_at.map(|at| seconds_until(at, now));
        refusal.is_secret = denial.record_content == Some(false);
        refusal
    }

    /// `record_content`: as the decision says.
    pub(super) fn held(message: String, decision_id: &str, approval_id: String, record_content: Option<bool>) -> Self {
        let mut refusal = Self::new(Reason::Held, message);
        refusal.decision_id = Some(decision_id.to_owned());
        refusal.approval_id = Some(approval_id);
        refusal.is_secret = record_content == Some(false);
        refusal
    }

    pub(super) fn decided_by(mut self, decision_id: &str) -> Self {
        self.decision_id = Some(decision_id.to_owned());
        self
    }

    pub(super) const fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.reason.status()
    }

    pub(super) fn decision_id(&self) -> Option<&str> {
        self.decision_id.as_deref()
    }

    /// Why permission said no, as it may be recorded: what a guardrail says of a call may quote it.
    pub(super) fn recordable(&self) -> Option<&str> {
        let is_own = matches!(self.reason, Reason::Denied(_) | Reason::Held | Reason::Stopped | Reason::SecretFound);
        is_own.then_some(self.message.as_str())
    }

    fn body(&self, protocol: Protocol) -> Value {
        let mut body = match protocol {
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
        };
        if let Some(Value::Object(error)) = body.get_mut("error") {
            for (name, id) in [("decision_id", &self.decision_id), ("approval_id", &self.approval_id)] {
                if let Some(id) = id {
                    error.insert(name.to_owned(), Value::String(id.clone()));
                    error.insert("code".to_owned(), Value::from(self.reason.code()));
                }
            }
        }
        body
    }

    pub(super) fn into_response(self, protocol: Protocol) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body(protocol).to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.reason.is_final() {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(id) = self.decision_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(DECISION, id);
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

/// Rounded up, and at least one.
fn seconds_until(at: Timestamp, now: Timestamp) -> u64 {
    const SECOND: i64 = 1_000_000_000;
    let nanos = at.unix_nanos().saturating_sub(now.unix_nanos()).max(1);
    u64::try_from((nanos - 1) / SECOND + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests;
