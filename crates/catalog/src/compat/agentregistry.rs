//! agentregistry's manifests, `ar.dev/v1alpha1`.
//!
//! | kind | becomes |
//! |---|---|
//! | `Agent` | `Component` of type `ai-agent`; `spec.mcpServers` is `consumesApis`, plugins, skills and instructions are `dependsOn` |
//! | `MCPServer` | `API` of type `mcp-server` |
//! | `Skill`, `Prompt`, `Plugin` | `AiResource` of type `skill`, `prompt`, `plugin` |
//! | `Model` | `Resource` of type `ai-model` |
//! | `Deployment`, `Runtime` | `Resource` of type `agent-deployment`, `agent-runtime` |
//!
//! Prompts, plugins, deployments and runtimes share a Backstage kind with others, so their names begin with `prompt.`,
//! `plugin.`, `deployment.` and `runtime.`. A tag is the tag of the version; with us a tag that was approved keeps its content.

mod check;
mod kind;
mod parts;

use serde_json::{Map, Value};

use super::rest::Rest;
use super::{FORMAT as FORMAT_ANNOTATION, Fault, LIFECYCLE, NAME, OWNER, UNOWNED, VERSION, envelope, name, owner};
use crate::entity::Entity;
use crate::reference::{DEFAULT_NAMESPACE, EntityRef};

pub use self::kind::ArKind;

/// The `apiVersion` of the documents, and the value of the annotation `mizzen.dev/format`.
pub const FORMAT: &str = "ar.dev/v1alpha1";
/// Where everything is kept that Backstage has no place for.
const KEPT: &str = "agentRegistry";
const OWNER_PATH: &[&str] = &["metadata", "annotations", OWNER];
/// The namespace in the document, where it is no name of a namespace to Backstage, or was written although it is the default.
const NAMESPACE_PATH: &[&str] = &["metadata", "namespace"];

/// Whether `document` claims to be one of agentregistry's, right or wrong.
#[must_use]
pub fn is_manifest(document: &Value) -> bool {
    document.get("apiVersion").and_then(Value::as_str).is_some_and(|version| version.starts_with("ar.dev/"))
}

/// The entity of a manifest.
///
/// # Errors
/// What agentregistry would not take, by the rules that need no look outside the document.
pub fn entity(document: &Value) -> Result<Entity, Vec<Fault>> {
    let kind = check::check(document)?;
    let mut rest = Rest::of(document);
    rest.take(&["apiVersion"]);
    rest.take(&["kind"]);
    let mut metadata = Map::new();
    let mut annotations = Map::new();
    annotations.insert(FORMAT_ANNOTATION.to_owned(), FORMAT.into());
    let foreign = rest.take_text(&["metadata", "name"]).unwrap_or_default();
    let own = name::prefixed(kind.prefix(), &foreign);
    if own != format!("{}{foreign}", kind.prefix()) {
        annotations.insert(NAME.to_owned(), foreign.into());
    }
    metadata.insert("name".to_owned(), own.into());
    let namespace = namespace(&mut rest, &mut metadata);
    for (field, place) in [("title", "title"), ("description", "description")] {
        if let Some(text) = rest.take_text(&["spec", field]) {
            metadata.insert(place.to_owned(), text.into());
        }
    }
    if let Some(tag) = rest.take_text(&["metadata", "tag"]) {
        annotations.insert(VERSION.to_owned(), tag.into());
    }
    let owner = owner(&mut rest, OWNER_PATH);
    let labels = rest.take_members(&["metadata", "labels"], |key, value| parts::is_key(key) && parts::is_label(value));
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), labels.into());
    }
    annotations.extend(rest.take_members(&["metadata", "annotations"], |key, value| {
        parts::is_key(key) && value.is_string() && !parts::is_ours(key)
    }));
    metadata.insert("annotations".to_owned(), annotations.into());
    let mut spec = Map::new();
    spec.insert("type".to_owned(), kind.spec_type().into());
    if kind.entity_kind() != "Resource" {
        spec.insert("lifecycle".to_owned(), LIFECYCLE.into());
    }
    spec.insert("owner".to_owned(), owner.into());
    parts::take(kind, &namespace, &mut rest, &mut spec);
    let kept = rest.into_map();
    if !kept.is_empty() {
        spec.insert(KEPT.to_owned(), kept.into());
    }
    Ok(envelope(kind.entity_kind(), metadata, spec))
}

