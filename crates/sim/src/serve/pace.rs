//! When each token comes, and bodies that are written as the tokens come.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use tokio::time::{Instant, sleep_until};

use super::config::Latency;
use super::engine::Slot;
use super::random::Random;

/// The clock of one answer. Deadlines add up from the moment of admission, so that a slow reader or a coarse timer
/// does not make the whole answer later.
#[derive(Debug)]
pub(super) struct Pace {
    latency: Latency,
    random: Random,
    deadline: Instant,
    tokens: usize,
    prompt_tokens_new: usize,
    instant: bool,
}

impl Pace {
    pub(super) fn new(latency: Latency, random: Random, prompt_tokens_new: usize) -> Self {
        let instant = latency.first_token_ms <= 0.0 && latency.prefill_token_ms <= 0.0 && latency.token_ms <= 0.0;
        Self { latency, random, deadline: Instant::now(), tokens: 0, prompt_tokens_new, instant }
    }

    /// Returns when `tokens` tokens of the answer have been computed.
    pub(super) async fn reach(&mut self, tokens: usize) {
        if self.instant || tokens <= self.tokens {
            return;
        }
        while self.tokens < tokens {
            let delay_ms = if self.tokens == 0 {
                self.latency.first_token_ms + self.latency.prefill_token_ms * self.prompt_tokens_new as f64
            } else {
                self.latency.token_ms
            };
            let spread = 1.0 + self.latency.jitter * (2.0 * self.random.unit() - 1.0);
            self.deadline += Duration::try_from_secs_f64(delay_ms * spread / 1000.0).unwrap_or_default();
            self.tokens += 1;
        }
        sleep_until(self.deadline).await;
    }
}

/// Pieces of a streamed body in one buffer, each with the number of tokens that must have come before it is sent.
#[derive(Debug, Default)]
pub(super) struct Frames {
    text: String,
    ends: Vec<(usize, usize)>,
}

impl Frames {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::new() }
    }

    /// Adds one frame, written by `arguments`.
    pub(super) fn push(&mut self, tokens: usize, arguments: fmt::Arguments<'_>) {
        let written = fmt::Write::write_fmt(&mut self.text, arguments);
        debug_assert!(written.is_ok(), "a `String` takes every write");
        self.ends.push((self.text.len(), tokens));
    }

    /// Adds one server-sent event with a name (Anthropic, Responses).
    pub(super) fn push_event(&mut self, tokens: usize, name: &str, data: &serde_json::Value) {
        self.push(tokens, format_args!("event: {name}\ndata: {data}\n\n"));
    }

    /// The body. Dropping it, as the server does when the client has gone, frees the slot.
    pub(super) fn play(self, pace: Pace, slot: Slot) -> Body {
        let player = Player { bytes: Bytes::from(self.text), ends: self.ends, next: 0, start: 0, pace, slot };
        Body::from_stream(stream::unfold(player, Player::step))
    }
}

struct Player {
    bytes: Bytes,
    ends: Vec<(usize, usize)>,
    next: usize,
    start: usize,
    pace: Pace,
    slot: Slot,
}

impl Player {
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let Some(&(end, tokens)) = self.ends.get(self.next) else {
            self.slot.finish();
            return None;
        };
        self.pace.reach(tokens).await;
        if tokens == 1 {
            self.slot.saw_first_token();
        }
        let frame = self.bytes.slice(self.start..end);
        self.start = end;
        self.next += 1;
        Some((Ok(frame), self))
    }
}
