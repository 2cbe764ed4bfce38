//! An entity as it was declared: Backstage's envelope, every unknown field kept.

use mizzen_model::canonical;
use mizzen_model::id::Digest;
use mizzen_model::yaml::{self, Limits};
use serde_json::{Map, Value};

use crate::reference::{DEFAULT_NAMESPACE, EntityRef};

/// What the catalog itself says of an entity. It is no part of what was declared, so no digest covers it.
const SET_BY_CATALOG: &[&str] = &["relations", "status"];
const METADATA_SET_BY_CATALOG: &[&str] = &["uid", "etag", "generation"];

/// A declared entity: valid by the rules of its kind, without what the catalog itself sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    document: Map<String, Value>,
}

impl Entity {
    /// Takes a document that was found valid by the rules of its kind. What the catalog itself sets is taken out of it.
    #[must_use]
    pub fn new(mut document: Map<String, Value>) -> Self {
        for field in SET_BY_CATALOG {
            document.shift_remove(*field);
        }
        if let Some(Value::Object(metadata)) = document.get_mut("metadata") {
            for field in METADATA_SET_BY_CATALOG {
                metadata.shift_remove(*field);
            }
        }
        Self { document }
    }

    #[must_use]
    pub const fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    #[must_use]
    pub fn into_document(self) -> Map<String, Value> {
        self.document
    }

    /// As written, for example `Component`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"]).unwrap_or(DEFAULT_NAMESPACE)
    }

    /// The title, or else the name.
    #[must_use]
    pub fn title(&self) -> &str {
        self.text(&["metadata", "title"]).unwrap_or_else(|| self.name())
    }

    #[must_use]
    pub fn reference(&self) -> EntityRef {
        EntityRef::new(self.kind(), self.namespace(), self.name())
    }

    /// `spec.type`.
    #[must_use]
    pub fn spec_type(&self) -> Option<&str> {
        self.text(&["spec", "type"])
    }

    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.text(&["metadata", "annotations", name])
    }

    /// The text at a path of member names.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.value(path)?.as_str()
    }

    /// The value at a path of member names.
    #[must_use]
    pub fn value(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.document.get(*first)?, |value, name| value.get(name))
    }

    /// A text that is read as this entity again: YAML, or JSON where the YAML that is written would be read as something else.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let document = Value::Object(self.document.clone());
        let yaml = serde_saphyr::to_string(&document).ok();
        let is_same = |yaml: &String| yaml::parse(yaml, Limits::CATALOG).is_ok_and(|node| node.to_json() == document);
        yaml.filter(is_same).unwrap_or_else(|| format!("{document:#}\n"))
    }

    /// Of the content, whatever the order of its fields.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(canonical::text(&Value::Object(self.document.clone())).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Entity;

    fn entity(document: Value) -> Entity {
        Entity::new(document.as_object().unwrap().clone())
    }

    #[test]
    fn a_digest_follows_the_content_and_not_what_the_catalog_adds_or_how_it_is_written() {
        let plain = json!({ "kind": "Component", "metadata": { "name": "Shop" }, "spec": { "type": "ai-agent" } });
        let added = json!({ "spec": { "type": "ai-agent" }, "metadata": { "uid": "7", "name": "Shop", "etag": "e" },
            "kind": "Component", "relations": [], "status": {} });
        assert_eq!(entity(plain.clone()).digest(), entity(added).digest());
        let mut other = plain;
        other["spec"]["type"] = "service".into();
        let other = entity(other);
        assert_ne!(other.digest(), entity(json!({})).digest());
        assert_eq!(other.reference().to_string(), "component:default/shop");
    }
}
