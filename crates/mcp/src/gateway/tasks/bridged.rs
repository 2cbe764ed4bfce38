//! Tasks between the eras. A client of 2025-11-25 says which call is to be a task and waits for its result; one of 2026-07-28
//! is given a task where its server wants that, and told state, questions and result when it polls.
//!
//! A stateful server is asked for a task only by a tool that `requires` one: where it leaves the choice to the client, a
//! stateless client has not made it, and its call is answered at once. A stateless server hears that its client knows tasks
//! only of calls that are to be tasks, so that no other call is answered with one. It may still answer with the result: then
//! the session keeps that, and the client gets its task.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Matter, Missing, RELATED, TaskName, unrelated};
use crate::federation::capabilities::{self, TASKS};
use crate::gateway::bridge::Said;
use crate::gateway::pipeline::{Client, Incoming, Target};
use crate::gateway::recording::Recording;
use crate::gateway::session::ClientSession;
use crate::gateway::stream::Out;
use crate::gateway::trace::TraceContext;
use crate::seam::{Call, ClientContext, Era, Member, UpstreamError};
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{Answer, INTERNAL_ERROR, LIMIT, RpcError};

/// What is the same under another name: of 2025-11-25, and of the extension.
const NAMES: [(&str, &str); 2] = [("ttl", "ttlMs"), ("pollInterval", "pollIntervalMs")];
/// What the extension says beside a state, and 2025-11-25 in other messages.
const BESIDE: [&str; 4] = ["resultType", "result", "error", "inputRequests"];
/// Between two looks at a task, where its server does not say.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(100);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// A result is waited for so many times as long as a call may take, like the replies of servers that show life.
const WAITS_MAX: u32 = 30;

/// What a call came to, as its client knows it.
pub(super) struct Told {
    pub(super) members: Members,
    /// It is a result that the session keeps.
    pub(super) is_kept: bool,
}

/// Of 2025-11-25, in words of the extension.
fn newer(mut state: Members) -> Members {
    for (old, new) in NAMES {
        if let Some(value) = state.shift_remove(old) {
            state.insert(new.to_owned(), value);
        }
    }
    state.entry("ttlMs".to_owned()).or_insert_with(|| RawValue::NULL.to_owned());
    state
}

/// Of the extension, in words of 2025-11-25.
pub(super) fn older(mut state: Members) -> Members {
    // There a tool that said that it failed has completed.
    if state.get("result").is_some_and(|result| is_error(result)) {
        state.insert("status".to_owned(), text::raw("failed"));
    }
    for (old, new) in NAMES {
        if let Some(value) = state.shift_remove(new) {
            state.insert(old.to_owned(), value);
        }
    }
    state.entry("ttl".to_owned()).or_insert_with(|| RawValue::NULL.to_owned());
    state.retain(|name, _| !BESIDE.contains(&name.as_str()));
    state
}

pub(super) fn is_error(result: &RawValue) -> bool {
    text::members(result).and_then(|result| Some(result.get("isError")?.get() == "true")).unwrap_or(false)
}

fn status(state: &Members) -> String {
    text::member_text(state, "status").unwrap_or_default()
}

fn is_over(state: &Members) -> bool {
    matches!(status(state).as_str(), "completed" | "failed" | "cancelled")
}

/// The definition of a tool that a client of 2025-11-25 may ask for as a task.
pub(in crate::gateway) fn that_may_be_task(definition: &RawValue) -> Box<RawValue> {
    text::with(definition, [("execution", text::raw(&json!({ "taskSupport": "optional" })))])
}

/// Whether a server makes tasks of tool calls, and in the way of `era`.
async fn makes_tasks(member: &Member, era: Era) -> bool {
    member.upstream.about().await.is_ok_and(|about| about.era == era && capabilities::makes_tasks(&about))
}

impl Incoming {
    /// Whether a stateful server does this call of a stateless client only as a task.
    pub(in crate::gateway) async fn needs_task(&self, target: &Target) -> bool {
        self.client.era() == Era::Stateless
            && self.method == "tools/call"
            && target.definition.as_ref().is_some_and(|definition| definition.requires_task)
            && makes_tasks(&target.member, Era::Stateful).await
    }

