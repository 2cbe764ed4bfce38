//! Answers that are a list of choices: `/v1/chat/completions` and `/v1/completions`. A stream's chunk has the
//! same fields as a whole body, with `delta` in place of `message`.

use memchr::memmem;
use mizzen_model::attribute::Value;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{error_name, usage};
use crate::wire::draft::Draft;
use crate::wire::json::{Raw, Text};
use crate::wire::sse::Event;

/// Parts of one choice: what a chunk adds to is known by its kind.
const REASONING: u64 = 0;
const TEXT: u64 = 1;
const REFUSAL: u64 = 2;
const FIRST_TOOL_CALL: u64 = 3;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    usage: Raw<'a>,
    #[serde(borrow, default)]
    error: Raw<'a>,
    #[serde(borrow, default)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow, default)]
    system_fingerprint: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<usize>,
    #[serde(borrow, default, alias = "message")]
    delta: Option<Delta<'a>>,
    /// Completions have their text here.
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    role: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Raw<'a>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
    /// Not OpenAI's own: vLLM, DeepSeek and others show the reasoning under one of two names, or both.
    #[serde(borrow, default)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default, alias = "custom")]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, alias = "input")]
    arguments: Option<Text<'a>>,
}

/// Whether an event is the chunk that carries nothing but the usage, which ends a stream that was asked for it.
/// Most chunks are told apart by their bytes; only a chunk that may be the one is parsed.
pub(crate) fn is_usage_only(raw: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Last<'a> {
        choices: Vec<IgnoredAny>,
        #[serde(borrow)]
        usage: Raw<'a>,
    }
    let Some(at) = memmem::find(raw, b"\"choices\"") else { return false };
    let after = raw.get(at + b"\"choices\"".len()..).unwrap_or_default();
    let mut bytes = after.iter().filter(|byte| !byte.is_ascii_whitespace());
    if (bytes.next(), bytes.next(), bytes.next()) != (Some(&b':'), Some(&b'['), Some(&b']')) {
        return false;
    }
    let data = Event::parse(raw).data;
    serde_json::from_slice::<Last<'_>>(&data).is_ok_and(|last| last.choices.is_empty() && last.usage.get().is_some())
}

pub(crate) fn event(draft: &mut Draft, event: &Event<'_>) {
    if event.data.as_ref() == b"[DONE]" {
        draft.complete = true;
        return;
    }
    chunk(draft, std::str::from_utf8(&event.data).unwrap_or_default());
}

pub(crate) fn body(draft: &mut Draft, body: &str) {
    draft.complete = chunk(draft, body);
}

/// Whether it could be read.
fn chunk(draft: &mut Draft, text: &str) -> bool {
    let chunk = serde_json::from_str::<Chunk<'_>>(text);
    draft.unread |= chunk.is_err();
    chunk.map(|chunk| take(draft, chunk)).is_ok()
}

fn take(draft: &mut Draft, chunk: Chunk<'_>) {
    if draft.id.is_none() {
        draft.id = Text::owned(chunk.id.as_ref()).filter(|id| !id.is_empty());
    }
    if draft.model.is_none() {
        draft.model = Text::owned(chunk.model.as_ref()).filter(|model| !model.is_empty());
        extra(draft, "openai.response.service_tier", chunk.service_tier.as_ref());
        extra(draft, "openai.response.system_fingerprint", chunk.system_fingerprint.as_ref());
    }
    if let Some(counted) = usage::read(chunk.usage) {
        draft.usage = Some(counted);
    }
    if let Some(name) = error_name(chunk.error) {
        draft.error = Some(name);
    }
    for one in chunk.choices.unwrap_or_default() {
        choice(draft, &one);
    }
}

fn extra(draft: &mut Draft, name: &'static str, value: Option<&Text<'_>>) {
    if let Some(value) = Text::owned(value) {
        draft.extra.push((name, Value::String(value)));
    }
}

fn choice(draft: &mut Draft, choice: &Choice<'_>) {
    let index = choice.index.unwrap_or(0);
    if let Some(text) = &choice.text {
        draft.text(index, TEXT, "text", &text.0);
    }
    if let Some(delta) = &choice.delta {
        add(draft, index, delta);
    }
    if let (Some(reason), Some(message)) = (Text::owned(choice.finish_reason.as_ref()), draft.message(index)) {
        message.finish_reason = Some(reason);
    }
}

fn add(draft: &mut Draft, index: usize, delta: &Delta<'_>) {
    if let (Some(role), Some(message)) = (Text::owned(delta.role.as_ref()), draft.message(index))
        && !role.is_empty()
    {
        message.role = role;
    }
    if let Some(reasoning) = delta.reasoning_content.as_ref().or(delta.reasoning.as_ref()).filter(|t| !t.0.is_empty()) {
        draft.text(index, REASONING, "reasoning", &reasoning.0);
    }
    if let Some(text) = delta.content.text() {
        if !text.is_empty() {
            draft.text(index, TEXT, "text", &text);
        }
    } else if let Some(parts) = delta.content.get() {
        draft.other(index, TEXT, parts);
    }
    if let Some(refusal) = delta.refusal.as_ref().filter(|t| !t.0.is_empty()) {
        draft.text(index, REFUSAL, "text", &refusal.0);
    }
    for (place, call) in delta.tool_calls.iter().flatten().enumerate() {
        let slot = FIRST_TOOL_CALL + call.index.unwrap_or(place as u64);
        let id = call.id.as_ref().map(|id| id.0.as_ref());
        let name = call.function.as_ref().and_then(|function| function.name.as_ref()).map(|name| name.0.as_ref());
        let arguments = call.function.as_ref().and_then(|function| function.arguments.as_ref());
        draft.tool_call(index, slot, id, name, arguments.map_or("", |text| text.0.as_ref()));
    }
}

#[cfg(test)]
mod tests {
    use super::is_usage_only;

    #[test]
    fn only_the_chunk_without_choices_and_with_usage_is_it() {
        assert!(is_usage_only(b"data: {\"id\":\"x\",\"choices\": [ ],\"usage\":{\"prompt_tokens\":1}}\n\n"));
        for other in [
            &b"data: [DONE]\n\n"[..],
            b": ping\n\n",
            b"data: {\"choices\":[],\"usage\":null,\"prompt_filter_results\":[]}\n\n",
            b"data: {\"choices\":[]}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"\\\"choices\\\":[]\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        ] {
            assert!(!is_usage_only(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
