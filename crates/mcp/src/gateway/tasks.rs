//! Tasks: calls that go on after their answer. Of 2025-11-25 in a session, of 2026-07-28 as an extension; what is between a
//! client of the one and a server of the other is in `bridged`, and what a stateful server asks meanwhile in `questions`.
//!
//! What the permit asked for must hold for a result that comes later, when the call is over. It travels in the task's id,
//! which is signed, so that nothing has to be kept here.

pub(super) mod bridged;
pub(super) mod made;
pub(super) mod questions;
mod status;

use bytes::Bytes;
use mizzen_control::audit::Durability;
use mizzen_control::gate::{DenialCode, Known};
use mizzen_governance::request::Obligations;
use mizzen_model::asked::Taint;
use mizzen_runtime::error::Chain;
use mizzen_runtime::lanes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use self::bridged::Told;
pub(super) use self::status::is_of_task;
use super::bridge::{Answered, Asking};
use super::exchange::{Exchange, Step};
use super::pipeline::{Client, Granted, Incoming, Searched, Target, Withheld, ending, not_kept, redacted, unanswered};
use super::recording::Recording;
use super::stream::Out;
use super::trace::TraceContext;
use super::{Inner, bridge, listening};
use crate::federation::capabilities::makes_tasks;
use crate::seam::{Call, ClientAnswer, Era, FromServer, Member, Reply, UpstreamError};
use crate::signing::Purpose;
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{Answer, INTERNAL_ERROR, LIMIT, METHOD_NOT_FOUND, REFUSED, RpcError};

/// Under which messages of 2025-11-25 say in `_meta` to which task they belong.
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// What a client knows as a task's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TaskName {
    /// Whose call made it.
    credential: String,
    server: String,
    /// As the server knows it, or the session where its result is kept.
    task: String,
    /// The server answered at once; its answer is kept by the session.
    #[serde(default)]
    is_kept: bool,
    redact: Vec<String>,
    result_bytes_max: Option<u64>,
    /// What the result brings into the run that asks for it.
    touches: Taint,
    /// What the call was about, and the decision that permitted it.
    #[serde(default)]
    resource: String,
    #[serde(default)]
    decision: String,
    /// Whether the permit lets what it returns be recorded. Of a task of before this was asked, nobody knows.
    #[serde(default)]
    may_record: bool,
}

impl Inner {
    fn seal_task(&self, name: &TaskName) -> String {
        self.signer.sign(Purpose::Task, &serde_json::to_vec(name).unwrap_or_default())
    }

    /// `None` when it is none, or another caller's.
    fn unseal_task(&self, credential: &str, text: &str) -> Option<TaskName> {
        let name: TaskName = serde_json::from_slice(&self.signer.open(Purpose::Task, text)?).ok()?;
        (name.credential == credential).then_some(name)
    }
}

impl Incoming {
    /// The result of a call, which may be a task: then it is told in the client's way, and its id is one that works for this
    /// caller alone.
    pub(super) async fn with_task_named(
        &self,
        result: Box<RawValue>,
        granted: &Granted,
        target: &Target,
    ) -> Box<RawValue> {
        // Most results are looked into for nothing: only who said so may be given a task.
        let may_be_task = match self.client.era() {
            Era::Stateless => self.client.has_tasks(),
            Era::Stateful => self.wants_task(),
        };
        let members = may_be_task.then(|| text::members(&result)).flatten();
        let Some(members) = members else { return result };
        let Told { mut members, is_kept } = self.in_the_clients_way(members, &result, target).await;
        let server = target.member.upstream.name();
        if self.wants_task() {
            let made = members.get("task").and_then(|made| text::members(made));
            let Some(mut made) = made else { return result };
            let Some(task) = text::member_text(&made, "taskId") else { return result };
            made.insert("taskId".to_owned(), self.named(task, is_kept, granted, server).await);
            members.insert("task".to_owned(), text::raw(&made));
        } else {
            let Some(task) = text::member_text(&members, "taskId") else { return result };
            members.insert("taskId".to_owned(), self.named(task, is_kept, granted, server).await);
        }
        text::raw(&members)
    }

