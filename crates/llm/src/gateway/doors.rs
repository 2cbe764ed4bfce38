//! Which address is which door. What is no door is answered in the provider's shape too.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, any, delete, get, post};
use http::{Request, Response};

use super::Inner;
use super::passing;
use super::pipeline::{self, Door};
use super::refusal::{Reason, Refusal};
use crate::wire::Protocol;

type Doors = MethodRouter<Arc<Inner>>;

pub(super) fn router(gateway: Arc<Inner>) -> Router {
    Router::new()
        .route("/v1/chat/completions", model(Door::CHAT))
        .route("/v1/completions", model(Door::COMPLETIONS))
        .route("/v1/embeddings", model(Door::EMBEDDINGS))
        .route("/v1/responses", model(Door::RESPONSES))
        .route("/v1/responses/{id}", delete(response).merge(get(response)).fallback(wrong_method_openai))
        .route("/v1/responses/{id}/cancel", post(response).fallback(wrong_method_openai))
        .route("/v1/responses/{id}/input_items", get(response).fallback(wrong_method_openai))
        .route("/v1/models", models(Protocol::OpenAi))
        .route("/v1/models/{*model}", one_model(Protocol::OpenAi))
        .route("/v1/{*rest}", unknown(Protocol::OpenAi))
        .route("/anthropic/v1/messages", model(Door::MESSAGES))
        .route("/anthropic/v1/messages/count_tokens", model(Door::COUNT_TOKENS))
        .route("/anthropic/v1/models", models(Protocol::Anthropic))
        .route("/anthropic/v1/models/{*model}", one_model(Protocol::Anthropic))
        // To some clients (Vercel's AI SDK) `ANTHROPIC_BASE_URL` ends with the `/v1`, so that they leave it out.
        .route("/anthropic/messages", model(Door::MESSAGES))
        .route("/anthropic/messages/count_tokens", model(Door::COUNT_TOKENS))
        .route("/anthropic/{*rest}", unknown(Protocol::Anthropic))
        .with_state(gateway)
}

fn answer(protocol: Protocol, answered: Result<Response<Body>, Refusal>) -> Response<Body> {
    answered.unwrap_or_else(|refusal| refusal.into_response(protocol))
}

fn model(door: Door) -> Doors {
    let handler = move |State(gateway): State<Arc<Inner>>, request: Request<Body>| async move {
        answer(door.protocol(), pipeline::call(gateway, door, request).await)
    };
    wrong_method(post(handler), door.protocol())
}

fn models(protocol: Protocol) -> Doors {
    let handler = move |State(gateway): State<Arc<Inner>>, request: Request<Body>| async move {
        answer(protocol, passing::models(gateway, protocol, request).await)
    };
    wrong_method(get(handler), protocol)
}

fn one_model(protocol: Protocol) -> Doors {
    let handler = move |State(gateway): State<Arc<Inner>>, Path(model): Path<String>, request: Request<Body>| async move {
        answer(protocol, passing::model(gateway, protocol, &model, request).await)
    };
    wrong_method(get(handler), protocol)
}

async fn response(State(gateway): State<Arc<Inner>>, Path(id): Path<String>, request: Request<Body>) -> Response<Body> {
    answer(Protocol::OpenAi, passing::response(gateway, &id, request).await)
}

fn wrong_method(doors: Doors, protocol: Protocol) -> Doors {
    doors.fallback(move || async move { refuse_method(protocol) })
}

async fn wrong_method_openai() -> Response<Body> {
    refuse_method(Protocol::OpenAi)
}

fn refuse_method(protocol: Protocol) -> Response<Body> {
    let refusal =
        Refusal::new(Reason::WrongMethod, "this address does not take this method; see the provider's API reference");
    refusal.into_response(protocol)
}

fn unknown(protocol: Protocol) -> Doors {
    any(move |State(gateway): State<Arc<Inner>>, request: Request<Body>| async move {
        answer(protocol, passing::unknown(gateway, protocol, request).await)
    })
}
