//! What the commands of permission take.

use clap::{Args, Subcommand};

use crate::cli::{ClientArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Calls that wait for a person; with --all also those that were answered.
    List(ApprovalsListArgs),
    /// One held call with its arguments and what its run has touched.
    Show(ApprovalsShowArgs),
    /// Let a held call go out, once.
    Approve(AnswerArgs),
    /// Refuse a held call.
    Deny(AnswerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ApprovalsListArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// waiting, approved, denied, expired, used or stopped.
    #[arg(long, conflicts_with = "all")]
    pub(crate) state: Option<String>,
    /// Whatever became of them.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only calls of this agent.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only calls of this run.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// At most this many.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ApprovalsShowArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) id: String,
    /// Why; the agent is told of a refusal's reason.
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetsCommand {
    /// All budgets, and what is left of them.
    List(BudgetsListArgs),
    /// Set a budget, or change it; what was spent stays spent.
    Set(Box<BudgetsSetArgs>),
    /// Remove a budget, and forget what was spent.
    Remove(BudgetsRemoveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BudgetsListArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BudgetsSetArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    pub(crate) name: String,
    /// Only calls of this agent count; `*` stands for any characters. [default: everybody's]
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only calls of this team's agents count.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Who shares one account: everyone, agent, team, session (header `mizzen-session`, or MCP session) or run.
    #[arg(long, default_value = "agent")]
    pub(crate) per: String,
    /// When it begins anew: hour, day, week or whole (never), in UTC. [default: day]
    #[arg(long)]
    pub(crate) window: Option<String>,
    /// In place of `--window`: it begins anew after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) window_seconds: Option<u64>,
    /// enforce, or observe: count and refuse nothing.
    #[arg(long, default_value = "enforce")]
    pub(crate) mode: String,
    #[arg(long, value_name = "USD")]
    pub(crate) cost_usd: Option<f64>,
    #[arg(long)]
    pub(crate) tokens: Option<u64>,
    #[arg(long)]
    pub(crate) calls: Option<u64>,
    /// Time that calls take.
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct BudgetsRemoveArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    pub(crate) name: String,
}

/// One of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whom {
    /// This agent.
    pub(crate) agent: Option<String>,
    /// All agents of this team.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Every agent.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// Why; the agent is told.
    #[arg(long)]
    pub(crate) reason: String,
    /// End calls in flight and held calls too.
    #[arg(long)]
    pub(crate) stop: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Of the pause; without it, what is paused is listed.
    pub(crate) id: Option<String>,
}