    /// The parameter `task` of the call, as its server is to see it.
    pub(in crate::gateway) async fn task_said_to(&self, target: &Target) -> Option<Box<RawValue>> {
        if self.needs_task(target).await {
            return Some(text::raw(&json!({})));
        }
        let said = self.params.get("task")?;
        let passes = match self.client.era() {
            // Who declares no tasks is asked as if nobody had wanted one.
            Era::Stateful if self.method == "tools/call" => makes_tasks(&target.member, Era::Stateful).await,
            Era::Stateful => true,
            // It would be given a task in a way that it does not know.
            Era::Stateless => !makes_tasks(&target.member, Era::Stateful).await,
        };
        passes.then(|| said.clone())
    }

    /// The client, as a server is told of it.
    pub(in crate::gateway) async fn context_for(&self, member: &Member) -> Arc<ClientContext> {
        let context = self.client.context();
        let is_about_task = self.wants_task() || self.method.starts_with("tasks/");
        if context.era == Era::Stateless || !is_about_task || !makes_tasks(member, Era::Stateless).await {
            return Arc::clone(context);
        }
        let mut context = ClientContext::clone(context);
        let extensions = context.capabilities.entry("extensions").or_insert_with(|| json!({}));
        if let Some(extensions) = extensions.as_object_mut() {
            extensions.insert(TASKS.to_owned(), json!({}));
        }
        Arc::new(context)
    }

    /// The result of a call whose client may be given a task, if its server knows tasks in the way of the other era.
    pub(super) async fn in_the_clients_way(&self, mut members: Members, result: &RawValue, target: &Target) -> Told {
        let mut is_kept = false;
        match &self.client {
            Client::Stateless(_) => {
                let made = members.get("task").and_then(|made| text::members(made));
                if let Some(made) = made
                    && self.needs_task(target).await
                {
                    members.shift_remove("task");
                    members.extend(newer(made));
                    members.insert("resultType".to_owned(), text::raw("task"));
                }
            }
            Client::Stateful(session) if makes_tasks(&target.member, Era::Stateless).await => {
                let meta = members.shift_remove("_meta");
                let made = if text::member_text(&members, "resultType").as_deref() == Some("task") {
                    Some(older(members))
                } else {
                    is_kept = true;
                    self.kept(session, result)
                };
                members = Members::from_iter(made.map(|made| ("task".to_owned(), text::raw(&made))));
                // That of a result is its own.
                members.extend(meta.filter(|_| !is_kept).map(|meta| ("_meta".to_owned(), meta)));
            }
            Client::Stateful(_) => {}
        }
        Told { members, is_kept }
    }

    /// A request about the task in the place of the client's, with the same parameters.
    pub(super) fn in_place(&self, method: &str, trace: &TraceContext) -> Call {
        Call { method: method.to_owned(), progress: false, ..self.outgoing(trace) }
    }

    /// A stateless client's request to a stateful server.
    pub(super) async fn ask_stateful(
        &self,
        matter: &Matter<'_>,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Answer, Missing> {
        let done = || Ok(Answer::Result(text::raw(&json!({}))));
        if self.method == "tasks/update" {
            self.answer_questions(matter);
            return done();
        }
        let asked = self.ask(matter, self.outgoing(&recording.trace), recording, out).await?;
        if self.method == "tasks/cancel" {
            self.forget_questions(matter);
            // To cancel what is over is an error in the older era, and none in the newer.
            let is_done = matches!(asked, Answer::Result(_))
                || self.ask_for_state(matter, recording, out).await?.is_ok_and(|state| is_over(&state));
            return if is_done { done() } else { Ok(asked) };
        }
        let Answer::Result(said) = &asked else { return Ok(asked) };
        let Some(state) = text::members(said) else { return Ok(asked) };
        let status = status(&state);
        let mut state = newer(state);
        if status == "input_required" {
            let questions = self.questions(matter, &recording.trace).await?;
            // As long as it has not said what it needs, there is nothing to be done for it.
            if questions.is_empty() {
                state.insert("status".to_owned(), text::raw("working"));
            } else {
                state.insert("inputRequests".to_owned(), text::raw(&questions));
            }
            return Ok(Answer::Result(text::raw(&state)));
        }
        self.forget_questions(matter);
        if matches!(status.as_str(), "completed" | "failed") {
            // A tool that says that it failed has completed: here only what has no result failed.
            let (status, name, said) = match self.ask_for_result(matter, recording, out).await? {
                Answer::Result(result) => ("completed", "result", unrelated(result)),
                Answer::Error { object, .. } => ("failed", "error", object),
            };
            state.insert("status".to_owned(), text::raw(status));
            state.insert(name.to_owned(), said);
        }
        Ok(Answer::Result(text::raw(&state)))
    }

