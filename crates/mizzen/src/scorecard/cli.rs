//! What a person may type.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{ClientArgs, OutputArgs};

/// The level that an agent has to have reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelWord {
    Known,
    Controlled,
    Proven,
    Trusted,
}

impl LevelWord {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Controlled => "controlled",
            Self::Proven => "proven",
            Self::Trusted => "trusted",
        }
    }
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ScorecardArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ScorecardCommand>,
    #[command(flatten)]
    pub(crate) shown: ShowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// An agent: `component:default/helm-agent`, or `helm-agent` for short. [default: all agents]
    #[arg(value_name = "REF")]
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScorecardCommand {
    /// Say whether an agent has reached a level, computed now.
    ///
    /// Exit codes: 0 reached, 1 a check of that level or below fails, 2 none fails and some have no evidence, 3 Mizzen could not
    /// be reached or there is no such agent (also wrong usage).
    Assert(AssertArgs),
    /// Every check in force: what it asks, why, and what to do.
    Checks(ListArgs),
    /// Every fact that a check can ask for.
    Facts(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AssertArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// An agent: `component:default/helm-agent`, or `helm-agent` for short.
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The level that it has to have reached.
    #[arg(long)]
    pub(crate) level: LevelWord,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
