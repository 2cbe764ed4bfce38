//! How an answer goes out: whole when it is quick and nothing came before it, else as a stream of events. A slow reader
//! slows its own call. One that hangs up ends it, unless it can come back for the rest: `resumable` goes on meanwhile, and
//! `kept` has what was said.

pub(super) mod kept;
pub(super) mod resumable;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderValue, Response, StatusCode, header};
use tokio::sync::mpsc;

use self::resumable::Resumable;
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
pub(super) async fn answer(
    pace: Pace,
    resumable: Option<Resumable>,
    work: impl FnOnce(Out) -> BoxFuture<'static, Last>,
) -> Response<Body> {
    let (out, mut waiting) = mpsc::channel(WAITING_MAX);
    let mut work = work(out);
    let mut last = None;
    let first = tokio::select! {
        biased;
        Some(message) = waiting.recv() => Some(message),
        ended = &mut work => match waiting.try_recv() {
            Ok(first) => {
                last = Some(ended);
                Some(first)
            }
            Err(_) => return whole(ended),
        },
        () = tokio::time::sleep(pace.stream_after) => None,
    };
    let work = last.is_none().then_some(work);
    let source = Source { first, waiting, work, last, is_answered: false };
    match resumable {
        Some(resumable) => resumable.begin(source, pace.keep_alive),
        None => streamed(stream::unfold(source, move |mut source| async move {
            let event = tokio::select! {
                biased;
                message = source.next() => sse::event(&message?),
                () = tokio::time::sleep(pace.keep_alive) => Bytes::from_static(sse::KEEP_ALIVE),
            };
            Some((event, source))
        })),
    }
}

fn whole(last: Last) -> Response<Body> {
    match last.message {
        Some(message) => refusal::json(last.status, message),
        None => refusal::empty(StatusCode::ACCEPTED),
    }
}

fn streamed(events: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let mut response = Response::new(Body::from_stream(events.map(Ok::<_, Infallible>)));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Proxies must not hold events back.
    fields.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The messages of a stream under way. The work is done by whoever asks for the next one.
struct Source {
    first: Option<Bytes>,
    waiting: mpsc::Receiver<Bytes>,
    work: Option<BoxFuture<'static, Last>>,
    last: Option<Last>,
    /// Whether the last message was the answer.
    is_answered: bool,
}

impl Source {
    /// What was said and not taken yet.
    fn said(&mut self) -> impl Iterator<Item = Bytes> {
        let waiting = std::iter::from_fn(|| self.waiting.try_recv().ok());
        self.first.take().into_iter().chain(waiting)
    }

    /// `None` after the last. Nothing is lost when it is dropped while it waits.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if let Some(work) = &mut self.work {
            tokio::select! {
                biased;
                Some(message) = self.waiting.recv() => return Some(message),
                last = work => self.last = Some(last),
            }
            self.work = None;
        }
        if let Ok(message) = self.waiting.try_recv() {
            return Some(message);
        }
        let answer = self.last.take()?.message;
        self.is_answered = answer.is_some();
        answer
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::Source;

    #[test]
    fn a_stream_that_another_takes_over_gives_back_all_that_nobody_took() {
        let (out, waiting) = mpsc::channel(4);
        let mut source =
            Source { first: Some(Bytes::from_static(b"a")), waiting, work: None, last: None, is_answered: false };
        for said in [&b"b"[..], b"c"] {
            out.try_send(Bytes::from_static(said)).unwrap();
        }
        assert_eq!(source.said().collect::<Vec<_>>(), ["a", "b", "c"].map(Bytes::from));
        assert_eq!(source.said().count(), 0);
    }
}
