//! What reads see: rows in memory, rows on their way to disk, and segments, always as one consistent whole.
//!
//! Rows move from one to the next in a single step under the lock, so that a snapshot has every row once. The lock is
//! held for moments and never across an await; rows and segments are shared, not copied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use mizzen_model::time::Timestamp;

use super::repeats::RunSet;
use super::segment::encode::Row;
use super::segment::{Segment, Signal};
use crate::row::{LogRow, MetricRow, SpanRow};

/// Rows of one request.
#[derive(Debug)]
pub(crate) enum Rows {
    Spans(Vec<SpanRow>),
    Logs(Vec<LogRow>),
    Metrics(Vec<MetricRow>),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Spans(rows) => rows.len(),
            Self::Logs(rows) => rows.len(),
            Self::Metrics(rows) => rows.len(),
        }
    }

    /// The runs that they are of.
    pub(crate) fn runs(&self) -> RunSet {
        match self {
            Self::Spans(rows) => RunSet::of(rows.iter().filter_map(Row::run_id)),
            Self::Logs(rows) => RunSet::of(rows.iter().filter_map(Row::run_id)),
            Self::Metrics(rows) => RunSet::of(rows.iter().filter_map(Row::run_id)),
        }
    }

    /// Whether each says itself when it happened. What does not was given the time when it came.
    pub(crate) fn are_dated(&self, received_at: Timestamp) -> bool {
        match self {
            Self::Spans(rows) => rows.iter().all(|row| row.head.started_at != received_at),
            Self::Logs(rows) => rows.iter().all(|row| row.at != received_at),
            Self::Metrics(rows) => rows.iter().all(|row| row.at != received_at),
        }
    }
}

/// Rows of one signal in memory, in the order they came.
#[derive(Debug)]
pub(crate) struct Table<R> {
    chunks: Vec<Arc<Vec<R>>>,
    rows: usize,
    bytes: usize,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { chunks: Vec::new(), rows: 0, bytes: 0 }
    }
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), rows: self.rows, bytes: self.bytes }
    }
}

impl<R: Row> Table<R> {
    fn push(&mut self, rows: Vec<R>) {
        if !rows.is_empty() {
            self.rows += rows.len();
            self.bytes += rows.iter().map(Row::memory_bytes).sum::<usize>();
            self.chunks.push(Arc::new(rows));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Bytes that its rows take in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The rows of a run, in the order they came.
    pub(crate) fn of_run<'a>(&'a self, run_id: &'a str) -> impl Iterator<Item = &'a R> {
        self.iter().filter(move |row| row.run_id() == Some(run_id))
    }

    /// In the order of a segment.
    pub(crate) fn sorted(&self) -> Vec<&R> {
        let mut rows: Vec<&R> = self.iter().collect();
        rows.sort_by(|a, b| a.order(b));
        rows
    }

    /// These rows, and those of `later`.
    fn followed_by(mut self, later: &Self) -> Self {
        self.rows += later.rows;
        self.bytes += later.bytes;
        self.chunks.extend(later.chunks.iter().cloned());
        self
    }
}

impl<R: Row + Clone> Table<R> {
    /// Removes the rows of the given runs; chunks without any of them stay shared.
    fn remove_run(&mut self, run_id: &str) {
        let is_other = |row: &&R| row.run_id() != Some(run_id);
        for chunk in std::mem::take(self).chunks {
            if chunk.iter().all(|row| is_other(&row)) {
                self.rows += chunk.len();
                self.bytes += chunk.iter().map(Row::memory_bytes).sum::<usize>();
                self.chunks.push(chunk);
            } else {
                self.push(chunk.iter().filter(is_other).cloned().collect());
            }
        }
    }
}

/// Rows of all signals in memory.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tables {
    pub(crate) spans: Table<SpanRow>,
    pub(crate) logs: Table<LogRow>,
    pub(crate) metrics: Table<MetricRow>,
}

impl Tables {
    pub(crate) fn bytes(&self) -> usize {
        self.spans.bytes + self.logs.bytes + self.metrics.bytes
    }

    pub(crate) fn rows(&self) -> usize {
        self.spans.rows + self.logs.rows + self.metrics.rows
    }

