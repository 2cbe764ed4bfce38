//! What changed between the pinned definition and the current one.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A page shows no more; the definitions are shown whole beside them.
const CHANGES_MAX: usize = 200;

/// One place where the two differ.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// JSON pointer (RFC 6901).
    pub path: String,
    /// Absent there: `null`.
    #[schema(value_type = Object, nullable)]
    pub pinned: Option<Value>,
    #[schema(value_type = Object, nullable)]
    pub current: Option<Value>,
}

/// The smallest parts that differ, in the order of their paths.
#[must_use]
pub fn changes(pinned: &Map<String, Value>, current: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    objects(&mut changes, "", pinned, current);
    changes
}

fn objects(changes: &mut Vec<Change>, path: &str, pinned: &Map<String, Value>, current: &Map<String, Value>) {
    let mut keys: Vec<&String> = pinned.keys().chain(current.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        values(changes, path, pinned.get(key), current.get(key));
    }
}

fn values(changes: &mut Vec<Change>, path: String, pinned: Option<&Value>, current: Option<&Value>) {
    if pinned == current || changes.len() >= CHANGES_MAX {
        return;
    }
    match (pinned, current) {
        (Some(Value::Object(pinned)), Some(Value::Object(current))) => objects(changes, &path, pinned, current),
        (Some(Value::Array(pinned)), Some(Value::Array(current))) if pinned.len() == current.len() => {
            for (index, (pinned, current)) in pinned.iter().zip(current).enumerate() {
                values(changes, format!("{path}/{index}"), Some(pinned), Some(current));
            }
        }
        _ => changes.push(Change { path, pinned: pinned.cloned(), current: current.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::changes;

    #[test]
    fn the_smallest_differing_parts_are_named() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let pinned = object(
            json!({"description": "a", "inputSchema": {"properties": {"p/q": {"type": "string"}}, "required": ["x"]}}),
        );
        let current = object(
            json!({"description": "b", "inputSchema": {"properties": {"p/q": {"type": "string"}, "to": {}}, "required": ["y"]}}),
        );
        let found: Vec<(String, Option<Value>, Option<Value>)> =
            changes(&pinned, &current).into_iter().map(|change| (change.path, change.pinned, change.current)).collect();
        assert_eq!(
            found,
            [
                ("/description".to_owned(), Some(json!("a")), Some(json!("b"))),
                ("/inputSchema/properties/to".to_owned(), None, Some(json!({}))),
                ("/inputSchema/required/0".to_owned(), Some(json!("x")), Some(json!("y"))),
            ]
        );
        assert!(changes(&pinned, &pinned).is_empty());
    }
}
