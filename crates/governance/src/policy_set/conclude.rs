//! From Cedar's answer to an outcome: what needs a person, what counts under `observe`, and why.

use mizzen_model::permission::{Effect, Grant, MissingEvidence, Mode};

use super::{Evaluated, PolicySet};
use crate::cedar::conditions::PROVIDER_RUN_PATH;
use crate::cedar::emit::{self, Part};
use crate::compile::{Origin, Rule, THREE_TOGETHER_ID};
use crate::facts;
use crate::group::{Group, is_list};
use crate::index::Answer;
use crate::limits;
use crate::request::{Obligations, Outcome, PROVIDER_RUN, Request};

impl PolicySet {
    pub(super) fn conclude(&self, request: &Request<'_>, evaluated: &Evaluated) -> Outcome {
        let group = &evaluated.group;
        let refused = |mode, rules: Vec<&Rule>, reason: String| Outcome {
            effect: Effect::Deny,
            mode,
            policies: rules.iter().map(|rule| rule.id.clone()).collect(),
            reason,
            missing_evidence: Vec::new(),
            obligations: Obligations {
                touches: evaluated.touching.taint,
                record_content: self.record_content(group),
                ..Obligations::default()
            },
        };
        let answer = match &evaluated.seen {
            Ok((_, answer)) => answer,
            Err(reason) => {
                let mode = mode(group, &self.restricting(group));
                return refused(mode, Vec::new(), reason.clone());
            }
        };
        if let Some((rules, message)) = self.failed(answer) {
            return refused(mode(group, &rules), rules, message);
        }
        let rules: Vec<&Rule> = answer.determining.iter().map(|number| &self.rules[*number as usize]).collect();
        if answer.allowed && is_list(request.action) && group.never_callable {
            let reason = format!("{} may never be called, so that lists do not show it", request.resource);
            return refused(own_mode(group), Vec::new(), reason);
        }
        if answer.allowed {
            return self.permitted(group, &rules, evaluated);
        }
        if !rules.is_empty() {
            let reason = forbidden(&rules, request);
            return refused(mode(group, &rules), rules, reason);
        }
        let (reason, missing_evidence) = self.ungranted(request, group);
        Outcome { missing_evidence, ..refused(own_mode(group), Vec::new(), reason) }
    }

    fn permitted(&self, group: &Group, rules: &[&Rule], evaluated: &Evaluated) -> Outcome {
        let asking: Vec<&Rule> = rules.iter().copied().filter(|rule| rule.asks).collect();
        let (effect, deciding, verb) = match asking.is_empty() {
            true => (Effect::Allow, rules.to_vec(), "permitted by"),
            false => (Effect::NeedsApproval, asking, "a person must say yes, because of"),
        };
        let mut obligations = Obligations { touches: evaluated.touching.taint, ..Obligations::default() };
        for rule in rules {
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
            reason: format!("{verb} {}", named(&deciding)),
            missing_evidence: Vec::new(),
            obligations,
        }
    }

    /// The policies that could refuse or ask whatever the context: none of them was evaluated.
    fn restricting(&self, group: &Group) -> Vec<&Rule> {
        let (principal, action, resource) = (group.principal.seen(), group.action.seen(), group.resource.seen());
        let wide = self.index.wide_in_scope(principal, action, resource);
        let numbers = group.candidates.numbers().iter().copied().chain(wide);
        numbers.map(|number| &self.rules[number as usize]).filter(|rule| rule.is_forbid || rule.asks).collect()
    }

    /// Of what is not permitted nobody's duty was chosen: the least that any permit in question lets be recorded counts.
    fn record_content(&self, group: &Group) -> Option<bool> {
        let (principal, action, resource) = (group.principal.seen(), group.action.seen(), group.resource.seen());
        let wide = self.has_wide_permits.then(|| self.index.wide_in_scope(principal, action, resource));
        let numbers = group.candidates.numbers().iter().copied().chain(wide.into_iter().flatten());
        numbers.filter_map(|number| self.rules[number as usize].obligations.record_content).reduce(|a, b| a && b)
    }

    /// Policies that could not be evaluated and would have restricted. A permit that fails permits nothing, which is
    /// refusal enough.
    fn failed(&self, answer: &Answer) -> Option<(Vec<&Rule>, String)> {
        let failed: Vec<(&Rule, &String)> =
            answer.errors.iter().map(|(number, message)| (&self.rules[*number as usize], message)).collect();
        let failed: Vec<_> = failed.into_iter().filter(|(rule, _)| rule.is_forbid || rule.asks).collect();
        let (rule, message) = failed.first()?;
        let reason = format!(
            "the policy `{}` could not be evaluated, so nothing is allowed: {message}; mend the policy",
            rule.id
        );
        Some((failed.iter().map(|(rule, _)| *rule).collect(), reason))
    }

