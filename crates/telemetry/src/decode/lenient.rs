//! From the JSON that senders and exporters really write to the JSON that OTLP specifies.
//!
//! Tolerated: snake_case field names, enum names for numbers, base64 trace and span ids (Tempo), numbers in
//! strings and strings for numbers, `null` for absent, the names of before 2022
//! (`instrumentationLibrarySpans`), unknown fields inside attribute values, NaN as an attribute, and one half of a
//! character beyond U+FFFF.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde_json::{Map, Value};

/// Whether the body seems to spell a field in snake_case, which strict reading would skip without a word.
/// Inside JSON text a quote is escaped, so content can only cause a needless second look.
pub(super) fn has_proto_names(body: &[u8]) -> bool {
    [&b"\"resource_"[..], b"\"scope_", b"_unix_nano\"", b"\"trace_id\"", b"\"instrumentationLibrary"]
        .iter()
        .any(|needle| memmem::find(body, needle).is_some())
}

/// JSON with U+FFFD where an escape is one half of a surrogate pair, as JavaScript writes a text that it cut between the
/// two; `None` where there is none. Places in it stay what they were.
pub(crate) fn without_halves(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        let is_low = |unit: u16| (0xdc00..0xe000).contains(&unit);
        at += match escaped_unit(json, at) {
            Some(0xd800..0xdc00) if escaped_unit(json, at + ESCAPE_BYTES).is_some_and(is_low) => 2 * ESCAPE_BYTES,
            Some(0xd800..0xe000) => {
                mended.get_or_insert_with(|| json.to_vec())[at..at + ESCAPE_BYTES].copy_from_slice(b"\\ufffd");
                ESCAPE_BYTES
            }
            // Of any other escape the next byte belongs to it, which may be a backslash.
            _ => 2,
        };
    }
    mended
}

/// Of `\uXXXX`.
const ESCAPE_BYTES: usize = 6;

/// The UTF-16 unit that is escaped at `at`.
fn escaped_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_hex)?, 16).ok()
}

/// Rewrites a whole OTLP JSON document. Every key of such a document is a field name (attributes are
/// lists of `{key, value}`), so renaming keys never touches what a user wrote.
pub(crate) fn canonical(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(canonical_object(map)),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        other => other,
    }
}

fn canonical_object(map: Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in map {
        if value.is_null() {
            continue;
        }
        let key = canonical_key(key);
        let value = canonical_field(&key, value);
        if key == "doubleValue" && value.is_string() {
            out.insert("stringValue".to_owned(), value);
        } else {
            out.insert(key, value);
        }
    }
    out
}

fn canonical_key(key: String) -> String {
    let camel = if key.contains('_') { camel_case(&key) } else { key };
    match camel.as_str() {
        "instrumentationLibrarySpans" => "scopeSpans".to_owned(),
        "instrumentationLibraryLogs" => "scopeLogs".to_owned(),
        "instrumentationLibraryMetrics" => "scopeMetrics".to_owned(),
        "instrumentationLibrary" => "scope".to_owned(),
        _ => camel,
    }
}

fn camel_case(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut upper = false;
    for c in key.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

fn canonical_field(key: &str, value: Value) -> Value {
    match (key, value) {
        ("traceId" | "spanId" | "parentSpanId", Value::String(id)) => Value::String(hex_id(id)),
        ("kind" | "code" | "severityNumber" | "aggregationTemporality", Value::String(name)) => enum_number(name),
        ("droppedAttributesCount" | "droppedEventsCount" | "droppedLinksCount" | "flags" | "scale", value) => {
            to_number(value)
        }
        ("value" | "body", Value::Object(map)) => Value::Object(any_value(map)),
        ("values", Value::Array(items)) => Value::Array(items.into_iter().map(array_item).collect()),
        ("arrayValue" | "kvlistValue", Value::Object(map)) => {
            let mut inner = canonical_object(map);
            inner.entry("values").or_insert_with(|| Value::Array(Vec::new()));
            Value::Object(inner)
        }
        ("intValue", Value::Number(number)) if number.as_i64().is_none() => whole(&number),
        ("bytesValue", Value::String(text)) => Value::String(text.replace('-', "+").replace('_', "/")),
        (_, value) => canonical(value),
    }
}

/// Items of `arrayValue.values` are attribute values, those of `kvlistValue.values` are `{key, value}`.
fn array_item(item: Value) -> Value {
    match item {
        Value::Object(map) if map.contains_key("key") => Value::Object(canonical_object(map)),
        Value::Object(map) => Value::Object(any_value(map)),
        other => canonical(other),
    }
}

/// Drops what is no known alternative of `AnyValue`.
fn any_value(map: Map<String, Value>) -> Map<String, Value> {
    let mut out = canonical_object(map);
    out.retain(|key, _| {
        let known = ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"];
        known.contains(&key.as_str())
    });
    out
}

/// Hexadecimal ids stay; base64 of 16 or 8 bytes, which is 24 or 12 characters, becomes hexadecimal.
fn hex_id(id: String) -> String {
    if !matches!(id.len(), 24 | 12) {
        return id;
    }
    match STANDARD.decode(&id) {
        Ok(bytes) if matches!(bytes.len(), 16 | 8) => mizzen_model::id::hex(&bytes),
        _ => id,
    }
}

fn enum_number(name: String) -> Value {
    let number = match name.as_str() {
        "SPAN_KIND_UNSPECIFIED" | "STATUS_CODE_UNSET" | "AGGREGATION_TEMPORALITY_UNSPECIFIED" => 0,
        "SPAN_KIND_INTERNAL" | "STATUS_CODE_OK" | "AGGREGATION_TEMPORALITY_DELTA" => 1,
        "SPAN_KIND_SERVER" | "STATUS_CODE_ERROR" | "AGGREGATION_TEMPORALITY_CUMULATIVE" => 2,
        "SPAN_KIND_CLIENT" => 3,
        "SPAN_KIND_PRODUCER" => 4,
        "SPAN_KIND_CONSUMER" => 5,
        other => return severity_number(other).map_or_else(|| to_number(Value::String(name)), Value::from),
    };
    Value::from(number)
}

/// `SEVERITY_NUMBER_WARN2` is 14: six levels of four numbers each, from 1.
fn severity_number(name: &str) -> Option<usize> {
    let level = name.strip_prefix("SEVERITY_NUMBER_")?;
    if level == "UNSPECIFIED" {
        return Some(0);
    }
    let word = level.trim_end_matches(|c: char| c.is_ascii_digit());
    let index = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].iter().position(|known| *known == word)?;
    let within: usize = if word.len() == level.len() { 1 } else { level[word.len()..].parse().ok()? };
    (1..=4).contains(&within).then_some(index * 4 + within)
}

fn to_number(value: Value) -> Value {
    match &value {
        Value::String(text) => text.parse::<i64>().map_or(value, Value::from),
        _ => value,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn whole(number: &serde_json::Number) -> Value {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
        _ => Value::Number(number.clone()),
    }
}
