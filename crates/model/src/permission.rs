//! What permission is made of: who may what, on which evidence, and what was decided.
//!
//! Only data and its validation live here; deciding is the work of the `governance` plane.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::step::{Source, UnknownName, named};
use crate::time::Timestamp;

pub use self::boundary::{
    ArgumentKind, Boundary, BudgetLimit, BudgetScope, BudgetWindow, Denial, FileGrant, Grant, Limit, LimitedArgument,
    Pattern, is_named, matches_pattern,
};

mod boundary;

named! {
    /// What a signed-in person or an administrative token may do; each role includes those before it.
    Role, "role" {
        Viewer = "viewer",
        Developer = "developer",
        Approver = "approver",
        Administrator = "administrator",
    }
}

named! {
    /// The three answers of a decision.
    Effect, "effect" {
        Allow = "allow",
        Deny = "deny",
        NeedsApproval = "needs_approval",
    }
}

named! {
    /// Whether a boundary is only watched or also enforced.
    Mode, "mode" {
        Observe = "observe",
        Enforce = "enforce",
    }
}

named! {
    /// How the definition of a tool that was never seen before becomes the pinned one: at once, or by a person.
    PinRule, "pin rule" {
        FirstSight = "first_sight",
        Approval = "approval",
    }
}

named! {
    /// Which versions of an agent a boundary lets act.
    VersionRule, "version rule" {
        Any = "any",
        Approved = "approved",
    }
}

named! {
    /// What a statistical question was answered with.
    Verdict, "verdict" {
        Pass = "pass",
        Fail = "fail",
        Inconclusive = "inconclusive",
    }
}

/// The authenticated agent, user or service behind a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Caller {
    /// Stable name, for example `agent:default/helm-agent`.
    pub reference: String,
    /// The digest that the credential is bound to; an unknown digest satisfies no evidence rule.
    pub agent_digest: Option<Digest>,
}

/// A definition fixed at approval: while the observed digest differs, the thing is withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// What is pinned, for example `tool:default/helm/helm_list_releases`.
    pub subject: String,
    pub digest: Digest,
    pub approved_by: String,
    pub approved_at: Timestamp,
}

/// A measured bound about one digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub subject: Digest,
    /// Evaluator name and version, and what else a rule must name ([`Self::metric_of`]): `task_success@1`.
    pub metric: String,
    /// Observations.
    pub n: u64,
    /// Independent clusters (cases) the observations fall into.
    pub clusters: u64,
    /// The interval's method, for example `wilson` or `betting`.
    pub method: String,
    /// Stated error rate of the interval, in (0, 1).
    pub alpha: f64,
    pub lower: f64,
    pub upper: f64,
    pub e_value: Option<f64>,
    pub as_of: Timestamp,
    /// Who had to have seen the steps; by default not `sdk` alone.
    pub sources: Vec<Source>,
}

/// Why evidence cannot be what it says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvidenceError {
    #[error("alpha must lie between 0 and 1, got {0}")]
    Alpha(f64),
    #[error("the interval {lower} to {upper} is not an interval")]
    Interval { lower: f64, upper: f64 },
    #[error("{clusters} clusters cannot come from {n} observations")]
    Clusters { clusters: u64, n: u64 },
}

impl Evidence {
    /// The metric with what was chosen when it was measured: the evaluator by its digest, when it has parameters of its own, and
    /// the eval set. A rule that does not name the same is not about this evidence, so that nobody meets it by choosing
    /// parameters or cases that everything passes. For example `contains@1 evaluator=sha256:… set=sha256:…`.
    #[must_use]
    pub fn metric_of(metric: &str, evaluator: Option<&Digest>, set: Option<&Digest>) -> String {
        let mut whole = metric.to_owned();
        for (what, digest) in [(" evaluator=", evaluator), (" set=", set)] {
            if let Some(digest) = digest {
                whole.push_str(what);
                whole.push_str(digest.as_str());
            }
        }
        whole
    }

