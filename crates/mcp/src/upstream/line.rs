//! A way to one server, before and after it is known which era it speaks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use mizzen_runtime::task::TaskGroup;
use serde_json::value::RawValue;

use super::http::{Endpoint, HttpSource, METHOD_HEADER, Posted, SESSION_HEADER, VERSION_HEADER, name_header};
use super::hub::{Hub, Messages, Registration};
use super::pipe::Pipe;
use super::wire::{self, Message, Outcome};
use crate::seam::{ClientAnswer, Era, UpstreamError};

/// How often a broken stream of a stateful server is taken up again without a message in between.
const RESUMES_MAX: u32 = 5;
const RESUME_AFTER: Duration = Duration::from_secs(1);
const RESUME_AFTER_MAX: Duration = Duration::from_secs(10);

/// Why a request has no reply.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server forgot the session; nothing was done.
    SessionGone,
    Error(UpstreamError),
}

impl From<UpstreamError> for Fault {
    fn from(error: UpstreamError) -> Self {
        Self::Error(error)
    }
}

/// What a message is framed with, over HTTP.
#[derive(Debug, Clone, Default)]
pub(super) struct Framing {
    pub(super) version: Option<HeaderValue>,
    pub(super) session: Option<HeaderValue>,
    /// Whether method and name are said in headers.
    pub(super) is_stateless: bool,
}

#[derive(Debug)]
pub(super) enum Link {
    Pipe(Pipe),
    Http(Arc<Endpoint>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) server: String,
    pub(super) link: Link,
    pub(super) hub: Arc<Hub>,
    next_id: AtomicU64,
}

/// One request to be sent.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) id: u64,
    pub(super) method: &'a str,
    pub(super) params: Option<&'a RawValue>,
    /// Beside those of every message.
    pub(super) headers: HeaderMap,
    /// It stays open: what comes belongs to no request.
    pub(super) is_listening: bool,
}

/// Where the messages of one request come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Registered for as long as this is read.
    Queue { messages: Messages, _place: Registration },
    Http {
        source: HttpSource,
        endpoint: Arc<Endpoint>,
        resumable: Option<Framing>,
        resumes: u32,
        /// Of the request.
        id: u64,
    },
    /// It was refused with a message.
    Ready(VecDeque<Message>),
}

impl Line {
    pub(super) fn new(server: &str, link: Link, hub: Arc<Hub>) -> Self {
        Self { server: server.to_owned(), link, hub, next_id: AtomicU64::new(1) }
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn is_alive(&self) -> bool {
        match &self.link {
            Link::Pipe(pipe) => pipe.is_alive(),
            Link::Http(_) => true,
        }
    }

    /// Sends a request; what comes of it is read from the source.
    pub(super) async fn open(&self, framing: &Framing, request: Outgoing<'_>) -> Result<Source, Fault> {
        let body = wire::request(request.id, request.method, request.params);
        match &self.link {
            Link::Pipe(pipe) => {
                let (messages, _place) = self.hub.register(request.id, request.is_listening);
                if pipe.send(body).await { Ok(Source::Queue { messages, _place }) } else { Err(self.lost().into()) }
            }
            Link::Http(endpoint) => {
                let mut headers = base(framing);
                if framing.is_stateless {
                    headers.insert(METHOD_HEADER, name_header(request.method));
                }
                headers.extend(request.headers);
                match endpoint.post(body, headers, framing.session.is_some()).await? {
                    Posted::SessionGone => Err(Fault::SessionGone),
                    Posted::Accepted => Err(self.protocol("it accepted a request and said nothing").into()),
                    Posted::Refused(_, Some(message @ Message::Response { .. })) => {
                        Ok(Source::Ready(VecDeque::from([message])))
                    }
                    Posted::Refused(status, _) => Err(self.protocol(format!("it answered with HTTP {status}")).into()),
                    Posted::Answered(_, source) => {
                        Ok(self.source(endpoint, framing, source, request.id, request.is_listening))
                    }
                }
            }
        }
    }

    fn source(
        &self,
        endpoint: &Arc<Endpoint>,
        framing: &Framing,
        source: HttpSource,
        id: u64,
        is_listening: bool,
    ) -> Source {
        let source = if is_listening { source.endless() } else { source };
        let resumable = (!framing.is_stateless && framing.session.is_some()).then(|| framing.clone());
        Source::Http { source, endpoint: Arc::clone(endpoint), resumable, resumes: 0, id }
    }

    /// `initialize`: the response's headers name the session.
    pub(super) async fn initialize(&self, params: &RawValue) -> Result<(Option<HeaderValue>, Source), Fault> {
        let id = self.next_id();
        let request =
            Outgoing { id, method: "initialize", params: Some(params), headers: HeaderMap::new(), is_listening: false };
        let Link::Http(endpoint) = &self.link else {
            return Ok((None, self.open(&Framing::default(), request).await?));
        };
        let body = wire::request(id, "initialize", Some(params));
        match endpoint.post(body, HeaderMap::new(), false).await? {
            Posted::Answered(headers, source) => {
                let source = self.source(endpoint, &Framing::default(), source, id, false);
                Ok((headers.get(SESSION_HEADER).cloned(), source))
            }
            Posted::Refused(_, Some(message @ Message::Response { .. })) => {
                Ok((None, Source::Ready(VecDeque::from([message]))))
            }
            Posted::Refused(status, _) => Err(self.protocol(format!("it answered with HTTP {status}")).into()),
            Posted::Accepted | Posted::SessionGone => {
                Err(self.protocol("it accepted `initialize` and said nothing").into())
            }
        }
    }

    pub(super) async fn notify(&self, framing: &Framing, method: &str, params: Option<&RawValue>) -> Result<(), Fault> {
        self.post(framing, wire::notification(method, params)).await
    }

    pub(super) async fn answer(&self, framing: &Framing, id: &RawValue, answer: &ClientAnswer) -> Result<(), Fault> {
        self.post(framing, wire::answer(id, answer)).await
    }

    /// A message that is not answered.
    async fn post(&self, framing: &Framing, message: Vec<u8>) -> Result<(), Fault> {
        match &self.link {
            Link::Pipe(pipe) => {
                if pipe.send(message).await {
                    Ok(())
                } else {
                    Err(self.lost().into())
                }
            }
            Link::Http(endpoint) => match endpoint.post(message, base(framing), framing.session.is_some()).await? {
                Posted::Accepted | Posted::Answered(..) => Ok(()),
                Posted::SessionGone => Err(Fault::SessionGone),
                Posted::Refused(status, _) => Err(self.protocol(format!("it answered with HTTP {status}")).into()),
            },
        }
    }

    pub(super) fn late(&self, timeout: Duration) -> UpstreamError {
        UpstreamError::Timeout { server: self.server.clone(), seconds: timeout.as_secs() }
    }

    pub(super) fn lost(&self) -> UpstreamError {
        UpstreamError::Lost { server: self.server.clone() }
    }

    pub(super) fn protocol(&self, reason: impl Into<String>) -> UpstreamError {
        UpstreamError::Protocol { server: self.server.clone(), reason: reason.into() }
    }
}

/// Of every message.
pub(super) fn base(framing: &Framing) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(version) = &framing.version {
        headers.insert(VERSION_HEADER, version.clone());
    }
    if let Some(session) = &framing.session {
        headers.insert(SESSION_HEADER, session.clone());
    }
    headers
}

