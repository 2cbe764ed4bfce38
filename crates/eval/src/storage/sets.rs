//! Eval sets: content by digest, names with versions.

use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use utoipa::ToSchema;

use super::{Storage, decode, encode};
use crate::error::EvalError;
use crate::set::EvalSet;

/// One version of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetVersion {
    pub name: String,
    /// Over cases and expectations: the same content is the same set.
    pub digest: String,
    pub version: u32,
    pub cases: u32,
    pub description: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    pub created_by: String,
}

const COLUMNS: &str = "v.name, v.digest, v.version, s.cases, v.created_at, v.created_by, v.description";

impl Storage {
    /// Makes a new version of `name`, unless its newest one is the same.
    pub(crate) async fn save_set(
        &self,
        name: &str,
        set: &EvalSet,
        by: &str,
        at: Timestamp,
    ) -> Result<SetVersion, EvalError> {
        let digest = set.digest().to_string();
        let mut change = self.store.begin().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM eval_set_versions v JOIN eval_sets s ON s.digest = v.digest
             WHERE v.name = $1 ORDER BY v.version DESC LIMIT 1"
        );
        let newest = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name).fetch_optional(&mut *change).await?;
        let newest = newest.as_ref().map(version).transpose()?;
        if let Some(same) = newest.clone().filter(|newest| newest.digest == digest) {
            return Ok(same);
        }
        let saved = SetVersion {
            name: name.to_owned(),
            version: newest.map_or(1, |newest| newest.version + 1),
            cases: u32::try_from(set.cases.len()).unwrap_or(u32::MAX),
            digest,
            description: set.description.clone(),
            created_at: at,
            created_by: by.to_owned(),
        };
        sqlx::query(
            "INSERT INTO eval_sets (digest, cases, content) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
        )
        .bind(&saved.digest)
        .bind(i64::from(saved.cases))
        .bind(encode("an eval set", set)?)
        .execute(&mut *change)
        .await?;
        sqlx::query(
            "INSERT INTO eval_set_versions (name, version, digest, created_at, created_by, description)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(name)
        .bind(i64::from(saved.version))
        .bind(&saved.digest)
        .bind(at.unix_nanos())
        .bind(by)
        .bind(saved.description.clone())
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(saved)
    }

    /// The newest version of every name.
    pub(crate) async fn sets(&self) -> Result<Vec<SetVersion>, EvalError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM eval_set_versions v JOIN eval_sets s ON s.digest = v.digest
             WHERE v.version = (SELECT MAX(w.version) FROM eval_set_versions w WHERE w.name = v.name) ORDER BY v.name"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(self.store.pool()).await?;
        rows.iter().map(version).collect()
    }

    /// All versions of a name, newest first; empty for an unknown one.
    pub(crate) async fn set_versions(&self, name: &str) -> Result<Vec<SetVersion>, EvalError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM eval_set_versions v JOIN eval_sets s ON s.digest = v.digest
             WHERE v.name = $1 ORDER BY v.version DESC"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name).fetch_all(self.store.pool()).await?;
        rows.iter().map(version).collect()
    }

    /// A version by the name of the set (then its newest) or by digest.
    pub(crate) async fn find_set(&self, named: &str) -> Result<SetVersion, EvalError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM eval_set_versions v JOIN eval_sets s ON s.digest = v.digest
             WHERE v.name = $1 OR v.digest = $1 ORDER BY v.version DESC LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(named).fetch_optional(self.store.pool()).await?;
        row.as_ref().map(version).transpose()?.ok_or_else(|| EvalError::not_found("eval set", named))
    }

    pub(crate) async fn set_content(&self, digest: &str) -> Result<EvalSet, EvalError> {
        let sql = "SELECT content FROM eval_sets WHERE digest = $1";
        let row = sqlx::query(sql).bind(digest).fetch_optional(self.store.pool()).await?;
        let row = row.ok_or_else(|| EvalError::not_found("eval set", digest))?;
        decode("an eval set", &row.try_get::<String, _>(0)?)
    }

    pub(crate) async fn note_golden_run(&self, name: &str, case: &str, run_id: &str) -> Result<(), EvalError> {
        let sql = "INSERT INTO eval_golden_runs (name, case_id, run_id) VALUES ($1, $2, $3)
             ON CONFLICT (name, case_id) DO UPDATE SET run_id = excluded.run_id";
        sqlx::query(sql).bind(name).bind(case).bind(run_id).execute(self.store.pool()).await?;
        Ok(())
    }

    /// Pairs of case and the run that it was made from.
    pub(crate) async fn golden_runs(&self, name: &str) -> Result<Vec<(String, String)>, EvalError> {
        let sql = "SELECT case_id, run_id FROM eval_golden_runs WHERE name = $1";
        let rows = sqlx::query(sql).bind(name).fetch_all(self.store.pool()).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?)
    }
}

fn version(row: &sqlx::any::AnyRow) -> Result<SetVersion, EvalError> {
    let count = |column: usize| row.try_get::<i64, _>(column).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    Ok(SetVersion {
        name: row.try_get(0)?,
        digest: row.try_get(1)?,
        version: count(2)?,
        cases: count(3)?,
        created_at: Timestamp::from_unix_nanos(row.try_get(4)?),
        created_by: row.try_get(5)?,
        description: row.try_get(6)?,
    })
}
