//! Time of a decision by the number of policies, beside plain Cedar.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use super::table;
use crate::command::{command, read};

/// What a decision may take, and how much more with the most policies than with the fewest.
const P50_US_MAX: f64 = 50.0;
const GROWTH_MAX: f64 = 1.5;

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Fail when the aims are missed; on a quiet machine only.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: &PolicyArgs) -> Result<()> {
    let text =
        read(&mut command("cargo", &["run", "--release", "-p", "mizzen-governance", "--example", "policy_bench"]))?;
    let measured: Vec<Value> =
        text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("the benchmark printed no JSON")?;
    let number = |row: &Value, field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    let rows: Vec<Vec<String>> = (measured.iter())
        .map(|row| {
            let micros = |field: &str| format!("{:.1}", number(row, field));
            vec![
                table::thousands(number(row, "policies")),
                micros("p50_us"),
                micros("p99_us"),
                micros("first_p50_us"),
                micros("cedar_evaluation_p50_us"),
                micros("cedar_p50_us"),
                format!("{:.0}", number(row, "compile_ms")),
            ]
        })
        .collect();
    table::print(
        "From raw arguments to a decision, µs; a tenth of the policies are forbids without a scope",
        &["policies", "p50", "p99", "p50, first time", "Cedar, evaluation", "Cedar, whole", "compile, ms"],
        &rows,
    );
    let (Some(fewest), Some(most)) = (measured.first(), measured.last()) else {
        bail!("the benchmark printed nothing")
    };
    let growth = number(most, "p50_us") / number(fewest, "p50_us");
    println!("\nThe most policies take {growth:.2} times what the fewest take.");
    if args.strict && !(growth <= GROWTH_MAX && measured.iter().all(|row| number(row, "p50_us") < P50_US_MAX)) {
        bail!("aimed at: under {P50_US_MAX} µs, and at most {GROWTH_MAX} times as much for the most policies");
    }
    Ok(())
}