    /// The client's name of a task, under which it hears what was said of it before.
    async fn named(&self, task: String, is_kept: bool, granted: &Granted, server: &str) -> Box<RawValue> {
        let Obligations { redact, result_bytes_max, record_content, .. } = granted.permit.obligations.clone();
        let id = (!is_kept).then(|| task.clone());
        let name = self.gateway.seal_task(&TaskName {
            credential: self.caller.key_id.as_str().to_owned(),
            server: server.to_owned(),
            task,
            is_kept,
            redact,
            result_bytes_max,
            touches: granted.touches,
            resource: granted.permit.decision.resource.clone(),
            decision: granted.permit.decision.id.clone(),
            may_record: record_content != Some(false),
        });
        let named = text::raw(&name);
        if let Client::Stateful(session) = &self.client {
            let early = session.made.add(name.clone(), server, id);
            self.tell_early(&name, early).await;
        }
        named
    }
}

/// `tasks/get`, `tasks/update`, `tasks/cancel`, `tasks/result`: asks the server that runs the task.
pub(super) async fn task(mut incoming: Incoming, out: Out) -> Answer {
    if incoming.client.era() == Era::Stateless && !incoming.client.has_tasks() {
        return listening::tasks_missing();
    }
    let named = text::member_text(&incoming.params, "taskId");
    let known = named.as_ref().and_then(|named| incoming.gateway.unseal_task(&incoming.caller.key_id, named));
    let member = known
        .as_ref()
        .and_then(|known| incoming.view.members.iter().find(|member| member.upstream.name() == known.server).cloned());
    let (Some(named), Some(known), Some(member)) = (named, known, member) else {
        return RpcError::invalid_params("there is no such task").into();
    };
    incoming.params.insert("taskId".to_owned(), text::raw(&known.task));
    let mut recording = incoming.recording_of(incoming.method.clone(), Some(&known.server));
    if let Err(withheld) = incoming.screen_update(&mut recording).await {
        return incoming.kept_from_task(&withheld, "it", &known, &mut recording).await.into();
    }
    let names = Names { client: named, server: known.task.clone() };
    let matter = Matter { member: &member, names: &names, known: &known };
    let decided = incoming.decided(&matter, &mut recording, &out).await;
    let bytes = decided.as_ref().map_or(0, Answer::bytes);
    lanes::away(bytes, handed_over(incoming, names, known, recording, decided)).await.unwrap_or_else(ending)
}

/// What the client is told of its task, and the end of the record.
async fn handed_over(
    incoming: Incoming,
    names: Names,
    known: TaskName,
    mut recording: Recording,
    decided: Result<Answer, RpcError>,
) -> Answer {
    let released = match decided {
        Ok(Answer::Result(result)) => incoming.released(result, &names, &known, &mut recording).await,
        // What went wrong is told with words of the task, as its result is.
        Ok(Answer::Error { object, .. }) => {
            incoming.searched(object, &mut recording).await.map(|searched| Answer::raw_error(searched.said))
        }
        Err(refused) => Err(refused),
    };
    match released {
        Ok(answer) => {
            recording.end(&answer);
            answer
        }
        Err(refused) => {
            recording.fail("refused", "the answer was not handed over");
            refused.into()
        }
    }
}

impl Incoming {
    /// # Errors
    /// When it is not passed on, or what its answer brings into the run cannot be kept.
    async fn decided(&self, matter: &Matter<'_>, recording: &mut Recording, out: &Out) -> Result<Answer, RpcError> {
        let known = matter.known;
        let gate = self.gateway.control.gate();
        // Asked for before the pauses are read: a stop that comes in between is seen in one or the other.
        let stopped = gate.stopped(&self.caller);
        // Who is paused may still end what goes on.
        if self.method != "tasks/cancel"
            && let Some((code, reason)) = gate.barred(&self.caller)
        {
            return Err(self.barred(known, recording, code, reason).await);
        }
        // What changes the task is on disk before its server sees it.
        if matches!(self.method.as_str(), "tasks/update" | "tasks/cancel") {
            self.record(known, recording, None).await?;
        }
        tokio::select! {
            biased;
            () = stopped => {
                let reason = "the agent was stopped by a person; the task goes on, and its result is not handed over";
                Err(self.barred(known, recording, DenialCode::Paused, reason.to_owned()).await)
            }
            answer = self.ask_for_task(matter, recording, out) => match answer {
                Ok(answer) => {
                    // How it stands and why it failed are words of its server too.
                    self.touch(known, &recording.trace).await?;
                    Ok(answer)
                }
                Err(Missing::Refused(error)) => Err(error),
                Err(Missing::Unanswered(error)) => Ok(unanswered(&error)),
            },
        }
    }

