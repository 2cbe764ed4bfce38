//! The one owner of runs and of rows in memory: takes what is durable, drops what it has seen, keeps runs assembled,
//! and decides when rows become segments.

mod commands;
mod flushing;

use std::sync::Arc;
use std::time::Duration;

use mizzen_model::run::RunSummary;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::task::BoxError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use self::commands::Command;
use super::config::TelemetryConfig;
use super::flusher::FlushJob;
use super::health::Health;
use super::index::runs::{Finalised, Told};
use super::keeper::Message;
use super::log_writer::{Batch, Durable};
use super::progress::Progress;
use super::repeats::Repeats;
use super::run_reader::RunReader;
use super::runs::{Change, Runs};
use super::view::{Rows, View};
use crate::row::{LogRow, Name, SpanRow};
use crate::story;

/// How often watchers hear of changed runs, quiet runs become final, and old rows are written.
const TICK: Duration = Duration::from_millis(250);
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long the last rows may take to become segments when the process stops. The log has them in any case.
const LAST_FLUSH_TIMEOUT: Duration = Duration::from_secs(20);
/// Spans that are applied where they are, in about 100 µs; more go to the blocking pool.
const INLINE_SPANS: usize = 64;

/// The assembler's state.
pub(crate) struct Assembler {
    pub(crate) durable: mpsc::Receiver<Vec<Durable>>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Absent only while the blocking pool works on them.
    pub(crate) runs: Option<Box<Runs>>,
    pub(crate) view: Arc<View>,
    pub(crate) reader: RunReader,
    pub(crate) keeper: mpsc::Sender<Message>,
    pub(crate) flusher: mpsc::Sender<FlushJob>,
    pub(crate) summaries: broadcast::Sender<RunSummary>,
    pub(crate) clock: Clock,
    pub(crate) config: TelemetryConfig,
    pub(crate) health: Health,
    pub(crate) progress: Arc<Progress>,
    /// Forgets what is deleted here.
    pub(crate) repeats: Repeats,
    /// The last record whose rows are in memory or beyond.
    pub(crate) applied_lsn: u64,
    /// The last record whose rows were frozen.
    pub(crate) frozen_lsn: u64,
    /// When the first and last of the rows in memory came in.
    pub(crate) received: Option<(Timestamp, Timestamp)>,
    /// Answered when the rows on their way to disk have arrived.
    pub(crate) flushing: Option<oneshot::Receiver<bool>>,
    /// Of runs that became final up to here watchers heard, or nobody watched.
    pub(crate) told_until: Told,
    /// When that was last so, until somebody watches.
    pub(crate) unwatched_at: Option<Timestamp>,
    pub(crate) finalised: Option<oneshot::Receiver<Finalised>>,
}