    async fn ask_for_result(
        &self,
        matter: &Matter<'_>,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Answer, Missing> {
        self.ask(matter, self.in_place("tasks/result", &recording.trace), recording, out).await
    }

    /// A stateful client's request to a stateless server.
    pub(super) async fn ask_stateless(
        &self,
        matter: &Matter<'_>,
        session: &Arc<ClientSession>,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Answer, Missing> {
        match self.method.as_str() {
            "tasks/result" => return self.wait_for_result(matter, session, recording, out).await,
            "tasks/cancel" => {
                let state = self.ask_for_state(matter, recording, out).await?;
                if state.is_ok_and(|state| is_over(&state)) {
                    return Ok(ended().into());
                }
                let cancelled = self.ask(matter, self.outgoing(&recording.trace), recording, out).await?;
                if matches!(cancelled, Answer::Error { .. }) {
                    return Ok(cancelled);
                }
            }
            _ => {}
        }
        let state = self.ask_for_state(matter, recording, out).await?;
        Ok(state.map_or_else(|error| error, |state| Answer::Result(text::raw(&older(state)))))
    }

    /// As the extension says it; an answer instead is the server's error.
    async fn ask_for_state(
        &self,
        matter: &Matter<'_>,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Result<Members, Answer>, Missing> {
        let answer = self.ask(matter, self.in_place("tasks/get", &recording.trace), recording, out).await?;
        let Answer::Result(state) = &answer else { return Ok(Err(answer)) };
        let no_object = || RpcError::new(INTERNAL_ERROR, "the tool server answered with something that is no object");
        Ok(Ok(text::members(state).ok_or_else(no_object)?))
    }

    /// `tasks/result` of 2025-11-25 is answered when the task is over.
    async fn wait_for_result(
        &self,
        matter: &Matter<'_>,
        session: &Arc<ClientSession>,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Answer, Missing> {
        let upstream = &matter.member.upstream;
        let (begun_at, time_max) = (Instant::now(), upstream.time_max().saturating_mul(WAITS_MAX));
        let mut answered = HashSet::new();
        loop {
            let mut state = match self.ask_for_state(matter, recording, out).await? {
                Ok(state) => state,
                Err(error) => return Ok(error),
            };
            match status(&state).as_str() {
                "completed" => {
                    let result = state.swap_remove("result").unwrap_or_else(|| text::raw(&json!({})));
                    return Ok(Answer::Result(text::with_meta(&result, [related(&matter.names.server)])));
                }
                "failed" => {
                    let failed = || RpcError::new(INTERNAL_ERROR, "the task failed, and its server does not say why");
                    return Ok(state.swap_remove("error").map_or_else(|| failed().into(), Answer::raw_error));
                }
                "cancelled" => return Ok(RpcError::new(INTERNAL_ERROR, "the task was cancelled").into()),
                "input_required" => {
                    let requests = state.get("inputRequests").and_then(|raw| text::members(raw)).unwrap_or_default();
                    let requests: Members = requests.into_iter().filter(|(key, _)| !answered.contains(key)).collect();
                    if !requests.is_empty() {
                        answered.extend(requests.keys().cloned());
                        let limit = self.gateway.limits.rounds.check(answered.len() as u64);
                        limit.map_err(|limit| {
                            RpcError::new(LIMIT, format!("the tool server asks again and again: {limit}"))
                        })?;
                        if let Some(instead) = self.update(matter, session, requests, recording, out).await? {
                            return Ok(instead);
                        }
                        continue;
                    }
                }
                _ => {}
            }
            if begun_at.elapsed() > time_max {
                let (server, seconds) = (upstream.name().to_owned(), time_max.as_secs());
                return Err(UpstreamError::Timeout { server, seconds }.into());
            }
            tokio::time::sleep(interval(&state)).await;
        }
    }

    /// Asks a stateful client what a stateless server wants to know, and tells that. What the client is told instead of
    /// going on, if anything.
    async fn update(
        &self,
        matter: &Matter<'_>,
        session: &Arc<ClientSession>,
        mut requests: Members,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Option<Answer>, Missing> {
        let Matter { names, known, .. } = *matter;
        self.touch(known, &recording.trace).await?;
        for request in requests.values_mut() {
            let params = text::members(request).and_then(|mut request| request.swap_remove("params"));
            let params = params.unwrap_or_else(|| text::raw(&json!({})));
            *request = text::with(request, [("params", text::with_meta(&params, [related(&names.client)]))]);
        }
        let said = match self.ask_all(session, requests, out).await {
            Ok(said) => said,
            Err(instead) => return Ok(Some(instead)),
        };
        let mut answers = Members::new();
        for Said { key, method, answer } in said {
            let (Ok(answer) | Err(answer)) = self.may_leave(Ok(answer), &method, known, recording).await?;
            answers.insert(key, unrelated(answer));
        }
        self.record_of("tasks/update", known, recording, None).await?;
        let mut call = self.in_place("tasks/update", &recording.trace);
        call.params = call.params.map(|params| text::with(&params, [("inputResponses", text::raw(&answers))]));
        let told = self.ask(matter, call, recording, out).await?;
        Ok(Some(told).filter(|told| matches!(told, Answer::Error { .. })))
    }

    /// Keeps the result of a call that its server did not make a task of, as one that is over. Its state when it begins;
    /// `None` when there is no room for the result.
    fn kept(&self, session: &ClientSession, result: &RawValue) -> Option<Members> {
        let wanted = self.params.get("task").and_then(|task| text::members(task)).unwrap_or_default();
        let wanted = wanted.get("ttl").and_then(|ttl| serde_json::from_str(ttl.get()).ok());
        let ttl = self.gateway.config.timeouts.session_idle().min(wanted.map_or(Duration::MAX, Duration::from_millis));
        let room = session.kept.room(result.get().len() as u64)?;
        let finished = session.made.keep(&session.name, result, room, self.gateway.clock.now(), ttl);
        Some(finished.state("working"))
    }

    /// What is known of a task whose result is kept by the session.
    pub(super) fn ask_for_kept(&self, known: &TaskName) -> Answer {
        let finished = match &self.client {
            Client::Stateful(session) => session.made.finished(&known.task, self.gateway.clock.now()),
            Client::Stateless(_) => None,
        };
        let Some(finished) = finished else { return RpcError::invalid_params("there is no such task").into() };
        match self.method.as_str() {
            "tasks/cancel" => ended().into(),
            "tasks/result" => Answer::Result(text::with_meta(&finished.result, [related(&known.task)])),
            _ => Answer::Result(text::raw(&finished.state(finished.status()))),
        }
    }
}

/// As 2025-11-25 says to who cancels what is over.
fn ended() -> RpcError {
    RpcError::invalid_params("the task has ended already")
}

/// The member of `_meta` by which messages of 2025-11-25 say to which task they belong.
pub(super) fn related(task: &str) -> (&'static str, Value) {
    (RELATED, json!({ "taskId": task }))
}

/// As its server wants to be asked.
fn interval(state: &Members) -> Duration {
    let said = state.get("pollIntervalMs").and_then(|interval| serde_json::from_str(interval.get()).ok());
    said.map_or(POLL_INTERVAL, Duration::from_millis).clamp(POLL_INTERVAL_MIN, POLL_INTERVAL_MAX)
}
