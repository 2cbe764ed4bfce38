//! From Cedar's answer to an outcome: what needs a person, and what counts under `observe`.

use mizzen_model::permission::{Effect, MissingEvidence, Mode};

use super::reason::named;
use super::{Evaluated, PolicySet, Unread};
use crate::compile::Rule;
use crate::group::Group;
use crate::index::Answer;
use crate::request::{Obligations, Outcome, Request};

/// Why nothing is permitted.
struct Refusal<'a> {
    mode: Mode,
    rules: Vec<&'a Rule>,
    reason: String,
    missing_evidence: Vec<MissingEvidence>,
}

impl PolicySet {
    pub(super) fn conclude(&self, request: &Request<'_>, evaluated: &Evaluated) -> Outcome {
        let group = &evaluated.group;
        let (answer, refusal) = match &evaluated.seen {
            Ok((_, answer)) => (answer, self.refusal(request, evaluated, answer)),
            Err(Unread { reason, enforced: Some((_, answer)) }) => {
                let refusal = self.first_refusal(request, evaluated, answer);
                let enforced = refusal.filter(|refusal| refusal.mode == Mode::Enforce);
                (answer, Some(enforced.unwrap_or_else(|| Refusal::new(Mode::Observe, reason.clone()))))
            }
            Err(Unread { reason, enforced: None }) => {
                let in_question: Vec<&Rule> =
                    self.in_question(group).map(|number| &self.rules[number as usize]).collect();
                let (restricting, permits): (Vec<&Rule>, Vec<&Rule>) =
                    in_question.into_iter().partition(|rule| rule.restricts());
                return self.refused(evaluated, Refusal::new(mode(group, &restricting), reason.clone()), &permits);
            }
        };
        let permits = self.rules_of(&answer.permits);
        // What could not be evaluated permits nothing, and its duties are not lifted by that.
        let failed = answer.errors.iter().map(|(number, _)| &self.rules[*number as usize]);
        let dutiful: Vec<&Rule> = permits.iter().copied().chain(failed.filter(|rule| !rule.is_forbid)).collect();
        let Some(refusal) = refusal else {
            return self.permitted(request, evaluated, &permits, &dutiful);
        };
        // What is only observed does not lift what is enforced.
        let is_asked = permits.iter().any(|rule| rule.asks && rule.is_enforced_for_all());
        if refusal.mode == Mode::Enforce || !is_asked {
            return self.refused(evaluated, refusal, &dutiful);
        }
        let mut outcome = self.permitted(request, evaluated, &permits, &dutiful);
        outcome.obligations.also(&self.recording(group));
        outcome.policies.extend(refusal.rules.iter().map(|rule| rule.id.clone()));
        outcome.reason = format!("{}; besides, and only observed: {}", outcome.reason, refusal.reason);
        outcome
    }

