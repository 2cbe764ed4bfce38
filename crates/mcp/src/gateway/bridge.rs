//! Between the eras: what a tool server says and asks during a call, in words of the client's era.
//!
//! A stateful client is asked on its stream; a stateless one is told `input_required` and comes back. A stateful server
//! waits for its answer, so that call is parked; a stateless one is sent the request again with the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use mizzen_control::gate::DenialCode;
use mizzen_model::time::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::exchange::Step;
use super::parked::{ParkedCall, Question};
use super::pipeline::{Client, Incoming, UnderWay};
use super::session::{Asked, ClientSession};
use super::state::Next;
use super::stream::Out;
use crate::seam::{ClientAnswer, FromServer, LOG_LEVELS, Reply};
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
}

/// # Errors
/// What the client is told instead of a reply, which for a stateless client may be a question.
pub(super) async fn pass(mut under_way: UnderWay, out: &Out) -> Result<Replied, Answer> {
    if let Some(question) = under_way.open_question.take() {
        return Err(park(under_way, question));
    }
    // Answers that are still to come are no longer waited for when the call ends.
    let mut asked = Vec::new();
    let mut rounds = 0;
    let mut stopped = Box::pin(under_way.granted.permit.stopped());
    let mut time_is_over = Box::pin(under_way.granted.time_is_over());
    loop {
        let step = tokio::select! {
            biased;
            () = &mut stopped => return Err(under_way.stopped()),
            () = &mut time_is_over => return Err(under_way.out_of_time()),
            step = under_way.exchange.next() => step,
        };
        // Whatever the server says may carry what the call brings: not only its result is handed on.
        if matches!(step, Step::Event(_) | Step::Reply(Ok(Reply::InputRequired(_)))) {
            under_way.granted.touch().await?;
        }
        let after = match step {
            Step::Event(FromServer::Notification { method, params }) => {
                tell(&under_way.incoming, &method, params, out).await;
                After::Wait
            }
            Step::Event(FromServer::Request { method, params, answer }) => {
                question(&under_way.incoming, method, params, answer, out, &mut asked).await
            }
            Step::Reply(Ok(Reply::Complete(result))) => After::Replied(Answer::Result(result)),
            Step::Reply(Ok(Reply::Error(error))) => After::Replied(Answer::raw_error(error)),
            Step::Reply(Ok(Reply::InputRequired(result))) => input_required(&mut under_way, result, out).await?,
            Step::Reply(Err(error)) => {
                return Err(super::pipeline::failed(&error, &mut under_way.granted.recording));
            }
        };
        match after {
            After::Wait => {}
            After::Replied(answer) => return Ok(Replied { under_way, answer }),
            After::Ask(question) => return Err(park(under_way, question)),
            After::Again(required) => {
                rounds += 1;
                let asked_at = Instant::now();
                under_way.again(&required, rounds, out).await?;
                under_way.granted.waited_since(asked_at);
                time_is_over = Box::pin(under_way.granted.time_is_over());
            }
        }
    }
}

/// A stateful server asks its client.
async fn question(
    incoming: &Incoming,
    method: String,
    params: Option<Box<RawValue>>,
    answer: oneshot::Sender<ClientAnswer>,
    out: &Out,
    asked: &mut Vec<Asked>,
) -> After {
    if !declared(&incoming.client, &method) {
        let error = RpcError::new(METHOD_NOT_FOUND, "the client did not declare this capability");
        drop(answer.send(Err(json::raw(&error))));
        return After::Wait;
    }
    match &incoming.client {
        Client::Stateful(session) => {
            asked.push(ask_on(session, &method, params, answer, out).await);
            After::Wait
        }
        Client::Stateless(_) => {
            let key = format!("{}-{}", method.replace('/', "_"), incoming.id.get().trim_matches('"'));
            After::Ask(Question { key, method, params, answer })
        }
    }
}

/// Asks on the stream of a request; the answer comes as a request of its own.
pub(super) async fn ask_on(
    session: &Arc<ClientSession>,
    method: &str,
    params: Option<Box<RawValue>>,
    answer: oneshot::Sender<ClientAnswer>,
    out: &Out,
) -> Asked {
    let asking = session.ask(answer);
    drop(out.send(rpc::request(&asking.id, method, params.as_deref())).await);
    asking
}

/// Hands on what belongs to the request.
pub(super) async fn tell(incoming: &Incoming, method: &str, params: Option<Box<RawValue>>, out: &Out) {
    if let Some(message) = incoming.notification(method, params) {
        drop(out.send(message).await);
    }
}

/// A stateless server wants answers with the next request.
async fn input_required(under_way: &mut UnderWay, result: Box<RawValue>, _out: &Out) -> Result<After, Answer> {
    let Client::Stateless(_) = &under_way.incoming.client else { return Ok(After::Again(result)) };
    let Some(mut members) = json::members(&result) else { return Ok(After::Replied(Answer::Result(result))) };
    if let Some(state) = json::member_text(&members, "requestState") {
        let binding = under_way.incoming.binding(&under_way.target);
        let state = under_way.incoming.gateway.seal(&binding, Next::Server(state));
        members.insert("requestState".to_owned(), json::raw(&state));
    }
    Ok(After::Replied(Answer::Result(json::raw(&members))))
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
    let call =
        ParkedCall { binding: binding.clone(), granted, exchange, question, asked_at: Instant::now(), expires_at };
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
    /// A person stopped the agent in the middle of the call.
    fn stopped(&mut self) -> Answer {
        self.granted.recording.fail("paused", "the agent was stopped during the call");
        let said = json!({ "id": self.granted.permit.decision.id, "code": "paused" });
        self.incoming.refused(&self.target, "the agent was stopped by a person; the call was ended", said)
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
        let answers = ask_all(&self.incoming, &session, requests, out).await?;
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

/// Sends all questions at once and waits for every answer.
async fn ask_all(
    incoming: &Incoming,
    session: &Arc<ClientSession>,
    requests: Members,
    out: &Out,
) -> Result<Members, Answer> {
    let mut waiting = Vec::with_capacity(requests.len());
    for (key, request) in requests {
        let request = json::members(&request).unwrap_or_default();
        let method = json::member_text(&request, "method").unwrap_or_default();
        if !declared(&incoming.client, &method) {
            let message = format!("the tool server needs `{}`, which this client did not declare", rpc::shown(&method));
            return Err(RpcError::new(INTERNAL_ERROR, message).into());
        }
        let (answer, answered) = oneshot::channel();
        let asking = session.ask(answer);
        let params = request.get("params").map(|params| &**params);
        drop(out.send(rpc::request(&asking.id, &method, params)).await);
        waiting.push((key, method, asking, answered));
    }
    let mut answers = Members::new();
    for (key, method, _asking, answered) in waiting {
        let answer = tokio::time::timeout(incoming.gateway.config.timeouts.answer(), answered).await;
        let answer = match answer {
            Ok(Ok(Ok(answer))) => answer,
            // What a person declines by an error is a dialogue that was cancelled.
            Ok(Ok(Err(_))) if method == "elicitation/create" => json::raw(&json!({ "action": "cancel" })),
            Ok(Ok(Err(error))) => return Err(Answer::raw_error(error)),
            Ok(Err(_)) | Err(_) => {
                return Err(RpcError::new(INTERNAL_ERROR, format!("the client did not answer `{method}`")).into());
            }
        };
        answers.insert(key, answer);
    }
    Ok(answers)
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
            // They name tasks by ids that are not the client's; it polls.
            tasks if tasks.starts_with("notifications/tasks") => return None,
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
