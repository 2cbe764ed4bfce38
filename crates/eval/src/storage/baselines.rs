//! Baselines: how people do what an agent is to do.

use sqlx::Row as _;

use super::{Storage, decode, encode};
use crate::baseline::Baseline;
use crate::error::EvalError;

const WHAT: &str = "a baseline";

impl Storage {
    pub(crate) async fn save_baseline(&self, baseline: &Baseline) -> Result<(), EvalError> {
        let sql = "INSERT INTO eval_baselines (name, document) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET document = excluded.document";
        sqlx::query(sql).bind(&baseline.name).bind(encode(WHAT, baseline)?).execute(self.store.pool()).await?;
        Ok(())
    }

    pub(crate) async fn baselines(&self) -> Result<Vec<Baseline>, EvalError> {
        let rows =
            sqlx::query("SELECT document FROM eval_baselines ORDER BY name").fetch_all(self.store.pool()).await?;
        rows.iter().map(|row| decode(WHAT, &row.try_get::<String, _>(0)?)).collect()
    }

    pub(crate) async fn baseline(&self, name: &str) -> Result<Baseline, EvalError> {
        let sql = "SELECT document FROM eval_baselines WHERE name = $1";
        let row = sqlx::query(sql).bind(name).fetch_optional(self.store.pool()).await?;
        decode(WHAT, &row.ok_or_else(|| EvalError::not_found("baseline", name))?.try_get::<String, _>(0)?)
    }

    pub(crate) async fn delete_baseline(&self, name: &str) -> Result<bool, EvalError> {
        let sql = "DELETE FROM eval_baselines WHERE name = $1";
        Ok(sqlx::query(sql).bind(name).execute(self.store.pool()).await?.rows_affected() > 0)
    }
}
