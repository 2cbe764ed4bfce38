//! The handle that everybody else holds.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use mizzen_model::id::{Digest, RunId, SpanId};
use mizzen_model::run::RunSummary;
use mizzen_model::span::SpanRecord;
use mizzen_model::step::{Outcome, Step};
use mizzen_model::time::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::assembler::Command;
use super::compact::CompactNow;
use super::error::{IngestError, ReadError};
use super::health::{Health, IngestHealth};
use super::index::Index;
use super::index::list::{Page, RunFilter, RunPage};
use super::index::runs::{Finalised, Told};
use super::index::totals::{AgentSummary, ModelSummary, Totals};
use super::ingest::{Incoming, Ingest, Receipt};
use super::live::LiveRows;
use super::progress::Progress;
use super::run_reader::RunReader;
use super::segment::read::Columns;
use super::segment::{Segment, Signal};
use super::view::{Hidden, View};
use crate::assemble::assemble;
use crate::origin::Origin;
use crate::row::{LogRow, SpanHead, SpanRow};

/// How long a read waits for runs to be saved that changed a moment ago. Then it shows what is saved.
const SAVE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long it may take to find out which segment a read failed on.
const FIND_LOST_TIMEOUT: Duration = Duration::from_secs(10);

/// Telemetry: takes OTLP and gateway records, keeps runs, answers reads. Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    pub(crate) ingest: Ingest,
    pub(crate) records: mpsc::Sender<SpanRecord>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) compactions: mpsc::Sender<CompactNow>,
    pub(crate) index: Index,
    pub(crate) view: Arc<View>,
    pub(crate) runs: RunReader,
    pub(crate) totals: Arc<RwLock<Totals>>,
    pub(crate) summaries: broadcast::Sender<RunSummary>,
    pub(crate) health: Health,
    pub(crate) progress: Arc<Progress>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("node", &self.index.node()).finish_non_exhaustive()
    }
}

/// One segment, for those who read Parquet themselves.
#[derive(Debug, Clone)]
pub struct SegmentFile {
    /// Path in object storage.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
    /// Earliest and latest time of its rows, in nanoseconds since the epoch.
    pub min_at: i64,
    pub max_at: i64,
    /// Key of [`TableSnapshot::hidden`].
    pub id: u64,
    /// While this is held, the file stays.
    segment: Arc<Segment>,
}

/// A table at one moment: every row is in exactly one segment or in memory.
#[derive(Debug, Clone)]
pub struct TableSnapshot {
    pub schema: SchemaRef,
    pub segments: Vec<SegmentFile>,
    /// Rows in memory.
    pub live: LiveRows,
    /// Deleted runs whose rows are still in a segment and must be left out.
    pub hidden: Hidden,
}

impl Telemetry {
    /// Takes a trace request. Returns once it survives a crash.
    ///
    /// # Errors
    /// When it could not be stored; [`IngestError::is_retryable`] says whether to send it again.
    pub async fn ingest_traces(
        &self,
        request: ExportTraceServiceRequest,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        self.ingest.ingest(Incoming::Decoded(request), origin).await
    }

    /// As [`Self::ingest_traces`], for a request that is not decoded: protobuf, not compressed.
    ///
    /// # Errors
    /// As [`Self::ingest_traces`], and when it is no trace request.
    pub async fn ingest_traces_as_sent(&self, request: Bytes, origin: Origin) -> Result<Receipt, IngestError> {
        self.ingest.ingest::<ExportTraceServiceRequest>(Incoming::Encoded(request), origin).await
    }

    /// Takes a logs request.
    ///
    /// # Errors
    /// As [`Self::ingest_traces`].
    pub async fn ingest_logs(&self, request: ExportLogsServiceRequest, origin: Origin) -> Result<Receipt, IngestError> {
        self.ingest.ingest(Incoming::Decoded(request), origin).await
    }

    /// As [`Self::ingest_logs`], for what a sender may send again: `digest` is that of the request as it came. What the
    /// same sender has sent in the last ten minutes is answered as it was, and not stored again.
    ///
    /// # Errors
    /// As [`Self::ingest_traces`].
    pub async fn ingest_logs_as_sent(
        &self,
        request: ExportLogsServiceRequest,
        digest: Digest,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        self.ingest.ingest_once(request, digest, origin).await
    }

    /// Takes a metrics request, once for one that is sent again, as [`Self::ingest_logs_as_sent`].
    ///
    /// # Errors
    /// As [`Self::ingest_traces`].
    pub async fn ingest_metrics_as_sent(
        &self,
        request: ExportMetricsServiceRequest,
        digest: Digest,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        self.ingest.ingest_once(request, digest, origin).await
    }

