//! `mizzen-load`: load and payloads for `cargo xtask bench`, one JSON object on standard output.
//!
//! A program of its own, so that it is optimised and the small `xtask` need not be, and so that its processor time is
//! nobody else's.
#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use mizzen_testkit::load::{CallLoad, SpanLoad, ToolLoad, call, call_tools, export};
use mizzen_testkit::otlp::{Runs, SPANS_PER_RUN};
use prost::Message as _;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Chat calls.
    Calls(Calls),
    /// Tool calls in sessions of MCP.
    Tools(Tools),
    /// OTLP spans over HTTP.
    Spans(Spans),
    /// Size of the same spans as one file, plain and under `zstd -3`.
    Size(Payload),
}

#[derive(Debug, Args)]
struct Calls {
    #[arg(long)]
    url: String,
    #[arg(long, default_value = "sim-1")]
    model: String,
    #[arg(long, default_value = "")]
    key: String,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[arg(long, default_value_t = usize::MAX)]
    requests: usize,
    #[arg(long)]
    stream: bool,
    #[arg(long, default_value_t = 512)]
    max_tokens: u32,
    #[arg(long, default_value_t = 2048)]
    body_bytes: usize,
}

#[derive(Debug, Args)]
struct Tools {
    #[arg(long)]
    url: String,
    #[arg(long)]
    tool: String,
    #[arg(long, default_value = "")]
    key: String,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[arg(long, default_value_t = usize::MAX)]
    calls: usize,
    #[arg(long, default_value_t = usize::MAX)]
    calls_per_session: usize,
}

#[derive(Debug, Args)]
struct Payload {
    /// Rounded up to whole runs of 20.
    #[arg(long, default_value_t = 100_000)]
    spans: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 25)]
    runs_per_request: u64,
    #[arg(long, default_value_t = 1_763_800_000_000_000_000)]
    start_unix_nanos: u64,
}

#[derive(Debug, Args)]
struct Spans {
    #[command(flatten)]
    payload: Payload,
    #[arg(long)]
    url: String,
    #[arg(long, default_value = "")]
    key: String,
    #[arg(long, default_value_t = 4)]
    connections: usize,
}

// One thread: the servers under test need the other core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let report = match Cli::parse().command {
        Command::Calls(args) => calls(args).await?,
        Command::Tools(args) => tools(args).await?,
        Command::Spans(args) => spans(args).await?,
        Command::Size(args) => size(&args)?,
    };
    println!("{report}");
    Ok(())
}

async fn calls(args: Calls) -> Result<serde_json::Value> {
    let load = CallLoad {
        model: args.model,
        key: args.key,
        stream: args.stream,
        max_tokens: args.max_tokens,
        body_bytes: args.body_bytes,
        requests_max: args.requests,
        ..CallLoad::to(&args.url)
    };
    let duration = Duration::try_from_secs_f64(args.seconds).context("--seconds is not a duration")?;
    let report = call(&load, args.connections, duration).await?;
    serde_json::to_value(report).context("the report is no JSON")
}

async fn tools(args: Tools) -> Result<serde_json::Value> {
    let load = ToolLoad {
        url: args.url,
        tool: args.tool,
        key: args.key,
        calls_per_session: args.calls_per_session,
        calls_max: args.calls,
    };
    let duration = Duration::try_from_secs_f64(args.seconds).context("--seconds is not a duration")?;
    let report = call_tools(&load, args.connections, duration).await?;
    serde_json::to_value(report).context("the report is no JSON")
}

async fn spans(args: Spans) -> Result<serde_json::Value> {
    let load = SpanLoad {
        seed: args.payload.seed,
        runs: args.payload.spans.div_ceil(SPANS_PER_RUN as u64),
        runs_per_request: args.payload.runs_per_request,
        start_unix_nanos: args.payload.start_unix_nanos,
        key: args.key,
        ..SpanLoad::to(&args.url)
    };
    let report = export(&load, args.connections).await?;
    serde_json::to_value(report).context("the report is no JSON")
}

fn size(args: &Payload) -> Result<serde_json::Value> {
    let mut runs = Runs::new(args.seed, args.start_unix_nanos);
    let mut left = args.spans.div_ceil(SPANS_PER_RUN as u64);
    let spans = left * SPANS_PER_RUN as u64;
    let mut bytes = 0;
    let mut compressed = zstd::Encoder::new(Vec::new(), 3).context("zstd did not start")?;
    while left > 0 {
        let count = left.min(args.runs_per_request.max(1));
        left -= count;
        let request = runs.request(usize::try_from(count)?).encode_to_vec();
        bytes += request.len();
        std::io::Write::write_all(&mut compressed, &request).context("zstd failed")?;
    }
    let zstd_bytes = compressed.finish().context("zstd failed")?.len();
    Ok(serde_json::json!({"spans": spans, "bytes": bytes, "zstd_bytes": zstd_bytes}))
}
