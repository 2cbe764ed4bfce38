//! The members of `spec` that Backstage has a place for: what an agent uses, how a server is reached, a prompt's text.

use serde_json::{Map, Value, json};

use super::{ArKind, KEPT, reference};
use crate::compat::mcp_registry::NOTHING;
use crate::compat::rest::Rest;
use crate::compat::{FORMAT, NAME, OWNER, VERSION, name};
use crate::entity::Entity;
use crate::reference::EntityRef;

/// By reference, what a manifest says of it beside its name: kind, namespace, tag.
const REFERENCES: &str = "references";
/// What an agent refers to: the field, the kind it refers to, and the relation that holds it.
const USES: &[(&str, ArKind, &str)] = &[
    ("mcpServers", ArKind::McpServer, "consumesApis"),
    ("plugins", ArKind::Plugin, "dependsOn"),
    ("skills", ArKind::Skill, "dependsOn"),
    ("instructions", ArKind::Prompt, "dependsOn"),
];

/// Moves what has a place from the manifest to the entity's `spec`.
pub(super) fn take(kind: ArKind, namespace: &str, rest: &mut Rest, spec: &mut Map<String, Value>) {
    match kind {
        ArKind::Agent => take_uses(namespace, rest, spec),
        ArKind::McpServer => {
            spec.insert("remotes".to_owned(), json!([take_reach(rest)]));
        }
        ArKind::Prompt => {
            if let Some(content) = rest.take_text(&["spec", "content"]) {
                spec.insert("content".to_owned(), content.into());
            }
        }
        ArKind::Plugin => {
            spec.insert("skills".to_owned(), json!([]));
        }
        ArKind::Skill | ArKind::Model | ArKind::Deployment | ArKind::Runtime => {}
    }
}

/// Puts it back.
pub(super) fn put(kind: ArKind, entity: &Entity, is_own: bool, rest: &mut Rest) {
    match kind {
        ArKind::Agent if is_own => put_uses(entity, rest),
        ArKind::McpServer => put_reach(entity, rest),
        ArKind::Prompt => {
            if let Some(content) = entity.text(&["spec", "content"]) {
                rest.put(&["spec", "content"], content);
            }
        }
        ArKind::Model if !is_own => {
            rest.put(&["spec", "model"], entity.name());
        }
        _ => {}
    }
}

fn take_uses(namespace: &str, rest: &mut Rest, spec: &mut Map<String, Value>) {
    let mut relations: Map<String, Value> = Map::new();
    let mut beside: Map<String, Value> = Map::new();
    for (field, kind, relation) in USES {
        let path = ["spec", *field];
        let Some(value) = rest.take(&path) else { continue };
        let items = match &value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let read: Option<Vec<(String, Value)>> = items.iter().map(|item| refers(*kind, namespace, item)).collect();
        let is_new = |read: &Vec<(String, Value)>| {
            let mut names: Vec<&String> = read.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.windows(2).all(|pair| pair[0] != pair[1]) && !names.iter().any(|name| beside.contains_key(*name))
        };
        match read.filter(|read| !read.is_empty() && is_new(read)) {
            None => rest.put(&path, value),
            Some(read) => {
                let relation = relations.entry(*relation).or_insert_with(|| json!([]));
                for (name, rest) in read {
                    if let Value::Array(names) = relation {
                        names.push(name.clone().into());
                    }
                    beside.insert(name, rest);
                }
            }
        }
    }
    spec.extend(relations);
    if !beside.is_empty() {
        rest.put(&[REFERENCES], beside);
    }
}

/// What a reference of a manifest names, and what it says beside the name.
fn refers(kind: ArKind, namespace: &str, item: &Value) -> Option<(String, Value)> {
    let name = item.get("name")?.as_str()?;
    let namespace = match item.get("namespace") {
        None => namespace,
        Some(given) => given.as_str().filter(|given| !given.is_empty())?,
    };
    let refers = reference(kind, namespace, name);
    let mut rest = Rest::of(item);
    if name_in(kind, &refers) == name {
        rest.take(&["name"]);
    }
    Some((refers.to_string(), rest.into_value()))
}

fn name_in(kind: ArKind, refers: &EntityRef) -> String {
    refers.name().strip_prefix(kind.prefix()).unwrap_or_else(|| refers.name()).to_owned()
}

