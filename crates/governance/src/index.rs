//! Finds the few policies that can matter for a request, so that the cost of a decision does not grow with their number.
//!
//! Cedar evaluates every policy for every request. A policy whose scope (principal, action, resource) does not match
//! contributes nothing, so policies are found by their scopes in hash tables; those whose scope says nothing about
//! principal and resource, by what their conditions need ([`guard`]). What is found is evaluated by Cedar itself, and the
//! answer (decision, satisfied policies, errors) is Cedar's own for the whole set; `tests` compares the two.

pub(crate) mod guard;
mod keyed;
pub(crate) mod view;

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::pst::Clause;
use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Decision, Effect, Entities, EntityTypeName, EntityUid, Policy,
    PolicyId, PolicySet, PrincipalConstraint, Request, ResourceConstraint, Response,
};

use self::keyed::Keyed;
use self::view::{Seen, View};

/// What Cedar says: the policies that are satisfied, and those that failed, by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// Also where a forbid wins over them: it may be one that is only observed.
    pub(crate) permits: BTreeSet<u32>,
    pub(crate) forbids: BTreeSet<u32>,
    /// With Cedar's message.
    pub(crate) errors: Vec<(u32, String)>,
}

/// All policies, by number, with the ways to find them.
#[derive(Debug)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    numbers: HashMap<PolicyId, u32>,
    /// By the principal and resource that the scope names; `None`: any.
    scoped: HashMap<(Option<EntityUid>, Option<EntityUid>), Vec<u32>>,
    keyed: Keyed,
    authorizer: Authorizer,
}

#[derive(Debug)]
struct Entry {
    policy: Policy,
    /// The policy as a set of its own, for those that are found by their conditions.
    alone: Option<PolicySet>,
    principal: Scope,
    action: Actions,
    resource: Scope,
}

#[derive(Debug)]
enum Scope {
    Any,
    Is(EntityTypeName),
    Equals(EntityUid),
    In(EntityUid),
    IsIn(EntityTypeName, EntityUid),
}

#[derive(Debug)]
enum Actions {
    Any,
    Equals(EntityUid),
    In(HashSet<EntityUid>),
}

/// The policies whose scopes match, without those that are found by their conditions.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// Apart, because beside a forbid that is satisfied Cedar does not say which permits are.
    permits: PolicySet,
    forbids: PolicySet,
    numbers: Vec<u32>,
}

impl Candidates {
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

impl Index {
    /// Policies are numbered in the order given; their ids are unique.
    pub(crate) fn new(policies: Vec<Policy>) -> Self {
        let mut index = Self {
            entries: Vec::with_capacity(policies.len()),
            numbers: HashMap::new(),
            scoped: HashMap::new(),
            keyed: Keyed::default(),
            authorizer: Authorizer::new(),
        };
        for (number, policy) in (0_u32..).zip(policies) {
            index.insert(number, policy);
        }
        index.keyed.seal();
        index
    }

    fn insert(&mut self, number: u32, policy: Policy) {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any => Scope::Any,
            PrincipalConstraint::In(uid) => Scope::In(uid),
            PrincipalConstraint::Eq(uid) => Scope::Equals(uid),
            PrincipalConstraint::Is(kind) => Scope::Is(kind),
            PrincipalConstraint::IsIn(kind, uid) => Scope::IsIn(kind, uid),
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any => Scope::Any,
            ResourceConstraint::In(uid) => Scope::In(uid),
            ResourceConstraint::Eq(uid) => Scope::Equals(uid),
            ResourceConstraint::Is(kind) => Scope::Is(kind),
            ResourceConstraint::IsIn(kind, uid) => Scope::IsIn(kind, uid),
        };
        let action = match policy.action_constraint() {
            ActionConstraint::Any => Actions::Any,
            ActionConstraint::Eq(uid) => Actions::Equals(uid),
            ActionConstraint::In(uids) => Actions::In(uids.into_iter().collect()),
        };
        self.numbers.insert(policy.id().clone(), number);
        let place = (principal.named().cloned(), resource.named().cloned());
        let guard = if place == (None, None) { guard::guard(&clauses(&policy)) } else { None };
        let alone = guard.as_ref().and_then(|_| PolicySet::from_policies([policy.clone()]).ok());
        match guard.filter(|_| alone.is_some()) {
            Some(guard) => self.keyed.insert(number, guard),
            None => self.scoped.entry(place).or_default().push(number),
        }
        self.entries.push(Entry { policy, alone, principal, action, resource });
    }

