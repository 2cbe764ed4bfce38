//! What traffic showed: subjects that were seen, and who used what.
//!
//! The planes that see traffic know no catalog; the binary turns what they tell into these.

use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What kind of thing was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    Agent,
    Model,
    ToolServer,
    Tool,
    /// Behind a key that names no agent.
    Caller,
}

/// One thing that was seen, by the name that traffic has for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    pub kind: SubjectKind,
    /// For example `helm-agent`, `gpt-4o`, or a tool as `server/tool`.
    pub name: String,
}

/// One thing used another, or was itself seen, some number of times up to an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub subject: Subject,
    /// What it used; `None`: it was seen itself.
    pub uses: Option<Subject>,
    pub calls: u64,
    pub at: Timestamp,
}
