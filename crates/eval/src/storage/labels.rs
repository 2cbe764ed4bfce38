//! Labels: what a person says of a run. Nothing is overwritten: a newer label of the same person makes theirs history.

use mizzen_model::time::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Listed, Storage, parse_cursor};
use crate::error::EvalError;
use crate::label::Label;

const COLUMNS: &str = "run_id, revision, metric, score, note, labelled_by, labelled_at, is_current, label_id";
/// Ids in one statement.
const IDS_PER_STATEMENT: usize = 200;

impl Storage {
    pub(crate) async fn save_label(&self, id: &str, label: &Label) -> Result<(), EvalError> {
        let mut change = self.store.begin().await?;
        supersede(&mut change, &label.run_id, &label.metric, &label.by).await?;
        sqlx::query(
            "INSERT INTO eval_labels
             (label_id, run_id, revision, metric, score, note, labelled_by, labelled_at, is_current)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
        )
        .bind(id)
        .bind(&label.run_id)
        .bind(i64::from(label.revision))
        .bind(&label.metric)
        .bind(label.value)
        .bind(label.note.clone())
        .bind(&label.by)
        .bind(label.at.unix_nanos())
        .execute(&mut *change)
        .await?;
        Ok(change.commit().await?)
    }

    /// Makes a person's label history without a new one; `false` when there was none.
    pub(crate) async fn withdraw_label(&self, run_id: &str, metric: &str, by: &str) -> Result<bool, EvalError> {
        let mut change = self.store.begin().await?;
        let changed = supersede(&mut change, run_id, metric, by).await?;
        change.commit().await?;
        Ok(changed > 0)
    }

    /// One page, newest first.
    pub(crate) async fn labels(
        &self,
        run_id: Option<&str>,
        metric: Option<&str>,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Listed<Label>, EvalError> {
        let (before, id) = cursor.map_or(Ok((i64::MAX, String::new())), parse_cursor)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM eval_labels WHERE (labelled_at < $1 OR (labelled_at = $1 AND label_id < $2))
             AND ($3 = '' OR run_id = $3) AND ($4 = '' OR metric = $4)
             ORDER BY labelled_at DESC, label_id DESC LIMIT $5"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).bind(id);
        let query = query.bind(run_id.unwrap_or_default()).bind(metric.unwrap_or_default()).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.store.pool()).await?;
        let limit = limit as usize;
        let items = rows.iter().take(limit).map(label).collect::<Result<Vec<_>, _>>()?;
        let last = items.last().filter(|_| rows.len() > limit).zip(rows.get(limit.wrapping_sub(1)));
        let next = last.map(|(label, row)| Ok(format!("{}~{}", label.at.unix_nanos(), row.try_get::<String, _>(8)?)));
        Ok(Listed { items, next_cursor: next.transpose().map_err(|error: sqlx::Error| error)? })
    }

    /// The labels in force of some runs, for one metric.
    pub(crate) async fn current_labels(&self, metric: &str, run_ids: &[&str]) -> Result<Vec<Label>, EvalError> {
        let mut labels = Vec::new();
        for run_ids in run_ids.chunks(IDS_PER_STATEMENT) {
            let places: Vec<String> = (2..run_ids.len() + 2).map(|at| format!("${at}")).collect();
            let sql = format!(
                "SELECT {COLUMNS} FROM eval_labels WHERE metric = $1 AND is_current = 1 AND run_id IN ({})
                 ORDER BY labelled_at, label_id",
                places.join(", ")
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(metric);
            let query = run_ids.iter().fold(query, |query, id| query.bind((*id).to_owned()));
            let rows = query.fetch_all(self.store.pool()).await?;
            labels.extend(rows.iter().map(label).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(labels)
    }

    /// How many runs have a label in force.
    pub(crate) async fn labelled_runs(&self, metric: &str) -> Result<u64, EvalError> {
        let sql = "SELECT COUNT(DISTINCT run_id) FROM eval_labels WHERE metric = $1 AND is_current = 1";
        let row = sqlx::query(sql).bind(metric).fetch_one(self.store.pool()).await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
    }
}

async fn supersede(
    change: &mut sqlx::Transaction<'static, sqlx::Any>,
    run_id: &str,
    metric: &str,
    by: &str,
) -> Result<u64, EvalError> {
    let sql = "UPDATE eval_labels SET is_current = 0
         WHERE run_id = $1 AND metric = $2 AND labelled_by = $3 AND is_current = 1";
    let done = sqlx::query(sql).bind(run_id).bind(metric).bind(by).execute(&mut **change).await?;
    Ok(done.rows_affected())
}

fn label(row: &AnyRow) -> Result<Label, EvalError> {
    Ok(Label {
        run_id: row.try_get(0)?,
        revision: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
        metric: row.try_get(2)?,
        value: row.try_get(3)?,
        note: row.try_get(4)?,
        by: row.try_get(5)?,
        at: Timestamp::from_unix_nanos(row.try_get(6)?),
        is_current: row.try_get::<i64, _>(7)? != 0,
    })
}
