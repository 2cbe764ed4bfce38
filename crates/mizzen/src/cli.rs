//! The command line: what a person may type, and nothing of what it does.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use mizzen_model::id::Digest;

/// The operational layer for AI agents, in one binary.
///
/// Exit codes: 0 done, 1 the answer is no (not found, refused), 2 wrong usage, 3 Mizzen could not be reached or could
/// not do its work. `mizzen eval run`, `compare`, `gate` and `plan` say 0 pass, 1 fail, 2 inconclusive, 3 could not run,
/// and `mizzen scorecard assert` 0 reached, 1 below, 2 no evidence, 3 could not tell. `mizzen run` passes on the exit
/// code of its command, 128 + N when signal N ended it, and uses 125, 126 and 127 for its own failures as `env` does.
#[derive(Debug, Parser)]
#[command(name = "mizzen", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads the command line of this process.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let mut command = with_negative_numbers(Cli::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|error| with_plain_usage(error, command))
}

/// `--limit -1` is a wrong number, not an unknown option.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let is_option = arg.get_long().is_some() && arg.get_action().takes_values();
            if is_option { arg.allow_negative_numbers(true) } else { arg }
        })
        .mut_subcommands(with_negative_numbers)
}

/// The usage of the command that was meant, as its help has it: by itself clap also lists every option that the environment
/// sets, as if it were required.
fn with_plain_usage(mut error: clap::Error, mut command: clap::Command) -> clap::Error {
    if error.get(ContextKind::Usage).is_none() {
        return error;
    }
    command.build();
    let mut meant = command;
    for word in std::env::args_os().skip(1) {
        match meant.find_subcommand(&word) {
            Some(next) => meant = next.clone(),
            None => break,
        }
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(meant.render_usage()));
    error
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start Mizzen: portal, API, LLM gateway and OTLP receivers.
    Up(UpArgs),
    /// Run an unmodified agent: its model calls and its OpenTelemetry go through Mizzen.
    Run(RunArgs),
    /// List, show and follow runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Import traces: Jaeger JSON, OTLP JSON or JSONL, Tempo batches.
    Import(ImportArgs),
    /// Start something new from a template: an agent, a tool server, a skill, an eval set; or bring what was made up to date.
    ///
    /// Writes a folder, and does on the server what the template says: puts a boundary in force, keeps an eval set, makes
    /// entries in the catalog. `--dry-run` shows both and does neither.
    Init(crate::init::cli::InitArgs),
    /// Ask in SQL: tables `runs`, `steps`, `spans`, `logs`, `metrics`, `scores`, `decisions`; read-only.
    ///
    /// `attributes`, `resource` and `events` are JSON: `attr(attributes, 'gen_ai.request.temperature')` reads a value.
    Query(QueryArgs),
    /// Score runs, with what that leaves uncertain.
    #[command(subcommand)]
    Eval(crate::eval::cli::EvalCommand),
    /// Say what a person thinks of a run.
    Label(LabelArgs),
    /// How people do the work that an agent is to do.
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Put documents into the catalog: agents, tool servers, models, skills, their owners and what they depend on.
    ///
    /// Exit code 1 when a document was rejected.
    Apply(crate::catalog::cli::ApplyArgs),
    /// List what is in the catalog, or print one entity.
    Get(crate::catalog::cli::GetArgs),
    /// Take entities out of the catalog.
    Delete(crate::catalog::cli::DeleteArgs),
    /// Ask for the review of a version that was a draft or was rejected.
    Submit(crate::catalog::cli::StepArgs),
    /// Allow a version: its digest, whatever the tag will mean later.
    Approve(crate::catalog::cli::StepArgs),
    /// Refuse a version.
    Reject(crate::catalog::cli::RejectArgs),
    /// Say that a version is still usable, and not to be taken up any more.
    Deprecate(crate::catalog::cli::StepArgs),
    /// Say that a version is not to be used any more.
    Retire(crate::catalog::cli::StepArgs),
    /// What agents may do: boundaries, Cedar policies, decisions.
    #[command(subcommand)]
    Policy(crate::policy::cli::PolicyCommand),
    /// Keys of agents, and keys of model providers.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// API tokens: what bots, scripts and people without a browser show to the API.
    #[command(subcommand)]
    Tokens(crate::tokens::TokensCommand),
    /// Tool servers behind the tool gateway.
    #[command(subcommand)]
    Tools(crate::tools::cli::ToolsCommand),
    /// Calls that wait for a person.
    #[command(subcommand)]
    Approvals(crate::permission::cli::ApprovalsCommand),
    /// How much money, tokens, calls and time agents may take.
    #[command(subcommand)]
    Budgets(crate::permission::cli::BudgetsCommand),
    /// Pause or stop an agent, a team's agents, or all, at once.
    Pause(crate::permission::cli::PauseArgs),
    /// Let what was paused go on; without an id, list what is paused.
    Resume(crate::permission::cli::ResumeArgs),
    /// Who did what, with which permission: entries, proofs, and the check of a copy.
    #[command(subcommand)]
    Audit(crate::audit::cli::AuditCommand),
    /// Save everything to one file, while Mizzen runs.
    Backup(BackupArgs),
    /// Unpack a backup into an empty data folder.
    Restore(RestoreArgs),
    /// Whether agents have earned their place: checks over what was seen, in four levels.
    Scorecard(Box<crate::scorecard::cli::ScorecardArgs>),
    /// Simulated inference engines.
    #[command(subcommand)]
    Sim(SimCommand),
    /// Check this machine and a running Mizzen, and say what to do next.
    Doctor(ClientArgs),
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a one-time sign-in link for the portal.
    Signin(ClientArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file; every key has a default. [default: mizzen.toml, when it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds all of Mizzen's data; created on first start. [default: mizzen-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Portal, API and gateway. [default: 127.0.0.1:7600]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// OTLP over gRPC. [default: 127.0.0.1:4317]
    #[arg(long, value_name = "ADDR")]
    pub(crate) otlp_grpc_listen: Option<SocketAddr>,
    /// OTLP over HTTP. [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDR")]
    pub(crate) otlp_http_listen: Option<SocketAddr>,
}

/// Where client commands look for a server that nobody names.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:7600";
/// Where they look for its administration token.
pub(crate) const DEFAULT_DATA_DIR: &str = "mizzen-data";

/// How client commands find the server and prove who they are.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    /// Where Mizzen listens.
    #[arg(long, env = "MIZZEN_URL", default_value = DEFAULT_URL, value_name = "URL")]
    pub(crate) url: String,
    /// Administration token. [default: the file `admin-token` in the data folder]
    #[arg(long, env = "MIZZEN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Data folder to read `admin-token` from.
    #[arg(long, env = "MIZZEN_DATA_DIR", default_value = DEFAULT_DATA_DIR, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// Output format.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The agent's name. [default: the name of the script or program]
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// What evidence about this agent is about, for example the digest of its image. [default: over program and script]
    #[arg(long, value_name = "SHA256")]
    pub(crate) agent_digest: Option<Digest>,
    /// A version of the agent in the catalog, by tag or digest, instead of a digest of your own.
    #[arg(long, value_name = "TAG", conflicts_with = "agent_digest")]
    pub(crate) version: Option<String>,
    /// Whose agent it is.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// The case of an eval set that this run is a trial of.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) case: Option<String>,
    /// Print nothing at the end.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// The newest runs, one a line.
    List(RunsListArgs),
    /// One run as a story: messages, tool calls, results, errors.
    Show(RunsShowArgs),
    /// Follow runs as they change.
    Tail(RunsTailArgs),
    /// Delete a run and all its spans.
    Delete(RunsShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunsListArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Only runs of this agent.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only runs that called this model.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Only runs that ended so: ok, error or unset.
    #[arg(long)]
    pub(crate) outcome: Option<String>,
    /// Only runs whose title, agent or id contains this.
    #[arg(long, short)]
    pub(crate) search: Option<String>,
    /// At most this many.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RunsShowArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The run's id, or the first characters of one.
    pub(crate) run_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct RunsTailArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Files to import; `-` is standard input.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// One SELECT statement.
    pub(crate) sql: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Store a provider's key, read from the terminal or from standard input.
    Add(KeysAddArgs),
    /// Make a key for an agent; it is shown once.
    Create(KeysCreateArgs),
    /// Agents' keys and providers' keys, without their secrets.
    List(KeysListArgs),
    /// Revoke an agent's key by its id, or forget a provider's key by its name.
    Revoke(KeysRevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeysAddArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The provider's name, for example `openai` or `anthropic`.
    pub(crate) provider: String,
    /// Keep a reference to this environment variable of the server instead of the key itself.
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct KeysCreateArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What the key is called in lists.
    pub(crate) name: String,
    /// The agent that presents it.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Whose agent that is.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// What exactly will present it, for example the digest of its image: evidence is about a digest.
    #[arg(long, value_name = "SHA256")]
    pub(crate) agent_digest: Option<Digest>,
    /// A version of the agent in the catalog, by tag or digest, instead of a digest of your own.
    #[arg(long, value_name = "TAG", conflicts_with = "agent_digest")]
    pub(crate) version: Option<String>,
    /// Valid for so many seconds; for ever when absent.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ttl_seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct KeysListArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeysRevokeArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// A key's id or a provider's name.
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct LabelArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The run's id, or the first characters of one.
    pub(crate) run_id: String,
    /// A number from 0 to 1, `good`, `bad` or `partly`.
    pub(crate) value: String,
    /// What is judged.
    #[arg(long, default_value = "success")]
    pub(crate) metric: String,
    /// Why.
    #[arg(long)]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Record how people do the work: counts, or labelled cases.
    Record(BaselineRecordArgs),
    /// All baselines.
    List(crate::eval::cli::KeptArgs),
    /// Compare safety, success, cost and time of an experiment with a baseline.
    Compare(BaselineCompareArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BaselineRecordArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) name: String,
    #[arg(long, default_value = "success")]
    pub(crate) metric: String,
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// How many times the work was done.
    #[arg(long, required_unless_present = "cases")]
    pub(crate) n: Option<u64>,
    #[arg(long, required_unless_present = "cases")]
    pub(crate) successes: Option<u64>,
    /// Incidents among them; leave it out when nobody counted.
    #[arg(long, value_name = "N")]
    pub(crate) safety_events: Option<u64>,
    #[arg(long, value_name = "USD")]
    pub(crate) cost_usd_total: Option<f64>,
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration_seconds_total: Option<f64>,
    /// Labelled cases: a JSON list of `{case, success, safety_event, cost_usd, duration_seconds}`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["n", "successes"])]
    pub(crate) cases: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BaselineCompareArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) name: String,
    /// Id of the experiment.
    pub(crate) experiment: String,
    /// The evaluator whose scores say success. [default: task_success]
    #[arg(long)]
    pub(crate) evaluator: Option<String>,
    /// The evaluator that counts safety events. [default: denied_actions]
    #[arg(long)]
    pub(crate) safety_evaluator: Option<String>,
    /// How far below the people's rate is still acceptable.
    #[arg(long, default_value_t = 0.02)]
    pub(crate) margin: f64,
    #[arg(long, default_value_t = 0.05)]
    pub(crate) alpha: f64,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Where to write; must not exist.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup.
    pub(crate) file: PathBuf,
    /// The folder to create; must be absent or empty.
    #[arg(long, default_value = "mizzen-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// An OpenAI-compatible engine with seeded latency and scripted answers.
    Serve(SimServeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SimServeArgs {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:7700", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Model name, latency and script (TOML); defaults answer at once.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is valid.
    Check(ConfigArgs),
    /// Print what would be used, secrets redacted.
    Print(ConfigArgs),
}

#[cfg(test)]
mod tests;
