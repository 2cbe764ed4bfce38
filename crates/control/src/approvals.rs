//! Held calls: what must not go out before a person said yes.
//!
//! An approval is for one call: the same key, run, action, resource and arguments, once, within its time. It is found again by
//! a fingerprint over these, so that a client that hung up and asks again finds its answer, and nobody else does.

mod fingerprint;
mod follow;
mod history;
mod storage;
mod webhook;

use mizzen_model::asked::Taint;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{broadcast, watch};

pub(crate) use self::fingerprint::Fingerprint;
pub(crate) use self::follow::{keep_followed, keep_notified};
pub use self::history::{Before, HISTORY_MAX};
pub(crate) use self::storage::{NewHeld, find_open, get, hold, stop, sweep, take};
pub use self::webhook::SIGNATURE_HEADER;
use crate::audit::{AuditError, Kind, Who};
use crate::plane::Inner;
use crate::sign_in::Session;
use crate::snapshot::TOKEN_KEY_PREFIX;
use crate::token::NoRandomness;

/// Calls that wait at a time; more are refused.
pub const WAITING_MAX: i64 = 10_000;
/// Of these, calls of one key: none takes the place of everybody else's.
pub const WAITING_PER_KEY_MAX: i64 = 200;
/// Arguments that are shown; what is longer is cut.
pub const ARGUMENTS_BYTES_MAX: usize = 16 << 10;
pub const REASON_BYTES_MAX: usize = 1_024;
/// Changes that a slow listener may be behind.
const CHANGES_KEPT: usize = 256;

/// What became of a held call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldState {
    Waiting,
    /// A person said yes, and the call has not come for it.
    Approved,
    Denied,
    Expired,
    /// The approved call went out.
    Used,
    /// The agent was stopped.
    Stopped,
}

impl HeldState {
    pub const ALL: [Self; 6] = [Self::Waiting, Self::Approved, Self::Denied, Self::Expired, Self::Used, Self::Stopped];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Stopped => "stopped",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// How much of the arguments is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Whole,
    /// Whole, but for what a policy of content took out; of what was decided before only.
    Redacted,
    /// The first [`ARGUMENTS_BYTES_MAX`] bytes.
    Cut,
    /// A policy of content forbids it.
    Hidden,
    /// There were none.
    #[serde(rename = "none")]
    Nothing,
}

impl Shown {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Redacted => "redacted",
            Self::Cut => "cut",
            Self::Hidden => "hidden",
            Self::Nothing => "none",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::Whole, Self::Cut, Self::Nothing].into_iter().find(|shown| shown.as_str() == name).unwrap_or(Self::Hidden)
    }
}

/// A held call, as an approver sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldCall {
    pub id: String,
    pub state: HeldState,
    pub key_id: String,
    pub caller: String,
    pub agent: Option<String>,
    pub team: Option<String>,
    /// Who had the agent's key made.
    pub minted_by: Option<String>,
    pub run_id: Option<String>,
    pub session: Option<String>,
    pub action: String,
    pub resource: String,
    pub server: Option<String>,
    pub name: String,
    /// JSON text, or the beginning of it.
    pub arguments: Option<String>,
    pub arguments_shown: Shown,
    pub arguments_hash: String,
    pub taint: Taint,
    pub reason: String,
    pub policies: Vec<String>,
    pub decision_id: String,
    pub requested_at: Timestamp,
    /// Until when it waits, or may be used.
    pub expires_at: Timestamp,
    pub answered_by: Option<String>,
    pub answered_at: Option<Timestamp>,
    pub answer_reason: Option<String>,
}

impl HeldCall {
    /// The arguments as JSON, or the beginning of their text where they are cut.
    #[must_use]
    pub fn arguments(&self) -> Option<Value> {
        let text = self.arguments.as_deref()?;
        let whole = (self.arguments_shown == Shown::Whole).then(|| serde_json::from_str(text).ok()).flatten();
        Some(whole.unwrap_or_else(|| Value::String(text.to_owned())))
    }
}

/// Why a held call could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("no held call `{0}`")]
    NotFound(String),
    #[error("the held call `{id}` is {state} already{by}", state = .state.as_str())]
    AlreadyDecided { id: String, state: HeldState, by: String },
    #[error(
        "`{by}` had the key of this agent made, or calls with an access token of their own; somebody else must answer"
    )]
    FourEyes { by: String },
    #[error("a reason has at most {REASON_BYTES_MAX} bytes")]
    Reason,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Why a call could not be held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HoldError {
    #[error("{WAITING_MAX} calls wait for a person already")]
    TooMany,
    #[error("{WAITING_PER_KEY_MAX} calls of this key wait for a person already")]
    TooManyOfKey,
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tells of changes within this node.
#[derive(Debug)]
pub(crate) struct Changes {
    calls: broadcast::Sender<HeldCall>,
    count: watch::Sender<u64>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { calls: broadcast::Sender::new(CHANGES_KEPT), count: watch::Sender::new(0) }
    }
}

