//! What makes two calls the same call.

use std::fmt::Write as _;

use mizzen_model::id::Digest;
use serde_json::Value;

use crate::gate::Ask;

/// Over who asks, in which run, for what, with which arguments, by which definition of the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) whole: String,
    pub(crate) arguments: String,
}

impl Fingerprint {
    pub(crate) fn of(ask: &Ask) -> Self {
        let mut text = String::new();
        if let Some(arguments) = &ask.arguments {
            canonical(arguments, &mut text);
        }
        let arguments = Digest::of(text.as_bytes()).to_string();
        let mut whole = String::new();
        let run = ask.run.as_ref().map_or("", |run| run.as_str());
        let tool = ask.tool.digest.as_ref().map_or("", Digest::as_str);
        let parts = [&ask.caller.key_id, run, ask.action.as_str(), &ask.resource.to_string(), &arguments, tool];
        for part in parts {
            // The length first: no part can be mistaken for the beginning of the next.
            let (Ok(()) | Err(_)) = write!(whole, "{}:{part}", part.len());
        }
        Self { whole: Digest::of(whole.as_bytes()).to_string(), arguments }
    }
}

/// JSON with the members of objects in order: how a client orders them makes no other call.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn the_order_of_members_makes_no_other_call_and_all_else_does() {
        let text = |value| {
            let mut text = String::new();
            canonical(&value, &mut text);
            text
        };
        assert_eq!(
            text(json!({ "a": 1, "b": { "c": [1, 2], "d": null } })),
            text(json!({ "b": { "d": null, "c": [1, 2] }, "a": 1 }))
        );
        let others = [
            json!({ "a": 1 }),
            json!({ "a": "1" }),
            json!({ "a": 1.5 }),
            json!(["a", 1]),
            json!({ "a": [1] }),
            json!("a"),
        ];
        let mut texts: Vec<_> = others.into_iter().map(text).collect();
        let count = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), count);
        assert_ne!(text(json!([[1], 2])), text(json!([[1, 2]])));
    }
}
