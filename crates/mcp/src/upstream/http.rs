//! Streamable HTTP: one address, one POST for each message.

mod credential;
mod headers;
mod source;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use mizzen_runtime::error::Chain;

use self::credential::Credentials;
pub(super) use self::headers::{Mirrored, mirror, name_header, said_again};
pub(super) use self::source::HttpSource;
use super::shared::{MESSAGE_BYTES, Shared};
use super::wire::{self, Message};
use crate::seam::UpstreamError;
use crate::servers::{ServerConfig, Transport};
use crate::wire::rpc::METHOD_NOT_FOUND;

pub(super) const SESSION_HEADER: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const VERSION_HEADER: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const METHOD_HEADER: HeaderName = HeaderName::from_static("mcp-method");
const NAME_HEADER: HeaderName = HeaderName::from_static("mcp-name");

/// Of the body of a response that is an error; more is not looked at.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Where a server is, and how we show who we are.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) server: String,
    url: Uri,
    headers: HeaderMap,
    credentials: Credentials,
    pub(super) shared: Arc<Shared>,
    pub(super) result_bytes_max: u64,
    head_timeout: Duration,
}

/// What a POST was answered with.
#[derive(Debug)]
pub(super) enum Posted {
    /// 202, for what needs no answer.
    Accepted,
    Answered(HeaderMap, HttpSource),
    /// The server does not know the session.
    SessionGone,
    /// Any other status, with the JSON-RPC message of its body if it had one.
    Refused(StatusCode, Option<Message>),
}

impl Endpoint {
    pub(super) fn new(shared: &Arc<Shared>, config: &ServerConfig) -> Result<Self, UpstreamError> {
        let unreachable =
            |reason: &str| UpstreamError::Unreachable { server: config.name.clone(), reason: reason.to_owned() };
        let Transport::Http { url, headers, credential } = &config.transport else {
            return Err(unreachable("it is not reached over HTTP"));
        };
        let fixed = headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        });
        Ok(Self {
            server: config.name.clone(),
            url: url.parse().map_err(|_| unreachable("its address is no URL"))?,
            headers: fixed.collect(),
            credentials: Credentials::new(credential.clone(), url),
            shared: Arc::clone(shared),
            result_bytes_max: config.result_bytes_max,
            head_timeout: Duration::from_secs(config.call_timeout_seconds),
        })
    }

    /// Sends one message. `is_in_session` says what a 404 means.
    pub(super) async fn post(
        &self,
        body: Vec<u8>,
        extra: HeaderMap,
        is_in_session: bool,
    ) -> Result<Posted, UpstreamError> {
        let response = self.send(Method::POST, Bytes::from(body), extra).await?;
        let status = response.status();
        if status.is_success() {
            if status == StatusCode::ACCEPTED || status == StatusCode::NO_CONTENT {
                return Ok(Posted::Accepted);
            }
            let headers = response.headers().clone();
            let source = HttpSource::new(self, response).await?;
            return Ok(if source.is_empty() { Posted::Accepted } else { Posted::Answered(headers, source) });
        }
        let message = match Limited::new(response.into_body(), ERROR_BYTES_MAX).collect().await {
            Ok(body) => wire::parse(&body.to_bytes()).ok(),
            Err(_) => None,
        };
        if status == StatusCode::NOT_FOUND && is_in_session {
            // A method that the server does not have is told in the body; a session it does not know is not.
            let is_method = matches!(&message, Some(Message::Response { outcome, .. })
                if outcome.error().is_some_and(|error| error.code == METHOD_NOT_FOUND));
            if !is_method {
                return Ok(Posted::SessionGone);
            }
        }
        Ok(Posted::Refused(status, message))
    }

    /// Opens the stream of what belongs to no request, or resumes one; `None` when the server has none.
    ///
    /// # Errors
    /// When it has none now: another time it may.
    pub(super) async fn get(&self, extra: HeaderMap) -> Result<Option<HttpSource>, UpstreamError> {
        let response = self.send(Method::GET, Bytes::new(), extra).await?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => return Ok(None),
            status if !status.is_success() => return Err(self.protocol(format!("it answered with HTTP {status}"))),
            _ => {}
        }
        let source = HttpSource::new(self, response).await?;
        Ok(source.is_stream().then_some(source))
    }

    /// Ends a session; whether the server knows how to is its own affair.
    pub(super) async fn delete(&self, extra: HeaderMap) {
        let (Ok(_) | Err(_)) = self.send(Method::DELETE, Bytes::new(), extra).await;
    }

    async fn send(&self, method: Method, body: Bytes, extra: HeaderMap) -> Result<Response<Incoming>, UpstreamError> {
        let response = self.send_once(&method, body.clone(), &extra).await?;
        match response.status() {
            // A token may have been revoked before its time.
            StatusCode::UNAUTHORIZED if self.credentials.renew().await => {
                let again = self.send_once(&method, body, &extra).await?;
                if again.status() == StatusCode::UNAUTHORIZED { Err(self.refused()) } else { Ok(again) }
            }
            StatusCode::UNAUTHORIZED => Err(self.refused()),
            StatusCode::FORBIDDEN => Err(self.refused()),
            _ => Ok(response),
        }
    }

    async fn send_once(
        &self,
        method: &Method,
        body: Bytes,
        extra: &HeaderMap,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let accept = if method == Method::GET { "text/event-stream" } else { "application/json, text/event-stream" };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some((name, value)) = self.credentials.header(&self.shared, &self.server).await? {
            headers.insert(name, value);
        }
        match tokio::time::timeout(self.head_timeout, self.shared.http.send(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.nothing_was_sent() => Err(self.unreachable(Chain(&error).to_string())),
            Ok(Err(_)) => Err(UpstreamError::Lost { server: self.server.clone() }),
            Err(_) => Err(UpstreamError::Timeout { server: self.server.clone(), seconds: self.head_timeout.as_secs() }),
        }
    }

    fn refused(&self) -> UpstreamError {
        let server = self.server.clone();
        match self.credentials.is_given() {
            true => UpstreamError::Credential { server },
            false => UpstreamError::NoCredential { server },
        }
    }

    pub(super) fn unreachable(&self, reason: String) -> UpstreamError {
        UpstreamError::Unreachable { server: self.server.clone(), reason }
    }

    pub(super) fn protocol(&self, reason: impl Into<String>) -> UpstreamError {
        UpstreamError::Protocol { server: self.server.clone(), reason: reason.into() }
    }

    pub(super) fn too_large(&self, got: u64) -> UpstreamError {
        let limit = self.shared.limit(MESSAGE_BYTES, self.result_bytes_max, got);
        UpstreamError::Limit { server: self.server.clone(), limit }
    }
}
