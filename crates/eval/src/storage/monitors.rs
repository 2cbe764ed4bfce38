//! Monitors: what they watch, where their sequences are, and which runs are in them.

use sqlx::{Any, Row as _, Transaction};

use super::{Storage, decode, encode};
use crate::error::EvalError;
use crate::monitor::state::Progress;
use crate::monitor::{Monitor, Point};

const WHAT: &str = "a monitor";

/// What a batch of runs adds to a monitor; saved as a whole, so that every run counts once.
#[derive(Debug, Default)]
pub(crate) struct Step<'a> {
    /// Runs with their revisions.
    pub(crate) runs: &'a [(String, u32)],
    pub(crate) points: &'a [Point],
}

impl Storage {
    pub(crate) async fn create_monitor(&self, monitor: &Monitor, progress: &Progress) -> Result<(), EvalError> {
        let sql = "INSERT INTO eval_monitors (id, created_at, document, state, steps) VALUES ($1, $2, $3, $4, 0)";
        let query = sqlx::query(sql).bind(&monitor.id).bind(monitor.created_at.unix_nanos());
        query.bind(encode(WHAT, monitor)?).bind(encode(WHAT, progress)?).execute(self.store.pool()).await?;
        Ok(())
    }

    pub(crate) async fn monitors(&self) -> Result<Vec<(Monitor, Progress)>, EvalError> {
        let sql = "SELECT document, state FROM eval_monitors ORDER BY created_at DESC, id";
        let rows = sqlx::query(sql).fetch_all(self.store.pool()).await?;
        let decoded = rows.iter().map(|row| {
            Ok((decode(WHAT, &row.try_get::<String, _>(0)?)?, decode(WHAT, &row.try_get::<String, _>(1)?)?))
        });
        decoded.collect()
    }

    pub(crate) async fn monitor(&self, id: &str) -> Result<(Monitor, Progress), EvalError> {
        let sql = "SELECT document, state FROM eval_monitors WHERE id = $1";
        let row = sqlx::query(sql).bind(id).fetch_optional(self.store.pool()).await?;
        let row = row.ok_or_else(|| EvalError::not_found("monitor", id))?;
        Ok((decode(WHAT, &row.try_get::<String, _>(0)?)?, decode(WHAT, &row.try_get::<String, _>(1)?)?))
    }

    /// Of `run_ids`, those that the monitor has counted.
    pub(crate) async fn counted(&self, id: &str, run_ids: &[&str]) -> Result<Vec<String>, EvalError> {
        let mut counted = Vec::new();
        for run_ids in run_ids.chunks(200) {
            let places: Vec<String> = (2..run_ids.len() + 2).map(|at| format!("${at}")).collect();
            let sql = format!(
                "SELECT run_id FROM eval_monitor_runs WHERE monitor_id = $1 AND run_id IN ({})",
                places.join(", ")
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id);
            let query = run_ids.iter().fold(query, |query, id| query.bind((*id).to_owned()));
            let rows = query.fetch_all(self.store.pool()).await?;
            for row in rows {
                counted.push(row.try_get(0)?);
            }
        }
        Ok(counted)
    }

    /// Saves where a monitor is and what brought it there. `false` when it was deleted meanwhile, or another node took it
    /// further: then nothing is saved.
    pub(crate) async fn advance_monitor(
        &self,
        id: &str,
        progress: &Progress,
        step: Step<'_>,
    ) -> Result<bool, EvalError> {
        let mut change = self.store.begin().await?;
        let sql = "UPDATE eval_monitors SET state = $2, steps = $3 WHERE id = $1 AND steps = $4";
        let steps = i64::try_from(progress.steps).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(id).bind(encode(WHAT, progress)?).bind(steps).bind(steps - 1);
        if query.execute(&mut *change).await?.rows_affected() == 0 {
            return Ok(false);
        }
        for (run_id, revision) in step.runs {
            let sql = "INSERT INTO eval_monitor_runs (monitor_id, run_id, revision) VALUES ($1, $2, $3)";
            let query = sqlx::query(sql).bind(id).bind(run_id).bind(i64::from(*revision));
            query.execute(&mut *change).await?;
        }
        save_points(&mut change, id, step.points).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Points of the chart, oldest first.
    pub(crate) async fn points(&self, id: &str) -> Result<Vec<Point>, EvalError> {
        let sql = "SELECT point FROM eval_monitor_points WHERE monitor_id = $1 ORDER BY n";
        let rows = sqlx::query(sql).bind(id).fetch_all(self.store.pool()).await?;
        rows.iter().map(|row| decode(WHAT, &row.try_get::<String, _>(0)?)).collect()
    }

    /// Leaves out every second of the points, the oldest and the newest kept.
    pub(crate) async fn thin_points(&self, id: &str) -> Result<(), EvalError> {
        let points = self.points(id).await?;
        let mut change = self.store.begin().await?;
        for point in points.iter().skip(1).step_by(2).take(points.len().saturating_sub(2) / 2) {
            let sql = "DELETE FROM eval_monitor_points WHERE monitor_id = $1 AND n = $2";
            let n = i64::try_from(point.n).unwrap_or(i64::MAX);
            sqlx::query(sql).bind(id).bind(n).execute(&mut *change).await?;
        }
        Ok(change.commit().await?)
    }

    pub(crate) async fn delete_monitor(&self, id: &str) -> Result<bool, EvalError> {
        let mut change = self.store.begin().await?;
        let gone = sqlx::query("DELETE FROM eval_monitors WHERE id = $1").bind(id).execute(&mut *change).await?;
        for sql in [
            "DELETE FROM eval_monitor_runs WHERE monitor_id = $1",
            "DELETE FROM eval_monitor_points WHERE monitor_id = $1",
        ] {
            sqlx::query(sql).bind(id).execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}

async fn save_points(change: &mut Transaction<'static, Any>, id: &str, points: &[Point]) -> Result<(), EvalError> {
    for point in points {
        let sql = "INSERT INTO eval_monitor_points (monitor_id, n, point) VALUES ($1, $2, $3)
             ON CONFLICT (monitor_id, n) DO UPDATE SET point = excluded.point";
        let query = sqlx::query(sql).bind(id).bind(i64::try_from(point.n).unwrap_or(i64::MAX));
        query.bind(encode(WHAT, point)?).execute(&mut **change).await?;
    }
    Ok(())
}
