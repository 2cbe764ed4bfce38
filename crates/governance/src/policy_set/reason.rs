//! Why a request is answered as it is, in words for the caller, the approver and the record. Never has values of arguments.

use mizzen_model::permission::{Boundary, Effect, Grant, MissingEvidence};

use super::{Evaluated, PolicySet};
use crate::cedar::conditions::PROVIDER_RUN_PATH;
use crate::cedar::emit::{self, Part};
use crate::compile::{Origin, Rule, THREE_TOGETHER_ID};
use crate::facts;
use crate::group::{Group, is_list};
use crate::limits;
use crate::request::{PROVIDER_RUN, Request};

/// Names of arguments that are told; clients choose them, and how many there are.
const NAMES_MAX: usize = 8;
const NAME_CHARACTERS_MAX: usize = 64;

impl PolicySet {
    /// That what is asked for is forbidden. What was written down is told before what is built in, whose way out would not help.
    pub(super) fn refused_by(
        &self,
        forbids: &[&Rule],
        is_granted: bool,
        request: &Request<'_>,
        evaluated: &Evaluated,
    ) -> String {
        let (three, written): (Vec<&Rule>, Vec<&Rule>) = forbids.iter().partition(|rule| rule.id == THREE_TOGETHER_ID);
        let three = three.first().map(|rule| {
            format!(
                "{}; begin a new run, or let a grant say what it `touches`, or `three_together: needs_approval`",
                by(&[rule])
            )
        });
        let resource = request.resource;
        match (three, written.is_empty()) {
            (None, _) => format!("{resource} is refused {}{}", by(&written), unseen_by(&written, request)),
            (Some(three), true) if is_granted => format!("{resource} is refused {three}"),
            (Some(three), true) => format!("{}; besides, it is refused {three}", self.ungranted(request, evaluated).0),
            (Some(three), false) => {
                format!("{resource} is refused {}{}; and {three}", by(&written), unseen_by(&written, request))
            }
        }
    }

    /// What is not within the limits of the grants by which a person is asked.
    pub(super) fn beyond_limits(&self, asking: &[&Rule], request: &Request<'_>, evaluated: &Evaluated) -> String {
        let asking = asking.iter().filter_map(|rule| match rule.origin {
            Origin::Boundary(boundary, Part::Beyond(index)) => Some((boundary, index)),
            _ => None,
        });
        let grants = &evaluated.group.grants;
        let beyond = asking.filter_map(|place| {
            let (boundary, grant) = self.grant(place)?;
            let number = grants.binary_search_by_key(&place, |granted| granted.place).ok()?;
            unfit(grant, boundary, evaluated.satisfied[number], request)
        });
        let beyond: Vec<String> = beyond.collect();
        if beyond.is_empty() { String::new() } else { format!(": {}", beyond.join("; ")) }
    }

    /// Whether a person would be asked where the three come together: by a grant that the call fits, or that has a person decide on
    /// what does not. One that it does not fit lifts nothing for the others.
    pub(super) fn may_ask(&self, request: &Request<'_>, group: &Group, satisfied: &[bool]) -> bool {
        group.grants.iter().zip(satisfied).any(|(granted, is_satisfied)| {
            self.grant(granted.place).is_some_and(|(_, grant)| {
                grant.three_together == Effect::NeedsApproval
                    && (grant.beyond_limits == Effect::NeedsApproval || fits(grant, *is_satisfied, request))
                    && grant.needs_evidence.iter().all(|rule| limits::has_evidence(request, rule))
            })
        })
    }

    fn grant(&self, (boundary, index): (usize, usize)) -> Option<(&Boundary, &Grant)> {
        let boundary = self.boundaries.get(boundary)?;
        emit::grant(boundary, index).map(|grant| (boundary.as_ref(), grant))
    }

