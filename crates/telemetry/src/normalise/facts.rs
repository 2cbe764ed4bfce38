//! What a span's attributes state, whatever the names, borrowed from the request.

use super::keys::{Count, Fact, KeyTable, Text};
use crate::decode::borrowed::{Attribute, Value};

/// More than any call, and any agent over all of its calls; sums of many stay far below what a number holds.
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// Facts of one attribute set. Of several names for a fact the one of the lowest rank is kept.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    texts: [Option<(u8, &'a str)>; Text::COUNT],
    counts: [Option<(u8, u64)>; Count::COUNT],
    /// Share of such spans that the sender kept, when an attribute says so.
    pub(super) sampled: Option<f64>,
    /// Whether a count was left out that no call can have.
    pub(super) miscounted: bool,
}

impl<'a> Facts<'a> {
    pub(super) const fn new() -> Self {
        Self { texts: [None; Text::COUNT], counts: [None; Count::COUNT], sampled: None, miscounted: false }
    }

    pub(super) const fn text(&self, text: Text) -> Option<&'a str> {
        match self.texts[text as usize] {
            Some((_, value)) => Some(value),
            None => None,
        }
    }

    pub(super) const fn count(&self, count: Count) -> Option<u64> {
        match self.counts[count as usize] {
            Some((_, value)) => Some(value),
            None => None,
        }
    }

    /// Which of the names of `count` was used.
    pub(super) const fn rank(&self, count: Count) -> Option<u8> {
        match self.counts[count as usize] {
            Some((rank, _)) => Some(rank),
            None => None,
        }
    }

    pub(super) fn observe(&mut self, keys: &KeyTable, attribute: &Attribute<'a>) {
        let Some(fact) = keys.get(attribute.key) else { return };
        let Some(value) = &attribute.value else { return };
        match *fact {
            Fact::Text(text, rank) => {
                if let Some(value) = text_of(value) {
                    keep_lowest(&mut self.texts[text as usize], rank, value);
                }
            }
            Fact::Count(count, rank) => self.observe_count(count, rank, value),
            Fact::SampleRate => self.sampled = number_of(value).filter(|rate| *rate >= 1.0).map(|rate| 1.0 / rate),
            Fact::SampleProbability => self.sampled = number_of(value).filter(|p| *p > 0.0 && *p <= 1.0),
            Fact::LangfuseUsage => self.observe_langfuse_usage(value),
        }
    }

    fn observe_count(&mut self, count: Count, rank: u8, value: &Value<'_>) {
        match whole_of(value) {
            Some(value) if value <= TOKENS_MAX => keep_lowest(&mut self.counts[count as usize], rank, value),
            None if !matches!(value, Value::Int(_) | Value::Double(_)) => {}
            _ => self.miscounted |= !matches!(count, Count::HttpStatus),
        }
    }

    fn observe_langfuse_usage(&mut self, value: &Value<'_>) {
        let Value::Text(text) = value else { return };
        let Ok(serde_json::Value::Object(usage)) = serde_json::from_str(text) else { return };
        for (name, count) in [("input", Count::Input), ("output", Count::Output), ("total", Count::Total)] {
            match usage.get(name).and_then(serde_json::Value::as_u64) {
                Some(number) if number <= TOKENS_MAX => {
                    keep_lowest(&mut self.counts[count as usize], u8::MAX, number);
                }
                other => self.miscounted |= other.is_some(),
            }
        }
    }
}

fn keep_lowest<T>(slot: &mut Option<(u8, T)>, rank: u8, value: T) {
    if slot.as_ref().is_none_or(|(known, _)| rank < *known) {
        *slot = Some((rank, value));
    }
}

/// A text, or the first text of an array such as `gen_ai.response.finish_reasons`.
fn text_of<'a>(value: &Value<'a>) -> Option<&'a str> {
    let value = if let Value::Array(values) = value { values.first()?.as_ref()? } else { value };
    match value {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss, reason = "a sampling rate is a small number")]
fn number_of(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole_of(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Double(number) if *number >= 0.0 && *number < 9e15 => Some(*number as u64),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
