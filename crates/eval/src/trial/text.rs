//! Text of messages, as evaluators compare it.

use mizzen_model::message::{Message, Part, Speaker};

/// What producers write instead of content that they did not capture.
const PLACEHOLDERS: &[&str] = &["", "<REDACTED>", "<elided>"];

/// The text parts of `messages`, joined without anything between; `None` when there is no text.
pub(super) fn joined(messages: &[Message]) -> Option<String> {
    let texts = messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::Text { content } if !PLACEHOLDERS.contains(&content.trim()) => Some(content.as_str()),
        _ => None,
    });
    let text: String = texts.collect();
    (!text.is_empty()).then_some(text)
}

/// The last run of messages with text that a user said: what this turn was asked.
pub(super) fn said_by_user(messages: &[Message]) -> &[Message] {
    let speaks = |message: &Message| message.role == Speaker::User && joined(std::slice::from_ref(message)).is_some();
    let Some(last) = messages.iter().rposition(speaks) else { return &[] };
    let first = messages[..last].iter().rposition(|message| !speaks(message)).map_or(0, |before| before + 1);
    &messages[first..=last]
}

/// Whether the last message gives results of tools back to the model.
pub(super) fn ends_with_result(messages: &[Message]) -> bool {
    messages.last().is_some_and(|message| {
        let is_result = |part: &Part| matches!(part, Part::ToolCallResponse { .. });
        message.role == Speaker::Tool || (!message.parts.is_empty() && message.parts.iter().all(is_result))
    })
}
