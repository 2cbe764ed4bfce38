//! τ-bench trajectories (Yao et al. 2024, arXiv 2406.12045): a list of
//! `{task_id, trial, reward, info, traj: [OpenAI messages]}`.
//!
//! The case of a trial is its task; `reward` becomes a recorded score.

use mizzen_model::step::{Outcome, Source};
use serde_json::Value;

use super::{Problem, Reading, chat};
use crate::trial::{Counters, Trial, Turn};

/// The name of the recorded score.
pub const REWARD: &str = "reward";

/// Whether `document` looks like τ-bench trajectories.
#[must_use]
pub fn is_tau(document: &Value) -> bool {
    let first = document.as_array().and_then(|items| items.first());
    first.is_some_and(|item| item.get("task_id").is_some() && item.get("traj").is_some())
}

/// Reads all trajectories; one that is malformed is a problem of its own.
#[must_use]
pub fn read(document: &Value) -> Reading {
    let mut reading = Reading::default();
    for (index, item) in document.as_array().into_iter().flatten().enumerate() {
        match trial(item, index) {
            Ok(trial) => reading.trials.push(trial),
            Err(problem) => reading.problems.push(problem),
        }
    }
    reading
}

fn trial(item: &Value, index: usize) -> Result<Trial, Problem> {
    let case = match &item["task_id"] {
        Value::String(task) if !task.is_empty() => task.clone(),
        Value::Number(task) => task.to_string(),
        other => {
            let message = format!("`$[{index}].task_id` must be a number or a text, got {other}");
            return Err(Problem { case: None, message });
        }
    };
    let problem = |message: String| Problem { case: Some(case.clone()), message };
    let messages = item["traj"].as_array();
    let messages = messages.ok_or_else(|| problem(format!("`$[{index}].traj` must be a list of messages")))?;
    let number = item["trial"].as_u64().unwrap_or(0);
    let reward = match &item["reward"] {
        Value::Null => None,
        reward => {
            let reward = reward.as_f64().filter(|reward| reward.is_finite());
            Some(reward.ok_or_else(|| problem(format!("`$[{index}].reward` must be a finite number")))?)
        }
    };
    let turns = chat::turns(messages);
    let has_failed = !item["info"]["error"].is_null();
    Ok(Trial {
        case: Some(case.clone()),
        outcome: if has_failed { Outcome::Error } else { Outcome::Ok },
        error_message: item["info"]["error"].as_str().map(str::to_owned),
        counters: counters(messages, &turns),
        turns,
        sources: vec![Source::Sdk],
        recorded_scores: reward.into_iter().map(|reward| (REWARD.to_owned(), reward)).collect(),
        ..Trial::unknown(format!("tau-{case}-{number}"))
    })
}

/// What messages alone tell: an assistant's message is a model call.
fn counters(messages: &[Value], turns: &[Turn]) -> Counters {
    let model_calls = messages.iter().filter(|message| message["role"] == "assistant").count() as u64;
    let tool_calls = turns.iter().map(|turn| turn.tool_calls.len() as u64).sum();
    Counters {
        steps: Some(model_calls + tool_calls),
        model_calls: Some(model_calls),
        tool_calls: Some(tool_calls),
        ..Counters::default()
    }
}
