//! Versions: what an entity's content was, who wants it used, and who allowed that.

use std::fmt;
use std::str::FromStr;

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::reference::EntityRef;

/// Names the version of a document.
pub const VERSION_ANNOTATION: &str = "mizzen.dev/version";

/// Where a version is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// Kept, and nobody was asked.
    Draft,
    /// Waits for a review.
    Pending,
    Approved,
    Rejected,
    /// Approved, still usable, and not to be taken up any more.
    Deprecated,
    /// Not to be used.
    Retired,
}

impl VersionState {
    pub const ALL: &[Self] =
        &[Self::Draft, Self::Pending, Self::Approved, Self::Rejected, Self::Deprecated, Self::Retired];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
        }
    }

    /// Whether what carries the version's digest may be used where approval is asked for.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Approved | Self::Deprecated)
    }

    /// Whether a version may go from this state to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Draft => matches!(next, Self::Pending | Self::Retired),
            Self::Pending => matches!(next, Self::Approved | Self::Rejected | Self::Draft),
            Self::Approved => matches!(next, Self::Deprecated | Self::Retired),
            Self::Rejected => matches!(next, Self::Pending | Self::Retired),
            Self::Deprecated => matches!(next, Self::Approved | Self::Retired),
            Self::Retired => false,
        }
    }
}

/// One step of a version's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub to: VersionState,
    /// The person, for example `user:default/ann`.
    pub by: String,
    pub at: Timestamp,
    /// Why; for a rejection it is asked for.
    pub reason: Option<String>,
}

/// An immutable snapshot of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub reference: EntityRef,
    /// From `metadata.annotations["mizzen.dev/version"]` or `spec.version`; a document that names none gets `sha256-` and the
    /// first twelve digits of its digest.
    pub tag: String,
    pub digest: Digest,
    pub state: VersionState,
    /// Oldest first; the first says who applied it.
    pub history: Vec<Transition>,
    pub entity: Entity,
    /// The text of a `SKILL.md` below its front matter; the digest covers it.
    pub body: Option<String>,
    /// Who sent the files of a template last, and so made what will be run.
    pub files_by: Option<String>,
}

impl fmt::Display for VersionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VersionState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name).ok_or_else(|| UnknownState(name.to_owned()))
    }
}

/// A name that is none of [`VersionState::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown state of a version `{0}`; use draft, pending, approved, rejected, deprecated or retired")]
pub struct UnknownState(pub String);

/// The version that an entity's content is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VersionHead {
    pub tag: String,
    pub digest: Digest,
    pub state: VersionState,
}

/// What an entity is for Mizzen: `agent`, `tool_server`, `tool`, `model`, `pool`, `eval_set`, `prompt`, `skill` or `caller`, else its kind in
/// lower case.
#[must_use]
pub fn class_of(entity: &Entity) -> String {
    let kind = entity.kind().to_lowercase();
    let class = match (kind.as_str(), entity.spec_type().unwrap_or_default()) {
        ("component", "ai-agent") => "agent",
        ("component", "caller") => "caller",
        ("api", "mcp-server") => "tool_server",
        ("resource", "ai-tool") => "tool",
        ("resource", "ai-model") => "model",
        ("resource", "ai-pool") => "pool",
        ("resource", "eval-set") => "eval_set",
        ("airesource", "prompt") => "prompt",
        ("airesource", "skill") => "skill",
        _ => return kind,
    };
    class.to_owned()
}

/// What [`class_of`] says of a template.
pub(crate) const TEMPLATE_CLASS: &str = "template";

/// Whether versions of the entity are reviewed before they may be used.
#[must_use]
pub fn is_governed(entity: &Entity) -> bool {
    const GOVERNED: &[&str] = &["agent", "tool_server", "tool", "model", "prompt", "skill", "eval_set", TEMPLATE_CLASS];
    GOVERNED.contains(&class_of(entity).as_str())
}

/// The name that a document gives its version; without one, the beginning of its digest.
#[must_use]
pub fn tag_of(entity: &Entity, digest: &Digest) -> String {
    let given = entity.annotation(VERSION_ANNOTATION).or_else(|| entity.text(&["spec", "version"]));
    let given = given.map(str::trim).filter(|tag| !tag.is_empty());
    given.map_or_else(|| digest.as_str().chars().take(19).collect::<String>().replace(':', "-"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::VersionState::{self, Approved, Draft, Pending, Rejected, Retired};

    #[test]
    fn nothing_is_approved_without_a_review_and_nothing_comes_back_from_retirement() {
        for state in VersionState::ALL {
            let may = state.may_become(Approved);
            assert_eq!(may, matches!(state, Pending | VersionState::Deprecated), "{state:?}");
            assert!(!Retired.may_become(*state) && !state.may_become(*state), "{state:?}");
        }
        assert!(Draft.may_become(Pending) && Rejected.may_become(Pending) && !Rejected.is_usable());
    }
}
