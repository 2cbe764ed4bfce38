//! `bench ingest`: what a span costs until a query can see it.
//!
//! Both servers get the same bytes in the same requests over OTLP/HTTP. Processor time counts from the first byte sent
//! until every span is in the answer of a query *and* the server is at rest, so that work put off is not work saved.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::peer::PHOENIX;
use super::process::{Tree, folder_bytes};
use super::server::{Folder, Mizzen, Server};
use super::table::{self, mebibytes, thousands};
use super::{http, load, payload};
use crate::command::free_port;

#[derive(Debug, Args)]
pub(super) struct IngestArgs {
    /// Spans that Mizzen and the peer both get; rounded up to whole runs of 20.
    #[arg(long, default_value_t = 20_000)]
    spans: u64,
    /// Spans of a longer load for Mizzen alone: the peer would need an hour.
    #[arg(long, default_value_t = 600_000)]
    more_spans: u64,
    /// Leave the peer out.
    #[arg(long)]
    alone: bool,
}

const QUERYABLE_LIMIT: Duration = Duration::from_secs(900);
const REST_LIMIT: Duration = Duration::from_secs(120);

struct Measured {
    spans: u64,
    cpu_seconds: f64,
    acknowledged_seconds: f64,
    queryable_seconds: f64,
    disk_bytes: u64,
    resident_bytes: u64,
    resident_bytes_max: u64,
}

pub(super) fn run(args: &IngestArgs) -> Result<()> {
    let same = payload(args.spans)?;
    let mut rows = vec![mizzen(&same).context("Mizzen could not be measured")?.row("mizzen", &same)?];
    if !args.alone {
        rows.push(match phoenix(&same) {
            Ok(measured) => measured.row(PHOENIX.package, &same)?,
            Err(error) => table::not_run(PHOENIX.package, &error),
        });
    }
    if args.more_spans > 0 {
        let more = payload(args.more_spans)?;
        rows.push(mizzen(&more).context("Mizzen could not be measured")?.row("mizzen", &more)?);
    }
    let headings = [
        "OTLP/HTTP, 1 KB GenAI spans",
        "spans",
        "spans per CPU s",
        "acknowledged s",
        "in queries s",
        "bytes per span",
        "of zstd -3",
        "resident",
        "at most",
    ];
    table::print("cargo xtask bench ingest", &headings, &rows);
    Ok(())
}

impl Measured {
    fn row(&self, name: &str, payload: &[String]) -> Result<Vec<String>> {
        let size = load(&[&["size".to_owned()][..], payload].concat())?;
        let zstd_bytes = size["zstd_bytes"].as_u64().context("no size")?;
        Ok(vec![
            name.to_owned(),
            thousands(self.spans as f64),
            thousands(self.spans as f64 / self.cpu_seconds),
            format!("{:.1}", self.acknowledged_seconds),
            format!("{:.1}", self.queryable_seconds),
            thousands(self.disk_bytes as f64 / self.spans as f64),
            format!("{:.2} x", self.disk_bytes as f64 / zstd_bytes as f64),
            mebibytes(self.resident_bytes),
            mebibytes(self.resident_bytes_max),
        ])
    }
}

fn mizzen(payload: &[String]) -> Result<Measured> {
    let mizzen = Mizzen::start("")?;
    let count = || mizzen.number("SELECT count(*) FROM spans");
    measure(mizzen.server.tree(), &mizzen.otlp_http, &mizzen.data_dir, payload, count)
}

fn phoenix(payload: &[String]) -> Result<Measured> {
    let programs = PHOENIX.install()?;
    let folder = Folder::new("phoenix")?;
    let data = folder.0.join("data");
    std::fs::create_dir_all(&data)?;
    let port = free_port()?;
    let url = format!("http://127.0.0.1:{port}");
    let mut command = Command::new(programs.join("phoenix"));
    command
        .arg("serve")
        .env("PHOENIX_HOST", "127.0.0.1")
        .env("PHOENIX_PORT", port.to_string())
        .env("PHOENIX_GRPC_PORT", free_port()?.to_string())
        .env("PHOENIX_WORKING_DIR", &data)
        .env("PHOENIX_TELEMETRY_ENABLED", "false");
    let server = Server::start(&mut command, &folder.0.join("log"), &url, "/healthz")?;
    let count = || {
        let query = r#"{"query":"{ projects { edges { node { recordCount } } } }"}"#;
        let answer = http::json("POST", &format!("{url}/graphql"), None, query)?;
        let projects = answer["data"]["projects"]["edges"].as_array().context("no projects")?;
        Ok(projects.iter().filter_map(|edge: &Value| edge["node"]["recordCount"].as_u64()).sum())
    };
    measure(server.tree(), &url, &data, payload, count)
}

fn measure(
    tree: Tree,
    url: &str,
    data: &Path,
    payload: &[String],
    count: impl Fn() -> Result<u64>,
) -> Result<Measured> {
    tree.wait_for_rest(REST_LIMIT)?;
    let (cpu_before, disk_before) = (tree.cpu_micros()?, folder_bytes(data)?);
    let started = Instant::now();
    let sent = load(&[&["spans", "--url", url].map(str::to_owned)[..], payload].concat())?;
    let acknowledged_seconds = started.elapsed().as_secs_f64();
    let acknowledged = sent["spans"].as_u64().unwrap_or(0);
    ensure!(sent["failed"] == 0 && sent["rejected"] == 0, "not every span was acknowledged: {sent}");
    let queryable_seconds = wait_until_queryable(started, acknowledged, count)?;
    ensure!(tree.wait_for_rest(REST_LIMIT)?, "the server does not come to rest");
    Ok(Measured {
        spans: acknowledged,
        cpu_seconds: (tree.cpu_micros()? - cpu_before) as f64 / 1e6,
        acknowledged_seconds,
        queryable_seconds,
        disk_bytes: folder_bytes(data)?.saturating_sub(disk_before),
        resident_bytes: tree.resident_bytes()?,
        resident_bytes_max: tree.resident_bytes_max()?,
    })
}

/// Asks rarely at the end: the questions are part of what is measured.
fn wait_until_queryable(started: Instant, spans: u64, count: impl Fn() -> Result<u64>) -> Result<f64> {
    let mut pause = Duration::from_millis(100);
    loop {
        let seen = count()?;
        if seen >= spans {
            ensure!(seen == spans, "{seen} spans in queries of {spans} that were sent");
            return Ok(started.elapsed().as_secs_f64());
        }
        ensure!(started.elapsed() < QUERYABLE_LIMIT, "only {seen} of {spans} spans are in queries");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}
