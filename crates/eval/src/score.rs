//! What an evaluator says of a trial.

use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which evaluator, exactly: scores of different digests are never pooled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct EvaluatorId {
    /// Snake case, for example `tool_trajectory`.
    pub name: String,
    pub version: String,
    /// Over name, version and parameters (prompt and model for a judge, the program's bytes for a custom one).
    pub digest: Digest,
}

/// One evaluator's answer about one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub evaluator: EvaluatorId,
    pub case: Option<String>,
    pub run_id: String,
    pub revision: u32,
    pub outcome: ScoreOutcome,
    /// Short, for a person; never the prompt or content that the capture policy forbids.
    pub explanation: Option<String>,
}

/// `not evaluated` is not 0, and a broken evaluator is neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ScoreOutcome {
    Scored {
        /// Finite. In [0, 1] unless the evaluator counts something (`unit` says what).
        value: f64,
        /// Against the evaluator's threshold; `None` when it has none.
        verdict: Option<Verdict>,
        unit: Option<String>,
    },
    /// The trial lacks what the evaluator needs; the text names it.
    NotEvaluated { reason: String },
    /// The evaluator itself failed: timeout, crash, prose instead of a verdict, NaN.
    Failed { reason: String },
}