impl Assembler {
    /// Runs until nothing more can become durable, then writes what is in memory.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> Result<(), BoxError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // When the process stops, what is left is little, and nobody may be left to make room.
            let takes = cancel.is_cancelled() || self.view.live_bytes() < self.config.memory_bytes_max();
            tokio::select! {
                biased;
                Some(command) = self.commands.recv() => self.obey(command).await?,
                _ = answer(&mut self.flushing) => self.flushing = None,
                finalised = answer(&mut self.finalised) => self.tell_finalised(finalised)?,
                _ = tick.tick() => self.tick().await?,
                group = self.durable.recv(), if takes => match group {
                    Some(group) => self.take(group, &cancel).await?,
                    None => break,
                },
            }
            self.flush_when_due().await?;
        }
        // Without storage this waits in vain; then the log has everything.
        match tokio::time::timeout(LAST_FLUSH_TIMEOUT, self.flush_all()).await {
            Ok(flushed) => flushed,
            Err(_) => Ok(()),
        }
    }

    /// Applies a group of records, one after the other.
    async fn take(&mut self, group: Vec<Durable>, cancel: &CancellationToken) -> Result<(), BoxError> {
        for Durable { lsn, batch } in group {
            let missing = match &batch.rows {
                Rows::Spans(rows) => self.runs()?.missing(rows),
                _ => Vec::new(),
            };
            for run_id in missing {
                self.load(run_id, cancel).await?;
            }
            self.apply(lsn, batch).await?;
        }
        let changes = self.runs()?.evict();
        self.save(changes).await
    }

    async fn apply(&mut self, lsn: u64, batch: Batch) -> Result<(), BoxError> {
        let Batch { rows, received_at, permit } = batch;
        let rows = match rows {
            Rows::Spans(rows) => {
                self.health.spans.add(rows.len() as u64);
                Rows::Spans(self.assemble(lsn, received_at, rows).await?)
            }
            Rows::Logs(rows) => {
                self.health.logs.add(rows.len() as u64);
                Rows::Logs(self.note_titles(rows).await?)
            }
            Rows::Metrics(rows) => {
                self.health.metric_points.add(rows.len() as u64);
                Rows::Metrics(rows)
            }
        };
        self.health.received(received_at);
        if rows.len() > 0 {
            self.view.push(rows);
            let (first, last) = self.received.unwrap_or((received_at, received_at));
            self.received = Some((first.min(received_at), last.max(received_at)));
        }
        drop(permit);
        self.applied_lsn = lsn;
        self.progress.set_applied(lsn);
        Ok(())
    }

    /// The spans that were not there yet.
    async fn assemble(&mut self, lsn: u64, at: Timestamp, rows: Vec<SpanRow>) -> Result<Vec<SpanRow>, BoxError> {
        let applied = if rows.len() <= INLINE_SPANS {
            self.runs()?.apply(lsn, at, rows)
        } else {
            self.with_runs(move |runs| runs.apply(lsn, at, rows)).await?
        };
        self.health.duplicates.add(applied.duplicates);
        self.health.oversized_runs.add(applied.oversized);
        Ok(applied.rows)
    }

    /// `rows`, after their runs heard what a user asked.
    async fn note_titles(&mut self, rows: Vec<LogRow>) -> Result<Vec<LogRow>, BoxError> {
        if !rows.iter().any(story::may_ask) {
            return Ok(rows);
        }
        if rows.len() <= INLINE_SPANS {
            self.runs()?.note_logs(&rows);
            return Ok(rows);
        }
        let noted = move |runs: &mut Runs| {
            runs.note_logs(&rows);
            rows
        };
        self.with_runs(noted).await
    }

    fn runs(&mut self) -> Result<&mut Runs, BoxError> {
        self.runs.as_deref_mut().ok_or_else(|| "work on runs was broken off".into())
    }

    /// Works on runs off the async threads. Must not be dropped half-way: the runs would be gone.
    async fn with_runs<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Runs) -> T + Send + 'static,
    ) -> Result<T, BoxError> {
        self.runs()?;
        let Some(mut runs) = self.runs.take() else { return Err("work on runs was broken off".into()) };
        let (runs, done) = tokio::task::spawn_blocking(move || {
            let done = work(&mut runs);
            (runs, done)
        })
        .await?;
        self.runs = Some(runs);
        Ok(done)
    }

    /// Brings a run back from storage; tries until storage answers. What can never be read again is left out: one
    /// damaged file must not keep everything else from coming in.
    async fn load(&mut self, run_id: Name, cancel: &CancellationToken) -> Result<(), BoxError> {
        loop {
            match self.try_load(&run_id).await {
                Ok(()) => return Ok(()),
                Err(error) if cancel.is_cancelled() => return Err(error),
                Err(error) => self.health.fails(error.as_ref()),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn try_load(&mut self, run_id: &Name) -> Result<(), BoxError> {
        let (reply, answer) = oneshot::channel();
        self.keeper.send(Message::Load { run_id: run_id.to_string(), reply }).await?;
        let stored = answer.await??;
        let (heads, lost) = self.reader.heads(run_id).await?;
        lost.iter().for_each(|error| self.health.lost(error));
        self.runs()?.adopt(run_id.clone(), stored, heads);
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), BoxError> {
        let now = self.clock.now();
        let is_watched = self.summaries.receiver_count() > 0;
        let runs = self.runs()?;
        runs.finalise(now);
        runs.forget_quiet(now, is_watched);
        if !is_watched {
            self.told_until = Told::all_until(now);
            self.unwatched_at = Some(now);
            return Ok(());
        }
        if let Some(until) = self.unwatched_at.take() {
            self.runs()?.forget_news(until);
        }
        for summary in self.runs()?.news(now) {
            // The last listener may have gone meanwhile.
            self.summaries.send(summary).ok();
        }
        if self.finalised.is_none() {
            let (reply, answer) = oneshot::channel();
            let (after, until) = (self.told_until.clone(), now);
            let message = Message::Finalised { after, until, reply };
            if self.keeper.try_send(message).is_ok() {
                self.finalised = Some(answer);
            }
        }
        Ok(())
    }

    /// Tells of runs that became final in storage only: of those in memory watchers heard.
    fn tell_finalised(&mut self, finalised: Option<Finalised>) -> Result<(), BoxError> {
        self.finalised = None;
        let Some(Finalised { runs, until }) = finalised else { return Ok(()) };
        self.told_until = until;
        for summary in runs {
            if !self.runs()?.contains(summary.run_id.as_str()) {
                self.summaries.send(summary).ok();
            }
        }
        Ok(())
    }

    async fn save(&mut self, changes: Vec<Change>) -> Result<(), BoxError> {
        if !changes.is_empty() {
            self.keeper.send(Message::Save { changes, done: None }).await?;
        }
        Ok(())
    }
}

/// Waits for an answer; for ever when none is expected.
async fn answer<T>(expected: &mut Option<oneshot::Receiver<T>>) -> Option<T> {
    match expected {
        Some(answer) => answer.await.ok(),
        None => std::future::pending().await,
    }
}
