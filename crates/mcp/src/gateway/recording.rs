//! A span for each call, handed on exactly once, however the call ends. Names follow OpenTelemetry's conventions for
//! MCP and for generative AI.

use std::sync::Arc;
use std::time::Instant;

use mizzen_control::KeyIdentity;
use mizzen_model::attribute::Value;
use mizzen_model::permission::Decision;
use mizzen_model::span::{SpanKind, SpanRecord};
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;

use super::Inner;
use super::trace::TraceContext;
use crate::wire::rpc::Answer;

/// Owns the record of a call. Dropped without an end it says that nobody waited for the answer.
#[derive(Debug)]
pub(super) struct Recording {
    gateway: Arc<Inner>,
    name: String,
    pub(super) trace: TraceContext,
    caller: Arc<KeyIdentity>,
    started_at: Timestamp,
    started: Instant,
    attributes: Vec<(&'static str, Value)>,
    error: Option<String>,
    ended: bool,
    content: bool,
}

impl Recording {
    /// `name` is the method and what it is about, such as `tools/call add`.
    pub(super) fn begin(gateway: Arc<Inner>, name: String, trace: TraceContext, caller: Arc<KeyIdentity>) -> Self {
        let started_at = gateway.clock.now();
        Self {
            gateway,
            name,
            trace,
            caller,
            started_at,
            started: Instant::now(),
            attributes: Vec::with_capacity(16),
            error: None,
            ended: false,
            content: true,
        }
    }

    pub(super) fn note(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.push((name, value.into()));
    }

    /// Content is left out when a decision says so; what the capture policy forbids is left out later.
    pub(super) fn note_content(&mut self, name: &'static str, content: &str) {
        if !self.content {
            return;
        }
        let max = self.gateway.config.limits.record_bytes_max;
        let end = (0..=content.len().min(max)).rev().find(|end| content.is_char_boundary(*end)).unwrap_or(0);
        self.attributes.push((name, content.get(..end).unwrap_or_default().into()));
    }

    /// Kinds of secrets in what leaves.
    pub(super) fn note_secrets_sent(&mut self, kinds: &[&'static str]) {
        self.note_kinds("mizzen.secrets.found", kinds);
    }

    /// Kinds of secrets in the answer.
    pub(super) fn note_secrets(&mut self, kinds: &[&'static str]) {
        self.note_kinds("mizzen.secrets.found_in_answer", kinds);
    }

    /// Beside what was noted of it before: a call that waits for its client gets words of it more than once.
    fn note_kinds(&mut self, name: &'static str, kinds: &[&'static str]) {
        let noted = self.attributes.iter().position(|(known, _)| *known == name);
        let mut all = match noted.map(|at| self.attributes.remove(at)) {
            Some((_, Value::Array(all))) => all,
            _ => Vec::new(),
        };
        for kind in kinds.iter().map(|kind| Value::from(*kind)) {
            if !all.contains(&kind) {
                all.push(kind);
            }
        }
        if !all.is_empty() {
            self.note(name, Value::Array(all));
        }
    }

    pub(super) fn note_decision(&mut self, decision: &Decision) {
        self.note("mizzen.decision.id", decision.id.as_str());
        self.note("mizzen.decision.effect", decision.effect.as_str());
        self.note("mizzen.decision.mode", decision.mode.as_str());
    }

    /// From now on no content is recorded, and what was is taken back.
    pub(super) fn forbid_content(&mut self) {
        self.content = false;
        self.attributes.retain(|(name, _)| !matches!(*name, "gen_ai.tool.call.arguments" | "gen_ai.tool.call.result"));
    }

    /// The call ended in a way that is no success; `code` is stable, `message` carries no content.
    pub(super) fn fail(&mut self, code: &'static str, message: &str) {
        // What is said first is nearer to the cause.
        if self.error.is_none() {
            self.note("error.type", code);
            self.error = Some(message.to_owned());
        }
        self.ended = true;
    }

    /// The tool server answered.
    pub(super) fn end(&mut self, answer: &Answer) {
        self.ended = true;
        match answer {
            Answer::Result(result) => {
                #[derive(serde::Deserialize)]
                #[serde(rename_all = "camelCase")]
                struct Flag {
                    is_error: Option<bool>,
                }
                let flag = serde_json::from_str::<Flag>(result.get()).ok().and_then(|flag| flag.is_error);
                if flag == Some(true) {
                    self.fail("tool_error", "the tool said that it failed");
                }
            }
            Answer::Error { code, .. } => {
                self.note("rpc.response.status_code", code.to_string());
                self.fail("rpc_error", &format!("the tool server answered with error {code}"));
            }
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.ended {
            self.fail("client_gone", "nobody waited for the answer");
        }
        let elapsed = self.started.elapsed();
        self.gateway.metrics.duration.observe(elapsed.as_secs_f64());
        let record = SpanRecord {
            trace_id: self.trace.trace_id,
            span_id: self.trace.span_id,
            parent_span_id: self.trace.parent_span_id,
            name: std::mem::take(&mut self.name),
            kind: SpanKind::Server,
            started_at: self.started_at,
            ended_at: self.started_at.plus_nanos(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)),
            error: self.error.take(),
            attributes: std::mem::take(&mut self.attributes),
            source: Source::Gateway,
            caller: self.caller.caller.clone(),
            run_id: self.caller.run_id.clone(),
            agent: self.caller.agent.clone(),
            agent_digest: self.caller.agent_digest.clone(),
        };
        if self.gateway.records.try_send(record).is_err() {
            self.gateway.metrics.shed.inc();
        }
    }
}
