//! Answers of the Messages API: a list of content blocks, whole or as a stream of deltas.
//!
//! Anthropic reports cache reads and writes beside the input; they are added up here, so that the input
//! holds them as it does everywhere else.

use mizzen_model::usage::Usage;
use serde::Deserialize;

use crate::wire::draft::Draft;
use crate::wire::json::{Raw, Text};
use crate::wire::sse::Event;

#[derive(Deserialize)]
struct StreamEvent<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    message: Raw<'a>,
    #[serde(borrow, default)]
    content_block: Raw<'a>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    error: Option<ErrorObject<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Raw<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    error: Option<ErrorObject<'a>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    input: Raw<'a>,
    #[serde(borrow, default)]
    citations: Raw<'a>,
}

#[derive(Deserialize)]
struct ErrorObject<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
}

#[derive(Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

pub(crate) fn event(draft: &mut Draft, event: &Event<'_>) {
    let text = std::str::from_utf8(&event.data).unwrap_or_default();
    let Ok(event) = serde_json::from_str::<StreamEvent<'_>>(text) else {
        draft.unread = true;
        return;
    };
    let slot = event.index.unwrap_or(0);
    match event.kind.as_ref().map_or("", |kind| kind.0.as_ref()) {
        "message_start" => message(draft, event.message),
        "content_block_start" => block(draft, slot, event.content_block, true),
        "content_block_delta" => {
            if !event.delta.as_ref().is_some_and(|one| delta(draft, slot, one)) {
                draft.aside(0, text);
            }
        }
        "message_delta" => {
            stop(draft, event.delta.as_ref().and_then(|delta| delta.stop_reason.as_ref()));
            count(draft, event.usage.as_ref());
        }
        "message_stop" => draft.complete = true,
        "error" => draft.error = Some(error_name(event.error.as_ref())),
        "content_block_stop" | "ping" => {}
        "" => draft.unread = true,
        _ => draft.aside(0, text),
    }
}

/// Whether it is of a kind that is known here.
fn delta(draft: &mut Draft, slot: u64, delta: &Delta<'_>) -> bool {
    if let Some(text) = &delta.text {
        draft.text(0, slot, "text", &text.0);
    }
    if let Some(thinking) = &delta.thinking {
        draft.text(0, slot, "reasoning", &thinking.0);
    }
    if let Some(json) = &delta.partial_json {
        draft.tool_call(0, slot, None, None, &json.0);
    }
    let is_signature = delta.kind.as_ref().is_some_and(|kind| kind.0 == "signature_delta");
    is_signature || delta.text.is_some() || delta.thinking.is_some() || delta.partial_json.is_some()
}

pub(crate) fn body(draft: &mut Draft, body: &str) {
    if let Ok(raw) = serde_json::from_str::<Raw<'_>>(body) {
        message(draft, raw);
        draft.complete = true;
    }
}

fn message(draft: &mut Draft, raw: Raw<'_>) {
    let Some(message) = raw.read::<Message<'_>>() else {
        draft.unread = true;
        return;
    };
    draft.id = Text::owned(message.id.as_ref());
    draft.model = Text::owned(message.model.as_ref());
    if message.error.is_some() {
        draft.error = Some(error_name(message.error.as_ref()));
    }
    for (slot, content) in message.content.iter().flatten().enumerate() {
        block(draft, slot as u64, *content, false);
    }
    stop(draft, message.stop_reason.as_ref());
    count(draft, message.usage.as_ref());
}

fn error_name(error: Option<&ErrorObject<'_>>) -> String {
    let kind = error.and_then(|error| error.kind.as_ref());
    kind.and_then(|kind| crate::wire::identifier(&kind.0)).unwrap_or("error").to_owned()
}

fn stop(draft: &mut Draft, reason: Option<&Text<'_>>) {
    if let (Some(reason), Some(message)) = (Text::owned(reason), draft.message(0)) {
        message.finish_reason = Some(reason);
    }
}

/// A block, whole or as a stream begins it: then a tool's input is an empty object that its deltas replace.
fn block(draft: &mut Draft, slot: u64, raw: Raw<'_>, begins: bool) {
    let Some(block) = raw.read::<Block<'_>>() else {
        draft.unread = true;
        return;
    };
    match block.kind.as_ref().map_or("", |kind| kind.0.as_ref()) {
        "text" => {
            draft.text(0, slot, "text", block.text.as_ref().map_or("", |text| text.0.as_ref()));
            if let Some(citations) = block.citations.get().filter(|citations| *citations != "[]") {
                draft.aside(0, &format!(r#"{{"type":"citations","citations":{citations}}}"#));
            }
        }
        "thinking" => draft.text(0, slot, "reasoning", block.thinking.as_ref().map_or("", |text| text.0.as_ref())),
        "tool_use" => {
            let id = block.id.as_ref().map(|id| id.0.as_ref());
            let name = block.name.as_ref().map(|name| name.0.as_ref());
            let input = if begins { "" } else { block.input.get().unwrap_or("{}") };
            draft.tool_call(0, slot, id, name, input);
        }
        "redacted_thinking" => {}
        _ => draft.other(0, slot, raw.get().unwrap_or("null")),
    }
}

/// The counts of a stream's end are totals that replace those of its start, where they are given.
fn count(draft: &mut Draft, counts: Option<&Counts>) {
    let Some(counts) = counts else { return };
    let known = draft.usage.unwrap_or_default();
    let known_plain = known.input_tokens.saturating_sub(known.cache_read_tokens + known.cache_write_tokens);
    let cache_read = counts.cache_read_input_tokens.unwrap_or(known.cache_read_tokens);
    let cache_write = counts.cache_creation_input_tokens.unwrap_or(known.cache_write_tokens);
    let plain = counts.input_tokens.unwrap_or(known_plain);
    if let Some(tokens) = counts.cache_creation.as_ref().and_then(|written| written.ephemeral_1h_input_tokens) {
        draft.cache_write_1h_tokens = tokens;
    }
    draft.usage = Some(Usage {
        input_tokens: plain.saturating_add(cache_read).saturating_add(cache_write),
        output_tokens: counts.output_tokens.unwrap_or(known.output_tokens),
        cache_read_tokens: cache_read,
        cache_write_tokens: cache_write,
        reasoning_tokens: 0,
    });
}
