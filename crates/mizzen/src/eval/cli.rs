//! What a person may type behind `mizzen eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{ClientArgs, OutputArgs};

const GATE_EXAMPLE: &str = "\
A gate:
  scores = \"scores.json\"   # or an experiment; --scores wins

  [[criterion]]
  evaluator = \"task_success\"
  at_least = 0.9
  planned_cases = 60

  [[criterion]]
  evaluator = \"cost_usd\"
  measure = \"mean\"
  at_most = 0.05
  planned_cases = 60";

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Score recorded runs, against an eval set or not.
    ///
    /// Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 could not run (also wrong usage). Without `--at-least`, an
    /// evaluator passes when every trial does; with it, when the interval says so. Whatever could not be scored, and a
    /// case without a trial, leaves the verdict inconclusive unless something failed.
    Run(EvalRunArgs),
    /// Is B better than A? Paired by case; exit codes: 0 better or no worse, 1 worse, 2 not yet known, 3 could not run.
    Compare(CompareArgs),
    /// A verdict with a stated error rate; exit codes: 0 pass, 1 fail, 2 inconclusive, 3 could not run.
    #[command(after_long_help = GATE_EXAMPLE)]
    Gate(GateArgs),
    /// How many cases and trials a claim needs.
    Plan(PlanArgs),
    /// Gates that never stop looking.
    #[command(subcommand)]
    Monitor(MonitorCommand),
    /// Eval sets that the server keeps.
    #[command(subcommand)]
    Set(SetCommand),
    /// Experiments that the server keeps.
    Experiments(KeptArgs),
    /// Measured bounds about agent digests.
    Evidence(EvidenceArgs),
    /// Take evidence out of force that was measured wrongly: what is measured later comes into force again.
    Withdraw(WithdrawArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EvalRunArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Eval set: an ADK EvalSet or `.test.json`; with stored runs also the name or digest of one that the server keeps.
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Option<PathBuf>,
    /// Files of recorded runs: traces (Jaeger, OTLP, Tempo), τ-bench trajectories, logs of Inspect; `-` is standard input.
    /// Or stored runs: `all`, or pairs such as `agent=helm outcome=ok from=2026-11-01T00:00:00Z run=4b1f…`; the server then
    /// keeps what was scored as an experiment.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE|SELECTOR")]
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
    /// Name of the experiment, with stored runs.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Let runs count as evidence that only the agent itself reported.
    #[arg(long)]
    pub(crate) count_sdk_evidence: bool,
    /// Publish no evidence of stored runs. The look is counted all the same.
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// OpenAI-compatible server that judges of files are asked at. [default: Mizzen's own address, --url]
    #[arg(long, value_name = "URL")]
    pub(crate) judge_url: Option<String>,
    /// Key for it; Mizzen's gateway wants an agent's key.
    #[arg(long, env = "MIZZEN_JUDGE_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) judge_key: Option<String>,
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

/// How a person asks about what the server keeps.
#[derive(Debug, Args)]
pub(crate) struct KeptArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What is compared with: a file that `eval run -o json` wrote, or an experiment.
    pub(crate) a: String,
    /// What is judged.
    pub(crate) b: String,
    /// How much worse B may be and still count as no worse, in the unit of the scores.
    #[arg(long)]
    pub(crate) margin: Option<f64>,
    /// Error rate over all evaluators together.
    #[arg(long, default_value_t = 0.05)]
    pub(crate) alpha: f64,
}

