//! Leave to make a call, and its begin.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use mizzen_control::gate::{Answer as Decided, Ask, Denial, Held, Permit};
use mizzen_model::asked::{Spend, Taint};
use mizzen_model::id::RunId;
use mizzen_model::permission::Decision;
use mizzen_model::refusal::{RefusalCode, status_message};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::decode::{Client, Incoming};
use super::oblige::not_kept;
use super::route::{Subject, Target};
use super::screen::Screened;
use crate::gateway::exchange::Exchange;
use crate::gateway::metrics::Counted;
use crate::gateway::parked::Question;
use crate::gateway::recording::Recording;
use crate::gateway::stream::Out;
use crate::gateway::trace::{self, TraceContext};
use crate::seam::{Call, Era, UpstreamError};
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{self, Answer, REFUSED, RpcError, UPSTREAM};

/// The key of `_meta` under which the gateway says what it did.
pub(in crate::gateway) const META_DECISION: &str = "dev.mizzen/decision";
/// How often a client that waits for a person hears that it does.
const STILL_WAITING: Duration = Duration::from_secs(5);

/// What stays with a call to its end, also while it waits for its client.
#[derive(Debug)]
pub(in crate::gateway) struct Granted {
    pub(in crate::gateway) permit: Permit,
    pub(in crate::gateway) recording: Recording,
    pub(in crate::gateway) touches: Taint,
    /// Moved on by what the call waited for a person: that takes no time of a budget.
    begun_at: Instant,
    /// Whether the run is known to have touched it.
    is_touched: bool,
}

/// What a call of a tool takes of a budget.
fn one_call(time: Duration) -> Spend {
    let duration_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Spend { calls: 1, tokens: 0, cost_nano_usd: Some(0), duration_ms }
}

impl Granted {
    fn took(&self) -> Duration {
        self.begun_at.elapsed()
    }

    /// The end of the call, of which the record is made now.
    pub(in crate::gateway) fn settle(self) {
        let spent = one_call(self.took());
        self.permit.settle(spent);
    }

    /// A person was waited for since then.
    pub(in crate::gateway) fn waited_since(&mut self, asked_at: Instant) {
        self.begun_at += asked_at.elapsed();
    }