    /// The refusal, which is an entry too.
    async fn barred(&self, known: &TaskName, recording: &Recording, code: DenialCode, reason: String) -> RpcError {
        // It stays refused when that cannot be recorded, which is logged.
        let (Ok(()) | Err(_)) = self.record(known, recording, Some(code.as_str())).await;
        RpcError::new(REFUSED, reason).with_data(json!({ "code": code.as_str() }))
    }

    /// The same, for secrets in `what` the client says.
    async fn kept_from_task(
        &self,
        withheld: &Withheld,
        what: &str,
        known: &TaskName,
        recording: &mut Recording,
    ) -> RpcError {
        recording.note_secrets_sent(withheld.kinds());
        recording.fail(withheld.code(), "it was not passed on, for secrets in it");
        let (Ok(()) | Err(_)) = self.record(known, recording, Some(withheld.code())).await;
        RpcError::new(REFUSED, withheld.told(what)).with_data(json!({ "code": withheld.code() }))
    }

    /// What a client says to the server of a task: the kinds of secrets in it are noted.
    ///
    /// # Errors
    /// When it may not leave.
    async fn screen_update(&mut self, recording: &mut Recording) -> Result<(), Withheld> {
        let (kinds, _) = self.screen_rest().await?;
        recording.note_secrets_sent(&kinds);
        let (kinds, _) = self.screen_carried().await?;
        recording.note_secrets_sent(&kinds);
        Ok(())
    }

    /// Writes down what became of a task, under the decision of its call.
    async fn record(
        &self,
        known: &TaskName,
        recording: &Recording,
        code: Option<&'static str>,
    ) -> Result<(), RpcError> {
        self.record_of(&self.method, known, recording, code).await
    }

    /// The same, of what the gateway does as `method`. What only reads is on disk within 10 ms.
    async fn record_of(
        &self,
        method: &str,
        known: &TaskName,
        recording: &Recording,
        code: Option<&'static str>,
    ) -> Result<(), RpcError> {
        let reads = code.is_none() && matches!(method, "tasks/get" | "tasks/result");
        let entry = Known {
            caller: &self.caller,
            run: self.run(&recording.trace),
            trace: Some((recording.trace.trace_id, recording.trace.span_id)),
            action: method.replace('/', ":"),
            resource: known.resource.clone(),
            code,
            details: vec![("permitted_by", known.decision.clone())],
            durability: if reads { Durability::Window } else { Durability::Durable },
        };
        self.gateway.control.gate().known(entry).await.map_err(|error| {
            tracing::error!(error = %Chain(&error), "what became of a task is not in the audit log");
            let said = json!({ "code": DenialCode::Unavailable.as_str() });
            RpcError::new(REFUSED, "this could not be recorded, so it was not done; ask again").with_data(said)
        })
    }
}

/// Which task of which server a request is about.
#[derive(Clone, Copy)]
struct Matter<'a> {
    member: &'a Member,
    names: &'a Names,
    known: &'a TaskName,
}

/// Why there is nothing to tell.
enum Missing {
    Refused(RpcError),
    Unanswered(UpstreamError),
}

impl From<RpcError> for Missing {
    fn from(error: RpcError) -> Self {
        Self::Refused(error)
    }
}

impl From<UpstreamError> for Missing {
    fn from(error: UpstreamError) -> Self {
        Self::Unanswered(error)
    }
}

/// How the client and the server name one task.
struct Names {
    client: String,
    server: String,
}

