//! `mizzen eval`: scores, with what they leave uncertain.

pub(crate) mod cli;
mod compare;
mod gate;
mod kept;
mod monitor;
mod plan;
mod run;
mod scores;
mod stored;

use std::process::ExitCode;

use mizzen_eval::estimate::Estimate;
use mizzen_model::estimate::significant;
use serde_json::Value;

use crate::failure::Failure;
use cli::EvalCommand;

/// How a command line that could not be understood ends: with 2, but for `mizzen eval`, where 2 means inconclusive and
/// 3 that it could not run.
pub(crate) fn usage_exit(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal is gone.
    let _ = error.print();
    let is_eval = std::env::args_os().nth(1).is_some_and(|word| word == "eval");
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if is_eval => ExitCode::from(3),
        _ => ExitCode::from(2),
    }
}

/// Whatever keeps a question from an answer ends with 3: 1 and 2 are answers here.
pub(crate) async fn eval(command: EvalCommand) -> ExitCode {
    const COULD_NOT_RUN: u8 = 3;
    match dispatch(command).await {
        Ok(code) => code,
        Err(failure) => {
            failure.report();
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

async fn dispatch(command: EvalCommand) -> Result<ExitCode, Failure> {
    match command {
        EvalCommand::Run(args) => return run::run(args).await,
        EvalCommand::Compare(args) => return compare::compare(args).await,
        EvalCommand::Gate(args) => return gate::gate(args).await,
        EvalCommand::Plan(args) => plan::plan(args).await?,
        EvalCommand::Monitor(command) => monitor::monitor(command).await?,
        EvalCommand::Set(command) => kept::sets(command).await?,
        EvalCommand::Experiments(args) => kept::experiments(args).await?,
        EvalCommand::Evidence(args) => kept::evidence(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Digits that a person can use.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        ..1.0 => significant(value, 4),
        _ => significant(value, 5),
    }
}

/// A number with its limits, as a table shows it.
pub(crate) fn estimate(value: &Value) -> String {
    serde_json::from_value::<Estimate>(value.clone()).map_or_else(|_| "-".to_owned(), |estimate| estimate.text())
}
