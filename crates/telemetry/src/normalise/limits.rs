//! Bounds on what one item may carry. What exceeds them is cut and counted, never the whole request.

use serde::{Deserialize, Serialize};

/// Limits of normalisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Attributes of one span, event, link or log record. Of more the first and the last half are kept; what a span is, whose, and
    /// what it took is read from all of them.
    pub attributes_max: usize,
    /// Bytes of one string or byte value; the rest is cut off at a character boundary.
    pub value_bytes_max: usize,
    /// Bytes of a name: of a span, an event, an agent, a model, a tool.
    pub name_bytes_max: usize,
    /// Events of one span; later ones are left out.
    pub events_max: usize,
    /// Links of one span; later ones are left out.
    pub links_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // OpenInference sends at most 10,000, two or more for each message of a history.
            attributes_max: 16_384,
            value_bytes_max: 4 << 20,
            name_bytes_max: 1024,
            events_max: 4096,
            links_max: 1024,
        }
    }
}

/// The longest prefix of `text` of at most `max` bytes.
pub(super) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max { text } else { &text[..text.floor_char_boundary(max)] }
}

/// The first and the last of `items`, `max` together: a history is between what a call is and what it answered.
pub(super) fn ends<T>(items: &[T], max: usize) -> impl Iterator<Item = &T> {
    let kept = items.len().min(max);
    let last = items.len() - kept / 2;
    items[..kept.div_ceil(2)].iter().chain(&items[last..])
}