impl Names {
    /// A message for the client: with its name of this task, and without those of others.
    fn to_client(&self, message: Box<RawValue>) -> Box<RawValue> {
        renamed(message, |task| (task == self.server).then_some(self.client.as_str()))
    }

    /// A message for the server, with its name of this task.
    fn to_server(&self, message: Box<RawValue>) -> Box<RawValue> {
        renamed(message, |task| (task == self.client).then_some(self.server.as_str()))
    }
}

impl Incoming {
    async fn ask_for_task(&self, matter: &Matter<'_>, recording: &mut Recording, out: &Out) -> Result<Answer, Missing> {
        if matter.known.is_kept {
            return Ok(self.ask_for_kept(matter.known));
        }
        let server = matter.member.upstream.about().await?;
        match (&self.client, server.era) {
            // One that has the extension in the older era speaks of tasks as the client does.
            (Client::Stateless(_), Era::Stateful) if makes_tasks(&server) => {
                self.ask_stateful(matter, recording, out).await
            }
            (Client::Stateful(session), Era::Stateless) => self.ask_stateless(matter, session, recording, out).await,
            _ => self.ask(matter, self.outgoing(&recording.trace), recording, out).await,
        }
    }

    /// One request to the task's server. Meanwhile that may ask a stateful client, on this stream.
    ///
    /// # Errors
    /// When the client answers that with what may not leave, or the server does not answer.
    async fn ask(
        &self,
        matter: &Matter<'_>,
        call: Call,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Answer, Missing> {
        let (Matter { member, names, known }, trace) = (*matter, recording.trace);
        let mut exchange = Exchange::begin(self.link(member).await?, call);
        let mut asking = Asking::default();
        let mut is_touched = false;
        loop {
            let step = tokio::select! {
                Answered { method, said, to } = asking.next() => {
                    let passes = self.may_leave(said, &method, known, recording).await?;
                    drop(to.send(passes.map(|passes| names.to_server(passes))));
                    continue;
                }
                step = exchange.next() => step,
            };
            // What the server says meanwhile may carry what its task brings.
            if matches!(step, Step::Event(_)) && !is_touched {
                self.touch(known, &trace).await?;
                is_touched = true;
            }
            match step {
                Step::Event(FromServer::Notification { method, params }) => {
                    let params = params.map(|params| names.to_client(params));
                    bridge::tell(self, member, &method, params, out).await;
                }
                Step::Event(FromServer::Request { method, params, answer }) => match &self.client {
                    Client::Stateful(session) if bridge::declared(&self.client, &method) => {
                        let params = params.map(|params| names.to_client(params));
                        asking.ask(session, method, params, answer, out).await;
                    }
                    _ => drop(answer.send(Err(undeclared()))),
                },
                Step::Reply(Ok(Reply::Complete(result) | Reply::InputRequired(result))) => {
                    return Ok(Answer::Result(result));
                }
                Step::Reply(Ok(Reply::Error(error))) => return Ok(Answer::raw_error(error)),
                Step::Reply(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// What the client said to a question of the task's server, as that may have it.
    ///
    /// # Errors
    /// When it may not leave.
    async fn may_leave(
        &self,
        said: ClientAnswer,
        method: &str,
        known: &TaskName,
        recording: &mut Recording,
    ) -> Result<ClientAnswer, RpcError> {
        match self.gateway.search_answer(said).await {
            Ok((passes, kinds)) => {
                recording.note_secrets_sent(&kinds);
                Ok(passes)
            }
            Err(withheld) => {
                let what = format!("the answer to `{method}`");
                Err(self.kept_from_task(&withheld, &what, known, recording).await)
            }
        }
    }

    /// What the server says of its task, as the permit of the call lets it out.
    ///
    /// # Errors
    /// When it is larger than allowed, holds secrets that may not be handed over, or what it brings into the run cannot
    /// be kept.
    async fn released(
        &self,
        said: Box<RawValue>,
        names: &Names,
        known: &TaskName,
        recording: &mut Recording,
    ) -> Result<Answer, RpcError> {
        let Some(mut members) = text::members(&names.to_client(said.clone())) else {
            return Err(RpcError::new(INTERNAL_ERROR, "the tool server answered with something that is no object"));
        };
        if members.contains_key("taskId") {
            members.insert("taskId".to_owned(), text::raw(&names.client));
        }
        let told = if self.method == "tasks/result" {
            self.may_have(&said, known, recording).await?;
            redacted(text::raw(&members), &known.redact, recording).await
        } else {
            if let Some(result) = members.get("result").cloned() {
                self.may_have(&result, known, recording).await?;
                let result = redacted(result, &known.redact, recording).await;
                members.insert("result".to_owned(), result);
            }
            self.in_words_of_the_client(text::raw(&members))
        };
        // As a whole: why a task failed is said beside its result.
        let searched = self.searched(told, recording).await?;
        let recorded = searched.recorded.as_ref().filter(|_| known.may_record);
        if let Some(result) = recorded.and_then(|recorded| self.returned(recorded)) {
            recording.note_content("gen_ai.tool.call.result", &result);
        }
        Ok(Answer::Result(searched.said))
    }

    /// What was found in what the server says is noted, whether it may be handed over or not.
    ///
    /// # Errors
    /// When it may not be handed over.
    async fn searched(&self, said: Box<RawValue>, recording: &mut Recording) -> Result<Searched, RpcError> {
        match self.gateway.search(said).await {
            Ok(searched) => {
                recording.note_secrets(&searched.kinds);
                Ok(searched)
            }
            Err(withheld) => {
                recording.note_secrets(withheld.kinds());
                let data = json!({ "code": withheld.code() });
                Err(RpcError::new(REFUSED, withheld.to_string()).with_data(data))
            }
        }
    }

    /// What the task returned, of what may be recorded of the answer.
    fn returned(&self, recorded: &Bytes) -> Option<String> {
        let recorded = std::str::from_utf8(recorded).ok()?;
        if self.method == "tasks/result" {
            return Some(recorded.to_owned());
        }
        let mut members: Members = serde_json::from_str(recorded).ok()?;
        members.swap_remove("result").map(|result| result.get().to_owned())
    }

    async fn may_have(&self, result: &RawValue, known: &TaskName, recording: &Recording) -> Result<(), RpcError> {
        self.fits(result, known.result_bytes_max)
            .map_err(|too_large| RpcError::new(LIMIT, too_large).with_data(json!({ "code": "result_too_large" })))?;
        self.record(known, recording, None).await
    }

    /// Keeps what the task brings into the run that asks for it.
    async fn touch(&self, known: &TaskName, trace: &TraceContext) -> Result<(), RpcError> {
        let run = self.run(trace);
        let kept = self.gateway.control.gate().touched(&self.caller.key_id, run.as_ref(), known.touches).await;
        kept.map_err(|error| not_kept(&error))
    }
}

/// With another name of the task that the message belongs to, or with none.
fn renamed<'n>(message: Box<RawValue>, name: impl FnOnce(&str) -> Option<&'n str>) -> Box<RawValue> {
    let meta = |members: &Members| members.get("_meta").and_then(|meta| text::members(meta));
    let Some(mut members) = text::members(&message) else { return message };
    let Some(mut found) = meta(&members).filter(|meta| meta.contains_key(RELATED)) else { return message };
    let was = found.get(RELATED).and_then(|related| text::members(related));
    let was = was.and_then(|related| text::member_text(&related, "taskId")).unwrap_or_default();
    match name(&was) {
        Some(name) => found.insert(RELATED.to_owned(), text::raw(&json!({ "taskId": name }))),
        None => found.shift_remove(RELATED),
    };
    members.insert("_meta".to_owned(), text::raw(&found));
    text::raw(&members)
}

/// What a server is told that asks something of a client which cannot be asked that.
fn undeclared() -> Box<RawValue> {
    text::raw(&RpcError::new(METHOD_NOT_FOUND, "the client did not declare this capability"))
}

/// Of what a server says outside of a request: it names tasks as no client knows them.
pub(super) fn unrelated(message: Box<RawValue>) -> Box<RawValue> {
    renamed(message, |_| None)
}
