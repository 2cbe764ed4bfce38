//! The policies in force: stored boundaries and Cedar policies, with every version they ever had, and a folder of files
//! beside them. They are compiled as one set, and a change after which they would not compile is refused.
//!
//! ```text
//! database ─┐
//!           ├─► objects ─► compile (as a whole) ─► published set ─► every decision
//! folder ───┘
//! ```
//!
//! * `stored`: the versions in the database; `folder`: the files, followed while Mizzen runs
//! * `set`: from texts to a compiled set
//! * `publish`: what is in force on this node, and how it changes
//! * [`decisions`]: what was decided, kept for a while; [`impact`]: what another set would have said to it

mod change;
pub mod decisions;
mod folder;
pub mod impact;
mod mode_line;
mod publish;
mod schema;
mod set;
mod stored;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use mizzen_governance::cases::CaseResult;
pub use mizzen_governance::check::ToolSchema;
pub use mizzen_governance::problem::{Problem, Severity};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Boundary, Mode};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;

pub use self::change::{By, ChangeOutcome, Changed, Expected};
pub use self::publish::{FolderStatus, PolicySettings, Published};
pub(crate) use self::publish::{State, follow};
pub(crate) use self::schema::{DOCUMENTS, TABLES};
pub use self::set::{FileText, candidate, compile_files, run_cases};
use crate::plane::Inner;

/// Of the name of a policy.
pub const NAME_BYTES_MAX: usize = 128;
/// Of the text of one policy.
pub const TEXT_BYTES_MAX: usize = 512 << 10;
/// Policies of one set, stored and in files.
pub const POLICIES_MAX: usize = 20_000;
/// Why somebody changed a policy, in their words.
pub const REASON_BYTES_MAX: usize = 1_000;

/// What a policy is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// A boundary, in YAML.
    Boundary,
    /// Cedar.
    Policy,
}

impl PolicyKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boundary => "boundary",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not one of those that were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{got}`")]
pub struct UnknownWord {
    what: &'static str,
    got: String,
}

impl FromStr for PolicyKind {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "boundary" => Ok(Self::Boundary),
            "policy" => Ok(Self::Policy),
            _ => Err(UnknownWord { what: "kind of policy", got: text.to_owned() }),
        }
    }
}

/// What a version is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionState {
    Current,
    Replaced,
    /// A version that says that there is none any more.
    Deleted,
}

impl VersionState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Replaced => "replaced",
            Self::Deleted => "deleted",
        }
    }
}

impl FromStr for VersionState {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "current" => Ok(Self::Current),
            "replaced" => Ok(Self::Replaced),
            "deleted" => Ok(Self::Deleted),
            _ => Err(UnknownWord { what: "state of a policy", got: text.to_owned() }),
        }
    }
}

/// One version of a stored policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// 1, 2, 3…
    pub version: i64,
    pub state: VersionState,
    /// Over the bytes of the text; `None` for a deletion.
    pub digest: Option<Digest>,
    pub text: Option<String>,
    pub changed_by: String,
    pub changed_at: Timestamp,
    pub reason: String,
}

/// Where a policy is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOrigin {
    Stored {
        version: i64,
        changed_by: String,
        changed_at: Timestamp,
        reason: String,
    },
    /// A file of the policy folder, changed there and nowhere else.
    Folder {
        file: String,
    },
}

/// A policy in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub kind: PolicyKind,
    pub name: String,
    pub origin: PolicyOrigin,
    /// Over the bytes of the text.
    pub digest: Digest,
    pub text: Arc<str>,
    /// What a boundary says; `None` for Cedar.
    pub boundary: Option<Arc<Boundary>>,
    /// What is in force in its place, because it is stored and cannot be read any more: whom it is about is refused everything.
    pub closed: Option<Closed>,
}

/// What stands in the place of a stored policy that this release cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    kind: PolicyKind,
    text: Arc<str>,
}

impl Policy {
    /// `None` for Cedar, which is in force as it is.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.boundary.as_ref().map(|boundary| boundary.mode)
    }

    /// What of it is compiled.
    fn in_force(&self) -> (PolicyKind, &str) {
        self.closed.as_ref().map_or((self.kind, &self.text), |closed| (closed.kind, &closed.text))
    }
}

/// Problems, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// Why policies could not be changed, read or put in force.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("`{0}` is no name for a policy; use up to {NAME_BYTES_MAX} of letters, digits, `-`, `_` and `.`")]
    Name(String),
    #[error("the text of a policy has {got} bytes; at most {TEXT_BYTES_MAX} are read, so divide it")]
    TextTooLong { got: usize },
    #[error("the reason of a change has {got} bytes; at most {REASON_BYTES_MAX} are kept")]
    ReasonTooLong { got: usize },
    #[error("there are {POLICIES_MAX} policies, and no more may be added; join some")]
    TooMany,
    #[error("the boundary says that its name is `{inside}`, and it was sent as `{outside}`; use one of them for both")]
    OtherName { inside: String, outside: String },
    #[error("no {kind} `{name}`")]
    NotFound { kind: PolicyKind, name: String },
    #[error("the {kind} `{name}` is there already; send the digest of the version that you mean to replace")]
    Exists { kind: PolicyKind, name: String },
    #[error(
        "the {kind} `{name}` was changed by {by} meanwhile and is `{digest}` now; read it, and apply your change to that"
    )]
    ChangedMeanwhile { kind: PolicyKind, name: String, by: String, digest: String },
    #[error("the {kind} `{name}` is the file `{file}` of the policy folder; change it there")]
    InFolder { kind: PolicyKind, name: String, file: String },
    #[error("others change policies at this moment; try again")]
    Busy,
    #[error("{0}")]
    Invalid(Problems),
    #[error("the policy folder `{folder}` cannot be read")]
    Folder {
        folder: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the change was not made, because the audit log did not take it")]
    NotAudited(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The policies; from [`crate::Control::policies`].
#[derive(Debug)]
pub struct Policies<'a>(pub(crate) &'a Inner);

impl Policies<'_> {
    /// What is in force on this node.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.0.policies.published()
    }

    /// A policy in force.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, kind: PolicyKind, name: &str) -> Result<Policy, PolicyError> {
        let found = self.published().find(kind, name).cloned();
        found.ok_or_else(|| PolicyError::NotFound { kind, name: name.to_owned() })
    }

    /// The newest versions of a stored policy, deletions too, newest first; empty when there never was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(&self, kind: PolicyKind, name: &str) -> Result<Vec<Version>, PolicyError> {
        Ok(stored::history(&self.0.store, kind, name).await?)
    }
}

/// A name is part of addresses, of the ids of compiled policies and of audit entries.
fn check_name(name: &str) -> Result<(), PolicyError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fit = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
    if fit { Ok(()) } else { Err(PolicyError::Name(name.chars().take(NAME_BYTES_MAX).collect())) }
}
