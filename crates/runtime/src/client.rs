//! The one HTTP client: pooled, TLS from the system's roots, connections opened within a deadline.
//!
//! It speaks HTTP/1.1, follows no redirect and retries nothing but a pooled connection that turned out closed
//! before a byte was written; what more a call may risk is its caller's decision.

mod connect;

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::CertificateError;

use self::connect::Connector;
pub use self::connect::TlsRootsError;
use crate::lanes;

/// How connections are opened and kept.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// For resolving the name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Unused connections kept for each host, by each thread that serves connections.
    pub idle_per_host_max: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Below the keep-alive of common servers (uvicorn 5 s is the exception), so that few are found closed.
            idle_timeout: Duration::from_secs(50),
            idle_per_host_max: 256,
        }
    }
}

/// Why there is no response. The names are those of hosts: paths and queries may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the address of the request has no host")]
    NoHost,
    /// Nothing was sent.
    #[error("cannot connect to `{host}`")]
    Connect {
        host: Authority,
        #[source]
        source: Cause,
    },
    /// The request may have arrived.
    #[error("the exchange with `{host}` broke off before its response")]
    Exchange {
        host: Authority,
        #[source]
        source: Cause,
    },
}

/// What is at the bottom of an error of the client, as one would say it: `connection refused`.
#[derive(Debug)]
pub struct Cause(HyperError);

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut deepest: &(dyn std::error::Error + 'static) = &self.0;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        // What the system said has a plain name; everything else says itself.
        match deepest.downcast_ref::<io::Error>() {
            Some(error) if error.raw_os_error().is_some() => write!(f, "{}", error.kind()),
            _ => write!(f, "{deepest}"),
        }
    }
}

/// Why two that reached each other could not talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// The peer's certificate is of nobody that this system trusts.
    UnknownIssuer,
    /// The peer's certificate is refused for another reason, such as its name or its age.
    Certificate,
    /// The peer does not speak TLS.
    NoTls,
    /// The peer speaks something else than HTTP, such as TLS.
    NoHttp,
}

impl ClientError {
    /// `None` when it is something else that went wrong.
    #[must_use]
    pub fn misfit(&self) -> Option<Misfit> {
        let (Self::Connect { source, .. } | Self::Exchange { source, .. }) = self else { return None };
        let first: &(dyn std::error::Error + 'static) = &source.0;
        std::iter::successors(Some(first), |error| below(*error)).find_map(misfit)
    }

    /// Whether the upstream cannot have seen the request, so that sending it again repeats nothing.
    #[must_use]
    pub const fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::NoHost | Self::Connect { .. })
    }
}

/// What caused `error`. An error of the system tells only the cause of what it carries.
fn below<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    carried.map(|carried| carried as &(dyn std::error::Error + 'static)).or_else(|| error.source())
}

fn misfit(error: &(dyn std::error::Error + 'static)) -> Option<Misfit> {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
        return Some(Misfit::NoHttp);
    }
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Some(Misfit::UnknownIssuer),
        rustls::Error::InvalidCertificate(_) => Some(Misfit::Certificate),
        rustls::Error::InvalidMessage(_) => Some(Misfit::NoTls),
        _ => None,
    }
}

/// Sends requests. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct HttpClient(Arc<[Client<Connector, Full<Bytes>>]>);

impl HttpClient {
    /// # Errors
    /// When TLS cannot be set up. A system without root certificates is no error: only `https` calls will fail.
    pub fn new(config: ClientConfig) -> Result<Self, TlsRootsError> {
        let connector = Connector::new(config.connect_timeout)?;
        // hyper drives each pooled connection in a task of its own; it ends with the connection and owns nothing
        // that a drain would have to wait for, so it stays outside the task groups.
        let client = || {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(config.idle_timeout)
                .pool_max_idle_per_host(config.idle_per_host_max)
                .build(connector.clone())
        };
        // The thread that opens a connection drives it, so every lane has a pool of its own, and so has the rest.
        Ok(Self((0..=lanes::count()).map(|_| client()).collect()))
    }

    /// Sends `request` (absolute URI) and returns when the response's head is there; its body streams.
    /// Dropping the future, or the body, closes the exchange.
    ///
    /// # Errors
    /// When no response came; see [`ClientError::nothing_was_sent`].
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        let host = request.uri().authority().cloned().ok_or(ClientError::NoHost)?;
        match self.0[lanes::number()].request(request).await {
            Ok(response) => Ok(response),
            Err(source) if source.is_connect() => Err(ClientError::Connect { host, source: Cause(source) }),
            Err(source) => Err(ClientError::Exchange { host, source: Cause(source) }),
        }
    }
}

#[cfg(test)]
mod tests;
