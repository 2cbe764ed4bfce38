//! Formats of others, by their modules in [`crate::compat`].

use mizzen_model::suggest::nearest;
use mizzen_model::yaml::{At, Key, Kind, Node};
use serde_json::Value;

use super::{Format, place};
use crate::compat::{self, PathStep, a2a, agentregistry, mcp_registry};
use crate::entity::Entity;
use crate::validate::{self, Fault};

/// A shorter name is near to everything.
const NAME_LENGTH_MIN: usize = 4;
/// How many fields are compared with what is missing.
const STRANGERS_MAX: usize = 64;

/// The format of a document that is no entity of Backstage's.
pub(super) fn format(document: &Value) -> Option<Format> {
    if agentregistry::is_manifest(document) {
        return Some(Format::AgentRegistry);
    }
    if mcp_registry::is_server(document) {
        return Some(Format::McpServer);
    }
    a2a::is_card(document).then_some(Format::A2aCard)
}

/// The entity of a document; or what is wrong with it, with its places.
pub(super) fn entity(format: Format, node: &Node) -> Result<Entity, Vec<(At, String)>> {
    let document = node.to_json();
    let entity = match (format, document) {
        (Format::Entity, Value::Object(fields)) => {
            return validate::entity(fields).map_err(|faults| placed(node, faults));
        }
        (Format::AgentRegistry, document) => agentregistry::entity(&document),
        (Format::McpServer, document) => mcp_registry::entity(&document),
        (_, document) => a2a::entity(&document),
    };
    let told = |fault: &compat::Fault| match (fault.at, misspelt(node, fault)) {
        (Some(at), _) => (at, fault.to_string()),
        (None, Some(key)) => (key.at, format!("{fault}; is `{}` meant to be it?", key.name)),
        (None, None) => (place::of(node, &of_path(fault)), fault.to_string()),
    };
    let entity = entity.map_err(|faults| faults.iter().map(told).collect::<Vec<_>>())?;
    checked(entity, node.at)
}

/// The field that stands where a missing one was expected, when one has a name like it.
fn misspelt<'a>(root: &'a Node, fault: &compat::Fault) -> Option<&'a Key> {
    let (PathStep::Name(missing), path) = fault.path.split_last()? else { return None };
    let mut node = root;
    for step in path {
        node = match (step, &node.kind) {
            (PathStep::Name(name), _) => node.member(name)?,
            (PathStep::Place(place), Kind::List(items)) => items.get(*place)?,
            (PathStep::Place(_), _) => return None,
        };
    }
    let Kind::Map(fields) = &node.kind else { return None };
    let is_short = missing.len() < NAME_LENGTH_MIN;
    if is_short || fields.iter().any(|(key, _)| key.name == *missing) {
        return None;
    }
    let near = nearest(missing, fields.iter().take(STRANGERS_MAX).map(|(key, _)| key.name.as_str()))?;
    fields.iter().map(|(key, _)| key).find(|key| key.name == near)
}

/// The entity of a `SKILL.md`; or what is wrong with it, with its places. Its folder must have the skill's name.
pub(super) fn skill(source: &str, text: &str) -> Result<Entity, Vec<(At, String)>> {
    let start = At { line: 1, column: 1 };
    let folder = source.rsplit(['/', '\\']).nth(1).filter(|folder| !matches!(*folder, "" | "." | ".."));
    let told = |fault: compat::Fault| (fault.at.unwrap_or(start), fault.to_string());
    let entity = compat::skill::entity(text, folder);
    checked(entity.map_err(|faults| faults.into_iter().map(told).collect::<Vec<_>>())?, start)
}

/// What came out of another format is held to the rules of every entity.
fn checked(entity: Entity, at: At) -> Result<Entity, Vec<(At, String)>> {
    validate::entity(entity.into_document())
        .map_err(|faults| faults.into_iter().map(|fault| (at, fault.message)).collect())
}

pub(super) fn placed(node: &Node, faults: Vec<Fault>) -> Vec<(At, String)> {
    faults.into_iter().map(|fault| (place::of(node, &fault), fault.message)).collect()
}

fn of_path(fault: &compat::Fault) -> Fault {
    let mut pointer = String::new();
    for step in &fault.path {
        pointer.push('/');
        match step {
            PathStep::Name(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            PathStep::Place(place) => pointer.push_str(&place.to_string()),
        }
    }
    Fault::value(pointer, "")
}
