//! How many runs each agent had in the last thirty days.

use std::sync::{Arc, Mutex, PoisonError};

use mizzen_model::time::Timestamp;
use mizzen_telemetry::{Page, RunFilter};

use crate::app::App;
use crate::error::ApiError;
use crate::graph::impact::RunCounts;

const WINDOW_NS: i64 = 30 * 86_400_000_000_000;
/// Runs that are counted; with more, the numbers say that they are lower bounds.
const RUNS_MAX: usize = 50_000;
const PAGE_RUNS: u32 = 1_000;
/// Counting is repeated at most this often: over thirty days a minute changes nothing.
const FRESH_NS: i64 = 60_000_000_000;

/// The counts as they were a moment ago.
#[derive(Debug, Default)]
pub(crate) struct RecentRuns(Mutex<Option<(Timestamp, Arc<RunCounts>)>>);

pub(super) async fn runs(app: &App) -> Result<Arc<RunCounts>, ApiError> {
    let now = app.state.clock.now();
    let known = app.recent_runs.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, counts)) = known
        && now.nanos_since(at) < FRESH_NS
    {
        return Ok(counts);
    }
    let from = Timestamp::from_unix_nanos(now.unix_nanos().saturating_sub(WINDOW_NS));
    let filter = RunFilter { from: Some(from), ..RunFilter::default() };
    let mut counts = RunCounts::default();
    let mut page = Page { cursor: None, limit: PAGE_RUNS };
    for left in (0..RUNS_MAX / PAGE_RUNS as usize).rev() {
        let found = app.state.telemetry.runs(&filter, &page).await?;
        for agent in found.items.into_iter().filter_map(|run| run.agent) {
            *counts.by_agent.entry(agent).or_default() += 1;
        }
        page.cursor = found.next_cursor;
        if page.cursor.is_none() {
            break;
        }
        counts.is_cut = left == 0;
    }
    let counts = Arc::new(counts);
    *app.recent_runs.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&counts)));
    Ok(counts)
}
