//! Threads that each serve their share of the connections, whole.
//!
//! What a connection needs (its requests, and the upstream connections that they use) stays on one thread: none else is
//! woken for it, and its memory stays in one core's cache. To a gateway that is worth more than the balance that work
//! stealing brings. All that may compute for long runs elsewhere: tasks by their kind and requests through [`at_home`] where
//! the lanes were started, and what is done with a large body through [`beside`] and [`away`].

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{io, panic, thread};

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use http::StatusCode;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Reading a body above this takes long enough to hold up the other connections of a lane.
pub const LARGE_BYTES: usize = 256 << 10;

/// How long a thread that blocked waits for more of that: one that waits keeps what the allocator gave it last.
pub const BLOCKING_THREAD_WAITS: Duration = Duration::from_millis(500);

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
    static HOME: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// The threads. Cheap to clone; with the last clone they end, and drop what has not finished.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<[Lane]>);

#[derive(Debug)]
struct Lane {
    handle: Handle,
    /// Connections that it serves now.
    open: Arc<AtomicUsize>,
    /// Dropped, it ends the thread.
    _alive: oneshot::Sender<()>,
}

impl Lanes {
    /// Starts a lane for each core that this process may use. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the system has no thread or no file left.
    pub fn start() -> io::Result<Self> {
        (1..=count()).map(Lane::start).collect::<io::Result<_>>().map(Self)
    }

    /// A place on the lane that serves the fewest connections.
    pub(crate) fn seat(&self) -> Option<Seat> {
        let lane = self.0.iter().min_by_key(|lane| lane.open.load(Ordering::Relaxed))?;
        lane.open.fetch_add(1, Ordering::Relaxed);
        Some(Seat { handle: lane.handle.clone(), open: Arc::clone(&lane.open) })
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let home = Handle::current();
        let runtime = Builder::new_current_thread().enable_all().thread_keep_alive(BLOCKING_THREAD_WAITS).build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel();
        thread::Builder::new().name(format!("lane {number}")).spawn(move || {
            NUMBER.set(number);
            HOME.set(Some(home));
            // An error is how the end is told: nothing is ever sent.
            runtime.block_on(ended).ok();
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, open: Arc::default(), _alive: alive })
    }
}

/// A connection's place on a lane, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    handle: Handle,
    open: Arc<AtomicUsize>,
}

impl Seat {
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many lanes a process starts. What the system says can change while it runs; this does not.
pub(crate) fn count() -> usize {
    static COUNT: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, std::num::NonZero::get));
    *COUNT
}

/// The number of this thread's lane, from 1 to [`count`]; 0 on every other thread.
pub(crate) fn number() -> usize {
    NUMBER.get()
}

/// The runtime for what must not hold up the connections of a lane: where the lanes were started, elsewhere the current one.
///
/// # Panics
/// Outside of a tokio runtime.
pub(crate) fn home() -> Handle {
    HOME.with_borrow(Option::clone).unwrap_or_else(Handle::current)
}

/// Does `work` on a body of `bytes`: a large one on a thread that may block.
///
/// # Errors
/// When it panicked there, or the process ends.
pub async fn beside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    if bytes <= LARGE_BYTES { Ok(work()) } else { tokio::task::spawn_blocking(work).await }
}

/// The same for work that waits in between: that on a large body runs where the lanes were started. Dropped, it ends there too.
///
/// # Errors
/// When the process ends.
pub async fn away<T: Send + 'static>(
    bytes: usize,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    if bytes <= LARGE_BYTES { Ok(work.await) } else { run_at_home(work).await }
}

async fn run_at_home<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, JoinError> {
    match AbortOnDropHandle::new(home().spawn(work)).await.map_err(JoinError::try_into_panic) {
        Ok(done) => Ok(done),
        Err(Ok(panicked)) => panic::resume_unwind(panicked),
        Err(Err(ended)) => Err(ended),
    }
}

/// A layer for routes that may compute for long: the handler runs where the lanes were started, and so does what makes its
/// body as it is read. Both are dropped with their connection as anywhere else.
pub async fn at_home(request: Request, next: Next) -> Response {
    match run_at_home(next.run(request)).await {
        Ok(response) => response.map(streamed_from_home),
        // The process ends.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn streamed_from_home(body: Body) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    let (frames, taken) = mpsc::channel(1);
    let mut made = body.into_data_stream();
    let making = AbortOnDropHandle::new(home().spawn(async move {
        while let Some(frame) = made.next().await {
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    }));
    let next = |(mut taken, making): (mpsc::Receiver<_>, Option<AbortOnDropHandle<()>>)| async move {
        if let Some(frame) = taken.recv().await {
            return Some((frame, (taken, making)));
        }
        // A body that broke off must not look like one that ended.
        let broken = making?.await.err()?;
        Some((Err(axum::Error::new(broken)), (taken, None)))
    };
    Body::from_stream(stream::unfold((taken, Some(making)), next))
}

#[cfg(test)]
mod tests;
