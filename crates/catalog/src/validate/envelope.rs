//! What every entity has, whatever its kind.

use mizzen_model::suggest::nearest;
use serde_json::{Map, Value};

use super::path::Path;
use super::{Fault, format, shape, why};
use crate::compat;
use crate::kinds::{self, AGENT, Field, METADATA, Rules, Shape};

const ROOT: &[&str] = &["apiVersion", "kind", "metadata", "spec"];
const AGENT_BLOCK: &str = "agent";
const SKILL_BLOCK: &str = "skill";

pub(super) fn check(fields: &Map<String, Value>, faults: &mut Vec<Fault>) {
    foreign_fields(fields, faults);
    let api_version = text(fields, "apiVersion", "for example `backstage.io/v1alpha1`", faults);
    let kind = text(fields, "kind", "for example `Component`", faults);
    match fields.get("metadata") {
        Some(Value::Object(metadata)) => check_metadata(metadata, faults),
        Some(other) => faults.push(Fault::value("/metadata", shape::not("metadata", "a mapping", other))),
        None => faults.push(missing(fields, "metadata", "a mapping with `name`")),
    }
    let spec = fields.get("spec");
    let rules = kind.and_then(|kind| known_kind(kind, spec, faults));
    if let (Some(api_version), Some(rules)) = (api_version, rules) {
        check_api_version(api_version, rules, faults);
    }
    check_spec(fields, spec, rules, faults);
}

fn foreign_fields(fields: &Map<String, Value>, faults: &mut Vec<Fault>) {
    for name in fields.keys().filter(|name| !ROOT.contains(&name.as_str())) {
        let path = Path::Root;
        let message = match name.as_str() {
            "relations" | "status" => format!("`{name}` is set by the catalog itself; leave it out"),
            _ => match nearest(name, ROOT.iter().copied()) {
                Some(near) => format!("unknown field `{name}`; did you mean `{near}`?"),
                None => format!(
                    "unknown field `{name}`: an entity has only `apiVersion`, `kind`, `metadata` and `spec`; put your own below `spec` or into `metadata.annotations`"
                ),
            },
        };
        faults.push(Fault::name(path.member(name).pointer(), message));
    }
}

/// A text at the root that must be there.
fn text<'a>(fields: &'a Map<String, Value>, name: &str, example: &str, faults: &mut Vec<Fault>) -> Option<&'a str> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(other) => {
            faults.push(Fault::value(format!("/{name}"), shape::not(name, &format!("a text, {example}"), other)));
            None
        }
        None => {
            faults.push(missing(fields, name, example));
            None
        }
    }
}

/// What is missing at the root; when a misspelt field is there instead, that one is named already.
fn missing(fields: &Map<String, Value>, name: &str, expected: &str) -> Fault {
    let strangers = fields.keys().map(String::as_str).filter(|field| !ROOT.contains(field));
    let hint = nearest(name, strangers).map(|stranger| format!("; `{stranger}` looks like it")).unwrap_or_default();
    Fault::value("", format!("`{name}` is missing: {expected}{hint}"))
}

fn known_kind(kind: &str, spec: Option<&Value>, faults: &mut Vec<Fault>) -> Option<&'static Rules> {
    if !format::is_kind(kind) {
        let message = why::explained(format!("`kind` must be {}; found `{kind}`", format::KIND), kind);
        faults.push(Fault::value("/kind", message));
        return None;
    }
    let rules = kinds::rules(kind, spec.and_then(|spec| spec.get("type")));
    if rules.is_none() {
        let same = kinds::names().find(|name| name.eq_ignore_ascii_case(kind));
        let message = match same.or_else(|| nearest(kind, kinds::names())) {
            Some(near) => format!("unknown kind `{kind}`; did you mean `{near}`?"),
            None => format!("unknown kind `{kind}`; known are {}", list(kinds::names())),
        };
        faults.push(Fault::value("/kind", message));
    }
    rules
}

fn check_api_version(api_version: &str, rules: &Rules, faults: &mut Vec<Fault>) {
    if rules.api_versions.contains(&api_version) {
        return;
    }
    let kind = rules.kind;
    let message = if !format::is_api_version(api_version) {
        format!("`apiVersion` must be {}; found `{api_version}`", format::API_VERSION)
    } else if let Some(near) = nearest(api_version, rules.api_versions.iter().copied()) {
        format!("`{kind}` has no `apiVersion` `{api_version}`; did you mean `{near}`?")
    } else {
        let known = list(rules.api_versions.iter().copied());
        format!("`{kind}` has no `apiVersion` `{api_version}`; it has {known}")
    };
    faults.push(Fault::value("/apiVersion", message));
}