    /// Where gateways put what they saw. Bounded: a gateway that finds it full sheds the record and counts it.
    #[must_use]
    pub fn records(&self) -> mpsc::Sender<SpanRecord> {
        self.records.clone()
    }

    /// One page of runs, newest first.
    ///
    /// # Errors
    /// When the cursor is not one of ours, or the database does not answer.
    pub async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<RunPage, ReadError> {
        self.save(None).await;
        Ok(self.index.list(filter, page).await??)
    }

    /// Waits until everything that was received so far is saved.
    ///
    /// # Errors
    /// When that takes too long, or telemetry is stopping.
    pub async fn settle(&self) -> Result<(), ReadError> {
        self.progress.catch_up_fully().await?;
        let (done, answer) = oneshot::channel();
        self.command(Command::Save { run_id: None, done }).await?;
        answer.await.map_err(|_| ReadError::Stopping)
    }

    /// Runs of this node that became final after `after` and until `until`, the first of them: the next call goes on from
    /// [`Finalised::until`], which is `until` in the end. Complete when [`Self::settle`] was called after `until`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finalised(&self, after: &Told, until: Timestamp) -> Result<Finalised, ReadError> {
        Ok(self.index.finalised(after, until).await?)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn run(&self, run_id: &RunId) -> Result<Option<RunSummary>, ReadError> {
        self.save(Some(run_id.as_str().to_owned())).await;
        Ok(self.index.run(run_id.as_str()).await?.map(|run| run.summary))
    }

