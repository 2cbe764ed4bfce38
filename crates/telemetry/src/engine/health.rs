//! What telemetry says of itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use mizzen_model::time::Timestamp;
use mizzen_runtime::metrics::{Counter, Gauge, Metrics};
use serde::Serialize;

use super::segment::SegmentError;

/// The state of ingest, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngestHealth {
    /// Since the start of the process, as are all counts.
    pub spans_received: u64,
    pub logs_received: u64,
    pub metric_points_received: u64,
    /// Items that can never be stored; their senders were told.
    pub rejected: u64,
    /// Spans that were there already.
    pub duplicates: u64,
    /// Requests turned away for now; their senders were told to try again.
    pub turned_away: u64,
    /// Records of the gateways that were given up because storage did not take them.
    pub shed: u64,
    pub last_received_at: Option<Timestamp>,
    /// Bytes of the write-ahead log on disk.
    pub wal_bytes: u64,
    pub segments: u64,
    pub segment_bytes: u64,
    /// Rows in memory, not yet in segments.
    pub live_rows: u64,
    /// Segments that were found damaged or gone; reads that need them fail until they are put back.
    pub lost_segments: u64,
    /// Why storage does not work at the moment, else which segment is lost or whose are not read; `None` when all is well.
    pub failing: Option<String>,
}

/// Counters behind [`IngestHealth`] and `/metrics`.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    pub(crate) spans: Counter,
    pub(crate) logs: Counter,
    pub(crate) metric_points: Counter,
    pub(crate) rejected: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) repeated: Counter,
    pub(crate) turned_away: Counter,
    pub(crate) shed: Counter,
    pub(crate) oversized_runs: Counter,
    pub(crate) compacted_rows: Counter,
    pub(crate) retired_segments: Counter,
    pub(crate) storage_errors: Counter,
    wal_bytes: Gauge,
    segments: Gauge,
    last_received_at: Arc<AtomicI64>,
    wal_bytes_now: Arc<AtomicU64>,
    /// The database and what follows from it.
    failing: Arc<ArcSwapOption<String>>,
    /// Segments by themselves: that the database takes what it is told says nothing about them.
    segments_failing: Arc<ArcSwapOption<String>>,
    /// Merging them by itself: it comes without traffic, and reads what it writes anew.
    merging_failing: Arc<ArcSwapOption<String>>,
    /// The write-ahead log by itself: that segments can be written says nothing about it.
    log_failing: Arc<ArcSwapOption<String>>,
    /// It takes nothing before another file of it is begun.
    log_stopped: Arc<AtomicBool>,
    /// Why each segment is lost, by its path.
    lost: Arc<Mutex<BTreeMap<String, String>>>,
    lost_segments: Gauge,
    /// What is said of segments in the database that are not this node's.
    unread: Arc<ArcSwapOption<String>>,
    unread_segments: Gauge,
}

