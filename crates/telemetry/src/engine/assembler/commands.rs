//! What others ask of the assembler, in the order of what came in before.

use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::task::BoxError;
use tokio::sync::oneshot;

use super::Assembler;
use crate::engine::error::ReadError;
use crate::engine::keeper::Message;
use crate::engine::runs::Runs;

/// How long a caller waits for storage. What was begun goes on.
const STORAGE_TIMEOUT: Duration = Duration::from_secs(15);

/// A request to the assembler.
pub(crate) enum Command {
    /// Write what is in memory as segments.
    Flush(oneshot::Sender<Result<(), ReadError>>),
    /// Save the run if it changed, or every run that did.
    Save { run_id: Option<String>, done: oneshot::Sender<()> },
    /// Remove the runs whose last span came in before: their segments are gone.
    RemoveRuns { before: i64 },
    /// Delete a run; answers whether it was there.
    Delete { run_id: String, done: oneshot::Sender<Result<bool, ReadError>> },
}

impl Assembler {
    pub(super) async fn obey(&mut self, command: Command) -> Result<(), BoxError> {
        match command {
            Command::Flush(done) => {
                let flushed = self.flush_in_time().await?;
                drop(done.send(flushed));
            }
            Command::Save { run_id: Some(run_id), done } => {
                let changes = self.runs()?.changes(Some(&run_id));
                self.keeper.send(Message::Save { changes, done: Some(done) }).await?;
            }
            Command::Save { run_id: None, done } => {
                let changes = self.with_runs(|runs| runs.changes(None)).await?;
                self.keeper.send(Message::Save { changes, done: Some(done) }).await?;
            }
            Command::RemoveRuns { before } => {
                // What is saved last decides whether a run has a younger span.
                let forgotten = move |runs: &mut Runs| {
                    runs.forget_before(Timestamp::from_unix_nanos(before));
                    runs.changes(None)
                };
                let changes = self.with_runs(forgotten).await?;
                self.save(changes).await?;
                self.repeats.forget_before(Timestamp::from_unix_nanos(before));
                self.keeper.send(Message::RemoveRuns { before }).await?;
            }
            Command::Delete { run_id, done } => {
                let deleted = self.delete(run_id).await?;
                drop(done.send(deleted));
            }
        }
        Ok(())
    }

    async fn flush_in_time(&mut self) -> Result<Result<(), ReadError>, BoxError> {
        if self.flushed_in_time().await.is_none() {
            return Ok(Err(ReadError::TimedOut));
        }
        if self.has_unflushed() {
            self.start_flush(None).await?;
        }
        Ok(self.flushed_in_time().await.map(drop).ok_or(ReadError::TimedOut))
    }

    /// Everything that came in before is in segments first, so that the deletion reaches all of it in one step.
    async fn delete(&mut self, run_id: String) -> Result<Result<bool, ReadError>, BoxError> {
        if self.flushed_in_time().await.is_none() {
            return Ok(Err(ReadError::TimedOut));
        }
        let was_in_memory = self.runs()?.remove(&run_id);
        self.view.remove_run(&run_id);
        // What is sent again from here on comes behind the deletion.
        self.repeats.forget_run(&run_id);
        self.start_flush(Some(run_id)).await?;
        Ok(self.flushed_in_time().await.map(|existed| existed || was_in_memory).ok_or(ReadError::TimedOut))
    }

    /// What the keeper answered, or `None` when storage takes too long.
    async fn flushed_in_time(&mut self) -> Option<bool> {
        tokio::time::timeout(STORAGE_TIMEOUT, self.finish_flush()).await.ok().filter(|_| !self.view.is_frozen())
    }
}
