//! The one question that every door asks: may this call go out?
//!
//! ```text
//! ask ─► paused? ─► decide (policies, arguments, taint, evidence) ─► held for a person? ─► reserve budget ─► audit ─► permit
//! permit ─► touched (before the result is handed over) ─► settle (what it really took)
//! ```
//!
//! A [`Permit`] that is dropped unsettled charges what was reserved. Nothing is decided on what cannot be read: a database
//! that does not answer, or that was not heard of for too long, refuses with `permission_unavailable`.

mod case;
mod held;
mod index;
mod known;
mod measures;
mod memory;
mod permit;
mod rate;
mod record;

use std::sync::Arc;

use mizzen_governance::request::ToolFacts;
use mizzen_model::asked::{Action, Resource, Spend, Taint};
use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::permission::{Decision, Effect, Mode};
use mizzen_model::refusal::RefusalCode;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use serde_json::Value;

use self::case::{Case, Turn};
pub use self::held::Held;
pub use self::known::Known;
pub(crate) use self::memory::Memory;
pub use self::permit::Permit;
pub use self::record::Recorded;
use crate::plane::Inner;
use crate::snapshot::KeyIdentity;
use crate::taint;

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
    /// The most that the call may take; unknown parts are zero calls, tokens and time, and `None` money. Time is what the door lets
    /// the call take at most: see [`Permit::time_max`].
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

impl Answer {
    /// Whether the content of the call may be recorded, whatever the answer is; `None`: as the capture policy says.
    #[must_use]
    pub const fn record_content(&self) -> Option<bool> {
        match self {
            Self::Permitted(permit) => permit.obligations.record_content,
            Self::Refused(denial) => denial.record_content,
            Self::Held(held) => held.record_content,
        }
    }
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
    /// Whether the content of the call may be recorded; `None`: as the capture policy says.
    pub record_content: Option<bool>,
}

/// Stable codes of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    pub const ALL: [Self; 9] = [
        Self::PolicyDenied,
        Self::EvidenceMissing,
        Self::DefinitionChanged,
        Self::BudgetExhausted,
        Self::RateLimited,
        Self::Paused,
        Self::ApprovalDenied,
        Self::ApprovalExpired,
        Self::Unavailable,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        let code = match self {
            Self::PolicyDenied => RefusalCode::PolicyDenied,
            Self::EvidenceMissing => RefusalCode::EvidenceMissing,
            Self::DefinitionChanged => RefusalCode::DefinitionChanged,
            Self::BudgetExhausted => RefusalCode::BudgetExhausted,
            Self::RateLimited => RefusalCode::RateLimited,
            Self::Paused => RefusalCode::Paused,
            Self::ApprovalDenied => RefusalCode::ApprovalDenied,
            Self::ApprovalExpired => RefusalCode::ApprovalExpired,
            Self::Unavailable => RefusalCode::PermissionUnavailable,
        };
        code.as_str()
    }
}

/// From [`crate::Control::gate`].
#[derive(Debug)]
pub struct Gate<'a>(pub(crate) &'a Arc<Inner>);

impl Gate<'_> {
    /// Whether `caller` may see `resource` in a list: decided by the rules of list time alone, from memory. A paused agent sees
    /// what it may see otherwise.
    #[must_use]
    pub fn may_list(&self, caller: &KeyIdentity, action: Action, resource: &Resource, tool: &ToolFacts) -> bool {
        let outcome = case::at_list_time(self.0, caller, action, resource, tool);
        outcome.mode == Mode::Observe || outcome.effect != Effect::Deny
    }

    /// Why a caller may not go on with what it was permitted earlier: a pause or a stop, and how it ends, or that nobody here
    /// knows whether there is one. `None`: it may.
    #[must_use]
    pub fn barred(&self, caller: &KeyIdentity) -> Option<(DenialCode, String)> {
        if self.0.memory.is_stale() {
            return Some((DenialCode::Unavailable, case::STALE.to_owned()));
        }
        case::paused(self.0, caller).map(|(_, reason)| (DenialCode::Paused, reason))
    }

    /// The reason of [`Self::barred`].
    #[must_use]
    pub fn paused(&self, caller: &KeyIdentity) -> Option<String> {
        self.barred(caller).map(|(_, reason)| reason)
    }

    /// Resolves when a caller is stopped from now on, and never otherwise.
    pub fn stopped(&self, caller: &KeyIdentity) -> impl Future<Output = ()> + Send + 'static {
        let stop = self.0.memory.stops.watch(caller);
        async move { stop.cancelled().await }
    }

    /// Keeps what the result of a call brings that was permitted earlier: when this returns, no later ask sees less.
    ///
    /// # Errors
    /// When it cannot be kept; then the result must not be handed over.
    pub async fn touched(&self, key_id: &str, run: Option<&RunId>, touched: Taint) -> Result<(), StoreError> {
        taint::touch(self.0, key_id, run, touched).await
    }

    /// Asks for leave to make one call.
    pub async fn ask(&self, ask: Ask) -> Answer {
        self.answer(Arc::new(ask)).await
    }

    /// Every answer leaves a record; a refusal also when the record fails, a permit only with it.
    async fn answer(&self, ask: Arc<Ask>) -> Answer {
        let mut case = Case::open(self.0, ask);
        match self.walk(&mut case).await {
            Ok(permit) => Answer::Permitted(permit),
            Err(Turn::Refused(refusal)) => Answer::Refused(self.refused(&case, refusal).await),
            Err(Turn::Held(call)) => {
                let decision = case.decision(None);
                record::turned(self.0, &case, &decision, None).await;
                let record_content = case.obligations().record_content;
                let (approval_id, expires_at, inner) = (call.id, call.expires_at, Arc::clone(self.0));
                Answer::Held(Held { decision, approval_id, expires_at, record_content, inner, ask: case.ask })
            }
        }
    }

    /// The steps, in their order. What is reserved is given back when a later step refuses.
    async fn walk(&self, case: &mut Case) -> Result<Permit, Turn> {
        // Asked for before the pauses are read: a stop that comes in between is seen in one or the other.
        let stop = self.0.memory.stops.watch(&case.ask.caller);
        case.refuse_if_stale()?;
        case.refuse_if_paused()?;
        case.decide().await?;
        // First: a call that is held goes nowhere yet, and must not use up what its turn after the approval needs.
        let approval = case.find_approval().await?;
        case.admit_rate()?;
        let reservation = case.reserve().await?;
        let sealed = match case.take_approval(approval).await {
            Ok(()) => record::permitted(self.0, case).await,
            Err(turn) => Err(turn),
        };
        match sealed {
            Ok(decision) => Ok(Permit {
                decision,
                obligations: case.obligations(),
                // Who asked for no time is not ended by one.
                time_max: reservation.time.filter(|_| case.ask.estimate.duration_ms > 0),
                inner: Arc::clone(self.0),
                ask: Arc::clone(&case.ask),
                reservation,
                stop,
            }),
            Err(turn) => {
                reservation.release();
                Err(turn)
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
