//! Turns of a trial beside the turns of its case.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use crate::set::{Case, ExpectedTurn};
use crate::trial::{Trial, Turn};

/// What becomes of turns that only one side has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unmatched {
    #[default]
    Ignore,
    Zero,
}

/// The mean of `score` over the pairs of turns, by position.
pub(super) fn mean(
    trial: &Trial,
    case: Option<&Case>,
    unmatched: Unmatched,
    mut score: impl FnMut(&Turn, &ExpectedTurn) -> f64,
) -> Answer {
    let case = match expectation(trial, case) {
        Ok(case) => case,
        Err(missing) => return missing,
    };
    let pairs: Vec<f64> = trial.turns.iter().zip(&case.turns).map(|(turn, expected)| score(turn, expected)).collect();
    let longer = trial.turns.len().max(case.turns.len());
    let counted = if unmatched == Unmatched::Zero { longer } else { pairs.len() };
    if counted == 0 {
        return Answer::Missing("there is no turn that both the trial and its case have".to_owned());
    }
    let value = pairs.iter().sum::<f64>() / counted as f64;
    let mut remarks = Vec::new();
    if trial.turns.len() != case.turns.len() {
        remarks.push(format!("{} turns where {} are expected", trial.turns.len(), case.turns.len()));
    }
    if pairs.len() > 1 && value < 1.0 {
        let low: Vec<String> =
            (1..).zip(&pairs).filter(|(_, s)| **s < 1.0).map(|(at, s)| format!("{at}: {s:.3}")).collect();
        remarks.push(format!("by turn: {}", low.join(", ")));
    }
    Answer::Value { value, explanation: (!remarks.is_empty()).then(|| remarks.join("; ")) }
}

/// The case, when the trial has anything that can be compared with it.
pub(super) fn expectation<'c>(trial: &Trial, case: Option<&'c Case>) -> Result<&'c Case, Answer> {
    let Some(case) = case else {
        return Err(Answer::Missing("no case of an eval set says what is expected".to_owned()));
    };
    if trial.turns.is_empty() {
        return Err(Answer::Missing("the trial has no conversation; was its content captured?".to_owned()));
    }
    Ok(case)
}
