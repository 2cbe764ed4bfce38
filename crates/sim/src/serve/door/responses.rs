//! OpenAI's Responses API: typed items, typed events, and responses that can be asked for again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json as value};

use super::super::answer::Stop;
use super::super::ask::{Ask, Text};
use super::super::engine::{Engine, Plan, Refusal};
use super::super::pace::Frames;
use super::chat::pieces_of_arguments;
use super::{decode, event_stream, json, refuse};

#[derive(Deserialize)]
struct ResponsesRequest {
    #[serde(default)]
    model: String,
    #[serde(default)]
    instructions: Text,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default)]
    previous_response_id: Option<String>,
    #[serde(default)]
    max_output_tokens: Option<usize>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    store: Option<bool>,
}

/// The last responses, with the items that led to them; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(in crate::serve) struct StoredResponses(Mutex<VecDeque<Stored>>);

#[derive(Debug, Clone)]
struct Stored {
    id: String,
    response: Value,
    items: Vec<Value>,
}

impl StoredResponses {
    const KEPT_MAX: usize = 1024;

    fn put(&self, stored: Stored) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= Self::KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(stored);
    }

    fn get(&self, id: &str) -> Result<Stored, Refusal> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || Refusal { status: 404, message: format!("response with id `{id}` not found") };
        kept.iter().rfind(|stored| stored.id == id).cloned().ok_or_else(unknown)
    }

    fn remove(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|stored| stored.id != id);
    }
}

pub(super) async fn handle(State(engine): State<Arc<Engine>>, body: Bytes) -> Response<Body> {
    match answer(&engine, &body).await {
        Ok(response) => response,
        Err(refusal) => refuse(&refusal),
    }
}

