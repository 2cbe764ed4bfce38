//! A run: one invocation of an agent.

use serde::{Deserialize, Serialize};

use crate::id::{Digest, RunId};
use crate::step::{Outcome, Source};
use crate::time::Timestamp;
use crate::usage::Usage;

/// The caller of questions that Mizzen itself asks a judging model. No key of anybody else may have this name.
pub const JUDGE_CALLER: &str = "mizzen judge";

/// What the run list shows, and what scores refer to (`run_id` and `revision` together).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunSummary {
    pub run_id: RunId,
    /// Starts at 1; a span that comes after the run was final makes the next one.
    pub revision: u32,
    /// The root ended and nothing came for the stated quiet time.
    pub is_final: bool,
    pub agent: Option<String>,
    /// The first thing asked, cut to a line; empty when content is not captured.
    pub title: String,
    pub session: Option<String>,
    pub caller: Option<String>,
    /// OpenTelemetry `service.name` of the root.
    pub service: Option<String>,
    pub started_at: Timestamp,
    pub duration_ns: i64,
    pub outcome: Outcome,
    pub error_message: Option<String>,
    pub spans: u32,
    pub steps: u32,
    pub model_calls: u32,
    pub tool_calls: u32,
    pub errors: u32,
    pub usage: Usage,
    /// Sum over the priced calls, an estimate from the price table; `None` when no call could be priced.
    pub cost_usd: Option<f64>,
    /// Calls whose model has no known price: when above zero, `cost_usd` is a lower bound.
    pub unpriced_calls: u32,
    /// The models that were asked, most used first.
    pub models: Vec<String>,
    /// Whether something confined the process: `unconfined` until a sandbox attests otherwise.
    pub confinement: Option<String>,
    /// Who saw steps of the run, each once.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// The agent digests that the run's spans name (resource attribute `mizzen.agent.digest`), at most two: a run
    /// that names more than one has none that evidence could be about.
    #[serde(default)]
    pub agent_digests: Vec<Digest>,
    /// The case that the run says it is a trial of.
    #[serde(default)]
    pub case: Option<String>,
    /// Whether a sender that did not show the key of the calls that Mizzen saw reported some of it: then the run is no
    /// evidence, whoever it was.
    #[serde(default)]
    pub has_foreign_steps: bool,
}

impl RunSummary {
    /// The digest of the agent that ran, when the spans name one and agree on it.
    #[must_use]
    pub fn agent_digest(&self) -> Option<&Digest> {
        match self.agent_digests.as_slice() {
            [digest] => Some(digest),
            _ => None,
        }
    }
}
