//! The protocols the engine speaks, one module each, and the routes to them.

mod chat;
mod completions;
mod embeddings;
mod messages;
mod probes;
mod responses;

pub(super) use responses::StoredResponses;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Response, StatusCode, header};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;

use super::engine::{Engine, Refusal};

/// Long enough for the longest contexts that engines take; a simulated engine on loopback needs no finer limit.
const REQUEST_BYTES_MAX: usize = 64 << 20;

pub(super) fn routes(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat::handle))
        .route("/v1/chat/completions/render", post(chat::render))
        .route("/v1/completions", post(completions::handle))
        .route("/v1/responses", post(responses::handle))
        .route("/v1/responses/{id}", get(responses::retrieve).delete(responses::delete))
        .route("/v1/responses/{id}/cancel", post(responses::cancel))
        .route("/v1/embeddings", post(embeddings::handle))
        .route("/v1/messages", post(messages::handle))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/v1/models", get(probes::models))
        .route("/tokenize", post(probes::tokenize))
        .route("/metrics", get(probes::metrics))
        .route("/health", get(probes::health))
        .route("/health_generate", get(probes::health))
        .route("/ping", get(probes::health))
        .route("/version", get(probes::version))
        .route("/server_info", get(probes::server_info))
        .route("/get_server_info", get(probes::server_info))
        .route("/model_info", get(probes::model_info))
        .route("/get_model_info", get(probes::model_info))
        .route("/load", get(probes::load))
        .route("/loads", get(probes::loads))
        .route("/get_load", get(probes::loads))
        .route("/v1/loads", get(probes::loads))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(engine)
}

/// Decodes a body; what is wrong with it is said in the words of the JSON reader.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(malformed)
}

fn malformed(error: serde_json::Error) -> Refusal {
    Refusal { status: 400, message: format!("the request body is not what this endpoint takes: {error}") }
}

fn json(body: impl Into<Body>) -> Response<Body> {
    typed(StatusCode::OK, "application/json", body)
}

fn event_stream(body: Body) -> Response<Body> {
    typed(StatusCode::OK, "text/event-stream; charset=utf-8", body)
}

fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// The status of a refusal, held to what an error may be.
fn status(refusal: &Refusal) -> StatusCode {
    let allowed = StatusCode::from_u16(refusal.status).ok().filter(|s| s.is_client_error() || s.is_server_error());
    allowed.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// OpenAI's error shape.
fn refuse(refusal: &Refusal) -> Response<Body> {
    let status = status(refusal);
    let kind = match status.as_u16() {
        400..=428 => "invalid_request_error",
        429 => "rate_limit_error",
        _ => "server_error",
    };
    let error = serde_json::json!({"message": refusal.message, "type": kind, "param": null, "code": status.as_u16()});
    typed(status, "application/json", serde_json::json!({ "error": error }).to_string())
}

/// Anthropic's error shape.
fn refuse_anthropic(refusal: &Refusal) -> Response<Body> {
    let status = status(refusal);
    let kind = match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    let error = serde_json::json!({"type": kind, "message": refusal.message});
    typed(status, "application/json", serde_json::json!({"type": "error", "error": error}).to_string())
}
