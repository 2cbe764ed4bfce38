//! Evaluators: each scores one trial, says what it needs, and says what it did not find.
//!
//! [`catalogue`] lists them; [`Evaluator::build`] makes one from a [`Spec`]. Most are pure ([`Evaluator::score`]); a
//! custom program and a judge need time, a process or a model ([`Evaluator::score_with`]).
//!
//! To add one: a module with its parameters and its function, an entry in [`catalogue`], an arm in `build`.

use std::fmt;

use mizzen_model::canonical;
use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use serde_json::{Map, Value, json};

mod answer;
mod build;
mod catalogue;
pub mod command;
mod compare;
mod counter;
pub mod judge;
mod outcome;
mod response;
pub mod rouge;
mod schema;
mod spec;
mod stem;
mod text;
mod tokens;
mod tool_calls;
mod trajectory;
mod turns;

pub use build::SpecError;
pub use catalogue::{EvaluatorInfo, Need, Parameter, catalogue, info};
pub use spec::Spec;

use crate::score::{EvaluatorId, Score, ScoreOutcome};
use crate::set::Case;
use crate::trial::{Depth, Trial};
use answer::Answer;
use judge::JudgeModel;

/// Where a value must lie for the verdict to be `pass`.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Threshold {
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
}

impl Threshold {
    /// `None` when nothing is demanded.
    #[must_use]
    pub fn verdict(&self, value: f64) -> Option<Verdict> {
        if self.at_least.is_none() && self.at_most.is_none() {
            return None;
        }
        let holds = self.at_least.is_none_or(|least| value >= least) && self.at_most.is_none_or(|most| value <= most);
        Some(if holds { Verdict::Pass } else { Verdict::Fail })
    }
}

/// An evaluator with its parameters.
#[derive(Debug)]
pub struct Evaluator {
    id: EvaluatorId,
    info: &'static EvaluatorInfo,
    parameters: Value,
    threshold: Threshold,
    kind: Kind,
}

/// What an evaluator does.
#[derive(Debug)]
enum Kind {
    Trajectory(trajectory::Trajectory),
    Response(response::ResponseMatch),
    Text(text::Text),
    Schema(schema::JsonSchema),
    ToolCalls(tool_calls::ToolCalls),
    Counter(counter::Counter),
    Outcome(outcome::Recorded),
    Command(command::Command),
    Judge(judge::Judge),
}

impl Evaluator {
    #[must_use]
    pub fn id(&self) -> &EvaluatorId {
        &self.id
    }

    #[must_use]
    pub fn info(&self) -> &'static EvaluatorInfo {
        self.info
    }

    /// Whether it repeats a score that somebody sent: then it is no evidence, because whoever is judged could have sent it.
    /// Every other evaluator does not get to see such scores of stored runs.
    #[must_use]
    pub fn repeats_sent_scores(&self) -> bool {
        self.info.name == "recorded" || self.parameters.get("score").is_some_and(Value::is_string)
    }

    /// What looks at an agent are counted by: the evaluator as the catalogue has it, whatever its scores are called.
    #[must_use]
    pub fn lineage(&self) -> String {
        format!("{}@{}", self.info.name, self.info.version)
    }

    /// The parameters in use, defaults included.
    #[must_use]
    pub fn parameters(&self) -> &Value {
        &self.parameters
    }

    #[must_use]
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// How much of a run must be read.
    #[must_use]
    pub fn depth(&self) -> Depth {
        match &self.kind {
            Kind::Counter(counter) => counter.depth(),
            _ => Depth::Content,
        }
    }

    /// Whether [`Self::score`] answers.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        !matches!(self.kind, Kind::Command(_) | Kind::Judge(_))
    }

    /// The score of `trial`, or `None` when it takes a program or a model: ask [`Self::score_with`] then.
    #[must_use]
    pub fn score(&self, trial: &Trial, case: Option<&Case>) -> Option<Score> {
        let answer = match &self.kind {
            Kind::Trajectory(trajectory) => trajectory.answer(trial, case),
            Kind::Response(response) => response.answer(trial, case),
            Kind::Text(text) => text.answer(trial, case),
            Kind::Schema(schema) => schema.answer(trial),
            Kind::ToolCalls(calls) => calls.answer(trial, case),
            Kind::Counter(counter) => counter.answer(trial),
            Kind::Outcome(recorded) => recorded.answer(trial),
            Kind::Command(_) | Kind::Judge(_) => return None,
        };
        Some(self.finish(answer, trial, case))
    }

    /// The score of `trial`, whatever it takes. Without a `judge`, what needs one is not evaluated.
    pub async fn score_with(&self, trial: &Trial, case: Option<&Case>, judge: Option<&dyn JudgeModel>) -> Score {
        let answer = match &self.kind {
            Kind::Command(command) => command.answer(&self.id.name, self.threshold, trial, case).await,
            Kind::Judge(own) => match judge {
                Some(model) => own.answer(model, trial, case).await,
                None => Answer::Missing("no judge model is set up".to_owned()),
            },
            _ => return self.score(trial, case).unwrap_or_else(|| self.finish(Answer::nothing(), trial, case)),
        };
        self.finish(answer, trial, case)
    }

    fn finish(&self, answer: Answer, trial: &Trial, case: Option<&Case>) -> Score {
        let (outcome, explanation) = match answer {
            Answer::Value { value, explanation } if value.is_finite() => {
                let unit = self.info.unit.map(str::to_owned);
                (ScoreOutcome::Scored { value, verdict: self.threshold.verdict(value), unit }, explanation)
            }
            Answer::Value { value, .. } => {
                (ScoreOutcome::Failed { reason: format!("the score is {value}, which is no finite number") }, None)
            }
            Answer::Judged { value, verdict, explanation } => {
                (ScoreOutcome::Scored { value, verdict: Some(verdict), unit: None }, explanation)
            }
            Answer::Missing(reason) => (ScoreOutcome::NotEvaluated { reason }, None),
            Answer::Broken(reason) => (ScoreOutcome::Failed { reason: self.named(reason, trial, case) }, None),
        };
        Score {
            evaluator: self.id.clone(),
            case: case.map(|case| case.id.clone()).or_else(|| trial.case.clone()),
            run_id: trial.run_id.clone(),
            revision: trial.revision,
            outcome,
            explanation,
        }
    }

    /// Whoever reads of a broken evaluator wants to know on what it broke.
    fn named(&self, reason: String, trial: &Trial, case: Option<&Case>) -> String {
        let case = case.map(|case| case.id.as_str()).or(trial.case.as_deref());
        match case {
            Some(case) => format!("`{}` on case `{case}`: {reason}", self.id.name),
            None => format!("`{}` on run `{}`: {reason}", self.id.name, trial.run_id),
        }
    }
}

/// Over name, version and parameters, and what else changes the answer.
fn digest(name: &str, version: &str, parameters: &Value, more: &Map<String, Value>) -> Digest {
    let identity = json!({ "name": name, "version": version, "parameters": parameters, "with": more });
    Digest::of(canonical::text(&identity).as_bytes())
}

impl fmt::Display for Evaluator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id.name, self.id.version)
    }
}

#[cfg(test)]
mod tests;