/// The namespace of the entity; what it was in the document stays there unless it is the same and not the default.
fn namespace(rest: &mut Rest, metadata: &mut Map<String, Value>) -> String {
    let goes = |value: &Value| value.as_str().is_some_and(|it| it != DEFAULT_NAMESPACE && name::namespace(it) == it);
    if let Some(Value::String(namespace)) = rest.take_if(NAMESPACE_PATH, goes) {
        metadata.insert("namespace".to_owned(), namespace.clone().into());
        return namespace;
    }
    let foreign = rest.text(NAMESPACE_PATH).filter(|it| !it.is_empty()).unwrap_or(DEFAULT_NAMESPACE);
    let namespace = name::namespace(foreign);
    if namespace != DEFAULT_NAMESPACE {
        metadata.insert("namespace".to_owned(), namespace.clone().into());
    }
    namespace
}

/// The manifest of an entity that agentregistry has a kind for, wherever it was declared.
#[must_use]
pub fn document(entity: &Entity) -> Option<Value> {
    let kind = ArKind::of_entity(entity)?;
    let is_own = entity.annotation(FORMAT_ANNOTATION) == Some(FORMAT);
    let mut rest = Rest::of(entity.value(&["spec", KEPT]).unwrap_or(&Value::Null));
    rest.put(&["apiVersion"], FORMAT);
    rest.put(&["kind"], kind.as_str());
    rest.put(&["metadata", "name"], name_of(entity, kind));
    let kept = rest.text(NAMESPACE_PATH).map(|it| name::namespace(if it.is_empty() { DEFAULT_NAMESPACE } else { it }));
    if kept.as_deref() != Some(entity.namespace()) {
        rest.take(NAMESPACE_PATH);
        if entity.namespace() != DEFAULT_NAMESPACE {
            rest.put(NAMESPACE_PATH, entity.namespace());
        }
    }
    for (field, place) in [("title", "title"), ("description", "description")] {
        if let Some(text) = entity.text(&["metadata", place]) {
            rest.put(&["spec", field], text);
        }
    }
    if let Some(tag) = entity.annotation(VERSION) {
        rest.put(&["metadata", "tag"], tag);
    }
    if let Some(owner) = entity.text(&["spec", "owner"]).filter(|owner| *owner != UNOWNED) {
        rest.put(OWNER_PATH, owner);
    }
    for (key, value) in members(entity, "labels") {
        rest.put(&["metadata", "labels", key], value.clone());
    }
    for (key, value) in members(entity, "annotations").filter(|(key, _)| !parts::is_ours(key)) {
        rest.put(&["metadata", "annotations", key], value.clone());
    }
    parts::put(kind, entity, is_own, &mut rest);
    if rest.is_missing("spec") {
        rest.put(&["spec"], Map::new());
    }
    Some(rest.into_value())
}

fn members<'a>(entity: &'a Entity, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    entity.value(&["metadata", field]).and_then(Value::as_object).into_iter().flatten()
}

/// The name agentregistry knows an entity by.
fn name_of(entity: &Entity, kind: ArKind) -> String {
    match entity.annotation(NAME).filter(|_| entity.annotation(FORMAT_ANNOTATION) == Some(FORMAT)) {
        Some(name) => name.to_owned(),
        None => entity.name().strip_prefix(kind.prefix()).unwrap_or_else(|| entity.name()).to_owned(),
    }
}

/// The reference of what a manifest of this kind, namespace and name becomes.
#[must_use]
pub fn reference(kind: ArKind, namespace: &str, name: &str) -> EntityRef {
    let namespace = if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace };
    EntityRef::new(kind.entity_kind(), &name::namespace(namespace), &name::prefixed(kind.prefix(), name))
}

#[cfg(test)]
mod tests;
