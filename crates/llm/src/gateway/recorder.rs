//! The task that turns copies of calls into spans, off the path of any call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mizzen_control::secrets::{self, Place, Secrets};
use mizzen_control::{Control, Snapshot};
use mizzen_model::attribute::Value;
use mizzen_model::refusal::status_message;
use mizzen_model::span::{SpanKind, SpanRecord};
use mizzen_model::step::Source;
use mizzen_runtime::error::Chain;
use mizzen_runtime::lanes;
use mizzen_runtime::metrics::Metrics;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::metrics::{CallFacts, CallMetrics, GatewayMetrics};
use super::recording::{CallCopy, End, Kept, Sink};
use super::tap::Unread;
use crate::wire::answer::{Answer, NOT_JSON};
use crate::wire::content::ContentLimits;
use crate::wire::describe::describe;

/// How often a drain looks whether the last calls have ended.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// What of a request is content, and not recorded where policy says so.
const CONTENT: [&str; 3] = ["gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions"];
const BY_POLICY: &str = "not recorded, by policy";

/// The status of a call whose client did not wait for its answer, as nginx counts it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What the task needs.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) copies: mpsc::Receiver<Box<CallCopy>>,
    pub(super) sink: Arc<Sink>,
    pub(super) records: mpsc::Sender<SpanRecord>,
    pub(super) limits: ContentLimits,
    pub(super) secrets: Arc<Secrets>,
    pub(super) control: Control,
    pub(super) metrics: GatewayMetrics,
    pub(super) registry: Metrics,
}

impl Recorder {
    /// Runs until cancelled, and then until every call in flight has ended and is recorded.
    pub(super) async fn run(mut self, cancel: CancellationToken) {
        let mut calls = CallMetrics::new(self.registry.clone());
        while let Some(Some(copy)) = cancel.run_until_cancelled(self.copies.recv()).await {
            self.record(copy, &mut calls).await;
        }
        loop {
            match tokio::time::timeout(DRAIN_POLL, self.copies.recv()).await {
                Ok(Some(copy)) => self.record(copy, &mut calls).await,
                Ok(None) => return,
                Err(_) if self.metrics.in_flight.get() <= 0 && self.copies.is_empty() => return,
                Err(_) => {}
            }
        }
    }

    async fn record(&self, copy: Box<CallCopy>, calls: &mut CallMetrics) {
        let bytes = copy.bytes();
        self.sink.taken(&copy);
        let (limits, secrets, snapshot) = (self.limits, Arc::clone(&self.secrets), self.control.snapshot());
        let read = move || Finished::read(*copy, limits).without_secrets(&secrets, &snapshot);
        let Ok(finished) = lanes::beside(bytes, read).await else {
            self.metrics.shed.inc();
            return;
        };
        calls.observe(&finished.facts());
        if self.records.try_send(finished.into_record()).is_err() {
            self.metrics.shed.inc();
        }
    }
}

/// A call with its answer read.
struct Finished {
    copy: CallCopy,
    answer: Answer,
    unread: Option<Unread>,
    /// Kinds of secrets that were found in the answer, each once.
    secrets: Vec<&'static str>,
    limits: ContentLimits,
    /// `error.type`; empty when nothing went wrong.
    error: String,
}

impl Finished {
    fn read(mut copy: CallCopy, limits: ContentLimits) -> Self {
        copy.answer.read();
        if let Some(reservation) = copy.reservation.take() {
            reservation.settle(&copy.outcome());
        }
        let (answer, unread) = match std::mem::replace(&mut copy.answer, Kept::Nothing) {
            Kept::Read(answer, unread) => (*answer, unread),
            Kept::Nothing | Kept::Raw(_) => (Answer::default(), None),
        };
        let error = error_type(&copy, &answer).unwrap_or_default();
        Self { copy, answer, unread, secrets: Vec::new(), limits, error }
    }

    /// Whatever the client got, no secret is recorded, and nothing that could not be searched.
    fn without_secrets(mut self, secrets: &Secrets, snapshot: &Arc<Snapshot>) -> Self {
        let Some(messages) = self.answer.messages.take().map(Bytes::from) else { return self };
        match secrets.find(Place::ModelAnswer, &messages, snapshot) {
            Ok(found) => {
                self.secrets = secrets::kinds(&found);
                match secrets::recordable(&messages, &found) {
                    Some(kept) => self.answer.messages = String::from_utf8(kept.into()).ok(),
                    None => self.unread = Some(Unread::TooManySecrets),
                }
            }
            Err(error) => tracing::warn!(error = %Chain(&error), "an answer could not be searched for secrets"),
        }
        self
    }

