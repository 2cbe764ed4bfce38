//! Attribute values as JSON text, written straight into one buffer.
//!
//! Numbers stay numbers, bytes become `{"$bytes": "<base64>"}`, an empty value becomes `null`, and what
//! JSON has no number for becomes the string `NaN`, `Infinity` or `-Infinity`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::limits::{Limits, cut, ends};
use crate::decode::borrowed::{Attribute, Value};

/// A buffer of JSON text that remembers whether a limit cut something.
#[derive(Debug)]
pub(super) struct JsonWriter<'l> {
    pub(super) out: String,
    pub(super) limits: &'l Limits,
    pub(super) cut: bool,
}

impl<'l> JsonWriter<'l> {
    pub(super) fn new(limits: &'l Limits, capacity: usize) -> Self {
        Self { out: String::with_capacity(capacity), limits, cut: false }
    }

    /// `{"key":value,…}`
    pub(super) fn attributes(&mut self, attributes: &[Attribute<'_>]) {
        self.out.push('{');
        for (index, attribute) in ends(attributes, self.limits.attributes_max).enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.string(attribute.key);
            self.out.push(':');
            self.any(attribute.value.as_ref());
        }
        self.cut |= attributes.len() > self.limits.attributes_max;
        self.out.push('}');
    }

    pub(super) fn any(&mut self, value: Option<&Value<'_>>) {
        match value {
            Some(Value::Text(text)) => self.string(text),
            Some(Value::Int(number)) => self.display(number),
            Some(Value::Bool(flag)) => self.out.push_str(if *flag { "true" } else { "false" }),
            Some(Value::Double(number)) => self.double(*number),
            Some(Value::Bytes(bytes)) => self.bytes(bytes),
            Some(Value::Array(values)) => {
                self.out.push('[');
                for (index, item) in values.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.any(item.as_ref());
                }
                self.out.push(']');
            }
            Some(Value::Map(entries)) => self.attributes(entries),
            None => self.out.push_str("null"),
        }
    }

    pub(super) fn string(&mut self, text: &str) {
        let kept = cut(text, self.limits.value_bytes_max);
        self.cut |= kept.len() < text.len();
        write_string(&mut self.out, kept);
    }

    pub(super) fn double(&mut self, number: f64) {
        if number.is_finite() {
            // `Debug` writes the shortest digits that read back the same, with an exponent where one is due.
            let _infallible = write!(self.out, "{number:?}");
        } else if number.is_nan() {
            self.out.push_str("\"NaN\"");
        } else {
            self.out.push_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
        }
    }

    pub(super) fn display(&mut self, value: impl std::fmt::Display) {
        let _infallible = write!(self.out, "{value}");
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let kept = &bytes[..bytes.len().min(self.limits.value_bytes_max)];
        self.cut |= kept.len() < bytes.len();
        self.out.push_str("{\"$bytes\":\"");
        STANDARD.encode_string(kept, &mut self.out);
        self.out.push_str("\"}");
    }
}

/// Writes `text` as a JSON string (RFC 8259, section 7).
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    while let Some(at) = next_escaped(text.as_bytes(), from) {
        out.push_str(&text[from..at]);
        match text.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                let _infallible = write!(out, "\\u{control:04x}");
            }
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// Index of the first byte at or after `from` that JSON wants escaped: eight bytes at a time, because most
/// of what is stored passes through here.
fn next_escaped(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = from;
    let mut words = bytes[from..].chunks_exact(8);
    for chunk in &mut words {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = control | zero_byte(word ^ (ONES * u64::from(b'"'))) | zero_byte(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            // Borrows can only spoil bytes above the lowest hit, which is the one that counts.
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let escaped = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    words.remainder().iter().position(escaped).map(|offset| at + offset)
}

#[cfg(test)]
mod tests;
