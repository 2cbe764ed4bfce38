//! `tool_trajectory`: the calls of tools against the expected ones.
//!
//! Modes as ADK has them (exact, in order, any order: the last two allow more calls than expected) and as LangChain's
//! agentevals has them (subset: every call is an expected one; superset: every expected call was made, which is the
//! same as any order).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::compare::{Arguments, CallMatcher, ToolRule, pairs};
use super::turns::{Unmatched, mean};
use crate::set::{Case, ExpectedCall};
use crate::trial::{ToolCall, Trial};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Exact,
    InOrder,
    AnyOrder,
    Subset,
    Superset,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Parameters {
    mode: Mode,
    arguments: Arguments,
    tools: BTreeMap<String, ToolRule>,
    unmatched_turns: Unmatched,
}

#[derive(Debug)]
pub(super) struct Trajectory {
    mode: Mode,
    matcher: CallMatcher,
    unmatched: Unmatched,
}

impl Trajectory {
    pub(super) fn new(parameters: Parameters) -> Result<Self, String> {
        let matcher = CallMatcher::new(parameters.arguments, &parameters.tools)?;
        Ok(Self { mode: parameters.mode, matcher, unmatched: parameters.unmatched_turns })
    }

    pub(super) fn answer(&self, trial: &Trial, case: Option<&Case>) -> Answer {
        let mut first_difference = None;
        let answer = mean(trial, case, self.unmatched, |turn, expected| {
            let matches = self.matches(&turn.tool_calls, &expected.tool_calls);
            if !matches && first_difference.is_none() {
                first_difference = Some(difference(&turn.tool_calls, &expected.tool_calls));
            }
            f64::from(u8::from(matches))
        });
        match (answer, first_difference) {
            (Answer::Value { value, explanation }, Some(difference)) => {
                let explanation = explanation.map_or(difference.clone(), |more| format!("{difference}; {more}"));
                Answer::Value { value, explanation: Some(explanation) }
            }
            (answer, _) => answer,
        }
    }

    fn matches(&self, actual: &[ToolCall], expected: &[ExpectedCall]) -> bool {
        match self.mode {
            Mode::Exact => {
                let same = |(actual, expected): (&ToolCall, &ExpectedCall)| self.matcher.is_same(actual, expected);
                actual.len() == expected.len() && actual.iter().zip(expected).all(same)
            }
            Mode::InOrder => {
                let mut rest = actual.iter();
                expected.iter().all(|wanted| rest.any(|call| self.matcher.is_same(call, wanted)))
            }
            Mode::AnyOrder | Mode::Superset => self.pairs(actual, expected) == expected.len(),
            Mode::Subset => self.pairs(actual, expected) == actual.len(),
        }
    }

    fn pairs(&self, actual: &[ToolCall], expected: &[ExpectedCall]) -> usize {
        let actual: Vec<&ToolCall> = actual.iter().collect();
        let expected: Vec<&ExpectedCall> = expected.iter().collect();
        pairs(&actual, &expected, &self.matcher)
    }
}

/// Names only: arguments are content.
fn difference(actual: &[ToolCall], expected: &[ExpectedCall]) -> String {
    let list = |names: Vec<&str>| if names.is_empty() { "no tool".to_owned() } else { names.join(", ") };
    let called = list(actual.iter().map(|call| call.name.as_str()).collect());
    let wanted = list(expected.iter().map(|call| call.name.as_str()).collect());
    if called == wanted {
        format!("called {called} with other arguments than expected")
    } else {
        format!("called {called}; expected {wanted}")
    }
}
