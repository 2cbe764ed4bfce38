//! Between the eras: what a tool server says and asks during a call, in words of the client's era.
//!
//! A stateful client is asked on its stream; a stateless one is told `input_required` and comes back. A stateful server
//! waits for its answer, so that call is parked; a stateless one is sent the request again with the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use mizzen_control::gate::DenialCode;
use mizzen_model::time::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::exchange::Step;
use super::parked::{ParkedCall, Question};
use super::pipeline::{Client, Incoming, Target, UnderWay};
use super::session::{Asked, ClientSession};
use super::state::Next;
use super::stream::Out;
use super::tasks::is_of_task;
use super::trace::TraceContext;
use crate::seam::{ClientAnswer, FromServer, LOG_LEVELS, Member, Reply, UpstreamError};
use crate::wire::json::{self, Members};
use crate::wire::rpc::{self, Answer, INTERNAL_ERROR, LIMIT, METHOD_NOT_FOUND, RpcError};

/// A call whose server has replied.
#[derive(Debug)]
pub(super) struct Replied {
    pub(super) under_way: UnderWay,
    pub(super) answer: Answer,
}

/// What goes on with a call after something came from its server.
enum After {
    Wait,
    Replied(Answer),
    /// The client is to bring answers; its request ends here.
    Ask(Question),
    /// The server is to be sent the request again, with these.
    Again(Box<RawValue>),
    /// Nothing was sent: the server offers another definition than was permitted.
    Changed(UpstreamError),
}

/// What a stateful client was asked during one call. Answers that are still to come are no longer waited for when it ends.
#[derive(Default)]
pub(super) struct Asking {
    asked: Vec<Asked>,
    answers: FuturesUnordered<BoxFuture<'static, Option<Answered>>>,
}

/// An answer on its way to the server that asked, which hears by the end of `to` when there is none.
pub(super) struct Answered {
    pub(super) method: String,
    pub(super) said: ClientAnswer,
    pub(super) to: oneshot::Sender<ClientAnswer>,
}

impl Asking {
    /// Asks on the stream of a request; the answer comes as a request of its own.
    pub(super) async fn ask(
        &mut self,
        session: &Arc<ClientSession>,
        method: String,
        params: Option<Box<RawValue>>,
        to: oneshot::Sender<ClientAnswer>,
        out: &Out,
    ) {
        let (theirs, answered) = oneshot::channel();
        let asked = session.ask(theirs);
        drop(out.send(rpc::request(&asked.id, &method, params.as_deref())).await);
        self.asked.push(asked);
        self.answers.push(Box::pin(async move { Some(Answered { method, said: answered.await.ok()?, to }) }));
    }

