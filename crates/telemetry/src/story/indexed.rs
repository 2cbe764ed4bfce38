//! Attribute families such as `gen_ai.prompt.0.content`: flattened lists put together again.

use std::collections::BTreeMap;

use serde_json::Value;

use super::sources::Attributes;

/// Segments of a name below its prefix at most; deeper names are no message.
const DEPTH_MAX: usize = 16;

/// A level of the tree while it is put together.
#[derive(Debug, Default)]
struct Node {
    value: Option<Value>,
    items: BTreeMap<usize, Node>,
    fields: BTreeMap<String, Node>,
}

/// The list under `prefix` (which ends in a dot), in the order of the indexes; gaps are closed.
pub(super) fn list(attributes: &Attributes, prefix: &str) -> Vec<Value> {
    let mut root = Node::default();
    for (path, value) in attributes.below(prefix) {
        if path.split('.').count() <= DEPTH_MAX {
            insert(&mut root, path, value);
        }
    }
    root.items.into_values().filter_map(build).collect()
}

fn insert(root: &mut Node, path: &str, value: Value) {
    let mut node = root;
    for segment in path.split('.') {
        node = match segment.parse() {
            Ok(index) => node.items.entry(index).or_default(),
            Err(_) => node.fields.entry(segment.to_owned()).or_default(),
        };
    }
    node.value = Some(value);
}

fn build(node: Node) -> Option<Value> {
    if !node.fields.is_empty() {
        let fields = node.fields.into_iter().filter_map(|(key, node)| Some((key, build(node)?)));
        return Some(Value::Object(fields.collect()));
    }
    if !node.items.is_empty() {
        return Some(Value::Array(node.items.into_values().filter_map(build).collect()));
    }
    node.value
}
