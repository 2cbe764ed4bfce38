//! What a person may type after `mizzen init`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{ClientArgs, OutputArgs};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The template, for example `agent-tool-using`; with --update, the folder that was made. [default: .]
    pub(crate) template: Option<String>,
    /// The folder to write; what is made is called as it is unless `--set name=…` says otherwise. [default: the name of what
    /// is made]
    #[arg(conflicts_with = "update")]
    pub(crate) dir: Option<PathBuf>,
    /// Answer a question: `--set name=helper`; lists and numbers as JSON. On a terminal, what is not answered is asked.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Show what would be made, in the folder and on the server, and make nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show what there is to start from.
    #[arg(long, conflicts_with_all = ["template", "dir", "set", "dry_run", "update"])]
    pub(crate) list: bool,
    /// Show what has changed in the template since the folder was made from it.
    #[arg(long, conflicts_with = "set")]
    pub(crate) update: bool,
    /// Write the update; what both sides changed is written with marks.
    #[arg(long, requires = "update", conflicts_with = "dry_run")]
    pub(crate) yes: bool,
}
