//! What an answer said, read from a copy of its bytes: a whole body, or a stream's events.

use mizzen_model::attribute::Value;
use mizzen_model::usage::Usage;
use serde::de::IgnoredAny;

use super::content::ContentLimits;
use super::draft::Draft;
use super::sse::{Event, event_end};
use super::{Format, anthropic, openai};

/// The error of a body that no provider would send, such as the page of a proxy in between.
pub(crate) const NOT_JSON: &str = "not_json";

/// One answer in the GenAI conventions' meaning.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    pub id: Option<String>,
    pub model: Option<String>,
    pub finish_reasons: Vec<String>,
    /// JSON of `gen_ai.output.messages`.
    pub messages: Option<String>,
    pub usage: Option<Usage>,
    /// Those of the tokens written to the cache that live an hour, at a price of their own (Anthropic).
    pub cache_write_1h_tokens: u64,
    /// The provider's own name for what went wrong, such as `overloaded_error`; also inside a stream.
    pub error: Option<String>,
    /// Whether the provider said that the answer has ended, or why each of its choices did: some engines send no last event.
    pub complete: bool,
    /// Whether the provider last said that the answer is still being made (Responses API).
    pub pending: bool,
    /// Whether content was left out of `messages`.
    pub truncated: bool,
    /// Whether its reader may find something in it that is not in `messages`, other than by `truncated`.
    pub unread: bool,
    /// Attributes of one provider only.
    pub extra: Vec<(&'static str, Value)>,
}

/// Puts an answer together. Cheap to feed in batches: a stream's bytes are kept raw and read many events
/// at a time, off the path of the client's bytes.
#[derive(Debug)]
pub struct Accumulator {
    format: Format,
    limits: ContentLimits,
    draft: Draft,
}

impl Accumulator {
    #[must_use]
    pub const fn new(format: Format, limits: ContentLimits) -> Self {
        Self { format, limits, draft: Draft::new(limits) }
    }

    /// Reads the whole events of `bytes` and returns how many bytes they were.
    pub fn events(&mut self, bytes: &[u8]) -> usize {
        let mut read = 0;
        while let Some(rest) = bytes.get(read..).filter(|rest| !rest.is_empty()) {
            let Ok(end) = event_end(rest, 0) else { break };
            self.event(rest.get(..end).unwrap_or_default());
            read += end;
        }
        read
    }

    /// Reads one event, given with or without its blank line.
    pub fn event(&mut self, raw: &[u8]) {
        let event = Event::parse(raw);
        self.draft.unread |= !reads_alike(raw);
        if event.data.is_empty() {
            return;
        }
        match self.format {
            Format::Chat | Format::Completions => openai::choices::event(&mut self.draft, &event),
            Format::Responses => openai::items::event(&mut self.draft, &event, self.limits),
            Format::Messages => anthropic::blocks::event(&mut self.draft, &event),
            Format::Embeddings => {}
        }
    }

    /// Reads a whole answer that is not a stream.
    pub fn body(&mut self, body: &[u8]) {
        let Ok(body) = std::str::from_utf8(body) else {
            self.draft.error = Some(NOT_JSON.to_owned());
            return;
        };
        match self.format {
            Format::Chat | Format::Completions => openai::choices::body(&mut self.draft, body),
            Format::Responses => openai::items::body(&mut self.draft, body),
            Format::Embeddings => openai::embeddings::body(&mut self.draft, body),
            Format::Messages => anthropic::blocks::body(&mut self.draft, body),
        }
        let was_read = self.draft.complete && !self.draft.unread;
        if !was_read && serde_json::from_str::<IgnoredAny>(body).is_err() {
            self.draft.error = Some(NOT_JSON.to_owned());
        }
    }

    #[must_use]
    pub fn finish(self) -> Answer {
        let written = self.draft.write(self.limits);
        let complete = self.draft.complete || self.draft.has_ended();
        Answer {
            finish_reasons: self.draft.finish_reasons(),
            messages: written.json,
            truncated: written.truncated,
            id: self.draft.id,
            model: self.draft.model,
            usage: self.draft.usage,
            cache_write_1h_tokens: self.draft.cache_write_1h_tokens,
            error: self.draft.error,
            complete,
            pending: self.draft.pending,
            unread: self.draft.unread || self.draft.awaits_end,
            extra: self.draft.extra,
        }
    }
}

/// Whether every reader of the stream finds the same lines in an event: some take a lone CR for the end of one, and pass
/// over a byte order mark.
fn reads_alike(raw: &[u8]) -> bool {
    let is_lone = |at: usize| raw.get(at + 1).is_some_and(|next| *next != b'\n');
    !raw.starts_with(b"\xEF\xBB\xBF") && !memchr::memchr_iter(b'\r', raw).any(is_lone)
}

#[cfg(test)]
mod tests;
