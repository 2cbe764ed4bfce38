//! `bench store`: the portal's questions when millions of spans are stored.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::process::folder_bytes;
use super::server::Mizzen;
use super::table::{self, mebibytes, thousands};
use super::{load, payload};

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[arg(long, default_value_t = 5_000_000)]
    spans: u64,
    /// Times each question is asked.
    #[arg(long, default_value_t = 100)]
    rounds: usize,
}

const REST_LIMIT: Duration = Duration::from_secs(600);

pub(super) fn run(args: &StoreArgs) -> Result<()> {
    let mizzen = Mizzen::start("")?;
    let tree = mizzen.server.tree();
    let started = Instant::now();
    let sent = load(&[&["spans", "--url", &mizzen.otlp_http].map(str::to_owned)[..], &payload(args.spans)?].concat())?;
    ensure!(sent["failed"] == 0 && sent["rejected"] == 0, "not every span was stored: {sent}");
    ensure!(tree.wait_for_rest(REST_LIMIT)?, "the server does not come to rest");
    let stored = mizzen.number("SELECT count(*) FROM spans")?;
    println!(
        "{} spans stored in {:.0} s, at rest; {} on disk",
        thousands(stored as f64),
        started.elapsed().as_secs_f64(),
        mebibytes(folder_bytes(&mizzen.data_dir)?)
    );
    let ids = run_ids(&mizzen, args.rounds)?;
    let run = |round: usize| format!("/api/v1/runs/{}", ids[round % ids.len()]);
    let mut rows = vec![
        asked("run list", args.rounds, |_| mizzen.ask("GET", "/api/v1/runs?limit=50", &Value::Null))?,
        asked("run list of one agent", args.rounds, |_| {
            mizzen.ask("GET", "/api/v1/runs?limit=50&agent=trip-planner", &Value::Null)
        })?,
        asked("run by id", args.rounds, |round| mizzen.ask("GET", &run(round), &Value::Null))?,
        asked("story of a run", args.rounds, |round| {
            mizzen.ask("GET", &format!("{}/story", run(round)), &Value::Null)
        })?,
    ];
    let sql = "SELECT model, count(*), sum(input_tokens), sum(output_tokens) FROM spans GROUP BY model";
    rows.push(asked("group by model over all spans", args.rounds.min(10), |_| {
        mizzen.ask("POST", "/api/v1/query", &json!({ "sql": sql }))
    })?);
    let title = format!(
        "cargo xtask bench store: {} spans; resident {}, at most {}",
        thousands(stored as f64),
        mebibytes(tree.resident_bytes()?),
        mebibytes(tree.resident_bytes_max()?)
    );
    table::print(&title, &["question", "p50 ms", "p95 ms", "max ms"], &rows);
    Ok(())
}

/// Ids of runs from all over the stored time, not only of the newest, which would be warm.
fn run_ids(mizzen: &Mizzen, count: usize) -> Result<Vec<String>> {
    let runs = mizzen.number("SELECT count(DISTINCT run_id) FROM spans")?.max(1);
    let every = (runs / count.max(1) as u64).max(1);
    let sql = format!(
        "SELECT run_id FROM (SELECT run_id, row_number() OVER (ORDER BY started_at) AS n FROM spans \
         WHERE parent_span_id IS NULL) WHERE n % {every} = 0 LIMIT {count}"
    );
    let answer = mizzen.ask("POST", "/api/v1/query", &json!({ "sql": sql }))?;
    let rows = answer["rows"].as_array().context("no rows")?;
    let ids: Vec<String> = rows.iter().filter_map(|row| row[0].as_str().map(str::to_owned)).collect();
    ensure!(!ids.is_empty(), "no run ids: {answer}");
    Ok(ids)
}

fn asked(name: &str, rounds: usize, ask: impl Fn(usize) -> Result<Value>) -> Result<Vec<String>> {
    let mut millis = Vec::with_capacity(rounds);
    for round in 0..rounds.max(1) {
        let started = Instant::now();
        ask(round).with_context(|| format!("`{name}` failed"))?;
        millis.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    millis.sort_unstable_by(f64::total_cmp);
    let rank = |share: f64| millis[((share * millis.len() as f64).ceil() as usize).clamp(1, millis.len()) - 1];
    Ok(vec![name.to_owned(), format!("{:.1}", rank(0.5)), format!("{:.1}", rank(0.95)), format!("{:.1}", rank(1.0))])
}
