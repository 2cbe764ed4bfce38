//! `tool_calls`: precision, recall and F1 of the calls of the whole trial.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::compare::{Arguments, CallMatcher, ToolRule, pairs};
use super::turns::expectation;
use crate::set::{Case, ExpectedCall};
use crate::trial::{ToolCall, Trial};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    #[default]
    F1,
    Precision,
    Recall,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    measure: Measure,
    arguments: Arguments,
    tools: BTreeMap<String, ToolRule>,
}

#[derive(Debug)]
pub(super) struct ToolCalls {
    measure: Measure,
    matcher: CallMatcher,
}

impl ToolCalls {
    pub(super) fn new(parameters: Parameters) -> Result<Self, String> {
        let matcher = CallMatcher::new(parameters.arguments, &parameters.tools)?;
        Ok(Self { measure: parameters.measure, matcher })
    }

    /// No call where none is expected is perfect; precision without a call, and recall without an expected one,
    /// have nothing to be a share of.
    pub(super) fn answer(&self, trial: &Trial, case: Option<&Case>) -> Answer {
        let case = match expectation(trial, case) {
            Ok(case) => case,
            Err(missing) => return missing,
        };
        let actual: Vec<&ToolCall> = trial.tool_calls().collect();
        let expected: Vec<&ExpectedCall> = case.turns.iter().flat_map(|turn| &turn.tool_calls).collect();
        let shared = pairs(&actual, &expected, &self.matcher);
        let (shared_f, called, wanted) = (shared as f64, actual.len() as f64, expected.len() as f64);
        let value = match self.measure {
            _ if actual.is_empty() && expected.is_empty() => 1.0,
            Measure::F1 => 2.0 * shared_f / (called + wanted),
            Measure::Precision if actual.is_empty() => return Answer::Missing("no tool was called".to_owned()),
            Measure::Precision => shared_f / called,
            Measure::Recall if expected.is_empty() => return Answer::Missing("no tool call is expected".to_owned()),
            Measure::Recall => shared_f / wanted,
        };
        let explanation = format!("{shared} of {} calls as expected, {} expected", actual.len(), expected.len());
        Answer::Value { value, explanation: (value < 1.0).then_some(explanation) }
    }
}
