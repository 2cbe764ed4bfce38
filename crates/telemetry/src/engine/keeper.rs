//! The one writer of the control database and of the set of segments: every change of what is stored passes here,
//! one after the other, and becomes visible when its transaction is committed.

mod deletion;
mod segments;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::task::BoxError;
use mizzen_store::StoreError;
use object_store::ObjectStore;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::error::ReadError;
use super::flusher::{FlushJob, SegmentNames};
use super::health::Health;
use super::index::Index;
use super::index::runs::{Finalised, StoredRun, Told};
use super::index::totals::Totals;
use super::inventory::LeftAlone;
use super::log_writer::Trim;
use super::retention::RetentionPolicy;
use super::run_reader::RunReader;
use super::runs::Change;
use super::segment::Segment;
use super::segment::read::SegmentReader;
use super::view::{Hidden, View};

/// How often files of segments that nobody reads any more are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// A change of what is stored, or a look that has to see all changes before it.
pub(crate) enum Message {
    /// Saves runs.
    Save {
        changes: Vec<Change>,
        done: Option<oneshot::Sender<()>>,
    },
    /// Rows are in segments now.
    Flushed {
        job: FlushJob,
        segments: Vec<Arc<Segment>>,
    },
    Load {
        run_id: String,
        reply: oneshot::Sender<Result<Option<StoredRun>, StoreError>>,
    },
    /// Runs that became final after `after` and until `until`.
    Finalised {
        after: Told,
        until: Timestamp,
        reply: oneshot::Sender<Finalised>,
    },
    /// A merge is done: answers whether its result counts.
    Merged {
        merge: Merged,
        reply: oneshot::Sender<bool>,
    },
    /// Removes segments that are too old or too much; answers with when the last span of a run came in of which nothing
    /// can be left: before that.
    Retain {
        now: Timestamp,
        policy: RetentionPolicy,
        reply: oneshot::Sender<Option<i64>>,
    },
    /// Removes the runs whose last span came in before.
    RemoveRuns {
        before: i64,
    },
}

/// What a merge made.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) inputs: Vec<Arc<Segment>>,
    /// What was hidden when the merge began: when more is by now, the merge is void.
    pub(crate) hidden: Hidden,
    /// `None` when no row was left.
    pub(crate) output: Option<Segment>,
}

/// The keeper's state.
pub(crate) struct Keeper {
    pub(crate) messages: mpsc::Receiver<Message>,
    pub(crate) index: Index,
    pub(crate) view: Arc<View>,
    pub(crate) runs: RunReader,
    pub(crate) reader: SegmentReader,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) names: SegmentNames,
    pub(crate) flushed_through: u64,
    /// The longest time from a run's last span until it is final.
    pub(crate) quiet_ns_max: i64,
    /// Written here, read by everybody.
    pub(crate) totals: Arc<RwLock<Totals>>,
    pub(crate) trim: watch::Sender<Trim>,
    /// Told when there may be something to merge.
    pub(crate) work: Arc<tokio::sync::Notify>,
    pub(crate) health: Health,
    /// Segments that are not part of the state any more, but may still be read.
    pub(crate) retired: Vec<Arc<Segment>>,
    /// Files that no segment ever named here.
    pub(crate) left_alone: Vec<LeftAlone>,
    /// A change was given up because the process stops: no later one may take effect without it.
    pub(crate) gave_up: bool,
}

impl Keeper {
    /// Runs until everybody who sends messages has ended.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> Result<(), BoxError> {
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(message) => self.handle(message, &cancel).await,
                    None => break,
                },
                _ = sweep.tick() => self.sweep().await,
            }
        }
        self.sweep().await;
        Ok(())
    }

    async fn handle(&mut self, message: Message, cancel: &CancellationToken) {
        match message {
            Message::Load { run_id, reply } => drop(reply.send(self.index.run(&run_id).await)),
            Message::Finalised { after, until, reply } => match self.index.finalised(&after, until).await {
                Ok(finalised) => drop(reply.send(finalised)),
                Err(error) => self.health.fails(&error),
            },
            Message::Retain { now, policy, reply } => match self.retain(now, &policy).await {
                Ok(before) => drop(reply.send(before)),
                Err(error) => self.health.fails(&error),
            },
            Message::RemoveRuns { before } => {
                if let Err(error) = self.remove_runs_before(before).await {
                    self.health.fails(&error);
                }
            }
            change => {
                let done = self.until_done(&change, cancel).await;
                answer(change, done);
            }
        }
    }

    /// Tries until the database takes the change: what was handed over is nowhere else but in the log. When the
    /// process stops meanwhile, the log has it. `None` when it was given up.
    async fn until_done(&mut self, change: &Message, cancel: &CancellationToken) -> Option<bool> {
        let mut pause = RETRY_FIRST;
        while !self.gave_up {
            match self.carry_out(change).await {
                Ok(done) => {
                    self.health.works();
                    return Some(done);
                }
                Err(error) => self.health.fails(&error),
            }
            self.gave_up = cancel.is_cancelled();
            tokio::time::timeout(pause, cancel.cancelled()).await.ok();
            pause = (pause * 2).min(RETRY_LAST);
        }
        None
    }

    async fn carry_out(&mut self, change: &Message) -> Result<bool, ReadError> {
        match change {
            Message::Save { changes, .. } => self.save(changes).await?,
            Message::Flushed { job, segments } => return self.register(job, segments).await,
            Message::Merged { merge, .. } => return Ok(self.replace(merge).await?),
            Message::Load { .. } | Message::Finalised { .. } | Message::Retain { .. } | Message::RemoveRuns { .. } => {}
        }
        Ok(true)
    }

    async fn save(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut totals = self.totals_copy();
        changes.iter().for_each(|change| totals.change(change.before.as_ref(), Some(&change.run.parts)));
        let runs: Vec<&StoredRun> = changes.iter().map(|change| &change.run).collect();
        let mut transaction = self.index.begin().await?;
        self.index.save_runs(&mut transaction, &runs).await?;
        totals.save(&self.index, &mut transaction).await?;
        transaction.commit().await?;
        self.set_totals(totals);
        Ok(())
    }

    fn totals_copy(&self) -> Totals {
        self.totals.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_totals(&self, totals: Totals) {
        *self.totals.write().unwrap_or_else(PoisonError::into_inner) = totals;
    }
}

/// Tells who waits for a change; whoever does not wait any more does not mind.
fn answer(change: Message, done: Option<bool>) {
    match (change, done) {
        (Message::Save { done: Some(saved), .. }, Some(_)) => drop(saved.send(())),
        (Message::Flushed { job, .. }, Some(existed)) => drop(job.done.send(existed)),
        (Message::Merged { reply, .. }, counts) => drop(reply.send(counts.unwrap_or(false))),
        _ => {}
    }
}