    /// Why no permit was satisfied, and what evidence would have satisfied one.
    pub(super) fn ungranted(&self, request: &Request<'_>, evaluated: &Evaluated) -> (String, Vec<MissingEvidence>) {
        let group = &evaluated.group;
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
        for (granted, is_satisfied) in group.grants.iter().zip(&evaluated.satisfied) {
            let Some((boundary, grant)) = self.grant(granted.place) else { continue };
            if let Some(reason) = unfit(grant, boundary, *is_satisfied, request) {
                reasons.push(reason);
            } else {
                let missing: Vec<MissingEvidence> = (grant.needs_evidence.iter())
                    .filter(|rule| !limits::has_evidence(request, rule))
                    .map(|rule| MissingEvidence { rule: rule.clone(), had: facts::had(request, &rule.metric) })
                    .collect();
                if !missing.is_empty() {
                    return (wanting(&missing, &place(boundary, grant), request), missing);
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("no permit was satisfied".to_owned());
        }
        (format!("{} is refused: {}", request.resource, reasons.join("; and ")), Vec::new())
    }
}

/// Whether a grant fits what is asked, but for evidence. Asked at every decision where one may ask, so nothing is told here.
fn fits(grant: &Grant, is_satisfied: bool, request: &Request<'_>) -> bool {
    if is_list(request.action) {
        return grant.list;
    }
    is_satisfied
        && limits::beyond(grant, request.arguments).next().is_none()
        && limits::others(grant, request.arguments).next().is_none()
}

/// Why a grant does not fit what is asked, but for evidence.
fn unfit(grant: &Grant, boundary: &Boundary, is_satisfied: bool, request: &Request<'_>) -> Option<String> {
    if fits(grant, is_satisfied, request) {
        return None;
    }
    let place = place(boundary, grant);
    if is_list(request.action) {
        return Some(format!("{place} keeps it out of lists"));
    }
    let is_unseen = is_unseen(request);
    let mut reasons = Vec::new();
    let beyond: Vec<&str> = limits::beyond(grant, request.arguments).collect();
    if !beyond.is_empty() {
        let their = if beyond.len() == 1 { "its" } else { "their" };
        reasons.push(format!("{} not within {their} limits in {place}", arguments(&beyond)));
    }
    let others: Vec<&str> = limits::others(grant, request.arguments).collect();
    // Where nobody sees the arguments, the limits say enough.
    if !others.is_empty() && (!is_unseen || reasons.is_empty()) {
        reasons.push(format!("{} none of those that {place} names", arguments(&others)));
    }
    if !is_satisfied && (!is_unseen || reasons.is_empty()) {
        reasons.push(format!("the arguments do not satisfy the schema in {place}"));
    }
    let unseen = if is_unseen { UNSEEN } else { "" };
    Some(format!("{}{unseen}", reasons.join(", and ")))
}

fn place(boundary: &Boundary, grant: &Grant) -> String {
    format!("`{}` (line {})", boundary.name, grant.line)
}

/// Arguments by their names, with the verb.
fn arguments(names: &[&str]) -> String {
    let told: Vec<String> = names.iter().take(NAMES_MAX).map(|name| format!("`{}`", told(name))).collect();
    match (told.as_slice(), names.len() - told.len()) {
        ([one], 0) => format!("the argument {one} is"),
        (_, 0) => format!("the arguments {} are", told.join(", ")),
        (_, more) => format!("the arguments {} and {more} more are", told.join(", ")),
    }
}

/// A name that a client chose, so that it says nothing else than a name.
fn told(name: &str) -> String {
    let plain = |c: char| if c.is_control() || c == '`' { char::REPLACEMENT_CHARACTER } else { c };
    let kept: String = name.chars().take(NAME_CHARACTERS_MAX).map(plain).collect();
    if kept.chars().count() < name.chars().count() { format!("{kept}…") } else { kept }
}

/// What is said besides, where the arguments are not here to be looked at.
const UNSEEN: &str = " (the model's provider would run it, so that its arguments are not seen: let the client run it)";

fn is_unseen(request: &Request<'_>) -> bool {
    request.arguments.is_some_and(|arguments| arguments.get(PROVIDER_RUN).is_some())
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

/// The policies, with what they say.
fn by(rules: &[&Rule]) -> String {
    let because: Vec<&str> = rules.iter().filter_map(|rule| rule.because.as_deref()).collect();
    let because = if because.is_empty() { String::new() } else { format!(": {}", because.join("; ")) };
    format!("by {}{because}", named(rules))
}

fn unseen_by(rules: &[&Rule], request: &Request<'_>) -> &'static str {
    let looks_at_arguments = |rule: &&Rule| {
        let is_whole = matches!(rule.origin, Origin::Boundary(_, Part::Whole));
        !is_whole && rule.needs.arguments.contains_key(PROVIDER_RUN_PATH)
    };
    if is_unseen(request) && rules.iter().any(looks_at_arguments) { UNSEEN } else { "" }
}

pub(super) fn named(rules: &[&Rule]) -> String {
    let ids: Vec<String> = rules.iter().map(|rule| format!("`{}`", rule.id)).collect();
    ids.join(", ")
}
