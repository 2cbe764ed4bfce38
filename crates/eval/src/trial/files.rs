//! Trials from trace files, without a server or a data folder.

use indexmap::IndexMap;
use mizzen_model::price::{PriceError, PriceTable};
use mizzen_model::time::Timestamp;
use mizzen_telemetry::assemble::RunState;
use mizzen_telemetry::import::{self, ImportError};
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::row::{Name, SpanRow};

use super::{Trial, of_run};

/// Why a trace file gives no trials.
#[derive(Debug, thiserror::Error)]
pub enum TraceFileError {
    #[error("not a trace file that Mizzen reads")]
    Import(#[from] ImportError),
    #[error("built-in price table is broken")]
    Prices(#[from] PriceError),
    #[error("no span of the file could be used: {0}")]
    NoSpans(String),
}

/// Reads trace files; the price table is parsed once for all of them.
#[derive(Debug)]
pub struct TraceReader {
    normaliser: Normaliser,
    received_at: Timestamp,
}

impl TraceReader {
    /// `received_at` bounds the times that spans may state.
    ///
    /// # Errors
    /// When the built-in price table is broken.
    pub fn new(received_at: Timestamp) -> Result<Self, TraceFileError> {
        Ok(Self { normaliser: Normaliser::new(PriceTable::built_in(&[])?, Limits::default()), received_at })
    }

    /// One trial for each trace (or each run that the spans name), in order of appearance.
    ///
    /// # Errors
    /// When the file is malformed, of an unknown format, or holds no usable span.
    pub fn read(&self, content: &[u8]) -> Result<Vec<Trial>, TraceFileError> {
        let requests = import::read(content)?;
        let origin = Origin::unknown(self.received_at);
        let mut rows = Vec::new();
        let mut message = String::new();
        for request in &requests {
            let normalised = self.normaliser.spans(request, &origin);
            rows.extend(normalised.rows);
            message = normalised.message;
        }
        if rows.is_empty() {
            return Err(TraceFileError::NoSpans(message));
        }
        Ok(by_run(rows))
    }
}

fn by_run(rows: Vec<SpanRow>) -> Vec<Trial> {
    let mut runs: IndexMap<Name, Vec<SpanRow>> = IndexMap::new();
    for row in rows {
        runs.entry(row.head.run_id.clone()).or_default().push(row);
    }
    let trial = |(run_id, rows): (Name, Vec<SpanRow>)| {
        let mut state = RunState::new(run_id);
        for row in &rows {
            state.insert(row.head.clone());
        }
        of_run(&state.summary(1, true, ""), &rows, &[])
    };
    runs.into_iter().map(trial).collect()
}
