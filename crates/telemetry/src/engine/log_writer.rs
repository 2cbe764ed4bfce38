//! The one writer of the write-ahead log: groups what is queued, syncs once, hands the rows on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mizzen_model::time::Timestamp;
use mizzen_runtime::task::BoxError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::error::IngestError;
use super::health::Health;
use super::ingest::Receipt;
use super::progress::Progress;
use super::repeats::Claimed;
use super::view::Rows;
use super::wal::Wal;

/// Requests of one group, and of the queue before it.
pub(crate) const GROUP_REQUESTS_MAX: usize = 256;
/// How often another log file is tried for one that could not be synced, when nobody sends anything: whoever asks whether
/// this is ready sends nothing before it is.
const RENEW_PAUSE: Duration = Duration::from_secs(1);

/// Tells a sender that its request is safe, or is not.
pub(crate) type Ack = oneshot::Sender<Result<(), IngestError>>;

/// A request on its way to the log.
pub(crate) struct Append {
    pub(crate) signal: u8,
    /// See [`super::entry`]: the record's body is both, one after the other.
    pub(crate) origin: Vec<u8>,
    pub(crate) request: Bytes,
    pub(crate) batch: Batch,
    /// How to answer when it is sent again.
    pub(crate) repeatable: Option<(Claimed, Receipt)>,
    pub(crate) ack: Ack,
}

/// Rows of a request, which become visible once its record is durable.
pub(crate) struct Batch {
    pub(crate) rows: Rows,
    pub(crate) received_at: Timestamp,
    /// Its share of the memory that requests may take until their rows are among those of the view; `None` for what
    /// is read back from the log.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// A request that survives from here on.
pub(crate) struct Durable {
    pub(crate) lsn: u64,
    pub(crate) batch: Batch,
}

/// What the log need not keep any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Trim {
    /// Records up to here are stored elsewhere.
    pub(crate) stored: u64,
    /// Up to here not even their bytes may stay, because a run was deleted.
    pub(crate) erase: u64,
}

pub(crate) struct LogWriter {
    pub(crate) wal: Wal,
    pub(crate) queue: mpsc::Receiver<Append>,
    pub(crate) durable: mpsc::Sender<Vec<Durable>>,
    pub(crate) trim: watch::Receiver<Trim>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) health: Health,
}

impl LogWriter {
    /// Runs until cancelled, then writes what is queued and ends.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> Result<(), BoxError> {
        let mut group = Vec::with_capacity(GROUP_REQUESTS_MAX);
        loop {
            tokio::select! {
                received = self.queue.recv_many(&mut group, GROUP_REQUESTS_MAX) => match received {
                    0 => return Ok(()),
                    _ => {
                        let is_given_up = self.wal.is_given_up();
                        self = self.commit(std::mem::take(&mut group)).await?;
                        if is_given_up {
                            self = self.trim().await?;
                        }
                    }
                },
                changed = self.trim.changed() => {
                    if changed.is_ok() {
                        self = self.trim().await?;
                    }
                }
                () = tokio::time::sleep(RENEW_PAUSE), if self.wal.is_given_up() => self = self.renew().await?,
                () = cancel.cancelled(), if !self.queue.is_closed() => self.queue.close(),
            }
        }
    }

    async fn commit(self, group: Vec<Append>) -> Result<Self, BoxError> {
        let (mut bodies, mut batches, mut repeatable, mut acks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for append in group {
            bodies.push((append.signal, append.origin, append.request));
            batches.push(append.batch);
            repeatable.extend(append.repeatable);
            acks.push(append.ack);
        }
        let commit = move |wal: &mut Wal| {
            let records =
                bodies.iter().map(|(signal, origin, request)| (*signal, [origin.as_slice(), request.as_ref()]));
            wal.commit(records)
        };
        let (writer, committed) = self.with_wal(commit).await?;
        match committed {
            Ok(first_lsn) => {
                writer.health.log_works();
                writer.progress.set_durable(first_lsn + batches.len() as u64 - 1);
                repeatable.into_iter().for_each(|(claimed, receipt)| claimed.stored(receipt));
                acks.into_iter().for_each(|ack| tell(ack, Ok(())));
                let durable = (first_lsn..).zip(batches).map(|(lsn, batch)| Durable { lsn, batch }).collect();
                // It ends only after this writer; were it gone, the rows would still be read back at the next start.
                writer.durable.send(durable).await.ok();
            }
            Err(error) => {
                writer.health.log_fails(&error);
                acks.into_iter().for_each(|ack| tell(ack, Err(IngestError::Unavailable)));
            }
        }
        Ok(writer)
    }

    async fn renew(self) -> Result<Self, BoxError> {
        let (writer, renewed) = self.with_wal(Wal::renew).await?;
        if let Err(error) = renewed {
            writer.health.log_fails(&error);
            return Ok(writer);
        }
        // What was to be trimmed meanwhile may be in the file that was given up.
        writer.trim().await
    }

    async fn trim(mut self) -> Result<Self, BoxError> {
        let Trim { stored, erase } = *self.trim.borrow_and_update();
        let (writer, trimmed) = self.with_wal(move |wal| wal.trim(stored, erase)).await?;
        if let Err(error) = trimmed {
            // The next trim tries again.
            tracing::warn!(%error, "could not remove log files that are not needed any more");
        }
        Ok(writer)
    }

    /// Works on the log off the async threads, and tells how it is then.
    async fn with_wal<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Wal) -> T + Send + 'static,
    ) -> Result<(Self, T), BoxError> {
        let (writer, done) = tokio::task::spawn_blocking(move || {
            let done = work(&mut self.wal);
            (self, done)
        })
        .await?;
        writer.health.set_wal_bytes(writer.wal.bytes());
        writer.health.set_log_stopped(writer.wal.is_given_up());
        Ok((writer, done))
    }
}

/// A sender that hung up does not wait for an answer.
fn tell(ack: Ack, answer: Result<(), IngestError>) {
    drop(ack.send(answer));
}
