//! OpenAI's older completions: a prompt in, its continuation out.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use serde::Deserialize;
use serde_json::json as value;

use super::super::answer::Stop;
use super::super::ask::{Ask, Text};
use super::super::engine::{Engine, Plan, Refusal};
use super::super::pace::Frames;
use super::chat::StreamOptions;
use super::{decode, event_stream, json, refuse};

#[derive(Deserialize)]
struct CompletionRequest {
    #[serde(default)]
    model: String,
    #[serde(default)]
    prompt: Text,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<usize>,
}

pub(super) async fn handle(State(engine): State<Arc<Engine>>, body: Bytes) -> Response<Body> {
    match answer(&engine, &body).await {
        Ok(response) => response,
        Err(refusal) => refuse(&refusal),
    }
}

async fn answer(engine: &Engine, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: CompletionRequest = decode(body)?;
    let mut ask = Ask::new(&request.model);
    ask.tokens_max = request.max_tokens;
    ask.user(&request.prompt.0);
    let mut plan = engine.admit(&ask).await?;
    if request.stream {
        let include_usage = request.stream_options.is_some_and(|options| options.include_usage);
        return Ok(event_stream(frames(&plan, include_usage).play(plan.pace, plan.slot)));
    }
    plan.pace.reach(plan.answer.completion_tokens).await;
    plan.slot.saw_first_token();
    plan.slot.finish();
    let text = plan.answer.escaped_text();
    let head = head(&plan);
    let finish = finish_reason(&plan);
    Ok(json(format!(
        "{head}\"choices\":[{{\"index\":0,\"text\":\"{text}\",\"logprobs\":null,\"finish_reason\":\"{finish}\"}}],\
         \"usage\":{}}}",
        usage(&plan)
    )))
}

fn head(plan: &Plan) -> String {
    format!(
        "{{\"id\":\"cmpl-{}\",\"object\":\"text_completion\",\"created\":{},\"model\":\"{}\",",
        plan.id, plan.created_seconds, plan.model_escaped
    )
}

fn finish_reason(plan: &Plan) -> &'static str {
    if plan.answer.stop == Stop::Length { "length" } else { "stop" }
}

fn usage(plan: &Plan) -> serde_json::Value {
    value!({
        "prompt_tokens": plan.prompt_tokens,
        "completion_tokens": plan.answer.completion_tokens,
        "total_tokens": plan.prompt_tokens + plan.answer.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": plan.cached_tokens},
    })
}

fn frames(plan: &Plan, include_usage: bool) -> Frames {
    let head = head(plan);
    let pieces = plan.answer.pieces();
    let mut frames = Frames::with_capacity((head.len() + 80) * (pieces.len() + 2));
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        let finish = if last { format!("\"{}\"", finish_reason(plan)) } else { "null".to_owned() };
        frames.push(
            index + 1,
            format_args!(
                "data: {head}\"choices\":[{{\"index\":0,\"text\":\"{piece}\",\"logprobs\":null,\
                 \"finish_reason\":{finish}}}]}}\n\n"
            ),
        );
    }
    if include_usage {
        frames.push(pieces.len(), format_args!("data: {head}\"choices\":[],\"usage\":{}}}\n\n", usage(plan)));
    }
    frames.push(pieces.len(), format_args!("data: [DONE]\n\n"));
    frames
}
