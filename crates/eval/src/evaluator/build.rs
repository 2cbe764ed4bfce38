//! From a [`Spec`] to an [`Evaluator`].

use mizzen_model::suggest::nearest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::catalogue::{EvaluatorInfo, catalogue, info};
use super::spec::Spec;
use super::{
    Evaluator, Kind, Threshold, command, counter, digest, judge, outcome, response, schema, text, tool_calls,
    trajectory,
};
use crate::score::EvaluatorId;
use crate::set::SetError;

/// Why there is no such evaluator.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("unknown evaluator `{name}`{}", nearest_or_all(.nearest))]
    UnknownName { name: String, nearest: Option<&'static str> },
    #[error("evaluator `{evaluator}` has no parameter `{parameter}`, only {known}{}", did_you_mean(.nearest))]
    UnknownParameter { evaluator: String, parameter: String, nearest: Option<&'static str>, known: String },
    #[error("evaluator `{evaluator}`: {reason}")]
    Parameter { evaluator: String, reason: String },
    #[error("evaluator `{text}`: {reason}")]
    Text { text: String, reason: String },
    #[error("{file}: {reason}")]
    Config { file: String, reason: String },
    #[error(transparent)]
    Criteria(#[from] SetError),
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

fn nearest_or_all(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(_) => did_you_mean(nearest),
        None => {
            let names: Vec<&str> = catalogue().iter().map(|info| info.name).collect();
            format!("; known are {}", names.join(", "))
        }
    }
}

/// Parameters that many evaluators have.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Common {
    #[serde(default)]
    threshold: Option<f64>,
    #[serde(default)]
    metric: Option<String>,
}

impl Evaluator {
    /// Makes the evaluator; files that it names (a program) are read now, for the digest.
    ///
    /// # Errors
    /// When the name or a parameter is unknown, or a value is not what the parameter takes.
    pub fn build(spec: &Spec) -> Result<Self, SpecError> {
        let names = || catalogue().iter().map(|info| info.name);
        let info = info(&spec.name)
            .ok_or_else(|| SpecError::UnknownName { name: spec.name.clone(), nearest: nearest(&spec.name, names()) })?;
        for parameter in spec.parameters.keys() {
            let known = || info.parameters.iter().map(|parameter| parameter.name);
            if !known().any(|name| name == parameter) {
                return Err(SpecError::UnknownParameter {
                    evaluator: spec.name.clone(),
                    parameter: parameter.clone(),
                    nearest: nearest(parameter, known()),
                    known: known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
                });
            }
        }
        if let Some((parameter, _)) = spec.parameters.iter().find(|(_, value)| value.is_null()) {
            let reason = format!("`{parameter}` has no value; a number must be finite");
            return Err(SpecError::Parameter { evaluator: spec.name.clone(), reason });
        }
        let mut own = spec.parameters.clone();
        let common = take_common(info, &mut own)?;
        let wrong = |reason: String| SpecError::Parameter { evaluator: info.name.to_owned(), reason };
        let built = kind(info, own).map_err(wrong)?;
        let threshold =
            built.threshold.unwrap_or(Threshold { at_least: common.threshold.or(info.threshold), at_most: None });
        let name = common.metric.unwrap_or_else(|| info.name.to_owned());
        if !is_snake_case(&name) {
            return Err(wrong(format!("`metric` must be a name in snake case, got `{name}`")));
        }
        let mut parameters = built.parameters;
        parameters["threshold"] = json!(threshold);
        if name != info.name && names().any(|other| other == name) {
            return Err(wrong(format!("`metric` must not be the name of another evaluator, got `{name}`")));
        }
        let version = info.version.to_owned();
        // The name that scores go by may be chosen; what was done must not be hidden by it.
        let identity = format!("{}/{name}", info.name);
        let digest = digest(&identity, &version, &parameters, &built.identity);
        Ok(Self { id: EvaluatorId { name, version, digest }, info, parameters, threshold, kind: built.kind })
    }
}

/// A kind with what identifies it.
struct Built {
    kind: Kind,
    parameters: Value,
    /// When the kind has thresholds of its own.
    threshold: Option<Threshold>,
    identity: Map<String, Value>,
}

impl Built {
    fn new(kind: Kind, parameters: &impl Serialize) -> Result<Self, String> {
        let parameters = serde_json::to_value(parameters).map_err(|error| error.to_string())?;
        Ok(Self { kind, parameters, threshold: None, identity: Map::new() })
    }
}

fn kind(info: &EvaluatorInfo, own: Map<String, Value>) -> Result<Built, String> {
    match info.name {
        "tool_trajectory" => {
            let parameters: trajectory::Parameters = read(own)?;
            Built::new(Kind::Trajectory(trajectory::Trajectory::new(parameters.clone())?), &parameters)
        }
        "response_match" => {
            let parameters: response::Parameters = read(own)?;
            Built::new(Kind::Response(response::ResponseMatch::new(parameters)), &parameters)
        }
        "tool_calls" => {
            let parameters: tool_calls::Parameters = read(own)?;
            Built::new(Kind::ToolCalls(tool_calls::ToolCalls::new(parameters.clone())?), &parameters)
        }
        "equals" | "contains" | "regex" | "numeric" => {
            let parameters: text::Parameters = read(own)?;
            Built::new(Kind::Text(text::Text::new(info.name, parameters.clone())?), &parameters)
        }
        "json_schema" => {
            let parameters: schema::Parameters = read(own)?;
            Built::new(Kind::Schema(schema::JsonSchema::new(&parameters)?), &parameters)
        }
        "task_success" => {
            let parameters: outcome::SuccessParameters = read(own)?;
            Built::new(Kind::Outcome(outcome::Recorded::success(parameters.clone())?), &parameters)
        }
        "recorded" => {
            let parameters: outcome::RecordedParameters = read(own)?;
            Built::new(Kind::Outcome(outcome::Recorded::named(parameters.score.clone())), &parameters)
        }
        "human_label" => {
            let parameters: outcome::LabelParameters = read(own)?;
            Built::new(Kind::Outcome(outcome::Recorded::label(parameters.label.clone())), &parameters)
        }
        "judge" => {
            let parameters: judge::Parameters = read(own)?;
            let judge = judge::Judge::new(parameters.clone())?;
            let identity = judge.identity();
            Ok(Built { identity, ..Built::new(Kind::Judge(judge), &parameters)? })
        }
        "command" => {
            let parameters: command::Parameters = read(own)?;
            let command = command::Command::new(parameters.clone())?;
            let identity = command.identity();
            Ok(Built { identity, ..Built::new(Kind::Command(command), &parameters)? })
        }
        _ => {
            let parameters: counter::Parameters = read(own)?;
            let counter = counter::Counter::new(info.name)?;
            let threshold = Some(parameters.threshold()?);
            Ok(Built { threshold, ..Built::new(Kind::Counter(counter), &parameters)? })
        }
    }
}

fn read<T: DeserializeOwned>(parameters: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(parameters)).map_err(|error| error.to_string())
}

/// Takes the common parameters out of `own`, so that the rest is the evaluator's.
fn take_common(info: &EvaluatorInfo, own: &mut Map<String, Value>) -> Result<Common, SpecError> {
    let mut common = Map::new();
    for name in ["threshold", "metric"] {
        common.extend(own.remove(name).map(|value| (name.to_owned(), value)));
    }
    let wrong = |reason: String| SpecError::Parameter { evaluator: info.name.to_owned(), reason };
    let common: Common = read(common).map_err(wrong)?;
    match common.threshold {
        Some(threshold) if !threshold.is_finite() => Err(wrong("`threshold` must be a finite number".to_owned())),
        _ => Ok(common),
    }
}

fn is_snake_case(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    starts && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
