//! What a person may type after `mizzen policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{ClientArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Store boundaries and Cedar policies, and put them in force.
    Apply(ApplyArgs),
    /// List what is in force, or print one.
    Get(GetArgs),
    /// Take a boundary or policy away. Its versions stay.
    Delete(DeleteArgs),
    /// Let a boundary watch, or let it decide.
    Mode(ModeArgs),
    /// Check files, by themselves or beside what is in force.
    ///
    /// Exit code 1 when something is wrong with them.
    Check(CheckArgs),
    /// Put the requests of a file before policies, and compare the answers with what the file expects.
    ///
    /// Exit code 1 when one is not as expected.
    Test(TestArgs),
    /// Say which recorded decisions other policies would have made differently.
    Impact(ImpactArgs),
    /// Say what was decided, on what ground, and what would be decided now.
    Explain(ExplainArgs),
}

/// How one thing or a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum GetFormat {
    #[default]
    Table,
    Json,
    /// A boundary as its owner wrote it.
    Yaml,
    /// What it is in Cedar.
    Cedar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Boundary,
    Policy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWord {
    Observe,
    Enforce,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// `*.yaml` is a boundary, `*.cedar` is Cedar; of a folder every such file.
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Why; kept with the version and in the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Output format.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: GetFormat,
    /// All, when absent.
    pub(crate) name: Option<String>,
    /// When a boundary and a policy have the same name. [default: the boundary]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    pub(crate) name: String,
    /// When a boundary and a policy have the same name. [default: the boundary]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// Why; kept with the version and in the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    pub(crate) name: String,
    #[arg(value_enum)]
    pub(crate) mode: ModeWord,
    /// Why; kept with the version and in the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Files or folders; they are checked together, as one set.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) files: Vec<PathBuf>,
    /// The tools as their servers describe them: a JSON array of `{server, name, inputSchema}`. Limits on arguments that a
    /// tool does not have are then found.
    #[arg(long, value_name = "FILE")]
    pub(crate) tools: Option<PathBuf>,
    /// Ask the server: beside the policies in force there, and against the tools of its tool servers.
    #[arg(long)]
    pub(crate) live: bool,
}

/// How results of tests are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum TestFormat {
    #[default]
    Table,
    Json,
    Junit,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Output format.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: TestFormat,
    /// Requests with what is expected, in YAML.
    pub(crate) cases: PathBuf,
    /// Policies to test, without a server: files or folders. [default: the policies in force]
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub(crate) policy: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ImpactArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Files or folders; they take the place of what has the same names in force.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) files: Vec<PathBuf>,
    /// How far to look back.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) days: u32,
    /// What if this boundary were taken away.
    #[arg(long, value_name = "BOUNDARY")]
    pub(crate) remove: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// As refusals, lists and the audit log name it, for example `dec_Zm9v`.
    #[arg(value_name = "DECISION")]
    pub(crate) id: String,
}
