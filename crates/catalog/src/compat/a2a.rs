//! A2A agent cards: 1.0 (`supportedInterfaces`) and 0.3 (`url`, `preferredTransport`).
//!
//! A card becomes a `Component` of type `ai-agent`. It says nothing about an owner, and has no field where one could stand.

use serde_json::{Map, Value};

use super::rest::Rest;
use super::rules::Checker;
use super::{FORMAT as FORMAT_ANNOTATION, Fault, LIFECYCLE, NAME, UNOWNED, VERSION, envelope, name};
use crate::entity::Entity;

/// The value of the annotation `mizzen.dev/format`.
pub const FORMAT: &str = "a2a-agent-card";
/// Where everything is kept that Backstage has no place for.
const KEPT: &str = "a2a";

/// Whether `document` looks like an agent card, right or wrong.
#[must_use]
pub fn is_card(document: &Value) -> bool {
    let has = |name| document.get(name).is_some();
    !has("kind") && (has("supportedInterfaces") || has("capabilities") && (has("url") || has("skills")))
}

/// The entity of an agent card.
///
/// # Errors
/// What the specification requires and the card does not have.
pub fn entity(document: &Value) -> Result<Entity, Vec<Fault>> {
    check(document)?;
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
    if let Some(description) = rest.take_text(&["description"]) {
        metadata.insert("description".to_owned(), description.into());
    }
    if let Some(version) = rest.take_text(&["version"]) {
        annotations.insert(VERSION.to_owned(), version.into());
    }
    metadata.insert("annotations".to_owned(), annotations.into());
    let mut spec = Map::new();
    spec.insert("type".to_owned(), "ai-agent".into());
    spec.insert("lifecycle".to_owned(), LIFECYCLE.into());
    spec.insert("owner".to_owned(), UNOWNED.into());
    spec.insert(KEPT.to_owned(), rest.into_value());
    Ok(envelope("Component", metadata, spec))
}

/// The card of an agent that has one: it came as one, or carries one in `spec.a2a`. `None` of any other, for nothing else
/// says where an agent answers and what it can do.
#[must_use]
pub fn document(entity: &Entity) -> Option<Value> {
    if !entity.kind().eq_ignore_ascii_case("Component") || entity.spec_type() != Some("ai-agent") {
        return None;
    }
    let mut rest = Rest::of(entity.value(&["spec", KEPT]).filter(|kept| kept.is_object())?);
    let is_own = entity.annotation(FORMAT_ANNOTATION) == Some(FORMAT);
    let named = entity.annotation(NAME).filter(|_| is_own);
    rest.put(&["name"], named.unwrap_or_else(|| if is_own { entity.name() } else { entity.title() }));
    if let Some(description) = entity.text(&["metadata", "description"]) {
        rest.put(&["description"], description);
    }
    if let Some(version) = entity.annotation(VERSION) {
        rest.put(&["version"], version);
    }
    let card = rest.into_value();
    check(&card).is_ok().then_some(card)
}

/// What is required (`a2a.proto` of 1.0.1; section 5.5 of 0.3.0).
fn check(document: &Value) -> Result<(), Vec<Fault>> {
    Checker::run(document, |checker, card| {
        for field in ["name", "description", "version"] {
            checker.text(card, field);
        }
        if card.contains_key("supportedInterfaces") || !card.contains_key("url") {
            interfaces(checker, card);
        } else {
            checker.text(card, "url");
            checker.text(card, "protocolVersion");
            checker.optional_text(card, "preferredTransport");
            checker.each(card, "additionalInterfaces", |checker, interface| {
                checker.text(interface, "url");
                checker.text(interface, "transport");
            });
        }
        checker.map(card, "capabilities");
        for field in ["defaultInputModes", "defaultOutputModes"] {
            checker.list(card, field);
            checker.texts(card, field);
        }
        checker.list(card, "skills");
        checker.each(card, "skills", |checker, skill| {
            for field in ["id", "name", "description"] {
                checker.text(skill, field);
            }
            checker.list(skill, "tags");
            for field in ["tags", "examples", "inputModes", "outputModes"] {
                checker.texts(skill, field);
            }
        });
        if let Some(provider) = checker.optional_map(card, "provider") {
            checker.inside("provider", |checker| {
                checker.text(provider, "organization");
                checker.text(provider, "url");
            });
        }
        checker.optional_map(card, "securitySchemes");
        checker.each(card, "signatures", |checker, signature| {
            checker.text(signature, "protected");
            checker.text(signature, "signature");
        });
    })
}

fn interfaces(checker: &mut Checker, card: &Map<String, Value>) {
    if checker.list(card, "supportedInterfaces").is_some_and(<[Value]>::is_empty) {
        checker.fault_in("supportedInterfaces", "must name at least one place where the agent answers");
    }
    checker.each(card, "supportedInterfaces", |checker, interface| {
        for field in ["url", "protocolBinding", "protocolVersion"] {
            checker.text(interface, field);
        }
    });
}

#[cfg(test)]
mod tests;
