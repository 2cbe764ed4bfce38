//! Accepts connections and serves HTTP/1 and HTTP/2 on them.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::first_bytes::FirstBytes;
use super::{ListenLimits, Peer};
use crate::lanes::Lanes;
use crate::task::{BoxError, TaskGroup, TaskKind};

/// After the process ran out of files or memory, wait for connections to close before trying again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// One message of OTLP often exceeds HTTP/2's default window of 64 KiB, and would wait for a round trip.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 1 << 20;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// The header fields of one HTTP/2 request together.
const HEAD_BYTES_MAX: u32 = 64 << 10;
/// What one HTTP/1 connection may have read and not yet handed on.
const HTTP1_BUFFER_BYTES_MAX: usize = 256 << 10;

type Http = auto::Builder<TokioExecutor>;

/// Serves `router` on `listener` until `tasks` is drained: then it accepts no more, answers what has begun, and
/// closes. A client that closes its connection drops the future of its request.
pub fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    tasks: &TaskGroup,
    limits: ListenLimits,
) {
    accept(None, listener, tls, router, tasks, limits);
}

/// As [`serve`], with every connection on one of `lanes`, which must live until the group is drained.
pub fn serve_on(
    lanes: &Lanes,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    tasks: &TaskGroup,
    limits: ListenLimits,
) {
    accept(Some(lanes.clone()), listener, tls, router, tasks, limits);
}

fn accept(
    lanes: Option<Lanes>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    tasks: &TaskGroup,
    limits: ListenLimits,
) {
    let door = Arc::new(Door {
        http: http_builder(&limits),
        tls: tls.map(TlsAcceptor::from),
        router,
        limits,
        open: AtomicU64::new(0),
    });
    let group = tasks.clone();
    tasks.spawn(TaskKind::Listener, move |cancel| async move {
        accept_all(&listener, lanes.as_ref(), &door, &group, &cancel).await;
        Ok(())
    });
}

struct Door {
    http: Http,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: ListenLimits,
    open: AtomicU64,
}

fn http_builder(limits: &ListenLimits) -> Http {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(HTTP1_BUFFER_BYTES_MAX);
    http.http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(limits.streams_per_connection_max)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    http
}

async fn accept_all(
    listener: &TcpListener,
    lanes: Option<&Lanes>,
    door: &Arc<Door>,
    tasks: &TaskGroup,
    cancel: &CancellationToken,
) {
    while let Some(accepted) = cancel.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, lanes, door, tasks),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The peer gave up before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

fn admit(stream: TcpStream, peer: SocketAddr, lanes: Option<&Lanes>, door: &Arc<Door>, tasks: &TaskGroup) {
    let slot = Slot::take(door);
    if let Err(refused) = door.limits.connections.check(slot.number) {
        tracing::warn!(%peer, "connection closed: {refused}");
        return;
    }
    // A socket that is already gone fails here first; serving it would tell the same.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Some(seat) = lanes.and_then(Lanes::seat) else {
        tasks.spawn(TaskKind::Connection, move |cancel| attend(stream, peer, slot, cancel));
        return;
    };
    // The thread that reads a socket is the one that it was registered on.
    let Ok(stream) = stream.into_std() else { return };
    let lane = seat.handle().clone();
    tasks.spawn_on(&lane, TaskKind::Connection, move |cancel| async move {
        let _seat = seat;
        attend(TcpStream::from_std(stream)?, peer, slot, cancel).await
    });
}

async fn attend(stream: TcpStream, peer: SocketAddr, slot: Slot, cancel: CancellationToken) -> Result<(), BoxError> {
    let door = &slot.door;
    match &door.tls {
        None => connection(stream, peer, door, cancel).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(door.limits.head_timeout, acceptor.accept(stream));
            match cancel.run_until_cancelled(handshake).await {
                Some(Ok(Ok(stream))) => connection(stream, peer, door, cancel).await,
                Some(Ok(Err(error))) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Some(Err(_)) | None => {}
            }
        }
    }
    Ok(())
}

async fn connection<Io>(io: Io, peer: SocketAddr, door: &Door, cancel: CancellationToken)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = door.router.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        // A router is always ready, so its readiness need not be polled.
        router.clone().call(request)
    });
    let io = TokioIo::new(FirstBytes::new(io, door.limits.head_timeout));
    let mut serving = pin!(door.http.serve_connection(io, service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = cancel.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    // What clients do to their connections is theirs; each request's own outcome is recorded by its plane.
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// One of the door's connections, given back however the connection ends.
struct Slot {
    door: Arc<Door>,
    /// How many were open with this one.
    number: u64,
}

impl Slot {
    fn take(door: &Arc<Door>) -> Self {
        Self { number: door.open.fetch_add(1, Ordering::AcqRel) + 1, door: Arc::clone(door) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.door.open.fetch_sub(1, Ordering::AcqRel);
    }
}
