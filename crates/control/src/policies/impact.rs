//! What a change of policies would do to what was decided: each recorded decision is asked again of the set in force, and of
//! the set that would be.

mod proposed;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mizzen_governance::request::BudgetLeft;
use mizzen_governance::{Outcome, PolicySet, Request};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Effect, Evidence, Mode};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use serde::{Deserialize, Serialize};

pub use self::proposed::Proposed;
use super::Policies;
use super::decisions::record::{ArgumentsKept, DecisionDocument};
use super::decisions::{DecisionError, DecisionFilter, KeptDecision};

/// Decisions that one question reads; the newest.
pub const EXAMINED_MAX: u64 = 200_000;
/// Groups that a report tells; the largest.
pub const GROUPS_MAX: usize = 500;
/// Decisions read and asked again at a time.
const PAGE: u32 = 1_000;

/// Why a decision could not be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotReplayed {
    /// The arguments of the call were not kept, or not as they were.
    ArgumentsNotKept,
    /// Something else than policies refused the call: a budget, a rate, a pause, a definition that had changed.
    NotByPolicy,
    /// What was recorded cannot be read.
    Damaged,
}

impl NotReplayed {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ArgumentsNotKept => "arguments_not_kept",
            Self::NotByPolicy => "not_decided_by_policy",
            Self::Damaged => "damaged",
        }
    }
}

/// What policies said, or would say, and whether it kept the call from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Standing {
    #[schema(value_type = String)]
    pub effect: Effect,
    /// `false` for what is not allowed: the boundary only observes.
    pub enforced: bool,
}

impl Standing {
    /// What comes of an effect in a mode.
    #[must_use]
    pub const fn of(effect: Effect, mode: Mode) -> Self {
        Self { effect, enforced: matches!(mode, Mode::Enforce) && !matches!(effect, Effect::Allow) }
    }
}

/// One of the decisions that would be different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Example {
    pub decision_id: String,
    pub run_id: Option<String>,
    pub at: Timestamp,
    /// Why it was decided as it was, as recorded then: the set in force may decide otherwise.
    pub reason_then: String,
    /// Why it would be decided otherwise.
    pub reason: String,
    pub policies: Vec<String>,
}

/// Decisions about one thing that would change in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImpactGroup {
    pub agent: Option<String>,
    pub action: String,
    pub resource: String,
    /// Under the set in force.
    pub was: Standing,
    pub would_be: Standing,
    pub count: u64,
    /// The newest.
    pub example: Example,
}

/// What a change would make different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImpactReport {
    pub since: Timestamp,
    #[schema(value_type = String)]
    pub policy_set: Digest,
    /// Boundaries that only observe, and were asked as if they enforced.
    pub as_enforced: Vec<String>,
    /// Decisions about agents that the change names; about anybody when it is Cedar.
    pub examined: u64,
    pub replayed: u64,
    pub not_replayed: u64,
    /// Counts by `arguments_not_kept`, `not_decided_by_policy` and `damaged`.
    pub not_replayed_reasons: BTreeMap<String, u64>,
    /// What the change makes different.
    pub changed: u64,
    /// Decisions that the set in force would make otherwise than they were made; the change is not why.
    pub already_different: u64,
    /// Those where a call would stop, or one would go on that did not, come first; then largest first.
    pub groups: Vec<ImpactGroup>,
    /// Groups that are not told.
    pub groups_more: u64,
    /// Whether there are older decisions that were not looked at.
    pub truncated: bool,
}

