//! Versions: what an entity's content was, who wants it used, and who allowed that.

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::reference::EntityRef;

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
