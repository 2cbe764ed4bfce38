//! An answer while it is put together, from one body or from many events.

use mizzen_model::attribute::Value;
use mizzen_model::usage::Usage;

use super::content::{ContentLimits, MessageWriter, Written, arguments_json};

/// Choices of one answer that are kept; a provider's `n` is far below it.
const MESSAGES_MAX: usize = 128;
/// Parts of one message that are kept.
const PARTS_MAX: usize = 4096;

/// What is known of an answer so far.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// Of the tokens written to the cache.
    pub(crate) cache_write_1h_tokens: u64,
    /// The provider's own name for what went wrong.
    pub(crate) error: Option<String>,
    /// Whether the provider said that the answer has ended.
    pub(crate) complete: bool,
    /// Whether the provider last said that the answer is still being made.
    pub(crate) pending: bool,
    /// Whether its reader may find something in it that was not read here.
    pub(crate) unread: bool,
    /// Whether there were parts that are read only where the end says them again.
    pub(crate) awaits_end: bool,
    pub(crate) extra: Vec<(&'static str, Value)>,
    messages: Vec<DraftMessage>,
    bytes_left: usize,
    truncated: bool,
}

#[derive(Debug)]
pub(crate) struct DraftMessage {
    pub(crate) role: String,
    pub(crate) finish_reason: Option<String>,
    parts: Vec<(u64, DraftPart)>,
}

#[derive(Debug)]
enum DraftPart {
    Text(&'static str, String),
    ToolCall {
        id: Option<String>,
        name: String,
        arguments: String,
    },
    /// JSON as it came, and the input that came for it in pieces.
    Other {
        json: String,
        input: String,
    },
}

impl Draft {
    pub(crate) const fn new(limits: ContentLimits) -> Self {
        Self {
            id: None,
            model: None,
            usage: None,
            cache_write_1h_tokens: 0,
            error: None,
            complete: false,
            pending: false,
            unread: false,
            awaits_end: false,
            extra: Vec::new(),
            messages: Vec::new(),
            bytes_left: limits.attribute_bytes_max,
            truncated: false,
        }
    }

    /// The message of choice `index`; `None` above the limit.
    pub(crate) fn message(&mut self, index: usize) -> Option<&mut DraftMessage> {
        if index >= MESSAGES_MAX {
            self.truncated = true;
            return None;
        }
        while self.messages.len() <= index {
            self.messages.push(DraftMessage { role: "assistant".into(), finish_reason: None, parts: Vec::new() });
        }
        self.messages.get_mut(index)
    }

    /// Forgets the messages so far, when the whole answer comes after its parts.
    pub(crate) fn start_over(&mut self, limits: ContentLimits) {
        self.messages.clear();
        self.bytes_left = limits.attribute_bytes_max;
        self.truncated = false;
        self.awaits_end = false;
    }

    /// Appends to the text of part `slot`, of type `kind`, in message `index`.
    pub(crate) fn text(&mut self, index: usize, slot: u64, kind: &'static str, text: &str) {
        let Some(text) = self.spend(text) else { return };
        match self.part(index, slot, || DraftPart::Text(kind, String::new())) {
            Some(DraftPart::Text(_, kept)) => kept.push_str(text),
            Some(_) => self.unread = true,
            None => {}
        }
    }

    /// Names the tool call of part `slot`, or adds to its arguments, which are JSON text. A call that the provider runs by
    /// itself began as a part of another type.
    pub(crate) fn tool_call(&mut self, index: usize, slot: u64, id: Option<&str>, name: Option<&str>, arguments: &str) {
        let Some(arguments) = self.spend(arguments) else { return };
        let empty = || DraftPart::ToolCall { id: None, name: String::new(), arguments: String::new() };
        match self.part(index, slot, empty) {
            Some(DraftPart::ToolCall { id: kept_id, name: kept_name, arguments: kept }) => {
                if let Some(id) = id.filter(|id| !id.is_empty()) {
                    *kept_id = Some(id.to_owned());
                }
                if let Some(name) = name {
                    kept_name.push_str(name);
                }
                kept.push_str(arguments);
            }
            Some(DraftPart::Other { input, .. }) => input.push_str(arguments),
            Some(DraftPart::Text(..)) => self.unread = true,
            None => {}
        }
    }

