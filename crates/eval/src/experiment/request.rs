//! What an experiment is asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EvaluatorChoice;
use crate::error::EvalError;
use crate::evaluator::{Evaluator, Need, Spec};
use crate::label::check_name;
use crate::selector::RunSelector;

/// Evaluators of one experiment, at most.
const EVALUATORS_MAX: usize = 32;

/// A new experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentRequest {
    pub name: String,
    /// Name or digest of an eval set.
    #[serde(default)]
    pub set: Option<String>,
    #[serde(default)]
    pub runs: RunSelector,
    pub evaluators: Vec<EvaluatorChoice>,
    /// One experiment for each agent digest among the runs, instead of refusing to mix them.
    #[serde(default)]
    pub split_versions: bool,
    /// Let runs count as evidence whose steps only the agent itself reported.
    #[serde(default)]
    pub count_sdk_evidence: bool,
    #[serde(default = "yes")]
    pub publish_evidence: bool,
}

const fn yes() -> bool {
    true
}

impl ExperimentRequest {
    /// Checks the request and makes its evaluators.
    ///
    /// # Errors
    /// When the name, the selector or an evaluator is mistaken.
    pub fn evaluators(&self) -> Result<Vec<Evaluator>, EvalError> {
        check_name("name", &self.name)?;
        self.runs.validate()?;
        if self.evaluators.is_empty() || self.evaluators.len() > EVALUATORS_MAX {
            return Err(EvalError::invalid("evaluators", format!("choose 1 to {EVALUATORS_MAX}")));
        }
        let built: Vec<Evaluator> = self.evaluators.iter().map(build).collect::<Result<_, _>>()?;
        for (at, evaluator) in built.iter().enumerate() {
            if built[..at].iter().any(|before| before.id().name == evaluator.id().name) {
                let name = &evaluator.id().name;
                let message = format!("`{name}` is there twice; give one of them another name with `metric`");
                return Err(EvalError::invalid("evaluators", message));
            }
        }
        Ok(built)
    }
}

/// Makes one evaluator, as far as the server runs it.
pub(crate) fn build(choice: &EvaluatorChoice) -> Result<Evaluator, EvalError> {
    let spec = Spec { name: choice.name.clone(), parameters: choice.parameters.clone() };
    let wrong = |error: &dyn std::fmt::Display| EvalError::invalid("evaluators", error);
    // Before it is built: building reads the program.
    if choice.name == "command" {
        return Err(wrong(&"programs run on the machine of whoever chooses them: use `mizzen eval run` with files"));
    }
    let evaluator = Evaluator::build(&spec).map_err(|error| wrong(&error))?;
    let needs_judge = evaluator.info().needs.contains(&Need::Judge);
    if needs_judge && evaluator.parameters()["model"].is_null() {
        return Err(wrong(&"`judge` needs the parameter `model`: its scores belong to the model that gave them"));
    }
    Ok(evaluator)
}
