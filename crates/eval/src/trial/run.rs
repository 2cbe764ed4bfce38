//! Trials from stored runs.

use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_telemetry::assemble::assemble;
use mizzen_telemetry::row::{LogRow, SpanHead, SpanRow};
use mizzen_telemetry::{Columns, ReadError, Telemetry};

use super::extract::turns;
use super::forest::Forest;
use super::{Counters, Trial};
use crate::format::events;

/// How much of a run an evaluator needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What the run list knows: no spans are read.
    Summary,
    /// The conversation, the tool calls, and who saw them.
    Content,
}

/// Reads a stored run as a trial.
///
/// # Errors
/// When the spans cannot be read.
pub async fn load(telemetry: &Telemetry, summary: &RunSummary, depth: Depth) -> Result<Trial, ReadError> {
    if depth == Depth::Summary {
        return Ok(of_summary(summary));
    }
    let rows = telemetry.run_spans(&summary.run_id, Columns::Full).await?;
    let logs = telemetry.run_logs(&summary.run_id).await?;
    Ok(of_run(summary, &rows, &logs))
}

/// What the run list alone says: counters and outcome, no conversation.
#[must_use]
pub fn of_summary(summary: &RunSummary) -> Trial {
    Trial {
        revision: summary.revision,
        case: summary.case.clone(),
        agent: summary.agent.clone(),
        started_at: summary.started_at,
        outcome: summary.outcome,
        error_message: summary.error_message.clone(),
        counters: Counters::of_summary(summary),
        ..Trial::unknown(summary.run_id.to_string())
    }
}

/// A run with its spans and log records, in any order. Content that was not captured is missing, nothing else.
#[must_use]
pub fn of_run(summary: &RunSummary, rows: &[SpanRow], logs: &[LogRow]) -> Trial {
    let heads: Vec<SpanHead> = rows.iter().map(|row| row.head.clone()).collect();
    let steps = assemble(&heads).steps;
    let forest = Forest::grow(rows);
    let turns = turns(&forest, &steps, logs);
    let mut sources: Vec<Source> =
        steps.iter().filter(|step| step.counted_as.is_none()).map(|step| step.source).collect();
    sources.sort_unstable();
    sources.dedup();
    Trial {
        case: rows.iter().find_map(mizzen_telemetry::case::named).or_else(|| summary.case.clone()),
        counters: Counters::of_steps(summary, &steps, &turns),
        turns,
        sources,
        recorded_scores: recorded_scores(rows, logs),
        ..of_summary(summary)
    }
}

/// Scores that others sent as `gen_ai.evaluation.result`, on spans or as log records. Not those that an experiment of our own
/// wrote: an old answer would decide the next one.
fn recorded_scores(rows: &[SpanRow], logs: &[LogRow]) -> Vec<(String, f64)> {
    let of_others = logs.iter().filter(|log| !log.attributes.contains("\"mizzen.evaluation.experiment\""));
    let of_logs = of_others.filter_map(events::of_log);
    let of_spans = rows.iter().flat_map(|row| events::of_span_events(&row.body.events));
    of_logs.chain(of_spans).filter_map(|result| Some((result.name, result.value?))).collect()
}
