//! What a person may type about the catalog.

use clap::{Args, ValueEnum};

use crate::cli::{ClientArgs, OutputArgs};

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// A file, a folder with everything below it, an `http` or `https` address, or `-` for standard input.
    ///
    /// Backstage's `catalog-info.yaml`, agentregistry's manifests, an MCP `server.json`, an A2A agent card or a `SKILL.md`. Of a
    /// folder: every `*.yaml`, `*.yml`, `*.json` and `SKILL.md` that is one of them, or was meant to be.
    #[arg(short = 'f', long = "file", value_name = "FILE|DIR|URL|-", required = true)]
    pub(crate) files: Vec<String>,
    /// Only say what would happen.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Keep new versions as drafts: nobody is asked to review them before `mizzen submit`.
    #[arg(long)]
    pub(crate) draft: bool,
    /// Name the files of a folder that are left out, too.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// How entities are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum GetFormat {
    #[default]
    Table,
    Json,
    /// What can be applied again.
    Yaml,
    /// A table with more columns.
    Wide,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Output format.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: GetFormat,
    /// A kind (`component`), a class (`agent`, `tool_server`, `model`, …), `all`, or a reference (`component:default/shop`).
    #[arg(value_name = "KIND|REF")]
    pub(crate) what: String,
    /// The name, or `namespace/name`, of one of that kind.
    pub(crate) name: Option<String>,
    /// Only what this group or user owns; `none`: nobody.
    #[arg(long, value_name = "REF")]
    pub(crate) owner: Option<String>,
    /// Only versions in this state: draft, pending, approved, rejected, deprecated or retired.
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only what these words are in.
    #[arg(long, short)]
    pub(crate) search: Option<String>,
    /// At most this many. [default: all]
    #[arg(long, short = 'n')]
    pub(crate) limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// For example `component:default/shop`.
    #[arg(value_name = "REF", required = true)]
    pub(crate) references: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// For example `component:default/shop`.
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Which version. [default: the one that was applied last]
    #[arg(value_name = "TAG|DIGEST")]
    pub(crate) version: Option<String>,
    /// Why; kept with the version and in the audit log.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RejectArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// For example `component:default/shop`.
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Which version. [default: the one that was applied last]
    #[arg(value_name = "TAG|DIGEST")]
    pub(crate) version: Option<String>,
    /// Why: whoever made the version must learn what to change.
    #[arg(long, value_name = "TEXT", required = true)]
    pub(crate) reason: String,
}

impl From<RejectArgs> for StepArgs {
    fn from(RejectArgs { client, output, reference, version, reason }: RejectArgs) -> Self {
        Self { client, output, reference, version, reason: Some(reason) }
    }
}
