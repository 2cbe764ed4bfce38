//! `mizzen eval run`: recorded runs in, scores and a verdict out.

pub(super) mod evaluators;
mod junit;
mod markdown;
mod sources;
mod summary;
mod table;

use std::process::ExitCode;

use anyhow::Context as _;
use futures::StreamExt as _;
use mizzen_eval::evaluator::judge::JudgeModel;
use mizzen_eval::evaluator::{Evaluator, Need};
use mizzen_eval::format::Problem;
use mizzen_eval::judge::ChatJudge;
use mizzen_eval::score::{Score, ScoreOutcome};
use mizzen_eval::set::{Case, EvalSet};
use mizzen_eval::trial::{Grouping, Trial};
use mizzen_model::permission::Verdict;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::secret::Secret;
use serde_json::{Value, json};

use super::cli::{EvalFormat, EvalRunArgs};
use super::gate::exit_code;
use super::number;
use super::stored;
use crate::failure::Failure;
use crate::output;
use summary::Summary;

/// Programs and judges that work at the same time.
const CONCURRENT_MAX: usize = 4;

/// All that is known at the end.
struct Report {
    scores: Vec<Score>,
    problems: Vec<Problem>,
    /// One for each evaluator, in the order they were named.
    summaries: Vec<Summary>,
    verdict: Verdict,
    at_least: Option<f64>,
}

pub(crate) async fn run(args: EvalRunArgs) -> Result<ExitCode, Failure> {
    let named: Vec<String> = args.runs.iter().map(|runs| runs.display().to_string()).collect();
    let report = match stored::selector(&named) {
        Some(selector) => {
            let stored::Scored { scores, problems } = stored::score(&args, &selector).await?;
            let has_gaps = !problems.is_empty();
            report(scores, problems, has_gaps, args.at_least)?
        }
        None => of_files(&args).await?,
    };
    print(&report, args.format)?;
    Ok(exit_code(report.verdict))
}

async fn of_files(args: &EvalRunArgs) -> Result<Report, Failure> {
    let set = args.set.as_deref().map(sources::set).transpose()?;
    let evaluators = evaluators::of(args, set.is_some())?;
    let grouping = if set.as_ref().is_some_and(EvalSet::has_conversations) { Grouping::Session } else { Grouping::Run };
    let mut reading = sources::trials(&args.runs, grouping)?;
    let mut absent = false;
    let cases: Vec<Option<&Case>> = match &set {
        Some(set) => {
            let matching = set.match_trials(&mut reading.trials);
            absent = !matching.absent.is_empty();
            reading.problems.extend(matching.problems);
            matching.selections.iter().map(|selection| selection.case()).collect()
        }
        None => vec![None; reading.trials.len()],
    };
    let judge = evaluators.iter().any(|evaluator| evaluator.info().needs.contains(&Need::Judge)).then(|| judge(args));
    let judge = judge.transpose()?;
    let scores = score(&evaluators, &reading.trials, &cases, judge.as_ref()).await;
    let has_gaps = absent || !reading.problems.is_empty();
    report(scores, reading.problems, has_gaps, args.at_least)
}

/// Whom a judge asks: the server that is named, or else Mizzen's gateway.
fn judge(args: &EvalRunArgs) -> Result<ChatJudge, Failure> {
    let client = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
    let url = args.judge_url.as_deref().unwrap_or(&args.client.url);
    Ok(ChatJudge::at(client, url, args.judge_key.clone().map(Secret::new), None))
}

/// The scores of every trial, in order of trials and then of evaluators.
async fn score(
    evaluators: &[Evaluator],
    trials: &[Trial],
    cases: &[Option<&Case>],
    judge: Option<&ChatJudge>,
) -> Vec<Score> {
    let judge = judge.map(|judge| judge as &dyn JudgeModel);
    let pairs = trials.iter().zip(cases).flat_map(|(trial, case)| evaluators.iter().map(move |e| (e, trial, *case)));
    if evaluators.iter().all(Evaluator::is_pure) {
        return pairs.filter_map(|(evaluator, trial, case)| evaluator.score(trial, case)).collect();
    }
    let asked = pairs.map(|(evaluator, trial, case)| evaluator.score_with(trial, case, judge));
    futures::stream::iter(asked).buffered(CONCURRENT_MAX).collect().await
}

