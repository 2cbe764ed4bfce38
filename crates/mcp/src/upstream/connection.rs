//! An agreed connection: requests with all that comes meanwhile, notifications, listening.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use http::HeaderMap;
use mizzen_runtime::lanes;
use mizzen_runtime::task::TaskKind;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::followers::{Followers, Way};
use super::following::{Following, QUESTIONS_MAX};
use super::http::{Mirrored, said_again};
use super::hub::Listening;
use super::line::{Fault, Framing, Line, Link, Outgoing, Source};
use super::negotiate::{Agreed, Introduction};
use super::offered::Offered;
use super::shared::{Place, Shared};
use super::wire::{self, Message, Outcome};
use crate::seam::{About, Call, ClientAnswer, Era, FromServer, Interest, ListKind, Reply, UpstreamError};

/// How often it is looked whether the connection is still there.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A call that goes on showing life may take so many times the time of silence that is allowed.
const CALL_TIMEOUTS_MAX: u32 = 30;
/// For telling a server that a session or a request is over.
pub(super) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

type Answered = BoxFuture<'static, (Box<RawValue>, ClientAnswer)>;

/// See the module.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) about: Arc<About>,
    pub(super) downgraded: Option<String>,
    pub(super) opened_at: Instant,
    pub(super) offered: Arc<Offered>,
    line: Arc<Line>,
    framing: Framing,
    introduction: Introduction,
    shared: Arc<Shared>,
    timeout: Duration,
    /// A process whose client may be asked something: only with one request at a time it is known which asks.
    one_at_a_time: Option<Mutex<()>>,
    followers: Arc<Followers>,
    is_gone: Arc<AtomicBool>,
    is_retired: AtomicBool,
    closing: CancellationToken,
    _closed: DropGuard,
    _place: Place,
}

impl Connection {
    pub(super) fn new(
        line: Line,
        agreed: Agreed,
        introduction: Introduction,
        offered: Arc<Offered>,
        shared: &Arc<Shared>,
        timeout: Duration,
        place: Place,
    ) -> Self {
        let is_asked = !introduction.capabilities.is_empty() && agreed.about.era == Era::Stateful;
        let one_at_a_time = (is_asked && matches!(line.link, Link::Pipe(_))).then(Mutex::default);
        let closing = CancellationToken::new();
        let connection = Self {
            about: agreed.about,
            downgraded: agreed.downgraded,
            opened_at: Instant::now(),
            offered,
            line: Arc::new(line),
            framing: agreed.framing,
            introduction,
            shared: Arc::clone(shared),
            timeout,
            one_at_a_time,
            followers: Arc::default(),
            is_gone: Arc::default(),
            is_retired: AtomicBool::default(),
            closing: closing.clone(),
            _closed: closing.drop_guard(),
            _place: place,
        };
        if connection.about.era == Era::Stateful && connection.framing.session.is_some() {
            connection.follow();
        }
        connection
    }

    pub(super) fn is_alive(&self) -> bool {
        let is_over = self.is_gone.load(Ordering::Acquire) || self.is_retired.load(Ordering::Acquire);
        self.line.is_alive() && !is_over
    }

    pub(super) fn is_idle(&self) -> bool {
        self.line.hub.is_idle()
    }

    /// The server forgot the session: nothing new goes over it, and there is nothing to be ended.
    pub(super) fn forgotten(&self) {
        if !self.is_retired.load(Ordering::Acquire) {
            self.is_gone.store(true, Ordering::Release);
        }
    }

