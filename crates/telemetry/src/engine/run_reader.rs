//! The rows of one run, from memory and from segments.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use mizzen_model::id::SpanId;
use mizzen_model::run::RunSummary;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::error::ReadError;
use super::index::Index;
use super::runs::RUN_SPANS_MAX;
use super::segment::decode;
use super::segment::read::{Columns, SegmentReader};
use super::segment::{Segment, SegmentError, Signal};
use super::view::{Snapshot, View};
use crate::row::{LogRow, SpanBody, SpanHead, SpanRow};

/// Questions to object storage at once.
const LOOKS_AT_ONCE: usize = 16;

/// Reads runs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct RunReader {
    view: Arc<View>,
    segments: SegmentReader,
    index: Index,
    /// One search for lost segments at a time: it may read all of storage.
    searching: Arc<Semaphore>,
}

impl RunReader {
    pub(crate) fn new(view: Arc<View>, segments: SegmentReader, index: Index) -> Self {
        Self { view, segments, index, searching: Arc::new(Semaphore::new(1)) }
    }

    /// Every span of a run once, in order of time.
    pub(crate) async fn spans(&self, run_id: &str, columns: Columns) -> Result<Vec<SpanRow>, ReadError> {
        let snapshot = self.spans_snapshot(run_id).await?;
        self.rows(snapshot, run_id, columns).await
    }

    /// The heads of a run's spans, to go on with it: all that can be read, and why the rest never will be.
    pub(crate) async fn heads(&self, run_id: &str) -> Result<(Vec<SpanHead>, Vec<SegmentError>), ReadError> {
        let mut snapshot = self.spans_snapshot(run_id).await?;
        let mut lost = Vec::new();
        loop {
            let error = match self.rows(snapshot.clone(), run_id, Columns::Heads).await {
                Ok(rows) => return Ok((rows.into_iter().map(|row| row.head).collect(), lost)),
                Err(ReadError::Segment(error)) => error,
                Err(error) => return Err(error),
            };
            let Some(at) = snapshot.segments.iter().position(|segment| segment.path == error.path()) else {
                return Err(error.into());
            };
            if !self.segments.is_lost(&snapshot.segments[at], &error).await {
                return Err(error.into());
            }
            snapshot.segments.remove(at);
            lost.push(error);
        }
    }

    /// Which of the segments are lost: those that are not as they were written, else the first that cannot be decoded.
    pub(crate) async fn find_lost(&self, segments: Vec<Arc<Segment>>) -> Vec<SegmentError> {
        // Whoever waits longer than they would search goes without.
        let Ok(_one_at_a_time) = self.searching.acquire().await else { return Vec::new() };
        let looks = segments.iter().map(|segment| self.segments.look_for(segment)).collect::<Vec<_>>();
        let looks: Vec<_> = stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
        let lost: Vec<SegmentError> = looks.into_iter().filter_map(Result::err).collect();
        if !lost.is_empty() {
            return lost;
        }
        for segment in segments {
            if let Err(error) = self.segments.read_through(segment.clone()).await
                && self.segments.is_lost(&segment, &error).await
            {
                return vec![error];
            }
        }
        Vec::new()
    }

    async fn rows(&self, snapshot: Snapshot, run_id: &str, columns: Columns) -> Result<Vec<SpanRow>, ReadError> {
        self.blocking(snapshot, vec![run_id.to_owned()], move |reader, snapshot, run_ids, runtime| {
            spans_of(reader, snapshot, run_ids, columns, runtime)
        })
        .await
    }