    /// A part of another type, as JSON.
    pub(crate) fn other(&mut self, index: usize, slot: u64, json: &str) {
        if json.len() > self.bytes_left {
            self.truncated = true;
            return;
        }
        self.bytes_left -= json.len();
        match self.part(index, slot, || DraftPart::Other { json: json.to_owned(), input: String::new() }) {
            Some(DraftPart::Other { json: kept, .. }) if kept == json => {}
            Some(_) => self.unread = true,
            None => {}
        }
    }

    /// What belongs to no part that is known here, as JSON.
    pub(crate) fn aside(&mut self, index: usize, json: &str) {
        let before = self.message(index).map_or(0, |message| message.parts.len());
        self.other(index, u64::MAX - before as u64, json);
    }

    /// What fits of `text`.
    fn spend<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if text.len() <= self.bytes_left {
            self.bytes_left -= text.len();
            return Some(text);
        }
        let kept = super::content::cut(text, self.bytes_left);
        self.bytes_left = 0;
        self.truncated = true;
        (!kept.is_empty()).then_some(kept)
    }

    fn part(&mut self, index: usize, slot: u64, new: impl FnOnce() -> DraftPart) -> Option<&mut DraftPart> {
        let parts = &mut self.message(index)?.parts;
        // Deltas nearly always belong to the part that came last.
        let at = match parts.iter().rposition(|(known, _)| *known == slot) {
            Some(at) => at,
            None if parts.len() < PARTS_MAX => {
                parts.push((slot, new()));
                parts.len() - 1
            }
            None => {
                self.truncated = true;
                return None;
            }
        };
        self.messages.get_mut(index)?.parts.get_mut(at).map(|(_, part)| part)
    }

    /// Whether it is said of each choice why it ended.
    pub(crate) fn has_ended(&self) -> bool {
        let is_said = |message: &DraftMessage| message.finish_reason.as_ref().is_some_and(|reason| !reason.is_empty());
        !self.messages.is_empty() && self.messages.iter().all(is_said)
    }

    pub(crate) fn finish_reasons(&self) -> Vec<String> {
        self.messages.iter().filter_map(|message| message.finish_reason.clone()).collect()
    }

    /// The messages as `gen_ai.output.messages` has them.
    pub(crate) fn write(&self, limits: ContentLimits) -> Written {
        let mut writer = MessageWriter::new(limits);
        for message in self.messages.iter().filter(|m| !m.parts.is_empty() || m.finish_reason.is_some()) {
            writer.message(&message.role);
            for (_, part) in &message.parts {
                match part {
                    DraftPart::Text(kind, text) => writer.text(kind, text),
                    DraftPart::ToolCall { id, name, arguments } => {
                        writer.tool_call(id.as_deref(), name, &arguments_json(arguments));
                    }
                    DraftPart::Other { json, input } if input.is_empty() => writer.other(json),
                    DraftPart::Other { json, input } => writer.other(&with_input(json, input)),
                }
            }
            writer.end(message.finish_reason.as_deref());
        }
        let mut written = writer.finish();
        written.truncated |= self.truncated;
        written
    }
}

/// A block with the input that came for it; side by side where it has no place for one.
fn with_input(json: &str, input: &str) -> String {
    let input = arguments_json(input);
    let block = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json);
    match (block, serde_json::from_str(&input)) {
        (Ok(mut block), Ok(input)) => {
            block.insert("input".to_owned(), input);
            serde_json::Value::Object(block).to_string()
        }
        _ => format!("[{json},{input}]"),
    }
}
