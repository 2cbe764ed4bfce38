//! The file of a gate.

use serde::{Deserialize, Serialize};

use crate::evaluator::info;
use crate::stats::{StatsError, power};

/// What is compared with the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The share of trials that pass.
    #[default]
    PassRate,
    /// The mean score.
    Mean,
}

/// When one may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Once, when the planned sample is there.
    #[default]
    Fixed,
    /// After every trial.
    Sequential,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    pub evaluator: String,
    #[serde(default)]
    pub measure: Measure,
    #[serde(default)]
    pub at_least: Option<f64>,
    #[serde(default)]
    pub at_most: Option<f64>,
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// Cases of the sample that is planned; needed by `fixed`.
    #[serde(default)]
    pub planned_cases: Option<u64>,
    #[serde(default = "one")]
    pub trials_per_case: u64,
    #[serde(default)]
    pub method: Look,
}

const fn alpha() -> f64 {
    0.05
}

const fn one() -> u64 {
    1
}

/// Criteria that must all hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// A file of scores or an experiment, when nothing else is said.
    pub scores: Option<String>,
    pub criteria: Vec<Criterion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    scores: Option<String>,
    #[serde(default)]
    criterion: Vec<Criterion>,
}

/// Why a gate is none.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error("the gate cannot be read")]
    Syntax(#[from] toml::de::Error),
    #[error("the gate has no `[[criterion]]`")]
    Empty,
    #[error("criterion `{evaluator}`: {message}")]
    Criterion { evaluator: String, message: String },
    /// The gate could never pass.
    #[error(
        "criterion `{evaluator}` cannot pass: with {planned} cases and no failure at all the bound would stay below {threshold}; \
         it needs at least {least} cases"
    )]
    Unreachable { evaluator: String, planned: u64, threshold: f64, least: u64 },
    #[error("criterion `{evaluator}` is neither an evaluator nor the name of scores that are there{}", did_you_mean(.nearest))]
    UnknownName { evaluator: String, nearest: Option<String> },
    #[error("the scores of `{evaluator}` come from several versions or parameters of it; compare them one by one")]
    Mixed { evaluator: String },
    #[error("criterion `{evaluator}` cannot be judged")]
    Stats {
        evaluator: String,
        #[source]
        source: StatsError,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

impl Gate {
    /// Reads a gate and refuses one that no sample of the planned size could pass.
    ///
    /// # Errors
    /// When the text is no gate, or a criterion contradicts itself.
    pub fn read(text: &str) -> Result<Self, GateError> {
        let file: File = toml::from_str(text)?;
        if file.criterion.is_empty() {
            return Err(GateError::Empty);
        }
        file.criterion.iter().try_for_each(Criterion::check)?;
        Ok(Self { scores: file.scores, criteria: file.criterion })
    }
}

impl Criterion {
    /// The threshold, and whether more is better.
    #[must_use]
    pub fn threshold(&self) -> (f64, bool) {
        match (self.at_least, self.at_most) {
            (Some(threshold), _) => (threshold, true),
            (None, threshold) => (threshold.unwrap_or_default(), false),
        }
    }

    #[must_use]
    pub fn asked(&self) -> String {
        let (threshold, more) = self.threshold();
        let what = if self.measure == Measure::PassRate { "pass rate" } else { "mean" };
        format!("{what} {} {threshold}", if more { "at least" } else { "at most" })
    }

    fn check(&self) -> Result<(), GateError> {
        let wrong = |message: String| GateError::Criterion { evaluator: self.evaluator.clone(), message };
        if self.at_least.is_some() == self.at_most.is_some() {
            return Err(wrong("say either `at_least` or `at_most`".to_owned()));
        }
        if !(self.alpha > 0.0 && self.alpha < 0.5) {
            return Err(wrong(format!("`alpha` must lie between 0 and 0.5, got {}", self.alpha)));
        }
        if self.trials_per_case == 0 {
            return Err(wrong("`trials_per_case` must be at least 1".to_owned()));
        }
        if self.method == Look::Fixed && self.planned_cases.is_none() {
            return Err(wrong(
                "`method = \"fixed\"` looks once, at a size fixed before: say `planned_cases`, or use `sequential`"
                    .to_owned(),
            ));
        }
        let (threshold, _) = self.threshold();
        if self.measure == Measure::PassRate && !(0.0..1.0).contains(&threshold) && self.at_least.is_some() {
            return Err(wrong(format!("no sample shows a pass rate of at least {threshold}; say less than 1")));
        }
        if self.measure == Measure::PassRate && self.at_most.is_some() && !(threshold > 0.0 && threshold < 1.0) {
            return Err(wrong(format!(
                "a pass rate of at most {threshold} says nothing; say more than 0 and less than 1"
            )));
        }
        let unit = info(&self.evaluator).and_then(|info| info.unit);
        if let (Look::Sequential, Measure::Mean, Some(unit)) = (self.method, self.measure, unit) {
            return Err(wrong(format!(
                "a mean in {unit} has no bound that holds at every look; say `method = \"fixed\"` with `planned_cases`"
            )));
        }
        if !threshold.is_finite() {
            return Err(wrong("the threshold must be a finite number".to_owned()));
        }
        self.check_reach()
    }

    /// Rates and scores in [0, 1] are bounded, so that the best that could happen is known: all are 1, or all are 0.
    fn check_reach(&self) -> Result<(), GateError> {
        let in_unit = || info(&self.evaluator).is_some_and(|info| info.unit.is_none());
        let Some(planned) = self.planned_cases.filter(|_| self.measure == Measure::PassRate || in_unit()) else {
            return Ok(());
        };
        let (threshold, more) = self.threshold();
        let rate = if more { threshold } else { 1.0 - threshold };
        if rate <= 0.0 {
            return Ok(());
        }
        if rate >= 1.0 {
            let evaluator = self.evaluator.clone();
            return Err(GateError::Unreachable { evaluator, planned, threshold, least: u64::MAX });
        }
        let stats = |source| GateError::Stats { evaluator: self.evaluator.clone(), source };
        let least = match self.method {
            Look::Fixed => power::cases_all_pass(rate, self.trials_per_case, self.alpha).map_err(stats)?,
            Look::Sequential => super::judge::sequential_all_pass(rate, self.alpha),
        };
        let least = least.unwrap_or(u64::MAX);
        if planned < least {
            let evaluator = self.evaluator.clone();
            return Err(GateError::Unreachable { evaluator, planned, threshold, least });
        }
        Ok(())
    }
}
