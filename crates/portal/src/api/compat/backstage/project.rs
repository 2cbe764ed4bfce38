//! `fields=`: only the named parts of an entity.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Names of fields in one request.
const FIELDS_MAX: usize = 100;

/// The parts of an entity that are asked for, as dotted paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields(Vec<String>);

impl Fields {
    /// `None`: everything.
    ///
    /// # Errors
    /// When a field names a place in a list, or there are too many.
    pub(super) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Option<Self>, ApiError> {
        let mut seen = BTreeSet::new();
        let mut fields = Vec::new();
        for field in texts.flat_map(|text| text.split(',')).map(str::trim).filter(|field| !field.is_empty()) {
            let wrong = |message: String| Err(ApiError::Field { field: "fields", message });
            if field.contains('[') {
                return wrong(format!("`{field}` names a place in a list, which is not supported; name the list"));
            }
            if seen.insert(field) {
                fields.push(field.to_owned());
            }
            if fields.len() > FIELDS_MAX {
                return wrong(format!("at most {FIELDS_MAX} can be named"));
            }
        }
        Ok((!fields.is_empty()).then_some(Self(fields)))
    }

    pub(super) fn project(&self, document: &Map<String, Value>) -> Map<String, Value> {
        let mut output = Map::new();
        for field in &self.0 {
            if let Some((path, value)) = find(document, field) {
                set(&mut output, &path, value.clone());
            }
        }
        output
    }
}

/// The value at a dotted path, and the names that lead there. A name may hold dots itself, as those of annotations do: what is no
/// member is tried together with what follows it.
fn find<'v>(document: &'v Map<String, Value>, field: &str) -> Option<(Vec<String>, &'v Value)> {
    let mut path = Vec::new();
    let mut object = Some(document);
    let mut found = None;
    let mut name = String::new();
    for part in field.split('.') {
        name.push_str(part);
        match object.and_then(|object| object.get(&name)) {
            Some(value) => {
                path.push(std::mem::take(&mut name));
                object = value.as_object();
                found = Some(value);
            }
            None => name.push('.'),
        }
    }
    // Something is left over: the whole path leads nowhere.
    found.filter(|_| name.is_empty()).map(|value| (path, value))
}

fn set(output: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        output.insert(name.clone(), value);
        return;
    }
    let inner = output.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        set(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Fields;

    fn project(fields: &str) -> serde_json::Value {
        let document = json!({ "kind": "Component", "metadata": { "name": "shop", "tags": ["a", "b"],
            "annotations": { "backstage.io/orphan": "true", "backstage": { "io": 1 } } }, "spec": null });
        let fields = Fields::of([fields].into_iter()).unwrap().unwrap();
        serde_json::Value::Object(fields.project(document.as_object().unwrap()))
    }

    #[test]
    fn a_field_keeps_its_place_and_names_with_dots_are_found() {
        assert_eq!(project("kind, metadata.name,kind"), json!({ "kind": "Component", "metadata": { "name": "shop" } }));
        assert_eq!(project("metadata.tags,spec"), json!({ "metadata": { "tags": ["a", "b"] }, "spec": null }));
        let orphan = json!({ "metadata": { "annotations": { "backstage.io/orphan": "true" } } });
        // As in Backstage the shorter name wins, so that only a document without it shows the longer one.
        assert_eq!(project("metadata.annotations.backstage.io/orphan"), json!({}));
        let mut plain = json!({ "metadata": { "annotations": { "backstage.io/orphan": "true" } } });
        let fields = Fields::of(["metadata.annotations.backstage.io/orphan"].into_iter()).unwrap().unwrap();
        assert_eq!(json!(fields.project(plain.as_object_mut().unwrap())), orphan);
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        assert_eq!(project("metadata.nothing,spec.type,kind.x,metadata.name.length"), json!({}));
        assert!(Fields::of(["", " , "].into_iter()).unwrap().is_none());
        assert!(Fields::of(["metadata.tags[0]"].into_iter()).is_err());
        let many: Vec<String> = (0..=super::FIELDS_MAX).map(|n| n.to_string()).collect();
        assert!(Fields::of(many.iter().map(String::as_str)).is_err());
    }
}
