//! How an answer goes out: whole when it is quick and nothing came before it, else as a stream of events. The work is
//! done by whoever reads the body: a slow reader slows its own call, and one that hangs up ends it.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};
use tokio::sync::mpsc;

use super::refusal;
use crate::wire::sse;

/// Messages that wait to be written.
const WAITING_MAX: usize = 16;

/// Messages that go before the answer.
pub(super) type Out = mpsc::Sender<Bytes>;

/// The end of a piece of work.
#[derive(Debug)]
pub(super) struct Last {
    /// Where the answer goes out whole.
    pub(super) status: StatusCode,
    /// `None`: the stream just ends.
    pub(super) message: Option<Bytes>,
}

/// When to begin a stream, and how often to show life on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) stream_after: Duration,
    pub(super) keep_alive: Duration,
}

/// Does `work` until its first message or its end, whichever comes first, and answers accordingly.
pub(super) async fn answer(pace: Pace, work: impl FnOnce(Out) -> BoxFuture<'static, Last>) -> Response<Body> {
    let (out, mut waiting) = mpsc::channel(WAITING_MAX);
    let mut work = work(out);
    let first = tokio::select! {
        biased;
        Some(message) = waiting.recv() => Some(message),
        last = &mut work => match waiting.try_recv() {
            Ok(first) => return streamed(Flow { first: Some(first), waiting, work: None, last: Some(last), pace }),
            Err(_) => return whole(last),
        },
        () = tokio::time::sleep(pace.stream_after) => None,
    };
    streamed(Flow { first, waiting, work: Some(work), last: None, pace })
}

fn whole(last: Last) -> Response<Body> {
    match last.message {
        Some(message) => refusal::json(last.status, message),
        None => refusal::empty(StatusCode::ACCEPTED),
    }
}

/// A stream under way.
struct Flow {
    first: Option<Bytes>,
    waiting: mpsc::Receiver<Bytes>,
    work: Option<BoxFuture<'static, Last>>,
    last: Option<Last>,
    pace: Pace,
}

fn streamed(flow: Flow) -> Response<Body> {
    let events = stream::unfold(flow, |mut flow| async move {
        let event = flow.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), flow))
    });
    let mut response = Response::new(Body::from_stream(events));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Proxies must not hold events back.
    fields.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl Flow {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(sse::event(&first));
        }
        if let Some(work) = &mut self.work {
            tokio::select! {
                biased;
                Some(message) = self.waiting.recv() => return Some(sse::event(&message)),
                last = work => self.last = Some(last),
                () = tokio::time::sleep(self.pace.keep_alive) => return Some(Bytes::from_static(sse::KEEP_ALIVE)),
            }
            self.work = None;
        }
        if let Ok(message) = self.waiting.try_recv() {
            return Some(sse::event(&message));
        }
        self.last.take()?.message.map(|message| sse::event(&message))
    }
}