impl Changes {
    pub(crate) fn tell(&self, call: HeldCall) {
        // Nobody listens: nothing to tell.
        self.calls.send(call).ok();
        self.count.send_modify(|count| *count += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }
}

/// Who answers.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub name: &'a str,
    /// `issuer#subject`, of who signed in with somebody else's login.
    pub subject: Option<&'a str>,
}

impl<'a> From<&'a str> for Person<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, subject: None }
    }
}

impl<'a> From<&'a Session> for Person<'a> {
    fn from(session: &'a Session) -> Self {
        Self { name: &session.name, subject: session.subject.as_deref() }
    }
}

impl Person<'_> {
    /// Whether they had the key made that a call came with, or it came with an access token of their own.
    fn stands_behind(&self, call: &HeldCall) -> bool {
        // Who signed in without an address that the provider checked is called by the subject here.
        let bearer = call.key_id.strip_prefix(TOKEN_KEY_PREFIX);
        let is_own = |bearer: &str| bearer.split_once('#').is_some_and(|(_, subject)| subject == self.name);
        call.minted_by.as_deref() == Some(self.name)
            || bearer.is_some_and(|bearer| self.subject == Some(bearer) || is_own(bearer))
    }
}

/// From [`crate::Control::approvals`].
#[derive(Debug)]
pub struct Approvals<'a>(pub(crate) &'a Inner);

/// Which held calls to list.
#[derive(Debug, Clone, Default)]
pub struct HeldFilter {
    pub state: Option<HeldState>,
    pub agent: Option<String>,
    pub run_id: Option<String>,
    /// Older than this: the last one of the page before.
    pub before: Option<(Timestamp, String)>,
    pub limit: u32,
}

impl Approvals<'_> {
    /// Held calls, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, filter: &HeldFilter) -> Result<Vec<HeldCall>, StoreError> {
        storage::list(self.0, filter).await
    }

    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: &str) -> Result<Option<HeldCall>, StoreError> {
        storage::get(self.0, id).await
    }

    /// The last [`HISTORY_MAX`] decisions of the call's run before it was held, newest first; of its key where it is in no run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(&self, call: &HeldCall) -> Result<Vec<Before>, StoreError> {
        history::of(self.0, call).await
    }

    /// Changes of held calls from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<HeldCall> {
        self.0.memory.held_changes.calls.subscribe()
    }

    /// Answers a held call: the first answer counts.
    ///
    /// # Errors
    /// When there is none, it was answered or expired, the answer is not this person's to give, or the database fails.
    pub async fn answer(
        &self,
        id: &str,
        yes: bool,
        by: impl Into<Person<'_>>,
        reason: Option<&str>,
    ) -> Result<HeldCall, AnswerError> {
        let person: Person<'_> = by.into();
        let by = person.name;
        if reason.is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
            return Err(AnswerError::Reason);
        }
        let call = self.get(id).await?.ok_or_else(|| AnswerError::NotFound(id.to_owned()))?;
        if self.0.memory.config().four_eyes && person.stands_behind(&call) {
            self.0.audit.refused(Kind::DoorRefused, "portal", "four_eyes", Who::user(by));
            return Err(AnswerError::FourEyes { by: by.to_owned() });
        }
        let state = if yes { HeldState::Approved } else { HeldState::Denied };
        let Some(change) = storage::answer(self.0, id, state, by, reason).await? else {
            let call = self.get(id).await?.ok_or_else(|| AnswerError::NotFound(id.to_owned()))?;
            let by = call.answered_by.map(|by| format!(", by `{by}`")).unwrap_or_default();
            // Its time is over, and nobody has written that down yet.
            let state = if call.state == HeldState::Waiting { HeldState::Expired } else { call.state };
            return Err(AnswerError::AlreadyDecided { id: id.to_owned(), state, by });
        };
        // The entry comes first: the call goes out as soon as a yes can be seen.
        let answered = HeldCall { state, ..call };
        record(self.0, &answered, Who::user(by), reason.unwrap_or_default()).await?;
        change.commit().await.map_err(StoreError::from)?;
        let call = self.get(id).await?.ok_or_else(|| AnswerError::NotFound(id.to_owned()))?;
        self.0.memory.held_changes.tell(call.clone());
        Ok(call)
    }
}

/// Writes down what becomes of a held call, before those who wait hear of it.
async fn record(inner: &Inner, call: &HeldCall, by: Who, reason: &str) -> Result<(), AuditError> {
    let details = [
        ("approval", call.id.as_str()),
        ("state", call.state.as_str()),
        ("decision", &call.decision_id),
        ("caller", &call.caller),
        ("reason", reason),
    ];
    inner.audit.changed(Kind::Approval, by, call.resource.clone(), &details).await
}

#[cfg(test)]
mod tests;
