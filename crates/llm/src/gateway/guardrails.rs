//! Guardrails: programs and services of the operator's own that are asked about a request before it leaves, or about
//! an answer before the client gets any of it.
//!
//! An answer that is asked about is held back whole, streams too: a window that was checked and sent cannot be taken
//! back when the next one shows what it meant. What cannot be asked about, or is not answered in time, denies, unless
//! the guardrail is configured otherwise. Each asking is a step of the run.

mod ask;
mod config;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mizzen_control::KeyIdentity;
use mizzen_model::attribute::Value;
use mizzen_model::span::{SpanKind, SpanRecord};
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use tokio::sync::{Semaphore, mpsc};

pub use self::ask::PROGRAM_PATH;
use self::ask::{Failure, Verdict};
use self::config::{Guardrail, Means};
pub use self::config::{GuardrailConfig, GuardrailError, OnFailure, When};
use super::Inner;
use super::metrics::GatewayMetrics;
use super::refusal::{Reason, Refusal};
use super::trace::{TraceContext, random_span_id};

/// Programs that run, and services that are asked, at the same time; further ones wait, within their deadline.
const RUNNING_MAX: usize = 32;

/// All guardrails, in the order of the configuration.
#[derive(Debug)]
pub(super) struct Guardrails {
    all: Vec<Guardrail>,
    running: Arc<Semaphore>,
    records: mpsc::Sender<SpanRecord>,
    clock: Clock,
    metrics: GatewayMetrics,
}

/// The call that guardrails are asked about.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) caller: &'a KeyIdentity,
    pub(super) trace: &'a TraceContext,
    /// What is called; the path, where that is all that is known.
    pub(super) endpoint: &'a str,
    pub(super) model: &'a str,
    pub(super) stream: bool,
}

/// What they are shown: JSON as it stands, or why there is none.
pub(super) type Shown<'a> = Result<&'a str, &'static str>;

/// A body of which nobody knows what it means. What is no JSON is found out when it is shown.
pub(super) fn as_it_stands(body: &[u8]) -> Shown<'_> {
    match std::str::from_utf8(body) {
        Ok("") => Ok("null"),
        Ok(text) => Ok(text),
        Err(_) => Err("the body is not UTF-8"),
    }
}

/// Whether each can be used as it is written.
pub(super) fn check(configured: &[GuardrailConfig]) -> Result<(), GuardrailError> {
    config::resolve(configured).map(drop)
}

impl Guardrails {
    pub(super) fn new(
        configured: &[GuardrailConfig],
        records: mpsc::Sender<SpanRecord>,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> Result<Self, GuardrailError> {
        let running = Arc::new(Semaphore::new(RUNNING_MAX));
        Ok(Self { all: config::resolve(configured)?, running, records, clock, metrics })
    }

    fn of<'g>(&'g self, when: When, caller: &'g KeyIdentity) -> impl Iterator<Item = &'g Guardrail> {
        self.all.iter().filter(move |one| one.when == when && one.is_for(caller.agent.as_deref()))
    }

    /// Whether an answer for `caller` must be held back.
    pub(super) fn hold_answers(&self, caller: &KeyIdentity) -> bool {
        self.of(When::Response, caller).next().is_some()
    }

    /// Asks every guardrail that applies, one after the other; the first that says no ends the call.
    pub(super) async fn check(
        &self,
        gateway: &Inner,
        when: When,
        subject: &Subject<'_>,
        shown: Shown<'_>,
    ) -> Result<(), Refusal> {
        for guardrail in self.of(when, subject.caller) {
            let (started_at, started) = (self.clock.now(), Instant::now());
            let answered = match shown {
                Ok(content) => self.ask(gateway, guardrail, subject, content).await,
                Err(why) => Err(Failure::Unreadable(why)),
            };
            self.record(guardrail, subject, started_at, started.elapsed(), &answered);
            let (name, what) = (&guardrail.name, when.as_str());
            match answered {
                Ok(Verdict { allow: true, .. }) => {}
                Ok(Verdict { reason, .. }) => {
                    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                    let message = format!("the guardrail `{name}` refused the {what}{because}");
                    return Err(Refusal::new(Reason::GuardrailDenied, message));
                }
                Err(failure) if guardrail.on_failure == OnFailure::Allow => {
                    tracing::warn!(guardrail = name, %failure, "a guardrail failed, and its call went on as configured");
                }
                Err(failure) => {
                    tracing::warn!(guardrail = name, %failure, "a guardrail failed, and its call was refused");
                    let message = format!(
                        "the guardrail `{name}` could not check the {what}: {failure}; try again, or tell the operator"
                    );
                    return Err(Refusal::new(Reason::GuardrailFailed, message));
                }
            }
        }
        Ok(())
    }

    async fn ask(
        &self,
        gateway: &Inner,
        guardrail: &Guardrail,
        subject: &Subject<'_>,
        content: &str,
    ) -> Result<Verdict, Failure> {
        let question = ask::question(guardrail, subject, content)?;
        let asking = async {
            let _place = self.running.acquire().await.map_err(|_| Failure::NotStarted)?;
            match &guardrail.means {
                Means::Program(command) => ask::program(command, question).await,
                Means::Webhook { url, headers } => ask::webhook(&gateway.client, url, headers, question).await,
            }
        };
        match tokio::time::timeout(guardrail.deadline, asking).await {
            Ok(answered) => answered,
            Err(_) => Err(Failure::Late(guardrail.deadline)),
        }
    }

    fn record(
        &self,
        guardrail: &Guardrail,
        subject: &Subject<'_>,
        started_at: Timestamp,
        took: Duration,
        answered: &Result<Verdict, Failure>,
    ) {
        let decision = match answered {
            Ok(Verdict { allow: true, .. }) => "allow",
            Ok(_) => "deny",
            Err(_) => "failed",
        };
        let mut attributes = vec![
            ("gen_ai.operation.name", Value::from("apply_guardrail")),
            ("mizzen.guardrail.name", Value::from(guardrail.name.as_str())),
            ("mizzen.guardrail.when", Value::from(guardrail.when.as_str())),
            ("mizzen.guardrail.decision", Value::from(decision)),
        ];
        if let Ok(Verdict { code: Some(code), .. }) = answered {
            attributes.push(("mizzen.guardrail.code", Value::from(code.as_str())));
        }
        if let Err(failure) = answered {
            attributes.push(("error.type", Value::from(failure.code())));
        }
        let record = SpanRecord {
            trace_id: subject.trace.trace_id,
            span_id: random_span_id(),
            // A guardrail is a part of the model call that it guards.
            parent_span_id: Some(subject.trace.span_id),
            name: format!("apply_guardrail {}", guardrail.name),
            kind: SpanKind::Internal,
            started_at,
            ended_at: started_at.plus_nanos(i64::try_from(took.as_nanos()).unwrap_or(i64::MAX)),
            error: answered.as_ref().err().map(ToString::to_string),
            attributes,
            source: Source::Gateway,
            caller: subject.caller.caller.clone(),
            run_id: subject.caller.run_id.clone(),
            agent: subject.caller.agent.clone(),
            agent_digest: subject.caller.agent_digest.clone(),
        };
        if self.records.try_send(record).is_err() {
            self.metrics.shed.inc();
        }
    }
}
