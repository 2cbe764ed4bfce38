//! The last 24 hours, added up from the run list.

use std::sync::{Arc, Mutex, PoisonError};

use mizzen_model::run::RunSummary;
use mizzen_model::step::Outcome;
use mizzen_model::time::Timestamp;
use mizzen_telemetry::{Page, RunFilter};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ApiError;

const HOURS: usize = 24;
const HOUR_NS: i64 = 3_600_000_000_000;
/// Runs of the day that are added up; with more, the totals say that they are not complete.
const RUNS_MAX: usize = 50_000;
const PAGE_RUNS: u32 = 1_000;
/// Adding up is repeated at most this often.
const FRESH_NS: i64 = 5_000_000_000;

/// Sums over the runs that started within the last 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Totals {
    pub(crate) runs: u64,
    /// Runs that failed.
    pub(crate) errors: u64,
    /// An estimate from the price table; `null` when no call could be priced.
    pub(crate) cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    pub(crate) unpriced_calls: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) model_calls: u64,
    pub(crate) tool_calls: u64,
    /// `false` when there were too many runs to add up: all numbers are then lower bounds.
    pub(crate) complete: bool,
}

/// Sums over the runs that started within one hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Hour {
    pub(crate) at: Timestamp,
    pub(crate) runs: u64,
    pub(crate) errors: u64,
    pub(crate) cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    pub(crate) unpriced_calls: u64,
    pub(crate) tokens: u64,
}

/// The last 24 hours; the last one is not over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Day {
    pub(crate) totals: Totals,
    /// Oldest first.
    pub(crate) hours: Vec<Hour>,
}

impl Day {
    fn ending(now: Timestamp) -> Self {
        let last = now.unix_nanos() - now.unix_nanos().rem_euclid(HOUR_NS);
        let start = |back: usize| last - i64::try_from(back).unwrap_or(0) * HOUR_NS;
        let hours =
            (0..HOURS).rev().map(|back| Hour { at: Timestamp::from_unix_nanos(start(back)), ..Hour::default() });
        Self { totals: Totals { complete: true, ..Totals::default() }, hours: hours.collect() }
    }

    fn from(&self) -> Option<Timestamp> {
        self.hours.first().map(|hour| hour.at)
    }

    fn add(&mut self, run: &RunSummary) {
        let is_error = u64::from(run.outcome == Outcome::Error);
        let totals = &mut self.totals;
        totals.runs += 1;
        totals.errors += is_error;
        totals.cost_usd = plus(totals.cost_usd, run.cost_usd);
        totals.unpriced_calls += u64::from(run.unpriced_calls);
        totals.input_tokens += run.usage.input_tokens;
        totals.output_tokens += run.usage.output_tokens;
        totals.model_calls += u64::from(run.model_calls);
        totals.tool_calls += u64::from(run.tool_calls);
        // A clock that runs ahead must not make a run invisible: its hour is the last one.
        let Some(hour) = self.hours.iter_mut().rev().find(|hour| hour.at <= run.started_at) else { return };
        hour.runs += 1;
        hour.errors += is_error;
        hour.cost_usd = plus(hour.cost_usd, run.cost_usd);
        hour.unpriced_calls += u64::from(run.unpriced_calls);
        hour.tokens += run.usage.total_tokens();
    }
}

fn plus(sum: Option<f64>, more: Option<f64>) -> Option<f64> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(sum + more),
        (sum, more) => sum.or(more),
    }
}

/// The day as it was a moment ago.
#[derive(Debug, Default)]
pub(crate) struct LastDay(Mutex<Option<(Timestamp, Arc<Day>)>>);

/// Adds up the runs of the last 24 hours, or gives what was added up a moment ago.
pub(crate) async fn last_day(app: &App) -> Result<Arc<Day>, ApiError> {
    let now = app.state.clock.now();
    let known = app.last_day.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, day)) = known
        && now.nanos_since(at) < FRESH_NS
    {
        return Ok(day);
    }
    let mut day = Day::ending(now);
    let filter = RunFilter { from: day.from(), ..RunFilter::default() };
    let mut page = Page { cursor: None, limit: PAGE_RUNS };
    for left in (0..RUNS_MAX / PAGE_RUNS as usize).rev() {
        let found = app.state.telemetry.runs(&filter, &page).await?;
        found.items.iter().for_each(|run| day.add(run));
        page.cursor = found.next_cursor;
        if page.cursor.is_none() {
            break;
        }
        day.totals.complete = left > 0;
    }
    let day = Arc::new(day);
    *app.last_day.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&day)));
    Ok(day)
}

#[cfg(test)]
mod tests {
    use mizzen_model::run::RunSummary;
    use mizzen_model::time::Timestamp;

    use super::{Day, HOUR_NS, HOURS};
    use crate::view::sample::summary;

    #[test]
    fn every_run_counts_in_the_hour_it_started_in() {
        let now = Timestamp::from_unix_nanos(100 * HOUR_NS + 5);
        let mut day = Day::ending(now);
        let at = |nanos| RunSummary {
            started_at: Timestamp::from_unix_nanos(nanos),
            cost_usd: Some(0.5),
            unpriced_calls: 2,
            ..summary("a", 1)
        };
        for nanos in [77 * HOUR_NS, 100 * HOUR_NS, 100 * HOUR_NS + 4, 200 * HOUR_NS] {
            day.add(&at(nanos));
        }
        assert_eq!((day.hours.len(), day.hours[0].at.unix_nanos()), (HOURS, 77 * HOUR_NS));
        assert_eq!((day.hours[0].runs, day.hours[1].runs, day.hours[HOURS - 1].runs), (1, 0, 3));
        assert_eq!(
            (day.hours[0].unpriced_calls, day.hours[HOURS - 1].unpriced_calls, day.totals.unpriced_calls),
            (2, 6, 8)
        );
        assert_eq!((day.totals.runs, day.totals.cost_usd, day.hours[1].cost_usd), (4, Some(2.0), None));
    }
}
