//! Text that compresses about as prose does: a vocabulary of made-up words, common ones far more often than rare ones.

use serde_json::json;

use crate::random::Random;

const SYLLABLES: [&str; 24] = [
    "an", "ber", "con", "de", "el", "fi", "gra", "ho", "in", "ka", "lo", "men", "ne", "or", "pre", "qua", "ri", "sta",
    "ti", "un", "ver", "wa", "xe", "yo",
];
const WORDS: usize = 4000;

#[derive(Debug)]
pub(super) struct Text {
    vocabulary: Vec<String>,
}

impl Text {
    pub(super) fn new(random: &mut Random) -> Self {
        let syllable = |random: &mut Random| SYLLABLES[random.below(SYLLABLES.len() as u64) as usize];
        let word = |random: &mut Random| (0..=random.below(3)).map(|_| syllable(random)).collect();
        Self { vocabulary: (0..WORDS).map(|_| word(random)).collect() }
    }

    /// `count` words, no characters that JSON would escape.
    pub(super) fn words(&self, random: &mut Random, count: usize) -> String {
        let mut text = String::with_capacity(count * 6);
        for index in 0..count {
            if index > 0 {
                text.push(' ');
            }
            // The product of three uniform numbers: the shape of Zipf's law without its arithmetic.
            let rank = (0..3).fold(WORDS as u64, |bound, _| random.below(bound + 1)).min(WORDS as u64 - 1);
            text.push_str(&self.vocabulary[rank as usize]);
        }
        text
    }
}

/// A list with one message, as `gen_ai.input.messages` and `gen_ai.output.messages` hold it.
pub(super) fn message(role: &str, content: &str, finish_reason: Option<&str>) -> String {
    let mut message = json!({"role": role, "parts": [{"type": "text", "content": content}]});
    if let Some(reason) = finish_reason {
        message["finish_reason"] = json!(reason);
    }
    json!([message]).to_string()
}
