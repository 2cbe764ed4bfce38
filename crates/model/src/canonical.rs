//! JSON in one form only, for digests: names sorted, no spaces, so that equal values have equal bytes (RFC 8785). Numbers
//! are written as `serde_json` does.

use serde_json::Value;

/// The text of `value`.
#[must_use]
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // By UTF-16 code units, as RFC 8785 has it (section 3.2.3).
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (place, (name, member)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn names_are_sorted_at_every_depth_and_nothing_else_changes() {
        let value = json!({ "b": [1, { "z": null, "a": "é\n\u{1}" }], "a": true, "\u{20ac}": 1, "\u{1f600}": 2 });
        assert_eq!(text(&value), "{\"a\":true,\"b\":[1,{\"a\":\"é\\n\\u0001\",\"z\":null}],\"€\":1,\"😀\":2}");
    }
}
