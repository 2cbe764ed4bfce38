//! JSON in one form only, for digests: names sorted, no spaces, so that equal values have equal bytes (RFC 8785). Numbers
//! are written as `serde_json` does.

use std::cmp::Ordering;

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
            members.sort_by(|(one, _), (other, _)| order(one, other));
            text.push('{');
            for (place, (name, member)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                quote(name, text);
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
        Value::String(string) => quote(string, text),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Null => text.push_str("null"),
        Value::Number(number) => text.push_str(&number.to_string()),
    }
}

/// By UTF-16 code units, as RFC 8785 has it (section 3.2.3).
fn order(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() {
        return one.cmp(other);
    }
    one.encode_utf16().cmp(other.encode_utf16())
}

fn quote(string: &str, text: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if !string.bytes().all(is_plain) {
        return text.push_str(&Value::from(string).to_string());
    }
    text.push('"');
    text.push_str(string);
    text.push('"');
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

    #[test]
    fn strings_are_written_as_serde_json_writes_them() {
        let all: String = (0..0x300).filter_map(char::from_u32).collect();
        for string in ["", "plain", "a\"b", "a\\b", "\u{7f}", "\u{1f}", "é", all.as_str()] {
            assert_eq!(
                text(&json!([string, -0.5, 1e300, u64::MAX])),
                json!([string, -0.5, 1e300, u64::MAX]).to_string()
            );
        }
    }
}
