//! OpenAI embeddings: unit vectors that depend on the text alone.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json as value};

use super::super::engine::{Engine, Refusal};
use super::super::prefix;
use super::super::random::Random;
use super::{decode, json, refuse};

const DIMENSIONS_MAX: usize = 4096;

#[derive(Deserialize)]
struct EmbeddingRequest {
    #[serde(default)]
    model: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    dimensions: Option<usize>,
    #[serde(default)]
    encoding_format: Option<String>,
}

pub(super) async fn handle(State(engine): State<Arc<Engine>>, body: Bytes) -> Response<Body> {
    match answer(&engine, &body) {
        Ok(response) => response,
        Err(refusal) => refuse(&refusal),
    }
}

fn answer(engine: &Engine, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: EmbeddingRequest = decode(body)?;
    let dimensions = request.dimensions.unwrap_or(engine.config.embedding_dimensions).clamp(1, DIMENSIONS_MAX);
    let as_base64 = request.encoding_format.as_deref() == Some("base64");
    let inputs = inputs(request.input);
    let prompt_tokens: usize = inputs.iter().map(|input| prefix::tokens(input.len())).sum();
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = vector(input.as_bytes(), dimensions);
            let embedding = if as_base64 { packed(&vector) } else { value!(vector) };
            value!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let usage = value!({"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens});
    Ok(json(value!({"object": "list", "data": data, "model": request.model, "usage": usage}).to_string()))
}

/// One text, several texts, one list of token ids, or several.
fn inputs(input: Value) -> Vec<String> {
    match input {
        Value::String(text) => vec![text],
        Value::Array(items) if items.iter().all(Value::is_number) => vec![Value::Array(items).to_string()],
        Value::Array(items) => {
            items.into_iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        other => vec![other.to_string()],
    }
}

fn vector(text: &[u8], dimensions: usize) -> Vec<f32> {
    let mut random = Random::new(prefix::fold(0, text));
    let raw: Vec<f64> = (0..dimensions).map(|_| random.unit() * 2.0 - 1.0).collect();
    let length = raw.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    raw.iter().map(|x| (x / length) as f32).collect()
}

/// Little-endian floats in base64: what the official Python client asks for unless told otherwise.
fn packed(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    Value::String(STANDARD.encode(bytes))
}
