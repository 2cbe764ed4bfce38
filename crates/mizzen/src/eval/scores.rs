//! Scores to ask questions about: a file that `mizzen eval run -o json` wrote, or an experiment of the server.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use mizzen_eval::experiment::metric::Metric;
use mizzen_eval::score::{EvaluatorId, Score, ScoreOutcome};
use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::client::{Server, encode};
use crate::failure::Failure;

/// Largest file of scores, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// One score as `mizzen eval run -o json` writes it.
#[derive(Debug, Deserialize)]
struct Line {
    evaluator: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    digest: Option<Digest>,
    case: Option<String>,
    run_id: String,
    #[serde(default)]
    revision: u32,
    #[serde(default)]
    status: Option<String>,
    score: Option<f64>,
    verdict: Option<Verdict>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    explanation: Option<String>,
}

impl Line {
    fn score(self) -> Score {
        let reason = || self.explanation.clone().unwrap_or_default();
        let outcome = match (self.score, self.status.as_deref()) {
            (Some(value), _) => ScoreOutcome::Scored { value, verdict: self.verdict, unit: self.unit.clone() },
            (None, Some("failed")) => ScoreOutcome::Failed { reason: reason() },
            (None, _) => ScoreOutcome::NotEvaluated { reason: reason() },
        };
        // Scores without a digest are of the evaluator by that name, whatever its parameters were.
        let digest = self.digest.unwrap_or_else(|| Digest::of(self.evaluator.as_bytes()));
        let evaluator =
            EvaluatorId { name: self.evaluator, version: self.version.unwrap_or_else(|| "1".into()), digest };
        Score {
            evaluator,
            case: self.case,
            run_id: self.run_id,
            revision: self.revision,
            outcome,
            explanation: self.explanation,
        }
    }
}

/// The scores that `named` names: `-` or a file, else an experiment.
pub(super) async fn read(named: &str, client: &ClientArgs) -> Result<Vec<Score>, Failure> {
    if named == "-" || Path::new(named).exists() {
        return of_file(named).with_context(|| format!("failed to read scores from `{named}`")).map_err(Failure::Usage);
    }
    of_experiment(&Server::find(client)?, named).await
}

/// The same, by evaluator.
pub(super) async fn metrics(named: &str, client: &ClientArgs) -> Result<Vec<Metric>, Failure> {
    let metrics = Metric::group(&read(named, client).await?);
    if metrics.is_empty() {
        return Err(Failure::Usage(anyhow!("`{named}` has no scores")));
    }
    Ok(metrics)
}

fn of_file(named: &str) -> anyhow::Result<Vec<Score>> {
    let mut content = Vec::new();
    let source: Box<dyn std::io::Read> =
        if named == "-" { Box::new(std::io::stdin().lock()) } else { Box::new(std::fs::File::open(named)?) };
    source.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        bail!("it is larger than {FILE_BYTES_MAX} bytes");
    }
    let lines: Vec<Line> =
        serde_json::from_slice(&content).context("not the JSON that `mizzen eval run -o json` writes")?;
    Ok(lines.into_iter().map(Line::score).collect())
}

/// All scores of a finished experiment, page by page.
pub(super) async fn of_experiment(server: &Server, id: &str) -> Result<Vec<Score>, Failure> {
    let experiment = server.get(&format!("/api/v1/experiments/{}", encode(id))).await?;
    if experiment["state"] == "running" {
        return Err(Failure::Broken(anyhow!("experiment `{id}` still runs; wait until it is finished")));
    }
    let evaluators: Vec<(EvaluatorId, Option<String>)> = array(&experiment["aggregates"])
        .iter()
        .map(|aggregate| {
            let id = serde_json::from_value(aggregate["evaluator"].clone()).context("an evaluator is not one")?;
            Ok((id, aggregate["unit"].as_str().map(str::to_owned)))
        })
        .collect::<anyhow::Result<_>>()?;
    let mut scores = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/experiments/{}/cases?order=time&limit=500{cursor}", encode(id));
        let page = server.get(&path).await?;
        for case in array(&page["items"]) {
            let known = evaluators.iter().find(|(id, _)| Some(id.name.as_str()) == case["evaluator"].as_str());
            let (evaluator, unit) = known.context("a case names an evaluator that the experiment does not have")?;
            scores.extend(array(&case["runs"]).iter().map(|run| trial(evaluator, unit.as_ref(), case, run)));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => return Ok(scores),
        }
    }
}

fn trial(evaluator: &EvaluatorId, unit: Option<&String>, case: &Value, run: &Value) -> Score {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let reason = text(&run["explanation"]);
    let verdict = run["verdict"].as_str().and_then(|verdict| verdict.parse().ok());
    let outcome = match (run["value"].as_f64(), run["status"].as_str()) {
        (Some(value), _) => ScoreOutcome::Scored { value, verdict, unit: unit.cloned() },
        (None, Some("failed")) => ScoreOutcome::Failed { reason: reason.clone().unwrap_or_default() },
        (None, _) => ScoreOutcome::NotEvaluated { reason: reason.clone().unwrap_or_default() },
    };
    Score {
        evaluator: evaluator.clone(),
        case: text(&case["case"]),
        run_id: text(&run["run_id"]).unwrap_or_default(),
        revision: run["revision"].as_u64().and_then(|revision| u32::try_from(revision).ok()).unwrap_or(1),
        outcome,
        explanation: reason,
    }
}

pub(super) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
