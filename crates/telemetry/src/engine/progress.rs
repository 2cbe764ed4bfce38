//! How far records have come, so that a read sees what was acknowledged before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::error::ReadError;

/// How long a read waits. Then it shows what there is: a little old is better than nothing.
const CATCH_UP_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a change waits, which must not miss anything.
const FULL_CATCH_UP_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(crate) struct Progress {
    /// The last record that survives.
    durable: AtomicU64,
    /// The last record whose rows reads see.
    applied: watch::Sender<u64>,
}

impl Progress {
    pub(crate) fn starting_at(lsn: u64) -> Self {
        Self { durable: AtomicU64::new(lsn), applied: watch::Sender::new(lsn) }
    }

    pub(crate) fn set_durable(&self, lsn: u64) {
        self.durable.store(lsn, Ordering::Release);
    }

    pub(crate) fn set_applied(&self, lsn: u64) {
        self.applied.send_replace(lsn);
    }

    /// Waits until reads see what was acknowledged by now, for a moment at most.
    pub(crate) async fn catch_up(&self) {
        let durable = self.durable.load(Ordering::Acquire);
        tokio::time::timeout(CATCH_UP_TIMEOUT, self.applied_through(durable)).await.ok();
    }

    /// As [`Self::catch_up`], for changes that must reach all of it.
    pub(crate) async fn catch_up_fully(&self) -> Result<(), ReadError> {
        let durable = self.durable.load(Ordering::Acquire);
        let caught_up = tokio::time::timeout(FULL_CATCH_UP_TIMEOUT, self.applied_through(durable)).await;
        caught_up.map_err(|_| ReadError::TimedOut)
    }

    pub(crate) async fn applied_through(&self, lsn: u64) {
        // It fails when the sender is gone, which is `self`.
        self.applied.subscribe().wait_for(|applied| *applied >= lsn).await.ok();
    }
}
