//! Evidence in force: of each digest and metric the newest, which is what permission may rest on.

use std::sync::Arc;

use mizzen_model::id::Digest;
use mizzen_model::permission::{Evidence, EvidenceError};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::Row as _;

use crate::audit::{AuditError, Kind, Who};
use crate::pauses::REASON_BYTES_MAX;
use crate::plane::Inner;
use crate::remembered::{self, Change};

/// Every node holds all of it in memory.
pub const EVIDENCE_MAX: usize = 50_000;

/// Evidence with the agent that it is told of.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    pub agent: String,
    pub evidence: Evidence,
    pub published_at: Timestamp,
}

/// Why evidence could not be put in force.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the evidence contradicts itself")]
    Evidence(#[from] EvidenceError),
    #[error("there is evidence about {EVIDENCE_MAX} digests and metrics, and no more may be in force; withdraw some")]
    TooMuch,
    #[error("the evidence could not be written")]
    Encode(#[source] serde_json::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Evidence that a person took out of force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    pub subject: Digest,
    pub metric: String,
    /// Of the measurement that was in force: neither it nor an older one comes into force again.
    pub as_of: Timestamp,
    pub reason: String,
    pub by: String,
    pub at: Timestamp,
}

/// Why nothing was withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    #[error("say why, in 1 to {REASON_BYTES_MAX} bytes: who is refused for want of this evidence will read it")]
    Reason,
    #[error("no evidence of `{metric}` about {subject} is in force; what is: {others}")]
    NotInForce { metric: String, subject: Digest, others: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// From [`crate::Control::evidence`].
#[derive(Debug)]
pub struct EvidenceInForce<'a>(pub(crate) &'a Inner);

impl EvidenceInForce<'_> {
    /// What is in force about a digest.
    #[must_use]
    pub fn of(&self, digest: &Digest) -> Arc<Vec<Evidence>> {
        self.0.memory.remembered().evidence.get(digest).cloned().unwrap_or_default()
    }

    /// All that is in force, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<InForce> {
        self.0.memory.remembered().published.clone()
    }

    /// Puts evidence in force in place of older evidence about the same digest and metric. `false` when what is in force, or
    /// what was withdrawn, is as new, and nothing changed.
    ///
    /// # Errors
    /// When it contradicts itself, there is too much, the database fails, or the audit log does not take it: then nothing
    /// changed.
    pub async fn publish(&self, agent: &str, evidence: &Evidence) -> Result<bool, PublishError> {
        evidence.validate()?;
        if self.withdrawal_of(evidence).is_some() {
            return Ok(false);
        }
        let known = self.0.memory.remembered();
        let same =
            |item: &&InForce| item.evidence.subject == evidence.subject && item.evidence.metric == evidence.metric;
        match known.published.iter().find(same) {
            Some(item) if item.evidence.as_of >= evidence.as_of => return Ok(false),
            None if known.published.len() >= EVIDENCE_MAX => return Err(PublishError::TooMuch),
            _ => {}
        }
        let text = serde_json::to_string(evidence).map_err(PublishError::Encode)?;
        let Some(change) = self.upsert(agent, evidence, &text).await? else {
            self.0.publish_remembered().await?;
            return Ok(false);
        };
        let details = [("agent", agent), ("evidence", text.as_str())];
        // The entry comes first: a change that the log does not take is rolled back.
        record(self.0, Who::mizzen(), &evidence.subject, &details).await?;
        remembered::commit(self.0, change).await?;
        Ok(true)
    }

    /// Takes evidence out of force for good: of this metric of this digest only what is measured later comes into force again.
    /// At once on this node, and on others when they next look.
    ///
    /// # Errors
    /// When there is no reason, no such evidence is in force, the database fails, or the audit log does not take it: then it
    /// stays.
    pub async fn withdraw(
        &self,
        subject: &Digest,
        metric: &str,
        reason: &str,
        by: &str,
    ) -> Result<Withdrawal, WithdrawError> {
        if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(WithdrawError::Reason);
        }
        let (by, at) = (by.to_owned(), self.0.clock.now());
        let (subject, metric, reason) = (subject.clone(), metric.to_owned(), reason.to_owned());
        let mut withdrawal = Withdrawal { subject, metric, as_of: at, reason, by, at };
        let Some((change, as_of)) = self.bury(&withdrawal).await? else {
            // It may be gone, and this node did not get to hear of it.
            self.0.publish_remembered().await?;
            return Err(self.not_in_force(&withdrawal));
        };
        withdrawal.as_of = as_of;
        let as_of = as_of.to_string();
        let details =
            [("what", "withdrawn"), ("metric", &withdrawal.metric), ("as_of", &as_of), ("reason", &withdrawal.reason)];
        record(self.0, Who::user(&withdrawal.by), &withdrawal.subject, &details).await?;
        remembered::commit(self.0, change).await?;
        Ok(withdrawal)
    }

    /// Who took a measurement out of force, or a newer one of the same metric and digest.
    #[must_use]
    pub fn withdrawal_of(&self, evidence: &Evidence) -> Option<Withdrawal> {
        let remembered = self.0.memory.remembered();
        let about = remembered.withdrawn.get(&evidence.subject)?.iter();
        let fits = |item: &&Withdrawal| item.metric == evidence.metric && item.as_of >= evidence.as_of;
        about.filter(fits).min_by_key(|item| item.as_of).cloned()
    }

    fn not_in_force(&self, withdrawal: &Withdrawal) -> WithdrawError {
        let Withdrawal { subject, metric, .. } = withdrawal;
        let others: Vec<String> = self.of(subject).iter().map(|item| format!("`{}`", item.metric)).collect();
        let others = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        WithdrawError::NotInForce { metric: metric.clone(), subject: subject.clone(), others }
    }

    /// Moves evidence from what is in force to what was withdrawn, with its instant; `None` when there was none.
    async fn bury(&self, withdrawal: &Withdrawal) -> Result<Option<(Change, Timestamp)>, StoreError> {
        let mut change = remembered::begin_change(self.0).await?;
        let known = sqlx::query("SELECT as_of FROM control_evidence WHERE subject = $1 AND metric = $2")
            .bind(withdrawal.subject.as_str())
            .bind(&withdrawal.metric)
            .fetch_optional(&mut *change)
            .await?;
        let Some(row) = known else { return Ok(None) };
        let as_of: i64 = row.try_get(0)?;
        sqlx::query(
            "INSERT INTO control_evidence_withdrawn (subject, metric, as_of, reason, withdrawn_by, withdrawn_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(withdrawal.subject.as_str())
        .bind(&withdrawal.metric)
        .bind(as_of)
        .bind(&withdrawal.reason)
        .bind(&withdrawal.by)
        .bind(withdrawal.at.unix_nanos())
        .execute(&mut *change)
        .await?;
        sqlx::query("DELETE FROM control_evidence WHERE subject = $1 AND metric = $2")
            .bind(withdrawal.subject.as_str())
            .bind(&withdrawal.metric)
            .execute(&mut *change)
            .await?;
        Ok(Some((change, Timestamp::from_unix_nanos(as_of))))
    }

    /// `None` when what is in force, or was withdrawn, is as new.
    async fn upsert(&self, agent: &str, evidence: &Evidence, text: &str) -> Result<Option<Change>, StoreError> {
        let mut change = remembered::begin_change(self.0).await?;
        // Another node may have withdrawn it since this one looked.
        let withdrawn = sqlx::query(
            "SELECT as_of FROM control_evidence_withdrawn WHERE subject = $1 AND metric = $2 AND as_of >= $3 LIMIT 1",
        )
        .bind(evidence.subject.as_str())
        .bind(&evidence.metric)
        .bind(evidence.as_of.unix_nanos())
        .fetch_optional(&mut *change)
        .await?;
        if withdrawn.is_some() {
            return Ok(None);
        }
        let done = sqlx::query(
            "INSERT INTO control_evidence (subject, metric, agent, evidence, as_of, published_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (subject, metric) DO UPDATE SET agent = excluded.agent, evidence = excluded.evidence,
                 as_of = excluded.as_of, published_at = excluded.published_at
             WHERE control_evidence.as_of < excluded.as_of",
        )
        .bind(evidence.subject.as_str())
        .bind(&evidence.metric)
        .bind(agent)
        .bind(text)
        .bind(evidence.as_of.unix_nanos())
        .bind(self.0.clock.now().unix_nanos())
        .execute(&mut *change)
        .await?;
        Ok((done.rows_affected() > 0).then_some(change))
    }
}

async fn record(inner: &Inner, by: Who, subject: &Digest, details: &[(&str, &str)]) -> Result<(), AuditError> {
    inner.audit.changed(Kind::EvidencePublished, by, format!("agent_digest:{subject}"), details).await
}

#[cfg(test)]
mod tests;
