//! When rows in memory become segments.

use mizzen_model::time::Timestamp;
use mizzen_runtime::task::BoxError;
use tokio::sync::oneshot;

use super::Assembler;
use crate::engine::config::nanos;
use crate::engine::flusher::FlushJob;

impl Assembler {
    /// Starts to write the rows in memory when they are many or old, and no others are on their way.
    pub(super) async fn flush_when_due(&mut self) -> Result<(), BoxError> {
        if self.flushing.is_some() || self.view.is_frozen() {
            return Ok(());
        }
        let is_large = self.view.live_bytes() >= self.config.flush_bytes;
        let age_max_ns = nanos(self.config.flush_after);
        let is_old = self.received.is_some_and(|(first, _)| self.clock.now().nanos_since(first) >= age_max_ns);
        if is_large || is_old { self.start_flush(None).await } else { Ok(()) }
    }

    pub(super) fn has_unflushed(&self) -> bool {
        self.view.live_rows() > 0 || self.applied_lsn > self.frozen_lsn
    }

    /// Freezes the rows in memory and hands them to the flusher. Their runs are saved first: what the log may
    /// forget must be known elsewhere.
    pub(super) async fn start_flush(&mut self, delete: Option<String>) -> Result<(), BoxError> {
        if self.view.is_frozen() {
            // The keeper gave rows up because the process stops: the log must keep them, and what comes after them.
            return Err("rows on their way to segments were given up".into());
        }
        let changes = self.with_runs(|runs| runs.changes(None)).await?;
        self.save(changes).await?;
        let now = self.clock.now();
        let (first, last): (Timestamp, Timestamp) = self.received.take().unwrap_or((now, now));
        let (done, flushed) = oneshot::channel();
        let job = FlushJob {
            tables: self.view.freeze(),
            lsn: self.applied_lsn,
            received_min: first.unix_nanos(),
            received_max: last.unix_nanos(),
            delete,
            done,
        };
        self.frozen_lsn = self.applied_lsn;
        self.flushing = Some(flushed);
        self.flusher.send(job).await?;
        Ok(())
    }

    /// Waits for rows that are on their way; answers what the keeper did.
    pub(super) async fn finish_flush(&mut self) -> bool {
        let Some(flushing) = self.flushing.as_mut() else { return false };
        let existed = flushing.await.unwrap_or(false);
        self.flushing = None;
        existed
    }

    /// Returns when everything that was applied is in segments, or was given up.
    pub(super) async fn flush_all(&mut self) -> Result<(), BoxError> {
        self.finish_flush().await;
        if self.has_unflushed() && !self.view.is_frozen() {
            self.start_flush(None).await?;
            self.finish_flush().await;
        }
        Ok(())
    }
}
