//! Experiments: evaluators over stored runs, kept with what they came to.
//!
//! * [`metric`], [`aggregate`]: scores in columns, and what they come to; pure
//! * [`request`]: what is asked for, checked
//! * `run`: the work: page through the index, read what the evaluators need, score, keep
//! * [`cases`]: scores by case

pub mod aggregate;
pub mod cases;
pub mod metric;
pub mod request;
pub(crate) mod run;

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::aggregate::Aggregate;
use crate::selector::RunSelector;

/// Where an experiment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Finished,
    Failed,
}

impl State {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

/// An eval set, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetRef {
    pub name: String,
    pub digest: String,
    pub version: u32,
}

/// An evaluator as it is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorChoice {
    pub name: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
}

/// Runs that were selected and not scored, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Skipped {
    /// They may still change.
    pub not_final: u64,
    /// The eval set has no case for them.
    pub no_case: u64,
    /// They were deleted while the experiment ran, or their spans could not be read.
    pub unreadable: u64,
    /// They name another agent digest than the experiment's.
    pub other_version: u64,
}

/// Evaluators over runs, and what they came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Experiment {
    pub id: String,
    pub name: String,
    pub state: State,
    pub set: Option<SetRef>,
    pub selector: RunSelector,
    pub evaluators: Vec<EvaluatorChoice>,
    /// Agents of the scored runs.
    pub agents: Vec<String>,
    /// The digest that all scored runs name; `null` when they name none.
    pub agent_digest: Option<Digest>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    pub created_by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Runs that were scored so far.
    pub runs: u64,
    pub skipped: Skipped,
    /// Whether its scores are also `gen_ai.evaluation.result` events, and so in the SQL table `scores`.
    pub has_events: bool,
    /// Why it failed, or what is worth knowing of it: for example why there is no evidence.
    pub problem: Option<String>,
    pub aggregates: Vec<Aggregate>,
}

#[cfg(test)]
mod tests;
