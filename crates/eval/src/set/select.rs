//! Which case a trial is of.
//!
//! 1. The case that the trial itself names (`mizzen.evaluation.case` or `agentevals.eval.case.id` in the attributes of
//!    a span or its resource; the task of a τ-bench trajectory; the sample of an Inspect log).
//! 2. The case whose first user message equals the trial's, without regard to case and blanks. Of several such
//!    cases, the one with as many turns as the trial; when that leaves more than one, none.
//! 3. When there is exactly one case and exactly one trial, that case.
//!
//! Nothing else is guessed. These are the rules of agentevals.

use std::collections::HashSet;

use super::{Case, EvalSet};
use crate::format::Problem;
use crate::trial::Trial;

/// How a case was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchMethod {
    Named,
    UserText,
    SinglePair,
}

/// The case of a trial, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection<'s> {
    Case { case: &'s Case, method: MatchMethod },
    None { reason: String },
}

impl<'s> Selection<'s> {
    #[must_use]
    pub fn case(&self) -> Option<&'s Case> {
        match self {
            Self::Case { case, .. } => Some(case),
            Self::None { .. } => None,
        }
    }
}

/// Trials with their cases, and what did not fit together.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching<'s> {
    /// One for each trial, in order.
    pub selections: Vec<Selection<'s>>,
    /// Trials without a case, and cases without a trial.
    pub problems: Vec<Problem>,
    /// Ids of the cases that no trial is of.
    pub absent: Vec<String>,
}

impl EvalSet {
    /// The case of one trial among `trials` of them.
    #[must_use]
    pub fn select(&self, trial: &Trial, trials: usize) -> Selection<'_> {
        if let Some(named) = &trial.case {
            return match self.case(named) {
                Some(case) => Selection::Case { case, method: MatchMethod::Named },
                None => Selection::None { reason: format!("case `{named}` is not in the eval set") },
            };
        }
        let single = || match self.cases.as_slice() {
            [case] if trials == 1 => Some(Selection::Case { case, method: MatchMethod::SinglePair }),
            _ => None,
        };
        let none = |reason: &str| Selection::None { reason: reason.to_owned() };
        let Some(first) = trial.turns.first() else { return none("the trial has no conversation to match") };
        let user = folded(&first.user);
        if user.is_empty() {
            return single().unwrap_or_else(|| none("nothing recorded what the user said"));
        }
        let says_so = |case: &&Case| case.turns.first().is_some_and(|turn| folded(&turn.user) == user);
        let candidates: Vec<&Case> = self.cases.iter().filter(says_so).collect();
        let by_text = |case| Selection::Case { case, method: MatchMethod::UserText };
        match candidates.as_slice() {
            [] => single().unwrap_or_else(|| none("no case begins with what the user said")),
            [case] => by_text(case),
            _ => {
                let as_long: Vec<&&Case> =
                    candidates.iter().filter(|case| case.turns.len() == trial.turns.len()).collect();
                match as_long.as_slice() {
                    [case] => by_text(case),
                    _ => none("several cases begin with what the user said"),
                }
            }
        }
    }

    /// Finds the case of every trial and writes its id into the trial.
    pub fn match_trials(&self, trials: &mut [Trial]) -> Matching<'_> {
        let count = trials.len();
        let mut problems = Vec::new();
        let selections: Vec<Selection<'_>> = trials.iter().map(|trial| self.select(trial, count)).collect();
        for (trial, selection) in trials.iter_mut().zip(&selections) {
            match selection {
                Selection::Case { case, .. } => trial.case = Some(case.id.clone()),
                Selection::None { reason } => {
                    let message = format!("run `{}`: {reason}", trial.run_id);
                    problems.push(Problem { case: trial.case.clone(), message });
                }
            }
        }
        let with_trial: HashSet<&str> =
            selections.iter().filter_map(Selection::case).map(|case| case.id.as_str()).collect();
        let ids = self.cases.iter().map(|case| &case.id);
        let absent: Vec<String> = ids.filter(|id| !with_trial.contains(id.as_str())).cloned().collect();
        let without_trial = |case: &String| Problem { case: Some(case.clone()), message: "no trial of it".to_owned() };
        problems.extend(absent.iter().map(without_trial));
        Matching { selections, problems, absent }
    }
}

/// Python's `casefold` but for a few letters; blanks as one.
fn folded(text: &str) -> String {
    let lower = text.to_lowercase().replace('ß', "ss");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}
