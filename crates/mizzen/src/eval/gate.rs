//! `mizzen eval gate FILE`.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use mizzen_eval::estimate::Estimate;
use mizzen_eval::gate::{Gate, GateVerdict};
use mizzen_model::permission::Verdict;
use serde_json::json;

use super::cli::GateArgs;
use super::scores;
use crate::cli::Format;
use crate::failure::Failure;
use crate::output;

pub(super) async fn gate(args: GateArgs) -> Result<ExitCode, Failure> {
    let name = args.gate.display().to_string();
    let text = std::fs::read_to_string(&args.gate).with_context(|| format!("failed to read `{name}`"));
    let gate = Gate::read(&text.map_err(Failure::Usage)?);
    let gate = gate
        .with_context(|| format!("`{name}` is no gate; `mizzen eval gate --help` shows one"))
        .map_err(Failure::Usage)?;
    let named = match (&args.scores, &gate.scores) {
        (Some(named), _) => named.clone(),
        (None, Some(named)) => beside(&args.gate, named),
        (None, None) => {
            let why =
                anyhow!("say what is judged: `scores = \"…\"` in the gate, or --scores with a file or an experiment");
            return Err(Failure::Usage(why));
        }
    };
    let metrics = scores::metrics(&named, &args.client).await?;
    let verdict = gate.judge(&metrics).map_err(|error| Failure::Usage(error.into()))?;
    match args.output.format {
        Format::Table => table(&verdict)?,
        format => output::value(&json!(verdict), format)?,
    }
    Ok(exit_code(verdict.verdict))
}

/// 0 pass, 1 fail, 2 inconclusive.
pub(super) fn exit_code(verdict: Verdict) -> ExitCode {
    ExitCode::from(match verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Inconclusive => 2,
    })
}

/// A file that the gate names is looked for where the gate is.
fn beside(gate: &std::path::Path, named: &str) -> String {
    let file = gate.parent().map(|folder| folder.join(named)).filter(|file| file.exists());
    file.map_or_else(|| named.to_owned(), |file| file.display().to_string())
}

fn table(verdict: &GateVerdict) -> Result<(), Failure> {
    let rows = verdict.criteria.iter().map(|criterion| {
        vec![
            criterion.evaluator.clone(),
            criterion.asked.clone(),
            criterion.verdict.to_string(),
            criterion.estimate.as_ref().map_or_else(|| "-".to_owned(), Estimate::text),
            criterion.cases.to_string(),
            criterion.further_cases.map_or_else(|| "-".to_owned(), |cases| cases.to_string()),
        ]
    });
    let headings = ["EVALUATOR", "ASKED", "VERDICT", "ESTIMATE", "CASES", "FURTHER CASES"].map(str::to_owned).to_vec();
    output::data(&output::grid(headings, rows.collect(), &[false, false, false, false, true, true]))?;
    for criterion in &verdict.criteria {
        output::say(&format!("{}: {}", criterion.evaluator, criterion.sentence));
    }
    let (pass, fail) = (verdict.false_pass_at_most, verdict.false_fail_at_most);
    output::data(&format!(
        "\n{} (a wrong pass has at most probability {pass}, a wrong fail at most {fail:.4})",
        verdict.verdict
    ))
}
