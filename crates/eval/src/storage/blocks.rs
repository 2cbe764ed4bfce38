//! Scores of experiments, many to a row.
//!
//! A block is `{"v": 1, "evaluators": [id…], "units": [text…], "scores": [[evaluator, case, run, revision, outcome, …]…]}`:
//! what all scores of a block have in common is said once, so that a million scores take some 80 MB.

use mizzen_model::permission::Verdict;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{Storage, decode, encode};
use crate::error::EvalError;
use crate::score::{EvaluatorId, Score, ScoreOutcome};

/// Scores of one block.
pub(crate) const BLOCK_SCORES: usize = 2_000;
const VERSION: u32 = 1;
const WHAT: &str = "an experiment's scores";

#[derive(Debug, Serialize, Deserialize)]
struct Block {
    v: u32,
    evaluators: Vec<EvaluatorId>,
    units: Vec<String>,
    scores: Vec<Packed>,
}

/// Place of the evaluator, case, run, revision, what was found, explanation.
#[derive(Debug, Serialize, Deserialize)]
struct Packed(u32, Option<String>, String, u32, Found, Option<String>);

#[derive(Debug, Serialize, Deserialize)]
enum Found {
    /// Value, verdict, place of the unit.
    #[serde(rename = "s")]
    Scored(f64, Option<Verdict>, Option<u32>),
    #[serde(rename = "n")]
    NotEvaluated(String),
    #[serde(rename = "f")]
    Failed(String),
}

fn place<T: Clone + PartialEq>(known: &mut Vec<T>, item: &T) -> u32 {
    let at = known.iter().position(|known| known == item).unwrap_or_else(|| {
        known.push(item.clone());
        known.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The text of a block. Work for the blocking pool.
pub(crate) fn pack(scores: &[Score]) -> Result<String, EvalError> {
    let mut block = Block { v: VERSION, evaluators: vec![], units: vec![], scores: Vec::with_capacity(scores.len()) };
    for score in scores {
        let found = match &score.outcome {
            // JSON has no word for what is not finite.
            ScoreOutcome::Scored { value, .. } if !value.is_finite() => Found::Failed(format!("the score was {value}")),
            ScoreOutcome::Scored { value, verdict, unit } => {
                Found::Scored(*value, *verdict, unit.as_ref().map(|unit| place(&mut block.units, unit)))
            }
            ScoreOutcome::NotEvaluated { reason } => Found::NotEvaluated(reason.clone()),
            ScoreOutcome::Failed { reason } => Found::Failed(reason.clone()),
        };
        let evaluator = place(&mut block.evaluators, &score.evaluator);
        let (case, explanation) = (score.case.clone(), score.explanation.clone());
        block.scores.push(Packed(evaluator, case, score.run_id.clone(), score.revision, found, explanation));
    }
    encode(WHAT, &block)
}

/// The scores of a block.
pub(crate) fn unpack(text: &str) -> Result<Vec<Score>, EvalError> {
    let block: Block = decode(WHAT, text)?;
    let wrong = |message: &str| EvalError::Damaged { what: WHAT, source: serde::de::Error::custom(message) };
    if block.v != VERSION {
        return Err(wrong(&format!("version {} of a block, this release reads {VERSION}", block.v)));
    }
    let unpack = |Packed(evaluator, case, run_id, revision, found, explanation)| {
        let outcome = match found {
            Found::Scored(value, verdict, unit) => {
                let unit =
                    unit.map(|unit| block.units.get(unit as usize).cloned().ok_or_else(|| wrong("no such unit")));
                ScoreOutcome::Scored { value, verdict, unit: unit.transpose()? }
            }
            Found::NotEvaluated(reason) => ScoreOutcome::NotEvaluated { reason },
            Found::Failed(reason) => ScoreOutcome::Failed { reason },
        };
        let evaluator = block.evaluators.get(evaluator as usize).ok_or_else(|| wrong("no such evaluator"))?.clone();
        Ok(Score { evaluator, case, run_id, revision, outcome, explanation })
    };
    block.scores.into_iter().map(unpack).collect()
}

impl Storage {
    pub(crate) async fn save_block(&self, experiment: &str, block: i64, text: String) -> Result<(), EvalError> {
        let sql = "INSERT INTO eval_score_blocks (experiment_id, block, scores) VALUES ($1, $2, $3)
             ON CONFLICT (experiment_id, block) DO UPDATE SET scores = excluded.scores";
        sqlx::query(sql).bind(experiment).bind(block).bind(text).execute(self.store.pool()).await?;
        Ok(())
    }

    /// The text of one block, `None` after the last.
    pub(crate) async fn block(&self, experiment: &str, block: i64) -> Result<Option<String>, EvalError> {
        let sql = "SELECT scores FROM eval_score_blocks WHERE experiment_id = $1 AND block = $2";
        let row = sqlx::query(sql).bind(experiment).bind(block).fetch_optional(self.store.pool()).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}
