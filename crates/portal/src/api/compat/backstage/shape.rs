//! An entity as Backstage would show it after processing.

use mizzen_catalog::Entity;
use mizzen_catalog::compat::complete;
use mizzen_catalog::query::{Origin, Stored};
use serde_json::{Map, Value, json};

use super::project::Fields;

/// Of Backstage's own status items (npm `@backstage/catalog-client`, `ENTITY_STATUS_CATALOG_PROCESSING_TYPE`).
const PROCESSING: &str = "backstage.io/catalog-processing";
const LOCATION: &str = "backstage.io/managed-by-location";
const ORIGIN_LOCATION: &str = "backstage.io/managed-by-origin-location";
/// What was applied by hand, from no file, is managed from no place; Backstage's pages want to read one.
const BY_HAND: &str = "mizzen:apply";
const ORIGIN: &str = "mizzen.dev/origin";

pub(super) type Document = Map<String, Value>;

/// What is asked for of an entity.
pub(super) fn shown(stored: &Stored, fields: Option<&Fields>) -> Document {
    let document = document(stored);
    match fields {
        None => document,
        Some(fields) => fields.project(&document),
    }
}

/// All of it.
pub(super) fn document(stored: &Stored) -> Document {
    let mut document = stored.document();
    document.shift_remove("status");
    let files = document.get_mut("spec").and_then(|spec| spec.pointer_mut("/skill/files"));
    for file in files.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        // A list of skills would be as large as all of their folders.
        file.shift_remove("content");
        file.shift_remove("encoding");
    }
    let errors: Vec<Value> = stored
        .status_items
        .iter()
        .filter(|item| item.level == "error")
        .map(|item| {
            let error = json!({ "name": "InputError", "message": item.message });
            json!({ "type": PROCESSING, "level": "error", "message": item.message, "error": error })
        })
        .collect();
    if !errors.is_empty() {
        document.insert("status".to_owned(), json!({ "items": errors }));
    }
    if let Some(annotations) = document.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
        && let Some(annotations) = annotations.as_object_mut()
    {
        for name in [LOCATION, ORIGIN_LOCATION] {
            annotations.entry(name).or_insert_with(|| BY_HAND.into());
        }
        if stored.origin == Origin::Discovered {
            annotations.insert(ORIGIN.to_owned(), Origin::Discovered.as_str().into());
        }
    }
    if stored.origin == Origin::Discovered {
        complete(&mut document);
    }
    document
}

/// A document that is not kept, as it would come out if it were: without what only the catalog gives.
pub(super) fn declared(entity: &Entity, source: &str, origin: &str) -> Document {
    let mut document = entity.document().clone();
    let kind = if source.contains("://") { "url" } else { "file" };
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("namespace").or_insert_with(|| entity.namespace().into());
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(LOCATION.to_owned(), format!("{kind}:{source}").into());
            annotations.insert(ORIGIN_LOCATION.to_owned(), origin.into());
        }
    }
    document
}
