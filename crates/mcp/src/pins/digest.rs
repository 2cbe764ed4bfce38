//! What identifies a definition.

use mizzen_model::canonical;
use mizzen_model::id::Digest;
use serde_json::{Map, Value};

/// What a model or a person is told of a tool, and what it accepts and gives; `arguments` are a prompt's, and `instructions` a
/// server's. Icons and `_meta` are left out: they change without a change of what the tool says it does.
const MEMBERS: [&str; 9] = [
    "name",
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "annotations",
    "execution",
    "arguments",
    "instructions",
];

/// The digest of the members that count, as canonical JSON.
#[must_use]
pub fn digest(definition: &Map<String, Value>) -> Digest {
    Digest::of(canonical::text(&Value::Object(counted(definition))).as_bytes())
}

/// The members that count, for showing and comparing.
#[must_use]
pub fn counted(definition: &Map<String, Value>) -> Map<String, Value> {
    let kept = MEMBERS.iter().filter_map(|member| definition.get_key_value(*member));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
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
            ("arguments", json!([{"name": "x"}])),
            ("instructions", json!("i")),
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
