//! Dropping keys and replacing what matches, at any depth of an attribute set, and of the JSON that its texts hold.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use regex::Regex;
use serde_json::Value as Json;

use crate::decode::without_halves;

/// Texts within texts that are read as JSON: arguments that a framework wrote as text, within messages that it wrote as text.
const TEXT_LEVELS_MAX: u8 = 4;
const REPLACEMENT: &str = "[redacted]";

/// Keys to drop and patterns to replace.
#[derive(Debug)]
pub(super) struct Redaction {
    pub(super) drop_keys: Vec<String>,
    pub(super) patterns: Vec<Regex>,
}

impl Redaction {
    pub(super) const fn is_empty(&self) -> bool {
        self.drop_keys.is_empty() && self.patterns.is_empty()
    }

    /// Each method returns whether it changed something.
    pub(super) fn attributes(&self, attributes: &mut Vec<KeyValue>) -> bool {
        if self.is_empty() {
            return false;
        }
        let before = attributes.len();
        attributes.retain(|attribute| !matches_any(&self.drop_keys, &attribute.key));
        let mut changed = attributes.len() < before;
        for value in attributes.iter_mut().filter_map(|attribute| attribute.value.as_mut()) {
            changed |= self.value(value);
        }
        changed
    }

    pub(super) fn value(&self, any: &mut AnyValue) -> bool {
        match &mut any.value {
            Some(Value::StringValue(text)) => {
                let dropped = self.keys_in_text(text, TEXT_LEVELS_MAX);
                self.text(text) || dropped
            }
            Some(Value::ArrayValue(array)) => {
                let mut changed = false;
                for value in &mut array.values {
                    changed |= self.value(value);
                }
                changed
            }
            Some(Value::KvlistValue(list)) => self.attributes(&mut list.values),
            // Bytes may be text; where they are, they are searched as such.
            Some(Value::BytesValue(bytes)) => {
                let Ok(mut text) = String::from_utf8(bytes.clone()) else { return false };
                let dropped = self.keys_in_text(&mut text, TEXT_LEVELS_MAX);
                let changed = self.text(&mut text) || dropped;
                if changed {
                    *bytes = text.into_bytes();
                }
                changed
            }
            _ => false,
        }
    }

    /// Drops keys from a text that is JSON, and writes it anew only then. The order of what is left is kept.
    fn keys_in_text(&self, text: &mut String, levels: u8) -> bool {
        if self.drop_keys.is_empty() || levels == 0 || !text.trim_start().starts_with(['{', '[', '"']) {
            return false;
        }
        let whole = |text: &str| serde_json::from_slice(&without_halves(text.as_bytes())?).ok();
        let Some(mut json) = serde_json::from_str(text).ok().or_else(|| whole(text)) else {
            return self.unreadable(text);
        };
        let changed = self.keys_in_json(&mut json, levels - 1);
        if changed {
            *text = json.to_string();
        }
        changed
    }

    /// Text that begins as JSON and was cut, or is not quite JSON (`NaN`), is not kept where it names such a key: nobody can say how far
    /// what belongs to it goes.
    fn unreadable(&self, text: &mut String) -> bool {
        let mut quoted = text.split('"').map(|name| name.trim_end_matches('\\'));
        let names_one =
            text.trim_start().starts_with(['{', '[', '"']) && quoted.any(|name| matches_any(&self.drop_keys, name));
        if names_one {
            REPLACEMENT.clone_into(text);
        }
        names_one
    }

    /// JSON nests no deeper than its reader allows, which is 128.
    fn keys_in_json(&self, json: &mut Json, levels: u8) -> bool {
        let mut changed = false;
        match json {
            Json::String(text) => return self.keys_in_text(text, levels),
            Json::Array(items) => {
                for item in items {
                    changed |= self.keys_in_json(item, levels);
                }
            }
            Json::Object(fields) => {
                let before = fields.len();
                fields.retain(|key, _| !matches_any(&self.drop_keys, key));
                changed = fields.len() < before;
                for field in fields.values_mut() {
                    changed |= self.keys_in_json(field, levels);
                }
            }
            _ => {}
        }
        changed
    }

    pub(super) fn text(&self, text: &mut String) -> bool {
        let mut changed = false;
        for pattern in &self.patterns {
            let replaced = match pattern.replace_all(text, REPLACEMENT) {
                Cow::Owned(replaced) => replaced,
                Cow::Borrowed(_) => continue,
            };
            *text = replaced;
            changed = true;
        }
        changed
    }
}

pub(super) fn matches_any(globs: &[String], name: &str) -> bool {
    globs.iter().any(|glob| matches_glob(glob, name))
}

/// `*` stands for any characters, everything else for itself. Linear but for the stars, and they retry only
/// the part behind the last one.
fn matches_glob(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(first) = parts.next() else { return name.is_empty() };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches_glob;

    #[test]
    fn stars_stand_for_any_characters() {
        for (glob, name) in
            [("a", "a"), ("*", ""), ("*", "x"), ("http.*", "http.url"), ("*.key", "api.key"), ("a*b*c", "a__b_c")]
        {
            assert!(matches_glob(glob, name), "{glob} {name}");
        }
        for (glob, name) in [("a", "ab"), ("", "x"), ("http.*", "https"), ("a*b*c", "acb"), ("ab*bc", "abc")] {
            assert!(!matches_glob(glob, name), "{glob} {name}");
        }
    }
}
