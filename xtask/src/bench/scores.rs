//! `bench scores`: what it takes to score very many stored runs with an evaluator that only counts.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::http;
use super::server::Mizzen;
use super::table::{self, mebibytes, thousands};

#[derive(Debug, Args)]
pub(super) struct ScoresArgs {
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    #[arg(long, short, default_value = "steps")]
    evaluator: String,
}

/// As exporters send them.
const RUNS_PER_REQUEST: u64 = 500;
const LIMIT: Duration = Duration::from_secs(1_800);
const CONFIG: &str = "[telemetry]\nfinal_after_seconds = 1\nidle_after_seconds = 1\n";

pub(super) fn run(args: &ScoresArgs) -> Result<()> {
    let mizzen = Mizzen::start(CONFIG)?;
    let tree = mizzen.server.tree();
    store(&mizzen, args.runs)?;
    ensure!(tree.wait_for_rest(LIMIT)?, "the server does not come to rest");
    let (started, cpu) = (Instant::now(), tree.cpu_micros()?);
    let request =
        json!({ "name": "every run", "runs": { "agent": "bench" }, "evaluators": [{ "name": args.evaluator }] });
    let id = mizzen.ask("POST", "/api/v1/experiments", &request)?["id"].as_str().context("no id")?.to_owned();
    let finished = loop {
        std::thread::sleep(Duration::from_millis(100));
        let experiment = mizzen.ask("GET", &format!("/api/v1/experiments/{id}"), &Value::Null)?;
        match experiment["state"].as_str() {
            Some("running") => {}
            Some("finished") => break experiment,
            _ => bail!("the experiment came to no good end: {experiment}"),
        }
        ensure!(started.elapsed() < LIMIT, "the experiment does not end");
    };
    let (wall, cpu) = (started.elapsed().as_secs_f64(), (tree.cpu_micros()? - cpu) as f64 / 1e6);
    let scored = finished["runs"].as_u64().unwrap_or_default();
    ensure!(scored == args.runs, "{scored} of {} runs were scored: {finished}", args.runs);
    let row = vec![
        args.evaluator.clone(),
        thousands(scored as f64),
        format!("{wall:.1}"),
        format!("{cpu:.1}"),
        thousands(scored as f64 / wall),
        mebibytes(tree.resident_bytes_max()?),
    ];
    let headings = ["evaluator", "runs", "seconds", "CPU seconds", "runs a second", "resident, at most"];
    table::print("cargo xtask bench scores", &headings, &[row]);
    Ok(())
}

/// Runs of one step each, by OTLP as JSON, all in the last hours.
fn store(mizzen: &Mizzen, runs: u64) -> Result<()> {
    #[allow(clippy::disallowed_methods, reason = "a benchmark has no clock to inject")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let url = format!("{}/v1/traces", mizzen.otlp_http);
    for first in (0..runs).step_by(RUNS_PER_REQUEST as usize) {
        let spans: Vec<String> = (first..runs.min(first + RUNS_PER_REQUEST)).map(|number| span(number, now)).collect();
        let body = format!(
            "{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{}]}},\"scopeSpans\":[{{\"spans\":[{}]}}]}}]}}",
            attribute("service.name", "bench"),
            spans.join(",")
        );
        loop {
            let (status, answer) = http::send("POST", &url, None, &body)?;
            if status != 429 {
                ensure!(status == 200, "the receiver answered {status}: {answer}");
                break;
            }
            // As exporters do.
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

fn span(number: u64, now: u128) -> String {
    let start = now - 3_600_000_000_000 + u128::from(number) * 1_000_000;
    format!(
        "{{\"traceId\":\"{:032x}\",\"spanId\":\"{:016x}\",\"name\":\"invoke_agent bench\",\"kind\":1,\
         \"startTimeUnixNano\":\"{start}\",\"endTimeUnixNano\":\"{}\",\"attributes\":[{},{}]}}",
        u128::from(number) + 1,
        number + 1,
        start + 500_000,
        attribute("gen_ai.operation.name", "invoke_agent"),
        attribute("gen_ai.agent.name", "bench"),
    )
}

fn attribute(key: &str, value: &str) -> String {
    format!("{{\"key\":\"{key}\",\"value\":{{\"stringValue\":\"{value}\"}}}}")
}
