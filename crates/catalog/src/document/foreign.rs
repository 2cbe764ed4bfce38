//! Formats of others, by their modules in [`crate::compat`].

use mizzen_model::yaml::At;
use serde_json::Value;

use super::Format;
use crate::entity::Entity;
use crate::validate::Fault;

pub(super) fn entity(format: Format, _document: &Value) -> Result<Entity, Vec<Fault>> {
    Err(vec![Fault::value("", format!("{} cannot be read yet", format.noun()))])
}

pub(super) fn skill(_text: &str) -> Result<(Entity, String), Vec<(At, String)>> {
    Err(vec![(At { line: 1, column: 1 }, "a `SKILL.md` cannot be read yet".to_owned())])
}
