//! How entities hang together.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compat::UNOWNED;
use crate::entity::Entity;
use crate::kinds::{self, RelationField};
use crate::observed::{Subject, SubjectKind};
use crate::reference::EntityRef;

/// One direction of a relation, as Backstage lists it at the entity it starts from: `type` and `targetRef`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relation {
    /// For example `ownedBy` or `dependsOn`.
    #[serde(rename = "type")]
    pub kind: String,
    pub target_ref: EntityRef,
}

/// Who says that there is an edge between two entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A document says so, traffic has not shown it.
    Declared,
    /// Traffic showed it, no document says so.
    Observed,
    Both,
}

/// A text that stands where a reference belongs and makes no relation.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Of `spec`.
    pub(crate) field: &'static str,
    /// In a list.
    pub(crate) index: Option<usize>,
    pub(crate) why: String,
}

const OWNED_BY: &str = "ownedBy";

/// What an agent has to what its block `spec.agent` names.
const USES: RelationField = RelationField {
    field: "agent",
    relation: "dependsOn",
    inverse: "dependencyOf",
    default_kind: None,
    allowed_kinds: &[],
};

/// A model or tool server that an agent names in its block `spec.agent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// By a reference, `kind:…`.
    Entity(EntityRef),
    /// By the name that it has in traffic.
    Subject(Subject),
}

/// The relations that an entity declares by reference, each with what it is called from the other end.
///
/// As Backstage's `ModelProcessor` finds them, by the fields of the kind and type; beside them, an agent depends on the models
/// and tool servers of its block `spec.agent`, of which those that it calls by their names in traffic are in [`subjects`]. Each
/// once, in the order of the fields. Who belongs to [`UNOWNED`] belongs to nobody, which is no relation.
#[must_use]
pub fn of(entity: &Entity) -> Vec<(Relation, Option<&'static str>)> {
    let mut found: Vec<(Relation, Option<&'static str>)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut add = |rule: &RelationField, target_ref: EntityRef| {
        let relation = Relation { kind: rule.relation.to_owned(), target_ref };
        if seen.insert(relation.clone()) {
            found.push((relation, Some(rule.inverse)));
        }
    };
    for rule in fields(entity) {
        for (_, text) in texts(entity, rule) {
            if let Ok(target) = target(entity, rule, text) {
                add(rule, target);
            }
        }
    }
    for named in named_by_agent(entity) {
        if let Named::Entity(target) = named {
            add(&USES, target);
        }
    }
    found
}

/// The models and tool servers that an agent depends on and calls by their names in traffic, each once. Which entities they are
/// is for whoever knows what claims these names.
pub(crate) fn subjects(entity: &Entity) -> Vec<Subject> {
    let mut found = Vec::new();
    for named in named_by_agent(entity) {
        if let Named::Subject(subject) = named
            && !found.iter().any(|known: &Subject| known.kind == subject.kind && known.key() == subject.key())
        {
            found.push(subject);
        }
    }
    found
}

/// The relation of an agent to what [`subjects`] names, and what it is called from the other end.
pub(crate) const fn of_subjects() -> (&'static str, &'static str) {
    (USES.relation, USES.inverse)
}

/// The texts in fields of relations that name nothing, or something that the relation cannot lead to.
pub(crate) fn unreadable(entity: &Entity) -> Vec<Unreadable> {
    let mut wrong = Vec::new();
    for rule in fields(entity) {
        for (index, text) in texts(entity, rule) {
            if let Err(why) = target(entity, rule, text) {
                wrong.push(Unreadable { field: rule.field, index, why });
            }
        }
    }
    wrong
}

fn fields(entity: &Entity) -> &'static [RelationField] {
    kinds::rules(entity.kind(), entity.value(&["spec", "type"])).map_or(&[], |rules| rules.relations)
}

/// The texts of a field, which holds one or a list of them; what is no text is passed over.
fn texts<'a>(entity: &'a Entity, rule: &RelationField) -> Vec<(Option<usize>, &'a str)> {
    match entity.value(&["spec", rule.field]) {
        Some(Value::String(text)) if rule.relation == OWNED_BY && text == UNOWNED => Vec::new(),
        Some(Value::String(text)) => vec![(None, text)],
        Some(Value::Array(items)) => {
            let texts = items.iter().enumerate().filter_map(|(index, item)| Some((Some(index), item.as_str()?)));
            texts.filter(|(_, text)| !text.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

fn target(entity: &Entity, rule: &RelationField, text: &str) -> Result<EntityRef, String> {
    let target = EntityRef::parse(text, rule.default_kind, entity.namespace()).map_err(|error| error.to_string())?;
    let allowed = rule.allowed_kinds;
    if allowed.is_empty() || allowed.iter().any(|kind| kind.eq_ignore_ascii_case(target.kind())) {
        return Ok(target);
    }
    Err(format!("`{}` of a {} must be a {}; found `{target}`", rule.field, entity.kind(), allowed.join(" or a ")))
}

/// The models and tool servers of an agent's own block.
fn named_by_agent(entity: &Entity) -> Vec<Named> {
    if !kinds::is_agent(entity.kind(), entity.value(&["spec", "type"])) {
        return Vec::new();
    }
    let list = |name: &str| entity.value(&["spec", "agent", name]).and_then(Value::as_array).into_iter().flatten();
    let models = list("models").filter_map(Value::as_str).map(|name| (name, SubjectKind::Model));
    let servers = list("tools").filter_map(|tool| tool.get("server")?.as_str());
    models
        .chain(servers.map(|name| (name, SubjectKind::ToolServer)))
        .map(|(name, kind)| named(entity, name, kind))
        .collect()
}

/// A name in traffic may hold slashes and colons: only what begins with a kind that there is names an entity.
pub(crate) fn named(entity: &Entity, name: &str, kind: SubjectKind) -> Named {
    let is_reference =
        name.split_once(':').is_some_and(|(given, _)| kinds::names().any(|kind| kind.eq_ignore_ascii_case(given)));
    match EntityRef::parse(name, None, entity.namespace()) {
        Ok(target) if is_reference => Named::Entity(target),
        _ => Named::Subject(Subject { kind, name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
