//! Anthropic's Messages API: content blocks, named events, cached tokens beside the input and not part of it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json as value};

use super::super::answer::Stop;
use super::super::ask::{Ask, Text};
use super::super::engine::{Engine, Plan, Refusal};
use super::super::pace::Frames;
use super::super::prefix;
use super::chat::pieces_of_arguments;
use super::{decode, event_stream, json, refuse_anthropic};

#[derive(Deserialize)]
struct MessagesRequest {
    #[serde(default)]
    model: String,
    #[serde(default)]
    system: Text,
    #[serde(default)]
    messages: Vec<Turn>,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default)]
    max_tokens: Option<usize>,
    #[serde(default)]
    stream: bool,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    #[serde(default)]
    content: Value,
}

pub(super) async fn handle(State(engine): State<Arc<Engine>>, body: Bytes) -> Response<Body> {
    match answer(&engine, &body).await {
        Ok(response) => response,
        Err(refusal) => refuse_anthropic(&refusal),
    }
}

pub(super) async fn count_tokens(body: Bytes) -> Response<Body> {
    match read(&body) {
        Ok(ask) => json(value!({"input_tokens": prefix::tokens(ask.prompt().len())}).to_string()),
        Err(refusal) => refuse_anthropic(&refusal),
    }
}

async fn answer(engine: &Engine, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let ask = read(body)?;
    let mut plan = engine.admit(&ask).await?;
    if ask.stream {
        return Ok(event_stream(frames(&plan, &ask.model).play(plan.pace, plan.slot)));
    }
    plan.pace.reach(plan.answer.completion_tokens).await;
    plan.slot.saw_first_token();
    plan.slot.finish();
    let mut message = opening(&plan, &ask.model);
    message["content"] = Value::Array(blocks(&plan));
    message["stop_reason"] = value!(stop_reason(plan.answer.stop));
    message["usage"]["output_tokens"] = value!(plan.answer.completion_tokens);
    Ok(json(message.to_string()))
}

fn read(body: &[u8]) -> Result<Ask, Refusal> {
    let request: MessagesRequest = decode(body)?;
    let mut ask = Ask::new(&request.model);
    ask.stream = request.stream;
    ask.tokens_max = request.max_tokens;
    for tool in &request.tools {
        ask.offer(tool["name"].as_str().unwrap_or_default(), &tool.to_string());
    }
    if !request.system.0.is_empty() {
        ask.system(&request.system.0);
    }
    for turn in &request.messages {
        read_turn(&mut ask, turn);
    }
    Ok(ask)
}

fn read_turn(ask: &mut Ask, turn: &Turn) {
    let text = |content: &Value| Text::deserialize(content).unwrap_or_default().0;
    let blocks = turn.content.as_array().map(Vec::as_slice).unwrap_or_default();
    if turn.role == "assistant" {
        let calls: String = blocks.iter().filter(|b| b["type"] == "tool_use").map(Value::to_string).collect();
        return ask.assistant(&text(&turn.content), &calls);
    }
    let results = || blocks.iter().filter(|block| block["type"] == "tool_result");
    for result in results() {
        ask.tool_result(&text(&result["content"]));
    }
    if results().next().is_none() {
        ask.user(&text(&turn.content));
    }
}

/// A message before its content: what `message_start` carries.
fn opening(plan: &Plan, model: &str) -> Value {
    value!({
        "id": format!("msg_{}", plan.id), "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {
            "input_tokens": plan.prompt_tokens - plan.cached_tokens, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": plan.cached_tokens, "output_tokens": 1,
        },
    })
}

fn text_of(plan: &Plan) -> String {
    plan.answer.pieces().iter().map(|piece| unescape(piece)).collect()
}

fn unescape(piece: &str) -> String {
    serde_json::from_str(&format!("\"{piece}\"")).unwrap_or_default()
}

fn blocks(plan: &Plan) -> Vec<Value> {
    let text = plan.answer.has_text().then(|| value!({"type": "text", "text": text_of(plan)}));
    let calls = plan.answer.calls.iter().map(|call| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        value!({"type": "tool_use", "id": call.id.replacen("call_", "toolu_", 1), "name": call.tool, "input": input})
    });
    text.into_iter().chain(calls).collect()
}

const fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Calls => "tool_use",
    }
}

fn frames(plan: &Plan, model: &str) -> Frames {
    let answer = &plan.answer;
    let mut frames = Frames::default();
    let mut tokens = 0;
    let event = |frames: &mut Frames, tokens: usize, data: Value| {
        let name = data["type"].as_str().unwrap_or_default().to_owned();
        frames.push_event(tokens, &name, &data);
    };
    event(&mut frames, 1, value!({"type": "message_start", "message": opening(plan, model)}));
    event(&mut frames, 1, value!({"type": "ping"}));
    for (index, mut block) in blocks(plan).into_iter().enumerate() {
        let is_text = block["type"] == "text";
        block[if is_text { "text" } else { "input" }] = if is_text { value!("") } else { value!({}) };
        event(&mut frames, tokens + 1, value!({"type": "content_block_start", "index": index, "content_block": block}));
        let deltas: Vec<Value> = if is_text {
            answer.pieces().iter().map(|p| value!({"type": "text_delta", "text": unescape(p)})).collect()
        } else {
            let call = &answer.calls[index - usize::from(answer.has_text())];
            pieces_of_arguments(&call.arguments)
                .map(|part| value!({"type": "input_json_delta", "partial_json": part}))
                .collect()
        };
        for delta in deltas {
            tokens += 1;
            event(&mut frames, tokens, value!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        event(&mut frames, tokens, value!({"type": "content_block_stop", "index": index}));
    }
    let delta = value!({"stop_reason": stop_reason(answer.stop), "stop_sequence": null});
    let usage = value!({"output_tokens": answer.completion_tokens});
    event(&mut frames, answer.completion_tokens, value!({"type": "message_delta", "delta": delta, "usage": usage}));
    event(&mut frames, answer.completion_tokens, value!({"type": "message_stop"}));
    frames
}
