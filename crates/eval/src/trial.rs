//! What an evaluator sees of a run: the conversation in turns, the tool calls in order, and counters.
//!
//! Trials come from stored runs ([`of_run`], [`of_summary`]), from trace files ([`TraceReader`], one trial for
//! each trace, without a server or a data folder), and from the logs of other harnesses ([`crate::format`]).
//!
//! # Turns
//!
//! A turn begins at an agent call (or a workflow) that has no agent, workflow or tool call above it; what lies below is
//! part of it. Model calls that no agent call covers form a turn of their own below their root. A turn whose first
//! model call begins with the result of a tool that the turn before asked for continues that turn: this is what a
//! gateway sees, one trace for each model call. Tool calls that were seen without any conversation (a tool gateway's)
//! belong to the turn that was open at the time. The span that `mizzen run` sends for a whole process is no turn.
//!
//! # Tool calls
//!
//! A call is told once, although it may be seen three times: asked for in a model's answer, as a span, and as the
//! message that carries its result. Spans come first, in order of their start; a call that was only asked for stands
//! right behind the one that was asked for before it. A span without arguments or result gets them from the messages.

use mizzen_model::id::Digest;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod calls;
mod counters;
mod extract;
mod files;
mod forest;
mod run;
mod text;

pub use files::{Grouping, TraceFileError, TraceReader, trials};
pub use run::{Depth, load, of_run, of_summary};

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

impl Trial {
    /// A trial about which nothing is known but its name.
    #[must_use]
    pub fn unknown(run_id: String) -> Self {
        Self {
            run_id,
            revision: 1,
            agent: None,
            agent_digest: None,
            case: None,
            started_at: Timestamp::default(),
            outcome: Outcome::Unset,
            error_message: None,
            turns: Vec::new(),
            counters: Counters::default(),
            sources: Vec::new(),
            recorded_scores: Vec::new(),
        }
    }

    /// The tool calls of all turns, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.turns.iter().flat_map(|turn| &turn.tool_calls)
    }

    /// The last answer of the conversation.
    #[must_use]
    pub fn final_response(&self) -> Option<&str> {
        self.turns.iter().rev().find_map(|turn| turn.response.as_deref())
    }
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

#[cfg(test)]
mod tests;
