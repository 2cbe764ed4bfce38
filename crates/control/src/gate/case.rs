//! One question on its way to an answer: each step is a method, each refusal names the way out.

use std::sync::Arc;

use mizzen_governance::request::{BudgetLeft, Obligations, ToolFacts};
use mizzen_governance::{Outcome, PolicySet, Request, is_metric};
use mizzen_model::asked::{Action, Resource, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Decision, Effect, Evidence, Mode};
use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;

use super::{Ask, DenialCode, held};
use crate::approvals::{self, Fingerprint, HeldCall, HeldState, HoldError, NewHeld};
use crate::budgets::{Amount, Budget, Reservation, ReserveError, Short, Unit};
use crate::evidence::Withdrawal;
use crate::pauses::{self, PauseKind};
use crate::plane::Inner;
use crate::snapshot::KeyIdentity;
use crate::{taint, token};

/// How long a caller waits before it asks again when nothing could be decided.
const TRY_AGAIN_NANOS: i64 = 5_000_000_000;

/// What is told while nobody can say what was changed in the database, which may be a pause or a revoked key.
pub(super) const STALE: &str = "the control database does not answer; nothing is let through meanwhile, ask again";

/// Everything about one question.
#[derive(Debug)]
pub(super) struct Case {
    inner: Arc<Inner>,
    pub(super) ask: Arc<Ask>,
    id: String,
    pub(super) at: Timestamp,
    caller: Caller,
    policy_set: Arc<PolicySet>,
    pub(super) evidence: Arc<Vec<Evidence>>,
    /// The state of the version that the caller's digest belongs to.
    pub(super) version: Option<&'static str>,
    /// What the run had touched before this call.
    pub(super) taint: Taint,
    /// What is left of the budgets that the call is about.
    left: BudgetLeft,
    outcome: Option<Outcome>,
    /// The approval that the call used, or the held call that it waits for.
    pub(super) approval: Option<String>,
    /// What is over a budget that is only watched.
    notes: Vec<String>,
}

/// Why a question does not end in a permit.
#[derive(Debug)]
pub(super) enum Turn {
    Refused(Refusal),
    Held(Box<HeldCall>),
}

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: DenialCode,
    pub(super) reason: String,
    /// Who refused, when it was none of the policies.
    by: Option<String>,
    pub(super) retry_at: Option<Timestamp>,
}

impl From<Refusal> for Turn {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Refusal {
    pub(super) fn new(code: DenialCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), by: None, retry_at: None }
    }

    /// What cannot be decided or recorded is refused.
    pub(super) fn unavailable(what: &str, error: &(dyn std::error::Error + 'static), now: Timestamp) -> Self {
        tracing::error!(error = %Chain(error), "{what}");
        let reason = format!("{what}; nothing is let through meanwhile, ask again");
        Self { retry_at: Some(now.plus_nanos(TRY_AGAIN_NANOS)), ..Self::new(DenialCode::Unavailable, reason) }
    }
}

/// The pause that reaches a caller, and what it is told.
pub(super) fn paused(inner: &Inner, caller: &KeyIdentity) -> Option<(String, String)> {
    let remembered = inner.memory.remembered();
    let pause = pauses::in_force(&remembered.pauses, caller)?;
    let what = if pause.kind == PauseKind::Stop { "stopped" } else { "paused" };
    let whom = match pause.reach.name() {
        Some(name) => format!("the {} `{name}` is {what}", pause.reach.kind()),
        None => format!("all agents are {what}"),
    };
    let reason = format!("{whom} by `{}`: {}; `mizzen resume {}` lets it go on", pause.by, pause.reason, pause.id);
    Some((pause.id.clone(), reason))
}

impl Case {
    pub(super) fn open(inner: &Arc<Inner>, ask: Arc<Ask>) -> Self {
        let caller = ask.caller.as_caller();
        let remembered = inner.memory.remembered();
        let evidence = caller.agent_digest.as_ref().and_then(|digest| remembered.evidence.get(digest)).cloned();
        let at = inner.clock.now();
        Self {
            id: token::mint_id_at("dec_", at).unwrap_or_default(),
            at,
            policy_set: inner.policy_set.load_full(),
            evidence: evidence.unwrap_or_default(),
            version: inner.memory.versions.load().state(&ask.caller),
            inner: Arc::clone(inner),
            caller,
            ask,
            taint: Taint::default(),
            left: BudgetLeft::default(),
            outcome: None,
            approval: None,
            notes: Vec::new(),
        }
    }

    /// A node that does not hear what others changed may not know of a pause.
    pub(super) fn refuse_if_stale(&self) -> Result<(), Turn> {
        // Without randomness there is no id to record the decision by.
        if self.inner.memory.is_stale() || self.id.is_empty() {
            let retry_at = Some(self.at.plus_nanos(TRY_AGAIN_NANOS));
            return Err(Refusal { retry_at, ..Refusal::new(DenialCode::Unavailable, STALE) }.into());
        }
        Ok(())
    }

