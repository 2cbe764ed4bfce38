//! Answers that are a list of items: the Responses API. A stream ends with an event that holds the whole
//! response, so its parts are only kept for the case that the end never comes.

use mizzen_model::attribute::Value;
use serde::Deserialize;

use super::{error_name, usage};
use crate::wire::content::{ContentLimits, arguments_of};
use crate::wire::draft::Draft;
use crate::wire::json::{Raw, Text};
use crate::wire::sse::Event;

/// Parts of one item: its slot is the item's place and the part's place in it.
const PARTS_PER_ITEM: u64 = 1 << 16;

#[derive(Deserialize)]
struct StreamEvent<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    response: Raw<'a>,
    #[serde(borrow, default)]
    item: Raw<'a>,
    #[serde(borrow, default)]
    delta: Raw<'a>,
    #[serde(default)]
    output_index: Option<u64>,
    #[serde(default)]
    content_index: Option<u64>,
    #[serde(borrow, default)]
    code: Raw<'a>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    status: Option<Text<'a>>,
    #[serde(borrow, default)]
    output: Option<Vec<Raw<'a>>>,
    #[serde(borrow, default)]
    usage: Raw<'a>,
    #[serde(borrow, default)]
    error: Raw<'a>,
    #[serde(borrow, default)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow, default)]
    service_tier: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Content<'a>>>,
    #[serde(borrow, default)]
    summary: Option<Vec<Content<'a>>>,
    #[serde(borrow, default)]
    call_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, alias = "input")]
    arguments: Raw<'a>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
}

/// The id of the response that an event is about, from the events that carry one.
pub(crate) fn response_id_of_event(event: &Event<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Carrier<'a> {
        #[serde(borrow, default)]
        response: Option<Id<'a>>,
    }
    let carrier: Carrier<'_> = serde_json::from_slice(&event.data).ok()?;
    Text::owned(carrier.response?.id.as_ref())
}

/// The id of a whole response.
pub(crate) fn response_id_of_body(body: &[u8]) -> Option<String> {
    let body: Id<'_> = serde_json::from_slice(body).ok()?;
    Text::owned(body.id.as_ref())
}

#[derive(Deserialize)]
struct Id<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
}

pub(crate) fn event(draft: &mut Draft, event: &Event<'_>, limits: ContentLimits) {
    let text = std::str::from_utf8(&event.data).unwrap_or_default();
    let Ok(event) = serde_json::from_str::<StreamEvent<'_>>(text) else {
        draft.unread = true;
        return;
    };
    let place = event.output_index.unwrap_or(0).saturating_mul(PARTS_PER_ITEM);
    let slot = place + event.content_index.unwrap_or(0).min(PARTS_PER_ITEM - 1);
    match event.kind.as_ref().map_or("", |kind| kind.0.as_ref()) {
        "response.output_text.delta" => {
            if let Some(delta) = event.delta.text() {
                draft.text(0, slot, "text", &delta);
            }
        }
        "response.output_item.done" => {
            match event.item.read::<Item<'_>>() {
                Some(done) if kind_of(&done) != "message" => item(draft, place, &done, event.item),
                // Its text came before.
                Some(_) => draft.awaits_end = true,
                None => draft.unread = true,
            }
        }
        "response.completed" | "response.incomplete" | "response.failed" => {
            draft.start_over(limits);
            response(draft, event.response);
            draft.complete = true;
        }
        "error" => draft.error = Some(name_or_error(event.code.read().as_ref())),
        _ if event.response.get().is_some() => response(draft, event.response),
        _ => draft.awaits_end = true,
    }
}

pub(crate) fn body(draft: &mut Draft, body: &str) {
    if let Ok(raw) = serde_json::from_str::<Raw<'_>>(body) {
        response(draft, raw);
        draft.complete = true;
    }
}

fn name_or_error(name: Option<&Text<'_>>) -> String {
    name.and_then(|name| crate::wire::identifier(&name.0)).unwrap_or("error").to_owned()
}

fn response(draft: &mut Draft, raw: Raw<'_>) {
    let Some(response) = raw.read::<Response<'_>>() else {
        draft.unread = true;
        return;
    };
    draft.id = Text::owned(response.id.as_ref()).or(draft.id.take());
    draft.model = Text::owned(response.model.as_ref()).or(draft.model.take());
    draft.usage = usage::read(response.usage).or(draft.usage);
    draft.error = error_name(response.error).or(draft.error.take());
    for (place, raw) in response.output.iter().flatten().enumerate() {
        match raw.read::<Item<'_>>() {
            Some(parsed) => item(draft, place as u64 * PARTS_PER_ITEM, &parsed, *raw),
            None => draft.unread = true,
        }
    }
    let status = response.status.as_ref().map_or("", |status| status.0.as_ref());
    draft.pending = matches!(status, "queued" | "in_progress");
    if !matches!(status, "completed" | "incomplete" | "failed" | "cancelled") {
        return;
    }
    let reason = response.incomplete_details.and_then(|details| Text::owned(details.reason.as_ref()));
    if let Some(message) = draft.message(0) {
        message.finish_reason = Some(reason.unwrap_or_else(|| status.to_owned()));
    }
    if let Some(tier) = Text::owned(response.service_tier.as_ref()) {
        draft.extra.push(("openai.response.service_tier", Value::String(tier)));
    }
}

fn kind_of<'i>(item: &'i Item<'_>) -> &'i str {
    item.kind.as_ref().map_or("message", |kind| kind.0.as_ref())
}

fn item(draft: &mut Draft, place: u64, item: &Item<'_>, raw: Raw<'_>) {
    match kind_of(item) {
        "message" => {
            for (slot, part) in (place..).zip(item.content.iter().flatten()) {
                let text = part.text.as_ref().or(part.refusal.as_ref());
                draft.unread |= text.is_none();
                draft.text(0, slot, "text", text.map_or("", |text| text.0.as_ref()));
            }
        }
        "reasoning" => {
            let parts = item.summary.iter().flatten().chain(item.content.iter().flatten());
            for (slot, part) in (place..).zip(parts) {
                draft.text(0, slot, "reasoning", part.text.as_ref().map_or("", |text| text.0.as_ref()));
            }
        }
        "function_call" | "custom_tool_call" => {
            let id = item.call_id.as_ref().map(|id| id.0.as_ref());
            let name = item.name.as_ref().map(|name| name.0.as_ref());
            draft.tool_call(0, place, id, name, &arguments_of(item.arguments));
        }
        _ => draft.other(0, place, raw.get().unwrap_or("null")),
    }
}
