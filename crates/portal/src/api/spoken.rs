//! What was said in the steps of a run, read from storage within bounds.

use std::collections::{HashMap, HashSet};

use mizzen_model::id::SpanId;
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_telemetry::row::{LogRow, SpanRow};
use mizzen_telemetry::story::{SpanContent, content};
use mizzen_telemetry::{Columns, ReadError, Telemetry};

/// Runs of so many spans are read as a whole, some kilobytes a span.
const SPANS_READ_MAX: u32 = 20_000;
/// Of larger runs, so many steps are read: first the ones that failed, up to so many, and then from the beginning.
const STEPS_READ_MAX: usize = 300;
const FAILED_READ_MAX: usize = 100;

/// Rows and log records that carry content.
#[derive(Debug)]
pub(crate) struct Spoken {
    rows: Vec<SpanRow>,
    logs: HashMap<SpanId, Vec<LogRow>>,
    /// Whether the content of some steps was not read.
    pub(crate) is_partial: bool,
}

impl Spoken {
    pub(crate) async fn load(telemetry: &Telemetry, run: &RunSummary, steps: &[Step]) -> Result<Self, ReadError> {
        if run.spans <= SPANS_READ_MAX {
            let mut rows = telemetry.run_spans(&run.run_id, Columns::Full).await?;
            rows.retain(|row| row.head.step.is_some());
            return Ok(Self { rows, logs: logs(telemetry, run).await?, is_partial: false });
        }
        let speaking: Vec<&Step> = steps.iter().filter(|step| step.kind != StepKind::Group).collect();
        let read = Self::of_steps(telemetry, run, read_first(&speaking)).await?;
        Ok(Self { is_partial: speaking.len() > STEPS_READ_MAX, ..read })
    }

    /// What some steps say.
    pub(crate) async fn of_steps(
        telemetry: &Telemetry,
        run: &RunSummary,
        span_ids: HashSet<SpanId>,
    ) -> Result<Self, ReadError> {
        let rows = telemetry.some_spans(&run.run_id, span_ids).await?;
        Ok(Self { rows, logs: logs(telemetry, run).await?, is_partial: true })
    }

    /// Takes a while: every message is read from its dialect.
    pub(crate) fn contents(&self) -> HashMap<SpanId, SpanContent> {
        let logs = |span_id| self.logs.get(&span_id).map_or(&[][..], Vec::as_slice);
        self.rows.iter().map(|row| (row.head.span_id, content(row, logs(row.head.span_id)))).collect()
    }
}

async fn logs(telemetry: &Telemetry, run: &RunSummary) -> Result<HashMap<SpanId, Vec<LogRow>>, ReadError> {
    let mut logs: HashMap<SpanId, Vec<LogRow>> = HashMap::new();
    for log in telemetry.run_logs(&run.run_id).await? {
        if let Some(span_id) = log.span_id {
            logs.entry(span_id).or_default().push(log);
        }
    }
    Ok(logs)
}

/// The steps of a large run that a reader looks for first.
fn read_first(speaking: &[&Step]) -> HashSet<SpanId> {
    let failed = speaking.iter().filter(|step| step.outcome == Outcome::Error).take(FAILED_READ_MAX);
    let mut chosen: HashSet<SpanId> = failed.map(|step| step.span_id).collect();
    for step in speaking {
        if chosen.len() >= STEPS_READ_MAX {
            break;
        }
        chosen.insert(step.span_id);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use mizzen_model::id::SpanId;
    use mizzen_model::step::{Outcome, Step, StepKind};

    use super::{STEPS_READ_MAX, read_first};
    use crate::view::sample::step;

    #[test]
    fn a_failure_late_in_a_large_run_is_read_and_the_rest_from_the_beginning() {
        let id = |number: u64| SpanId::from_bytes(&number.to_be_bytes()).unwrap();
        let mut steps: Vec<Step> =
            (1..=1_000).map(|number| Step { span_id: id(number), ..step(1, None, StepKind::ModelCall) }).collect();
        steps[899].outcome = Outcome::Error;
        let chosen = read_first(&steps.iter().collect::<Vec<_>>());
        assert_eq!(chosen.len(), STEPS_READ_MAX);
        assert!(chosen.contains(&id(900)) && chosen.contains(&id(1)) && !chosen.contains(&id(899)));
    }
}
