//! Tasks that say beforehand what happens when they fail and when they are told to stop.
//!
//! A process owns a few groups and drains them in the reverse order of their start: doors first, then what
//! the doors fed, then what wrote to disk. One group is drained as a whole.

mod kind;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::kind::{OnCancel, OnError, TaskKind};
use crate::error::Chain;
use crate::lanes;

/// What a task may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Tasks that stop together. Cheap to clone; clones are the same group.
#[derive(Debug, Clone, Default)]
pub struct TaskGroup(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tracker: TaskTracker,
    cancel: CancellationToken,
    /// Running tasks by kind, so that a drain can name what did not finish without keeping a list.
    running: [AtomicUsize; TaskKind::ALL.len()],
    failure: Mutex<Option<TaskFailure>>,
    failed: Notify,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            running: std::array::from_fn(|_| AtomicUsize::new(0)),
            failure: Mutex::default(),
            failed: Notify::new(),
        }
    }
}

/// A task ended with an error (or a panic) that its kind declares fatal.
#[derive(Debug, thiserror::Error)]
#[error("task `{}` failed", kind.name())]
pub struct TaskFailure {
    pub kind: TaskKind,
    #[source]
    pub error: BoxError,
}

/// A task panicked: a bug in Mizzen, reported like any other failure of the task.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(String);

/// What was still running when a drain's deadline came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrainReport {
    /// Names of task kinds, one for each task that did not finish.
    pub unfinished: Vec<&'static str>,
}

impl DrainReport {
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unfinished.is_empty()
    }
}

impl TaskGroup {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It is given the group's token and should end soon after that is cancelled; a kind that
    /// declares [`OnCancel::Abort`] is dropped at that moment instead.
    pub fn spawn<F, Fut>(&self, kind: TaskKind, task: F)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let handle = if kind.stays() { Handle::current() } else { lanes::home() };
        self.spawn_on(&handle, kind, task);
    }

    /// As [`Self::spawn`], on the runtime of `handle`.
    pub(crate) fn spawn_on<F, Fut>(&self, handle: &Handle, kind: TaskKind, task: F)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let cancel = self.0.cancel.clone();
        let work = AssertUnwindSafe(task(cancel.clone())).catch_unwind();
        let running = Running::enter(Arc::clone(&self.0), kind);
        let ending = async move {
            let ended = match kind.on_cancel() {
                OnCancel::Finish => Some(work.await),
                OnCancel::Abort => cancel.run_until_cancelled(work).await,
            };
            let error = match ended {
                None | Some(Ok(Ok(()))) => return,
                Some(Ok(Err(error))) => error,
                Some(Err(panic)) => Box::new(Panicked(panic_message(panic.as_ref()))),
            };
            running.group.report(kind, error);
        };
        self.0.tracker.spawn_on(ending, handle);
    }

    /// The token that [`Self::drain`] cancels.
    #[must_use]
    pub fn cancelled(&self) -> CancellationToken {
        self.0.cancel.clone()
    }

    /// Waits until a task fails in a way that its kind declares fatal. Of several failures the first is told.
    pub async fn failed(&self) -> TaskFailure {
        loop {
            let failed = self.0.failed.notified();
            let failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            match failure {
                Some(failure) => return failure,
                None => failed.await,
            }
        }
    }

    /// Cancels the group and waits for its tasks, at most until `deadline`.
    pub async fn drain(&self, deadline: Duration) -> DrainReport {
        self.0.cancel.cancel();
        self.0.tracker.close();
        match tokio::time::timeout(deadline, self.0.tracker.wait()).await {
            Ok(()) => DrainReport::default(),
            Err(_) => DrainReport { unfinished: self.running() },
        }
    }

    /// Names of the tasks that run now, one for each task.
    #[must_use]
    pub fn running(&self) -> Vec<&'static str> {
        let count = |kind: &TaskKind| self.0.running[*kind as usize].load(Ordering::Acquire);
        TaskKind::ALL.iter().flat_map(|kind| std::iter::repeat_n(kind.name(), count(kind))).collect()
    }
}

impl Inner {
    fn report(&self, kind: TaskKind, error: BoxError) {
        let cause = Chain(error.as_ref()).to_string();
        match kind.on_error() {
            OnError::Log => tracing::warn!(task = kind.name(), error = cause, "task failed"),
            OnError::Shutdown => {
                tracing::error!(task = kind.name(), error = cause, "task failed; stopping");
                let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(TaskFailure { kind, error });
                drop(first);
                self.failed.notify_one();
            }
        }
    }
}

/// Counts one running task, however it ends.
struct Running {
    group: Arc<Inner>,
    kind: TaskKind,
}

impl Running {
    fn enter(group: Arc<Inner>, kind: TaskKind) -> Self {
        group.running[kind as usize].fetch_add(1, Ordering::AcqRel);
        Self { group, kind }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.group.running[self.kind as usize].fetch_sub(1, Ordering::AcqRel);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests;
