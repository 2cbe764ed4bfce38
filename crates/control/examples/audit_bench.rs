//! What `cargo xtask bench audit` runs: many callers append entries at once, each waiting until its own is on disk.
//!
//! Prints one JSON object for each number of callers.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mizzen_control::audit::{AuditEntry, AuditLog, Durability, Kind, Who};
use mizzen_model::permission::{Effect, Mode};
use mizzen_runtime::clock::Clock;
use mizzen_store::DataDir;
use serde_json::{Value, json};

const CALLERS: [usize; 4] = [1, 16, 256, 1_024];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let folder = arguments.next().unwrap_or_else(|| "audit-bench".to_owned());
    let measured = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Into::into);
    match measured.and_then(|runtime| runtime.block_on(measure(Duration::from_secs(seconds), &folder))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(time: Duration, folder: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for durability in [Durability::Durable, Durability::Window] {
        for callers in CALLERS {
            let folder = format!("{folder}/{durability:?}-{callers}");
            let data_dir = DataDir::open(folder.as_ref())?;
            let log = AuditLog::open(&data_dir, Clock::system())?;
            let publishing = log.clone();
            // As the server does, beside the callers.
            let publisher = async move {
                loop {
                    tokio::time::sleep(mizzen_control::audit::PUBLISH_INTERVAL).await;
                    if publishing.publish().await.is_err() {
                        return;
                    }
                }
            };
            let row = tokio::select! {
                row = load(&log, durability, callers, time) => row?,
                () = publisher => return Err("the log could not be published".into()),
            };
            println!("{row}");
        }
    }
    Ok(())
}

async fn load(
    log: &AuditLog,
    durability: Durability,
    callers: usize,
    time: Duration,
) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let before = log.status();
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let lanes = (0..callers).map(|lane| {
        let log = log.clone();
        async move {
            let mut micros = Vec::new();
            while started.elapsed() < time {
                let asked = Instant::now();
                log.append(entry(&log, lane), durability).await?;
                micros.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
                tokio::task::yield_now().await;
            }
            Ok::<_, mizzen_control::audit::AuditError>(micros)
        }
    });
    let tasks: tokio::task::JoinSet<_> = lanes.collect();
    let mut micros = Vec::new();
    for lane in tasks.join_all().await {
        micros.extend(lane?);
    }
    let elapsed = started.elapsed().as_secs_f64();
    log.publish().await?;
    let after = log.status();
    micros.sort_unstable();
    let rank = |share: f64| micros.get(((micros.len() as f64 * share) as usize).min(micros.len().saturating_sub(1)));
    let syncs = after.groups - before.groups;
    Ok(json!({
        "durability": format!("{durability:?}"), "callers": callers, "entries": micros.len(),
        "per_second": micros.len() as f64 / elapsed, "syncs": syncs,
        "p50_ms": rank(0.5).map(|us| *us as f64 / 1e3), "p99_ms": rank(0.99).map(|us| *us as f64 / 1e3),
        "cpu_seconds": cpu_seconds() - cpu, "bytes": bytes(log.folder())?, "lost": after.lost,
    }))
}

/// Of the usual size: a decision on a tool call.
fn entry(log: &AuditLog, lane: usize) -> AuditEntry {
    let who = Who { key_id: Some("key_bench".to_owned()), ..Who::named(format!("agent:default/agent-{lane}")) };
    AuditEntry {
        action: Some("tools:call".to_owned()),
        resource: Some("tool:helm/helm_list_releases".to_owned()),
        effect: Some(Effect::Allow),
        mode: Some(Mode::Enforce),
        decision: Some("dec_0123456789ab".to_owned()),
        policies: vec!["helm-agent".to_owned()],
        reason: Some("allowed by the boundary `helm-agent`".to_owned()),
        arguments: log.hash_arguments(&json!({ "namespace": "default", "limit": lane })),
        ..AuditEntry::new(log.now(), Kind::Decision, who)
    }
}

/// Of this process, user and system together.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn bytes(folder: &std::path::Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}