fn check_spec(fields: &Map<String, Value>, spec: Option<&Value>, rules: Option<&Rules>, faults: &mut Vec<Fault>) {
    let path = Path::Root.member("spec");
    match (spec, rules) {
        (None, Some(rules)) => {
            let required = rules.spec.iter().filter(|field| field.is_required).map(|field| field.name);
            let with = list(required);
            let expected = if with.is_empty() { "a mapping".to_owned() } else { format!("a mapping with {with}") };
            faults.push(missing(fields, "spec", &expected));
        }
        (Some(Value::Object(_)), None) | (None, None) => {}
        (Some(spec), Some(rules)) => {
            shape::check(spec, Shape::Object(rules.spec), path, faults);
            let is_agent = kinds::is_agent(rules.kind, spec.get("type"));
            if let (true, Some(agent)) = (is_agent, spec.get(AGENT_BLOCK)) {
                shape::check(agent, Shape::Closed(AGENT), path.member(AGENT_BLOCK), faults);
            }
            if let (true, Some(skill)) = (kinds::is_skill(rules.kind, spec.get("type")), spec.get(SKILL_BLOCK))
                && let Err(error) = compat::skill::folder::of_block(skill)
            {
                let pointer = path.member(SKILL_BLOCK).member("files").pointer();
                faults.push(Fault::value(pointer, error.to_string()));
            }
        }
        (Some(other), None) => faults.push(Fault::value("/spec", shape::not("spec", "a mapping", other))),
    }
}

fn check_metadata(metadata: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let path = Path::Root.member("metadata");
    let before = faults.len();
    shape::object(metadata, METADATA, path, faults);
    if faults.len() > before {
        // What is no text at all has no format either; the rest is looked at still.
        faults[before..].sort_by_key(|fault| fault.pointer.len());
    }
    let mut must = |name: &str, is_valid: fn(&str) -> bool, expected: &str| {
        let Some(text) = metadata.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()) else { return };
        if !is_valid(text) {
            let at = path.member(name);
            let message = why::explained(format!("`{at}` must be {expected}; found `{}`", why::short(text)), text);
            faults.push(Fault::value(at.pointer(), message));
        }
    };
    must("name", format::is_name, format::NAME);
    must("namespace", format::is_label, format::NAMESPACE);
    labels(metadata, path, faults);
    annotations(metadata, path, faults);
    tags(metadata, path, faults);
    links(metadata, path, faults);
}

fn members<'a>(metadata: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    metadata.get(name).and_then(Value::as_object).into_iter().flatten()
}

fn items<'a>(metadata: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    metadata.get(name).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn check_key(name: &str, at: Path<'_>, faults: &mut Vec<Fault>) {
    if !format::is_key(name) {
        let message = format!("a key must be {}; found `{}`", format::KEY, why::short(name));
        faults.push(Fault::name(at.pointer(), why::explained(message, name)));
    }
}

fn labels(metadata: &Map<String, Value>, path: Path<'_>, faults: &mut Vec<Fault>) {
    let path = path.member("labels");
    for (name, value) in members(metadata, "labels") {
        let at = path.member(name);
        check_key(name, at, faults);
        if let Some(text) = value.as_str().filter(|text| !text.is_empty() && !format::is_name(text)) {
            let message = format!("`{at}` must be {}; found `{}`", format::NAME, why::short(text));
            faults.push(Fault::value(at.pointer(), why::explained(message, text)));
        }
    }
}

fn annotations(metadata: &Map<String, Value>, path: Path<'_>, faults: &mut Vec<Fault>) {
    let path = path.member("annotations");
    for (name, _) in members(metadata, "annotations") {
        let at = path.member(name);
        check_key(name, at, faults);
    }
}

fn tags(metadata: &Map<String, Value>, path: Path<'_>, faults: &mut Vec<Fault>) {
    let path = path.member("tags");
    for (index, tag) in items(metadata, "tags") {
        let at = path.item(index);
        if let Some(text) = tag.as_str().filter(|text| !text.is_empty() && !format::is_tag(text)) {
            let message = format!("`{at}` must be {}; found `{}`", format::TAG, why::short(text));
            faults.push(Fault::value(at.pointer(), why::explained(message, text)));
        }
    }
}

fn links(metadata: &Map<String, Value>, path: Path<'_>, faults: &mut Vec<Fault>) {
    let path = path.member("links");
    for (index, link) in items(metadata, "links") {
        let item = path.item(index);
        if let Some(url) = link.get("url").and_then(Value::as_str).filter(|url| !url.is_empty() && !format::is_url(url))
        {
            let at = item.member("url");
            let message =
                format!("`{at}` must be an address, for example `https://example.com/`; found `{}`", why::short(url));
            faults.push(Fault::value(at.pointer(), why::explained(message, url)));
        }
        for name in ["title", "icon"] {
            if link.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty() && format::is_blank(text)) {
                let at = item.member(name);
                faults.push(Fault::value(at.pointer(), format!("`{at}` must not be blank")));
            }
        }
    }
}

/// Names in backticks, with commas.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The fields that are not there and must be.
pub(super) fn lacking<'f>(object: &Map<String, Value>, fields: &'f [Field]) -> impl Iterator<Item = &'f Field> {
    fields.iter().filter(|field| field.is_required && !object.contains_key(field.name))
}
