//! A model provider that answers what a test tells it to, stalls, dies half-way, and remembers what it saw.
//!
//! For answers that have to make sense use the simulated engine; this one is for bytes and for bad days.

mod reply;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub use reply::{Ending, Reply};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: http::Method,
    /// Path and query.
    pub path: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// Listens on a free loopback port until it is dropped.
#[derive(Debug)]
pub struct FakeProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    hung_up: usize,
}

impl FakeProvider {
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("failed to open a port")?;
        let address = listener.local_addr().context("failed to read the port")?;
        let shared = Arc::<Shared>::default();
        // Chunks of a stream must leave one by one, not when the operating system has enough of them.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            // It ends only with the test, which sees its connections break.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, _server: server })
    }

    /// `http://127.0.0.1:PORT`, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Queues the answer to the next request that nothing was queued for. Without one, a request is answered with
    /// [`Reply::chat`].
    pub fn reply(&self, reply: Reply) {
        self.shared.lock().replies.push_back(reply);
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// Requests whose client went away before the answer's end.
    #[must_use]
    pub fn hung_up(&self) -> usize {
        self.shared.lock().hung_up
    }

    /// Waits until `count` clients have hung up; false when `timeout` passed first.
    pub async fn wait_hung_up(&self, count: usize, timeout: Duration) -> bool {
        self.wait(timeout, |inner| inner.hung_up >= count).await
    }

    /// Waits until `count` requests have arrived; false when `timeout` passed first.
    pub async fn wait_seen(&self, count: usize, timeout: Duration) -> bool {
        self.wait(timeout, |inner| inner.seen.len() >= count).await
    }

    async fn wait(&self, timeout: Duration, reached: impl Fn(&Inner) -> bool) -> bool {
        let wait = async {
            loop {
                let changed = self.shared.changed.notified();
                if reached(&self.shared.lock()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, wait).await.is_ok()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saw(&self, seen: Seen) -> Option<Reply> {
        let mut inner = self.lock();
        inner.seen.push(seen);
        let reply = inner.replies.pop_front();
        drop(inner);
        self.changed.notify_waiters();
        reply
    }

    pub(crate) fn count_hung_up(&self) {
        self.lock().hung_up += 1;
        self.changed.notify_waiters();
    }
}

/// Counts a client that goes away: the server drops the handler or the body, and this with it, unless `disarm`ed.
#[derive(Debug)]
pub(crate) struct Tripwire(Option<Arc<Shared>>);

impl Tripwire {
    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for Tripwire {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.count_hung_up();
        }
    }
}

/// Longer than anything a test sends; a provider that reads without end would hide a gateway that does.
const BODY_BYTES_MAX: usize = 256 << 20;

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut tripwire = Tripwire(Some(Arc::clone(&shared)));
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let streamed =
        body.windows(13).any(|w| w == b"\"stream\":true") || body.windows(14).any(|w| w == b"\"stream\": true");
    let path = head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let seen = Seen { method: head.method, path, headers: head.headers, body };
    let default = || {
        if streamed { Reply::chat_stream(&["Hello", " from", " the fake"]) } else { Reply::chat("Hello from the fake") }
    };
    let reply = shared.saw(seen).unwrap_or_else(default);
    if reply.stalls() {
        std::future::pending::<()>().await;
    }
    if reply.is_whole() {
        tripwire.disarm();
    }
    reply.into_response(tripwire)
}

#[cfg(test)]
mod tests;
