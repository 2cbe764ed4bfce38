//! `cargo xtask bench`: measures the release binary, beside the peers that people would use instead, in one run.
//!
//! Everything runs on loopback for a bounded time. Numbers mean something on a quiet machine only; ratios between rows
//! of one table mean more than the rows.

mod http;
mod ingest;
mod peer;
mod process;
mod proxy;
mod server;
mod store;
mod table;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::command::{command, read, run as run_command, target};

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// OTLP spans per CPU second, bytes on disk and memory, beside Arize Phoenix.
    Ingest(ingest::IngestArgs),
    /// CPU and latency that a gateway adds to a call, beside four routers.
    Proxy(proxy::ProxyArgs),
    /// The portal's questions over millions of stored spans.
    Store(store::StoreArgs),
}

/// Builds what it needs, measures, prints tables.
///
/// # Errors
/// When Mizzen itself cannot be built or measured. A peer that cannot is a row that says why.
pub(crate) fn run(args: BenchArgs) -> Result<()> {
    run_command(&mut command("cargo", &["build", "--release", "-p", "mizzen"]))?;
    run_command(&mut command("cargo", &["build", "--release", "-p", "mizzen-testkit", "--bin", "mizzen-load"]))?;
    match args.bench {
        Bench::Ingest(args) => ingest::run(&args),
        Bench::Proxy(args) => proxy::run(&args),
        Bench::Store(args) => store::run(&args),
    }
}

fn binary(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// Runs the load program with `args` and gives its report.
fn load(args: &[&str]) -> Result<Value> {
    let text = read(Command::new(binary("mizzen-load")).args(args))?;
    serde_json::from_str(&text).context("the load program printed no JSON")
}
