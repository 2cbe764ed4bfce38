//! The one question that every door asks: may this call go out?
//!
//! ```text
//! ask ─► paused? ─► decide (policies, arguments, taint, evidence) ─► held for a person? ─► reserve budget ─► audit ─► permit
//! permit ─► touched (before the result is handed over) ─► settle (what it really took)
//! ```
//!
//! A [`Permit`] that is dropped unsettled charges what was reserved.

use std::sync::Arc;

use mizzen_governance::request::{BudgetLeft, Obligations, ToolFacts};
use mizzen_governance::{PolicySet, Request};
use mizzen_model::asked::{Action, Resource, Spend, Taint};
use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::permission::{Caller, Decision, Effect, Mode};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use serde_json::Value;

use crate::plane::Inner;
use crate::snapshot::KeyIdentity;
use crate::token;

/// What a door asks.
#[derive(Debug, Clone)]
pub struct Ask {
    pub caller: Arc<KeyIdentity>,
    /// The run that the call belongs to, when it is known: taint is kept by credential and run.
    pub run: Option<RunId>,
    /// The conversation, where budgets are given to sessions.
    pub session: Option<String>,
    pub action: Action,
    pub resource: Resource,
    pub tool: ToolFacts,
    pub arguments: Option<Arc<Value>>,
    /// What the tool's server is configured to bring into a run.
    pub touches: Taint,
    /// The most that the call may take; unknown parts are zero calls, tokens and time, and `None` money.
    pub estimate: Spend,
    pub trace: Option<(TraceId, SpanId)>,
}

/// The answer.
#[derive(Debug)]
pub enum Answer {
    Permitted(Permit),
    Refused(Denial),
    /// A person must say yes first.
    Held(Held),
}

/// Leave to make one call, once.
#[derive(Debug)]
#[must_use = "a permit that is dropped charges all that was reserved"]
pub struct Permit {
    pub decision: Arc<Decision>,
    pub obligations: Obligations,
}

/// Why a call may not go out.
#[derive(Debug, Clone)]
pub struct Denial {
    pub decision: Arc<Decision>,
    pub code: DenialCode,
    /// For the caller: what was refused, by what, and the way out.
    pub message: String,
    /// When asking again makes sense.
    pub retry_at: Option<Timestamp>,
}

/// Stable codes of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialCode {
    PolicyDenied,
    EvidenceMissing,
    DefinitionChanged,
    BudgetExhausted,
    RateLimited,
    Paused,
    ApprovalDenied,
    ApprovalExpired,
    /// The decision could not be made or recorded.
    Unavailable,
}

impl DenialCode {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyDenied => "policy_denied",
            Self::EvidenceMissing => "evidence_missing",
            Self::DefinitionChanged => "definition_changed",
            Self::BudgetExhausted => "budget_exhausted",
            Self::RateLimited => "rate_limited",
            Self::Paused => "paused",
            Self::ApprovalDenied => "approval_denied",
            Self::ApprovalExpired => "approval_expired",
            Self::Unavailable => "permission_unavailable",
        }
    }
}

/// A call that waits for a person.
#[derive(Debug)]
pub struct Held {
    pub decision: Arc<Decision>,
    pub approval_id: String,
    pub expires_at: Timestamp,
}

impl Held {
    /// Waits until a person has answered or the time is over. Dropping the wait leaves the call held; asking again
    /// with the same arguments in the same run finds the answer.
    pub async fn wait(self) -> Answer {
        Answer::Refused(Denial {
            message: format!("the call `{}` was not approved", self.approval_id),
            decision: self.decision,
            code: DenialCode::ApprovalExpired,
            retry_at: None,
        })
    }
}

/// From [`crate::Control::gate`].
#[derive(Debug)]
pub struct Gate<'a>(pub(crate) &'a Inner);

impl Gate<'_> {
    /// Whether `caller` may see `resource` in a list: decided by the rules of list time alone, from memory.
    #[must_use]
    pub fn may_list(&self, caller: &KeyIdentity, action: Action, resource: &Resource, tool: &ToolFacts) -> bool {
        let outcome = self.decide(caller, action, resource, tool, None, Taint::default());
        outcome.mode == Mode::Observe || outcome.effect != Effect::Deny
    }

    /// Asks for leave to make one call.
    pub async fn ask(&self, ask: Ask) -> Answer {
        let arguments = ask.arguments.as_deref();
        let outcome = self.decide(&ask.caller, ask.action, &ask.resource, &ask.tool, arguments, ask.touches);
        let decision = Arc::new(Decision {
            id: token::mint_id("dec_").unwrap_or_default(),
            at: self.0.clock.now(),
            caller: Caller { reference: reference(&ask.caller), agent_digest: None },
            action: ask.action.to_string(),
            resource: ask.resource.to_string(),
            effect: outcome.effect,
            mode: outcome.mode,
            policies: outcome.policies,
            policy_set: PolicySet::empty().digest().clone(),
            reason: outcome.reason.clone(),
        });
        if outcome.mode == Mode::Enforce && outcome.effect != Effect::Allow {
            let message = format!("{} was refused: {}", ask.resource, outcome.reason);
            return Answer::Refused(Denial { decision, code: DenialCode::PolicyDenied, message, retry_at: None });
        }
        Answer::Permitted(Permit { decision, obligations: outcome.obligations })
    }

    fn decide(
        &self,
        caller: &KeyIdentity,
        action: Action,
        resource: &Resource,
        tool: &ToolFacts,
        arguments: Option<&Value>,
        taint: Taint,
    ) -> mizzen_governance::Outcome {
        let who = Caller { reference: reference(caller), agent_digest: None };
        PolicySet::empty().decide(&Request {
            caller: &who,
            agent: caller.agent.as_deref(),
            team: None,
            action,
            resource,
            tool: tool.clone(),
            arguments,
            taint,
            touches: Taint::default(),
            budget: BudgetLeft::default(),
            evidence: &[],
            at: self.0.clock.now(),
        })
    }
}

impl Permit {
    /// Keeps what the call's result brings into the run; to be awaited before the result is handed over.
    ///
    /// # Errors
    /// When it cannot be kept: then the result must be withheld.
    pub async fn touched(&self, _taint: Taint) -> Result<(), StoreError> {
        Ok(())
    }

    /// Charges what the call really took, and gives back the rest.
    pub fn settle(self, _spent: Spend) {}
}

/// As policies name it.
fn reference(caller: &KeyIdentity) -> String {
    match &caller.agent {
        Some(agent) => format!("agent:default/{agent}"),
        None => format!("user:default/{}", caller.caller),
    }
}