impl Source {
    /// Its answer was read: see [`HttpSource::let_end`].
    pub(super) fn let_end(self, tasks: &TaskGroup) {
        if let Self::Http { source, .. } = self {
            source.let_end(tasks);
        }
    }

    /// The next message; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, UpstreamError> {
        match self {
            Self::Queue { messages, .. } => messages.recv().await.transpose(),
            Self::Ready(messages) => Ok(messages.pop_front()),
            Self::Http { source, endpoint, resumable, resumes, id } => loop {
                if let Some(message) = source.next(endpoint).await? {
                    if !may_answer(&message, *id) {
                        return Err(endpoint.protocol("it answered another request than the one it was sent"));
                    }
                    *resumes = 0;
                    return Ok(Some(message));
                }
                let (Some(framing), Some(at)) = (resumable.as_ref(), source.resume_at()) else { return Ok(None) };
                if *resumes == RESUMES_MAX {
                    return Ok(None);
                }
                *resumes += 1;
                let wait = at.retry_ms.map_or(RESUME_AFTER, Duration::from_millis).min(RESUME_AFTER_MAX);
                tokio::time::sleep(wait).await;
                let mut headers = base(framing);
                let Ok(id) = HeaderValue::from_str(&at.last_event_id) else { return Ok(None) };
                headers.insert("last-event-id", id);
                match endpoint.get(headers).await {
                    Ok(Some(resumed)) => *source = resumed,
                    Ok(None) => return Ok(None),
                    // It may have been too busy for it.
                    Err(_) => {}
                }
            },
        }
    }

    /// The outcome of an exchange in which nothing else is expected, within `timeout`.
    pub(super) async fn outcome(&mut self, line: &Line, timeout: Duration) -> Result<Outcome, UpstreamError> {
        let waiting = async {
            loop {
                match self.next().await? {
                    Some(Message::Response { outcome, .. }) => return Ok(outcome),
                    Some(Message::Notification { .. } | Message::Request { .. }) => {}
                    None => return Err(line.lost()),
                }
            }
        };
        tokio::time::timeout(timeout, waiting).await.unwrap_or_else(|_| Err(line.late(timeout)))
    }
}

/// Whether a message may come of request `asked`. Of an error a server may not know which request it answers.
fn may_answer(message: &Message, asked: u64) -> bool {
    match message {
        Message::Response { id: None, outcome: Outcome::Error(_) } => true,
        Message::Response { id, .. } => *id == Some(asked),
        Message::Request { .. } | Message::Notification { .. } => true,
    }
}

/// Which framing an era wants.
pub(super) fn framing(era: Era, version: &str, session: Option<HeaderValue>) -> Framing {
    Framing { version: HeaderValue::from_str(version).ok(), session, is_stateless: era == Era::Stateless }
}
