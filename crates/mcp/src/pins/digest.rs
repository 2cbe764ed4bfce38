//! What identifies a tool's definition.

use std::fmt::Write as _;

use mizzen_model::id::Digest;
use serde_json::{Map, Value};

/// What a model or a person is told of a tool, and what it accepts and gives. Icons and `_meta` are left out: they
/// change without a change of what the tool says it does.
const MEMBERS: [&str; 7] = ["name", "title", "description", "inputSchema", "outputSchema", "annotations", "execution"];

/// The digest of the members that count, as canonical JSON: keys sorted by code point, no space, strings and numbers
/// as `serde_json` writes them.
#[must_use]
pub fn digest(definition: &Map<String, Value>) -> Digest {
    let mut text = String::with_capacity(512);
    object(&mut text, MEMBERS.iter().filter_map(|member| definition.get_key_value(*member)));
    Digest::of(text.as_bytes())
}

/// The members that count, for showing and comparing.
#[must_use]
pub fn counted(definition: &Map<String, Value>) -> Map<String, Value> {
    let kept = MEMBERS.iter().filter_map(|member| definition.get_key_value(*member));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn value(text: &mut String, of: &Value) {
    match of {
        Value::Object(members) => object(text, members.iter()),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                value(text, item);
            }
            text.push(']');
        }
        // Writing to a text cannot fail.
        scalar => {
            let (Ok(()) | Err(_)) = write!(text, "{scalar}");
        }
    }
}

fn object<'a>(text: &mut String, members: impl Iterator<Item = (&'a String, &'a Value)>) {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    text.push('{');
    for (index, (key, member)) in members.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let (Ok(()) | Err(_)) = write!(text, "{}:", Value::String(key.clone()));
        value(text, member);
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::digest;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn order_and_what_does_not_count_change_nothing_and_all_else_does() {
        let base = json!({"name": "a", "description": "d", "inputSchema": {"type": "object", "properties": {"x": {}, "y": {}}}});
        let same = json!({"inputSchema": {"properties": {"y": {}, "x": {}}, "type": "object"}, "icons": [], "_meta": {"v": 2},
            "description": "d", "name": "a"});
        assert_eq!(digest(&object(base.clone())), digest(&object(same)));
        for (member, value) in [
            ("name", json!("b")),
            ("title", json!("t")),
            ("description", json!("d ")),
            ("inputSchema", json!({"type": "object"})),
            ("outputSchema", json!({})),
            ("annotations", json!({"readOnlyHint": true})),
            ("execution", json!({"taskSupport": "required"})),
        ] {
            let mut other = object(base.clone());
            other.insert(member.to_owned(), value);
            assert_ne!(digest(&object(base.clone())), digest(&other), "{member}");
        }
        // A key is no value: the two must not meet in the text.
        assert_ne!(
            digest(&object(json!({"annotations": {"a": "b"}}))),
            digest(&object(json!({"annotations": ["a", "b"]})))
        );
    }
}
