//! Memory that requests hold between their first byte and their answer, bounded for all of them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mizzen_runtime::limit::Limit;

use super::Failure;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Pool {
    limit: Limit,
    used: AtomicU64,
}

impl Pool {
    pub(super) const fn new(limit: Limit) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    /// For one request; holds nothing yet.
    pub(super) fn open(self: &Arc<Self>) -> Held {
        Held { pool: Arc::clone(self), bytes: AtomicU64::new(0) }
    }
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    pool: Arc<Pool>,
    bytes: AtomicU64,
}

impl Held {
    /// Asks for as many bytes altogether. To be called before the memory is filled.
    pub(super) fn grow_to(&self, bytes: usize) -> Result<(), Failure> {
        let more = (bytes as u64).saturating_sub(self.bytes.load(Ordering::Relaxed));
        let used = self.pool.used.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        if used > self.pool.limit.max() {
            self.pool.used.fetch_sub(more, Ordering::Relaxed);
            let _counted = self.pool.limit.refuse(used);
            return Err(Failure::Busy);
        }
        self.bytes.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.used.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}