    /// The heads of the spans of many runs, each once, run after run and in order of time: a segment is read once for all of
    /// them. What came in after their summaries may be missing.
    pub(crate) async fn heads_of_runs(&self, runs: &[&RunSummary]) -> Result<Vec<SpanRow>, ReadError> {
        let mut snapshot = self.view.snapshot();
        let started = |run: &&RunSummary| run.started_at.unix_nanos();
        let ended = |run: &&RunSummary| run.started_at.plus_nanos(run.duration_ns).unix_nanos();
        let first = runs.iter().map(started).min().unwrap_or_default();
        let last = runs.iter().map(ended).max().unwrap_or_default();
        snapshot.segments.retain(|segment| segment.min_at <= last && segment.max_at >= first);
        let mut run_ids: Vec<String> = runs.iter().map(|run| run.run_id.to_string()).collect();
        run_ids.sort_unstable();
        self.blocking(snapshot, run_ids, move |reader, snapshot, run_ids, runtime| {
            spans_of(reader, snapshot, run_ids, Columns::Heads, runtime)
        })
        .await
    }

    /// Those of the spans of a run that are there, each once, with their content: a segment is read once for all of them.
    pub(crate) async fn some_spans(
        &self,
        run_id: &str,
        mut wanted: HashSet<SpanId>,
    ) -> Result<Vec<SpanRow>, ReadError> {
        let snapshot = self.spans_snapshot(run_id).await?;
        let run_id = run_id.to_owned();
        self.blocking(snapshot, vec![run_id.clone()], move |reader, snapshot, run_ids, runtime| {
            let mut rows = Vec::with_capacity(wanted.len());
            for table in snapshot.tables() {
                rows.extend(table.spans.of_run(&run_id).filter(|row| wanted.remove(&row.head.span_id)).cloned());
            }
            for segment in visible(snapshot, Signal::Spans, &run_id) {
                if wanted.is_empty() {
                    break;
                }
                let reading = reader.rows_of_runs(segment, run_ids, Columns::Full, Some(&wanted));
                let mut read = Vec::new();
                append(segment, &runtime.block_on(reading)?, decode::spans, &mut read)?;
                rows.extend(read.into_iter().filter(|row| wanted.remove(&row.head.span_id)));
            }
            Ok(rows)
        })
        .await
    }

    /// The log records of a run, in order of time.
    pub(crate) async fn logs(&self, run_id: &str) -> Result<Vec<LogRow>, ReadError> {
        let run_id = run_id.to_owned();
        self.blocking(self.view.snapshot(), vec![run_id.clone()], move |reader, snapshot, run_ids, runtime| {
            let mut rows = Vec::new();
            for segment in visible(snapshot, Signal::Logs, &run_id) {
                let batches = runtime.block_on(reader.rows_of_runs(segment, run_ids, Columns::Full, None))?;
                append(segment, &batches, decode::logs, &mut rows)?;
            }
            for table in snapshot.tables() {
                rows.extend(table.logs.of_run(&run_id).cloned());
            }
            rows.sort_by_key(|row| row.at);
            Ok(rows)
        })
        .await
    }

    /// Those of `segments` that hold rows of a run. One that can never be read may hold some.
    pub(crate) async fn segments_with(&self, run_id: &str, segments: &[Arc<Segment>]) -> Result<Vec<u64>, ReadError> {
        let (mut holding, run_ids) = (Vec::new(), [run_id.to_owned()]);
        for segment in segments.iter().filter(|segment| segment.signal != Signal::Metrics) {
            let holds = match self.segments.rows_of_runs(segment, &run_ids, Columns::Heads, None).await {
                Ok(batches) => batches.iter().any(|batch| batch.num_rows() > 0),
                Err(error) if self.segments.is_lost(segment, &error).await => true,
                Err(error) => return Err(error.into()),
            };
            if holds {
                holding.push(segment.id);
            }
        }
        Ok(holding)
    }