impl Policies<'_> {
    /// Which decisions since then the set in force makes otherwise than the one with the change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn impact(&self, proposed: &Arc<Proposed>, since: Timestamp) -> Result<ImpactReport, StoreError> {
        self.impact_of(proposed, since, EXAMINED_MAX).await
    }

    async fn impact_of(
        &self,
        proposed: &Arc<Proposed>,
        since: Timestamp,
        seen_max: u64,
    ) -> Result<ImpactReport, StoreError> {
        // A page of each in turn, so that no busy agent takes the place of a rare one.
        let mut open: VecDeque<(DecisionFilter, Option<String>)> = match proposed.plain_names() {
            Some(agents) => agents.into_iter().map(|agent| (of(Some(agent), since), None)).collect(),
            None => VecDeque::from([(of(None, since), None)]),
        };
        let mut tally = Tally::default();
        while tally.seen < seen_max
            && let Some((filter, cursor)) = open.pop_front()
        {
            let page = match self.decisions(&filter, cursor.as_deref(), PAGE).await {
                Ok(page) => page,
                Err(DecisionError::Store(error)) => return Err(error),
                // The cursor is the one that the page before gave.
                Err(DecisionError::Cursor(_)) => break,
            };
            if let Some(next) = page.next_cursor {
                open.push_back((filter, Some(next)));
            }
            let (proposed, items) = (Arc::clone(proposed), page.items);
            // Deciding a thousand times takes longer than an async thread should be held.
            let counting = tokio::task::spawn_blocking(move || {
                items.iter().for_each(|decision| tally.add(decision, &proposed));
                tally
            });
            tally = counting.await.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))?;
        }
        Ok(tally.report(since, proposed, !open.is_empty()))
    }
}

fn of(agent: Option<String>, since: Timestamp) -> DecisionFilter {
    DecisionFilter { agent, since: Some(since), ..DecisionFilter::default() }
}

impl Policies<'_> {
    /// What would be said now to a question that was asked before: by the policies, the evidence about the digest and the state of
    /// the version as they are. Budgets are as if they were full, and the run has touched what it had then.
    ///
    /// # Errors
    /// When the question is not known any more.
    pub fn ask_now(&self, document: &DecisionDocument) -> Result<Outcome, NotReplayed> {
        let (remembered, versions) = (self.0.memory.remembered(), self.0.memory.versions.load());
        let digest = document.decision.caller.agent_digest.as_ref();
        let known = digest.and_then(|digest| remembered.evidence.get(digest));
        let version =
            digest.zip(document.agent.as_deref()).and_then(|(digest, agent)| versions.state_of(agent, digest));
        let facts = Facts { evidence: known.map_or(&[], |known| known.as_slice()), version, at: self.0.clock.now() };
        ask(document, &self.published().set, &facts)
    }
}

/// What is true of the world when a question is asked.
struct Facts<'a> {
    evidence: &'a [Evidence],
    version: Option<&'a str>,
    at: Timestamp,
}

/// What `set` says to the question as it was asked then.
fn ask_again(document: &DecisionDocument, set: &PolicySet) -> Result<Outcome, NotReplayed> {
    let (evidence, version) = (document.evidence.as_slice(), document.version.as_deref());
    ask(document, set, &Facts { evidence, version, at: document.decision.at })
}

fn ask(document: &DecisionDocument, set: &PolicySet, facts: &Facts<'_>) -> Result<Outcome, NotReplayed> {
    if matches!(document.arguments_kept, ArgumentsKept::Hash | ArgumentsKept::Redacted) {
        return Err(NotReplayed::ArgumentsNotKept);
    }
    let action = document.decision.action.parse().map_err(|_| NotReplayed::Damaged)?;
    Ok(set.decide(&Request {
        caller: &document.decision.caller,
        agent: document.agent.as_deref(),
        team: document.team.as_deref(),
        action,
        resource: &document.resource,
        tool: document.tool.clone(),
        arguments: document.arguments.as_ref(),
        taint: document.taint,
        touches: document.touches,
        budget: BudgetLeft::default(),
        evidence: facts.evidence,
        version: facts.version,
        at: facts.at,
    }))
}

/// What policies said then; `None` when something else than policies refused.
fn said(document: &DecisionDocument) -> Option<Standing> {
    let decision = &document.decision;
    match document.code.as_deref() {
        None | Some("policy_denied" | "evidence_missing") => Some(Standing::of(decision.effect, decision.mode)),
        Some("approval_denied" | "approval_expired") => Some(Standing::of(Effect::NeedsApproval, decision.mode)),
        Some(_) => None,
    }
}

