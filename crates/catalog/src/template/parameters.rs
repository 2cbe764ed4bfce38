//! What a template asks: JSON Schema, by pages, with defaults.

#[cfg(test)]
mod tests;

use jsonschema::{Draft, PatternOptions, Validator};
use mizzen_governance::problem::Problem;
use mizzen_model::canonical;
use mizzen_model::id::Digest;
use mizzen_model::suggest;
use serde_json::{Map, Value};

use super::definition::{Page, Template};
use super::problem::at;

/// Bytes of all answers as JSON.
const VALUES_BYTES_MAX: usize = 256 << 10;
/// Steps back that a pattern may take.
const BACKTRACK_MAX: usize = 100_000;
/// Faults that are told at once.
const FAULTS_MAX: usize = 20;

/// Answers that fit the questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    values: Map<String, Value>,
    secret: Vec<String>,
}

impl Answers {
    /// Fills in the defaults, and checks the whole.
    ///
    /// # Errors
    /// When an answer is missing, wrong, or to a question that is not asked: one problem each, which begins with the JSON
    /// pointer of the answer and has the place of the page.
    pub fn check(template: &Template, mut values: Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let source = &template.source;
        if Value::Object(values.clone()).to_string().len() > VALUES_BYTES_MAX {
            let place = template.pages.first().map(|page| page.at).unwrap_or_default();
            return Err(vec![at(source, place, format!("the answers have more than {VALUES_BYTES_MAX} bytes"))]);
        }
        let names = template.pages.iter().flat_map(|page| names(&page.schema)).collect::<Vec<_>>();
        let mut problems = unknown(template, &values, &names);
        for page in &template.pages {
            fill(&page.schema, &mut values);
        }
        let whole = Value::Object(values);
        for page in &template.pages {
            problems.extend(faults(source, page, &whole));
        }
        problems.truncate(FAULTS_MAX);
        let Value::Object(values) = whole else { return Err(problems) };
        let secret = template.pages.iter().flat_map(|page| secrets(&page.schema)).collect();
        if problems.is_empty() { Ok(Self { values, secret }) } else { Err(problems) }
    }

    #[must_use]
    pub const fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// Without what was typed into a field for secrets: that is kept nowhere.
    #[must_use]
    pub fn to_keep(&self) -> Map<String, Value> {
        let kept = self.values.iter().filter(|(name, _)| !self.secret.contains(name));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Over what is kept, whatever the order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(canonical::text(&Value::Object(self.to_keep())).as_bytes())
    }
}

/// As Backstage's forms read it: draft 7. Patterns end after so many steps, formats are checked, and nothing is read from
/// elsewhere.
pub(super) fn validator(schema: &Value) -> Result<Validator, String> {
    let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_MAX);
    let options = jsonschema::options().with_draft(Draft::Draft7).with_pattern_options(patterns);
    options.should_validate_formats(true).build(schema).map_err(|error| error.to_string())
}

fn faults(source: &str, page: &Page, values: &Value) -> Vec<Problem> {
    // The page was built once already, when the template was read.
    let validator = match validator(&page.schema) {
        Ok(validator) => validator,
        Err(error) => return vec![at(source, page.at, error)],
    };
    let told = validator.iter_errors(values).take(FAULTS_MAX).map(|error| {
        let pointer = error.instance_path().to_string();
        let pointer = if pointer.is_empty() { "/".to_owned() } else { pointer };
        let title = asked(&page.schema, &pointer).map(|title| format!(" ({title})")).unwrap_or_default();
        at(source, page.at, format!("`{pointer}`{title}: {error}"))
    });
    told.collect()
}

/// The title of the question that a pointer leads to.
fn asked(schema: &Value, pointer: &str) -> Option<String> {
    let name = pointer.trim_start_matches('/').split('/').next()?;
    Some(schema.get("properties")?.get(name)?.get("title")?.as_str()?.to_owned())
}

/// Every name of a property, wherever in the schema it stands: `dependencies` and `allOf` bring more.
fn names(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                found.extend(properties.keys().cloned());
            }
            found.extend(fields.values().flat_map(names));
        }
        Value::Array(members) => found.extend(members.iter().flat_map(names)),
        _ => {}
    }
    found
}

fn unknown(template: &Template, values: &Map<String, Value>, names: &[String]) -> Vec<Problem> {
    let is_open = template.pages.iter().any(|page| {
        page.schema.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false))
            || page.schema.get("patternProperties").is_some()
    });
    let strange = values.keys().filter(|name| !is_open && !names.contains(name));
    let place = template.pages.first().map(|page| page.at).unwrap_or_default();
    strange
        .map(|name| {
            let hint = suggest::nearest(name, names.iter().map(String::as_str))
                .map_or_else(|| format!("it asks for {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
            at(&template.source, place, format!("`/{name}`: the template does not ask for `{name}`; {hint}"))
        })
        .collect()
}

/// Puts in what a schema says for answers that are not there.
fn fill(schema: &Value, values: &mut Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        if let Some(default) = property.get("default")
            && !values.contains_key(name)
        {
            values.insert(name.clone(), default.clone());
        }
        if let Some(Value::Object(inner)) = values.get_mut(name) {
            fill(property, inner);
        }
    }
}

fn secrets(schema: &Value) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_secret = |property: &Value| {
        property.get("ui:field").and_then(Value::as_str) == Some("Secret")
            || property.get("ui:widget").and_then(Value::as_str) == Some("password")
    };
    let found = properties.into_iter().flatten().filter(|(_, property)| is_secret(property));
    found.map(|(name, _)| name.clone()).collect()
}