    pub(crate) fn policy(&self, number: u32) -> Option<&Policy> {
        self.entries.get(number as usize).map(|entry| &entry.policy)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the policy is found by its conditions, for any principal and resource.
    pub(crate) fn is_wide(&self, number: u32) -> bool {
        self.entries.get(number as usize).is_some_and(|entry| entry.alone.is_some())
    }

    /// The policies that can matter for a principal, action and resource, whatever the context; to be kept for the next
    /// request.
    pub(crate) fn candidates(&self, principal: Seen<'_>, action: Seen<'_>, resource: Seen<'_>) -> Candidates {
        let places = |seen: Seen<'_>| -> Vec<Option<EntityUid>> {
            let selves = std::iter::once(seen.uid).chain(seen.above).cloned().map(Some);
            std::iter::once(None).chain(selves).collect()
        };
        let resources = places(resource);
        let mut numbers = Vec::new();
        for principal_place in places(principal) {
            for resource_place in &resources {
                let place = (principal_place.clone(), resource_place.clone());
                for number in self.scoped.get(&place).into_iter().flatten() {
                    if self.entries[*number as usize].matches(principal, action, resource) {
                        numbers.push(*number);
                    }
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        self.among(numbers)
    }

    /// These policies alone.
    pub(crate) fn among(&self, numbers: Vec<u32>) -> Candidates {
        let (mut permits, mut forbids) = (PolicySet::new(), PolicySet::new());
        for number in &numbers {
            let policies = if self.is_forbid(*number) { &mut forbids } else { &mut permits };
            // Ids are unique, which is all that can be wrong.
            let _ = policies.add(self.entries[*number as usize].policy.clone());
        }
        Candidates { permits, forbids, numbers }
    }

    /// The policies that can matter for any principal and resource, and whose conditions do not rule out what is seen.
    pub(crate) fn wide(&self, view: &View<'_>) -> Vec<u32> {
        let mut found = self.keyed.candidates(view);
        found.retain(|number| self.entries[*number as usize].matches(view.principal, view.action, view.resource));
        found
    }

    /// The policies that [`Self::wide`] would choose from, without a look at the context.
    pub(crate) fn wide_in_scope<'a>(
        &'a self,
        principal: Seen<'a>,
        action: Seen<'a>,
        resource: Seen<'a>,
    ) -> impl Iterator<Item = u32> + 'a {
        let entries = (0_u32..).zip(&self.entries).filter(|(_, entry)| entry.alone.is_some());
        entries.filter(move |(_, entry)| entry.matches(principal, action, resource)).map(|(number, _)| number)
    }

    /// What Cedar would say with all policies; `wide` is what [`Self::wide`] found. The request needs to hold what these look
    /// at, no more.
    pub(crate) fn answer(
        &self,
        candidates: &Candidates,
        wide: &[u32],
        request: &Request,
        entities: &Entities,
    ) -> Answer {
        let mut answer = Answer::default();
        let scoped = [&candidates.permits, &candidates.forbids].into_iter().filter(|policies| !policies.is_empty());
        let alone = wide.iter().filter_map(|number| self.entries[*number as usize].alone.as_ref());
        for policies in scoped.chain(alone) {
            self.add(&mut answer, &self.authorizer.is_authorized(request, policies, entities));
        }
        answer.errors.sort_unstable();
        answer
    }

    fn add(&self, answer: &mut Answer, response: &Response) {
        let reasons = response.diagnostics().reason().filter_map(|id| self.numbers.get(id).copied());
        match response.decision() {
            Decision::Allow => answer.permits.extend(reasons),
            Decision::Deny => answer.forbids.extend(reasons),
        }
        for error in response.diagnostics().errors() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            if let Some(number) = self.numbers.get(error.policy_id()) {
                answer.errors.push((*number, error.inner().to_string()));
            }
        }
    }

    pub(crate) fn is_forbid(&self, number: u32) -> bool {
        self.policy(number).is_some_and(|policy| policy.effect() == Effect::Forbid)
    }
}

/// A forbid anywhere wins.
impl Answer {
    pub(crate) fn allowed(&self) -> bool {
        self.forbids.is_empty() && !self.permits.is_empty()
    }
}

impl Entry {
    fn matches(&self, principal: Seen<'_>, action: Seen<'_>, resource: Seen<'_>) -> bool {
        let acts = match &self.action {
            Actions::Any => true,
            Actions::Equals(uid) => action.uid == uid,
            Actions::In(uids) => std::iter::once(action.uid).chain(action.above).any(|uid| uids.contains(uid)),
        };
        acts && self.principal.matches(principal) && self.resource.matches(resource)
    }
}

impl Scope {
    const fn named(&self) -> Option<&EntityUid> {
        match self {
            Self::Any | Self::Is(_) => None,
            Self::Equals(uid) | Self::In(uid) | Self::IsIn(_, uid) => Some(uid),
        }
    }

    fn matches(&self, seen: Seen<'_>) -> bool {
        let within = |uid: &EntityUid| seen.uid == uid || seen.above.contains(uid);
        match self {
            Self::Any => true,
            Self::Is(kind) => seen.uid.type_name() == kind,
            Self::Equals(uid) => seen.uid == uid,
            Self::In(uid) => within(uid),
            Self::IsIn(kind, uid) => seen.uid.type_name() == kind && within(uid),
        }
    }
}

/// The conditions; none for a policy that has no plain form, which is then never found by them.
pub(crate) fn clauses(policy: &Policy) -> Vec<Clause> {
    policy.to_pst().map(|policy| policy.body().clauses().clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
