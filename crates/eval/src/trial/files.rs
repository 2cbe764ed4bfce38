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

    /// The spans of a file, for [`trials`].
    ///
    /// # Errors
    /// When the file is malformed, of an unknown format, or holds no usable span.
    pub fn rows(&self, content: &[u8]) -> Result<Vec<SpanRow>, TraceFileError> {
        let requests = import::read(content)?;
        let origin = Origin::unknown(self.received_at);
        let mut rows = Vec::new();
        let mut message = String::new();
        for request in &requests {
            let normalised = self.normaliser.spans(request, &origin);
            rows.extend(normalised.rows);
            message = normalised.message;
        }
        if rows.is_empty() { Err(TraceFileError::NoSpans(message)) } else { Ok(rows) }
    }

    /// One trial for each trace (or each run that the spans name), in order of appearance.
    ///
    /// # Errors
    /// When the file is malformed, of an unknown format, or holds no usable span.
    pub fn read(&self, content: &[u8]) -> Result<Vec<Trial>, TraceFileError> {
        Ok(trials(self.rows(content)?, Grouping::Run))
    }
}

/// What one trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// A trace, or a run that the spans name.
    Run,
    /// The runs of one session, when spans name one: what cases of several turns need.
    Session,
}

/// The trials of `rows`, in order of appearance. A session goes by the id of its first run.
#[must_use]
pub fn trials(rows: Vec<SpanRow>, grouping: Grouping) -> Vec<Trial> {
    let mut runs: IndexMap<Name, Vec<SpanRow>> = IndexMap::new();
    for row in rows {
        runs.entry(row.head.run_id.clone()).or_default().push(row);
    }
    if grouping == Grouping::Session {
        runs = by_session(runs);
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

fn by_session(runs: IndexMap<Name, Vec<SpanRow>>) -> IndexMap<Name, Vec<SpanRow>> {
    let mut sessions: IndexMap<Name, Vec<(Name, Vec<SpanRow>)>> = IndexMap::new();
    for (run_id, rows) in runs {
        // The outermost span's session wins over a delegate's.
        let named = rows.iter().filter(|row| row.head.session.is_some()).min_by_key(|row| row.head.started_at);
        let session = named.and_then(|row| row.head.session.clone()).unwrap_or_else(|| run_id.clone());
        sessions.entry(session).or_default().push((run_id, rows));
    }
    let started = |rows: &[SpanRow]| rows.iter().map(|row| row.head.started_at).min();
    let joined = |mut runs: Vec<(Name, Vec<SpanRow>)>| {
        runs.sort_by_key(|(_, rows)| started(rows));
        let run_id = runs.first().map(|(run_id, _)| run_id.clone()).unwrap_or_else(|| Name::from(""));
        (run_id, runs.into_iter().flat_map(|(_, rows)| rows).collect())
    };
    sessions.into_values().map(joined).collect()
}
