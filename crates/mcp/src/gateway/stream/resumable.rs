//! A stream that outlives its connection. Its work is done by a task, so that a call goes on when the connection breaks
//! (a disconnection is no cancellation: 2025-11-25, Streamable HTTP); whoever comes back with the id of the last event that it
//! has gets what it missed, and then what comes. When nobody does, the work is given up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Response, StatusCode};
use mizzen_runtime::task::{BoxError, TaskKind};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::kept::{Position, Since};
use super::{Source, streamed};
use crate::gateway::pipeline::Client;
use crate::gateway::refusal::Refusal;
use crate::gateway::session::ClientSession;
use crate::gateway::{Inner, bridge};
use crate::wire::json as text;
use crate::wire::revision::STATEFUL;
use crate::wire::rpc::{self, Answer, INVALID_REQUEST, LIMIT, RpcError};
use crate::wire::sse;

/// After which a client may come back.
const RETRY_MS: u32 = 1_000;
/// Events between a stream's work and its connection.
const UNREAD_MAX: usize = 1;

/// What a stream needs to outlive its connection.
pub(in crate::gateway) struct Resumable {
    pub(in crate::gateway) gateway: Arc<Inner>,
    pub(in crate::gateway) session: Arc<ClientSession>,
    /// Whose answer it brings; `None` for news.
    pub(in crate::gateway) request: Option<Box<RawValue>>,
    /// What goes first: events of a stream that this one takes the place of.
    pub(in crate::gateway) before: Vec<Bytes>,
    /// Ends its work, and the stream also when nobody reads what was said before.
    pub(in crate::gateway) ended: CancellationToken,
}

/// A client that came back.
#[derive(Debug)]
pub(super) struct Resume {
    after: Position,
    reader: mpsc::Sender<Bytes>,
    missed: oneshot::Sender<Since>,
}

/// What becomes of a client that comes back.
#[derive(Debug)]
pub(in crate::gateway) enum Resumed {
    Stream(Response<Body>),
    /// Its stream of news is over: another one begins, after these.
    Anew(Vec<Bytes>),
}

impl Resumable {
    pub(super) fn begin(self, source: Source, keep_alive: Duration) -> Response<Body> {
        let Self { gateway, session, request, before, ended } = self;
        let (resume, resumed) = mpsc::channel(1);
        let (reader, read) = mpsc::channel(UNREAD_MAX);
        let stream = session.kept.open(request, resume);
        let first = primed(&session, stream);
        let under_way = UnderWay {
            is_named: first.is_some(),
            gateway: Arc::clone(&gateway),
            session,
            stream,
            source,
            keep_alive,
            reader: Some(reader),
            resumed,
            ended,
        };
        gateway.tasks.spawn(TaskKind::ToolStream, |draining| under_way.run(draining));
        connected(before.into_iter().chain(first), read)
    }
}

/// Clients of before 2025-11-25 take an event without data for a message that is none.
fn primed(session: &ClientSession, at: Position) -> Option<Bytes> {
    (session.revision == STATEFUL).then(|| sse::priming(at, RETRY_MS))
}

fn connected(
    first: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>,
    read: mpsc::Receiver<Bytes>,
) -> Response<Body> {
    let rest = stream::unfold(read, |mut read| async move { Some((read.recv().await?, read)) });
    streamed(stream::iter(first).chain(rest))
}

/// Goes on with the stream of the event `after`, after that event.
///
/// # Errors
/// When it brought an answer, and nothing is known of it any more.
pub(in crate::gateway) async fn resume(
    gateway: &Inner,
    session: &Arc<ClientSession>,
    after: Position,
) -> Result<Resumed, Refusal> {
    if let Some(working) = session.kept.goes_on(after) {
        let (reader, read) = mpsc::channel(UNREAD_MAX);
        let (missed, told) = oneshot::channel();
        // It may end in this moment; what it said is kept then.
        if working.send(Resume { after, reader, missed }).await.is_ok()
            && let Ok(since) = told.await
        {
            let first = primed(session, after).into_iter().chain(told_of(session, since));
            return Ok(Resumed::Stream(connected(first.collect::<Vec<_>>(), read)));
        }
    }
    match (session.kept.since(after), after.is_news) {
        (Some(since), true) => Ok(Resumed::Anew(told_of(session, since))),
        (None, true) => Ok(Resumed::Anew(notice(session, None).into_iter().collect())),
        (Some(since), false) => Ok(Resumed::Stream(streamed(stream::iter(told_of(session, since))))),
        (None, false) => {
            let seconds = gateway.config.timeouts.resume().as_secs();
            let message = format!(
                "nothing is kept of the stream of `{after}`: it is not one of this session, or nobody came back for it \
                 within {seconds} s; send the request anew"
            );
            Err(Refusal::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message))
        }
    }
}