    fn facts(&self) -> CallFacts<'_> {
        let upstream = self.copy.upstream.as_ref();
        CallFacts {
            operation: self.copy.format.operation(),
            provider: self.copy.format.protocol().as_str(),
            upstream: upstream.map_or("none", |upstream| upstream.name.as_str()),
            model: self.copy.model.as_deref().unwrap_or("unknown"),
            answered: matches!(self.copy.status, Some(..400)),
            error: &self.error,
            duration_seconds: self.copy.duration.as_secs_f64(),
            first_chunk_seconds: self
                .copy
                .time_to_first_chunk
                .filter(|_| self.copy.stream)
                .map(|first| first.as_secs_f64()),
            usage: self.answer.usage,
        }
    }

    fn into_record(mut self) -> SpanRecord {
        let operation = self.copy.format.operation();
        let name =
            self.copy.model.as_ref().map_or_else(|| operation.to_owned(), |model| format!("{operation} {model}"));
        let nanos = i64::try_from(self.copy.duration.as_nanos()).unwrap_or(i64::MAX);
        let attributes = self.attributes();
        SpanRecord {
            trace_id: self.copy.trace.trace_id,
            span_id: self.copy.trace.span_id,
            parent_span_id: self.copy.trace.parent_span_id,
            name,
            kind: SpanKind::Client,
            started_at: self.copy.started_at,
            ended_at: self.copy.started_at.plus_nanos(nanos),
            error: self.error_message(),
            attributes,
            source: Source::Gateway,
            caller: self.copy.caller.caller.clone(),
            run_id: self.copy.caller.run_id.clone(),
            agent: self.copy.caller.agent.clone(),
            agent_digest: self.copy.caller.agent_digest.clone(),
        }
    }

    /// What Mizzen itself says, names and numbers only: a provider's own message may quote the prompt.
    fn error_message(&self) -> Option<String> {
        if self.error.is_empty() {
            return None;
        }
        if let (End::Refused { .. }, Some(why)) = (self.copy.end, &self.copy.refused_why) {
            let by = self.copy.refused_by.as_ref();
            return Some(by.map_or_else(|| why.clone(), |decision| status_message(why, decision)));
        }
        let upstream = self.copy.upstream.as_ref().map_or("none", |upstream| upstream.name.as_str());
        Some(match (self.copy.end, self.copy.status) {
            (End::Refused { reason, .. }, _) => {
                format!("the gateway answered `{}`; upstream `{upstream}`", reason.code())
            }
            (End::ClientGone, _) => "the client hung up before the answer was complete".to_owned(),
            (End::Answered, Some(status)) => {
                let name = self.answer.error.as_deref().unwrap_or("error");
                format!("upstream `{upstream}` answered {status} with `{name}`")
            }
            (End::Answered, None) => format!("upstream `{upstream}` failed"),
        })
    }

    fn attributes(&mut self) -> Vec<(&'static str, Value)> {
        let copy = &mut self.copy;
        let request = copy.request.take();
        let described = request.as_deref().map(|body| describe(copy.format, body, self.limits)).unwrap_or_default();
        let mut to = Attributes(Vec::with_capacity(24 + described.attributes.len()));
        to.text("gen_ai.operation.name", Some(copy.format.operation()));
        to.text("gen_ai.provider.name", Some(copy.format.protocol().as_str()));
        to.text("gen_ai.request.model", copy.model.as_deref());
        to.0.push(("gen_ai.request.stream", Value::Bool(copy.stream)));
        if let Some(upstream) = &copy.upstream {
            to.text("server.address", Some(&upstream.host));
            to.int("server.port", u64::from(upstream.port));
            to.text("mizzen.upstream", Some(&upstream.name));
        }
        if copy.retries > 0 {
            to.int("mizzen.retries", u64::from(copy.retries));
        }
        to.int("http.response.status_code", u64::from(status(copy)));
        to.text("error.type", Some(self.error.as_str()).filter(|error| !error.is_empty()));
        if let Some(first) = copy.time_to_first_chunk.filter(|_| copy.stream) {
            to.0.push(("gen_ai.response.time_to_first_chunk", Value::Double(first.as_secs_f64())));
        }
        to.permission(copy);
        let content = copy.record_content;
        to.0.extend(described.attributes.into_iter().filter(|(name, _)| content || !CONTENT.contains(name)));
        if !content {
            self.answer.messages = None;
        }
        to.kinds("mizzen.secrets.found_in_answer", &self.secrets);
        to.answer(&mut self.answer);
        let omitted = copy.request_unread.map(Unread::as_str);
        to.text("mizzen.content.request_omitted", if content { omitted } else { Some(BY_POLICY) });
        let omitted = self.unread.map(Unread::as_str);
        to.text("mizzen.content.response_omitted", if content { omitted } else { Some(BY_POLICY) });
        if described.truncated || self.answer.truncated {
            to.0.push(("mizzen.content.truncated", Value::Bool(true)));
        }
        to.0
    }
}

