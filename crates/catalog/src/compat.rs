//! Foreign formats, read into Backstage's envelope and written out of it without loss.
//!
//! Every format is a pair: `entity(document)` and `document(&entity)`, and `document(&entity(x)?)` is `x` again, fields that
//! nobody here knows included. What the envelope has a place for is in that place and nowhere else, so that an edit of the
//! entity shows in the foreign form; everything else is kept in one member of `spec`:
//!
//! | format | becomes | what the envelope has no place for | module |
//! |---|---|---|---|
//! | `ar.dev/v1alpha1` | `Component`, `API`, `AiResource`, `Resource` | `spec.agentRegistry` | [`agentregistry`] |
//! | MCP `server.json` | `API` of type `mcp-server` | `spec.mcpServer` | [`mcp_registry`] |
//! | A2A agent card | `Component` of type `ai-agent` | `spec.a2a` | [`a2a`] |
//! | `SKILL.md` | `AiResource` of type `skill` | `spec.skill` | [`skill`] |
//!
//! Names that are no names to Backstage become names that are ([`name`]); the one the document has is the annotation
//! [`NAME`]. A document that names no owner belongs to [`UNOWNED`], for Backstage wants one.

pub mod a2a;
pub mod agentregistry;
pub mod client_config;
pub mod mcp_registry;
pub mod name;
pub mod published;
mod rest;
mod rules;
pub mod skill;

#[cfg(test)]
mod arbitrary;

use mizzen_model::yaml::At;
use serde_json::{Map, Value};

/// The annotation that says from which format an entity came; its value is one of the modules' `FORMAT`.
pub const FORMAT: &str = "mizzen.dev/format";
/// The annotation with the name in the foreign document, where it is another one.
pub const NAME: &str = "mizzen.dev/name";
/// The annotation with the tag of a version.
pub const VERSION: &str = "mizzen.dev/version";
/// `spec.owner` of what names no owner: there is no such group, and a scorecard counts it as none.
pub const UNOWNED: &str = "unowned";
/// Where formats with free fields say who owns it.
const OWNER: &str = "mizzen.dev/owner";
/// `spec.lifecycle` of what says nothing about it; whether it may be used is what its approval says.
const LIFECYCLE: &str = "production";

/// Puts in what traffic does not show and a document of its kind must have: an owner, a lifecycle.
pub fn complete(document: &mut Map<String, Value>) {
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let spec = document.entry("spec").or_insert_with(|| Value::Object(Map::new()));
    let Some(spec) = spec.as_object_mut() else { return };
    if matches!(kind.as_str(), "component" | "api" | "resource" | "airesource") {
        spec.entry("owner").or_insert_with(|| UNOWNED.into());
    }
    if matches!(kind.as_str(), "component" | "api" | "airesource") {
        spec.entry("lifecycle").or_insert_with(|| "unknown".into());
    }
}

/// What is wrong with a document, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From the document's root; the last step is missing in the document when the fault is that it is missing.
    pub path: Vec<PathStep>,
    /// The place in the text, for a format that is no YAML or JSON as a whole (`SKILL.md`).
    pub at: Option<At>,
    /// What is wrong and what is expected; does not repeat the path.
    pub message: String,
}

/// One step from a value into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    Name(String),
    Place(usize),
}

impl From<&str> for PathStep {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for PathStep {
    fn from(place: usize) -> Self {
        Self::Place(place)
    }
}

/// For example `` `spec.remotes[0].url` must be a URL ``.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        f.write_str("`")?;
        for (place, step) in self.path.iter().enumerate() {
            match step {
                PathStep::Name(name) if place == 0 => f.write_str(name)?,
                PathStep::Name(name) => write!(f, ".{name}")?,
                PathStep::Place(number) => write!(f, "[{number}]")?,
            }
        }
        write!(f, "` {}", self.message)
    }
}

/// Who owns it by the free field at `path`, or nobody.
fn owner(rest: &mut rest::Rest, path: &[&str]) -> String {
    let goes = |value: &Value| value.as_str().is_some_and(|owner| !owner.trim().is_empty() && owner != UNOWNED);
    match rest.take_if(path, goes) {
        Some(Value::String(owner)) => owner,
        _ => UNOWNED.to_owned(),
    }
}

/// The envelope around what a format gives.
fn envelope(kind: &str, metadata: Map<String, Value>, spec: Map<String, Value>) -> crate::entity::Entity {
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), "backstage.io/v1alpha1".into());
    document.insert("kind".to_owned(), kind.into());
    document.insert("metadata".to_owned(), metadata.into());
    document.insert("spec".to_owned(), spec.into());
    crate::entity::Entity::new(document)
}
