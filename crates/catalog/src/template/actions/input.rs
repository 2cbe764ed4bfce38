//! The inputs of a step, after their expressions were evaluated.

use mizzen_model::suggest;
use serde_json::{Map, Value};

use super::{Action, StepFault};
use crate::template::path::FilePath;

/// Named values; `null` counts as absent.
#[derive(Debug, Clone, Default)]
pub(in crate::template) struct Input(Map<String, Value>);

impl Input {
    /// # Errors
    /// When there is a name that the action does not know.
    pub(in crate::template) fn new(values: Map<String, Value>, action: &Action) -> Result<Self, StepFault> {
        if let Some(name) = values.keys().find(|name| !action.inputs.contains(&name.as_str())) {
            let hint = match suggest::nearest(name, action.inputs.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("it takes {}", action.inputs.join(", ")),
            };
            return Err(StepFault::of(name, format!("`{}` has no input `{name}`; {hint}", action.name)));
        }
        Ok(Self(values))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, StepFault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(StepFault::of(name, format!("`{name}` must be a text, not {}", noun(other)))),
        }
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, StepFault> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| StepFault::of(name, format!("`{name}` is needed")))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, StepFault> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(other) => Err(StepFault::of(name, format!("`{name}` must be true or false, not {}", noun(other)))),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, StepFault> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        let number = number.filter(|number| number.is_finite() && *number >= 0.0);
        number.map(Some).ok_or_else(|| StepFault::of(name, format!("`{name}` must be a number that is not negative")))
    }

    pub(super) fn list(&self, name: &str) -> Result<&[Value], StepFault> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(members)) => Ok(members),
            Some(other) => Err(StepFault::of(name, format!("`{name}` must be a list, not {}", noun(other)))),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<&str>, StepFault> {
        let texts = self.list(name)?.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
        texts.ok_or_else(|| StepFault::of(name, format!("`{name}` must be a list of texts")))
    }

    pub(super) fn object(&self, name: &str) -> Result<Map<String, Value>, StepFault> {
        match self.get(name) {
            None => Ok(Map::new()),
            Some(Value::Object(fields)) => Ok(fields.clone()),
            Some(other) => Err(StepFault::of(name, format!("`{name}` must be a mapping, not {}", noun(other)))),
        }
    }

    /// A file that must be named.
    pub(super) fn path(&self, name: &str) -> Result<FilePath, StepFault> {
        FilePath::parse(self.needed(name)?).map_err(|error| StepFault::of(name, error))
    }

    /// A folder; the whole one when none is named.
    pub(super) fn folder(&self, name: &str) -> Result<Option<FilePath>, StepFault> {
        let text = self.text(name)?.unwrap_or_default();
        FilePath::parse_folder(text).map_err(|error| StepFault::of(name, error))
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
