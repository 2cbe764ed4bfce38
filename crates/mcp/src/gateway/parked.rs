//! Calls that wait: a stateful tool server asked its client something, and a stateless client was told so. The call
//! goes on when the client comes back with the answer. It ends when that does not come in time, when its agent is stopped, and
//! when what it is about is no longer what was permitted; its server is told then, and it is an entry under its decision.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::join_all;
use http::HeaderMap;
use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::{Gauge, Metrics};
use mizzen_runtime::task::BoxError;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Inner;
use super::config::DoorLimits;
use super::exchange::Exchange;
use super::pipeline::{Granted, Incoming, Subject, Target, UnderWay};
use super::state::Binding;
use crate::federation::listing::exposed;
use crate::seam::{ClientAnswer, Era};
use crate::wire::json::{self as text, Members};

const ID_BYTES: usize = 18;
/// How often it is looked for calls whose time is over. A stop is heard of at once.
const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
/// The code of a call whose client did not bring the answer in time.
const ANSWER_EXPIRED: &str = "answer_expired";
/// As at the door, where nobody waits for anything.
const TARGET_UNKNOWN: &str = "target_unknown";

/// A call with an open question.
#[derive(Debug)]
pub(super) struct ParkedCall {
    pub(super) binding: Binding,
    /// Who asked for what, without what was said: that comes again with the answer.
    pub(super) incoming: Incoming,
    pub(super) target: Target,
    pub(super) granted: Granted,
    pub(super) exchange: Exchange,
    pub(super) question: Question,
    pub(super) asked_at: Instant,
    pub(super) expires_at: Timestamp,
}

/// What the tool server asked.
#[derive(Debug)]
pub(super) struct Question {
    /// In `inputRequests`; another one each time.
    pub(super) key: String,
    pub(super) method: String,
    pub(super) params: Option<Box<RawValue>>,
    pub(super) answer: oneshot::Sender<ClientAnswer>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct ParkedCalls {
    calls: Mutex<HashMap<String, ParkedCall>>,
    limit: Limit,
    limit_per_caller: Limit,
    gauge: Gauge,
}

impl ParkedCalls {
    pub(super) fn new(metrics: &Metrics, max: &DoorLimits) -> Self {
        Self {
            calls: Mutex::default(),
            limit: Limit::new(metrics, "mcp_parked_calls", max.parked_max),
            limit_per_caller: Limit::new(metrics, "mcp_parked_calls_per_caller", max.parked_per_caller_max),
            gauge: metrics.gauge("mizzen_mcp_parked_calls", "Calls that wait for a client's answer.", &[]),
        }
    }

    /// The id of the parked call.
    ///
    /// # Errors
    /// When too many wait, of all callers or of this one, or there is no randomness; the call is dropped, and so cancelled.
    pub(super) fn park(&self, call: ParkedCall) -> Result<String, String> {
        let mut random = [0; ID_BYTES];
        getrandom::fill(&mut random).map_err(|_| "the operating system gives no random bytes".to_owned())?;
        let id = URL_SAFE_NO_PAD.encode(random);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let of_caller = calls.values().filter(|other| other.binding.credential == call.binding.credential).count();
        self.limit_per_caller.check(of_caller as u64 + 1).map_err(|limit| {
            format!("{limit}: so many calls of this key or token wait for answers; answer some, or try again when they are over")
        })?;
        self.limit.check(calls.len() as u64 + 1).map_err(|limit| limit.to_string())?;
        calls.insert(id.clone(), call);
        self.count(&calls);
        Ok(id)
    }

    /// The call `id`, when it is the one that is meant and not too old. It can be taken once.
    pub(super) fn take(&self, id: &str, now: Timestamp, is_meant: impl Fn(&ParkedCall) -> bool) -> Option<ParkedCall> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = calls.get(id).is_some_and(|call| call.expires_at >= now && is_meant(call));
        let call = is_there.then(|| calls.remove(id)).flatten();
        self.count(&calls);
        call
    }

    /// A call that was taken, and may not go on yet.
    pub(super) fn put_back(&self, id: String, call: ParkedCall) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(id, call);
        self.count(&calls);
    }

    /// Those that end without an answer.
    fn take_ended(&self, now: Timestamp) -> Vec<ParkedCall> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |call: &ParkedCall| call.expires_at < now || call.granted.permit.is_stopped();
        let ended = calls.extract_if(|_, call| is_over(call)).map(|(_, call)| call).collect();
        self.count(&calls);
        ended
    }

    fn count(&self, calls: &HashMap<String, ParkedCall>) {
        self.gauge.set(i64::try_from(calls.len()).unwrap_or(i64::MAX));
    }
}

impl ParkedCall {
    /// The call again, with what is open. That its client was waited for takes no time of a budget.
    pub(super) fn under_way(self) -> UnderWay {
        let Self { incoming, target, mut granted, exchange, question, asked_at, .. } = self;
        granted.waited_since(asked_at);
        UnderWay { incoming, target, granted, exchange, open_question: Some(question) }
    }

    /// Why it may not go on, `now` being what it is about: it was permitted for the definition that there was then.
    pub(super) fn unfit(&self, now: &Target) -> Option<String> {
        let withheld = now.definition.as_ref().and_then(|definition| definition.withheld.clone());
        let digest =
            |target: &Target| target.definition.as_ref().and_then(|definition| definition.facts.digest.clone());
        let changed = || "its definition is another one since the call was permitted; send the request anew".to_owned();
        withheld.or_else(|| (digest(&self.target) != digest(now)).then(changed))
    }

    /// Ends it without its client; what is answered is nobody's.
    async fn end(self) {
        let is_stopped = self.granted.permit.is_stopped();
        let under_way = self.under_way();
        if is_stopped {
            under_way.stopped(None).await;
        } else {
            let why = "the client did not bring the answer in time";
            under_way.ended(ANSWER_EXPIRED, why, why).await;
        }
    }
}

impl Incoming {
    /// Who asked, without what was said: a call that waits takes no more room than it must.
    pub(super) fn bare(self) -> Self {
        let (params, meta, headers) = (Members::new(), Members::new(), HeaderMap::new());
        Self { params, meta, headers, in_flight: None, counted: None, ..self }
    }

    /// Ends the call that waits for this request, when what both are about is not there any more.
    pub(super) async fn end_waiting(&self, subject: Subject, name: &str) {
        let state = self.params.get("requestState").and_then(|state| text::text(state));
        let Some(state) = state.filter(|_| self.client.era() == Era::Stateless) else { return };
        let Some(id) = self.gateway.parked_id(&self.caller.key_id, &state) else { return };
        let is_meant = |call: &ParkedCall| {
            let Target { member, name: own, .. } = &call.target;
            let is_named = exposed(member, subject.kind(), own) == name;
            is_named && call.target.subject == subject && call.incoming.method == self.method
        };
        if let Some(call) = self.gateway.parked.take(&id, self.gateway.clock.now(), is_meant) {
            let why = "what the call is about is no longer offered";
            call.under_way().ended(TARGET_UNKNOWN, why, why).await;
        }
    }
}

/// Ends the calls that nobody comes back for, and those of agents that are stopped.
pub(super) async fn keep_swept(gateway: Arc<Inner>) -> Result<(), BoxError> {
    let mut pauses = gateway.control.pauses().watch();
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            // A stop is one of them.
            Ok(()) = pauses.changed() => {}
        }
        join_all(gateway.parked.take_ended(gateway.clock.now()).into_iter().map(ParkedCall::end)).await;
    }
}
