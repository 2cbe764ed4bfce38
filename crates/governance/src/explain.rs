//! A decision in sentences: who decided, what they saw, and the way out.

use mizzen_model::permission::{Effect, Mode};
use serde::{Deserialize, Serialize};

use crate::cedar::conditions::PROVIDER_RUN_PATH;
use crate::cedar::paths::Needs;
use crate::compile::{Origin, Rule};
use crate::fact::{Fact, Record};
use crate::policy_set::{Evaluated, PolicySet};
use crate::request::{Outcome, Request};

/// Longer values are cut; what they were is in the record of the call.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// Why a request is answered as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub outcome: Outcome,
    /// To be read one after the other.
    pub sentences: Vec<String>,
    pub policies: Vec<ExplainedPolicy>,
}

/// A policy that decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedPolicy {
    pub id: String,
    /// The boundary's or the policy's file or name, and the line in it.
    pub source: String,
    pub line: u32,
    /// `permit`, `forbid`, or `needs_approval`.
    pub effect: String,
    /// Its Cedar text.
    pub text: String,
    /// What it looks at, and the values that it saw.
    pub saw: Vec<(String, String)>,
}

impl PolicySet {
    /// The same decision as [`PolicySet::decide`], with everything that it rests on. Shows values of arguments: only for
    /// those who may see them.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let evaluated = self.evaluate(request);
        let outcome = self.decide(request);
        let policies: Vec<ExplainedPolicy> = (outcome.policies.iter())
            .filter_map(|id| self.rules.iter().position(|rule| rule.id == *id))
            .map(|number| self.explained(number, &evaluated))
            .collect();
        let sentences = self.sentences(request, &outcome, &policies, &evaluated);
        Explanation { outcome, sentences, policies }
    }

    fn explained(&self, number: usize, evaluated: &Evaluated) -> ExplainedPolicy {
        let rule = &self.rules[number];
        let policy = u32::try_from(number).ok().and_then(|number| self.index.policy(number));
        let seen = evaluated.seen.as_ref().map_or_else(|unread| unread.enforced.as_ref(), Some);
        let saw = seen.map(|(context, _)| saw(&rule.needs, context)).unwrap_or_default();
        ExplainedPolicy {
            id: rule.id.clone(),
            source: rule.source.clone(),
            line: rule.line,
            effect: effect(rule).to_owned(),
            text: policy.map(ToString::to_string).unwrap_or_default(),
            saw,
        }
    }

    fn sentences(
        &self,
        request: &Request<'_>,
        outcome: &Outcome,
        policies: &[ExplainedPolicy],
        evaluated: &Evaluated,
    ) -> Vec<String> {
        let who = match request.agent {
            Some(agent) => format!("agent `{agent}`"),
            None => format!("`{}`", request.caller.reference),
        };
        let mut sentences = vec![format!("{who} asked for {} of {}.", request.action, request.resource)];
        let group = &evaluated.group;
        let names: Vec<String> = group.boundaries.iter().map(|b| format!("`{}`", self.boundaries[*b].name)).collect();
        sentences.push(match (names.is_empty(), group.governed) {
            (true, true) => "No boundary names it, and callers without one are held to the policies.".to_owned(),
            (true, false) => "No boundary names it, and callers without one are only observed.".to_owned(),
            (false, true) => format!("It is bound by {}.", names.join(", ")),
            (false, false) => format!("{} only observes it.", names.join(", ")),
        });
        sentences.push(format!("The answer is {}: {}.", outcome.effect, outcome.reason));
        for policy in policies {
            let place =
                if policy.line > 0 { format!("{} line {}", policy.source, policy.line) } else { policy.source.clone() };
            let saw: Vec<String> = policy.saw.iter().map(|(path, value)| format!("{path} was {value}")).collect();
            let saw = if saw.is_empty() { String::new() } else { format!("; {}", saw.join(", ")) };
            sentences.push(format!("`{}` ({place}) is a {}{saw}.", policy.id, policy.effect));
        }
        if outcome.effect != Effect::Allow && outcome.mode == Mode::Observe {
            sentences.push("Because of mode observe the call went on.".to_owned());
        }
        sentences
    }
}

fn effect(rule: &Rule) -> &'static str {
    match (rule.is_forbid, rule.asks, rule.origin) {
        (true, _, Origin::BuiltIn) => "built-in forbid",
        (true, ..) => "forbid",
        (false, true, _) => "permit that needs approval",
        (false, false, _) => "permit",
    }
}

/// The values at everything that a policy looks at.
fn saw(needs: &Needs, context: &Record) -> Vec<(String, String)> {
    let mut saw = Vec::new();
    let record = |name: &str| match context.get(name) {
        Some(Fact::Record(record)) => Some(record),
        _ => None,
    };
    for path in needs.arguments.keys() {
        let value = match record("arguments").and_then(|arguments| arguments.get(path)) {
            // So it is with every call that the client itself makes.
            None if path == PROVIDER_RUN_PATH => continue,
            None => "missing".to_owned(),
            Some(Fact::Record(readings)) => reading(readings),
            Some(other) => other.display(),
        };
        saw.push((format!("argument `{path}`"), cut(&value)));
    }
    for metric in &needs.metrics {
        let value =
            record("evidence").and_then(|evidence| evidence.get(metric)).map_or("missing".to_owned(), Fact::display);
        saw.push((format!("evidence `{metric}`"), value));
    }
    let whole = [
        ("taint", needs.taint, "what the run has touched"),
        ("touches", needs.touches, "what the call touches"),
        ("tool", needs.tool, "the tool"),
        ("time", needs.time, "the time"),
        ("budget", needs.budget, "what is left of budgets"),
        ("schemas", needs.schemas, "the schemas satisfied"),
        ("argument_names", needs.argument_names, "the names of all arguments"),
    ];
    for (name, needed, words) in whole {
        if let Some(fact) = context.get(name).filter(|_| needed) {
            saw.push((words.to_owned(), cut(&fact.display())));
        }
    }
    saw
}

/// The value itself rather than all its readings.
fn reading(readings: &Record) -> String {
    let best = ["string", "number", "integer", "boolean", "strings", "numbers", "integers", "booleans"];
    match best.iter().find_map(|name| readings.get(*name)) {
        Some(fact) => fact.display(),
        None => Fact::Record(readings.clone()).display(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARACTERS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests;