    fn push(&mut self, rows: Rows) {
        match rows {
            Rows::Spans(rows) => self.spans.push(rows),
            Rows::Logs(rows) => self.logs.push(rows),
            Rows::Metrics(rows) => self.metrics.push(rows),
        }
    }
}

/// Runs that were deleted while segments still hold their rows, by segment. Every read leaves them out; a merge
/// drops them for good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden {
    runs: BTreeMap<u64, Arc<BTreeSet<String>>>,
}

impl Hidden {
    /// True but for the time between a deletion and the merge that it asks for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The hidden runs of one segment, `None` when it has none.
    #[must_use]
    pub fn runs_of(&self, segment_id: u64) -> Option<&BTreeSet<String>> {
        self.runs.get(&segment_id).map(Arc::as_ref)
    }

    pub(crate) fn hides(&self, segment_id: u64, run_id: &str) -> bool {
        self.runs_of(segment_id).is_some_and(|runs| runs.contains(run_id))
    }

    pub(crate) fn insert(&mut self, segment_id: u64, run_id: &str) {
        let runs = self.runs.entry(segment_id).or_default();
        Arc::make_mut(runs).insert(run_id.to_owned());
    }

    pub(crate) fn remove_segment(&mut self, segment_id: u64) {
        self.runs.remove(&segment_id);
    }
}

/// One consistent state. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// In order of their ids.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) hidden: Hidden,
    /// Rows on their way to disk.
    pub(crate) frozen: Option<Arc<Tables>>,
    pub(crate) live: Tables,
}

impl Snapshot {
    pub(crate) fn segments_of(&self, signal: Signal) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter().filter(move |segment| segment.signal == signal)
    }

    /// The rows of one signal that are in memory, the older ones first.
    pub(crate) fn in_memory<R: Row>(&self, of: fn(&Tables) -> &Table<R>) -> Table<R> {
        self.tables().map(of).fold(Table::default(), Table::followed_by)
    }

    /// Rows in memory, the older ones first.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Tables> {
        self.frozen.as_deref().into_iter().chain([&self.live])
    }
}

/// The state that reads see. The assembler adds and freezes rows, the keeper changes segments.
#[derive(Debug, Default)]
pub(crate) struct View {
    state: RwLock<Snapshot>,
}

impl View {
    pub(crate) fn with_segments(segments: Vec<Arc<Segment>>, hidden: Hidden) -> Self {
        Self { state: RwLock::new(Snapshot { segments, hidden, ..Snapshot::default() }) }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.read().clone()
    }

    pub(crate) fn push(&self, rows: Rows) {
        self.write().live.push(rows);
    }

    pub(crate) fn live_bytes(&self) -> usize {
        self.read().live.bytes()
    }

    pub(crate) fn live_rows(&self) -> usize {
        self.read().live.rows()
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.read().frozen.is_some()
    }

    pub(crate) fn segment_count(&self) -> usize {
        self.read().segments.len()
    }

    /// Removes the rows of a run that are in memory. Must not be called while rows are on their way to disk.
    pub(crate) fn remove_run(&self, run_id: &str) {
        let mut state = self.write();
        state.live.spans.remove_run(run_id);
        state.live.logs.remove_run(run_id);
    }

    /// Takes the live rows aside, where reads still see them until [`Self::publish`].
    pub(crate) fn freeze(&self) -> Arc<Tables> {
        let mut state = self.write();
        let frozen = Arc::new(std::mem::take(&mut state.live));
        state.frozen = Some(frozen.clone());
        frozen
    }

    /// The frozen rows are in `segments` now.
    pub(crate) fn publish(&self, segments: Vec<Arc<Segment>>) {
        let mut state = self.write();
        state.frozen = None;
        state.segments.extend(segments);
        state.segments.sort_by_key(|segment| segment.id);
    }

    /// Replaces segments by what a merge made of them (nothing, when every row was deleted).
    pub(crate) fn replace(&self, gone: &[u64], merged: Option<Arc<Segment>>) {
        let mut state = self.write();
        state.segments.retain(|segment| !gone.contains(&segment.id));
        gone.iter().for_each(|id| state.hidden.remove_segment(*id));
        state.segments.extend(merged);
        state.segments.sort_by_key(|segment| segment.id);
    }

    pub(crate) fn hide(&self, segment_ids: &[u64], run_id: &str) {
        let mut state = self.write();
        segment_ids.iter().for_each(|id| state.hidden.insert(*id, run_id));
    }

    fn read(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Snapshot> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
