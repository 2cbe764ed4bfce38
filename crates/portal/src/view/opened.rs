//! What was made of the runs that were looked at last, kept between the pages of one view.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mizzen_model::id::RunId;
use mizzen_model::run::RunSummary;
use tokio::time::Instant;

/// One large run is tens of megabytes, so there are few.
const RUNS_MAX: usize = 2;
/// Log records of a run come without a span that would tell.
const AGE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Opened<T> {
    run: (RunId, u32, u32),
    at: Instant,
    made: Arc<T>,
}

#[derive(Debug)]
pub(crate) struct OpenedRuns<T>(Mutex<VecDeque<Opened<T>>>);

impl<T> Default for OpenedRuns<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> OpenedRuns<T> {
    /// What was made of a run a moment ago, when no span has come since.
    pub(crate) fn get(&self, summary: &RunSummary) -> Option<Arc<T>> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|opened| opened.at.elapsed() < AGE_MAX);
        let run = key(summary);
        runs.iter().find(|opened| opened.run == run).map(|opened| Arc::clone(&opened.made))
    }

    pub(crate) fn put(&self, summary: &RunSummary, made: &Arc<T>) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|opened| opened.at.elapsed() < AGE_MAX && opened.run.0 != summary.run_id);
        runs.truncate(RUNS_MAX - 1);
        runs.push_front(Opened { run: key(summary), at: Instant::now(), made: Arc::clone(made) });
    }

    /// To be called when a run is deleted: nothing of it is kept longer than it.
    pub(crate) fn forget(&self, run: &RunId) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|opened| opened.run.0 != *run);
    }
}

fn key(summary: &RunSummary) -> (RunId, u32, u32) {
    (summary.run_id.clone(), summary.revision, summary.spans)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{AGE_MAX, OpenedRuns};
    use crate::view::sample::summary;

    #[tokio::test(start_paused = true)]
    async fn the_last_runs_are_kept_until_a_span_comes_or_a_while_has_passed() {
        let runs = OpenedRuns::default();
        for id in ["a", "b", "c"] {
            runs.put(&summary(id, 1), &Arc::new(id));
        }
        assert_eq!(runs.get(&summary("a", 1)), None);
        assert_eq!(runs.get(&summary("c", 1)).as_deref(), Some(&"c"));
        assert_eq!(runs.get(&summary("c", 2)), None);
        runs.forget(&summary("c", 1).run_id);
        assert_eq!(runs.get(&summary("c", 1)), None);
        assert_eq!(runs.get(&summary("b", 1)).as_deref(), Some(&"b"));
        tokio::time::advance(AGE_MAX).await;
        let (old, new) = (Arc::new("d"), Arc::new("e"));
        runs.put(&summary("d", 1), &old);
        tokio::time::advance(AGE_MAX).await;
        runs.put(&summary("e", 1), &new);
        assert_eq!((Arc::strong_count(&old), Arc::strong_count(&new)), (1, 2), "what is old is let go");
        assert_eq!(runs.get(&summary("b", 1)), None);
    }
}
