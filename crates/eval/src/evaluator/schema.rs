//! `json_schema`: whether an answer is JSON of a shape.

use jsonschema::Validator;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Answer;
use super::text::{Which, answers};
use crate::trial::Trial;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    schema: Value,
    #[serde(default)]
    turn: Which,
}

#[derive(Debug)]
pub(super) struct JsonSchema {
    validator: Validator,
    which: Which,
}

impl JsonSchema {
    pub(super) fn new(parameters: &Parameters) -> Result<Self, String> {
        let validator = jsonschema::validator_for(&parameters.schema).map_err(|error| format!("`schema`: {error}"))?;
        Ok(Self { validator, which: parameters.turn })
    }

    pub(super) fn answer(&self, trial: &Trial) -> Answer {
        let answers = match answers(trial, self.which) {
            Ok(answers) => answers,
            Err(missing) => return missing,
        };
        let problems: Vec<String> = answers
            .iter()
            .filter_map(|(turn, answer)| Some(format!("turn {}: {}", turn + 1, self.problem(answer)?)))
            .collect();
        let value = (answers.len() - problems.len()) as f64 / answers.len() as f64;
        Answer::Value { value, explanation: problems.into_iter().next() }
    }

    /// Where the schema is broken, without the content that breaks it.
    fn problem(&self, answer: &str) -> Option<String> {
        let Ok(document) = serde_json::from_str::<Value>(without_fence(answer)) else {
            return Some("the answer is not JSON".to_owned());
        };
        let error = self.validator.iter_errors(&document).next()?;
        Some(format!("the answer breaks the schema at `{}` ({})", error.instance_path(), error.schema_path()))
    }
}

/// Takes a Markdown code block off that is all of the answer.
fn without_fence(answer: &str) -> &str {
    let trimmed = answer.trim();
    let inner = trimmed.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.and_then(|inner| inner.split_once('\n')).map_or(trimmed, |(_, body)| body.trim())
}
