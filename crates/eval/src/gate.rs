//! A gate: criteria over the scores of an experiment, with a verdict whose error rate is stated.
//!
//! The gate passes when every criterion passes, and each passes wrongly with at most its alpha; so the whole passes wrongly
//! with at most the largest of them (an intersection-union test: Berger, Technometrics 24:295, 1982). It fails when one
//! criterion fails; those errors add up, so each may fail wrongly with its alpha divided by the number of criteria.
//!
//! `method = "fixed"` looks once, at a size that was planned: a sample of another size gives no verdict.
//! `method = "sequential"` may be looked at after every trial, and needs more of them.
//!
//! ```toml
//! scores = "scores.json"   # or an experiment; `--scores` wins
//!
//! [[criterion]]
//! evaluator = "task_success"
//! at_least = 0.9
//! planned_cases = 60
//!
//! [[criterion]]
//! evaluator = "cost_usd"
//! measure = "mean"
//! at_most = 0.05
//! planned_cases = 60
//! ```

mod config;
mod judge;

use mizzen_model::permission::Verdict;
use mizzen_model::suggest::nearest;
use serde::{Deserialize, Serialize};

pub use self::config::{Criterion, Gate, GateError, Look, Measure};
use self::judge::judge;
use crate::estimate::Estimate;
use crate::evaluator::{catalogue, info};
use crate::experiment::metric::Metric;

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateVerdict {
    pub verdict: Verdict,
    /// The gate passes wrongly with at most this probability.
    pub false_pass_at_most: f64,
    /// The gate fails wrongly with at most this probability.
    pub false_fail_at_most: f64,
    pub criteria: Vec<CriterionVerdict>,
}

/// What one criterion comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriterionVerdict {
    pub evaluator: String,
    pub measure: Measure,
    /// For example `at least 0.9`.
    pub asked: String,
    pub verdict: Verdict,
    /// The one-sided bounds that the verdict rests on.
    pub estimate: Option<Estimate>,
    pub alpha: f64,
    pub cases: u64,
    pub trials: u64,
    /// How many more cases a criterion without a verdict needs, if the truth is what it seems.
    pub further_cases: Option<u64>,
    pub sentence: String,
}

impl Gate {
    /// Judges the scores of one experiment.
    ///
    /// # Errors
    /// When a criterion names nothing that could have scores, or an evaluator whose scores are of several versions.
    pub fn judge(&self, metrics: &[Metric]) -> Result<GateVerdict, GateError> {
        let mut criteria = Vec::with_capacity(self.criteria.len());
        for criterion in &self.criteria {
            let mut named = metrics.iter().filter(|metric| metric.evaluator.name == criterion.evaluator);
            let metric = named.next();
            if metric.is_none() && info(&criterion.evaluator).is_none() {
                return Err(unknown(&criterion.evaluator, metrics));
            }
            if named.next().is_some() {
                return Err(GateError::Mixed { evaluator: criterion.evaluator.clone() });
            }
            criteria.push(judge(criterion, metric, self.criteria.len())?);
        }
        let any = |verdict: Verdict| criteria.iter().any(|criterion| criterion.verdict == verdict);
        let verdict = if any(Verdict::Fail) {
            Verdict::Fail
        } else if any(Verdict::Inconclusive) {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        };
        let alphas = || self.criteria.iter().map(|criterion| criterion.alpha);
        Ok(GateVerdict {
            verdict,
            false_pass_at_most: alphas().fold(0.0, f64::max),
            false_fail_at_most: alphas().sum::<f64>() / self.criteria.len() as f64,
            criteria,
        })
    }
}

fn unknown(evaluator: &str, metrics: &[Metric]) -> GateError {
    let scored = metrics.iter().map(|metric| metric.evaluator.name.as_str());
    let nearest = nearest(evaluator, scored.chain(catalogue().iter().map(|info| info.name)));
    GateError::UnknownName { evaluator: evaluator.to_owned(), nearest: nearest.map(str::to_owned) }
}

#[cfg(test)]
mod tests;
