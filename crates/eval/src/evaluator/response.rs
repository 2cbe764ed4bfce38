//! `response_match`: ROUGE-1 of the answer against the expected one.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::rouge::rouge_1;
use super::turns::{Unmatched, expectation, mean};
use crate::set::Case;
use crate::trial::Trial;

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    unmatched_turns: Unmatched,
}

#[derive(Debug)]
pub(super) struct ResponseMatch {
    unmatched: Unmatched,
}

impl ResponseMatch {
    pub(super) fn new(parameters: Parameters) -> Self {
        Self { unmatched: parameters.unmatched_turns }
    }

    /// A turn without an answer scores 0; a case without any expected answer is not evaluated.
    pub(super) fn answer(&self, trial: &Trial, case: Option<&Case>) -> Answer {
        match expectation(trial, case) {
            Err(missing) => return missing,
            Ok(case) if case.turns.iter().all(|turn| turn.response.is_none()) => {
                return Answer::Missing("the case expects no answer".to_owned());
            }
            Ok(_) => {}
        }
        if trial.turns.iter().all(|turn| turn.response.is_none() && turn.user.is_empty()) {
            return Answer::Missing("the trial holds no messages; was its content captured?".to_owned());
        }
        mean(trial, case, self.unmatched, |turn, expected| {
            let said = turn.response.as_deref().unwrap_or_default();
            rouge_1(expected.response.as_deref().unwrap_or_default(), said).f_measure
        })
    }
}
