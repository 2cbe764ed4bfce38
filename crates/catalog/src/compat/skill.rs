//! Agent Skills: a folder with `SKILL.md`, front matter between two lines of `---` and a text for the model.
//!
//! Accepted is what the reference implementation accepts (PyPI `skills-ref`), its quirks included: the front matter ends at
//! the next `---` wherever it stands, and every scalar is a text. A skill becomes an `AiResource` of type `skill`; its text is
//! kept in `spec.skill.body`, byte for byte, so that the approved digest covers it, and so are the files of its folder.

pub mod folder;
mod front;
mod write;

use mizzen_model::yaml::At;
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::rest::Rest;
use super::{FORMAT as FORMAT_ANNOTATION, Fault, LIFECYCLE, NAME, OWNER, UNOWNED, VERSION, envelope, name, owner};
use crate::entity::Entity;
use crate::kinds;

/// The value of the annotation `mizzen.dev/format`.
pub const FORMAT: &str = "skill.md";
/// Where everything is kept that Backstage has no place for.
const KEPT: &str = "skill";
/// The text of a skill, in its folder.
const FILE: &str = "SKILL.md";
const BODY: &str = "body";
const OWNER_PATH: &[&str] = &["metadata", OWNER];
const VERSION_PATH: &[&str] = &["metadata", "version"];
/// Fields of the front matter and where they go in `spec`.
const FIELDS: &[(&str, &str)] =
    &[("license", "license"), ("compatibility", "compatibility"), ("allowed-tools", "allowedTools")];
const ALLOWED: &[&str] = &["name", "description", "license", "allowed-tools", "metadata", "compatibility"];
const NAME_CHARACTERS_MAX: usize = 64;
const DESCRIPTION_CHARACTERS_MAX: usize = 1024;
const COMPATIBILITY_CHARACTERS_MAX: usize = 500;

/// Whether a text begins as a `SKILL.md`, right or wrong.
#[must_use]
pub fn is_skill(text: &str) -> bool {
    text.starts_with("---") && split(text).is_some()
}

/// The entity of a `SKILL.md`. `folder` is the name of the folder it is in, where that is known: it must be the skill's name.
///
/// # Errors
/// When `skills-ref` would not accept it; faults carry their line in `text`.
pub fn entity(text: &str, folder: Option<&str>) -> Result<Entity, Vec<Fault>> {
    let (front, body) = read(text)?;
    let faults = check(&front, folder);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut rest = Rest::of(&front.to_json());
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
    if let Some(version) = rest.take_text(VERSION_PATH) {
        annotations.insert(VERSION.to_owned(), version.into());
    }
    metadata.insert("annotations".to_owned(), annotations.into());
    let mut spec = Map::new();
    spec.insert("type".to_owned(), "skill".into());
    spec.insert("lifecycle".to_owned(), LIFECYCLE.into());
    spec.insert("owner".to_owned(), owner(&mut rest, OWNER_PATH).into());
    for (field, place) in FIELDS {
        if let Some(text) = rest.take_text(&[field]) {
            spec.insert((*place).to_owned(), text.into());
        }
    }
    rest.put(&[BODY], body);
    spec.insert(KEPT.to_owned(), rest.into_value());
    Ok(envelope("AiResource", metadata, spec))
}

/// The `SKILL.md` of a skill whose text is in the catalog; `None` of any other entity. The front matter is written anew, the
/// text below it is as it was.
#[must_use]
pub fn document(entity: &Entity) -> Option<String> {
    if !kinds::is_skill(entity.kind(), entity.value(&["spec", "type"])) {
        return None;
    }
    let mut rest = Rest::of(entity.value(&["spec", KEPT])?);
    let Some(Value::String(body)) = rest.take(&[BODY]) else { return None };
    rest.take(&[folder::FILES]);
    let mut front = Map::new();
    front.insert("name".to_owned(), name_of(entity).into());
    front.insert("description".to_owned(), entity.text(&["metadata", "description"]).unwrap_or(entity.title()).into());
    for (field, place) in FIELDS {
        if let Some(text) = entity.text(&["spec", place]) {
            front.insert((*field).to_owned(), text.into());
        }
    }
    if let Some(version) = entity.annotation(VERSION) {
        rest.put(VERSION_PATH, version);
    }
    if let Some(owner) = entity.text(&["spec", "owner"]).filter(|owner| *owner != UNOWNED) {
        rest.put(OWNER_PATH, owner);
    }
    front.extend(rest.into_map());
    Some(format!("---\n{}---{body}", write::mapping(&front)))
}