/// What a client missed, and what of it nobody has any more.
fn told_of(session: &Arc<ClientSession>, since: Since) -> Vec<Bytes> {
    let notice = (since.dropped > 0).then(|| notice(session, Some(since.dropped))).flatten();
    let error = since.unanswered.map(|request| {
        let message = "the call was done, but its answer came while nobody read the stream, and was too much to keep";
        let error = RpcError::new(LIMIT, message).with_data(json!({ "code": "answer_dropped" }));
        sse::event(&rpc::response(&request, &Answer::from(error)))
    });
    notice.into_iter().chain(since.events).chain(error).collect()
}

/// A log message that says so, for who wants to hear of warnings. `None`: nobody knows how many.
fn notice(session: &Arc<ClientSession>, dropped: Option<u64>) -> Option<Bytes> {
    let message = "what was said on this stream while nobody read it is no longer kept";
    let data = json!({ "code": "events_dropped", "count": dropped, "message": message });
    let params = text::raw(&json!({ "level": "warning", "logger": "mizzen", "data": data }));
    let wanted = bridge::wants(&Client::Stateful(Arc::clone(session)), &params);
    wanted.then(|| sse::event(&rpc::notification("notifications/message", Some(&params))))
}

/// A stream whose work goes on.
struct UnderWay {
    gateway: Arc<Inner>,
    session: Arc<ClientSession>,
    stream: Position,
    source: Source,
    keep_alive: Duration,
    /// The client, while it is connected.
    reader: Option<mpsc::Sender<Bytes>>,
    resumed: mpsc::Receiver<Resume>,
    ended: CancellationToken,
    /// Whether the client has an id by which to come back.
    is_named: bool,
}

enum Step {
    Resumed(Resume),
    Said(Bytes),
    Over,
    StillHere,
    Left,
    GivenUp,
}

impl UnderWay {
    async fn run(mut self, draining: CancellationToken) -> Result<(), BoxError> {
        let patience = self.gateway.config.timeouts.resume();
        let mut until = Instant::now();
        loop {
            let step = tokio::select! {
                biased;
                Some(resume) = self.resumed.recv() => Step::Resumed(resume),
                () = draining.cancelled(), if self.reader.is_none() => Step::GivenUp,
                step = step(&mut self.source, self.reader.as_ref(), self.keep_alive, until) => step,
                () = self.ended.cancelled() => Step::Over,
            };
            match step {
                Step::Resumed(Resume { after, reader, missed }) => {
                    // The connection before may look alive for long after it broke: the newest is the client's.
                    drop(missed.send(self.session.kept.since(after).unwrap_or_default()));
                    self.reader = Some(reader);
                }
                Step::Said(message) => {
                    let event = self.session.kept.keep(self.stream, &message);
                    self.write(event);
                    self.is_named = true;
                }
                Step::StillHere => self.write(Bytes::from_static(sse::KEEP_ALIVE)),
                Step::Left if self.is_named => {
                    self.reader = None;
                    until = Instant::now() + patience;
                }
                // Its work is dropped, and so cancelled.
                Step::Left | Step::GivenUp => {
                    self.session.kept.forget(self.stream);
                    return Ok(());
                }
                Step::Over => {
                    // Of a stream that another took over: what nobody read yet is there for who asks for it.
                    self.source.said().for_each(|message| drop(self.session.kept.keep(self.stream, &message)));
                    self.session.kept.end(self.stream, self.gateway.clock.now(), self.source.is_answered);
                    return Ok(());
                }
            }
        }
    }

    /// There is room: it was waited for. A client that is not there any more comes back for it.
    fn write(&self, event: Bytes) {
        if let Some(reader) = &self.reader {
            drop(reader.try_send(event));
        }
    }
}

/// What comes next. Who reads slowly slows its own call: the work goes on when there is room for what it says.
async fn step(source: &mut Source, reader: Option<&mpsc::Sender<Bytes>>, keep_alive: Duration, until: Instant) -> Step {
    let said = |message: Option<Bytes>| message.map_or(Step::Over, Step::Said);
    let Some(reader) = reader else {
        return tokio::select! {
            biased;
            message = source.next() => said(message),
            () = tokio::time::sleep_until(until) => Step::GivenUp,
        };
    };
    if reader.reserve().await.is_err() {
        return Step::Left;
    }
    tokio::select! {
        biased;
        () = reader.closed() => Step::Left,
        message = source.next() => said(message),
        () = tokio::time::sleep(keep_alive) => Step::StillHere,
    }
}