fn put_uses(entity: &Entity, rest: &mut Rest) {
    let beside = rest.take(&[REFERENCES]).unwrap_or_default();
    for (field, kind, relation) in USES {
        let names = entity.value(&["spec", relation]).and_then(Value::as_array);
        let texts = names.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
        let refs = texts.filter_map(|text| {
            EntityRef::parse(text, Some(kind.entity_kind()), entity.namespace()).ok().filter(|it| is_of(*kind, it))
        });
        let items: Vec<Value> = refs.map(|it| to_reference(*kind, entity, &it, &beside)).collect();
        if items.is_empty() {
            continue;
        }
        match *kind {
            ArKind::Prompt => rest.put(&["spec", field], items[0].clone()),
            _ => rest.put(&["spec", field], items),
        }
    }
}

/// Whether a reference is to a thing of this kind, as far as its name says.
fn is_of(kind: ArKind, refers: &EntityRef) -> bool {
    let prefix = |kind: ArKind| refers.name().starts_with(kind.prefix());
    refers.kind().eq_ignore_ascii_case(kind.entity_kind())
        && match kind {
            ArKind::Prompt | ArKind::Plugin => prefix(kind),
            _ => !prefix(ArKind::Prompt) && !prefix(ArKind::Plugin),
        }
}

fn to_reference(kind: ArKind, entity: &Entity, refers: &EntityRef, beside: &Value) -> Value {
    let known = beside.get(refers.to_string());
    let mut item = Rest::of(known.unwrap_or(&Value::Null));
    if item.is_missing("name") {
        item.put(&["name"], name_in(kind, refers));
    }
    if known.is_none() {
        item.put(&["kind"], kind.as_str());
        if !refers.namespace().eq_ignore_ascii_case(entity.namespace()) {
            item.put(&["namespace"], refers.namespace());
        }
    }
    item.into_value()
}

fn take_reach(rest: &mut Rest) -> Value {
    let is_plain = |value: &Value| value.is_object() && value.get("package").is_none();
    if let Some(remote) = rest.take_if(&["spec", "remote"], is_plain) {
        return remote;
    }
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let Some(package) = rest.take_if(&["spec", "source", "package"], Value::is_object) else {
        return json!({ "type": NOTHING, "url": "none:" });
    };
    let mut package = Rest::of(&package);
    let registry = text(package.take(&["origin", "type"]));
    let identifier = text(package.take(&["origin", "identifier"]));
    let transport = text(package.take(&["transport", "type"]));
    json!({ "type": transport, "url": format!("{registry}:{identifier}"), "package": package.into_map() })
}

fn put_reach(entity: &Entity, rest: &mut Rest) {
    let Some(entry) = entity.value(&["spec", "remotes"]).and_then(|remotes| remotes.get(0)) else { return };
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(package) = entry.get("package") else {
        if text("type") != NOTHING {
            rest.put(&["spec", "remote"], entry.clone());
        }
        return;
    };
    let (registry, identifier) = text("url").split_once(':').unwrap_or_default();
    let mut package = Rest::of(&of_server_json(registry, entity, package));
    package.put(&["origin", "type"], registry);
    package.put(&["origin", "identifier"], identifier);
    package.put(&["transport", "type"], text("type"));
    rest.put(&["spec", "source", "package"], package.into_value());
}

/// A package as a `server.json` writes it, as `ar.dev/v1alpha1` does; one of its own as it is.
fn of_server_json(registry: &str, entity: &Entity, package: &Value) -> Value {
    if entity.value(&["spec", KEPT]).is_some() || entity.annotation(FORMAT) == Some(super::FORMAT) {
        return package.clone();
    }
    let mut own = Rest::of(&Value::Null);
    if matches!(registry, "npm" | "pypi" | "oci") {
        let server = entity.annotation(NAME).unwrap_or_else(|| entity.name());
        own.put(&["origin", registry, "serverName"], server);
        if let Some(version) = package.get("version") {
            own.put(&["origin", registry, "version"], version.clone());
        }
    }
    for (theirs, ours) in [("runtimeHint", "command"), ("packageArguments", "args"), ("environmentVariables", "env")] {
        if let Some(value) = package.get(theirs) {
            own.put(&["launch", ours], value.clone());
        }
    }
    own.into_value()
}

/// Whether Backstage takes it as the key of a label or an annotation.
pub(super) fn is_key(key: &str) -> bool {
    let (prefix, own) = key.rsplit_once('/').map_or((None, key), |(prefix, own)| (Some(prefix), own));
    let is_label = |label: &str| {
        name::is_name(label) && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    name::is_name(own) && prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label))
}

/// Whether Backstage takes it as the value of a label.
pub(super) fn is_label(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.is_empty() || name::is_name(text))
}

/// Annotations that the projection and the catalog set themselves.
pub(super) fn is_ours(key: &str) -> bool {
    [FORMAT, NAME, VERSION, OWNER].contains(&key) || key.starts_with("backstage.io/managed-by-")
}
