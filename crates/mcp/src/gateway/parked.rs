//! Calls that wait: a stateful tool server asked its client something, and a stateless client was told so. The call
//! goes on when the client comes back with the answer, or is cancelled when it does not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::{Gauge, Metrics};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::exchange::Exchange;
use super::pipeline::Granted;
use super::state::Binding;
use crate::seam::ClientAnswer;

const ID_BYTES: usize = 18;

/// A call with an open question.
#[derive(Debug)]
pub(super) struct ParkedCall {
    pub(super) binding: Binding,
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
    gauge: Gauge,
}

impl ParkedCalls {
    pub(super) fn new(metrics: &Metrics, max: u64) -> Self {
        Self {
            calls: Mutex::default(),
            limit: Limit::new(metrics, "mcp_parked_calls", max),
            gauge: metrics.gauge("mizzen_mcp_parked_calls", "Calls that wait for a client's answer.", &[]),
        }
    }

    /// The id of the parked call.
    ///
    /// # Errors
    /// When too many wait, or there is no randomness; the call is dropped, and so cancelled.
    pub(super) fn park(&self, call: ParkedCall) -> Result<String, String> {
        let mut random = [0; ID_BYTES];
        getrandom::fill(&mut random).map_err(|_| "the operating system gives no random bytes".to_owned())?;
        let id = URL_SAFE_NO_PAD.encode(random);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        self.limit.check(calls.len() as u64 + 1).map_err(|limit| limit.to_string())?;
        calls.insert(id.clone(), call);
        self.count(&calls);
        Ok(id)
    }

    /// The call `id`, when it is this one's and not too old. It can be taken once.
    pub(super) fn take(&self, id: &str, binding: &Binding, now: Timestamp) -> Option<ParkedCall> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_theirs = |call: &ParkedCall| call.binding == *binding && call.expires_at >= now;
        let call = calls.get(id).is_some_and(is_theirs).then(|| calls.remove(id)).flatten();
        self.count(&calls);
        call
    }

    /// A call that was taken, and may not go on yet.
    pub(super) fn put_back(&self, id: String, call: ParkedCall) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.insert(id, call);
        self.count(&calls);
    }

    pub(super) fn sweep(&self, now: Timestamp) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let late: Vec<_> = calls.extract_if(|_, call| call.expires_at < now).collect();
        self.count(&calls);
        drop(calls);
        drop(late);
    }

    fn count(&self, calls: &HashMap<String, ParkedCall>) {
        self.gauge.set(i64::try_from(calls.len()).unwrap_or(i64::MAX));
    }
}
