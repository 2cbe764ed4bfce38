//! Scores by case.

use indexmap::IndexMap;
use mizzen_model::permission::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::score::{Score, ScoreOutcome};

/// What one evaluator said of the trials of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaseResult {
    pub case: String,
    pub evaluator: String,
    pub trials: u64,
    pub scored: u64,
    /// `null` without verdicts.
    pub passed: Option<u64>,
    pub mean: Option<f64>,
    pub runs: Vec<TrialResult>,
}

/// What one evaluator said of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialResult {
    pub run_id: String,
    pub revision: u32,
    /// `scored`, `not_evaluated` or `failed`.
    pub status: String,
    pub value: Option<f64>,
    pub verdict: Option<Verdict>,
    /// What the evaluator says, or why there is no score.
    pub explanation: Option<String>,
}

impl TrialResult {
    #[must_use]
    pub fn of(score: &Score) -> Self {
        let (status, value, verdict, reason) = match &score.outcome {
            ScoreOutcome::Scored { value, verdict, .. } => ("scored", Some(*value), *verdict, None),
            ScoreOutcome::NotEvaluated { reason } => ("not_evaluated", None, None, Some(reason)),
            ScoreOutcome::Failed { reason } => ("failed", None, None, Some(reason)),
        };
        Self {
            run_id: score.run_id.clone(),
            revision: score.revision,
            status: status.to_owned(),
            value,
            verdict,
            explanation: score.explanation.clone().or_else(|| reason.cloned()),
        }
    }
}

/// Groups scores by case and evaluator, in order of appearance.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 trials of a case")]
pub fn by_case(scores: &[Score]) -> Vec<CaseResult> {
    let mut cases: IndexMap<(&str, &str), Vec<TrialResult>> = IndexMap::new();
    for score in scores {
        let key = (score.case.as_deref().unwrap_or(&score.run_id), score.evaluator.name.as_str());
        cases.entry(key).or_default().push(TrialResult::of(score));
    }
    let result = |((case, evaluator), runs): ((&str, &str), Vec<TrialResult>)| {
        let values: Vec<f64> = runs.iter().filter_map(|run| run.value).collect();
        let verdicts: Vec<Verdict> = runs.iter().filter_map(|run| run.verdict).collect();
        let passed = verdicts.iter().filter(|verdict| **verdict == Verdict::Pass).count() as u64;
        CaseResult {
            case: case.to_owned(),
            evaluator: evaluator.to_owned(),
            trials: runs.len() as u64,
            scored: values.len() as u64,
            passed: (!verdicts.is_empty()).then_some(passed),
            mean: (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64),
            runs,
        }
    };
    cases.into_iter().map(result).collect()
}