    /// A snapshot without the segments that lie outside the run's time. A run is saved before its spans are in
    /// segments, so what is saved *after* the snapshot was taken covers all that is in it.
    async fn spans_snapshot(&self, run_id: &str) -> Result<Snapshot, ReadError> {
        let mut snapshot = self.view.snapshot();
        match self.index.run(run_id).await? {
            // Known in memory only, or not at all.
            None => snapshot.segments.clear(),
            // Its times are those of the spans that were assembled.
            Some(run) if run.summary.spans as usize >= RUN_SPANS_MAX => {}
            Some(run) => {
                let first = run.summary.started_at.unix_nanos();
                let last = first.saturating_add(run.summary.duration_ns);
                snapshot.segments.retain(|segment| segment.min_at <= last && segment.max_at >= first);
            }
        }
        Ok(snapshot)
    }

    /// Decoding takes longer than an async thread should be held.
    async fn blocking<T, F>(&self, snapshot: Snapshot, run_ids: Vec<String>, work: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&SegmentReader, &Snapshot, &[String], &Handle) -> Result<T, ReadError> + Send + 'static,
    {
        let (reader, runtime) = (self.segments.clone(), Handle::current());
        let done = tokio::task::spawn_blocking(move || work(&reader, &snapshot, &run_ids, &runtime)).await;
        done.map_err(|_| ReadError::Stopping)?
    }
}

/// The spans of runs (their ids sorted), each once, run after run and in order of time. Of those that go beyond what is assembled of
/// a run, the segments that are left are not read: an agent may keep one run for weeks.
fn spans_of(
    reader: &SegmentReader,
    snapshot: &Snapshot,
    run_ids: &[String],
    columns: Columns,
    runtime: &Handle,
) -> Result<Vec<SpanRow>, ReadError> {
    let mut rows: Vec<SpanRow> = Vec::new();
    for segment in snapshot.segments_of(Signal::Spans) {
        if rows.len() >= RUN_SPANS_MAX {
            break;
        }
        let shown: Vec<String> =
            run_ids.iter().filter(|run_id| !snapshot.hidden.hides(segment.id, run_id)).cloned().collect();
        if !shown.is_empty() {
            let read = || {
                let batches = runtime.block_on(reader.rows_of_runs(segment, &shown, columns, None))?;
                append(segment, &batches, decode::spans, &mut rows)
            };
            // Of a file that is damaged the decoder may panic.
            let undecodable = |_| Err(SegmentError::Undecodable { path: segment.path.clone() });
            std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(undecodable)?;
        }
    }
    for table in snapshot.tables() {
        for run_id in run_ids {
            rows.extend(table.spans.of_run(run_id).map(|row| select(row, columns)));
        }
    }
    let mut seen = HashSet::with_capacity(rows.len());
    rows.retain(|row| seen.insert((row.head.run_id.clone(), row.head.trace_id, row.head.span_id)));
    rows.sort_by(|a, b| {
        let order = |row: &SpanRow| (row.head.started_at, row.head.span_id);
        a.head.run_id.cmp(&b.head.run_id).then_with(|| order(a).cmp(&order(b)))
    });
    Ok(rows)
}

fn visible<'a>(snapshot: &'a Snapshot, signal: Signal, run_id: &str) -> impl Iterator<Item = &'a Arc<Segment>> {
    snapshot.segments_of(signal).filter(move |segment| !snapshot.hidden.hides(segment.id, run_id))
}

fn select(row: &SpanRow, columns: Columns) -> SpanRow {
    match columns {
        Columns::Full => row.clone(),
        Columns::Heads => {
            let body = SpanBody { status_message: row.body.status_message.clone(), ..SpanBody::default() };
            SpanRow { head: row.head.clone(), body }
        }
    }
}

fn append<R>(
    segment: &Segment,
    batches: &[arrow::array::RecordBatch],
    decode: fn(&arrow::array::RecordBatch) -> Result<Vec<R>, decode::ColumnError>,
    rows: &mut Vec<R>,
) -> Result<(), SegmentError> {
    for batch in batches {
        let decoded = decode(batch);
        rows.extend(decoded.map_err(|source| SegmentError::Column { path: segment.path.clone(), source })?);
    }
    Ok(())
}