    /// The next answer; never comes when nothing was asked.
    pub(super) async fn next(&mut self) -> Answered {
        loop {
            match self.answers.next().await {
                Some(Some(answered)) => return answered,
                // Nobody can answer that any more.
                Some(None) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// # Errors
/// What the client is told instead of a reply, which for a stateless client may be a question.
pub(super) async fn pass(mut under_way: UnderWay, out: &Out) -> Result<Replied, Answer> {
    if let Some(question) = under_way.open_question.take() {
        return Err(park(under_way, question));
    }
    let (mut asking, mut rounds) = (Asking::default(), 0);
    let mut stopped = Box::pin(under_way.granted.permit.stopped());
    let mut time_is_over = Box::pin(under_way.granted.time_is_over());
    loop {
        // Also a client that reads slowly keeps nobody from hearing of a stop.
        let after = tokio::select! {
            biased;
            () = &mut stopped => return Err(under_way.stopped(None).await),
            () = &mut time_is_over => return Err(under_way.out_of_time()),
            after = under_way.step(&mut asking, out) => after?,
        };
        match after {
            After::Wait => {}
            After::Replied(answer) => return Ok(Replied { under_way, answer }),
            After::Ask(question) => return Err(park(under_way, question)),
            After::Changed(error) => {
                let recorded = "what the call is about is not what was permitted";
                return Err(under_way.ended(error.code(), recorded, &error.to_string()).await);
            }
            After::Again(required) => {
                rounds += 1;
                let asked_at = Instant::now();
                tokio::select! {
                    biased;
                    () = &mut stopped => {
                        under_way.granted.waited_since(asked_at);
                        return Err(under_way.stopped(None).await);
                    }
                    again = under_way.again(&required, rounds, out) => again?,
                }
                under_way.granted.waited_since(asked_at);
                time_is_over = Box::pin(under_way.granted.time_is_over());
            }
        }
    }
}

impl UnderWay {
    /// What comes next of the server, or of the client for it.
    async fn step(&mut self, asking: &mut Asking, out: &Out) -> Result<After, Answer> {
        let step = tokio::select! {
            answered = asking.next() => return self.hand_back(answered).await,
            step = self.exchange.next() => step,
        };
        // Whatever the server says may carry what the call brings: not only its result is handed on.
        if matches!(step, Step::Event(_) | Step::Reply(Ok(Reply::InputRequired(_)))) {
            self.granted.touch().await?;
        }
        match step {
            Step::Event(FromServer::Notification { method, params }) => {
                tell(&self.incoming, &self.target.member, &method, params, out).await;
                Ok(After::Wait)
            }
            Step::Event(FromServer::Request { method, params, answer }) => {
                Ok(question(&self.incoming, method, params, answer, out, asking).await)
            }
            Step::Reply(Ok(Reply::Complete(result))) => Ok(After::Replied(Answer::Result(result))),
            Step::Reply(Ok(Reply::Error(error))) => Ok(After::Replied(Answer::raw_error(error))),
            Step::Reply(Ok(Reply::InputRequired(result))) => Ok(input_required(self, result)),
            Step::Reply(Err(error @ UpstreamError::Changed { .. })) => Ok(After::Changed(error)),
            Step::Reply(Err(error)) => Err(super::pipeline::failed(&error, &mut self.granted.recording)),
        }
    }

    /// Hands a client's answer to the server that asked, as that may have it.
    async fn hand_back(&mut self, answered: Answered) -> Result<After, Answer> {
        let Answered { method, said, to } = answered;
        let recording = &mut self.granted.recording;
        let passes = self.incoming.screen_answer(&self.target, said, &method, recording).await?;
        drop(to.send(passes));
        Ok(After::Wait)
    }
}

/// A stateful server asks its client.
async fn question(
    incoming: &Incoming,
    method: String,
    params: Option<Box<RawValue>>,
    answer: oneshot::Sender<ClientAnswer>,
    out: &Out,
    asking: &mut Asking,
) -> After {
    if !declared(&incoming.client, &method) {
        let error = RpcError::new(METHOD_NOT_FOUND, "the client did not declare this capability");
        drop(answer.send(Err(json::raw(&error))));
        return After::Wait;
    }
    match &incoming.client {
        Client::Stateful(session) => {
            asking.ask(session, method, params, answer, out).await;
            After::Wait
        }
        Client::Stateless(_) => {
            let key = format!("{}-{}", method.replace('/', "_"), incoming.id.get().trim_matches('"'));
            After::Ask(Question { key, method, params, answer })
        }
    }
}

/// Hands on what `member` says that belongs to the request.
pub(super) async fn tell(
    incoming: &Incoming,
    member: &Member,
    method: &str,
    mut params: Option<Box<RawValue>>,
    out: &Out,
) {
    if is_of_task(method) {
        params = incoming.news_of_task(member.upstream.name(), method, params, out).await;
        if params.is_none() {
            return;
        }
    }
    if let Some(message) = incoming.notification(method, params) {
        drop(out.send(message).await);
    }
}

/// A stateless server wants answers with the next request.
fn input_required(under_way: &UnderWay, result: Box<RawValue>) -> After {
    let Client::Stateless(_) = &under_way.incoming.client else { return After::Again(result) };
    let Some(mut members) = json::members(&result) else { return After::Replied(Answer::Result(result)) };
    if let Some(state) = json::member_text(&members, "requestState") {
        let binding = under_way.incoming.binding(&under_way.target);
        let state = under_way.incoming.gateway.seal(&binding, Next::Server(state));
        members.insert("requestState".to_owned(), json::raw(&state));
    }
    After::Replied(Answer::Result(json::raw(&members)))
}

/// Leaves the call here until the client comes back with the answer.
fn park(under_way: UnderWay, question: Question) -> Answer {
    let UnderWay { incoming, target, granted, exchange, .. } = under_way;
    let gateway = incoming.gateway.clone();
    let binding = incoming.binding(&target);
    let mut request = json!({ "method": question.method });
    if let (Some(params), Some(request)) = (&question.params, request.as_object_mut()) {
        request.insert("params".to_owned(), serde_json::from_str(params.get()).unwrap_or_default());
    }
    let asked = BTreeMap::from([(question.key.clone(), request)]);
    let lifetime = i64::try_from(gateway.config.timeouts.answer().as_nanos()).unwrap_or(i64::MAX);
    let expires_at: Timestamp = gateway.clock.now().plus_nanos(lifetime);
    let (incoming, asked_at) = (incoming.bare(), Instant::now());
    let call =
        ParkedCall { binding: binding.clone(), incoming, target, granted, exchange, question, asked_at, expires_at };
    match gateway.parked.park(call) {
        Ok(id) => Answer::Result(json::raw(&json!({
            "resultType": "input_required",
            "inputRequests": asked,
            "requestState": gateway.seal(&binding, Next::Parked(id)),
        }))),
        Err(reason) => RpcError::new(LIMIT, reason).into(),
    }
}

impl UnderWay {
    /// A person stopped the agent in the middle of the call: its server is told first, and it is an entry under the decision that
    /// had permitted the call.
    pub(super) async fn stopped(self, why: Option<String>) -> Answer {
        let why = why.unwrap_or_else(|| "the agent was stopped by a person".to_owned());
        let why = format!("{why}; the call was ended");
        self.ended(DenialCode::Paused.as_str(), "the agent was stopped during the call", &why).await
    }

    /// The same for whatever other reason: `recorded` is in the span, `told` is for the client.
    pub(super) async fn ended(self, code: &'static str, recorded: &str, told: &str) -> Answer {
        let Self { incoming, target, mut granted, exchange, .. } = self;
        drop(exchange);
        granted.recording.fail(code, recorded);
        let (decision, trace) = (granted.permit.decision.id.clone(), granted.recording.trace);
        let answer = incoming.goes_no_further(&target, decision, trace, code, told).await;
        granted.settle();
        answer
    }

    fn out_of_time(&mut self) -> Answer {
        let code = DenialCode::BudgetExhausted.as_str();
        self.granted.recording.fail(code, "the time was over that a budget had put aside for the call");
        let said = json!({ "id": self.granted.permit.decision.id, "code": code });
        let message = "the call took all the time that a budget had put aside for it (its server's `call_timeout_seconds`, or what \
                       was left), and was ended; `mizzen budgets list` tells what is left and when it begins anew";
        self.incoming.refused(&self.target, message, said)
    }

    /// Asks a stateful client what a stateless server wants to know, and sends the request again with the answers.
    async fn again(&mut self, required: &RawValue, round: u64, out: &Out) -> Result<(), Answer> {
        let Client::Stateful(session) = self.incoming.client.clone() else { return Ok(()) };
        let limit = self.incoming.gateway.limits.rounds.check(round);
        limit.map_err(|limit| RpcError::new(LIMIT, format!("the tool server asks again and again: {limit}")))?;
        let required = json::members(required).unwrap_or_default();
        let requests = required.get("inputRequests").and_then(|raw| json::members(raw)).unwrap_or_default();
        let mut answers = Members::new();
        for Said { key, method, answer } in self.incoming.ask_all(&session, requests, out).await? {
            let recording = &mut self.granted.recording;
            let (Ok(answer) | Err(answer)) =
                self.incoming.screen_answer(&self.target, Ok(answer), &method, recording).await?;
            answers.insert(key, answer);
        }
        self.incoming.params.insert("inputResponses".to_owned(), json::raw(&answers));
        match required.get("requestState") {
            Some(state) => self.incoming.params.insert("requestState".to_owned(), state.clone()),
            None => self.incoming.params.shift_remove("requestState"),
        };
        match self.incoming.start(&self.target, &self.granted).await {
            Ok(exchange) => self.exchange = exchange,
            Err(error) => return Err(super::pipeline::failed(&error, &mut self.granted.recording)),
        }
        Ok(())
    }
}

/// What a stateful client said to one of the questions of a stateless server. Nobody has searched it yet.
pub(super) struct Said {
    pub(super) key: String,
    pub(super) method: String,
    pub(super) answer: Box<RawValue>,
}

impl Incoming {
    /// Sends all questions at once and waits for every answer.
    ///
    /// # Errors
    /// What the client is told instead of going on.
    pub(super) async fn ask_all(
        &self,
        session: &Arc<ClientSession>,
        requests: Members,
        out: &Out,
    ) -> Result<Vec<Said>, Answer> {
        let mut waiting = Vec::with_capacity(requests.len());
        for (key, request) in requests {
            let request = json::members(&request).unwrap_or_default();
            let method = json::member_text(&request, "method").unwrap_or_default();
            if !declared(&self.client, &method) {
                let message =
                    format!("the tool server needs `{}`, which this client did not declare", rpc::shown(&method));
                return Err(RpcError::new(INTERNAL_ERROR, message).into());
            }
            let (answer, answered) = oneshot::channel();
            let asking = session.ask(answer);
            let params = request.get("params").map(|params| &**params);
            drop(out.send(rpc::request(&asking.id, &method, params)).await);
            waiting.push((key, method, asking, answered));
        }
        let mut all = Vec::with_capacity(waiting.len());
        for (key, method, _asking, answered) in waiting {
            let answer = tokio::time::timeout(self.gateway.config.timeouts.answer(), answered).await;
            let Ok(Ok(answer)) = answer else {
                return Err(RpcError::new(INTERNAL_ERROR, format!("the client did not answer `{method}`")).into());
            };
            let answer = match answer {
                Ok(answer) => answer,
                // What a person declines by an error is a dialogue that was cancelled.
                Err(_) if method == "elicitation/create" => json::raw(&json!({ "action": "cancel" })),
                Err(error) => return Err(Answer::raw_error(error)),
            };
            all.push(Said { key, method, answer });
        }
        Ok(all)
    }

    /// The refusal of something that belongs to a call that was permitted, which is an entry too.
    pub(super) async fn goes_no_further(
        &self,
        target: &Target,
        decision: String,
        trace: TraceContext,
        code: &'static str,
        message: &str,
    ) -> Answer {
        let said = json!({ "id": decision, "code": code });
        let details = vec![("permitted_by", decision)];
        self.record_refused(target, code, details, trace).await;
        self.refused(target, message, said)
    }
}

/// Whether the client may be asked `method`.
pub(super) fn declared(client: &Client, method: &str) -> bool {
    match method {
        "sampling/createMessage" => client.can("sampling"),
        "elicitation/create" => client.can("elicitation"),
        "roots/list" => client.can("roots"),
        _ => false,
    }
}

impl Incoming {
    /// A notification that belongs to the call, for the client; `None` when it is not for it.
    fn notification(&self, method: &str, params: Option<Box<RawValue>>) -> Option<bytes::Bytes> {
        let params = match method {
            "notifications/progress" => {
                let token = self.meta.get("progressToken")?;
                Some(json::with(&params?, [("progressToken", token.clone())]))
            }
            "notifications/message" => {
                let params = params?;
                wants(&self.client, &params).then_some(Some(params))?
            }
            // News of lists and resources go where the client listens for them.
            "notifications/cancelled" | "notifications/resources/updated" => return None,
            list if list.ends_with("/list_changed") => return None,
            _ => params,
        };
        Some(rpc::notification(method, params.as_deref()))
    }
}

/// Whether the client wants a log message. A stateful one that set no level leaves it to the server, a stateless one
/// that asks for none gets none.
pub(super) fn wants(client: &Client, params: &RawValue) -> bool {
    let Some(least) = client.log_level() else { return matches!(client, Client::Stateful(_)) };
    let rank = |level: &str| LOG_LEVELS.iter().position(|known| *known == level);
    let level = json::members(params).and_then(|params| json::member_text(&params, "level"));
    level.as_deref().and_then(rank) >= rank(&least)
}

/// Whether `level` is one.
pub(super) fn is_log_level(level: &str) -> bool {
    LOG_LEVELS.contains(&level)
}