    /// # Errors
    /// When a field contradicts another, or a number is not one.
    pub fn validate(&self) -> Result<(), EvidenceError> {
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(EvidenceError::Alpha(self.alpha));
        }
        if !(self.lower.is_finite() && self.upper.is_finite() && self.lower <= self.upper) {
            return Err(EvidenceError::Interval { lower: self.lower, upper: self.upper });
        }
        if self.clusters > self.n {
            return Err(EvidenceError::Clusters { clusters: self.clusters, n: self.n });
        }
        Ok(())
    }
}

/// Permission that rests on evidence about the very digest that asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRule {
    /// An evaluator with its version (`task_success@1`), or without: then any version counts. Behind it what else the evidence
    /// must be of, as [`Evidence::metric_of`] writes it.
    pub metric: String,
    /// The evidence's lower bound must reach this.
    pub lower_at_least: f64,
    pub clusters_at_least: u64,
    /// What the bound may err: a lower 95 % bound errs at most 0.05.
    #[serde(default = "EvidenceRule::alpha_default")]
    pub alpha_at_most: f64,
}

impl EvidenceRule {
    /// A lower 95 % bound, unless a rule asks for more.
    #[must_use]
    pub const fn alpha_default() -> f64 {
        0.05
    }
}

/// Evidence that a rule asked for and did not find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingEvidence {
    pub rule: EvidenceRule,
    /// What was in force about the caller's digest; `None`: nothing.
    pub had: Option<EvidenceHad>,
}

/// The evidence in force that was not enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceHad {
    pub metric: String,
    pub lower: f64,
    pub clusters: u64,
    pub alpha: f64,
}

/// A recorded answer: what was asked, what was said, and on what ground.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub id: String,
    pub at: Timestamp,
    pub caller: Caller,
    /// For example `tools:call`.
    pub action: String,
    pub resource: String,
    pub effect: Effect,
    pub mode: Mode,
    /// The policies that decided; empty when the default denied.
    pub policies: Vec<String>,
    pub policy_set: Digest,
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::{Boundary, Evidence, EvidenceError, EvidenceRule, Role};
    use crate::id::Digest;
    use crate::time::Timestamp;

    fn evidence() -> Evidence {
        Evidence {
            subject: Digest::of(b"agent"),
            metric: "task_success@1".into(),
            n: 60,
            clusters: 50,
            method: "wilson".into(),
            alpha: 0.05,
            lower: 0.9,
            upper: 0.99,
            e_value: None,
            as_of: Timestamp::default(),
            sources: vec![],
        }
    }

    #[test]
    fn evidence_that_contradicts_itself_is_refused() {
        assert_eq!(evidence().validate(), Ok(()));
        assert_eq!(Evidence { alpha: 1.0, ..evidence() }.validate(), Err(EvidenceError::Alpha(1.0)));
        assert!(Evidence { lower: f64::NAN, ..evidence() }.validate().is_err());
        assert!(Evidence { clusters: 61, ..evidence() }.validate().is_err());
    }

    #[test]
    fn roles_are_ordered_and_an_empty_boundary_grants_nothing() {
        assert!(Role::Viewer < Role::Developer && Role::Approver < Role::Administrator);
        let empty = Boundary::default();
        assert!(empty.models.is_empty() && empty.tools.is_empty() && empty.hosts.is_empty());
        assert!(serde_json::from_str::<Boundary>(r#"{"modles":[]}"#).is_err());
    }

    #[test]
    fn an_evidence_rule_means_a_95_percent_bound_unless_it_says_otherwise() {
        let text = r#"{"metric":"task_success","lower_at_least":0.95,"clusters_at_least":50}"#;
        let rule: EvidenceRule = serde_json::from_str(text).unwrap();
        assert!((rule.alpha_at_most - 0.05).abs() < f64::EPSILON);
    }
}
