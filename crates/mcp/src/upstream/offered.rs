//! What one connection offers by its own word: behind another one there may be another process, with other definitions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_model::id::Digest;
use tokio::time::Instant;

use crate::seam::ListKind;

/// Of definitions, by their keys among what is pinned.
pub(super) type Digests = HashMap<String, Digest>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Offered(Mutex<HashMap<ListKind, Looked>>);

#[derive(Debug, Default)]
struct Looked {
    /// How often the server said that it changed.
    changes: u64,
    kept: Option<(Instant, Arc<Digests>)>,
}

impl Offered {
    /// What was found not longer ago than `age`.
    pub(super) fn fresh(&self, kind: ListKind, age: Duration) -> Option<Arc<Digests>> {
        let looked = self.looked();
        let (at, digests) = looked.get(&kind)?.kept.as_ref()?;
        (at.elapsed() < age).then(|| Arc::clone(digests))
    }

    pub(super) fn changes(&self, kind: ListKind) -> u64 {
        self.looked().get(&kind).map_or(0, |looked| looked.changes)
    }

    pub(super) fn forget(&self, kind: ListKind) {
        let mut looked = self.looked();
        let looked = looked.entry(kind).or_default();
        looked.changes += 1;
        looked.kept = None;
    }

    /// Unless something changed since there were so many `changes`.
    pub(super) fn keep(&self, kind: ListKind, digests: Arc<Digests>, changes: u64) {
        let mut looked = self.looked();
        let looked = looked.entry(kind).or_default();
        if looked.changes == changes {
            looked.kept = Some((Instant::now(), digests));
        }
    }

    fn looked(&self) -> MutexGuard<'_, HashMap<ListKind, Looked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
