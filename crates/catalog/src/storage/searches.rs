//! By which keys and values an entity is found: Backstage's `buildEntitySearch`, and a few keys of our own.

use std::collections::BTreeSet;

use mizzen_model::time::Timestamp;
use serde_json::Value;

use crate::entity::Entity;
use crate::filter;
use crate::version::class_of;

/// Begins the keys that the catalog sets itself.
pub(crate) const OWN: &str = "mizzen.";
pub(crate) const CLASS: &str = "mizzen.class";
pub(crate) const ORIGIN: &str = "mizzen.origin";
pub(crate) const STATE: &str = "mizzen.state";
pub(crate) const TITLE: &str = "mizzen.title";
pub(crate) const UPDATED: &str = "mizzen.updated";
pub(crate) const LAST_SEEN: &str = "mizzen.last_seen";
pub(crate) const ORPHAN: &str = "mizzen.orphan";
/// Asked of relations and sources, not kept.
pub(crate) const PROBLEMS: &str = "mizzen.problems";
/// Asked of the table of relations, not kept.
pub(crate) const RELATIONS: &str = "relations.";

/// Values that one entity is found by.
pub(crate) const ROWS_MAX: usize = 5_000;
const KEY_CHARS_MAX: usize = 200;
const VALUE_CHARS_MAX: usize = 200;
/// What is no search key, or is added below.
const SPECIAL: &[&str] = &[
    "attachments",
    "relations",
    "status",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.etag",
    "spec.skill.files",
];

/// One value of one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SearchRow {
    pub(crate) key: String,
    /// In lower case; `None` equals nothing.
    pub(crate) value: Option<String>,
    pub(crate) original: Option<String>,
}

/// All that the document gives, by key and value, each once.
pub(crate) fn rows(entity: &Entity, uid: &str) -> Vec<SearchRow> {
    let mut found = Found::default();
    for (name, value) in entity.document() {
        found.visit(name, value);
    }
    found.add("metadata.name", Some(entity.name()));
    found.add("metadata.namespace", Some(entity.namespace()));
    found.add("metadata.uid", Some(uid));
    found.add(CLASS, Some(&class_of(entity)));
    found.add(TITLE, Some(entity.title()));
    found.rows.into_iter().collect()
}

/// A row that the catalog sets itself.
pub(crate) fn own(key: &str, value: &str) -> SearchRow {
    SearchRow { key: key.to_owned(), value: Some(value.to_lowercase()), original: Some(value.to_owned()) }
}

/// In order as text, too.
pub(crate) fn instant(at: Timestamp) -> String {
    at.to_string()
}

#[derive(Default)]
struct Found {
    rows: BTreeSet<SearchRow>,
    /// Keys that stand for a member of a list.
    members: BTreeSet<String>,
}

impl Found {
    fn visit(&mut self, path: &str, value: &Value) {
        if SPECIAL.contains(&path) {
            return;
        }
        match value {
            Value::Null => self.add(path, None),
            Value::Bool(flag) => self.add(path, Some(if *flag { "true" } else { "false" })),
            Value::Number(number) => self.add(path, Some(&filter::number(number))),
            Value::String(text) => self.add(path, Some(text)),
            Value::Array(items) => {
                for item in items {
                    self.visit(path, item);
                    if let Value::String(text) = item {
                        let key = format!("{path}.{text}");
                        if self.members.insert(key.to_lowercase()) {
                            self.add(&key, Some("true"));
                        }
                    }
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.visit(&format!("{path}.{name}"), value);
                }
            }
        }
    }

    fn add(&mut self, key: &str, value: Option<&str>) {
        let key = key.to_lowercase();
        if key.chars().count() > KEY_CHARS_MAX {
            return;
        }
        // PostgreSQL keeps no NUL in a text.
        let value = value.filter(|value| value.chars().count() <= VALUE_CHARS_MAX && !value.contains('\0'));
        let lower = value.map(str::to_lowercase);
        self.rows.insert(SearchRow { key, value: lower, original: value.map(str::to_owned) });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Entity, rows};

    #[test]
    fn an_entity_is_found_by_the_paths_of_its_values_as_in_backstage() {
        let document = json!({
            "kind": "Component",
            "metadata": { "name": "Shop", "tags": ["Java"], "labels": { "A.b/C": "X" }, "etag": "no" },
            "spec": { "n": 1.0, "big": 1e16, "on": true, "nothing": null, "long": "x".repeat(201),
                "steps": [{ "id": "One" }, { "id": "two" }] },
            "relations": [{ "type": "no" }],
        });
        let entity = Entity::new(document.as_object().unwrap().clone());
        let rows = rows(&entity, "u");
        let found: Vec<_> =
            rows.iter().map(|row| format!("{}={}", row.key, row.value.as_deref().unwrap_or("-"))).collect();
        let expected = [
            "kind=component",
            "metadata.labels.a.b/c=x",
            "metadata.name=shop",
            "metadata.namespace=default",
            "metadata.tags=java",
            "metadata.tags.java=true",
            "metadata.uid=u",
            "mizzen.class=component",
            "mizzen.title=shop",
            "spec.big=10000000000000000",
            "spec.long=-",
            "spec.n=1",
            "spec.nothing=-",
            "spec.on=true",
            "spec.steps.id=one",
            "spec.steps.id=two",
        ];
        assert_eq!(found, expected);
        assert!(rows.iter().any(|row| row.original.as_deref() == Some("Java")));
    }
}
