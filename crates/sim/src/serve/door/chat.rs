//! OpenAI chat completions. Bodies are written by hand from prepared pieces: this is the path that benchmarks of
//! proxies load, and the engine must not be what they measure.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::answer::{Stop, escape};
use super::super::ask::{Ask, Text};
use super::super::engine::{Engine, Plan, Refusal};
use super::super::pace::Frames;
use super::super::prefix;
use super::{event_stream, json, malformed, refuse};

#[derive(Deserialize)]
struct ChatRequest<'a> {
    #[serde(default)]
    model: String,
    #[serde(default, borrow)]
    messages: Vec<ChatMessage<'a>>,
    #[serde(default, borrow)]
    tools: Vec<&'a RawValue>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<usize>,
    #[serde(default)]
    max_completion_tokens: Option<usize>,
}

#[derive(Deserialize)]
struct ChatMessage<'a> {
    role: &'a str,
    #[serde(default)]
    content: Text,
    #[serde(default, borrow)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(default)]
    function: Option<ToolFunction>,
}

#[derive(Deserialize)]
struct ToolFunction {
    name: String,
}

pub(super) async fn handle(State(engine): State<Arc<Engine>>, body: Bytes) -> Response<Body> {
    match answer(&engine, &body).await {
        Ok(response) => response,
        Err(refusal) => refuse(&refusal),
    }
}

async fn answer(engine: &Engine, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let ask = read(body)?;
    let mut plan = engine.admit(&ask).await?;
    if ask.stream {
        let frames = frames(&plan, ask.include_usage);
        return Ok(event_stream(frames.play(plan.pace, plan.slot)));
    }
    plan.pace.reach(plan.answer.completion_tokens).await;
    plan.slot.saw_first_token();
    plan.slot.finish();
    Ok(json(body_of(&plan)))
}

/// vLLM's `/v1/chat/completions/render`: the tokens of the prompt without computing anything.
pub(super) async fn render(body: Bytes) -> Response<Body> {
    match read(&body) {
        Ok(ask) => {
            let tokens = token_ids(ask.prompt());
            json(serde_json::json!({"model": ask.model, "token_ids": tokens, "count": tokens.len()}).to_string())
        }
        Err(refusal) => refuse(&refusal),
    }
}

/// One id for every four bytes, in the range of a real vocabulary.
pub(super) fn token_ids(prompt: &[u8]) -> Vec<u64> {
    prompt.chunks(prefix::TOKEN_BYTES).map(|token| prefix::fold(0, token) % 128_000).collect()
}

fn read(body: &[u8]) -> Result<Ask, Refusal> {
    let request: ChatRequest<'_> = serde_json::from_slice(body).map_err(malformed)?;
    let mut ask = Ask::new(&request.model);
    ask.stream = request.stream;
    ask.include_usage = request.stream_options.is_some_and(|options| options.include_usage);
    ask.tokens_max = request.max_completion_tokens.or(request.max_tokens);
    for raw in request.tools {
        let tool: Tool = serde_json::from_str(raw.get()).map_err(malformed)?;
        ask.offer(tool.function.as_ref().map_or("", |function| &function.name), raw.get());
    }
    for message in &request.messages {
        let text = &message.content.0;
        match message.role {
            "system" | "developer" => ask.system(text),
            "assistant" => ask.assistant(text, message.tool_calls.map_or("", RawValue::get)),
            "tool" | "function" => ask.tool_result(text),
            _ => ask.user(text),
        }
    }
    Ok(ask)
}

const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Length => "length",
        Stop::Calls => "tool_calls",
    }
}

fn usage(plan: &Plan) -> String {
    let (prompt, completion) = (plan.prompt_tokens, plan.answer.completion_tokens);
    format!(
        "{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":{}}}}}",
        prompt + completion,
        plan.cached_tokens
    )
}

