//! Counters: what a run took.

use serde::{Deserialize, Serialize};

use super::Threshold;
use super::answer::Answer;
use crate::trial::{Counters, Depth, Trial};

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    at_least: Option<f64>,
    at_most: Option<f64>,
}

impl Parameters {
    pub(super) fn threshold(self) -> Result<Threshold, String> {
        let limits = [self.at_least, self.at_most];
        if limits.into_iter().flatten().any(|limit| !limit.is_finite()) {
            return Err("`at_least` and `at_most` must be finite".to_owned());
        }
        Ok(Threshold { at_least: self.at_least, at_most: self.at_most })
    }
}

#[derive(Debug)]
pub(super) struct Counter {
    name: &'static str,
    read: fn(&Counters) -> Option<f64>,
}

impl Counter {
    pub(super) fn new(name: &'static str) -> Result<Self, String> {
        let read: fn(&Counters) -> Option<f64> = match name {
            "steps" => |counters| counters.steps.map(number),
            "model_calls" => |counters| counters.model_calls.map(number),
            "tool_call_count" => |counters| counters.tool_calls.map(number),
            "input_tokens" => |counters| counters.input_tokens.map(number),
            "output_tokens" => |counters| counters.output_tokens.map(number),
            "cost_usd" => |counters| counters.cost_usd,
            "duration_seconds" => |counters| counters.duration_seconds,
            "errors" => |counters| counters.errors.map(number),
            "retries" => |counters| counters.retries.map(number),
            "denied_actions" => |counters| counters.denied_actions.map(number),
            _ => return Err("it has no implementation".to_owned()),
        };
        Ok(Self { name, read })
    }

    /// Tool calls, retries and denied actions are told by the steps and the conversation only.
    pub(super) fn depth(&self) -> Depth {
        if matches!(self.name, "tool_call_count" | "retries" | "denied_actions") {
            Depth::Content
        } else {
            Depth::Summary
        }
    }

    pub(super) fn answer(&self, trial: &Trial) -> Answer {
        match (self.read)(&trial.counters) {
            Some(value) => Answer::Value { value, explanation: None },
            None => Answer::Missing(format!("the run does not tell its {}", self.name.replace('_', " "))),
        }
    }
}

fn number(count: u64) -> f64 {
    count as f64
}
