//! What the engine says: pieces of text, tool calls, and why it stopped.

use std::sync::Arc;

use super::ask::Ask;
use super::prefix;
use super::random::Random;
use super::script::Rule;

/// Text cut into the pieces that are streamed, one completion token each, ready as JSON string contents (escaped,
/// without quotes), so that rendering is copying.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) escaped: Vec<String>,
}

impl Words {
    /// A piece is a word with the space before it; words longer than this are cut.
    const PIECE_CHARS: usize = 12;

    pub(super) fn of(text: &str) -> Self {
        let mut escaped = Vec::new();
        let mut piece = String::new();
        for c in text.chars() {
            let cut = (c == ' ' && !piece.is_empty()) || piece.chars().count() >= Self::PIECE_CHARS;
            if cut {
                escaped.push(escape(&piece));
                piece.clear();
            }
            piece.push(c);
        }
        if !piece.is_empty() {
            escaped.push(escape(&piece));
        }
        Self { escaped }
    }

    /// Filler of exactly `count` pieces, the same for the same seed.
    pub(super) fn filler(seed: u64, count: usize) -> Self {
        const VOCABULARY: [&str; 16] = [
            "the", "wind", "holds", "steady", "from", "north", "while", "every", "sail", "is", "set", "and", "our",
            "course", "keeps", "true",
        ];
        let mut random = Random::new(seed);
        let word = |random: &mut Random| VOCABULARY[(random.next() % VOCABULARY.len() as u64) as usize];
        let escaped = (0..count).map(|i| format!("{}{}", if i == 0 { "" } else { " " }, word(&mut random))).collect();
        Self { escaped }
    }
}

#[derive(Debug, Clone)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) tool: String,
    /// JSON, not escaped.
    pub(super) arguments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    End,
    Length,
    Calls,
}

/// A planned answer. `pieces` of the words are said, unless it was cut by the request's limit.
#[derive(Debug)]
pub(super) struct Answer {
    words: Arc<Words>,
    pieces: usize,
    pub(super) calls: Vec<ToolCall>,
    pub(super) stop: Stop,
    pub(super) completion_tokens: usize,
}

impl Answer {
    pub(super) fn filler(words: &Arc<Words>, ask: &Ask) -> Self {
        Self::cut(Arc::clone(words), Vec::new(), ask.tokens_max)
    }

    pub(super) fn scripted(rule: &Rule, ask: &Ask, random: &mut Random) -> Self {
        let text = rule.text.replace("{user}", ask.user_text()).replace("{result}", ask.result_text());
        let call = |call: &super::script::Call| ToolCall {
            id: format!("call_{:016x}{:08x}", random.next(), random.next() >> 32),
            tool: call.tool.clone(),
            arguments: serde_json::Value::Object(call.arguments.clone()).to_string(),
        };
        let calls = rule.calls.iter().map(call).collect();
        Self::cut(Arc::new(Words::of(&text)), calls, ask.tokens_max)
    }

    fn cut(words: Arc<Words>, calls: Vec<ToolCall>, tokens_max: Option<usize>) -> Self {
        let pieces = words.escaped.len().min(tokens_max.unwrap_or(usize::MAX));
        let whole = pieces == words.escaped.len();
        let calls = if whole { calls } else { Vec::new() };
        let stop = match (whole, calls.is_empty()) {
            (false, _) => Stop::Length,
            (true, true) => Stop::End,
            (true, false) => Stop::Calls,
        };
        let call_tokens = calls.iter().map(|call| prefix::tokens(call.tool.len() + call.arguments.len()));
        let completion_tokens = pieces + call_tokens.sum::<usize>();
        Self { words, pieces, calls, stop, completion_tokens }
    }

    /// Escaped JSON string contents, in order.
    pub(super) fn pieces(&self) -> &[String] {
        &self.words.escaped[..self.pieces]
    }

    /// The whole text as escaped JSON string contents.
    pub(super) fn escaped_text(&self) -> String {
        self.pieces().concat()
    }

    pub(super) fn has_text(&self) -> bool {
        self.pieces > 0
    }
}

/// `text` as the contents of a JSON string.
pub(super) fn escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn pieces_put_together_are_the_text() {
        let text = "Order \"A-17\"\nis late, sehr verspätet: Donaudampfschifffahrt";
        let joined = Words::of(text).escaped.concat();
        assert_eq!(serde_json::from_str::<String>(&format!("\"{joined}\"")).unwrap(), text);
        assert!(Words::of(text).escaped.len() > 6);
    }

    #[test]
    fn filler_is_the_same_for_the_same_seed() {
        assert_eq!(Words::filler(7, 40).escaped, Words::filler(7, 40).escaped);
        assert_ne!(Words::filler(7, 40).escaped, Words::filler(8, 40).escaped);
        assert_eq!(Words::filler(7, 40).escaped.len(), 40);
    }
}
