//! What a monitor is asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Unit;
use crate::error::EvalError;
use crate::evaluator::Evaluator;
use crate::experiment::EvaluatorChoice;
use crate::experiment::request::build;
use crate::label::check_name;
use crate::selector::RunSelector;

/// A new monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorRequest {
    pub name: String,
    pub evaluator: EvaluatorChoice,
    #[serde(default)]
    pub selector: RunSelector,
    /// Name or digest of an eval set.
    #[serde(default)]
    pub set: Option<String>,
    #[serde(default)]
    pub unit_of_count: Unit,
    /// For `case`: a case is one observation once it has so many trials; 1 when absent.
    #[serde(default)]
    pub trials_per_case: Option<u64>,
    /// Error rate of the interval, over all time.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// The rate below which it is to raise the alarm; without one it only measures.
    #[serde(default)]
    pub baseline: Option<f64>,
    /// Mean number of observations between false alarms, at least.
    #[serde(default = "run_length")]
    pub average_run_length: f64,
    /// Begin with the first stored run instead of now.
    #[serde(default)]
    pub include_past: bool,
    #[serde(default = "yes")]
    pub publish_evidence: bool,
    /// Let runs count as evidence whose steps only the agent itself reported.
    #[serde(default)]
    pub count_sdk_evidence: bool,
}

const fn alpha() -> f64 {
    0.05
}

const fn run_length() -> f64 {
    10_000.0
}

const fn yes() -> bool {
    true
}

impl MonitorRequest {
    /// Checks the request and makes its evaluator.
    ///
    /// # Errors
    /// When something in it is mistaken.
    pub fn evaluator(&self) -> Result<Evaluator, EvalError> {
        check_name("name", &self.name)?;
        self.selector.validate()?;
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(EvalError::invalid("alpha", format!("must lie between 0 and 1, got {}", self.alpha)));
        }
        if self.baseline.is_some_and(|baseline| !(baseline > 0.0 && baseline < 1.0)) {
            return Err(EvalError::invalid("baseline", "must lie between 0 and 1, without the ends"));
        }
        if !(self.average_run_length >= 1.0 && self.average_run_length <= 1e12) {
            return Err(EvalError::invalid("average_run_length", "must be at least 1"));
        }
        if self.unit_of_count == Unit::Case && self.set.is_none() {
            return Err(EvalError::invalid("unit_of_count", "`case` needs a `set`"));
        }
        if self.trials_per_case == Some(0) {
            return Err(EvalError::invalid("trials_per_case", "must be at least 1"));
        }
        let evaluator = build(&self.evaluator)?;
        let threshold = evaluator.threshold();
        if evaluator.info().is_counter() && threshold.at_least.is_none() && threshold.at_most.is_none() {
            let message = format!(
                "`{}` counts something, and a monitor watches a rate: give it `at_most`, and it watches how many runs keep to it",
                evaluator.id().name
            );
            return Err(EvalError::invalid("evaluator", message));
        }
        Ok(evaluator)
    }
}
