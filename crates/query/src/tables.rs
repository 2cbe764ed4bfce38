//! What telemetry has, as tables: only those that a statement names are opened.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use futures::FutureExt as _;
use mizzen_telemetry::{Page, RunFilter, SegmentFile, Signal, TableSnapshot, Telemetry};

use crate::error::QueryError;
use crate::segments::{SegmentTable, Stored, StoredSegment};
use crate::{decisions, runs, scores};

/// Runs read from the index at once.
const PAGE_RUNS: u32 = 1_000;

/// The tables of a statement, and the segments that they are made of.
pub(crate) struct Opened {
    pub(crate) tables: HashMap<&'static str, Arc<dyn TableProvider>>,
    /// What the tables are read from, of each signal.
    pub(crate) segments: Vec<Arc<Vec<SegmentFile>>>,
}

/// Opens those of `names` that are tables. Tables of one signal see the same moment.
pub(crate) async fn open(telemetry: &Telemetry, names: &[String]) -> Result<Opened, QueryError> {
    let is_named = |name: &str| names.iter().any(|named| named == name);
    let mut tables: HashMap<&'static str, Arc<dyn TableProvider>> = HashMap::new();
    let mut segments = Vec::new();
    if is_named("spans") || is_named("steps") {
        let stored = snapshot(telemetry, Signal::Spans, &mut segments).await;
        tables.insert("steps", Arc::new(SegmentTable::steps(stored.clone()).map_err(engine)?));
        tables.insert("spans", Arc::new(SegmentTable::all(stored).map_err(engine)?));
    }
    if is_named("metrics") {
        let stored = snapshot(telemetry, Signal::Metrics, &mut segments).await;
        tables.insert("metrics", Arc::new(SegmentTable::all(stored).map_err(engine)?));
    }
    let of_logs = [("logs", "logs"), ("scores", scores::EVENTS), ("decisions", decisions::EVENTS)];
    let of_logs: Vec<&'static str> = of_logs.into_iter().filter(|(name, _)| is_named(name)).map(|(_, of)| of).collect();
    if !of_logs.is_empty() {
        let stored = snapshot(telemetry, Signal::Logs, &mut segments).await;
        for name in of_logs {
            tables.insert(name, Arc::new(SegmentTable::all(stored.clone()).map_err(engine)?));
        }
    }
    if is_named("runs") {
        tables.insert("runs", runs::table(pages(telemetry.clone())).map_err(engine)?);
    }
    Ok(Opened { tables, segments })
}

fn engine(error: datafusion::common::DataFusionError) -> QueryError {
    QueryError::Engine(Box::new(error))
}

async fn snapshot(telemetry: &Telemetry, signal: Signal, files: &mut Vec<Arc<Vec<SegmentFile>>>) -> Stored {
    let snapshot = telemetry.table(signal).await;
    let TableSnapshot { schema, segments, live, hidden } = snapshot;
    let stored = segments.iter().map(|segment| StoredSegment {
        path: segment.path.clone(),
        bytes: segment.bytes,
        rows: segment.rows,
        min_at: segment.min_at,
        max_at: segment.max_at,
        hidden_runs: hidden.runs_of(segment.id).map(|runs| Arc::new(runs.clone())),
    });
    let stored = stored.collect();
    let segments = Arc::new(segments);
    files.push(segments.clone());
    Stored { schema, segments: stored, live: Arc::new(live), _pin: Some(segments) }
}

fn pages(telemetry: Telemetry) -> runs::Pages {
    Arc::new(move |cursor| {
        let telemetry = telemetry.clone();
        async move {
            let page = telemetry.runs(&RunFilter::default(), &Page { cursor, limit: PAGE_RUNS }).await?;
            Ok((page.items, page.next_cursor))
        }
        .boxed()
    })
}