/// The name a skill goes by among skills.
#[must_use]
pub fn name_of(entity: &Entity) -> &str {
    entity.annotation(NAME).filter(|_| entity.annotation(FORMAT_ANNOTATION) == Some(FORMAT)).unwrap_or(entity.name())
}

/// Front matter and text as one JSON value, to compare two `SKILL.md`.
///
/// # Errors
/// When it has no front matter that can be read.
pub fn parts(text: &str) -> Result<Value, Vec<Fault>> {
    let (front, body) = read(text)?;
    Ok(serde_json::json!({ "front": front.to_json(), BODY: body }))
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("---")?.split_once("---")
}

fn read(text: &str) -> Result<(front::Node, &str), Vec<Fault>> {
    let at_start = |message: &str| {
        vec![Fault { path: Vec::new(), at: Some(At { line: 1, column: 1 }), message: message.to_owned() }]
    };
    if !text.starts_with("---") {
        return Err(at_start("must begin with a line `---` and the front matter"));
    }
    let (front, body) = split(text).ok_or_else(|| at_start("the front matter must end with a line `---`"))?;
    let node = front::parse(front).map_err(|fault| vec![fault])?;
    if node.fields().is_none() {
        return Err(at_start("the front matter must be a mapping with `name` and `description`"));
    }
    Ok((node, body))
}

fn check(front: &front::Node, folder: Option<&str>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, at: At, message: String| {
        faults.push(Fault { path: vec![field.into()], at: Some(at), message });
    };
    let fields = front.fields().unwrap_or_default();
    for (key, _) in fields.iter().filter(|(key, _)| !ALLOWED.contains(&key.name.as_str())) {
        fault(&key.name, key.at, super::rules::unknown(&key.name, ALLOWED));
    }
    for field in ["name", "description"] {
        match front.field(field) {
            None => fault(field, front.at, "is missing".to_owned()),
            Some(node) if node.text().is_none_or(|text| text.trim().is_empty()) => {
                fault(field, node.at, "must be a text with a character".to_owned());
            }
            Some(_) => {}
        }
    }
    if let Some(node) = front.field("name")
        && let Some(text) = node.text().filter(|text| !text.trim().is_empty())
    {
        for message in check_name(text, folder) {
            fault("name", node.at, message);
        }
    }
    for (field, max) in [("description", DESCRIPTION_CHARACTERS_MAX), ("compatibility", COMPATIBILITY_CHARACTERS_MAX)] {
        let Some(node) = front.field(field) else { continue };
        match node.text().map(|text| text.chars().count()) {
            Some(length) if length > max => {
                fault(field, node.at, format!("has {length} characters; at most {max} are allowed"));
            }
            None if field == "compatibility" => fault(field, node.at, "must be a text".to_owned()),
            _ => {}
        }
    }
    faults
}

fn check_name(text: &str, folder: Option<&str>) -> Vec<String> {
    let name: String = text.trim().nfkc().collect();
    let mut wrong = Vec::new();
    let length = name.chars().count();
    if length > NAME_CHARACTERS_MAX {
        wrong.push(format!("has {length} characters; at most {NAME_CHARACTERS_MAX} are allowed"));
    }
    if name != name.to_lowercase() {
        wrong.push(format!("must be in lower case; write `{}`", name.to_lowercase()));
    }
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        wrong.push("must not begin or end with `-`, nor have two in a row".to_owned());
    }
    // Python's `isalnum` knows no marks; Rust's `Alphabetic` does.
    let is_allowed = |c: char| c == '-' || c.is_alphanumeric() && !is_combining_mark(c);
    if !name.chars().all(is_allowed) {
        wrong.push("must be letters, digits and `-` only".to_owned());
    }
    if let Some(folder) = folder
        && folder.nfkc().ne(name.chars())
    {
        wrong.push(format!("must be the name of its folder, `{folder}`"));
    }
    wrong
}

#[cfg(test)]
mod tests;
