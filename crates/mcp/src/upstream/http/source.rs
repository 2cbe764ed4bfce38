//! The messages of one response: a single JSON object, or a stream of events.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use mizzen_runtime::task::{TaskGroup, TaskKind};
use tokio::sync::Semaphore;

use super::Endpoint;
use crate::seam::UpstreamError;
use crate::upstream::sse::Parser;
use crate::upstream::wire::{self, Message};

/// Bytes of one stream, in results of the largest size: a server that floods is cut off.
const STREAM_RESULTS_MAX: u64 = 16;
/// How long the end of a stream is waited for whose answer was read, and what may come before it.
const END_TIMEOUT: Duration = Duration::from_secs(1);
const END_BYTES_MAX: usize = 64 << 10;
/// Streams whose ends are waited for at once; others are closed, as a server deserves that keeps them open.
static ENDING: Semaphore = Semaphore::const_new(256);

/// Gives messages until the response ends.
#[derive(Debug)]
pub(in crate::upstream) struct HttpSource(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Message>),
    Stream(Box<Stream>),
}

#[derive(Debug)]
struct Stream {
    body: Incoming,
    parser: Parser,
    unread: VecDeque<Bytes>,
    bytes: u64,
    is_bounded: bool,
}

/// Where a stream that broke off can be taken up again.
#[derive(Debug, Clone)]
pub(in crate::upstream) struct ResumeAt {
    pub(in crate::upstream) last_event_id: String,
    pub(in crate::upstream) retry_ms: Option<u64>,
}

impl HttpSource {
    /// Reads a response that is no stream to its end.
    pub(super) async fn new(endpoint: &Endpoint, response: Response<Incoming>) -> Result<Self, UpstreamError> {
        let bytes_max = usize::try_from(endpoint.result_bytes_max).unwrap_or(usize::MAX);
        if is_stream(response.headers()) {
            let stream = Stream {
                body: response.into_body(),
                parser: Parser::new(bytes_max),
                unread: VecDeque::new(),
                bytes: 0,
                is_bounded: true,
            };
            return Ok(Self(Kind::Stream(Box::new(stream))));
        }
        let reading = Limited::new(response.into_body(), bytes_max).collect();
        let body = match tokio::time::timeout(endpoint.head_timeout, reading).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(endpoint.too_large(endpoint.result_bytes_max.saturating_add(1)));
            }
            Ok(Err(_)) => return Err(UpstreamError::Lost { server: endpoint.server.clone() }),
            Err(_) => {
                let seconds = endpoint.head_timeout.as_secs();
                return Err(UpstreamError::Timeout { server: endpoint.server.clone(), seconds });
            }
        };
        // To what needs no answer, some say 200 and nothing.
        if body.trim_ascii().is_empty() {
            return Ok(Self(Kind::Whole(None)));
        }
        Ok(Self(Kind::Whole(Some(wire::read(body).await.map_err(|problem| endpoint.protocol(problem))?))))
    }

    /// Nothing came, and nothing will.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    pub(in crate::upstream) const fn is_stream(&self) -> bool {
        matches!(self.0, Kind::Stream(_))
    }

    /// For a stream that is meant to stay open: only its single messages are bounded.
    #[must_use]
    pub(in crate::upstream) fn endless(mut self) -> Self {
        if let Kind::Stream(stream) = &mut self.0 {
            stream.is_bounded = false;
        }
        self
    }

    pub(in crate::upstream) fn resume_at(&self) -> Option<ResumeAt> {
        let Kind::Stream(stream) = &self.0 else { return None };
        let last_event_id = stream.parser.last_id()?.to_owned();
        Some(ResumeAt { last_event_id, retry_ms: stream.parser.retry_ms() })
    }

    /// The answer was read. A server then ends its stream; once the end is read, the connection serves the next request,
    /// and one that is dropped before is closed.
    pub(in crate::upstream) fn let_end(self, tasks: &TaskGroup) {
        let Kind::Stream(stream) = self.0 else { return };
        let mut end = Box::pin(stream.end());
        if (&mut end).now_or_never().is_some() {
            return;
        }
        let Ok(place) = ENDING.try_acquire() else { return };
        tasks.spawn(TaskKind::Upstream, |draining| async move {
            let _place = place;
            let waited = tokio::time::timeout(END_TIMEOUT, end);
            let (Some(Ok(()) | Err(_)) | None) = draining.run_until_cancelled(waited).await;
            Ok(())
        });
    }

    /// The next message; `None` at the end, however it came about. Cancelling it loses nothing.
    pub(in crate::upstream) async fn next(&mut self, endpoint: &Endpoint) -> Result<Option<Message>, UpstreamError> {
        match &mut self.0 {
            Kind::Whole(message) => Ok(message.take()),
            Kind::Stream(stream) => stream.next(endpoint).await,
        }
    }
}

impl Stream {
    async fn next(&mut self, endpoint: &Endpoint) -> Result<Option<Message>, UpstreamError> {
        loop {
            if let Some(event) = self.unread.front() {
                // It stays there until it is read: who stops waiting meanwhile loses nothing.
                let read = wire::read(event.clone()).await;
                self.unread.pop_front();
                return read.map(Some).map_err(|problem| endpoint.protocol(problem));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.take(endpoint, &data)?;
                    }
                }
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    async fn end(mut self: Box<Self>) {
        let mut rest = 0;
        while let Some(Ok(frame)) = self.body.frame().await {
            rest += frame.data_ref().map_or(0, Bytes::len);
            if rest > END_BYTES_MAX {
                return;
            }
        }
    }

    fn take(&mut self, endpoint: &Endpoint, data: &Bytes) -> Result<(), UpstreamError> {
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        if self.is_bounded && self.bytes > endpoint.result_bytes_max.saturating_mul(STREAM_RESULTS_MAX) {
            return Err(endpoint.too_large(self.bytes));
        }
        let mut events = Vec::new();
        self.parser.feed(data, &mut events).map_err(|too_large| endpoint.too_large(too_large.0))?;
        self.unread.extend(events.into_iter().map(|event| Bytes::from(event.data)));
        Ok(())
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}
