//! Writes frozen rows as segments, and tries again until object storage takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mizzen_runtime::task::BoxError;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::health::Health;
use super::keeper::Message;
use super::segment::encode::Row;
use super::segment::schema::Purpose;
use super::segment::write::write_rows;
use super::segment::{Segment, SegmentError, Signal};
use super::view::{Table, Tables};

/// Rows that take this much in memory make a segment that is likely not merged.
const REST_MEMORY_BYTES: usize = 5 * 1024 * 1024;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);

/// Rows to be written, and what holds once they are.
#[derive(Debug)]
pub(crate) struct FlushJob {
    pub(crate) tables: Arc<Tables>,
    /// Records of the log up to here are in segments then.
    pub(crate) lsn: u64,
    pub(crate) received_min: i64,
    pub(crate) received_max: i64,
    /// A run that is deleted in the same step.
    pub(crate) delete: Option<String>,
    /// Answered when the segments are registered, with whether the deleted run was stored.
    pub(crate) done: oneshot::Sender<bool>,
}

/// Numbers of segments of this node.
#[derive(Debug, Clone)]
pub(crate) struct SegmentNames {
    node: String,
    next: Arc<AtomicU64>,
}

impl SegmentNames {
    pub(crate) fn new(node: &str, next: u64) -> Self {
        Self { node: node.to_owned(), next: Arc::new(AtomicU64::new(next)) }
    }

    /// The number that comes after all that were given out.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Gives out no number up to this one.
    pub(crate) fn skip(&self, taken: u64) {
        self.next.fetch_max(taken.saturating_add(1), Ordering::Relaxed);
    }

    /// A fresh number and its path.
    pub(crate) fn take(&self, signal: Signal) -> (u64, String) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        (id, format!("{}{id:016x}.parquet", self.folder(signal)))
    }

    /// Where this node's segments lie.
    pub(crate) fn folder(&self, signal: Signal) -> String {
        format!("{}/{}/", signal.as_str(), self.node)
    }
}

pub(crate) struct Flusher {
    pub(crate) jobs: mpsc::Receiver<FlushJob>,
    pub(crate) keeper: mpsc::Sender<Message>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) names: SegmentNames,
    pub(crate) health: Health,
}

impl Flusher {
    /// Runs until the assembler ends. A job that storage does not take stays in the log when the process stops.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> Result<(), BoxError> {
        while let Some(job) = self.jobs.recv().await {
            let Some(segments) = self.write_until_done(&job, &cancel).await? else { return Ok(()) };
            self.keeper.send(Message::Flushed { job, segments: segments.into_iter().map(Arc::new).collect() }).await?;
        }
        Ok(())
    }

    async fn write_until_done(
        &self,
        job: &FlushJob,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<Segment>>, BoxError> {
        let mut pause = RETRY_FIRST;
        loop {
            match self.write(job).await? {
                Ok(segments) => {
                    self.health.segments_work();
                    return Ok(Some(segments));
                }
                Err(error) => self.health.segments_fail(&error),
            }
            if cancel.is_cancelled() {
                return Ok(None);
            }
            tokio::time::timeout(pause, cancel.cancelled()).await.ok();
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    async fn write(&self, job: &FlushJob) -> Result<Result<Vec<Segment>, SegmentError>, BoxError> {
        let (objects, names, tables) = (self.objects.clone(), self.names.clone(), job.tables.clone());
        let received = (job.received_min, job.received_max);
        let written = tokio::task::spawn_blocking(move || {
            let mut segments = Vec::new();
            let failed = write_tables(&objects, &names, &tables, received, &mut segments).err();
            (segments, failed)
        });
        let (segments, failed) = written.await?;
        let Some(error) = failed else { return Ok(Ok(segments)) };
        for segment in segments {
            // The next attempt writes it anew; on a full disk it must not lie around until the next start.
            self.objects.delete(&Path::from(segment.path)).await.ok();
        }
        Ok(Err(error))
    }
}

fn write_tables(
    objects: &Arc<dyn ObjectStore>,
    names: &SegmentNames,
    tables: &Tables,
    received: (i64, i64),
    segments: &mut Vec<Segment>,
) -> Result<(), SegmentError> {
    segments.extend(write_table(objects, names, &tables.spans, received)?);
    segments.extend(write_table(objects, names, &tables.logs, received)?);
    segments.extend(write_table(objects, names, &tables.metrics, received)?);
    Ok(())
}

fn write_table<R: Row>(
    objects: &Arc<dyn ObjectStore>,
    names: &SegmentNames,
    table: &Table<R>,
    (received_min, received_max): (i64, i64),
) -> Result<Option<Segment>, SegmentError> {
    if table.len() == 0 {
        return Ok(None);
    }
    let (id, path) = names.take(R::SIGNAL);
    // Rows that fill the memory make a segment that stays as it is: most rows are written once.
    let purpose = if table.bytes() >= REST_MEMORY_BYTES { Purpose::Rest } else { Purpose::Merge };
    let written = write_rows(objects.clone(), path.clone(), &table.sorted(), purpose)?;
    Ok(Some(Segment {
        id,
        signal: R::SIGNAL,
        path,
        bytes: written.bytes,
        rows: written.rows,
        level: 0,
        min_at: written.min_at,
        max_at: written.max_at,
        received_min,
        received_max,
    }))
}