    /// Every span of a run once, in order of time; empty for an unknown run.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub async fn run_spans(&self, run_id: &RunId, columns: Columns) -> Result<Vec<SpanRow>, ReadError> {
        self.progress.catch_up().await;
        self.runs.spans(run_id.as_str(), columns).await
    }

    /// One span of a run with its content.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub async fn span(&self, run_id: &RunId, span_id: SpanId) -> Result<Option<SpanRow>, ReadError> {
        Ok(self.some_spans(run_id, HashSet::from([span_id])).await?.pop())
    }

    /// Those of the spans of a run that are there, each once and in no order, with their content: far less work than one
    /// after the other.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub async fn some_spans(&self, run_id: &RunId, span_ids: HashSet<SpanId>) -> Result<Vec<SpanRow>, ReadError> {
        self.progress.catch_up().await;
        self.runs.some_spans(run_id.as_str(), span_ids).await
    }

    /// The log records of a run, in order of time.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub async fn run_logs(&self, run_id: &RunId) -> Result<Vec<LogRow>, ReadError> {
        self.progress.catch_up().await;
        self.runs.logs(run_id.as_str()).await
    }

    /// The steps of a run, in order of time.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub async fn run_steps(&self, run_id: &RunId) -> Result<Vec<Step>, ReadError> {
        let rows = self.run_spans(run_id, Columns::Heads).await?;
        let assembled = tokio::task::spawn_blocking(move || steps(rows)).await;
        assembled.map_err(|_| ReadError::Stopping)
    }

    /// The steps of many runs, in order of time, by run id: far less work than one run after the other. What came in after
    /// their summaries may be missing.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub async fn steps_of_runs(&self, runs: &[&RunSummary]) -> Result<BTreeMap<String, Vec<Step>>, ReadError> {
        let rows = self.runs.heads_of_runs(runs).await?;
        let assembled = tokio::task::spawn_blocking(move || {
            let (mut runs, mut rows) = (BTreeMap::new(), rows.into_iter().peekable());
            while let Some(run_id) = rows.peek().map(|row| row.head.run_id.clone()) {
                let of_run = std::iter::from_fn(|| rows.next_if(|row| row.head.run_id == run_id)).collect();
                runs.insert(run_id.to_string(), steps(of_run));
            }
            runs
        });
        assembled.await.map_err(|_| ReadError::Stopping)
    }

    /// Deletes a run everywhere; answers whether there was one. It is hidden at once, and its bytes go with the
    /// next merge of their segments, which this starts.
    ///
    /// # Errors
    /// When storage does not take the change.
    pub async fn delete_run(&self, run_id: &RunId) -> Result<bool, ReadError> {
        self.progress.catch_up_fully().await?;
        let (done, answer) = oneshot::channel();
        self.command(Command::Delete { run_id: run_id.as_str().to_owned(), done }).await?;
        answer.await.map_err(|_| ReadError::Stopping)?
    }

    /// Summaries of runs as they change, each run at most four times a second.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<RunSummary> {
        self.summaries.subscribe()
    }

    /// Agents discovered from traffic, the most recent first.
    pub async fn agents(&self) -> Vec<AgentSummary> {
        self.save(None).await;
        self.totals.read().unwrap_or_else(PoisonError::into_inner).agents()
    }

    /// Models discovered from traffic, the most recent first.
    pub async fn models(&self) -> Vec<ModelSummary> {
        self.save(None).await;
        self.totals.read().unwrap_or_else(PoisonError::into_inner).models()
    }

    /// A table at this moment, for queries.
    pub async fn table(&self, signal: Signal) -> TableSnapshot {
        self.progress.catch_up().await;
        let snapshot = self.view.snapshot();
        let segments = snapshot.segments_of(signal).map(segment_file).collect();
        let live = LiveRows::of(&snapshot, signal);
        TableSnapshot { schema: signal.schema(), segments, live, hidden: snapshot.hidden }
    }

    /// Looks which of these files are damaged or gone, for who failed to read them, and answers with the first. It is
    /// told in [`Self::health`] from then on.
    pub async fn find_lost<'a>(&self, files: &[&'a SegmentFile]) -> Option<&'a SegmentFile> {
        let segments = files.iter().map(|file| file.segment.clone()).collect();
        let lost = tokio::time::timeout(FIND_LOST_TIMEOUT, self.runs.find_lost(segments)).await.unwrap_or_default();
        lost.iter().for_each(|error| self.health.lost(error));
        let first = lost.first()?.path();
        files.iter().find(|file| file.path == first).copied()
    }

    /// Writes what is in memory as segments.
    ///
    /// # Errors
    /// When object storage or the database does not take it in time; it is tried again in the background.
    pub async fn flush(&self) -> Result<(), ReadError> {
        self.progress.catch_up_fully().await?;
        let (done, answer) = oneshot::channel();
        self.command(Command::Flush(done)).await?;
        answer.await.map_err(|_| ReadError::Stopping)?
    }

    /// Merges segments until all are at rest.
    ///
    /// # Errors
    /// When telemetry is stopping.
    pub async fn compact_now(&self) -> Result<(), ReadError> {
        let (done, answer) = oneshot::channel();
        self.compactions.send(done).await.map_err(|_| ReadError::Stopping)?;
        answer.await.map_err(|_| ReadError::Stopping)
    }

    #[must_use]
    pub fn health(&self) -> IngestHealth {
        let (health, snapshot) = (&self.health, self.view.snapshot());
        IngestHealth {
            spans_received: health.spans.get(),
            logs_received: health.logs.get(),
            metric_points_received: health.metric_points.get(),
            rejected: health.rejected.get(),
            duplicates: health.duplicates.get(),
            turned_away: health.turned_away.get(),
            shed: health.shed.get(),
            last_received_at: health.last_received_at(),
            wal_bytes: health.wal_bytes(),
            segments: snapshot.segments.len() as u64,
            segment_bytes: snapshot.segments.iter().map(|segment| segment.bytes).sum(),
            live_rows: snapshot.tables().map(|tables| tables.rows() as u64).sum(),
            lost_segments: health.lost_segments(),
            failing: health.failing(),
        }
    }

    /// Whether the write-ahead log takes nothing because a sync failed. It goes on by itself once the disk takes another file.
    #[must_use]
    pub fn is_log_stopped(&self) -> bool {
        self.health.is_log_stopped()
    }

    async fn command(&self, command: Command) -> Result<(), ReadError> {
        self.commands.send(command).await.map_err(|_| ReadError::Stopping)
    }

    /// Lets the next look into the database see what came in before.
    async fn save(&self, run_id: Option<String>) {
        self.progress.catch_up().await;
        let saved = async {
            let (done, answer) = oneshot::channel();
            self.command(Command::Save { run_id, done }).await.ok()?;
            answer.await.ok()
        };
        // A read is better a little old than not at all.
        tokio::time::timeout(SAVE_TIMEOUT, saved).await.ok();
    }
}

fn steps(rows: Vec<SpanRow>) -> Vec<Step> {
    let messages: std::collections::HashMap<(_, _), String> = rows
        .iter()
        .filter(|row| row.head.outcome == Outcome::Error && !row.body.status_message.is_empty())
        .map(|row| ((row.head.trace_id, row.head.span_id), row.body.status_message.clone()))
        .collect();
    let heads: Vec<SpanHead> = rows.into_iter().map(|row| row.head).collect();
    let mut steps = assemble(&heads).steps;
    for step in &mut steps {
        step.error_message = messages.get(&(step.trace_id, step.span_id)).cloned();
    }
    steps
}

fn segment_file(segment: &Arc<Segment>) -> SegmentFile {
    SegmentFile {
        path: segment.path.clone(),
        bytes: segment.bytes,
        rows: segment.rows,
        min_at: segment.min_at,
        max_at: segment.max_at,
        id: segment.id,
        segment: segment.clone(),
    }
}
