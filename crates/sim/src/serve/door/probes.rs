//! What routers and operators ask an engine about itself, in vLLM's and SGLang's words.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json as value};

use super::super::ask::Text;
use super::super::engine::Engine;
use super::super::prefix::BLOCK_TOKENS;
use super::{chat, decode, json, refuse, typed};

const CONTEXT_TOKENS: usize = 131_072;

pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

pub(super) async fn version() -> Response<Body> {
    json(value!({"version": concat!("sim-", env!("CARGO_PKG_VERSION"))}).to_string())
}

/// OpenAI's list, or Anthropic's for a client that says which of its versions it speaks.
pub(super) async fn models(State(engine): State<Arc<Engine>>, headers: HeaderMap) -> Response<Body> {
    let names = &engine.config.models;
    if headers.contains_key("anthropic-version") {
        let entry = |name: &String| value!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"});
        let data: Vec<Value> = names.iter().map(entry).collect();
        let body = value!({"data": data, "has_more": false, "first_id": names.first(), "last_id": names.last()});
        return json(body.to_string());
    }
    let entry = |name: &String| {
        value!({"id": name, "object": "model", "created": 0, "owned_by": "sim", "root": name, "parent": null,
                "max_model_len": CONTEXT_TOKENS})
    };
    json(value!({"object": "list", "data": names.iter().map(entry).collect::<Vec<_>>()}).to_string())
}

pub(super) async fn metrics(State(engine): State<Arc<Engine>>) -> Response<Body> {
    let text = engine.load.render(model(&engine), engine.config.cache_blocks);
    typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

#[derive(Deserialize)]
struct TokenizeRequest {
    #[serde(default)]
    prompt: Text,
    #[serde(default)]
    messages: Vec<Text>,
}

/// vLLM's `/tokenize`, for a prompt or for messages.
pub(super) async fn tokenize(body: Bytes) -> Response<Body> {
    let request: TokenizeRequest = match decode(&body) {
        Ok(request) => request,
        Err(refusal) => return refuse(&refusal),
    };
    let texts = std::iter::once(&request.prompt).chain(&request.messages);
    let prompt: String = texts.map(|text| text.0.as_str()).collect();
    let tokens = chat::token_ids(prompt.as_bytes());
    json(value!({"count": tokens.len(), "max_model_len": CONTEXT_TOKENS, "tokens": tokens}).to_string())
}

pub(super) async fn server_info(State(engine): State<Arc<Engine>>) -> Response<Body> {
    let body = value!({
        "model_path": model(&engine), "served_model_name": model(&engine), "tokenizer_path": model(&engine),
        "version": concat!("sim-", env!("CARGO_PKG_VERSION")), "status": "ready",
        "tp_size": 1, "dp_size": 1, "page_size": BLOCK_TOKENS,
        "max_total_num_tokens": engine.config.cache_blocks * BLOCK_TOKENS,
        "max_running_requests": engine.config.running_max,
    });
    json(body.to_string())
}

pub(super) async fn model_info(State(engine): State<Arc<Engine>>) -> Response<Body> {
    let name = model(&engine);
    json(value!({"model_path": name, "tokenizer_path": name, "is_generation": true}).to_string())
}

/// vLLM's `/load`: requests in the server.
pub(super) async fn load(State(engine): State<Arc<Engine>>) -> Response<Body> {
    let all = engine.load.running.load(Relaxed) + engine.load.waiting.load(Relaxed);
    json(value!({ "server_load": all }).to_string())
}

/// SGLang's load, as a list with one entry for the one data-parallel rank.
pub(super) async fn loads(State(engine): State<Arc<Engine>>) -> Response<Body> {
    let (running, waiting) = (engine.load.running.load(Relaxed), engine.load.waiting.load(Relaxed));
    let held = engine.load.blocks_held.load(Relaxed) * BLOCK_TOKENS as u64;
    let rank = value!({
        "dp_rank": 0, "num_reqs": running + waiting, "num_running_reqs": running, "num_waiting_reqs": waiting,
        "num_tokens": held, "token_usage": engine.load.cache_use(engine.config.cache_blocks),
    });
    json(value!({"loads": [rank], "dp_size": 1, "version": concat!("sim-", env!("CARGO_PKG_VERSION"))}).to_string())
}

fn model(engine: &Engine) -> &str {
    engine.config.models.first().map_or("sim-1", String::as_str)
}
