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

/// What keeps a question from an answer ends with this: 1 and 2 are answers.
const COULD_NOT_RUN: u8 = 3;

/// How a command line that could not be understood ends: with 2, but for the questions of `mizzen eval`, where 2 means
/// inconclusive and 3 that it could not run.
pub(crate) fn usage_exit(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal is gone.
    let _ = error.print();
    let words: Vec<_> = std::env::args_os().skip(1).take(2).collect();
    let asks = words.first().is_some_and(|word| word == "eval")
        && words.get(1).is_some_and(|word| ["run", "compare", "gate", "plan"].iter().any(|question| word == question));
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if asks => ExitCode::from(COULD_NOT_RUN),
        _ => ExitCode::from(2),
    }
}

/// What is asked has exit codes of its own; what only lists or keeps something ends as every other command does.
pub(crate) async fn eval(command: EvalCommand) -> Result<ExitCode, Failure> {
    use EvalCommand::{Compare, Gate, Plan, Run};
    let asks = matches!(command, Run(_) | Compare(_) | Gate(_) | Plan(_));
    match dispatch(command).await {
        Err(failure) if asks => {
            failure.report();
            Ok(ExitCode::from(COULD_NOT_RUN))
        }
        result => result,
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
        EvalCommand::Withdraw(args) => kept::withdraw(args).await?,
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