    fn rules_of<'a>(&self, numbers: impl IntoIterator<Item = &'a u32>) -> Vec<&Rule> {
        numbers.into_iter().map(|number| &self.rules[*number as usize]).collect()
    }

    fn refusal(&self, request: &Request<'_>, evaluated: &Evaluated, answer: &Answer) -> Option<Refusal<'_>> {
        let first = self.first_refusal(request, evaluated, answer);
        if first.is_some() || answer.allowed() {
            return first;
        }
        let (reason, missing_evidence) = self.ungranted(request, evaluated);
        Some(Refusal { missing_evidence, ..Refusal::new(own_mode(&evaluated.group), reason) })
    }

    /// Beside that nothing permits it. What is only observed does not stand before what is enforced.
    fn first_refusal(&self, request: &Request<'_>, evaluated: &Evaluated, answer: &Answer) -> Option<Refusal<'_>> {
        let group = &evaluated.group;
        let refusals = [
            self.failed(group, answer),
            self.forbidden(request, evaluated, answer),
            uncallable(request, group, answer),
        ];
        refusals.into_iter().flatten().min_by_key(|refusal| refusal.mode == Mode::Observe)
    }

    /// `permits`: those whose duties hold where the call goes on all the same.
    fn refused(&self, evaluated: &Evaluated, refusal: Refusal<'_>, permits: &[&Rule]) -> Outcome {
        let Refusal { mode, rules, mut reason, missing_evidence } = refusal;
        let mut obligations = self.recording(&evaluated.group);
        obligations.touches = evaluated.touching.taint;
        if mode == Mode::Observe {
            let enforced: Vec<&Rule> = permits.iter().copied().filter(|rule| rule.has_enforced_duties()).collect();
            enforced.iter().for_each(|rule| obligations.also(&rule.obligations));
            if !enforced.is_empty() {
                reason = format!("{reason}; the duties of {} hold all the same", named(&enforced));
            }
        }
        let policies = rules.iter().map(|rule| rule.id.clone()).collect();
        Outcome { effect: Effect::Deny, mode, policies, reason, missing_evidence, obligations }
    }

    /// `dutiful`: those whose duties hold, which are the permits, and more.
    fn permitted(&self, request: &Request<'_>, evaluated: &Evaluated, permits: &[&Rule], dutiful: &[&Rule]) -> Outcome {
        let group = &evaluated.group;
        let asking: Vec<&Rule> = permits.iter().copied().filter(|rule| rule.asks).collect();
        let (effect, deciding) = match asking.is_empty() {
            true => (Effect::Allow, permits.to_vec()),
            false => (Effect::NeedsApproval, asking),
        };
        let reason = match effect {
            Effect::Allow => format!("permitted by {}", named(&deciding)),
            _ => {
                let beyond = self.beyond_limits(&deciding, request, evaluated);
                format!("a person must say yes, because of {}{beyond}", named(&deciding))
            }
        };
        let mut obligations = Obligations { touches: evaluated.touching.taint, ..Obligations::default() };
        for rule in dutiful {
            match group.governed || rule.is_enforced_for_all() {
                true => obligations.also(&rule.obligations),
                // Nothing is withheld from who is only watched, and what may be recorded is no refusal.
                false => {
                    let record_content = rule.obligations.record_content;
                    obligations.also(&Obligations { record_content, ..Obligations::default() });
                }
            }
        }
        Outcome {
            effect,
            mode: if effect == Effect::Allow { own_mode(group) } else { mode(group, &deciding) },
            policies: deciding.iter().map(|rule| rule.id.clone()).collect(),
            reason,
            missing_evidence: Vec::new(),
            obligations,
        }
    }

    /// The policies that could matter whatever the context.
    pub(super) fn in_question<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = u32> + 'a {
        let (principal, action, resource) = (group.principal.seen(), group.action.seen(), group.resource.seen());
        let wide = self.index.wide_in_scope(principal, action, resource);
        group.candidates.numbers().iter().copied().chain(wide)
    }

    /// Of what is not permitted nobody's duty was chosen: the least that any permit in question lets be recorded counts.
    fn recording(&self, group: &Group) -> Obligations {
        let (principal, action, resource) = (group.principal.seen(), group.action.seen(), group.resource.seen());
        let wide = self.has_wide_permits.then(|| self.index.wide_in_scope(principal, action, resource));
        let numbers = group.candidates.numbers().iter().copied().chain(wide.into_iter().flatten());
        let said = numbers.filter_map(|number| self.rules[number as usize].obligations.record_content);
        Obligations { record_content: said.reduce(|a, b| a && b), ..Obligations::default() }
    }

    /// Policies that could not be evaluated and would have restricted. A permit that fails permits nothing, which is
    /// refusal enough.
    fn failed(&self, group: &Group, answer: &Answer) -> Option<Refusal<'_>> {
        let failed: Vec<(&Rule, &String)> =
            answer.errors.iter().map(|(number, message)| (&self.rules[*number as usize], message)).collect();
        let failed: Vec<_> = failed.into_iter().filter(|(rule, _)| rule.restricts()).collect();
        let (rule, message) = failed.iter().find(|(rule, _)| rule.is_enforced_for_all()).or(failed.first())?;
        let reason = format!(
            "the policy `{}` could not be evaluated, so nothing is allowed: {message}; mend the policy",
            rule.id
        );
        let rules: Vec<&Rule> = failed.iter().map(|(rule, _)| *rule).collect();
        Some(Refusal { mode: mode(group, &rules), rules, reason, missing_evidence: Vec::new() })
    }

    fn forbidden(&self, request: &Request<'_>, evaluated: &Evaluated, answer: &Answer) -> Option<Refusal<'_>> {
        let forbids = self.rules_of(&answer.forbids);
        if forbids.is_empty() {
            return None;
        }
        let reason = self.refused_by(&forbids, !answer.permits.is_empty(), request, evaluated);
        Some(Refusal { mode: mode(&evaluated.group, &forbids), rules: forbids, reason, missing_evidence: Vec::new() })
    }
}

/// What may never be called is told where nothing else is refused, or where it is enforced also for who is only watched.
fn uncallable<'a>(request: &Request<'_>, group: &Group, answer: &Answer) -> Option<Refusal<'a>> {
    let enforced_for_all = |mode: &Mode| *mode == Mode::Enforce && !group.governed;
    let mode = group.never_callable.filter(|mode| answer.allowed() || enforced_for_all(mode))?;
    let reason = format!("{} may never be called, so that lists do not show it", request.resource);
    Some(Refusal::new(mode, reason))
}

impl Refusal<'_> {
    const fn new(mode: Mode, reason: String) -> Self {
        Self { mode, rules: Vec::new(), reason, missing_evidence: Vec::new() }
    }
}

fn own_mode(group: &Group) -> Mode {
    if group.governed { Mode::Enforce } else { Mode::Observe }
}

/// A policy written by hand is enforced also for those that no enforcing boundary names.
fn mode(group: &Group, deciding: &[&Rule]) -> Mode {
    if deciding.iter().any(|rule| rule.is_enforced_for_all()) { Mode::Enforce } else { own_mode(group) }
}

impl Rule {
    pub(super) const fn restricts(&self) -> bool {
        self.is_forbid || self.asks
    }

    /// Whether something is to be done with a call that it permits, whoever calls.
    fn has_enforced_duties(&self) -> bool {
        self.is_enforced_for_all() && self.obligations != Obligations::default()
    }
}

impl Obligations {
    /// Both: of limits the lower, of recording the less.
    fn also(&mut self, other: &Self) {
        for pointer in &other.redact {
            if !self.redact.contains(pointer) {
                self.redact.push(pointer.clone());
            }
        }
        self.result_bytes_max = self.result_bytes_max.into_iter().chain(other.result_bytes_max).min();
        self.calls_per_minute = self.calls_per_minute.into_iter().chain(other.calls_per_minute).min();
        self.record_content = match (self.record_content, other.record_content) {
            (Some(a), Some(b)) => Some(a && b),
            (a, b) => a.or(b),
        };
        self.touches = self.touches.union(other.touches);
    }
}
