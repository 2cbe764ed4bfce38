//! A template as it is written: `scaffolder.backstage.io/v1beta3`.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use mizzen_governance::problem::Problem;
use mizzen_model::id::Digest;
use mizzen_model::suggest;
use mizzen_model::yaml::{self, At, Kind, Limits, Node};
use serde_json::Value;

use super::actions;
use super::files::Files;
use super::problem::at;
use crate::entity::Entity;
use crate::reference::EntityRef;

pub const API_VERSION: &str = "scaffolder.backstage.io/v1beta3";
/// Steps of one template.
pub const STEPS_MAX: usize = 200;
/// Pages of questions.
pub const PAGES_MAX: usize = 50;

const STEP_FIELDS: &[&str] = &["id", "name", "action", "input", "if", "each"];

/// A template with everything that lies in its folder.
#[derive(Debug)]
pub struct Template {
    pub entity: Entity,
    /// The file that it stands in, within the folder.
    pub source: String,
    pub text: Arc<str>,
    pub pages: Vec<Page>,
    pub steps: Vec<Step>,
    pub(super) output: Option<Node>,
    pub files: Files,
    /// Over the folder; what was made names it.
    pub digest: Digest,
    /// Why it cannot be run, although it can be read: actions that are not there.
    pub problems: Vec<Problem>,
}

/// Questions that are asked together.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub title: Option<String>,
    pub description: Option<String>,
    /// JSON Schema of an object.
    pub schema: Value,
    pub at: At,
}

/// One thing to do.
#[derive(Debug)]
pub struct Step {
    pub id: String,
    pub name: String,
    pub action: String,
    pub input: Option<Node>,
    pub condition: Option<Node>,
    pub each: Option<Node>,
    /// Where the step begins.
    pub at: At,
}

impl Template {
    /// Reads the template in `source`, one of `files`.
    ///
    /// # Errors
    /// When the file is not there, is no template, or is not put together as one: with the places.
    pub fn read(source: &str, files: Files) -> Result<Self, Vec<Problem>> {
        let whole = |message: String| vec![at(source, At::default(), message)];
        let path = super::path::FilePath::parse(source).map_err(|error| whole(error.to_string()))?;
        let file = files.get(&path).ok_or_else(|| whole("the folder has no such file".to_owned()))?;
        let text: Arc<str> = file.text().ok_or_else(|| whole("the file is not UTF-8 text".to_owned()))?.into();
        let nodes = yaml::parse_all(&text, Limits::CATALOG);
        let nodes = nodes.map_err(|error| vec![at(source, error.at, error.message)])?;
        let node = nodes.into_iter().find(is_template);
        let node = node
            .ok_or_else(|| whole(format!("has no document with `apiVersion: {API_VERSION}` and `kind: Template`")))?;
        let mut read = Reading { source, problems: Vec::new() };
        let (pages, steps) = (read.pages(&node), read.steps(&node));
        read.metadata(&node);
        if !read.problems.is_empty() {
            return Err(read.problems);
        }
        let problems = unknown_actions(source, &steps);
        let digest = files.digest();
        let Value::Object(document) = node.to_json() else { return Err(whole("is no mapping".to_owned())) };
        let output = take(node, &["spec", "output"]);
        Ok(Self {
            entity: Entity::new(document),
            source: source.to_owned(),
            text,
            pages,
            steps,
            output,
            files,
            digest,
            problems,
        })
    }

    #[must_use]
    pub fn reference(&self) -> EntityRef {
        self.entity.reference()
    }

    /// How many things it asks.
    #[must_use]
    pub fn questions(&self) -> usize {
        let properties =
            |page: &Page| page.schema.get("properties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        self.pages.iter().map(properties).sum()
    }
}

fn is_template(node: &Node) -> bool {
    node.text("apiVersion") == Some(API_VERSION)
        && node.text("kind").is_some_and(|kind| kind.eq_ignore_ascii_case("template"))
}

/// Takes the value at a path out of a tree.
fn take(node: Node, path: &[&str]) -> Option<Node> {
    let Some((first, rest)) = path.split_first() else { return Some(node) };
    let Kind::Map(fields) = node.kind else { return None };
    let (_, inner) = fields.into_iter().find(|(key, _)| key.name == *first)?;
    take(inner, rest)
}

fn unknown_actions(source: &str, steps: &[Step]) -> Vec<Problem> {
    let known = || actions::ACTIONS.iter().map(|action| action.name);
    let unknown = steps.iter().filter(|step| !known().any(|name| name == step.action));
    unknown
        .map(|step| {
            let hint = match suggest::nearest(&step.action, known()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "publishing and other modules of Backstage are not there".to_owned(),
            };
            at(source, step.at, format!("step `{}`: there is no action `{}`; {hint}", step.id, step.action))
        })
        .collect()
}

struct Reading<'a> {
    source: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn wrong(&mut self, place: At, message: impl Into<String>) {
        self.problems.push(at(self.source, place, message));
    }

