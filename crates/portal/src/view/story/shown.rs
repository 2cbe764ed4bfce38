//! Which messages a reader has already seen.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use mizzen_model::message::{Message, Part, Speaker};
use serde_json::Value;

/// Counts messages by content. A conversation may contain the same words twice, so that a set would not
/// do: of a history, the n-th occurrence of a message is new when fewer than n were shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    hasher: RandomState,
    counts: HashMap<u64, u32>,
}

/// The occurrences within one history.
#[derive(Debug, Default)]
pub(super) struct Occurrences(HashMap<u64, u32>);

impl Shown {
    /// Whether `message`, the next one of a history, has not been shown; it then counts as shown.
    pub(super) fn is_new(&mut self, message: &Message, history: &mut Occurrences) -> bool {
        let key = self.key(message);
        let occurrence = history.0.entry(key).or_default();
        *occurrence += 1;
        let shown = self.counts.entry(key).or_default();
        let is_new = *occurrence > *shown;
        *shown += u32::from(is_new);
        is_new
    }

    /// An answer is new whatever was said before.
    pub(super) fn record(&mut self, message: &Message) {
        *self.counts.entry(self.key(message)).or_default() += 1;
    }

    /// What stays the same when a message comes back as history: who speaks, the words, the calls and
    /// results. Names, finish reasons and reasoning get lost on the way, ids are added or changed.
    fn key(&self, message: &Message) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        // A tool's result is sent back by the user in Anthropic's format.
        let only_results = message.parts.iter().all(|part| matches!(part, Part::ToolCallResponse { .. }));
        let role = if only_results && !message.parts.is_empty() { Speaker::Tool } else { message.role };
        role.hash(&mut hasher);
        for part in &message.parts {
            hash_part(part, &mut hasher);
        }
        hasher.finish()
    }
}

fn hash_part(part: &Part, hasher: &mut impl Hasher) {
    match part {
        Part::Text { content } if content.trim().is_empty() => {}
        Part::Text { content } => (1, content.trim()).hash(hasher),
        Part::Reasoning { .. } => {}
        Part::ToolCall { name, arguments, .. } => {
            (2, name).hash(hasher);
            hash_value(arguments, hasher);
        }
        Part::ToolCallResponse { response, .. } => {
            3.hash(hasher);
            hash_value(response, hasher);
        }
        Part::Media { modality, mime_type, uri, bytes } => (4, modality, mime_type, uri, bytes).hash(hasher),
        Part::Other { value } => {
            5.hash(hasher);
            hash_value(value, hasher);
        }
    }
}

/// Objects hash the same whatever the order of their keys, and JSON within a string as the JSON it is.
fn hash_value(value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => hash_value(&inner, hasher),
            _ => text.trim().hash(hasher),
        },
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            for key in keys {
                key.hash(hasher);
                hash_value(&fields[key], hasher);
            }
            fields.len().hash(hasher);
        }
        Value::Array(items) => {
            items.iter().for_each(|item| hash_value(item, hasher));
            items.len().hash(hasher);
        }
        other => other.to_string().hash(hasher),
    }
}
