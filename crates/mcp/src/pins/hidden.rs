//! Characters that a person does not see and a model reads.

use serde_json::{Map, Value};

/// Where the first hidden character of a definition is, and which it is: `description: U+202E`.
#[must_use]
pub(super) fn find(definition: &Map<String, Value>) -> Option<String> {
    definition.iter().find_map(|(key, value)| {
        let found = of_text(key).or_else(|| of_value(value))?;
        Some(format!("{key}: U+{:04X}", u32::from(found)))
    })
}

fn of_value(value: &Value) -> Option<char> {
    match value {
        Value::String(text) => of_text(text),
        Value::Array(items) => items.iter().find_map(of_value),
        Value::Object(members) => members.iter().find_map(|(key, value)| of_text(key).or_else(|| of_value(value))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn of_text(text: &str) -> Option<char> {
    let mut before = ' ';
    for c in text.chars() {
        // Emoji are joined by U+200D, and scripts of India and Persia need both joiners within words.
        let joins = matches!(c, '\u{200C}' | '\u{200D}') && !before.is_ascii() && !before.is_whitespace();
        if is_hidden(c) && !joins {
            return Some(c);
        }
        before = c;
    }
    None
}

const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{7F}'..='\u{9F}' // controls but tab and line ends
        | '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' // zero width, left-to-right and right-to-left marks
        | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' // embeddings, overrides, isolates
        | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}'
        | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}' // tags, and variation selectors that carry bytes
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find;

    #[test]
    fn hidden_characters_are_found_anywhere_and_emoji_are_none() {
        let found = |value: serde_json::Value| find(value.as_object().unwrap());
        assert_eq!(found(json!({"description": "safe\u{202E}gnp.exe"})).as_deref(), Some("description: U+202E"));
        let deep = json!({"inputSchema": {"properties": {"x": {"enum": ["a", "b\u{E0041}"]}}}});
        assert_eq!(found(deep).as_deref(), Some("inputSchema: U+E0041"));
        assert_eq!(found(json!({"annotations": {"ti\u{200B}tle": 1}})).as_deref(), Some("annotations: U+200B"));
        assert!(found(json!({"description": "a\u{200D}b"})).is_some());
        assert_eq!(found(json!({"description": "tab\tline\r\n👩‍💻 ❤️ é 世界 می‌خواهم"})), None);
    }
}
