//! What is allowed and hardly meant.

use mizzen_model::suggest::nearest;
use serde_json::Value;

use super::Fault;
use super::path::Path;
use crate::entity::Entity;
use crate::kinds;
use crate::relation;

/// A shorter name is near to everything.
const NAME_LENGTH_MIN: usize = 5;

const ANNOTATIONS: &[&str] = &[
    "mizzen.dev/version",
    "mizzen.dev/agent",
    "mizzen.dev/model",
    "mizzen.dev/tool-server",
    "mizzen.dev/tool",
    "mizzen.dev/caller",
    "mizzen.dev/format",
    "mizzen.dev/name",
    "mizzen.dev/template",
    "mizzen.dev/template-digest",
    "mizzen.dev/created-run",
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
    "backstage.io/source-location",
    "backstage.io/view-url",
    "backstage.io/edit-url",
    "backstage.io/techdocs-ref",
];

pub(super) fn check(entity: &Entity, root: &Path<'_>, faults: &mut Vec<Fault>) {
    let spec = root.member("spec");
    let Some(rules) = kinds::rules(entity.kind(), entity.value(&["spec", "type"])) else { return };
    let known = || {
        let relations = rules.relations.iter().map(|relation| relation.field);
        rules.spec.iter().map(|field| field.name).chain(relations)
    };
    for name in keys(entity, &["spec"]).filter(|name| known().all(|known| known != *name) && *name != "agent") {
        misspelt(name, known(), spec, faults);
    }
    let annotations = root.member("metadata");
    let annotations = annotations.member("annotations");
    for name in keys(entity, &["metadata", "annotations"]).filter(|name| !ANNOTATIONS.contains(name)) {
        misspelt(name, ANNOTATIONS.iter().copied(), annotations, faults);
    }
    for wrong in relation::unreadable(entity) {
        let field = spec.member(wrong.field);
        let at = wrong.index.map_or(field, |index| field.item(index));
        faults.push(Fault::value(at.pointer(), format!("`{at}` makes no relation: {}", wrong.why)));
    }
}

fn keys<'a>(entity: &'a Entity, path: &[&str]) -> impl Iterator<Item = &'a str> {
    entity.value(path).and_then(Value::as_object).into_iter().flat_map(|members| members.keys().map(String::as_str))
}

fn misspelt<'a>(name: &str, known: impl Iterator<Item = &'a str>, path: Path<'_>, faults: &mut Vec<Fault>) {
    if name.len() < NAME_LENGTH_MIN {
        return;
    }
    if let Some(near) = nearest(name, known) {
        let at = path.member(name);
        faults.push(Fault::name(at.pointer(), format!("`{at}` means nothing here; did you mean `{near}`?")));
    }
}