fn report(
    scores: Vec<Score>,
    problems: Vec<Problem>,
    has_gaps: bool,
    at_least: Option<f64>,
) -> Result<Report, Failure> {
    let summaries = Summary::of_each(&scores, at_least).map_err(|error| Failure::Broken(error.into()))?;
    let verdicts: Vec<Verdict> = summaries.iter().filter_map(|summary| summary.verdict).collect();
    let verdict = if verdicts.contains(&Verdict::Fail) {
        Verdict::Fail
    } else if has_gaps
        || scores.is_empty()
        || at_least.is_some() && summaries.iter().any(|summary| summary.verdict.is_none())
        || verdicts.contains(&Verdict::Inconclusive)
    {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    };
    Ok(Report { scores, problems, summaries, verdict, at_least })
}

fn print(report: &Report, format: EvalFormat) -> Result<(), Failure> {
    // The table and the Markdown show problems themselves; the others have no place for them.
    if matches!(format, EvalFormat::Json | EvalFormat::Junit) {
        for problem in &report.problems {
            output::say(&format!("mizzen: {}", output::one_line(&problem.to_string())));
        }
    }
    match format {
        EvalFormat::Table => output::data(&table::render(report)),
        EvalFormat::Json => {
            let scores: Vec<Value> = report.scores.iter().map(score_json).collect();
            output::value(&Value::Array(scores), crate::cli::Format::Json)
        }
        EvalFormat::Junit => output::data(&junit::render(report)),
        EvalFormat::Markdown => output::data(&markdown::render(report)),
    }
}

/// One score as scripts read it; `score` and `verdict` are null when there is none.
fn score_json(score: &Score) -> Value {
    let (status, value, verdict, unit, reason) = match &score.outcome {
        ScoreOutcome::Scored { value, verdict, unit } => {
            ("scored", Some(*value), verdict.map(Verdict::as_str), unit.as_deref(), None)
        }
        ScoreOutcome::NotEvaluated { reason } => ("not_evaluated", None, None, None, Some(reason)),
        ScoreOutcome::Failed { reason } => ("failed", None, None, None, Some(reason)),
    };
    json!({
        "evaluator": score.evaluator.name,
        "version": score.evaluator.version,
        "digest": score.evaluator.digest,
        "case": score.case,
        "run_id": score.run_id,
        "revision": score.revision,
        "status": status,
        "score": value,
        "verdict": verdict,
        "unit": unit,
        "explanation": score.explanation.as_ref().or(reason),
    })
}

/// What a person calls the trial of a score.
fn label(score: &Score) -> String {
    match &score.case {
        Some(case) if *case != score.run_id => format!("{case} ({})", short(&score.run_id)),
        _ => score.run_id.clone(),
    }
}

/// Trace ids are long and say little.
fn short(run_id: &str) -> &str {
    let is_trace = run_id.len() == 32 && run_id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_trace { &run_id[..8] } else { run_id }
}

/// Why a score is worth looking at: it failed, or there is none. `None` for one that is fine.
fn complaint(score: &Score) -> Option<String> {
    match &score.outcome {
        ScoreOutcome::Scored { value, verdict: Some(Verdict::Fail), .. } => {
            let why = score.explanation.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            Some(format!("{}{why}", number(*value)))
        }
        ScoreOutcome::Scored { .. } => None,
        ScoreOutcome::NotEvaluated { reason } => Some(format!("not evaluated: {reason}")),
        ScoreOutcome::Failed { reason } => Some(format!("evaluator failed: {reason}")),
    }
}

#[cfg(test)]
mod tests;
