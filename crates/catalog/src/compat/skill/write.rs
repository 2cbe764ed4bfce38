//! Front matter from values: block style, so that every reader of skills reads it.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A mapping, each field on lines of its own.
pub(super) fn mapping(fields: &Map<String, Value>) -> String {
    let mut text = String::new();
    write_mapping(fields, 0, &mut text);
    text
}

fn write_mapping(fields: &Map<String, Value>, depth: usize, text: &mut String) {
    for (name, value) in fields {
        indent(depth, text);
        text.push_str(&scalar(name));
        text.push(':');
        write_value(value, depth, text);
    }
}

fn write_value(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            write_mapping(fields, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            for item in items {
                indent(depth + 1, text);
                text.push('-');
                write_value(item, depth + 1, text);
            }
        }
        // Front matter has texts only; what is empty has no block style.
        Value::Null | Value::Object(_) | Value::Array(_) => text.push_str(" \"\"\n"),
        Value::String(value) => {
            text.push(' ');
            text.push_str(&scalar(value));
            text.push('\n');
        }
        other => {
            text.push(' ');
            text.push_str(&scalar(&other.to_string()));
            text.push('\n');
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// As it is where no reader takes it for anything but this text, or else in double quotes. Nowhere may `---` stand: the front
/// matter would end there.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    let mut dashes = 0;
    for c in text.chars() {
        dashes = if c == '-' { dashes + 1 } else { 0 };
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '-' if dashes == 3 => {
                dashes = 0;
                quoted.push_str("\\x2d");
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let is_special = |c: char| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let indicators = "-?:,[]{}#&*!|>'\"%@`=<";
    !text.is_empty()
        && text.trim() == text
        && !text.contains(is_special)
        && !text.starts_with(|c| indicators.contains(c))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains("---")
        && !text.starts_with("...")
        && !text.ends_with(':')
        && is_text(text)
}

/// Whether YAML's core schema takes it for a text and no number, boolean or nothing.
fn is_text(text: &str) -> bool {
    let lower = text.to_lowercase();
    let is_word = matches!(lower.as_str(), "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n");
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.'))
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, '+' | '-' | '.' | '_' | 'x' | 'o' | ':' | 'T' | 'Z'));
    !is_word && !is_number
}
