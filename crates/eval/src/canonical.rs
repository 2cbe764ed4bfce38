//! JSON in one spelling, for digests.

use serde_json::Value;

/// `value` with the keys of every object sorted and without blanks.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            let fields: Vec<String> = keys
                .iter()
                .map(|key| format!("{}:{}", Value::String((*key).clone()), canonical(&fields[*key])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
