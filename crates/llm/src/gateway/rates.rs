//! What a call may take from a budget, before it goes out, and what it took. Both are told as [`Spend`].

use std::time::Duration;

use memchr::memchr_iter;
use mizzen_model::asked::Spend;
use mizzen_model::price::PriceTable;
use mizzen_model::usage::Usage;

use crate::wire::Format;
use crate::wire::offer::Offer;

/// Tokens of text have four bytes in English and less in other languages and in code; the framing of JSON, which
/// is no token, makes up for some of that.
const BYTES_PER_TOKEN: u64 = 3;
/// A string without a space that is longer is an image, a sound or a document in base64, and not text.
const ENCODED_BYTES_MIN: usize = 4 << 10;
/// Of one such string: the largest image of either provider, and a page of a document for every 64 KB.
const ENCODED_TOKENS: u64 = 2_000;
const ENCODED_BYTES_PER_TOKEN: u64 = 32;
const NANO_USD: f64 = 1e9;
const TOKENS_PER_UNIT: f64 = 1e6;

/// The most tokens of one answer, by the beginning of the model's name; the longest that fits counts. From the
/// providers' lists of models, November 2026.
const OUTPUT_TOKENS_MAX: &[(&str, u64)] = &[
    ("gpt-3.5", 4_096),
    ("gpt-4", 8_192),
    ("gpt-4-turbo", 4_096),
    ("gpt-4o", 16_384),
    ("gpt-4.1", 32_768),
    ("gpt-5", 128_000),
    ("o1", 100_000),
    ("o3", 100_000),
    ("o4", 100_000),
    ("claude-3-haiku", 4_096),
    ("claude-3-opus", 4_096),
    ("claude-3-5", 8_192),
    ("claude-3-7", 64_000),
    ("claude-haiku-4", 64_000),
    ("claude-sonnet-4", 64_000),
    ("claude-opus-4", 64_000),
];

/// Prices and limits of models.
#[derive(Debug)]
pub(super) struct Rates {
    prices: PriceTable,
    /// For a model that the table does not know.
    output_tokens_assumed: u64,
}

/// The most that one call may take, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Estimate {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// Whether some of the input may be written to a cache for an hour.
    pub(super) for_an_hour: bool,
}

impl Rates {
    pub(super) const fn new(prices: PriceTable, output_tokens_assumed: u64) -> Self {
        Self { prices, output_tokens_assumed }
    }

    pub(super) fn estimate(&self, format: Format, model: &str, offer: &Offer, body: &[u8]) -> Estimate {
        let each = match (format, offer.output_tokens_max) {
            (Format::Embeddings, _) => 0,
            (_, Some(said)) => said,
            (_, None) => self.output_tokens_max(model),
        };
        Estimate {
            input_tokens: input_tokens(body),
            output_tokens: each.saturating_mul(offer.choices.max(1)),
            for_an_hour: format == Format::Messages && memchr::memmem::find(body, b"\"1h\"").is_some(),
        }
    }

    fn output_tokens_max(&self, model: &str) -> u64 {
        let bare = model.rsplit('/').next().unwrap_or(model);
        let fitting = OUTPUT_TOKENS_MAX.iter().filter(|(prefix, _)| bare.starts_with(prefix));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map_or(self.output_tokens_assumed, |(_, most)| *most)
    }

    /// At the dearest price that the input may have: what is written to a cache costs more than what is not. `time` is what the call
    /// may take at most.
    pub(super) fn reserve(&self, model: &str, estimate: Estimate, time: Duration) -> Spend {
        #[allow(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
        let dollars = self.prices.price(model).map(|price| {
            let for_an_hour = price.cache_write_1h.filter(|_| estimate.for_an_hour);
            let cached = [price.cache_write, price.cache_read, for_an_hour].into_iter().flatten();
            let input = cached.fold(price.input, f64::max);
            (estimate.input_tokens as f64 * input + estimate.output_tokens as f64 * price.output) / TOKENS_PER_UNIT
        });
        let tokens = estimate.input_tokens.saturating_add(estimate.output_tokens);
        Spend { calls: 1, tokens, cost_nano_usd: dollars.map(nano), duration_ms: milliseconds(time) }
    }

    /// `written_1h` as for [`PriceTable::cost_usd`].
    pub(super) fn spent(&self, model: &str, usage: &Usage, written_1h: u64, took: Duration) -> Spend {
        Spend {
            calls: 1,
            tokens: usage.total_tokens(),
            cost_nano_usd: self.prices.cost_usd(model, usage, written_1h).map(nano),
            duration_ms: milliseconds(took),
        }
    }
}

/// A call that an upstream was asked for and that brought nothing.
pub(super) fn in_vain(took: Duration) -> Spend {
    Spend { calls: 1, tokens: 0, cost_nano_usd: Some(0), duration_ms: milliseconds(took) }
}

/// A call of which nobody knows what it costs.
pub(super) fn one_call(time: Duration) -> Spend {
    Spend { calls: 1, tokens: 0, cost_nano_usd: None, duration_ms: milliseconds(time) }
}

/// A call that never left.
pub(super) const NOTHING: Spend = Spend { calls: 0, tokens: 0, cost_nano_usd: Some(0), duration_ms: 0 };

pub(super) fn tokens_of_text(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Rounded up: what a budget is told is never less than what is paid.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates at the integer's bounds")]
fn nano(dollars: f64) -> u64 {
    (dollars * NANO_USD).ceil() as u64
}

/// The tokens of a request, from its bytes. An estimate that leans towards too many.
pub(super) fn input_tokens(body: &[u8]) -> u64 {
    if body.len() < ENCODED_BYTES_MIN {
        return tokens_of_text(body.len());
    }
    let (mut text_bytes, mut encoded_tokens, mut start) = (0usize, 0u64, 0usize);
    for quote in memchr_iter(b'"', body).chain(std::iter::once(body.len())) {
        let piece = body.get(start..quote).unwrap_or_default();
        start = quote + 1;
        if is_encoded(piece) {
            let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            encoded_tokens = encoded_tokens.saturating_add(ENCODED_TOKENS + bytes / ENCODED_BYTES_PER_TOKEN);
        } else {
            text_bytes += piece.len();
        }
    }
    tokens_of_text(text_bytes).saturating_add(encoded_tokens)
}

/// Base64, also behind `data:…;base64,`.
fn is_encoded(piece: &[u8]) -> bool {
    let data = match memchr::memmem::find(piece.get(..256).unwrap_or_default(), b";base64,") {
        Some(at) => piece.get(at + 8..).unwrap_or_default(),
        None => piece,
    };
    let encoding =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'\\' | b'n');
    data.len() >= ENCODED_BYTES_MIN && data.iter().all(encoding)
}

#[cfg(test)]
mod tests;
