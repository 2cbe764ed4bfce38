//! A call that waits for a person.

use std::sync::Arc;
use std::time::Duration;

use mizzen_model::permission::Decision;
use mizzen_model::time::Timestamp;

use super::{Answer, Ask, Denial, DenialCode, Gate};
use crate::approvals::{self, HeldCall, HeldState};
use crate::plane::Inner;

/// Answers are told within a node; this is for those that were missed, and for clocks that jump.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// A call that waits for a person.
#[derive(Debug)]
pub struct Held {
    pub decision: Arc<Decision>,
    pub approval_id: String,
    pub expires_at: Timestamp,
    pub(super) record_content: Option<bool>,
    pub(super) inner: Arc<Inner>,
    pub(super) ask: Arc<Ask>,
}

impl Held {
    /// Waits until a person has answered or the time is over. Dropping the wait leaves the call held; asking again
    /// with the same arguments in the same run finds the answer. After a yes the question is asked once more: what has changed
    /// in between counts.
    pub async fn wait(self) -> Answer {
        let mut changes = self.inner.memory.held_changes.watch();
        loop {
            changes.borrow_and_update();
            let call = match approvals::get(&self.inner, &self.approval_id).await {
                Ok(Some(call)) => call,
                Ok(None) => return self.refuse(DenialCode::ApprovalExpired, "it is not held any more".to_owned()),
                Err(_) => {
                    let message = "the control database does not answer; ask again".to_owned();
                    return self.refuse(DenialCode::Unavailable, message);
                }
            };
            let is_over = call.expires_at <= self.inner.clock.now();
            match call.state {
                HeldState::Waiting if !is_over => {
                    // A closed channel is the end of this node; the next look finds out what remains.
                    tokio::time::timeout(LOOK_AGAIN, changes.changed()).await.ok();
                }
                HeldState::Approved if !is_over => {
                    return Gate(&self.inner).answer(self.ask).await;
                }
                _ => return self.refuse(code_of(&call), why(&call)),
            }
        }
    }

    fn refuse(self, code: DenialCode, why: String) -> Answer {
        let message = format!("{} was refused: {why}", self.ask.resource);
        self.inner.memory.measures().decided(&self.decision, Some(code));
        let record_content = self.record_content;
        Answer::Refused(Denial { decision: self.decision, code, message, retry_at: None, record_content })
    }
}

pub(super) fn code_of(call: &HeldCall) -> DenialCode {
    match call.state {
        HeldState::Denied => DenialCode::ApprovalDenied,
        HeldState::Stopped => DenialCode::Paused,
        HeldState::Waiting | HeldState::Approved | HeldState::Expired | HeldState::Used => DenialCode::ApprovalExpired,
    }
}

/// What became of it, with the reason that a person gave.
pub(super) fn why(call: &HeldCall) -> String {
    let by = call.answered_by.as_deref().unwrap_or("nobody");
    let reason = call.answer_reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match call.state {
        HeldState::Denied => format!("`{by}` denied it{reason} (held call `{}`)", call.id),
        HeldState::Stopped => format!("`{by}` stopped the agent{reason}"),
        HeldState::Used => {
            format!("the approval `{}` was used by another call; ask again to have this one held", call.id)
        }
        HeldState::Approved => {
            format!("the approval `{}` was not used in time; ask again to have the call held", call.id)
        }
        HeldState::Waiting | HeldState::Expired => {
            format!("nobody answered for the held call `{}` in time; ask again to have it held once more", call.id)
        }
    }
}
