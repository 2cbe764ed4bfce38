//! `cargo xtask bench`: measures the release binary, beside the peers that people would use instead, in one run.
//!
//! Everything runs on loopback for a bounded time. Numbers mean something on a quiet machine only; ratios between rows
//! of one table mean more than the rows.

mod audit;
mod catalog;
mod eval;
mod http;
mod ingest;
mod mcp;
mod peer;
mod policy;
mod process;
mod proxy;
mod scores;
mod server;
mod store;
mod table;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::command::{command, read, run as run_command, target};

/// What the load program makes: 20 spans a run, a run about every 40 ms.
const SPANS_PER_RUN: u64 = 20;
const RUN_EVERY: Duration = Duration::from_millis(41);

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Durable audit entries per second, and how long one waits.
    Audit(audit::AuditArgs),
    /// The portal's questions over a large catalog.
    Catalog(catalog::CatalogArgs),
    /// Processor time and memory to score trace files, beside agentevals.
    Eval(eval::EvalArgs),
    /// OTLP spans per CPU second, bytes on disk and memory, beside Arize Phoenix.
    Ingest(ingest::IngestArgs),
    /// What the tool gateway adds to a tool call, beside ContextForge, and what sessions that come and go leave behind.
    Mcp(mcp::McpArgs),
    /// From raw arguments to a decision, with 10 to 10,000 policies, beside plain Cedar.
    Policy(policy::PolicyArgs),
    /// CPU and latency that a gateway adds to a call, beside four routers.
    Proxy(proxy::ProxyArgs),
    /// A million stored runs under an evaluator that counts.
    Scores(scores::ScoresArgs),
    /// The portal's questions over millions of stored spans.
    Store(store::StoreArgs),
}

/// Builds what it needs, measures, prints tables.
///
/// # Errors
/// When Mizzen itself cannot be built or measured. A peer that cannot is a row that says why.
pub(crate) fn run(args: BenchArgs) -> Result<()> {
    // Some measure one part of the product and build that themselves.
    if !matches!(args.bench, Bench::Audit(_) | Bench::Policy(_)) {
        run_command(&mut command("cargo", &["build", "--release", "-p", "mizzen"]))?;
        run_command(&mut command("cargo", &["build", "--release", "-p", "mizzen-testkit", "--bin", "mizzen-load"]))?;
    }
    match args.bench {
        Bench::Audit(args) => audit::run(&args),
        Bench::Catalog(args) => catalog::run(&args),
        Bench::Eval(args) => eval::run(&args),
        Bench::Ingest(args) => ingest::run(&args),
        Bench::Mcp(args) => mcp::run(&args),
        Bench::Policy(args) => policy::run(&args),
        Bench::Proxy(args) => proxy::run(&args),
        Bench::Scores(args) => scores::run(&args),
        Bench::Store(args) => store::run(&args),
    }
}

fn binary(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// Arguments of the load program for `spans` spans that end about now, so that no retention takes them. The same
/// arguments give the same bytes.
fn payload(spans: u64) -> Result<Vec<String>> {
    #[allow(clippy::disallowed_methods, reason = "a benchmark has no clock to inject")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let runs = u32::try_from(spans / SPANS_PER_RUN)?;
    let start = now.saturating_sub(RUN_EVERY * runs + Duration::from_secs(60));
    Ok(["--spans", &spans.to_string(), "--start-unix-nanos", &start.as_nanos().to_string()].map(str::to_owned).to_vec())
}

/// Runs the load program with `args` and gives its report.
fn load<S: AsRef<OsStr>>(args: &[S]) -> Result<Value> {
    let text = read(Command::new(binary("mizzen-load")).args(args))?;
    serde_json::from_str(&text).context("the load program printed no JSON")
}