pub(super) async fn retrieve(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Response<Body> {
    match engine.stored.get(&id) {
        Ok(stored) => json(stored.response.to_string()),
        Err(refusal) => refuse(&refusal),
    }
}

pub(super) async fn delete(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Response<Body> {
    if let Err(refusal) = engine.stored.get(&id) {
        return refuse(&refusal);
    }
    engine.stored.remove(&id);
    json(value!({"id": id, "object": "response", "deleted": true}).to_string())
}

/// Nothing runs in the background here, so what could be cancelled has ended already.
pub(super) async fn cancel(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Response<Body> {
    match engine.stored.get(&id) {
        Ok(_) => refuse(&Refusal { status: 400, message: format!("response `{id}` has completed already") }),
        Err(refusal) => refuse(&refusal),
    }
}

async fn answer(engine: &Engine, body: &[u8]) -> Result<Response<Body>, Refusal> {
    let request: ResponsesRequest = decode(body)?;
    let mut items = match &request.previous_response_id {
        Some(id) => engine.stored.get(id)?.items,
        None => Vec::new(),
    };
    match &request.input {
        Value::Array(input) => items.extend(input.iter().cloned()),
        text => items.push(value!({"role": "user", "content": text})),
    }
    let mut plan = engine.admit(&read(&request, &items)).await?;
    let output = output_items(&plan);
    let response = completed(&plan, &request, &output);
    if request.store != Some(false) {
        items.extend(output.iter().cloned());
        let id = response["id"].as_str().unwrap_or_default().to_owned();
        engine.stored.put(Stored { id, response: response.clone(), items });
    }
    if request.stream {
        return Ok(event_stream(frames(&plan, response, &output).play(plan.pace, plan.slot)));
    }
    plan.pace.reach(plan.answer.completion_tokens).await;
    plan.slot.saw_first_token();
    plan.slot.finish();
    Ok(json(response.to_string()))
}

fn read(request: &ResponsesRequest, items: &[Value]) -> Ask {
    let mut ask = Ask::new(&request.model);
    ask.stream = request.stream;
    ask.tokens_max = request.max_output_tokens;
    for tool in &request.tools {
        ask.offer(tool["name"].as_str().unwrap_or_default(), &tool.to_string());
    }
    if !request.instructions.0.is_empty() {
        ask.system(&request.instructions.0);
    }
    for item in items {
        let text = |key: &str| Text::deserialize(&item[key]).unwrap_or_default().0;
        match (item["type"].as_str().unwrap_or("message"), item["role"].as_str()) {
            ("function_call_output", _) => ask.tool_result(&text("output")),
            ("message", Some("system" | "developer")) => ask.system(&text("content")),
            ("message", Some("assistant")) => ask.assistant(&text("content"), ""),
            ("message", _) => ask.user(&text("content")),
            _ => ask.assistant("", &item.to_string()),
        }
    }
    ask
}

fn output_items(plan: &Plan) -> Vec<Value> {
    let escaped = plan.answer.escaped_text();
    let text: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap_or_default();
    let message = plan.answer.has_text().then(|| {
        let content = value!([{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]);
        value!({"type": "message", "id": format!("msg_{}", plan.id), "status": "completed", "role": "assistant", "content": content})
    });
    let calls = plan.answer.calls.iter().map(|call| {
        value!({"type": "function_call", "id": call.id.replacen("call_", "fc_", 1), "call_id": call.id, "name": call.tool,
                "arguments": call.arguments, "status": "completed"})
    });
    message.into_iter().chain(calls).collect()
}

fn completed(plan: &Plan, request: &ResponsesRequest, output: &[Value]) -> Value {
    let cut = plan.answer.stop == Stop::Length;
    let (input_tokens, output_tokens) = (plan.prompt_tokens, plan.answer.completion_tokens);
    value!({
        "id": format!("resp_{}", plan.id), "object": "response", "created_at": plan.created_seconds,
        "status": if cut { "incomplete" } else { "completed" }, "error": null,
        "incomplete_details": if cut { value!({"reason": "max_output_tokens"}) } else { Value::Null },
        "instructions": request.instructions.0, "model": request.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": request.previous_response_id,
        "store": request.store.unwrap_or(true), "tool_choice": "auto", "tools": request.tools,
        "max_output_tokens": request.max_output_tokens, "metadata": {},
        "usage": {
            "input_tokens": input_tokens, "input_tokens_details": {"cached_tokens": plan.cached_tokens},
            "output_tokens": output_tokens, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        },
    })
}

/// Writes events with the running number that every Responses event carries.
struct Events {
    frames: Frames,
    sequence: usize,
}

impl Events {
    fn push(&mut self, tokens: usize, name: &str, mut data: Value) {
        data["type"] = value!(name);
        data["sequence_number"] = value!(self.sequence);
        self.sequence += 1;
        self.frames.push_event(tokens, name, &data);
    }
}

fn frames(plan: &Plan, response: Value, output: &[Value]) -> Frames {
    let mut events = Events { frames: Frames::default(), sequence: 0 };
    let mut started = response.clone();
    started["status"] = value!("in_progress");
    started["output"] = value!([]);
    started["usage"] = Value::Null;
    events.push(1, "response.created", value!({"response": started}));
    events.push(1, "response.in_progress", value!({"response": started}));
    let mut tokens = 0;
    for (index, item) in output.iter().enumerate() {
        if item["type"] == "message" {
            tokens = message_events(&mut events, plan, index, item);
        } else {
            tokens = call_events(&mut events, tokens, index, item);
        }
        events.push(tokens, "response.output_item.done", value!({"output_index": index, "item": item}));
    }
    let last = if plan.answer.stop == Stop::Length { "response.incomplete" } else { "response.completed" };
    events.push(plan.answer.completion_tokens, last, value!({"response": response}));
    events.frames
}

/// Returns the number of tokens said so far.
fn message_events(events: &mut Events, plan: &Plan, index: usize, item: &Value) -> usize {
    let mut opened = item.clone();
    opened["status"] = value!("in_progress");
    opened["content"] = value!([]);
    events.push(1, "response.output_item.added", value!({"output_index": index, "item": opened}));
    let place = |mut data: Value| {
        data["item_id"] = item["id"].clone();
        data["output_index"] = value!(index);
        data["content_index"] = value!(0);
        data
    };
    let mut empty = item["content"][0].clone();
    empty["text"] = value!("");
    events.push(1, "response.content_part.added", place(value!({ "part": empty })));
    let mut tokens = 0;
    for piece in plan.answer.pieces() {
        tokens += 1;
        let delta: String = serde_json::from_str(&format!("\"{piece}\"")).unwrap_or_default();
        events.push(tokens, "response.output_text.delta", place(value!({"delta": delta, "logprobs": []})));
    }
    let part = &item["content"][0];
    events.push(tokens, "response.output_text.done", place(value!({"text": part["text"], "logprobs": []})));
    events.push(tokens, "response.content_part.done", place(value!({ "part": part })));
    tokens
}

fn call_events(events: &mut Events, mut tokens: usize, index: usize, item: &Value) -> usize {
    let mut opened = item.clone();
    opened["status"] = value!("in_progress");
    opened["arguments"] = value!("");
    events.push(tokens + 1, "response.output_item.added", value!({"output_index": index, "item": opened}));
    let arguments = item["arguments"].as_str().unwrap_or_default();
    for part in pieces_of_arguments(arguments) {
        tokens += 1;
        let data = value!({"item_id": item["id"], "output_index": index, "delta": part});
        events.push(tokens, "response.function_call_arguments.delta", data);
    }
    let done = value!({"item_id": item["id"], "output_index": index, "name": item["name"], "arguments": arguments});
    events.push(tokens, "response.function_call_arguments.done", done);
    tokens
}
