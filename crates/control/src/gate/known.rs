//! What a door knows the answer of without a policy: it is recorded like every other answer.

use std::sync::Arc;

use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::permission::Effect;

use super::case::{Case, Refusal};
use super::{Ask, Denial, DenialCode, Gate, record};
use crate::audit::{AuditEntry, AuditError, Durability, Kind, Who};
use crate::snapshot::KeyIdentity;

/// A list that was answered, or something about a call that was decided on earlier.
#[derive(Debug)]
pub struct Known<'a> {
    pub caller: &'a KeyIdentity,
    pub run: Option<RunId>,
    pub trace: Option<(TraceId, SpanId)>,
    /// For example `tools:list`.
    pub action: String,
    pub resource: String,
    /// Why it did not go on; `None`: it did.
    pub code: Option<&'static str>,
    pub details: Vec<(&'static str, String)>,
    pub durability: Durability,
}

impl Gate<'_> {
    /// Refuses a call to a tool that nobody may call, for `reason`, whatever policies say.
    pub async fn withheld(&self, ask: Ask, reason: &str) -> Denial {
        let case = Case::open(self.0, Arc::new(ask));
        self.refused(&case, Refusal::new(DenialCode::DefinitionChanged, reason)).await
    }

    /// Writes down what went on, or did not, without being asked about anew.
    ///
    /// # Errors
    /// When the audit log does not take it: then it must not go on.
    pub async fn known(&self, known: Known<'_>) -> Result<(), AuditError> {
        let caller = known.caller.as_caller();
        let mut entry = AuditEntry::new(self.0.clock.now(), Kind::Decision, Who::from(&caller));
        entry.who.key_id = Some(known.caller.key_id.clone());
        entry.run = known.run;
        entry.trace = known.trace.map(|(trace, _)| trace);
        entry.span = known.trace.map(|(_, span)| span);
        entry.action = Some(known.action);
        entry.resource = Some(known.resource);
        entry.effect = Some(if known.code.is_some() { Effect::Deny } else { Effect::Allow });
        entry.policy_set = Some(self.0.policy_set.load().digest().clone());
        entry.code = known.code.map(str::to_owned);
        for (name, value) in known.details {
            entry = entry.with(name, value);
        }
        self.0.audit.append(entry, known.durability).await.map(|_| ())
    }

    pub(super) async fn refused(&self, case: &Case, refusal: Refusal) -> Denial {
        let decision = case.decision(Some(&refusal));
        record::turned(self.0, case, &decision, Some(refusal.code)).await;
        let message = format!("{} was refused: {}", case.ask.resource, refusal.reason);
        let record_content = case.obligations().record_content;
        Denial { decision, code: refusal.code, message, retry_at: refusal.retry_at, record_content }
    }
}
