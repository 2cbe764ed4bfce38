//! MCP `server.json`, as the MCP registry v0.1 has it (schemas of 2025-09-29 to 2025-12-11).
//!
//! A server becomes an `API` of type `mcp-server`. Backstage knows one list of ways to reach it, `spec.remotes`, with `type` and
//! `url`; a package is there too, with `url` as `TYPE:IDENTIFIER`, for example `npm:@acme/weather`, and the rest of it under
//! `package`.

mod check;
mod reach;

use serde_json::{Map, Value};

use super::rest::Rest;
use super::{FORMAT as FORMAT_ANNOTATION, Fault, LIFECYCLE, NAME, OWNER, UNOWNED, VERSION, envelope, name, owner};
use crate::entity::Entity;

pub(super) use reach::NOTHING;

/// The value of the annotation `mizzen.dev/format`.
pub const FORMAT: &str = "mcp-server.json";
/// Where everything is kept that Backstage has no place for.
const KEPT: &str = "mcpServer";
const OWNER_PATH: &[&str] = &["_meta", OWNER];

/// Whether `document` looks like a `server.json`, right or wrong.
#[must_use]
pub fn is_server(document: &Value) -> bool {
    let has = |name| document.get(name).is_some();
    let schema = document.get("$schema").and_then(Value::as_str).unwrap_or_default();
    !has("kind") && (schema.ends_with("/server.schema.json") || has("name") && (has("packages") || has("remotes")))
}

/// The entity of a `server.json`.
///
/// # Errors
/// What the registry would not publish.
pub fn entity(document: &Value) -> Result<Entity, Vec<Fault>> {
    check::check(document)?;
    let mut rest = Rest::of(document);
    let mut metadata = Map::new();
    let mut annotations = Map::new();
    annotations.insert(FORMAT_ANNOTATION.to_owned(), FORMAT.into());
    let foreign = rest.take_text(&["name"]).unwrap_or_default();
    let own = name::of(&foreign);
    if own != foreign {
        annotations.insert(NAME.to_owned(), foreign.into());
    }
    metadata.insert("name".to_owned(), own.into());
    for (field, place) in [("title", "title"), ("description", "description")] {
        if let Some(text) = rest.take_text(&[field]) {
            metadata.insert(place.to_owned(), text.into());
        }
    }
    if let Some(version) = rest.take_text(&["version"]) {
        annotations.insert(VERSION.to_owned(), version.into());
    }
    metadata.insert("annotations".to_owned(), annotations.into());
    let owner = owner(&mut rest, OWNER_PATH);
    let remotes = reach::taken(&mut rest);
    let mut spec = Map::new();
    spec.insert("type".to_owned(), "mcp-server".into());
    spec.insert("lifecycle".to_owned(), LIFECYCLE.into());
    spec.insert("owner".to_owned(), owner.into());
    spec.insert("remotes".to_owned(), remotes.into());
    let kept = rest.into_map();
    if !kept.is_empty() {
        spec.insert(KEPT.to_owned(), kept.into());
    }
    Ok(envelope("API", metadata, spec))
}

/// The `server.json` of a tool server, wherever it was declared; `None` of anything else.
#[must_use]
pub fn document(entity: &Entity) -> Option<Value> {
    if !entity.kind().eq_ignore_ascii_case("API") || entity.spec_type() != Some("mcp-server") {
        return None;
    }
    let is_own = entity.annotation(FORMAT_ANNOTATION) == Some(FORMAT);
    let mut rest = Rest::of(entity.value(&["spec", KEPT]).unwrap_or(&Value::Null));
    rest.put(&["name"], name_of(entity));
    if let Some(title) = entity.text(&["metadata", "title"]) {
        rest.put(&["title"], title);
    }
    if let Some(description) = entity.text(&["metadata", "description"]) {
        rest.put(&["description"], description);
    } else if !is_own {
        rest.put(&["description"], entity.title());
    }
    if let Some(version) = entity.annotation(VERSION) {
        rest.put(&["version"], version);
    } else if !is_own {
        rest.put(&["version"], "0.0.0");
    }
    if let Some(owner) = entity.text(&["spec", "owner"]).filter(|owner| *owner != UNOWNED) {
        rest.put(OWNER_PATH, owner);
    }
    reach::put(&mut rest, entity.value(&["spec", "remotes"]));
    Some(rest.into_value())
}

/// The name the MCP registry knows a tool server by: its own, or `NAMESPACE/NAME`.
#[must_use]
pub fn name_of(entity: &Entity) -> String {
    match entity.annotation(NAME) {
        Some(name) if entity.annotation(FORMAT_ANNOTATION) == Some(FORMAT) => name.to_owned(),
        _ => format!("{}/{}", entity.namespace(), entity.name()),
    }
}

#[cfg(test)]
mod tests;
