//! What was said in the steps of a run, read from storage within bounds.

use std::collections::HashMap;

use mizzen_model::id::SpanId;
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Step, StepKind};
use mizzen_telemetry::row::{LogRow, SpanRow};
use mizzen_telemetry::story::{SpanContent, content};
use mizzen_telemetry::{Columns, ReadError, Telemetry};

/// Runs of so many spans are read as a whole, some kilobytes a span.
const SPANS_READ_MAX: u32 = 20_000;
/// Of larger runs, so many steps are read one by one.
const STEPS_READ_MAX: usize = 300;

/// Rows and log records that carry content.
#[derive(Debug)]
pub(crate) struct Spoken {
    rows: Vec<SpanRow>,
    logs: HashMap<SpanId, Vec<LogRow>>,
    /// Whether the content of later steps was not read.
    pub(crate) is_partial: bool,
}

impl Spoken {
    pub(crate) async fn load(telemetry: &Telemetry, run: &RunSummary, steps: &[Step]) -> Result<Self, ReadError> {
        let mut logs: HashMap<SpanId, Vec<LogRow>> = HashMap::new();
        for log in telemetry.run_logs(&run.run_id).await? {
            if let Some(span_id) = log.span_id {
                logs.entry(span_id).or_default().push(log);
            }
        }
        if run.spans <= SPANS_READ_MAX {
            let mut rows = telemetry.run_spans(&run.run_id, Columns::Full).await?;
            rows.retain(|row| row.head.step.is_some());
            return Ok(Self { rows, logs, is_partial: false });
        }
        let speaking: Vec<&Step> = steps.iter().filter(|step| step.kind != StepKind::Group).collect();
        let mut rows = vec![];
        for step in speaking.iter().take(STEPS_READ_MAX) {
            rows.extend(telemetry.span(&run.run_id, step.span_id).await?);
        }
        Ok(Self { rows, logs, is_partial: speaking.len() > STEPS_READ_MAX })
    }

    /// Takes a while: every message is read from its dialect.
    pub(crate) fn contents(&self) -> HashMap<SpanId, SpanContent> {
        let logs = |span_id| self.logs.get(&span_id).map_or(&[][..], Vec::as_slice);
        self.rows.iter().map(|row| (row.head.span_id, content(row, logs(row.head.span_id)))).collect()
    }
}
