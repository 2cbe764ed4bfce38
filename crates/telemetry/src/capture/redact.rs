//! Dropping keys and replacing what matches, at any depth of an attribute set.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use regex::Regex;

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
            Some(Value::StringValue(text)) => self.text(text),
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
                let changed = self.text(&mut text);
                if changed {
                    *bytes = text.into_bytes();
                }
                changed
            }
            _ => false,
        }
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