fn body_of(plan: &Plan) -> String {
    let answer = &plan.answer;
    let mut body = String::with_capacity(512 + answer.pieces().len() * 8);
    let _ = write!(
        body,
        "{{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion\",\"created\":{},\"model\":\"{}\",\"choices\":[{{\
         \"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":",
        plan.id, plan.created_seconds, plan.model_escaped
    );
    if answer.has_text() || answer.calls.is_empty() {
        body.push('"');
        answer.pieces().iter().for_each(|piece| body.push_str(piece));
        body.push('"');
    } else {
        body.push_str("null");
    }
    body.push_str(",\"refusal\":null");
    for (index, call) in answer.calls.iter().enumerate() {
        body.push_str(if index == 0 { ",\"tool_calls\":[" } else { "," });
        let _ = write!(
            body,
            "{{\"id\":\"{}\",\"type\":\"function\",\"function\":{{\"name\":\"{}\",\"arguments\":\"{}\"}}}}",
            call.id,
            escape(&call.tool),
            escape(&call.arguments)
        );
    }
    if !answer.calls.is_empty() {
        body.push(']');
    }
    let _ = write!(
        body,
        "}},\"logprobs\":null,\"finish_reason\":\"{}\"}}],\"usage\":{}}}",
        finish_reason(answer.stop),
        usage(plan)
    );
    body
}

fn frames(plan: &Plan, include_usage: bool) -> Frames {
    let answer = &plan.answer;
    let head = format!(
        "data: {{\"id\":\"chatcmpl-{}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":\"{}\",",
        plan.id, plan.created_seconds, plan.model_escaped
    );
    let tail = if include_usage { ",\"usage\":null}\n\n" } else { "}\n\n" };
    let mut frames = Frames::with_capacity((head.len() + 96) * (answer.pieces().len() + 4));
    let mut tokens = 0;
    let mut delta = |tokens: usize, delta: std::fmt::Arguments<'_>, finish: Option<&str>| {
        let (quote, finish) = finish.map_or(("", "null"), |reason| ("\"", reason));
        frames.push(
            tokens,
            format_args!(
                "{head}\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\
                 \"finish_reason\":{quote}{finish}{quote}}}]{tail}"
            ),
        );
    };
    delta(1, format_args!("\"role\":\"assistant\",\"content\":\"\""), None);
    for piece in answer.pieces() {
        tokens += 1;
        delta(tokens, format_args!("\"content\":\"{piece}\""), None);
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let name = escape(&call.tool);
        delta(
            tokens + 1,
            format_args!(
                "\"tool_calls\":[{{\"index\":{index},\"id\":\"{}\",\"type\":\"function\",\
                 \"function\":{{\"name\":\"{name}\",\"arguments\":\"\"}}}}]",
                call.id
            ),
            None,
        );
        tokens += prefix::tokens(call.tool.len());
        for part in pieces_of_arguments(&call.arguments) {
            tokens += 1;
            let part = escape(part);
            delta(
                tokens,
                format_args!("\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":\"{part}\"}}}}]"),
                None,
            );
        }
    }
    delta(answer.completion_tokens, format_args!(""), Some(finish_reason(answer.stop)));
    if include_usage {
        let usage = usage(plan);
        frames.push(answer.completion_tokens, format_args!("{head}\"choices\":[],\"usage\":{usage}}}\n\n"));
    }
    frames.push(answer.completion_tokens, format_args!("data: [DONE]\n\n"));
    frames
}

/// Arguments come in pieces that are no valid JSON by themselves, as real engines send them.
pub(super) fn pieces_of_arguments(arguments: &str) -> impl Iterator<Item = &str> {
    let mut rest = arguments;
    std::iter::from_fn(move || {
        let mut cut = rest.len().min(4 * prefix::TOKEN_BYTES);
        while !rest.is_char_boundary(cut) {
            cut += 1;
        }
        let (piece, after) = rest.split_at(cut);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
