//! Evidence in force: of each digest and metric the newest, which is what permission may rest on.

use std::sync::Arc;

use mizzen_model::id::Digest;
use mizzen_model::permission::{Evidence, EvidenceError};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;

use crate::audit::{AuditError, Kind, Who};
use crate::plane::Inner;
use crate::remembered;

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

    /// Puts evidence in force in place of older evidence about the same digest and metric. `false` when what is in force is
    /// as new, and nothing changed.
    ///
    /// # Errors
    /// When it contradicts itself, there is too much, or the database fails.
    pub async fn publish(&self, agent: &str, evidence: &Evidence) -> Result<bool, PublishError> {
        evidence.validate()?;
        let known = self.0.memory.remembered();
        let same =
            |item: &&InForce| item.evidence.subject == evidence.subject && item.evidence.metric == evidence.metric;
        match known.published.iter().find(same) {
            Some(item) if item.evidence.as_of >= evidence.as_of => return Ok(false),
            None if known.published.len() >= EVIDENCE_MAX => return Err(PublishError::TooMuch),
            _ => {}
        }
        let text = serde_json::to_string(evidence).map_err(PublishError::Encode)?;
        let changed = self.upsert(agent, evidence, &text).await?;
        self.0.publish_remembered().await?;
        if changed {
            let details = [("agent", agent), ("evidence", text.as_str())];
            record(self.0, &evidence.subject, &details).await?;
        }
        Ok(changed)
    }

    /// Takes evidence out of force: of one metric, or all about the digest. `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw(&self, subject: &Digest, metric: Option<&str>) -> Result<bool, PublishError> {
        let withdrawn = self.delete(subject, metric).await?;
        self.0.publish_remembered().await?;
        if withdrawn {
            let details = [("what", "withdrawn"), ("metric", metric.unwrap_or("all"))];
            record(self.0, subject, &details).await?;
        }
        Ok(withdrawn)
    }

    async fn delete(&self, subject: &Digest, metric: Option<&str>) -> Result<bool, StoreError> {
        let mut change = remembered::begin_change(self.0).await?;
        let done = sqlx::query("DELETE FROM control_evidence WHERE subject = $1 AND ($2 = '' OR metric = $2)")
            .bind(subject.as_str())
            .bind(metric.unwrap_or_default())
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    async fn upsert(&self, agent: &str, evidence: &Evidence, text: &str) -> Result<bool, StoreError> {
        let mut change = remembered::begin_change(self.0).await?;
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
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

async fn record(inner: &Inner, subject: &Digest, details: &[(&str, &str)]) -> Result<(), AuditError> {
    inner.audit.changed(Kind::EvidencePublished, Who::mizzen(), format!("agent_digest:{subject}"), details).await
}

#[cfg(test)]
mod tests;
