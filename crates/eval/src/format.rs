//! Foreign formats: what other harnesses recorded becomes trials with recorded scores, and scores become events.
//!
//! * [`tau`]: τ-bench trajectories
//! * [`inspect`]: Inspect logs, `.eval` and JSON
//! * [`events`]: the log events `gen_ai.evaluation.result`
//! * [`read`]: any of the files above, or a trace file, recognised from its content

pub mod events;
pub mod inspect;
pub mod tau;

mod chat;
mod files;

pub use files::{FileError, FileKind, FileReader, read_limited};

use crate::trial::Trial;

/// Something about one trial or case that is wrong; the others are scored all the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// The case that the problem is about, when it is known.
    pub case: Option<String>,
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.case {
            Some(case) => write!(f, "case `{case}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The trials of a file, and what could not become one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    pub trials: Vec<Trial>,
    pub problems: Vec<Problem>,
}

/// Keeps the first trial of every run and reports the others: a trial that counts twice is no second observation.
#[must_use]
pub fn without_duplicates(trials: Vec<Trial>) -> Reading {
    let mut seen = std::collections::HashSet::new();
    let mut reading = Reading::default();
    for trial in trials {
        if seen.insert((trial.run_id.clone(), trial.revision)) {
            reading.trials.push(trial);
        } else {
            let message = format!("run `{}` is there twice; the first one counts", trial.run_id);
            reading.problems.push(Problem { case: trial.case, message });
        }
    }
    reading
}

#[cfg(test)]
mod tests;
