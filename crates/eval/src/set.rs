//! Eval sets: cases with what is expected of them.
//!
//! One format is read and written, the EvalSet of Google's Agent Development Kit, in snake and in camel case; the older
//! list forms of `.test.json` and `.evalset.json` are read too ([`adk`]). Trials find their case by [`select`].

use mizzen_model::canonical;
use mizzen_model::id::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod adk;
mod criteria;
mod path;
mod select;

pub use adk::SetError;
pub use criteria::{Criterion, criteria};
pub use select::{MatchMethod, Matching, Selection};

use crate::trial::Trial;

/// Cases with expectations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalSet {
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub cases: Vec<Case>,
}

/// One conversation and what is expected in it. Ids are unique within a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    pub id: String,
    pub turns: Vec<ExpectedTurn>,
    /// What a judge is asked about every trial of this case.
    #[serde(default)]
    pub rubrics: Vec<String>,
}

/// What is expected between what a user said and the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ExpectedTurn {
    pub user: String,
    pub tool_calls: Vec<ExpectedCall>,
    /// `None` when the set expects nothing of the answer.
    pub response: Option<String>,
}

/// An expected tool call. Ids are not kept: they are never compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectedCall {
    pub name: String,
    pub arguments: Value,
}

impl EvalSet {
    /// Reads a set; `file` names it in errors, and the set when it names itself nowhere.
    ///
    /// # Errors
    /// At the first thing that is not as the format wants it, with the file, the case and the JSON path.
    pub fn read(file: &str, content: &[u8]) -> Result<Self, SetError> {
        adk::read(file, content)
    }

    /// The set as an ADK EvalSet.
    #[must_use]
    pub fn to_adk(&self) -> Value {
        adk::write(self)
    }

    /// Over cases and expectations, not over names and descriptions.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let cases = serde_json::to_value(&self.cases).unwrap_or(Value::Null);
        Digest::of(canonical::text(&cases).as_bytes())
    }

    #[must_use]
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id)
    }

    /// Whether a case has several turns, so that a trial may be a session of several runs.
    #[must_use]
    pub fn has_conversations(&self) -> bool {
        self.cases.iter().any(|case| case.turns.len() > 1)
    }
}

impl Case {
    /// What a run did becomes what is expected.
    #[must_use]
    pub fn of_trial(id: String, trial: &Trial) -> Self {
        let turns = trial.turns.iter().map(|turn| ExpectedTurn {
            user: turn.user.clone(),
            tool_calls: turn
                .tool_calls
                .iter()
                .map(|call| ExpectedCall { name: call.name.clone(), arguments: call.arguments.clone() })
                .collect(),
            response: turn.response.clone(),
        });
        Self { id, turns: turns.collect(), rubrics: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
