//! Doors: ports that are bound with clear errors, and served with bounds until they are told to close.

mod first_bytes;
mod serve;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use tokio::net::{TcpListener, TcpSocket};

pub use self::serve::{serve, serve_on};
pub use self::tls::{TlsError, tls_config};
use crate::limit::Limit;
use crate::metrics::Metrics;

/// Connections that the operating system may hold before they are accepted.
const BACKLOG: u32 = 1_024;

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "port {} of `{name}` is taken: another process, perhaps a running Mizzen, listens on {addr}; \
         stop it, or choose another address with `{name}`",
        addr.port()
    )]
    Busy { name: String, addr: SocketAddr },
    #[error("port {} of `{name}` needs privileges that this user lacks; choose one above 1023 with `{name}`", addr.port())]
    Privileged { name: String, addr: SocketAddr },
    #[error("no interface of this machine has the address {addr}; choose another with `{name}`")]
    NoInterface { name: String, addr: SocketAddr },
    #[error("cannot listen on {addr}, as `{name}` asks")]
    Other {
        name: String,
        addr: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// Opens a port. `name` is the flag or configuration key that chose `addr`, for the error. Needs a tokio runtime.
///
/// # Errors
/// When the port is taken or may not be used.
pub fn bind(name: &str, addr: SocketAddr) -> Result<TcpListener, ListenError> {
    try_bind(addr).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Busy { name: name.to_owned(), addr },
        io::ErrorKind::PermissionDenied => ListenError::Privileged { name: name.to_owned(), addr },
        io::ErrorKind::AddrNotAvailable => ListenError::NoInterface { name: name.to_owned(), addr },
        _ => ListenError::Other { name: name.to_owned(), addr, source },
    })
}

fn try_bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Without it a restart would find its own port taken for a minute by connections that are closing.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// The bounds of one door.
#[derive(Debug, Clone)]
pub struct ListenLimits {
    /// Connections open at once; one more is closed at once and counted.
    pub connections: Limit,
    /// For the TLS handshake, for the first bytes, for each request's head, and between requests of a connection.
    pub head_timeout: Duration,
    /// Streams that one HTTP/2 connection may have open.
    pub streams_per_connection_max: u32,
}

impl ListenLimits {
    pub const CONNECTIONS_MAX: u64 = 10_000;

    /// The defaults, counting refusals of the door `name` (for example `otlp_http_connections`).
    #[must_use]
    pub fn new(metrics: &Metrics, name: &'static str) -> Self {
        Self {
            connections: Limit::new(metrics, name, Self::CONNECTIONS_MAX),
            head_timeout: Duration::from_secs(60),
            streams_per_connection_max: 256,
        }
    }
}

/// Who is at the other end of the connection; in the extensions of every request that [`serve`] hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The host, with its port if it has one, that a request asks for. What is in its address, as HTTP/2's `:authority` is, goes before the
/// field `Host` (RFC 9112, section 3.2.2; RFC 9113, section 8.3.1). `None` when it names none, or several: each reader could
/// believe another.
#[must_use]
pub fn host_asked<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut fields = headers.get_all(header::HOST).iter();
    match (uri.authority(), fields.next(), fields.next()) {
        (_, _, Some(_)) => None,
        (Some(authority), ..) => Some(Authority::as_str(authority)),
        (None, field, None) => field?.to_str().ok(),
    }
}

#[cfg(test)]
mod tests;