type Place = (Option<String>, String, String, Standing, Standing);

#[derive(Debug, Default)]
struct Tally {
    /// About whomever, where agents cannot be asked for by name.
    seen: u64,
    examined: u64,
    replayed: u64,
    changed: u64,
    already_different: u64,
    not_replayed: BTreeMap<NotReplayed, u64>,
    groups: BTreeMap<Place, ImpactGroup>,
}

impl Tally {
    /// Decisions of an agent come newest first.
    fn add(&mut self, kept: &KeptDecision, proposed: &Proposed) {
        self.seen += 1;
        let document = kept.read().map_err(|_| NotReplayed::Damaged);
        let team = document.as_ref().ok().and_then(|document| document.team.as_deref());
        if !proposed.is_about(kept.agent.as_deref(), team) {
            return;
        }
        self.examined += 1;
        match document.and_then(|document| again(&document, proposed)) {
            Err(why) => *self.not_replayed.entry(why).or_default() += 1,
            Ok(again) => {
                self.replayed += 1;
                self.already_different += u64::from(again.was_different);
                if let Some(group) = again.changed(kept) {
                    self.changed += 1;
                    let place =
                        (group.agent.clone(), group.action.clone(), group.resource.clone(), group.was, group.would_be);
                    self.groups.entry(place).and_modify(|known| known.count += 1).or_insert(group);
                }
            }
        }
    }

    fn report(self, since: Timestamp, proposed: &Proposed, truncated: bool) -> ImpactReport {
        let mut groups: Vec<ImpactGroup> = self.groups.into_values().collect();
        groups.sort_by_key(|group| (group.was.enforced == group.would_be.enforced, std::cmp::Reverse(group.count)));
        let groups_more = groups.len().saturating_sub(GROUPS_MAX) as u64;
        groups.truncate(GROUPS_MAX);
        ImpactReport {
            since,
            policy_set: proposed.set.digest().clone(),
            as_enforced: proposed.as_enforced.clone(),
            examined: self.examined,
            replayed: self.replayed,
            not_replayed: self.not_replayed.values().sum(),
            not_replayed_reasons: self.not_replayed.iter().map(|(why, n)| (why.as_str().to_owned(), *n)).collect(),
            changed: self.changed,
            already_different: self.already_different,
            groups,
            groups_more,
            truncated,
        }
    }
}

/// One decision made again.
struct Again {
    /// As recorded.
    reason_then: String,
    /// Under the set in force.
    now: Outcome,
    would_be: Outcome,
    /// Whether it was decided in another way than the set in force does.
    was_different: bool,
}

fn again(document: &DecisionDocument, proposed: &Proposed) -> Result<Again, NotReplayed> {
    let was = said(document).ok_or(NotReplayed::NotByPolicy)?;
    let now = ask_again(document, &proposed.in_force)?;
    let would_be = ask_again(document, &proposed.set)?;
    Ok(Again { reason_then: document.decision.reason.clone(), was_different: was != standing(&now), now, would_be })
}

fn standing(outcome: &Outcome) -> Standing {
    Standing::of(outcome.effect, outcome.mode)
}

impl Again {
    /// `None`: it would be the same.
    fn changed(self, kept: &KeptDecision) -> Option<ImpactGroup> {
        let (was, would_be) = (standing(&self.now), standing(&self.would_be));
        if was == would_be {
            return None;
        }
        let example = Example {
            decision_id: kept.id.clone(),
            run_id: kept.run_id.clone(),
            at: kept.at,
            reason_then: self.reason_then,
            reason: self.would_be.reason,
            policies: self.would_be.policies,
        };
        let (agent, action, resource) = (kept.agent.clone(), kept.action.clone(), kept.resource.clone());
        Some(ImpactGroup { agent, action, resource, was, would_be, count: 1, example })
    }
}

#[cfg(test)]
mod tests;
