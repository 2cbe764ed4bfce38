//! What the checks say of one agent.

use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::expression::{Answer, Expression};
use super::files::Rules;
use super::{Check, CheckState, Exemption, Level};
use crate::facts::{Fact, FactOrigin, FactValue, Facts, type_of};

/// A fact as a check saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenFact {
    pub name: String,
    pub value: FactValue,
    pub source: FactOrigin,
    pub as_of: Timestamp,
}

/// What one check says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    pub id: String,
    pub level: Level,
    pub state: CheckState,
    /// Whether the check is about this agent; if not, it counts for nothing.
    pub applies: bool,
    /// Why it is so, in words.
    pub reason: String,
    pub facts: Vec<SeenFact>,
    /// Facts that nobody could give.
    pub missing: Vec<String>,
    /// In force, and only on what does not pass.
    pub exemption: Option<Exemption>,
    /// Since when the state is what it is.
    pub since: Timestamp,
}

impl CheckResult {
    /// Whether it keeps the agent from its level.
    #[must_use]
    pub const fn holds_back(&self) -> bool {
        self.applies && !matches!(self.state, CheckState::Pass) && self.exemption.is_none()
    }
}

/// So many checks of each kind; an exempted one is in `exempt` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    pub passed: u32,
    pub failed: u32,
    pub no_evidence: u32,
    pub exempt: u32,
    pub not_applicable: u32,
}

/// All checks of one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// `None`: not even known.
    pub level: Option<Level>,
    pub computed_at: Timestamp,
    /// In the order of levels.
    pub checks: Vec<CheckResult>,
}

impl Card {
    /// Asks every check.
    #[must_use]
    pub fn of(rules: &Rules, entity: &str, facts: &Facts, now: Timestamp) -> Self {
        let exemption = |check: &Check| rules.exemption(&check.id, entity, now).cloned();
        let checks: Vec<CheckResult> =
            rules.checks().iter().map(|check| ask(check, facts, exemption(check), now)).collect();
        Self { level: level(&checks), computed_at: now, checks }
    }

    /// Takes over since when each state is what it is.
    pub fn continue_from(&mut self, before: &Self) {
        for check in &mut self.checks {
            let same =
                |old: &&CheckResult| old.id == check.id && (old.state, old.applies) == (check.state, check.applies);
            if let Some(old) = before.checks.iter().find(same) {
                check.since = old.since;
            }
        }
    }

    /// Whether another card says the same, leaving out when and with which numbers.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |card: &Self| -> Vec<(String, CheckState, bool, bool)> {
            let said = |check: &CheckResult| (check.id.clone(), check.state, check.applies, check.exemption.is_some());
            card.checks.iter().map(said).collect()
        };
        self.level == other.level && said(self) == said(other)
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for check in &self.checks {
            let count = match (check.applies, check.state) {
                (false, _) => &mut counts.not_applicable,
                (true, CheckState::Pass) => &mut counts.passed,
                (true, _) if check.exemption.is_some() => &mut counts.exempt,
                (true, CheckState::Fail) => &mut counts.failed,
                (true, CheckState::NoEvidence) => &mut counts.no_evidence,
            };
            *count += 1;
        }
        counts
    }

    /// What to do next: of the lowest level that is not reached, a failure before what has no evidence.
    #[must_use]
    pub fn next(&self) -> Option<&CheckResult> {
        let place = |check: &&CheckResult| (check.level, check.state != CheckState::Fail);
        self.checks.iter().filter(|check| check.holds_back()).min_by_key(place)
    }
}

fn level(checks: &[CheckResult]) -> Option<Level> {
    let is_reached = |level: Level| {
        let mut of_level = checks.iter().filter(|check| check.level == level && check.applies).peekable();
        // A level of which nothing is asked is not earned by asking nothing.
        of_level.peek().is_some() && of_level.all(|check| !check.holds_back())
    };
    Level::ALL.into_iter().take_while(|level| is_reached(*level)).last()
}

fn ask(check: &Check, facts: &Facts, exemption: Option<Exemption>, now: Timestamp) -> CheckResult {
    let mut names: Vec<&str> = check.expr.facts().iter().map(String::as_str).collect();
    let mut result = CheckResult {
        id: check.id.clone(),
        level: check.level,
        state: CheckState::NoEvidence,
        applies: true,
        reason: String::new(),
        facts: Vec::new(),
        missing: Vec::new(),
        exemption: None,
        since: now,
    };
    match check.when.as_ref().map(|when| (when, when.answer(facts))) {
        Some((when, Answer::No)) => {
            names = when.facts().iter().map(String::as_str).collect();
            result.applies = false;
            result.reason = format!("it is asked only when {}", when.text());
        }
        Some((when, answer @ (Answer::Missing(_) | Answer::Failed(_)))) => {
            names.extend(when.facts().iter().map(String::as_str));
            settle(&mut result, answer, when, facts);
        }
        Some((_, Answer::Yes)) | None => settle(&mut result, check.expr.answer(facts), &check.expr, facts),
    }
    if result.applies && result.state != CheckState::Pass {
        result.exemption = exemption;
    }
    let seen = names.iter().filter_map(|name| Some(seen(name, facts.get(name)?)));
    result.facts = seen.collect();
    result
}

fn settle(result: &mut CheckResult, answer: Answer, asked: &Expression, facts: &Facts) {
    let told = |name: &String| {
        let value = facts.get(name).map_or_else(String::new, |fact| fact.value.to_string());
        format!("{name} is {value}")
    };
    let all = || asked.facts().iter().map(told).collect::<Vec<_>>().join("; ");
    match answer {
        Answer::Yes => (result.state, result.reason) = (CheckState::Pass, all()),
        Answer::No => (result.state, result.reason) = (CheckState::Fail, all()),
        Answer::Missing(missing) => {
            result.reason = format!("nobody could say {}", missing.join(", "));
            result.missing = missing;
        }
        Answer::Failed(why) => result.reason = format!("it could not be worked out: {why}"),
    }
}

fn seen(name: &str, fact: &Fact) -> SeenFact {
    SeenFact { name: name.to_owned(), value: fact.value.clone(), source: fact.origin.from, as_of: fact.origin.as_of }
}

/// What a fact says when it is there, for those of no metric.
#[must_use]
pub fn says(name: &str) -> Option<&'static str> {
    let known = crate::facts::FACTS.iter().find(|known| known.name == name).map(|known| known.says);
    known.or_else(|| type_of(name).is_ok().then_some("measured about the digest that runs"))
}

#[cfg(test)]
mod tests;