impl Health {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let received = |signal| {
            let help = "Items received and durable, by signal.";
            metrics.counter("mizzen_telemetry_received_total", help, &[("signal", signal)])
        };
        let counter = |name, help| metrics.counter(name, help, &[]);
        Self {
            spans: received("spans"),
            logs: received("logs"),
            metric_points: received("metrics"),
            rejected: counter("mizzen_telemetry_rejected_total", "Items that can never be stored."),
            duplicates: counter("mizzen_telemetry_duplicate_spans_total", "Spans that were stored already."),
            repeated: counter(
                "mizzen_telemetry_repeated_requests_total",
                "Requests of logs or metrics that were stored already.",
            ),
            turned_away: counter("mizzen_telemetry_turned_away_total", "Requests answered with a retryable error."),
            shed: counter("mizzen_telemetry_shed_records_total", "Gateway records given up."),
            oversized_runs: counter("mizzen_telemetry_spans_beyond_run_limit_total", "Spans stored but not assembled."),
            compacted_rows: counter("mizzen_telemetry_compacted_rows_total", "Rows rewritten by compaction."),
            retired_segments: counter("mizzen_telemetry_retired_segments_total", "Segments removed by retention."),
            storage_errors: counter("mizzen_telemetry_storage_errors_total", "Failed attempts to store, all retried."),
            wal_bytes: metrics.gauge("mizzen_telemetry_wal_bytes", "Bytes of the write-ahead log.", &[]),
            segments: metrics.gauge("mizzen_telemetry_segments", "Segments.", &[]),
            last_received_at: Arc::new(AtomicI64::new(i64::MIN)),
            wal_bytes_now: Arc::default(),
            failing: Arc::default(),
            segments_failing: Arc::default(),
            merging_failing: Arc::default(),
            log_failing: Arc::default(),
            log_stopped: Arc::default(),
            lost: Arc::default(),
            lost_segments: metrics.gauge("mizzen_telemetry_lost_segments", "Segments found damaged or gone.", &[]),
            unread: Arc::default(),
            unread_segments: metrics.gauge(
                "mizzen_telemetry_unread_segments",
                "Segments in the database that are of other data folders, and not read here.",
                &[],
            ),
        }
    }

    pub(crate) fn received(&self, at: Timestamp) {
        self.last_received_at.fetch_max(at.unix_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn last_received_at(&self) -> Option<Timestamp> {
        let nanos = self.last_received_at.load(Ordering::Relaxed);
        (nanos != i64::MIN).then(|| Timestamp::from_unix_nanos(nanos))
    }

    pub(crate) fn set_wal_bytes(&self, bytes: u64) {
        self.wal_bytes_now.store(bytes, Ordering::Relaxed);
        self.wal_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn wal_bytes(&self) -> u64 {
        self.wal_bytes_now.load(Ordering::Relaxed)
    }

    pub(crate) fn set_segments(&self, segments: usize) {
        self.segments.set(i64::try_from(segments).unwrap_or(i64::MAX));
    }

    /// The database failed and is tried again.
    pub(crate) fn fails(&self, error: &(dyn std::error::Error + 'static)) {
        self.tell(&self.failing, error, "telemetry cannot be stored; trying again");
    }

    pub(crate) fn works(&self) {
        tell_again(&self.failing, "telemetry is stored again");
    }

    /// Where segments are did not take one; it is tried again.
    pub(crate) fn segments_fail(&self, error: &(dyn std::error::Error + 'static)) {
        self.tell(&self.segments_failing, error, "segments cannot be written; trying again");
    }

    pub(crate) fn segments_work(&self) {
        tell_again(&self.segments_failing, "segments are written again");
    }

    /// Segments could not be read or written anew to merge them; it is tried again.
    pub(crate) fn merging_fails(&self, error: &(dyn std::error::Error + 'static)) {
        self.tell(&self.merging_failing, error, "segments cannot be merged; trying again");
    }

    pub(crate) fn merging_works(&self) {
        tell_again(&self.merging_failing, "segments are merged again");
    }

    /// The write-ahead log takes nothing.
    pub(crate) fn log_fails(&self, error: &(dyn std::error::Error + 'static)) {
        self.tell(&self.log_failing, error, "telemetry is turned away: the write-ahead log cannot be written");
    }

    /// It could not be synced, and takes nothing before another file of it is begun; or that is done.
    pub(crate) fn set_log_stopped(&self, is_stopped: bool) {
        if self.log_stopped.swap(is_stopped, Ordering::Relaxed) && !is_stopped {
            self.log_works();
        }
    }

    pub(crate) fn is_log_stopped(&self) -> bool {
        self.log_stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn log_works(&self) {
        tell_again(&self.log_failing, "the write-ahead log can be written again");
    }

    pub(crate) fn failing(&self) -> Option<String> {
        let states = [&self.log_failing, &self.segments_failing, &self.merging_failing, &self.failing];
        let at_the_moment = states.iter().find_map(|state| state.load().as_deref().cloned());
        let lost = || self.lost_by_path().values().next().cloned();
        at_the_moment.or_else(lost).or_else(|| self.unread.load().as_deref().cloned())
    }

    /// The database names segments of other nodes: their runs are listed, and what is in them is not read.
    pub(crate) fn tell_unread(&self, others: &BTreeMap<String, u64>) {
        let all: u64 = others.values().sum();
        self.unread_segments.set(i64::try_from(all).unwrap_or(i64::MAX));
        let Some((node, segments)) = others.iter().max_by_key(|(_, segments)| **segments) else { return };
        let told = format!(
            "the segments of the node `{node}` ({segments} of {all} that are not this node's) are not read here, nor removed by the \
             retention; start with its data folder, whose `wal/node` says `{node}`, or, when that is lost, write `{node}` \
             to `wal/node` of an empty one and start with that"
        );
        tracing::error!("{told}");
        self.unread.store(Some(Arc::new(told)));
    }

    /// A segment can never be read again: its rows are missing until it is put back from a backup.
    pub(crate) fn lost(&self, error: &SegmentError) {
        let mut lost = self.lost_by_path();
        if !lost.contains_key(error.path()) {
            let told = mizzen_runtime::error::Chain(error).to_string();
            tracing::error!(error = told, "a segment is damaged or gone; its rows are missing until it is put back");
            lost.insert(error.path().to_owned(), told);
            self.lost_segments.set(i64::try_from(lost.len()).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn lost_segments(&self) -> u64 {
        self.lost_by_path().len() as u64
    }

    fn lost_by_path(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once, until it works again.
    fn tell(&self, state: &ArcSwapOption<String>, error: &(dyn std::error::Error + 'static), what: &str) {
        self.storage_errors.add(1);
        let told = mizzen_runtime::error::Chain(error).to_string();
        if state.swap(Some(Arc::new(told.clone()))).is_none() {
            tracing::error!(error = told, "{what}");
        }
    }
}

fn tell_again(state: &ArcSwapOption<String>, what: &str) {
    if state.load().is_some() && state.swap(None).is_some() {
        tracing::info!("{what}");
    }
}