    fn metadata(&mut self, node: &Node) {
        let name = node.member("metadata").and_then(|metadata| metadata.text("name"));
        if name.is_none_or(str::is_empty) {
            self.wrong(node.at, "`metadata.name` must be a text that is not empty");
        }
        if node.member("spec").and_then(|spec| spec.text("type")).is_none_or(str::is_empty) {
            self.wrong(node.at, "`spec.type` must be a text that is not empty, for example `service`");
        }
    }

    fn pages(&mut self, node: &Node) -> Vec<Page> {
        let Some(parameters) = node.member("spec").and_then(|spec| spec.member("parameters")) else {
            return Vec::new();
        };
        let pages: Vec<&Node> = match &parameters.kind {
            Kind::List(pages) => pages.iter().collect(),
            Kind::Null => Vec::new(),
            _ => vec![parameters],
        };
        if pages.len() > PAGES_MAX {
            self.wrong(
                parameters.at,
                format!("`spec.parameters` has {} pages, at most {PAGES_MAX} are read", pages.len()),
            );
            return Vec::new();
        }
        pages.into_iter().filter_map(|page| self.page(page)).collect()
    }

    fn page(&mut self, page: &Node) -> Option<Page> {
        let Value::Object(mut schema) = page.to_json() else {
            self.wrong(
                page.at,
                format!("a page of `spec.parameters` must be a mapping (JSON Schema), not {}", page.noun()),
            );
            return None;
        };
        let mut words = |name: &str| match schema.shift_remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (title, description) = (words("title"), words("description"));
        schema.entry("type").or_insert_with(|| "object".into());
        let schema = Value::Object(schema);
        if let Err(error) = super::parameters::validator(&schema) {
            self.wrong(page.at, format!("the page is no JSON Schema: {error}"));
            return None;
        }
        Some(Page { title, description, schema, at: page.at })
    }

    fn steps(&mut self, node: &Node) -> Vec<Step> {
        let steps = node.member("spec").and_then(|spec| spec.member("steps"));
        let Some(Node { kind: Kind::List(steps), .. }) = steps else {
            self.wrong(node.at, "`spec.steps` must be a list of steps");
            return Vec::new();
        };
        if steps.len() > STEPS_MAX {
            self.wrong(node.at, format!("`spec.steps` has {} steps, at most {STEPS_MAX} are run", steps.len()));
            return Vec::new();
        }
        let mut read: Vec<Step> = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let Some(step) = self.step(index, step) else { continue };
            if read.iter().any(|other| other.id == step.id) {
                self.wrong(step.at, format!("two steps have the id `{}`", step.id));
            }
            read.push(step);
        }
        read
    }

    fn step(&mut self, index: usize, node: &Node) -> Option<Step> {
        let Kind::Map(fields) = &node.kind else {
            self.wrong(node.at, format!("a step must be a mapping, not {}", node.noun()));
            return None;
        };
        for (key, _) in fields.iter().filter(|(key, _)| !STEP_FIELDS.contains(&key.name.as_str())) {
            if let Some(nearest) = suggest::nearest(&key.name, STEP_FIELDS.iter().copied()) {
                self.wrong(key.at, format!("a step has no `{}`; did you mean `{nearest}`?", key.name));
            }
        }
        let Some(action) = node.text("action").filter(|action| !action.is_empty()) else {
            self.wrong(node.at, "a step must name its `action`, for example `fetch:template`");
            return None;
        };
        let id = node.text("id").map_or_else(|| format!("step-{}", index + 1), str::to_owned);
        let copy = |name: &str| node.member(name).cloned();
        Some(Step {
            name: node.text("name").unwrap_or(&id).to_owned(),
            action: action.to_owned(),
            input: copy("input"),
            condition: copy("if"),
            each: copy("each"),
            at: node.at,
            id,
        })
    }
}
