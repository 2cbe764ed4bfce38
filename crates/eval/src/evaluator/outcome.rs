//! `task_success`, `recorded` and `human_label`: what was already said of a trial.

use mizzen_model::step::Outcome;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use crate::trial::Trial;

/// Names under which logs record whether a task was done.
const SUCCESS: &[&str] = &["reward", "success", "task_success"];
/// Rewards are sums of floats; τ-bench allows itself the same.
const ROUNDING: f64 = 1e-6;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuccessParameters {
    #[serde(default)]
    score: Option<String>,
    #[serde(default = "one")]
    at_least: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedParameters {
    pub(super) score: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelParameters {
    #[serde(default = "usual_label")]
    pub(super) label: String,
}

/// As the portal and `mizzen label` call it when nobody says otherwise.
fn usual_label() -> String {
    "success".to_owned()
}

#[derive(Debug)]
pub(super) enum Recorded {
    Success {
        score: Option<String>,
        at_least: f64,
    },
    /// `None` asks for the only one.
    Named(Option<String>),
    Label(String),
}

impl Recorded {
    pub(super) fn success(parameters: SuccessParameters) -> Result<Self, String> {
        if !parameters.at_least.is_finite() {
            return Err("`at_least` must be finite".to_owned());
        }
        Ok(Self::Success { score: parameters.score, at_least: parameters.at_least })
    }

    pub(super) fn named(score: Option<String>) -> Self {
        Self::Named(score)
    }

    pub(super) fn label(label: String) -> Self {
        Self::Label(label)
    }

    pub(super) fn answer(&self, trial: &Trial) -> Answer {
        match self {
            Self::Success { score, at_least } => success(trial, score.as_deref(), *at_least),
            Self::Named(Some(name)) => value(trial, name).unwrap_or_else(|| missing(trial, name)),
            Self::Named(None) => match trial.recorded_scores.as_slice() {
                [(_, value)] => Answer::Value { value: *value, explanation: None },
                [] => Answer::Missing("the trial has no recorded score".to_owned()),
                _ => Answer::Missing(format!("the trial has several recorded scores ({}); name one", names(trial))),
            },
            Self::Label(label) => {
                value(trial, label).unwrap_or_else(|| Answer::Missing("nobody has labelled the trial".to_owned()))
            }
        }
    }
}

fn success(trial: &Trial, score: Option<&str>, at_least: f64) -> Answer {
    let found = match score {
        Some(name) => recorded(trial, name),
        None => SUCCESS.iter().find_map(|name| recorded(trial, name)),
    };
    match (found, score) {
        (Some(value), _) if !value.is_finite() => Answer::Value { value, explanation: None },
        (Some(value), _) => {
            Answer::yes_or_no(value >= at_least - ROUNDING, || format!("the recorded score is {value}"))
        }
        (None, Some(name)) => missing(trial, name),
        (None, None) => match trial.outcome {
            Outcome::Ok => Answer::yes_or_no(true, String::new),
            Outcome::Error => Answer::yes_or_no(false, || "the run ended with an error".to_owned()),
            Outcome::Unset => Answer::Missing("nothing said how the run ended".to_owned()),
        },
    }
}

/// The newest of several: whoever looks again corrects what was said before.
fn recorded(trial: &Trial, name: &str) -> Option<f64> {
    trial.recorded_scores.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
}

fn value(trial: &Trial, name: &str) -> Option<Answer> {
    recorded(trial, name).map(|value| Answer::Value { value, explanation: None })
}

fn missing(trial: &Trial, name: &str) -> Answer {
    match trial.recorded_scores.is_empty() {
        true => Answer::Missing(format!("the trial has no recorded score `{name}`")),
        false => Answer::Missing(format!("the trial has no recorded score `{name}`, but {}", names(trial))),
    }
}

fn names(trial: &Trial) -> String {
    trial.recorded_scores.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
