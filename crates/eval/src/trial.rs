//! What an evaluator sees of a run: the conversation in turns, the tool calls in order, and counters.

use mizzen_model::id::Digest;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One recorded invocation of an agent, read for evaluation. Several trials of one case are one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub run_id: String,
    /// Scores belong to a revision of a run.
    pub revision: u32,
    pub agent: Option<String>,
    /// Whose evidence the scores become; `None` satisfies no evidence rule.
    pub agent_digest: Option<Digest>,
    /// The case of the eval set that this trial is of; `None` until it is matched.
    pub case: Option<String>,
    pub started_at: Timestamp,
    pub outcome: Outcome,
    pub error_message: Option<String>,
    /// One for each thing a user said, in order of time.
    pub turns: Vec<Turn>,
    pub counters: Counters,
    /// Who saw the steps, each once: what the agent alone reported does not count as evidence by default.
    pub sources: Vec<Source>,
    /// What a foreign format already said of the trial, by name (for example τ-bench's `reward`).
    #[serde(default)]
    pub recorded_scores: Vec<(String, f64)>,
}

/// From what a user said to the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Turn {
    pub user: String,
    pub tool_calls: Vec<ToolCall>,
    /// The final answer of the turn; `None` when nothing recorded one.
    pub response: Option<String>,
}

/// One call of a tool, as recorded. Call ids are not kept: they are never compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    pub name: String,
    pub arguments: Value,
    pub result: Option<Value>,
    pub outcome: Outcome,
    pub source: Source,
}

/// Totals of a run; `None` is not zero but not known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Counters {
    pub steps: Option<u64>,
    pub model_calls: Option<u64>,
    pub tool_calls: Option<u64>,
    pub errors: Option<u64>,
    pub retries: Option<u64>,
    pub denied_actions: Option<u64>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    pub duration_seconds: Option<f64>,
}