    pub(super) fn refuse_if_paused(&self) -> Result<(), Turn> {
        let Some((id, reason)) = paused(&self.inner, &self.ask.caller) else { return Ok(()) };
        Err(Refusal { by: Some(format!("pause:{id}")), ..Refusal::new(DenialCode::Paused, reason) }.into())
    }

    /// Asks the policies in force. What other nodes saw the run touch is read where that could change the answer.
    pub(super) async fn decide(&mut self) -> Result<(), Turn> {
        self.left = self.budget_left().await?;
        let (ask, key_id) = (Arc::clone(&self.ask), self.ask.caller.key_id.clone());
        let run = ask.run.as_ref();
        let seen = taint::seen(&self.inner, &key_id, run).await;
        self.taint = seen.map_err(|error| self.no_taint(&error))?;
        let mut outcome = self.outcome_with(self.taint);
        let all = Taint { private_data: true, untrusted_content: true, outside_reached: true };
        if self.inner.store.is_postgres() && !self.taint.is_all() && self.outcome_with(all) != outcome {
            let seen = taint::seen_by_all_nodes(&self.inner, &key_id, run).await;
            self.taint = seen.map_err(|error| self.no_taint(&error))?;
            outcome = self.outcome_with(self.taint);
        }
        if let Some(withdrawn) = self.withdrawn(&outcome) {
            outcome.reason = format!("{}; {withdrawn}", outcome.reason);
        }
        let denied = outcome.effect == Effect::Deny && outcome.mode == Mode::Enforce;
        let refusal = denied.then(|| Refusal::new(code_of(&outcome), outcome.reason.clone()));
        self.outcome = Some(outcome);
        refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Of evidence that is missing because a person withdrew it: who, when and why.
    fn withdrawn(&self, outcome: &Outcome) -> Option<String> {
        if outcome.missing_evidence.is_empty() {
            return None;
        }
        let remembered = self.inner.memory.remembered();
        let about = remembered.withdrawn.get(self.caller.agent_digest.as_ref()?)?;
        let missing: Vec<_> = outcome.missing_evidence.iter().filter(|missing| missing.had.is_none()).collect();
        let wanted = |item: &&Withdrawal| missing.iter().any(|one| is_metric(&item.metric, &one.rule.metric));
        let Withdrawal { metric, by, at, reason, .. } = about.iter().filter(wanted).max_by_key(|item| item.at)?;
        Some(format!("`{metric}` was withdrawn by `{by}` at {}: {reason}; measure it anew", shown(*at)))
    }

    /// The least that is left of any budget that counts the call, as far as this node knows: other nodes may have taken more
    /// since. Reserving is what no node gets wrong.
    async fn budget_left(&self) -> Result<BudgetLeft, Turn> {
        let index = self.inner.memory.budgets.load_full();
        let mut left = BudgetLeft::default();
        for budget in index.candidates(&self.ask.caller).filter(|budget| budget.mode == Mode::Enforce) {
            let Some(subject) = budget.subject(&self.ask) else { continue };
            let rest = self.inner.memory.ledger.left(&self.inner, budget, subject).await;
            let rest =
                rest.map_err(|error| Refusal::unavailable("the budget cannot be read or kept", &error, self.at))?;
            let least = |left: Option<u64>, unit: Unit| {
                let rest = budget.limits.of(unit).map(|_| rest.of(unit));
                left.into_iter().chain(rest).min()
            };
            left = BudgetLeft {
                calls: least(left.calls, Unit::Calls),
                tokens: least(left.tokens, Unit::Tokens),
                cost_nano_usd: least(left.cost_nano_usd, Unit::NanoUsd),
            };
        }
        Ok(left)
    }

    fn no_taint(&self, error: &mizzen_store::StoreError) -> Turn {
        Refusal::unavailable("what the run has touched cannot be read", error, self.at).into()
    }

    fn outcome_with(&self, taint: Taint) -> Outcome {
        let ask = &self.ask;
        self.policy_set.decide(&Request {
            caller: &self.caller,
            agent: ask.caller.agent.as_deref(),
            team: ask.caller.team.as_deref(),
            action: ask.action,
            resource: &ask.resource,
            tool: ask.tool.clone(),
            arguments: ask.arguments.as_deref(),
            taint,
            touches: ask.touches,
            budget: self.left,
            evidence: &self.evidence,
            version: self.version,
            at: self.at,
        })
    }

    pub(super) fn obligations(&self) -> Obligations {
        match &self.outcome {
            Some(outcome) => outcome.obligations.clone(),
            // Refused before the policies were asked, which may forbid to keep its content all the same.
            None => {
                let record_content = self.outcome_with(self.taint).obligations.record_content;
                Obligations { record_content, ..Obligations::default() }
            }
        }
    }

    pub(super) fn admit_rate(&self) -> Result<(), Turn> {
        let per_minute = self.outcome.as_ref().and_then(|outcome| outcome.obligations.calls_per_minute);
        let Some(per_minute) = per_minute else { return Ok(()) };
        let (caller, resource) = (self.caller.reference.clone(), self.ask.resource.to_string());
        let memory = &self.inner.memory;
        let welcome = match memory.rates.admit(caller, resource, per_minute, self.at, &memory.measures().rates) {
            Ok(()) => return Ok(()),
            Err(welcome) => welcome,
        };
        let reason = format!("{per_minute} calls in a minute are allowed; the next is welcome at {}", shown(welcome));
        Err(Refusal { retry_at: Some(welcome), ..Refusal::new(DenialCode::RateLimited, reason) }.into())
    }

    /// Where a person must say yes: the approval that is there, or the call is held.
    pub(super) async fn find_approval(&mut self) -> Result<Option<String>, Turn> {
        let Some(outcome) = self
            .outcome
            .as_ref()
            .filter(|outcome| outcome.effect == Effect::NeedsApproval && outcome.mode == Mode::Enforce)
        else {
            return Ok(None);
        };
        let fingerprint = Fingerprint::of(&self.ask);
        let unavailable = |error: &(dyn std::error::Error + 'static)| {
            Refusal::unavailable("held calls cannot be read or kept", error, self.at)
        };
        let open = approvals::find_open(&self.inner, &fingerprint.whole).await.map_err(|error| unavailable(&error))?;
        let call = match open {
            Some(call) => call,
            None => {
                let content = outcome.obligations.record_content != Some(false);
                let new = NewHeld {
                    ask: &self.ask,
                    fingerprint: &fingerprint,
                    taint: self.taint,
                    reason: &outcome.reason,
                    policies: &outcome.policies,
                    decision_id: &self.id,
                    keep_arguments: content && self.inner.memory.config().show_arguments,
                };
                approvals::hold(&self.inner, &new).await.map_err(|error| match error {
                    HoldError::TooMany | HoldError::TooManyOfKey => {
                        Refusal::new(DenialCode::Unavailable, format!("{error}; answer some of them"))
                    }
                    error => unavailable(&error),
                })?
            }
        };
        self.approval = Some(call.id.clone());
        match call.state {
            HeldState::Approved => Ok(Some(call.id)),
            HeldState::Waiting => Err(Turn::Held(Box::new(call))),
            _ => Err(Refusal::new(held::code_of(&call), held::why(&call)).into()),
        }
    }

    /// Uses the approval up: of two calls that come for it, one gets it.
    pub(super) async fn take_approval(&self, approval: Option<String>) -> Result<(), Turn> {
        let Some(id) = approval else { return Ok(()) };
        match approvals::take(&self.inner, &id).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let reason = format!("the approval `{id}` was used by another call, or its time is over; ask again");
                Err(Refusal::new(DenialCode::ApprovalExpired, reason).into())
            }
            Err(error) => Err(Refusal::unavailable("held calls cannot be read or kept", &error, self.at).into()),
        }
    }

    /// Reserves what the call may take, of every budget that it is about: all of them, or nothing.
    pub(super) async fn reserve(&mut self) -> Result<Reservation, Turn> {
        let (index, ask) = (self.inner.memory.budgets.load_full(), Arc::clone(&self.ask));
        let mut reservation = Reservation::begin();
        for budget in index.candidates(&ask.caller) {
            let Some(subject) = budget.subject(&ask) else { continue };
            if let Err(refusal) = self.reserve_of(budget, subject, &mut reservation).await {
                reservation.release();
                return Err(refusal.into());
            }
        }
        Ok(reservation)
    }

    async fn reserve_of(&mut self, budget: &Budget, subject: String, into: &mut Reservation) -> Result<(), Refusal> {
        let need = self.need(budget)?;
        let ledger = &self.inner.memory.ledger;
        match ledger.reserve(&self.inner, budget, subject, need, into).await {
            Ok(None) => Ok(()),
            Ok(Some(short)) => {
                self.notes.push(told(&short));
                Ok(())
            }
            Err(ReserveError::Short(short)) => {
                let by = Some(format!("budget:{}", short.budget));
                Err(Refusal {
                    by,
                    retry_at: short.resets_at,
                    ..Refusal::new(DenialCode::BudgetExhausted, told(&short))
                })
            }
            Err(error) => Err(Refusal::unavailable("the budget cannot be read or kept", &error, self.at)),
        }
    }

    /// The most that the call may take, with at least one of what every such call takes.
    fn need(&mut self, budget: &Budget) -> Result<Amount, Refusal> {
        let (estimate, action) = (self.ask.estimate, self.ask.action);
        let is_model = matches!(action, Action::ModelsCall | Action::RoutesCall);
        let is_list =
            matches!(action, Action::ModelsList | Action::ToolsList | Action::ResourcesList | Action::PromptsList);
        let least = u64::from(!is_list);
        let assumed = self.inner.memory.config().assumed_nano_usd();
        let cost = match estimate.cost_nano_usd {
            Some(cost) => cost,
            // What is no model has no price: it takes no money.
            None if !is_model || budget.limits.cost_nano_usd.is_none() => 0,
            None => match assumed {
                Some(cost) => cost,
                None if budget.mode == Mode::Observe => {
                    self.notes.push(format!("no price is known, so that the budget `{}` cannot count it", budget.name));
                    0
                }
                None => {
                    let reason = format!(
                        "no price is known for `{}`, and the budget `{}` counts money; give a price in `[[price]]`, or \
                         say with `permission.unknown_price_usd` what a call without a price counts as",
                        self.ask.resource.name, budget.name
                    );
                    let by = Some(format!("budget:{}", budget.name));
                    return Err(Refusal { by, ..Refusal::new(DenialCode::BudgetExhausted, reason) });
                }
            },
        };
        let tokens = if is_model { estimate.tokens.max(1) } else { estimate.tokens };
        Ok(Amount([estimate.calls.max(least), tokens, cost, estimate.duration_ms.max(least)]))
    }

    /// What is recorded: of a refusal, what refused; otherwise what the policies said, enforced or not.
    pub(super) fn decision(&self, refusal: Option<&Refusal>) -> Arc<Decision> {
        let outcome = self.outcome.as_ref();
        let mut policies = outcome.map(|outcome| outcome.policies.clone()).unwrap_or_default();
        let mut reason = match (refusal, outcome) {
            (Some(refusal), _) => refusal.reason.clone(),
            (None, Some(outcome)) => outcome.reason.clone(),
            (None, None) => String::new(),
        };
        for note in &self.notes {
            reason = format!("{reason}; {note}");
        }
        if let Some(by) = refusal.and_then(|refusal| refusal.by.clone()) {
            policies = vec![by];
        }
        let (effect, mode) = match (refusal, outcome) {
            (Some(_), _) | (None, None) => (Effect::Deny, Mode::Enforce),
            (None, Some(outcome)) => (outcome.effect, outcome.mode),
        };
        Arc::new(Decision {
            id: self.id.clone(),
            at: self.at,
            caller: self.caller.clone(),
            action: self.ask.action.to_string(),
            resource: self.ask.resource.to_string(),
            effect,
            mode,
            policies,
            policy_set: self.policy_set_digest(),
            reason,
        })
    }

    fn policy_set_digest(&self) -> Digest {
        self.policy_set.digest().clone()
    }
}

