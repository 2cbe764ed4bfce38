//! What is asked, and what is answered.

use mizzen_model::asked::{Action, Resource, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Effect, Evidence, MissingEvidence, Mode};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question with everything that its answer may depend on.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub caller: &'a Caller,
    /// The agent's name; `None` when the credential names none.
    pub agent: Option<&'a str>,
    pub team: Option<&'a str>,
    pub action: Action,
    pub resource: &'a Resource,
    pub tool: ToolFacts,
    /// `None` at list time, and for what takes no arguments.
    pub arguments: Option<&'a Value>,
    /// What the run has touched before this call.
    pub taint: Taint,
    /// What this call reads and where it reaches, as its tool server is configured; nothing: nobody said. Grants may
    /// say it too ([`Obligations::touches`] is the sum).
    pub touches: Taint,
    /// What is left to spend.
    pub budget: BudgetLeft,
    /// Evidence in force about the caller's own digest; none when that is unknown.
    pub evidence: &'a [Evidence],
    /// The state, as the catalog has it, of the version that the caller's digest belongs to, for example `approved`;
    /// `None`: it belongs to no version.
    pub version: Option<&'a str>,
    pub at: Timestamp,
}

/// The least that is left of any budget that applies to the caller; `None`: no budget limits it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetLeft {
    pub calls: Option<u64>,
    pub tokens: Option<u64>,
    pub cost_nano_usd: Option<u64>,
}

/// The member of `arguments` that holds what a client answers to questions of the server (`inputResponses` of MCP 2026-07-28).
/// It is part of what is asked for, and no argument: limits on arguments are about the others.
pub const INPUT_RESPONSES: &str = "dev.mizzen/inputResponses";

/// The member of `arguments` by which a door says that a model's provider would run the tool, so that nobody here sees the
/// arguments: no limit of a grant holds then, and every one of a denial does.
pub const PROVIDER_RUN: &str = "dev.mizzen/providerRun";

/// What the tool gateway knows of the definition of a tool, prompt or resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolFacts {
    /// Of the definition as the upstream has it now.
    pub digest: Option<Digest>,
    /// Whether that digest is the approved one.
    pub pinned: bool,
    /// Of a tool: whether the approved definition says that it changes nothing. Of a resource: whether it is one of those that
    /// the server lists, so that nothing of the caller's goes out with its URI.
    pub read_only: bool,
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub effect: Effect,
    /// Under `observe` the effect is recorded and not enforced.
    pub mode: Mode,
    /// The policies that decided; empty when the default denied.
    pub policies: Vec<String>,
    /// For the caller and the record: what decided and the way out. Never has values of arguments.
    pub reason: String,
    /// The evidence that would have to be there for an allowance; empty unless that is all that is missing.
    pub missing_evidence: Vec<MissingEvidence>,
    pub obligations: Obligations,
}

/// What a permit asks of the door that got it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Obligations {
    /// JSON pointers into the result whose values are to be replaced.
    pub redact: Vec<String>,
    pub result_bytes_max: Option<u64>,
    /// Calls in a minute, per caller and resource.
    pub calls_per_minute: Option<u32>,
    /// Whether content may be recorded; `None`: as the capture policy says.
    pub record_content: Option<bool>,
    /// What this call brings into the run: what the grant or else the tool server's configuration says, and where
    /// nobody said anything, what an unlabelled thing counts as.
    pub touches: Taint,
}
