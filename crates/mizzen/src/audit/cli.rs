//! What may be typed after `mizzen audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::{ClientArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// The newest entries, one a line.
    Show(ShowArgs),
    /// Check a copy of the log with nothing but the copy and the public key: 0 verified, 1 not verified.
    Verify(VerifyArgs),
    /// The proof that one entry is in the log, as a file that anybody can check.
    Proof(ProofArgs),
    /// Check such a proof, and print the entry that it proves.
    VerifyProof(VerifyProofArgs),
    /// The public key of the log, for those who verify.
    Key(ClientArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Only entries from this instant on, for example 2026-11-25T10:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub(crate) since: Option<String>,
    /// Only entries of this kind, for example decision or sign_in_refused.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only entries of this agent.
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only decisions with this effect: allow, deny or needs_approval.
    #[arg(long)]
    pub(crate) effect: Option<String>,
    /// Only entries whose resource contains this.
    #[arg(long)]
    pub(crate) resource: Option<String>,
    /// At most this many.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The folder `audit` of a data folder, or a copy of it.
    pub(crate) folder: PathBuf,
    /// The log's public key, or a file that holds it; `mizzen audit key` prints it.
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) key: String,
    /// A checkpoint that was seen later or elsewhere: the log must be no shorter and begin the same.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The public key of a witness, or a file that holds it: its cosignature must be there and right.
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) witness_key: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProofArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The entry's place in the log.
    pub(crate) index: u64,
    /// Where to write it. [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyProofArgs {
    /// What `mizzen audit proof` wrote.
    pub(crate) file: PathBuf,
    /// The log's public key, or a file that holds it.
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) key: String,
}
