//! `bench audit`: how many audit entries a second are on disk before their callers are answered, and what one waits.

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::server::Folder;
use super::table::{self, mebibytes, thousands};
use crate::command::{command, read, run as run_command, target};

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// Every durable entry waits for an `fdatasync` that it shares with whoever came at the same time.
pub(super) fn run(args: &AuditArgs) -> Result<()> {
    let example = ["build", "--release", "-p", "mizzen-control", "--example", "audit_bench"];
    run_command(&mut command("cargo", &example))?;
    let folder = Folder::new("audit")?;
    let program = target().join("release/examples/audit_bench");
    let program = program.to_str().context("the path of the benchmark is no text")?;
    let path = folder.0.to_str().context("the path of the folder is no text")?;
    let text = read(&mut command(program, &[&args.seconds.to_string(), path]))?;
    let mut rows = Vec::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).context("the benchmark printed no JSON")?;
        ensure!(row["lost"] == 0, "entries were lost: {row}");
        let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        let entries = number("entries");
        rows.push(vec![
            format!("{}, {} callers", row["durability"].as_str().unwrap_or_default().to_lowercase(), row["callers"]),
            thousands(number("per_second")),
            format!("{:.2}", number("p50_ms")),
            format!("{:.2}", number("p99_ms")),
            thousands(number("syncs")),
            format!("{:.1}", entries / number("syncs")),
            format!("{:.1}", number("cpu_seconds") * 1e6 / entries),
            mebibytes(row["bytes"].as_u64().unwrap_or_default()),
        ]);
    }
    ensure!(!rows.is_empty(), "the benchmark measured nothing");
    let title = format!("cargo xtask bench audit: {} s each, checkpoints every second beside it", args.seconds);
    let headings =
        ["durability", "entries/s", "p50 ms", "p99 ms", "fdatasyncs", "entries/sync", "CPU us/entry", "log on disk"];
    table::print(&title, &headings, &rows);
    Ok(())
}
