//! What a span's attributes state, whatever the names, borrowed from the request.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::keys::{Count, Fact, KeyTable, Text};

/// Facts of one attribute set. Of several names for a fact the one of the lowest rank is kept.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    texts: [Option<(u8, &'a str)>; Text::COUNT],
    counts: [Option<(u8, u64)>; Count::COUNT],
    /// Share of such spans that the sender kept, when an attribute says so.
    pub(super) sampled: Option<f64>,
}

impl<'a> Facts<'a> {
    pub(super) const fn new() -> Self {
        Self { texts: [None; Text::COUNT], counts: [None; Count::COUNT], sampled: None }
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

    pub(super) fn observe(&mut self, keys: &KeyTable, attribute: &'a KeyValue) {
        let Some(fact) = keys.get(attribute.key.as_str()) else { return };
        let Some(value) = attribute.value.as_ref().and_then(|any| any.value.as_ref()) else { return };
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

    fn observe_count(&mut self, count: Count, rank: u8, value: &Value) {
        if let Some(value) = whole_of(value) {
            keep_lowest(&mut self.counts[count as usize], rank, value);
        }
    }

    fn observe_langfuse_usage(&mut self, value: &Value) {
        let Value::StringValue(text) = value else { return };
        let Ok(serde_json::Value::Object(usage)) = serde_json::from_str(text) else { return };
        for (name, count) in [("input", Count::Input), ("output", Count::Output), ("total", Count::Total)] {
            if let Some(number) = usage.get(name).and_then(serde_json::Value::as_u64) {
                keep_lowest(&mut self.counts[count as usize], u8::MAX, number);
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
fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::StringValue(text) if !text.is_empty() => Some(text),
        Value::ArrayValue(array) => match array.values.first()?.value.as_ref()? {
            Value::StringValue(text) if !text.is_empty() => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss, reason = "a sampling rate is a small number")]
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::IntValue(number) => Some(*number as f64),
        Value::DoubleValue(number) => Some(*number),
        Value::StringValue(text) => text.parse().ok(),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn whole_of(value: &Value) -> Option<u64> {
    match value {
        Value::IntValue(number) => u64::try_from(*number).ok(),
        Value::DoubleValue(number) if *number >= 0.0 && *number < 9e15 => Some(*number as u64),
        Value::StringValue(text) => text.parse().ok(),
        _ => None,
    }
}
