//! What a person may type behind `mizzen eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Score recorded runs, against an eval set or not.
    ///
    /// Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 could not run (also wrong usage). Without `--at-least`, an
    /// evaluator passes when every trial does; with it, when the interval says so. Whatever could not be scored, and a
    /// case without a trial, leaves the verdict inconclusive unless something failed.
    Run(EvalRunArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EvalRunArgs {
    /// Eval set: an ADK EvalSet or `.test.json`.
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Option<PathBuf>,
    /// Files of recorded runs: traces (Jaeger, OTLP, Tempo), τ-bench trajectories, logs of Inspect; `-` is standard input.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) runs: Vec<PathBuf>,
    /// Evaluator, with parameters if any: `tool_trajectory:mode=in_order`; may be given several times.
    ///
    /// [default: `tool_trajectory` with a set, `task_success` without]
    #[arg(short, long = "evaluator", value_name = "EVALUATOR")]
    pub(crate) evaluators: Vec<String>,
    /// Evaluators from a file: TOML `[[evaluator]]` tables, or ADK's `test_config.json`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The score from which a trial passes, for evaluators that set no threshold of their own.
    #[arg(long, value_name = "SCORE")]
    pub(crate) threshold: Option<f64>,
    /// The share of trials that must pass, judged by the 95 % interval: pass when all of it lies above, fail when all of
    /// it lies below.
    #[arg(long, value_name = "SHARE")]
    pub(crate) at_least: Option<f64>,
    /// Output format; JSON is an array of scores.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: EvalFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum EvalFormat {
    #[default]
    Table,
    Json,
    Junit,
    Markdown,
}
