//! Scorecards: whether an agent has earned its place, by checks over facts.
//!
//! Four levels, each of which needs every check of it and of those below. A check passes, fails, or has *no evidence*, and no
//! evidence is never a pass. Checks come from [`checks`] and from an organisation's own files ([`files`]), which may also
//! exempt an agent from one for a while, by somebody and for a reason.
//!
//! * [`expression`]: CEL over [`crate::facts`]
//! * [`card`]: what the checks say of one agent; pure
//! * [`own`]: the facts that the catalog itself knows
//! * [`plane`]: rounds over all agents, the cards as they are now, and their history
//! * [`board`]: the heat map

pub mod board;
pub mod card;
pub mod checks;
pub mod expression;
pub mod files;
pub mod own;
pub mod plane;
mod storage;

use std::fmt;
use std::str::FromStr;

use mizzen_model::suggest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::card::{Card, CheckResult, Counts};
pub use self::plane::{Parts, ScorecardError, Scorecards};
pub use self::storage::{MIGRATION, Moment};

use self::expression::Expression;

/// How far an agent has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody owns it, and it is seen.
    Known,
    /// What it may do is limited, and it can be stopped.
    Controlled,
    /// It was measured to do what it is for.
    Proven,
    /// What runs is what was approved, and that can be shown.
    Trusted,
}

impl Level {
    pub const ALL: [Self; 4] = [Self::Known, Self::Controlled, Self::Proven, Self::Trusted];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Controlled => "controlled",
            Self::Proven => "proven",
            Self::Trusted => "trusted",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no level `{name}`; {hint}")]
pub struct UnknownLevel {
    name: String,
    hint: String,
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let names = || Self::ALL.iter().map(|level| level.as_str());
        Self::ALL.into_iter().find(|level| level.as_str() == text).ok_or_else(|| UnknownLevel {
            name: text.to_owned(),
            hint: suggest::nearest(text, names()).map_or_else(
                || "levels are known, controlled, proven and trusted".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        })
    }
}

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Pass,
    Fail,
    /// A fact that it needs is not there, or it could not be worked out.
    NoEvidence,
}

impl CheckState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoEvidence => "no_evidence",
        }
    }
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// `level.name` for those that come with Mizzen.
    pub id: String,
    pub level: Level,
    pub title: String,
    /// Where this does not hold, the check is not about the agent.
    pub when: Option<Expression>,
    pub expr: Expression,
    /// Why it is asked for, with the clause of what asks for it.
    pub why: String,
    /// What to do when it does not pass.
    pub fix: String,
    /// An organisation's own.
    pub own: bool,
}

/// An agent need not pass a check, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exemption {
    /// The check's id.
    pub check: String,
    /// Whom it exempts, as `component:default/helm-agent`.
    pub entity: String,
    /// Who answers for it.
    pub owner: String,
    pub reason: String,
    /// The last day on which it holds, as `2026-12-31`.
    pub until: String,
}