#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The criteria (TOML).
    pub(crate) gate: PathBuf,
    /// What is judged: a file that `eval run -o json` wrote, `-`, or an experiment. [default: `scores` of the gate]
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) scores: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("claim").required(true).args(["at_least", "not_worse_than"]))]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Show a rate of at least this.
    #[arg(long, value_name = "RATE")]
    pub(crate) at_least: Option<f64>,
    /// Show a rate not below this one, or this baseline of the server, by more than --margin.
    #[arg(long, value_name = "RATE|BASELINE", requires = "margin")]
    pub(crate) not_worse_than: Option<String>,
    /// How far below is still acceptable: 0.02 is two points.
    #[arg(long)]
    pub(crate) margin: Option<f64>,
    /// Trials that the baseline's rate rests on; without it the rate counts as known.
    #[arg(long, value_name = "N")]
    pub(crate) baseline_n: Option<u64>,
    /// The rate that the agent is supposed to have.
    #[arg(long, value_name = "RATE")]
    pub(crate) assumed: Option<f64>,
    #[arg(long, default_value_t = 0.95)]
    pub(crate) confidence: f64,
    /// The chance of showing it when the supposition holds.
    #[arg(long, default_value_t = 0.8)]
    pub(crate) power: f64,
    /// Trials of each case.
    #[arg(long, default_value_t = 1)]
    pub(crate) trials: u64,
    /// How much trials of one case resemble each other, from 0 to 1.
    #[arg(long)]
    pub(crate) icc: Option<f64>,
    /// Take what is not given from these scores: a file that `eval run -o json` wrote, or an experiment.
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) experiment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MonitorCommand {
    /// Watch runs from now on.
    Create(MonitorCreateArgs),
    /// All monitors.
    List(KeptArgs),
    /// One monitor with the last points of its chart.
    Show(MonitorArgs),
    /// Stop watching, and forget what was seen.
    Delete(MonitorArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MonitorCreateArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) name: String,
    /// Evaluator, with parameters if any: `cost_usd:at_most=0.05`.
    #[arg(short, long, value_name = "EVALUATOR")]
    pub(crate) evaluator: String,
    /// Which runs: `agent=helm`, `model=…`, `session=…`, `source=…`, `from=…`, `to=…`. [default: all]
    #[arg(long, num_args = 1.., value_name = "SELECTOR")]
    pub(crate) runs: Vec<String>,
    /// Eval set of the server, by name or digest.
    #[arg(long, value_name = "SET")]
    pub(crate) set: Option<String>,
    /// What is one observation: run, session or case.
    #[arg(long, default_value = "run")]
    pub(crate) unit: String,
    /// With `--unit case`: a case counts once it has so many trials.
    #[arg(long, value_name = "N")]
    pub(crate) trials_per_case: Option<u64>,
    /// Error rate of the interval, over all time.
    #[arg(long, default_value_t = 0.05)]
    pub(crate) alpha: f64,
    /// The rate below which it raises the alarm; without one it only measures.
    #[arg(long, value_name = "RATE")]
    pub(crate) baseline: Option<f64>,
    /// Mean number of observations between false alarms, at least. [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) average_run_length: Option<f64>,
    /// Begin with the first stored run.
    #[arg(long)]
    pub(crate) include_past: bool,
    /// Let runs count as evidence that only the agent itself reported.
    #[arg(long)]
    pub(crate) count_sdk_evidence: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MonitorArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) id: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SetCommand {
    /// The newest version of every set.
    List(KeptArgs),
    /// Keep a file as the newest version of a set.
    Upload(SetUploadArgs),
    /// Make what a run did what is expected of a case.
    Golden(SetGoldenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetUploadArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// An ADK EvalSet or `.test.json`.
    pub(crate) file: PathBuf,
    /// Name of the set. [default: the one in the file]
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SetGoldenArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The run's id, or the first characters of one.
    pub(crate) run_id: String,
    /// Name of the set; it is made when there is none.
    #[arg(long)]
    pub(crate) set: String,
    /// Id of the case. [default: the run's]
    #[arg(long)]
    pub(crate) case: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// An agent digest.
    #[arg(long)]
    pub(crate) digest: Option<String>,
    #[arg(long)]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The agent digest that the evidence is about, as `mizzen eval evidence -o json` shows it as `subject`.
    pub(crate) digest: String,
    /// As `mizzen eval evidence -o json` shows it as `rule_metric`.
    pub(crate) metric: String,
    /// Why; who is refused for want of this evidence will read it.
    #[arg(long)]
    pub(crate) reason: String,
}
