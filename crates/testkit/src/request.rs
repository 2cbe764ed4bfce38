//! One HTTP/1.1 request on a connection of its own: what a test needs, without a client library's retries and pools.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A request that is not answered by then has failed its test.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// # Errors
    /// When the body is no JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("status {} with a body that is no JSON: {}", self.status, self.text()))
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends `body` (empty: none) with `headers` to `url` (`http://host:port/path`) and reads the whole answer.
///
/// # Errors
/// When there is no answer within [`ANSWER_TIMEOUT`], or the connection breaks before its end.
pub async fn send(method: Method, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Answer> {
    let whole = async {
        let mut connection = Connection::open(url).await?;
        let response = connection.send(method, url, headers, body.into()).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    };
    tokio::time::timeout(ANSWER_TIMEOUT, whole).await.with_context(|| format!("no answer from {url}"))?
}

/// One keep-alive connection. Dropping it closes the socket at once, as a client that hangs up does.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinSet<()>,
}

impl Connection {
    /// Connects to the host and port of `url`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(url: &str) -> Result<Self> {
        let stream = TcpStream::connect(address(url)?).await.with_context(|| format!("failed to connect to {url}"))?;
        stream.set_nodelay(true).context("failed to set TCP_NODELAY")?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("no HTTP on this port")?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // The request that was running sees the same error.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Sends one request and returns when the head of its answer is there.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let (authority, path) = split(url)?;
        let mut request = Request::builder().method(method).uri(path).header(http::header::HOST, authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).context("the request is not valid HTTP")?;
        self.sender.ready().await.context("the connection was closed")?;
        self.sender.send_request(request).await.context("no answer on this connection")
    }

    /// Whether the other side closed the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.driver.is_empty()
    }
}

fn split(url: &str) -> Result<(&str, &str)> {
    let Some(rest) = url.strip_prefix("http://") else { bail!("`{url}` is not an http:// address") };
    Ok(rest.find('/').map_or((rest, "/"), |at| rest.split_at(at)))
}

fn address(url: &str) -> Result<SocketAddr> {
    let (authority, _) = split(url)?;
    authority.parse().with_context(|| format!("`{authority}` is not an address and a port"))
}
