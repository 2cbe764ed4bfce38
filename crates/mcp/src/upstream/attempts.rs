//! Work that is done once for all who wait for it, goes on when they are gone, and is begun again after a failure with
//! patience only: whoever asks meanwhile is told at once why it failed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_runtime::task::{TaskGroup, TaskKind};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::seam::UpstreamError;

/// After the first failure; doubled with each further one.
const BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, UpstreamError>;

/// See the module. Clones are the same.
pub(super) struct Attempts<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    /// After which failures it is not tried again at once.
    is_patient: fn(&UpstreamError) -> bool,
    running: Option<watch::Receiver<Option<Outcome<T>>>>,
    failures: u32,
    not_before: Option<Instant>,
    last_error: Option<UpstreamError>,
}

/// What came of it.
pub(super) enum Done<T> {
    /// Of an attempt that began now.
    Own(Outcome<T>),
    /// Of one that was under way.
    Joined(Outcome<T>),
}

impl<T> Clone for Attempts<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Attempts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("failures", &self.state().failures).finish_non_exhaustive()
    }
}

impl<T> Done<T> {
    pub(super) fn outcome(self) -> Outcome<T> {
        match self {
            Self::Own(outcome) | Self::Joined(outcome) => outcome,
        }
    }
}

impl<T> Attempts<T> {
    pub(super) fn new(is_patient: fn(&UpstreamError) -> bool) -> Self {
        let state = State { is_patient, running: None, failures: 0, not_before: None, last_error: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// What failed before is no reason to wait any more.
    pub(super) fn forgive(&self) {
        self.state().forgive();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Send + Sync + 'static> Attempts<T> {
    /// Begins `work`, or waits for the one under way.
    pub(super) async fn attempt<Fut>(&self, tasks: &TaskGroup, work: impl FnOnce() -> Fut) -> Done<T>
    where
        Fut: Future<Output = Outcome<T>> + Send + 'static,
    {
        let (mut done, is_own) = {
            let mut state = self.state();
            match (&state.running, &state.last_error) {
                // What failed before is not waited for by everybody while it is tried again.
                (Some(_), Some(error)) => return Done::Joined(Err(error.clone())),
                (Some(running), None) => (running.clone(), false),
                (None, Some(error)) if state.not_before.is_some_and(|at| Instant::now() < at) => {
                    return Done::Own(Err(error.clone()));
                }
                (None, _) => {
                    let (tell, done) = watch::channel(None);
                    state.running = Some(done.clone());
                    self.begin(tasks, tell, work());
                    (done, true)
                }
            }
        };
        // The work was dropped because everything ends.
        let outcome = match done.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(UpstreamError::Cancelled)),
            Err(_) => Err(UpstreamError::Cancelled),
        };
        if is_own { Done::Own(outcome) } else { Done::Joined(outcome) }
    }

    fn begin(
        &self,
        tasks: &TaskGroup,
        tell: watch::Sender<Option<Outcome<T>>>,
        work: impl Future<Output = Outcome<T>> + Send + 'static,
    ) {
        let attempts = self.clone();
        tasks.spawn(TaskKind::ToolServer, |drain| async move {
            let outcome = drain.run_until_cancelled(work).await.unwrap_or(Err(UpstreamError::Cancelled));
            attempts.end(&outcome);
            tell.send_replace(Some(outcome));
            Ok(())
        });
    }

    fn end(&self, outcome: &Outcome<T>) {
        let mut state = self.state();
        state.running = None;
        match outcome {
            Err(error) if (state.is_patient)(error) => {
                state.failures = state.failures.saturating_add(1);
                let wait = BACKOFF.saturating_mul(1 << state.failures.min(7).saturating_sub(1)).min(BACKOFF_MAX);
                state.not_before = Some(Instant::now() + wait);
                state.last_error = Some(error.clone());
            }
            Ok(_) | Err(_) => state.forgive(),
        }
    }
}

impl<T> State<T> {
    fn forgive(&mut self) {
        (self.failures, self.not_before, self.last_error) = (0, None, None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use mizzen_runtime::task::TaskGroup;
    use tokio::time::{Instant, sleep, timeout};

    use super::Attempts;
    use crate::seam::UpstreamError;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits_and_is_done_once() {
        let (attempts, tasks, begun) = (Attempts::new(|_| true), TaskGroup::new(), Arc::new(AtomicU32::new(0)));
        let work = || {
            begun.fetch_add(1, Ordering::Relaxed);
            async {
                sleep(10 * SHORT).await;
                Ok(7)
            }
        };
        for _ in 0..2 {
            assert!(timeout(SHORT, attempts.attempt(&tasks, work)).await.is_err());
        }
        assert_eq!(attempts.attempt(&tasks, work).await.outcome().unwrap(), 7);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_told_at_once_until_it_is_tried_again_and_while_it_is() {
        let (attempts, tasks) = (Attempts::<u32>::new(|_| true), TaskGroup::new());
        let hang = || async {
            sleep(10 * SHORT).await;
            Err(UpstreamError::Timeout { server: "a".into(), seconds: 20 })
        };
        let told_at_once = async || {
            let begun = Instant::now();
            let told = attempts.attempt(&tasks, hang).await.outcome().unwrap_err();
            told.code() == "upstream_timeout" && begun.elapsed() < 5 * SHORT
        };
        // Who asked first is gone before it is known.
        assert!(timeout(SHORT, attempts.attempt(&tasks, hang)).await.is_err());
        sleep(12 * SHORT).await;
        assert!(told_at_once().await);
        sleep(super::BACKOFF).await;
        assert!(timeout(SHORT, attempts.attempt(&tasks, hang)).await.is_err(), "it is tried again");
        assert!(told_at_once().await);
    }
}
