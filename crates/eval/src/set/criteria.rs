//! ADK's `test_config.json`: `{"criteria": {"tool_trajectory_avg_score": 1.0, "response_match_score": {"threshold": 0.8}}}`.

use serde_json::{Map, Value, json};

use super::SetError;
use super::path::{At, Wrong};

/// ADK's names and ours.
const NAMES: &[(&str, &str)] =
    &[("tool_trajectory_avg_score", "tool_trajectory"), ("response_match_score", "response_match")];

/// One criterion as a named evaluator with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    pub evaluator: String,
    pub parameters: Map<String, Value>,
}

/// Reads the criteria. Names that are not ADK's stay as they are.
///
/// # Errors
/// When the file is no such configuration.
pub fn criteria(file: &str, document: &Value) -> Result<Vec<Criterion>, SetError> {
    let root = At::root(document);
    let read = || -> Result<Vec<Criterion>, Wrong> {
        let criteria = root.object()?.need("criteria", "an object of criteria")?;
        let fields = criteria.object()?.value.as_object().into_iter().flatten();
        fields.map(|(name, value)| criterion(name, &At { value, path: format!("{}.{name}", criteria.path) })).collect()
    };
    read().map_err(|wrong| SetError::Shape {
        file: file.to_owned(),
        case: None,
        path: wrong.path,
        expected: wrong.expected,
        got: wrong.got,
    })
}

fn criterion(name: &str, at: &At<'_>) -> Result<Criterion, Wrong> {
    let evaluator = NAMES.iter().find(|(adk, _)| *adk == name).map_or(name, |(_, own)| own).to_owned();
    let mut parameters = Map::new();
    if at.value.is_number() {
        parameters.insert("threshold".to_owned(), at.value.clone());
        return Ok(Criterion { evaluator, parameters });
    }
    at.object()?;
    if let Some(threshold) = at.field("threshold") {
        let number = threshold.value.is_number().then(|| threshold.value.clone());
        parameters.insert("threshold".to_owned(), number.ok_or_else(|| threshold.wrong("a number"))?);
    }
    if let Some(mode) = at.field("match_type") {
        parameters.insert("mode".to_owned(), json!(match_type(&mode)?));
    }
    if at.field("ignore_args").is_some_and(|ignore| ignore.value == &Value::Bool(true)) {
        parameters.insert("arguments".to_owned(), json!("ignore"));
    }
    Ok(Criterion { evaluator, parameters })
}

/// ADK writes the number of its enumeration, people write the name.
fn match_type(at: &At<'_>) -> Result<&'static str, Wrong> {
    let name = at.value.as_str().map(str::to_ascii_lowercase);
    match (name.as_deref(), at.value.as_u64()) {
        (Some("exact"), _) | (_, Some(0)) => Ok("exact"),
        (Some("in_order"), _) | (_, Some(1)) => Ok("in_order"),
        (Some("any_order"), _) | (_, Some(2)) => Ok("any_order"),
        _ => Err(at.wrong("EXACT, IN_ORDER or ANY_ORDER")),
    }
}
