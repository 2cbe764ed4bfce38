//! `mizzen eval`: scores, with what they leave uncertain.

pub(crate) mod cli;
mod run;

use std::process::ExitCode;

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

pub(crate) async fn eval(command: EvalCommand) -> Result<ExitCode, Failure> {
    match command {
        EvalCommand::Run(args) => run::run(args).await,
    }
}