    /// Another connection takes its place: nothing new goes over it, and the server is told when what is under way has ended.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
    }

    /// One request and its reply; see [`crate::seam::Session::request`].
    pub(super) async fn request(
        &self,
        introduction: &Introduction,
        call: &Call,
        mirrored: &[Mirrored],
        events: &mpsc::Sender<FromServer>,
        cancel: &CancellationToken,
    ) -> Result<Reply, Fault> {
        // How a task stands and its end are asked for while its result is waited for; neither asks the client.
        let waits = !matches!(call.method.as_str(), "tasks/get" | "tasks/cancel");
        let _turn = match &self.one_at_a_time {
            Some(turn) if waits => {
                let taken = cancel.run_until_cancelled(tokio::time::timeout(self.timeout, turn.lock())).await;
                let busy = || UpstreamError::Busy { server: self.line.server.clone(), seconds: self.timeout.as_secs() };
                Some(taken.ok_or(UpstreamError::Cancelled)?.map_err(|_| busy())?)
            }
            _ => None,
        };
        let id = self.line.next_id();
        let (params, headers) = self.params(introduction, call, mirrored, id)?;
        let outgoing = Outgoing { id, method: &call.method, params: params.as_deref(), headers, is_listening: false };
        let mut abandon = Abandon { connection: self, id, is_over: false };
        let exchange = async {
            let opening = self.line.open(&self.framing, outgoing);
            let late = || self.line.late(self.timeout);
            let mut source = tokio::time::timeout(self.timeout, opening).await.map_err(|_| late())??;
            let outcome = self.converse(&mut source, events).await?;
            source.let_end(&self.shared.tasks);
            Ok::<_, Fault>(outcome)
        };
        let outcome = match cancel.run_until_cancelled(exchange).await {
            None => return Err(UpstreamError::Cancelled.into()),
            Some(outcome) => outcome,
        };
        // Late replies are abandoned too: the server may still be at work.
        abandon.is_over =
            !matches!(outcome, Err(Fault::Error(UpstreamError::Timeout { .. } | UpstreamError::Limit { .. })));
        Ok(self.reply(outcome?).await?)
    }

    async fn reply(&self, outcome: Outcome) -> Result<Reply, UpstreamError> {
        let result = match outcome {
            Outcome::Error(error) => return Ok(Reply::Error(error)),
            Outcome::Result(result) if self.about.era == Era::Stateful => return Ok(Reply::Complete(result)),
            Outcome::Result(result) => result,
        };
        let read = lanes::beside(result.get().len(), move || match is_input_required(&result) {
            true => Reply::InputRequired(result),
            false => Reply::Complete(result),
        });
        read.await.map_err(|_| self.line.lost())
    }

    /// Hands on what comes until the response does. Time that the client takes to answer does not count as silence, but all
    /// of it together is bounded: a server that only says that it is at work would be waited for without end.
    async fn converse(&self, source: &mut Source, events: &mpsc::Sender<FromServer>) -> Result<Outcome, UpstreamError> {
        let mut answers: FuturesUnordered<Answered> = FuturesUnordered::new();
        let mut patience = Patience::begin(self.timeout);
        loop {
            tokio::select! {
                biased;
                // First: a server that floods must not keep it from being seen.
                () = tokio::time::sleep_until(patience.ends_at(!answers.is_empty())) => {
                    return Err(self.line.late(patience.begun_at.elapsed()));
                }
                Some((id, answer)) = answers.next(), if !answers.is_empty() => {
                    let (Ok(()) | Err(_)) = self.line.answer(&self.framing, &id, &answer).await;
                }
                message = source.next() => match message? {
                    Some(Message::Response { outcome, .. }) => return Ok(outcome),
                    Some(Message::Notification { method, params }) => {
                        if method.ends_with("/list_changed") {
                            self.line.hub.notify(&method, params.as_deref());
                        }
                        // Nobody may be listening any more; the reply is still wanted.
                        let (Ok(()) | Err(_)) = events.send(FromServer::Notification { method, params }).await;
                    }
                    Some(Message::Request { id, method, .. }) if method == "ping" => {
                        let (Ok(()) | Err(_)) = self.line.answer(&self.framing, &id, &Ok(wire::empty())).await;
                    }
                    // It was told what the client can be asked, and asks something else.
                    Some(Message::Request { id, method, .. }) if !self.can_be_asked(&method) => {
                        let (Ok(()) | Err(_)) = self.line.answer(&self.framing, &id, &wire::nobody()).await;
                    }
                    Some(Message::Request { id, method, params }) => {
                        let (answer, answered) = oneshot::channel();
                        let (Ok(()) | Err(_)) = events.send(FromServer::Request { method, params, answer }).await;
                        answers.push(Box::pin(async move { (id, answered.await.unwrap_or_else(|_| wire::nobody())) }));
                    }
                    None => return Err(self.line.lost()),
                },
            }
            patience.heard_at = Instant::now();
        }
    }

    fn can_be_asked(&self, method: &str) -> bool {
        let capability = match method {
            "sampling/createMessage" => "sampling",
            "elicitation/create" => "elicitation",
            "roots/list" => "roots",
            _ => return false,
        };
        self.introduction.capabilities.contains_key(capability)
    }

    /// The parameters with what the hop needs in `_meta`, if it needs anything. Every member is written once: two readers of one
    /// text must not see two values. And what a stateless server is told of them in headers.
    fn params<'c>(
        &self,
        introduction: &Introduction,
        call: &'c Call,
        mirrored: &[Mirrored],
        id: u64,
    ) -> Result<(Option<Cow<'c, RawValue>>, HeaderMap), UpstreamError> {
        let is_stateless = self.about.era == Era::Stateless;
        if !is_stateless && !call.progress {
            return Ok((call.params.as_deref().map(Cow::Borrowed), HeaderMap::new()));
        }
        let unfit = || self.line.protocol("the parameters of the call are no object");
        let mut members: BTreeMap<String, Box<RawValue>> = match &call.params {
            Some(params) => serde_json::from_str(params.get()).map_err(|_| unfit())?,
            None => BTreeMap::new(),
        };
        let mut meta: Map<String, Value> = match members.get("_meta") {
            Some(meta) => serde_json::from_str(meta.get()).map_err(|_| unfit())?,
            None => Map::new(),
        };
        if is_stateless {
            meta.extend(introduction.meta());
            if let Some(level) = &call.log_level {
                meta.insert("io.modelcontextprotocol/logLevel".to_owned(), level.clone().into());
            }
        }
        if call.progress {
            meta.insert("progressToken".to_owned(), id.into());
        }
        members.insert("_meta".to_owned(), wire::raw(&meta));
        let headers = if is_stateless { said_again(&call.method, &members, mirrored) } else { HeaderMap::new() };
        Ok((Some(Cow::Owned(wire::raw(&members))), headers))
    }

    pub(super) async fn notify(&self, method: &str, params: Option<&RawValue>) -> Result<(), Fault> {
        match self.about.era {
            Era::Stateful => self.line.notify(&self.framing, method, params).await,
            Era::Stateless => Ok(()),
        }
    }

    /// See [`crate::seam::Session::listen`].
    pub(super) async fn listen(
        &self,
        introduction: &Introduction,
        interest: Interest,
        events: mpsc::Sender<FromServer>,
        cancel: &CancellationToken,
    ) -> Result<(), Fault> {
        match self.about.era {
            Era::Stateful => self.listen_in_session(interest, events, cancel).await,
            Era::Stateless => self.listen_by_request(introduction, &interest, &events, cancel).await,
        }
    }

    async fn listen_in_session(
        &self,
        interest: Interest,
        events: mpsc::Sender<FromServer>,
        cancel: &CancellationToken,
    ) -> Result<(), Fault> {
        let resources = interest.resources.clone();
        let closed = events.clone();
        let _listening: Listening = self.line.hub.listen(interest, events);
        let way = Way {
            line: Arc::clone(&self.line),
            framing: self.framing.clone(),
            shared: Arc::clone(&self.shared),
            timeout: self.timeout,
        };
        let mut following = Vec::with_capacity(resources.len());
        for uri in &resources {
            following.push(self.followers.follow(&way, uri).await?);
        }
        tokio::select! {
            () = cancel.cancelled() => Ok(()),
            () = closed.closed() => Ok(()),
            () = self.lost() => Err(self.line.lost().into()),
        }
    }

    async fn lost(&self) {
        while self.is_alive() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn listen_by_request(
        &self,
        introduction: &Introduction,
        interest: &Interest,
        events: &mpsc::Sender<FromServer>,
        cancel: &CancellationToken,
    ) -> Result<(), Fault> {
        let mut filter = Map::new();
        for kind in &interest.lists {
            let member = match kind {
                ListKind::Tools => "toolsListChanged",
                ListKind::Prompts => "promptsListChanged",
                ListKind::Resources | ListKind::ResourceTemplates => "resourcesListChanged",
            };
            filter.insert(member.to_owned(), true.into());
        }
        if !interest.resources.is_empty() {
            filter.insert("resourceSubscriptions".to_owned(), interest.resources.clone().into());
        }
        let id = self.line.next_id();
        let params = wire::raw(&json!({ "_meta": introduction.meta(), "notifications": filter }));
        let request = Outgoing {
            id,
            method: "subscriptions/listen",
            params: Some(&params),
            headers: HeaderMap::new(),
            is_listening: true,
        };
        let _abandon = Abandon { connection: self, id, is_over: false };
        let hearing = async {
            let mut source = self.line.open(&self.framing, request).await?;
            loop {
                match source.next().await? {
                    // What the server agreed to is no news: clients are told what the gateway does.
                    Some(Message::Notification { method, .. }) if method == ACKNOWLEDGED => {}
                    Some(Message::Notification { method, params }) => {
                        self.line.hub.notify(&method, params.as_deref());
                        if events.send(FromServer::Notification { method, params }).await.is_err() {
                            return Ok(());
                        }
                    }
                    Some(Message::Request { .. }) => {}
                    Some(Message::Response { outcome: Outcome::Result(_), .. }) | None => {
                        return Err(self.line.lost().into());
                    }
                    Some(Message::Response { outcome: Outcome::Error(_), .. }) => {
                        return Err(self.line.protocol("it refused `subscriptions/listen`").into());
                    }
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => Ok(()),
            () = self.closing.cancelled() => Err(self.line.lost().into()),
            () = self.lost() => Err(self.line.lost().into()),
            () = events.closed() => Ok(()),
            heard = hearing => heard,
        }
    }

    /// Keeps the stream open on which a stateful HTTP server sends what belongs to no request.
    fn follow(&self) {
        let stream = Following {
            line: Arc::clone(&self.line),
            framing: self.framing.clone(),
            shared: Arc::clone(&self.shared),
            is_gone: Arc::clone(&self.is_gone),
            closing: self.closing.clone(),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        };
        self.shared.tasks.spawn(TaskKind::ToolServer, |drain| stream.run(drain));
    }
}

/// How long the reply to a request is waited for.
#[derive(Debug)]
struct Patience {
    silence: Duration,
    begun_at: Instant,
    heard_at: Instant,
}

impl Patience {
    fn begin(silence: Duration) -> Self {
        Self { silence, begun_at: Instant::now(), heard_at: Instant::now() }
    }

    fn ends_at(&self, client_is_asked: bool) -> Instant {
        let end = self.begun_at + self.silence * CALL_TIMEOUTS_MAX;
        if client_is_asked { end } else { end.min(self.heard_at + self.silence) }
    }
}

fn is_input_required(result: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind<'a> {
        #[serde(borrow, default)]
        result_type: Option<std::borrow::Cow<'a, str>>,
    }
    serde_json::from_str::<Kind<'_>>(result.get())
        .is_ok_and(|kind| kind.result_type.as_deref() == Some("input_required"))
}

/// A request that ended without its reply is told to the server in its era's way. A stateless server over HTTP sees it by
/// the closed stream.
struct Abandon<'a> {
    connection: &'a Connection,
    id: u64,
    is_over: bool,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        let connection = self.connection;
        if self.is_over {
            return;
        }
        let params = wire::raw(&json!({ "requestId": self.id, "reason": "the client cancelled" }));
        match &connection.line.link {
            Link::Pipe(pipe) => pipe.send_now(wire::notification("notifications/cancelled", Some(&params))),
            Link::Http(_) if connection.about.era == Era::Stateless => {}
            Link::Http(_) => {
                let (line, framing) = (Arc::clone(&connection.line), connection.framing.clone());
                connection.shared.tasks.spawn(TaskKind::Upstream, |_| async move {
                    let telling = line.notify(&framing, "notifications/cancelled", Some(&params));
                    let (Ok(_) | Err(_)) = tokio::time::timeout(FAREWELL_TIMEOUT, telling).await;
                    Ok(())
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CALL_TIMEOUTS_MAX, Patience};

    #[test]
    fn signs_of_life_put_the_end_off_but_not_for_ever() {
        let silence = Duration::from_secs(10);
        let mut patience = Patience::begin(silence);
        let end = patience.begun_at + silence * CALL_TIMEOUTS_MAX;
        for heard in 0..CALL_TIMEOUTS_MAX * 2 {
            patience.heard_at = patience.begun_at + Duration::from_secs(9) * heard;
            assert_eq!(patience.ends_at(false), end.min(patience.heard_at + silence));
            assert_eq!(patience.ends_at(true), end);
        }
    }
}
