//! Experiments.

use sqlx::Row as _;

use super::{Listed, Storage, decode, encode, parse_cursor};
use crate::error::EvalError;
use crate::experiment::Experiment;

const WHAT: &str = "an experiment";

impl Storage {
    pub(crate) async fn create_experiment(&self, experiment: &Experiment) -> Result<(), EvalError> {
        let sql = "INSERT INTO eval_experiments (id, created_at, state, document) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(&experiment.id)
            .bind(experiment.created_at.unix_nanos())
            .bind(experiment.state.as_str())
            .bind(encode(WHAT, experiment)?)
            .execute(self.store.pool())
            .await?;
        Ok(())
    }

    /// Saves where an experiment is; `false` when it was deleted meanwhile, which it stays.
    pub(crate) async fn save_experiment(&self, experiment: &Experiment) -> Result<bool, EvalError> {
        let sql = "UPDATE eval_experiments SET state = $2, document = $3 WHERE id = $1";
        let query = sqlx::query(sql).bind(&experiment.id).bind(experiment.state.as_str());
        let saved = query.bind(encode(WHAT, experiment)?).execute(self.store.pool()).await?;
        Ok(saved.rows_affected() > 0)
    }

    pub(crate) async fn experiment(&self, id: &str) -> Result<Experiment, EvalError> {
        let sql = "SELECT document FROM eval_experiments WHERE id = $1";
        let row = sqlx::query(sql).bind(id).fetch_optional(self.store.pool()).await?;
        let row = row.ok_or_else(|| EvalError::not_found("experiment", id))?;
        decode(WHAT, &row.try_get::<String, _>(0)?)
    }

    /// One page, newest first.
    pub(crate) async fn experiments(&self, cursor: Option<&str>, limit: u32) -> Result<Listed<Experiment>, EvalError> {
        let (before, id) = cursor.map_or(Ok((i64::MAX, String::new())), parse_cursor)?;
        let sql = "SELECT document, created_at, id FROM eval_experiments
             WHERE created_at < $1 OR (created_at = $1 AND id < $2) ORDER BY created_at DESC, id DESC LIMIT $3";
        let query = sqlx::query(sql).bind(before).bind(id).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.store.pool()).await?;
        let limit = limit as usize;
        let items = rows.iter().take(limit).map(|row| decode(WHAT, &row.try_get::<String, _>(0)?));
        let last = rows.get(limit.wrapping_sub(1)).filter(|_| rows.len() > limit);
        let next = last.map(|row| Ok(format!("{}~{}", row.try_get::<i64, _>(1)?, row.try_get::<String, _>(2)?)));
        Ok(Listed {
            items: items.collect::<Result<_, EvalError>>()?,
            next_cursor: next.transpose().map_err(|error: sqlx::Error| error)?,
        })
    }

    /// Those that a process which is gone had begun.
    pub(crate) async fn running_experiments(&self) -> Result<Vec<Experiment>, EvalError> {
        let sql = "SELECT document FROM eval_experiments WHERE state = 'running'";
        let rows = sqlx::query(sql).fetch_all(self.store.pool()).await?;
        rows.iter().map(|row| decode(WHAT, &row.try_get::<String, _>(0)?)).collect()
    }

    pub(crate) async fn delete_experiment(&self, id: &str) -> Result<bool, EvalError> {
        let mut change = self.store.begin().await?;
        let gone = sqlx::query("DELETE FROM eval_experiments WHERE id = $1").bind(id).execute(&mut *change).await?;
        sqlx::query("DELETE FROM eval_score_blocks WHERE experiment_id = $1").bind(id).execute(&mut *change).await?;
        change.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}