    /// Why no permit was satisfied, and what evidence would have satisfied one.
    fn ungranted(&self, request: &Request<'_>, group: &Group) -> (String, Vec<MissingEvidence>) {
        let who = request.agent.unwrap_or(&request.caller.reference);
        if group.boundaries.is_empty() {
            return (format!("no boundary names `{who}`; give it one that grants {}", request.resource), Vec::new());
        }
        let names: Vec<String> = group.boundaries.iter().map(|b| format!("`{}`", self.boundaries[*b].name)).collect();
        if group.grants.is_empty() {
            let reason = format!(
                "{} is not granted by {}, which names `{who}`; ask its owner to add it",
                request.resource,
                names.join(", ")
            );
            return (reason, Vec::new());
        }
        let mut reasons = Vec::new();
        for (boundary, index) in &group.grants {
            let boundary = &self.boundaries[*boundary];
            let Some((_, grant)) = emit::grants(boundary).nth(*index) else { continue };
            let place = format!("`{}` (line {})", boundary.name, grant.line);
            if let Some(reason) = unfit(grant, &boundary.name, &place, group, request) {
                reasons.push(reason);
            } else {
                let missing: Vec<MissingEvidence> = (grant.needs_evidence.iter())
                    .filter(|rule| !limits::has_evidence(request, rule))
                    .map(|rule| MissingEvidence { rule: rule.clone(), had: facts::had(request, &rule.metric) })
                    .collect();
                if !missing.is_empty() {
                    return (wanting(&missing, &place, request), missing);
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("no permit was satisfied".to_owned());
        }
        (format!("{} is refused: {}", request.resource, reasons.join("; and ")), Vec::new())
    }
}

/// Why a grant does not fit what is asked, but for evidence.
fn unfit(grant: &Grant, boundary: &str, place: &str, group: &Group, request: &Request<'_>) -> Option<String> {
    if is_list(request.action) {
        return (!grant.list).then(|| format!("{place} keeps it out of lists"));
    }
    let unseen = if is_unseen(request) { UNSEEN } else { "" };
    if let Some(path) = limits::beyond(grant, request.arguments).first() {
        return Some(format!("the argument `{path}` is not within its limits in {place}{unseen}"));
    }
    if let Some(name) = limits::others(grant, request.arguments).first() {
        return Some(format!("the argument `{name}` is none of those that {place} names{unseen}"));
    }
    let satisfied = grant.schema.is_none() || satisfies(group, &emit::schema_id(boundary, grant), request);
    (!satisfied).then(|| format!("the arguments do not satisfy the schema in {place}{unseen}"))
}

/// What is said besides, where the arguments are not here to be looked at.
const UNSEEN: &str = " (the model's provider would run it, so that its arguments are not seen: let the client run it)";

fn is_unseen(request: &Request<'_>) -> bool {
    request.arguments.is_some_and(|arguments| arguments.get(PROVIDER_RUN).is_some())
}

fn satisfies(group: &Group, id: &str, request: &Request<'_>) -> bool {
    if is_unseen(request) {
        return false;
    }
    let none = serde_json::Value::Object(serde_json::Map::new());
    let arguments = request.arguments.filter(|arguments| !arguments.is_null()).unwrap_or(&none);
    group.schemas.iter().any(|(known, validator)| known == id && validator.is_valid(arguments))
}

fn wanting(missing: &[MissingEvidence], place: &str, request: &Request<'_>) -> String {
    let each: Vec<String> = (missing.iter())
        .map(|MissingEvidence { rule, had }| {
            let needed = format!(
                "`{}` of at least {} over at least {} cases with an error rate of at most {}",
                rule.metric, rule.lower_at_least, rule.clusters_at_least, rule.alpha_at_most
            );
            match had {
                Some(had) => {
                    format!("{needed}, where {} over {} cases with {} is in force", had.lower, had.clusters, had.alpha)
                }
                None => match facts::unnamed(request, &rule.metric) {
                    Some(other) => {
                        format!("{needed}, where `{}` is in force, which the rule does not name", other.metric)
                    }
                    None => format!("{needed}, where none is in force"),
                },
            }
        })
        .collect();
    let about = match &request.caller.agent_digest {
        Some(digest) => format!("about {digest}"),
        None => "but the caller's digest is unknown, and that satisfies no rule: start it with `mizzen run`, or bind its key to a version".to_owned(),
    };
    format!("{place} needs evidence: {}; {about}", each.join("; "))
}

fn forbidden(rules: &[&Rule], request: &Request<'_>) -> String {
    let because: Vec<&str> = rules.iter().filter_map(|rule| rule.because.as_deref()).collect();
    let because = if because.is_empty() { String::new() } else { format!(": {}", because.join("; ")) };
    let looks_at_arguments = |rule: &&Rule| {
        let is_whole = matches!(rule.origin, Origin::Boundary(_, Part::Whole));
        !is_whole && rule.needs.arguments.contains_key(PROVIDER_RUN_PATH)
    };
    let way_out = if rules.iter().any(|rule| rule.id == THREE_TOGETHER_ID) {
        "; begin a new run, or let a grant say what it `touches`, or `three_together: needs_approval`"
    } else if is_unseen(request) && rules.iter().any(looks_at_arguments) {
        UNSEEN
    } else {
        ""
    };
    format!("{} is refused by {}{because}{way_out}", request.resource, named(rules))
}

fn named(rules: &[&Rule]) -> String {
    let ids: Vec<String> = rules.iter().map(|rule| format!("`{}`", rule.id)).collect();
    ids.join(", ")
}

fn own_mode(group: &Group) -> Mode {
    if group.governed { Mode::Enforce } else { Mode::Observe }
}

/// A policy written by hand is enforced also for those that no enforcing boundary names.
fn mode(group: &Group, deciding: &[&Rule]) -> Mode {
    if deciding.iter().any(|rule| rule.is_enforced_for_all()) { Mode::Enforce } else { own_mode(group) }
}

impl Rule {
    fn is_enforced_for_all(&self) -> bool {
        self.origin == Origin::Written && self.mode == Mode::Enforce
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
