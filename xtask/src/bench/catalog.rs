//! `bench catalog`: the portal's questions over a generated catalog, first of the plane itself, then of the server.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use super::http;
use super::server::{Folder, Mizzen};
use super::table::{self, thousands};
use crate::command::{command, read, run as run_command, target};

/// Aims at 20,000 entities and 100,000 relations on two cores.
const P95_MS_MAX: f64 = 50.0;
const GRAPH_P95_MS_MAX: f64 = 100.0;
const LIST_BYTES_MAX: usize = 50 * 1_024;

#[derive(Debug, Args)]
pub(super) struct CatalogArgs {
    #[arg(long, default_value_t = 20_000)]
    entities: usize,
    /// Times each question is asked.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Fail when the aims are missed; on a quiet machine only.
    #[arg(long)]
    strict: bool,
}

/// What the portal's pages ask for, and the clients of others.
const QUESTIONS: &[(&str, &str)] = &[
    ("list of 50", "/api/v1/catalog/entities?limit=50"),
    ("list of 100", "/api/v1/catalog/entities?limit=100&sort=title"),
    ("agents in production", "/api/v1/catalog/entities?limit=50&class=agent&lifecycle=production"),
    ("list with full text", "/api/v1/catalog/entities?limit=50&q=invoice%20ord"),
    ("facets", "/api/v1/catalog/facets"),
    ("facets of agents", "/api/v1/catalog/facets?class=agent"),
    ("search", "/api/v1/catalog/search?q=invoice%20ord"),
    // What other clients ask: Backstage's pages, its filters, a client of the MCP registry, and of skills.
    (
        "list as Backstage's",
        "/api/catalog/entities/by-query?limit=20&orderField=metadata.name,asc&filter=kind=component",
    ),
    ("facets as Backstage's", "/api/catalog/entity-facets?facet=kind&facet=spec.type&facet=metadata.tags"),
    ("list of the MCP registry", "/v0.1/servers?limit=30"),
    ("index of skills", "/.well-known/agent-skills/index.json"),
];

pub(super) fn run(args: &CatalogArgs) -> Result<()> {
    run_command(&mut command("cargo", &["build", "--release", "-p", "mizzen-catalog", "--example", "catalog_bench"]))?;
    let folder = Folder::new("catalog")?;
    let data = folder.0.join("data");
    let program = target().join("release/examples/catalog_bench");
    let program = program.to_str().context("the path of the benchmark is no text")?;
    let data = data.to_str().context("the path of the folder is no text")?;
    let text = read(&mut command(program, &[data, &args.entities.to_string(), &args.rounds.to_string()]))?;
    let lines: Vec<Value> =
        text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("the benchmark printed no JSON")?;
    let catalog = lines.iter().find_map(|line| line.get("catalog")).context("the benchmark filled nothing")?;
    let number = |value: &Value, name: &str| value[name].as_f64().unwrap_or(f64::NAN);
    let size = format!(
        "{} entities, {} relations",
        thousands(number(catalog, "entities")),
        thousands(number(catalog, "relations"))
    );
    let asked: Vec<&Value> = lines.iter().filter(|line| line.get("question").is_some()).collect();
    ensure!(!asked.is_empty(), "the benchmark measured nothing");
    let name = |row: &Value| row["question"].as_str().unwrap_or_default().to_owned();
    let millis = |row: &Value, field: &str| format!("{:.1}", number(row, field));
    let rows: Vec<Vec<String>> = (asked.iter())
        .map(|row| {
            let found = thousands(number(row, "found_max"));
            vec![name(row), millis(row, "p50_ms"), millis(row, "p95_ms"), millis(row, "max_ms"), found]
        })
        .collect();
    let title = format!("cargo xtask bench catalog: {size}; asked of the plane");
    table::print(&title, &["question", "p50 ms", "p95 ms", "max ms", "found at most"], &rows);
    let mut missed: Vec<String> = (asked.iter())
        .filter(|row| {
            let aim = if name(row).starts_with("graph") { GRAPH_P95_MS_MAX } else { P95_MS_MAX };
            number(row, "p95_ms") >= aim
        })
        .map(|row| name(row))
        .collect();
    missed.extend(of_server(folder, args.rounds, &size)?);
    if args.strict && !missed.is_empty() {
        bail!("the aims were missed by: {}", missed.join("; "));
    }
    Ok(())
}

/// Asks the server over the same data; gives what missed its aim.
fn of_server(folder: Folder, rounds: usize, size: &str) -> Result<Vec<String>> {
    let mizzen = Mizzen::start_in(folder, "")?;
    let (mut rows, mut missed) = (Vec::new(), Vec::new());
    for (name, path) in QUESTIONS {
        let (mut millis, mut bytes) = (Vec::with_capacity(rounds), 0);
        for _ in 0..rounds.max(1) {
            let started = Instant::now();
            let (status, body) = http::send("GET", &format!("{}{path}", mizzen.server.url), Some(&mizzen.token), "")?;
            millis.push(started.elapsed().as_secs_f64() * 1_000.0);
            ensure!(status == 200, "`{path}` answered {status}: {body}");
            bytes = bytes.max(body.len());
        }
        millis.sort_unstable_by(f64::total_cmp);
        let rank = |share: f64| millis[((share * millis.len() as f64).ceil() as usize).clamp(1, millis.len()) - 1];
        if rank(0.95) >= P95_MS_MAX || (name.starts_with("list") && bytes >= LIST_BYTES_MAX) {
            missed.push(format!("{name} of the server"));
        }
        let times = [0.5, 0.95, 1.0].map(|share| format!("{:.1}", rank(share)));
        rows.push([vec![(*name).to_owned()], times.to_vec(), vec![thousands(bytes as f64)]].concat());
    }
    let title = format!("{size}; asked of the server over HTTP/1.0");
    table::print(&title, &["question", "p50 ms", "p95 ms", "max ms", "bytes at most"], &rows);
    Ok(missed)
}