/// What the client was told, or would have been.
fn status(copy: &CallCopy) -> u16 {
    match copy.end {
        // A refusal after the head was sent does not change the status the client saw.
        End::Refused { status, .. } => copy.status.unwrap_or(status),
        End::Answered | End::ClientGone => copy.status.unwrap_or(CLIENT_CLOSED_REQUEST),
    }
}

/// `error.type`: the gateway's own code, the provider's name for the error, or the status.
fn error_type(copy: &CallCopy, answer: &Answer) -> Option<String> {
    match copy.end {
        End::Refused { reason, .. } => return Some(reason.code().to_owned()),
        // A client that has read the end of a stream need not wait for the connection to say so too.
        End::ClientGone if !answer.complete => return Some("client_disconnected".to_owned()),
        End::ClientGone | End::Answered => {}
    }
    let failed = copy.status.is_none_or(|status| status >= 400);
    let says_nothing = |name: &String| name == "error" || failed && name == NOT_JSON;
    answer.error.clone().filter(|name| !says_nothing(name)).or_else(|| match (failed, &answer.error) {
        (true, _) => Some(copy.status.map_or_else(|| "_OTHER".to_owned(), |status| status.to_string())),
        (false, Some(_)) => Some("_OTHER".to_owned()),
        (false, None) => None,
    })
}

struct Attributes(Vec<(&'static str, Value)>);

impl Attributes {
    fn text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.0.push((name, Value::from(value)));
        }
    }

    fn int(&mut self, name: &'static str, value: u64) {
        self.0.push((name, Value::Int(i64::try_from(value).unwrap_or(i64::MAX))));
    }

    /// What was decided, and what was found in what leaves.
    fn permission(&mut self, copy: &CallCopy) {
        if let Some(decision) = &copy.decision {
            self.text("mizzen.decision.effect", Some(decision.effect.as_str()));
            self.text("mizzen.decision.mode", Some(decision.mode.as_str()));
        }
        let id = copy.refused_by.as_deref().or(copy.decision.as_ref().map(|decision| decision.id.as_str()));
        self.text("mizzen.decision.id", id);
        self.kinds("mizzen.secrets.found", &copy.secrets);
    }

    fn kinds(&mut self, name: &'static str, kinds: &[&'static str]) {
        if !kinds.is_empty() {
            self.0.push((name, Value::Array(kinds.iter().map(|kind| Value::from(*kind)).collect())));
        }
    }

    fn answer(&mut self, answer: &mut Answer) {
        self.text("gen_ai.response.id", answer.id.as_deref());
        self.text("gen_ai.response.model", answer.model.as_deref());
        if !answer.finish_reasons.is_empty() {
            let reasons = answer.finish_reasons.drain(..).map(Value::String).collect();
            self.0.push(("gen_ai.response.finish_reasons", Value::Array(reasons)));
        }
        if let Some(messages) = answer.messages.take() {
            self.0.push(("gen_ai.output.messages", Value::String(messages)));
        }
        if let Some(usage) = answer.usage {
            self.int("gen_ai.usage.input_tokens", usage.input_tokens);
            self.int("gen_ai.usage.output_tokens", usage.output_tokens);
            let subsets = [
                ("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens),
                ("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens),
                ("mizzen.usage.cache_creation_1h.input_tokens", answer.cache_write_1h_tokens),
                ("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens),
            ];
            for (name, tokens) in subsets.into_iter().filter(|(_, tokens)| *tokens > 0) {
                self.int(name, tokens);
            }
        }
        self.0.append(&mut answer.extra);
    }
}
