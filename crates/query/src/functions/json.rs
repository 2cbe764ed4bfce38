//! Single values out of JSON text, without building what is not asked for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The value of `key` in a JSON object: a text without its quotes, all else as JSON; `None` when there is none or
/// it is null.
pub(super) fn text(json: &str, key: &str) -> Option<String> {
    plain(member(json, key)?)
}

/// The value of `key` when it is a number, or text that is one.
pub(super) fn number(json: &str, key: &str) -> Option<f64> {
    text(json, key)?.parse().ok()
}

/// What an RFC 6901 pointer finds, told as [`text`] tells it.
pub(super) fn at(json: &str, pointer: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    match value.pointer(pointer)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn plain(raw: &RawValue) -> Option<String> {
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str(raw.get()).ok(),
        b'n' => None,
        _ => Some(raw.get().to_owned()),
    }
}

fn member<'a>(json: &'a str, key: &str) -> Option<&'a RawValue> {
    // Most rows do not have most attributes. A key with escapes is never the one people ask for by name.
    if !json.contains(key) {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_map(Member { key }).ok()?
}

struct Member<'k> {
    key: &'k str,
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if found.is_none() && key == self.key {
                found = Some(map.next_value::<&'de RawValue>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{at, number, text};

    const ATTRIBUTES: &str = r#"{"a":"x\"y","b":1.5,"c":{"d":[1,2]},"n":null,"a.b":true}"#;

    #[test]
    fn text_is_bare_and_the_rest_is_json() {
        assert_eq!(text(ATTRIBUTES, "a").as_deref(), Some("x\"y"));
        assert_eq!(text(ATTRIBUTES, "c").as_deref(), Some(r#"{"d":[1,2]}"#));
        assert_eq!(text(ATTRIBUTES, "a.b").as_deref(), Some("true"));
        assert_eq!(text(ATTRIBUTES, "n"), None);
        assert_eq!(text(ATTRIBUTES, "d"), None, "not at the top");
        assert_eq!(text("", "a"), None);
        assert_eq!(number(ATTRIBUTES, "b"), Some(1.5));
        assert_eq!(number(ATTRIBUTES, "a"), None);
        assert_eq!(at(ATTRIBUTES, "/c/d/1").as_deref(), Some("2"));
        assert_eq!(at(r#"[{"name":"e"}]"#, "/0/name").as_deref(), Some("e"));
    }
}
