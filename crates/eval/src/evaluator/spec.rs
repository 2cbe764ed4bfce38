//! What a person writes to choose an evaluator.

use serde_json::{Map, Value};

use super::SpecError;
use crate::set;

/// An evaluator's name and parameters, not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub name: String,
    pub parameters: Map<String, Value>,
}

impl Spec {
    /// `name`, or `name:key=value,key=value`. Values are TOML where they can be (`0.5`, `true`, `["a"]`), else text.
    ///
    /// # Errors
    /// When a part behind the colon is not `key=value`.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut parameters = Map::new();
        for part in rest.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| SpecError::Text {
                text: text.to_owned(),
                reason: format!("`{part}` is not `key=value`"),
            })?;
            parameters.insert(key.trim().to_owned(), scalar(value.trim()));
        }
        Ok(Self { name: name.trim().to_owned(), parameters })
    }

    /// A configuration: TOML `[[evaluator]]` tables with a `name` and parameters, or ADK's `test_config.json`.
    ///
    /// # Errors
    /// When `content` is neither.
    pub fn read(file: &str, content: &str) -> Result<Vec<Self>, SpecError> {
        if content.trim_start().starts_with('{') {
            let document: Value = serde_json::from_str(content)
                .map_err(|error| SpecError::Config { file: file.to_owned(), reason: error.to_string() })?;
            let criteria = set::criteria(file, &document)?;
            return Ok(criteria
                .into_iter()
                .map(|criterion| Self { name: criterion.evaluator, parameters: criterion.parameters })
                .collect());
        }
        let wrong = |reason: String| SpecError::Config { file: file.to_owned(), reason };
        let config: Config = toml::from_str(content).map_err(|error| wrong(error.to_string()))?;
        config
            .evaluator
            .into_iter()
            .enumerate()
            .map(|(index, mut table)| match table.remove("name") {
                Some(Value::String(name)) => Ok(Self { name, parameters: table }),
                _ => Err(wrong(format!("evaluator {} has no `name`", index + 1))),
            })
            .collect()
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    evaluator: Vec<Map<String, Value>>,
}

fn scalar(text: &str) -> Value {
    #[derive(serde::Deserialize)]
    struct One {
        value: Value,
    }
    toml::from_str::<One>(&format!("value = {text}")).map_or_else(|_| Value::String(text.to_owned()), |one| one.value)
}