/// By the rules of list time alone.
pub(super) fn at_list_time(
    inner: &Inner,
    caller: &KeyIdentity,
    action: Action,
    resource: &Resource,
    tool: &ToolFacts,
) -> Outcome {
    let (who, remembered) = (caller.as_caller(), inner.memory.remembered());
    let evidence = who.agent_digest.as_ref().and_then(|digest| remembered.evidence.get(digest));
    inner.policy_set.load().decide(&Request {
        caller: &who,
        agent: caller.agent.as_deref(),
        team: caller.team.as_deref(),
        action,
        resource,
        tool: tool.clone(),
        arguments: None,
        taint: Taint::default(),
        touches: Taint::default(),
        budget: BudgetLeft::default(),
        evidence: evidence.map_or(&[], |evidence| evidence.as_slice()),
        version: inner.memory.versions.load().state(caller),
        at: inner.clock.now(),
    })
}

/// What only wants evidence says so: the way out is another.
fn code_of(outcome: &Outcome) -> DenialCode {
    if outcome.missing_evidence.is_empty() { DenialCode::PolicyDenied } else { DenialCode::EvidenceMissing }
}

/// Without the nanoseconds that nobody waits for.
fn shown(at: Timestamp) -> String {
    at.to_string().replace(".000000000", "")
}

/// Which budget, how much is left, how much was asked, and when it begins anew.
fn told(short: &Short) -> String {
    let Short { budget, unit, left, limit, asked, resets_at } = short;
    let resets = match resets_at {
        Some(at) => format!("it begins anew at {}", shown(*at)),
        None => "it does not begin anew by itself".to_owned(),
    };
    format!(
        "the budget `{budget}` has {} left of {}, and the call may take {}; {resets}",
        unit.show(*left),
        unit.show(*limit),
        unit.show(*asked)
    )
}