    /// Resolves when the time is over that a budget has put aside for the call, and never where none counts time.
    pub(in crate::gateway) fn time_is_over(&self) -> impl Future<Output = ()> + Send + 'static {
        let ends_at = self.permit.time_max.map(|time| self.begun_at + time);
        async move {
            match ends_at {
                Some(ends_at) => tokio::time::sleep_until(ends_at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Keeps what the call brings into the run, once: before the first word of the server is handed on.
    ///
    /// # Errors
    /// When it cannot be kept: then nothing of the server may be handed on.
    pub(in crate::gateway) async fn touch(&mut self) -> Result<(), Answer> {
        if self.is_touched {
            return Ok(());
        }
        if let Err(error) = self.permit.touched(self.touches).await {
            self.recording.fail("permission_unavailable", "what the call brings into the run could not be kept");
            return Err(not_kept(&error).into());
        }
        self.is_touched = true;
        Ok(())
    }
}

/// A call that may go out.
#[derive(Debug)]
pub(super) struct Authorised {
    incoming: Incoming,
    target: Target,
    granted: Granted,
}

/// A call that a tool server works on.
#[derive(Debug)]
pub(in crate::gateway) struct UnderWay {
    pub(in crate::gateway) incoming: Incoming,
    pub(in crate::gateway) target: Target,
    pub(in crate::gateway) granted: Granted,
    pub(in crate::gateway) exchange: Exchange,
    /// What the client was asked before and has not answered.
    pub(in crate::gateway) open_question: Option<Question>,
}

impl Screened {
    /// # Errors
    /// When the call may not go out; the client is told why, in a shape that its model sees.
    pub(super) async fn authorise(self, out: &Out) -> Result<Authorised, Answer> {
        let Self { mut incoming, target, arguments, recorded, secrets } = self;
        let mut recording = incoming.recording(&target);
        if let Some(arguments) = &recorded {
            recording.note_content("gen_ai.tool.call.arguments", std::str::from_utf8(arguments).unwrap_or_default());
        }
        recording.note_secrets_sent(&secrets);
        let stop = |answer| Err(answer);
        let estimate = one_call(target.member.upstream.time_max());
        let ask = Ask { arguments, estimate, ..incoming.ask_about(&target, &recording.trace) };
        let touches = ask.touches;
        if let Some(reason) = target.definition.as_ref().and_then(|definition| definition.withheld.as_ref()) {
            let denial = incoming.gateway.control.gate().withheld(ask, reason).await;
            return stop(incoming.denied(&target, &denial, &mut recording));
        }
        let mut decided = incoming.gateway.control.gate().ask(ask).await;
        if decided.record_content() == Some(false) {
            recording.forbid_content();
        }
        if let Decided::Held(held) = decided {
            // Without a place among those who wait it is as if the person was away.
            let Ok(_place) = incoming.begin_stream() else {
                return stop(incoming.still_held(&target, &held.decision, &held.approval_id, &mut recording));
            };
            decided = incoming.wait_for_a_person(held, &target, &mut recording, out).await?;
            incoming.counted = Some(Counted::enter(&incoming.gateway.metrics.in_flight));
        }
        match decided {
            Decided::Permitted(permit) => {
                recording.note_decision(&permit.decision);
                if permit.obligations.record_content == Some(false) {
                    recording.forbid_content();
                }
                let touches = touches.union(permit.obligations.touches);
                let begun_at = Instant::now();
                let granted = Granted { permit, recording, touches, begun_at, is_touched: false };
                Ok(Authorised { incoming, target, granted })
            }
            Decided::Refused(denial) => stop(incoming.denied(&target, &denial, &mut recording)),
            Decided::Held(held) => {
                stop(incoming.still_held(&target, &held.decision, &held.approval_id, &mut recording))
            }
        }
    }
}

impl Incoming {
    /// What is asked about a target, without arguments, of what takes nothing of a budget.
    pub(in crate::gateway) fn ask_about(&self, target: &Target, trace: &TraceContext) -> Ask {
        Ask {
            caller: Arc::clone(&self.caller),
            run: self.run(trace),
            session: self.session_name(),
            action: target.subject.call_action(),
            resource: target.resource(),
            tool: target.facts(),
            arguments: None,
            touches: target.member.upstream.touches(target.subject.kind(), &target.name),
            estimate: Spend::default(),
            trace: Some((trace.trace_id, trace.span_id)),
        }
    }

    pub(in crate::gateway) fn recording(&self, target: &Target) -> Recording {
        let name = match target.subject {
            Subject::Resource => self.method.clone(),
            Subject::Tool | Subject::Prompt => format!("{} {}", self.method, target.name),
        };
        let mut recording = self.recording_of(name, Some(target.member.upstream.name()));
        match target.subject {
            Subject::Tool => {
                recording.note("gen_ai.operation.name", "execute_tool");
                recording.note("gen_ai.tool.name", target.name.as_str());
                recording.note("gen_ai.tool.type", "extension");
            }
            Subject::Prompt => recording.note("gen_ai.prompt.name", target.name.as_str()),
            Subject::Resource => recording.note("mcp.resource.uri", target.shown().name),
        }
        recording
    }

    /// What every request leaves that is about a server, or about all of them.
    pub(in crate::gateway) fn recording_of(&self, name: String, server: Option<&str>) -> Recording {
        let trace = trace::of(&self.meta, &self.headers);
        let mut recording = Recording::begin(self.gateway.clone(), name, trace, self.caller.clone());
        recording.note("mcp.method.name", self.method.as_str());
        recording.note("mcp.protocol.version", self.client.revision());
        if let Some(server) = server {
            recording.note("mizzen.tool.server", server);
        }
        recording.note("network.transport", "tcp");
        recording.note("network.protocol.name", "http");
        recording.note("jsonrpc.request.id", text::text(&self.id).unwrap_or_else(|| self.id.get().to_owned()));
        if let Some(session) = self.session_name() {
            recording.note("mcp.session.id", session);
        }
        recording
    }

    /// Whether the call is to go on as a task, in the way of 2025-11-25.
    pub(in crate::gateway) fn wants_task(&self) -> bool {
        self.client.era() == Era::Stateful && self.params.contains_key("task")
    }

    /// A trace that the gateway began by itself says nothing about what belongs together.
    pub(in crate::gateway) fn run(&self, trace: &TraceContext) -> Option<RunId> {
        let run = self.caller.run_id.clone();
        run.or_else(|| trace.parent_span_id.map(|_| RunId::from(trace.trace_id)))
    }

    fn session_name(&self) -> Option<String> {
        let Client::Stateful(session) = &self.client else { return None };
        Some(session.name.clone())
    }

    /// Waits while the client is patient. `Err` is for a client that is not.
    async fn wait_for_a_person(
        &self,
        held: Held,
        target: &Target,
        recording: &mut Recording,
        out: &Out,
    ) -> Result<Decided, Answer> {
        let (decision, approval) = (held.decision.clone(), held.approval_id.clone());
        let token = self.meta.get("progressToken");
        let mut waited = tokio::time::interval(STILL_WAITING);
        let mut deadline = std::pin::pin!(tokio::time::sleep(self.gateway.config.timeouts.approval()));
        let mut wait = std::pin::pin!(held.wait());
        let mut turns = 0_u32;
        loop {
            tokio::select! {
                biased;
                decided = &mut wait => return Ok(decided),
                () = &mut deadline => return Err(self.still_held(target, &decision, &approval, recording)),
                _ = waited.tick() => {
                    if let Some(token) = token {
                        let message = format!("waiting for a person to approve ({approval})");
                        let params = json!({ "progressToken": token, "progress": turns, "message": message });
                        let progress = rpc::notification("notifications/progress", Some(&text::raw(&params)));
                        // A client that went away is noticed when its call is dropped.
                        drop(out.try_send(progress));
                        turns = turns.saturating_add(1);
                    }
                }
            }
        }
    }

    pub(in crate::gateway) fn still_held(
        &self,
        target: &Target,
        decision: &Decision,
        approval: &str,
        recording: &mut Recording,
    ) -> Answer {
        let code = RefusalCode::ApprovalPending.as_str();
        let message = format!(
            "{} waits for a person to approve it as `{approval}`; send the same call again when that is done",
            target.resource()
        );
        recording.note_decision(decision);
        recording.fail(code, &status_message(&target.recordable(&message), &decision.id));
        self.refused(target, &message, json!({ "id": decision.id, "code": code, "approval": approval }))
    }

    pub(in crate::gateway) fn denied(&self, target: &Target, denial: &Denial, recording: &mut Recording) -> Answer {
        self.gateway.metrics.refused.inc();
        recording.note_decision(&denial.decision);
        let why = target.recordable(&denial.message);
        recording.fail(denial.code.as_str(), &status_message(&why, &denial.decision.id));
        let retry_at = denial.retry_at.map(|at| at.to_string());
        let said = json!({ "id": denial.decision.id, "code": denial.code.as_str(), "retryAt": retry_at });
        self.refused(target, &denial.message, said)
    }

    /// A refused tool call is a result that failed, so that the model reads why and can do something else; what has no
    /// such result is an error.
    pub(in crate::gateway) fn refused(&self, target: &Target, message: &str, said: Value) -> Answer {
        // Who asked for a task of 2025-11-25 knows no other result than a task.
        if target.subject != Subject::Tool || self.method != "tools/call" || self.wants_task() {
            return RpcError::new(REFUSED, message).with_data(said).into();
        }
        let mut result = json!({
            "content": [{ "type": "text", "text": message }],
            "isError": true,
            "_meta": { META_DECISION: said },
        });
        if let (Era::Stateless, Some(result)) = (self.client.era(), result.as_object_mut()) {
            result.insert("resultType".to_owned(), json!("complete"));
        }
        Answer::Result(text::raw(&result))
    }

    /// The request as it goes to the server: as it came, but for what belongs to the way here.
    pub(in crate::gateway) fn outgoing(&self, trace: &TraceContext) -> Call {
        self.outgoing_with(self.params.get("task").map(|task| &**task), trace)
    }

    /// The same, with what the server is to hear of the wish for a task.
    fn outgoing_with(&self, task: Option<&RawValue>, trace: &TraceContext) -> Call {
        let traceparent = text::raw(&trace.to_string());
        let mut meta = borrowed(&self.meta, |name| !is_of_hop(name));
        meta.insert("traceparent", &traceparent);
        let meta = text::raw(&meta);
        let mut params = borrowed(&self.params, |name| name != "task");
        params.extend(task.map(|task| ("task", task)));
        params.insert("_meta", &meta);
        Call {
            method: self.method.clone(),
            params: Some(text::raw(&params)),
            progress: self.meta.contains_key("progressToken"),
            log_level: self.client.log_level(),
            permitted: None,
        }
    }
}

impl Authorised {
    pub(super) async fn begin(self) -> Result<UnderWay, Answer> {
        let Self { incoming, target, mut granted } = self;
        match incoming.start(&target, &granted).await {
            Ok(exchange) => Ok(UnderWay { incoming, target, granted, exchange, open_question: None }),
            Err(error) => Err(failed(&error, &mut granted.recording)),
        }
    }
}

impl Incoming {
    /// Sends the request to its server.
    pub(in crate::gateway) async fn start(
        &self,
        target: &Target,
        granted: &Granted,
    ) -> Result<Exchange, UpstreamError> {
        let session = self.link(&target.member).await?;
        let task = self.task_said_to(target).await;
        let call =
            Call { permitted: target.permitted(), ..self.outgoing_with(task.as_deref(), &granted.recording.trace) };
        Ok(Exchange::begin(session, call))
    }
}

/// Whether a member of `_meta` belongs to the way here.
pub(super) fn is_of_hop(name: &str) -> bool {
    name == "progressToken" || name.starts_with("io.modelcontextprotocol/")
}

/// Members that are written anew, not copied for it: arguments may be large.
pub(super) fn borrowed(members: &Members, which: impl Fn(&str) -> bool) -> IndexMap<&str, &RawValue> {
    let named = members.iter().filter(|(name, _)| which(name));
    named.map(|(name, value)| (name.as_str(), &**value)).collect()
}

/// What the client is told when a server does not answer a request that is no call.
pub(in crate::gateway) fn unanswered(error: &UpstreamError) -> Answer {
    RpcError::new(UPSTREAM, error.to_string()).with_data(json!({ "code": error.code() })).into()
}

/// What the client is told when a server does not answer.
pub(in crate::gateway) fn failed(error: &UpstreamError, recording: &mut Recording) -> Answer {
    recording.fail(error.code(), &error.to_string());
    RpcError::new(UPSTREAM, error.to_string()).with_data(json!({ "code": error.code() })).into()
}
