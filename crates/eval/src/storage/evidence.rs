//! Evidence, and how much of a lineage's error budget was asked for.

use mizzen_model::time::Timestamp;
use sqlx::Row as _;

use super::{Storage, decode, encode};
use crate::error::EvalError;
use crate::evidence::Published;

const WHAT: &str = "evidence";
/// Items of one answer; newest first.
const EVIDENCE_MAX: i64 = 500;

impl Storage {
    /// Which look at a lineage this is: 1 for the first. Asking again for the same thing is the same look.
    pub(crate) async fn look(
        &self,
        agent: &str,
        metric: &str,
        subject: &str,
        asked_by: &str,
        at: Timestamp,
    ) -> Result<u32, EvalError> {
        loop {
            // Of two that come at once PostgreSQL lets both see the same last look, and one find it taken: there is a next one.
            if let Some(look) = self.try_look(agent, metric, subject, asked_by, at).await? {
                return Ok(u32::try_from(look).unwrap_or(u32::MAX));
            }
        }
    }

    /// `None` when somebody else took the look meanwhile.
    async fn try_look(
        &self,
        agent: &str,
        metric: &str,
        subject: &str,
        asked_by: &str,
        at: Timestamp,
    ) -> Result<Option<i64>, EvalError> {
        let mut change = self.store.begin().await?;
        let known =
            "SELECT look FROM eval_lineages WHERE agent = $1 AND metric = $2 AND asked_by = $3 AND subject = $4";
        let known = sqlx::query(known).bind(agent).bind(metric).bind(asked_by).bind(subject);
        let known = known.fetch_optional(&mut *change).await?;
        if let Some(row) = known {
            return Ok(Some(row.try_get(0)?));
        }
        let last = "SELECT COALESCE(MAX(look), 0) FROM eval_lineages WHERE agent = $1 AND metric = $2";
        let last: i64 = sqlx::query(last).bind(agent).bind(metric).fetch_one(&mut *change).await?.try_get(0)?;
        let sql = "INSERT INTO eval_lineages (agent, metric, look, subject, asked_by, asked_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(agent).bind(metric).bind(last + 1).bind(subject);
        let taken = query.bind(asked_by).bind(at.unix_nanos()).execute(&mut *change).await?.rows_affected();
        change.commit().await?;
        Ok((taken > 0).then_some(last + 1))
    }

    /// Adds evidence, or replaces what the same experiment or monitor published before about the same digest.
    pub(crate) async fn save_evidence(&self, published: &Published) -> Result<(), EvalError> {
        let sql = "INSERT INTO eval_evidence (evidence_id, subject, agent, metric, as_of, document)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (evidence_id) DO UPDATE SET as_of = excluded.as_of, document = excluded.document";
        let id = format!("{}/{}/{}", published.from.id, published.metric, published.subject);
        sqlx::query(sql)
            .bind(id)
            .bind(published.subject.as_str())
            .bind(&published.agent)
            .bind(&published.metric)
            .bind(published.as_of.unix_nanos())
            .bind(encode(WHAT, published)?)
            .execute(self.store.pool())
            .await?;
        Ok(())
    }

    pub(crate) async fn evidence(&self, subject: &str, agent: &str) -> Result<Vec<Published>, EvalError> {
        let sql = "SELECT document FROM eval_evidence WHERE ($1 = '' OR subject = $1) AND ($2 = '' OR agent = $2)
             ORDER BY as_of DESC, evidence_id LIMIT $3";
        let query = sqlx::query(sql).bind(subject).bind(agent).bind(EVIDENCE_MAX);
        let rows = query.fetch_all(self.store.pool()).await?;
        rows.iter().map(|row| decode(WHAT, &row.try_get::<String, _>(0)?)).collect()
    }
}
