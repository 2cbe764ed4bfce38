//! The run table.

use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::parts::Parts;
use super::{Index, number, placeholders, signed};

/// Rows of one statement. Not more: SQLite finds the name of each parameter by walking over those before it.
const ROWS_PER_STATEMENT: usize = 16;
const COLUMNS: [&str; 17] = [
    "run_id",
    "node",
    "revision",
    "is_final",
    "quiet_at",
    "applied_lsn",
    "received_at",
    "started_at",
    "title_at",
    "outcome",
    "agent",
    "session",
    "caller",
    "sources",
    "searched",
    "summary",
    "parts",
];

/// A run with what its keeper has to know to go on with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRun {
    pub(crate) summary: RunSummary,
    /// When it becomes final if nothing comes; `None` when it is.
    pub(crate) quiet_at: Option<Timestamp>,
    /// The last record of the log that is in the summary.
    pub(crate) applied_lsn: u64,
    /// When its last span came in.
    pub(crate) received_at: Timestamp,
    /// When the span started that gave the title.
    pub(crate) title_at: Timestamp,
    pub(crate) sources: Sources,
    pub(crate) parts: Parts,
}

/// Who saw steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sources(u8);

impl Sources {
    pub(crate) fn insert(&mut self, source: Source) {
        self.0 |= 1 << source as u8;
    }

    pub(crate) fn list(self) -> Vec<Source> {
        Source::ALL.iter().copied().filter(|source| self.0 & 1 << *source as u8 != 0).collect()
    }

    /// `,gateway,sdk,`: each name between commas, so that one can be searched for.
    fn text(self) -> String {
        self.list().iter().fold(String::from(","), |text, source| text + source.as_str() + ",")
    }

    fn parse(text: &str) -> Self {
        let mut sources = Self::default();
        text.split(',').filter_map(|name| name.parse().ok()).for_each(|source| sources.insert(source));
        sources
    }
}

impl Index {
    /// Adds or replaces runs. No run may be given twice.
    pub(crate) async fn save_runs(
        &self,
        transaction: &mut Transaction<'static, Any>,
        runs: &[&StoredRun],
    ) -> Result<(), StoreError> {
        for runs in runs.chunks(ROWS_PER_STATEMENT) {
            let updates: Vec<String> = COLUMNS[1..].iter().map(|name| format!("{name} = excluded.{name}")).collect();
            let sql = format!(
                "INSERT INTO telemetry_runs ({}) VALUES {} ON CONFLICT (run_id) DO UPDATE SET {}",
                COLUMNS.join(", "),
                placeholders(runs.len(), COLUMNS.len()),
                updates.join(", ")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for run in runs {
                query = self.bind_run(query, run)?;
            }
            query.execute(&mut **transaction).await?;
        }
        self.save_models(transaction, runs).await
    }

    fn bind_run<'q>(
        &self,
        query: sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>,
        run: &StoredRun,
    ) -> Result<sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>, StoreError> {
        let summary = &run.summary;
        let json = |text: serde_json::Result<String>| text.map_err(|error| sqlx::Error::Encode(error.into()));
        let agent = summary.agent.as_deref().unwrap_or_default();
        Ok(query
            .bind(summary.run_id.as_str().to_owned())
            .bind(self.node.clone())
            .bind(i64::from(summary.revision))
            .bind(i64::from(summary.is_final))
            .bind(run.quiet_at.map(Timestamp::unix_nanos))
            .bind(signed(run.applied_lsn))
            .bind(run.received_at.unix_nanos())
            .bind(summary.started_at.unix_nanos())
            .bind(run.title_at.unix_nanos())
            .bind(summary.outcome.as_str())
            .bind(summary.agent.clone())
            .bind(summary.session.clone())
            .bind(summary.caller.clone())
            .bind(run.sources.text())
            .bind(format!("{}\n{agent}\n{}", summary.title, summary.run_id).to_lowercase())
            .bind(json(serde_json::to_string(summary))?)
            .bind(json(serde_json::to_string(&run.parts))?))
    }

    async fn save_models(
        &self,
        transaction: &mut Transaction<'static, Any>,
        runs: &[&StoredRun],
    ) -> Result<(), StoreError> {
        let pairs: Vec<(&RunSummary, &String)> =
            runs.iter().flat_map(|run| run.summary.models.iter().map(|model| (&run.summary, model))).collect();
        for pairs in pairs.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO telemetry_run_models (run_id, model, started_at) VALUES {}
                ON CONFLICT (run_id, model) DO UPDATE SET started_at = excluded.started_at",
                placeholders(pairs.len(), 3)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (summary, model) in pairs {
                let started_at = summary.started_at.unix_nanos();
                query = query.bind(summary.run_id.as_str().to_owned()).bind((*model).clone()).bind(started_at);
            }
            query.execute(&mut **transaction).await?;
        }
        Ok(())
    }

    pub(crate) async fn run(&self, run_id: &str) -> Result<Option<StoredRun>, StoreError> {
        let sql = "SELECT summary, is_final, quiet_at, applied_lsn, received_at, title_at, sources, parts
            FROM telemetry_runs WHERE run_id = $1";
        let row = sqlx::query(sql).bind(run_id.to_owned()).fetch_optional(self.store.pool()).await?;
        Ok(row.as_ref().map(decode_run).transpose()?)
    }

    /// The ids of all runs, in no order.
    pub(crate) async fn run_ids(&self, mut visit: impl FnMut(&str)) -> Result<(), StoreError> {
        use futures::TryStreamExt as _;
        let mut rows = sqlx::query("SELECT run_id FROM telemetry_runs").fetch(self.store.pool());
        while let Some(row) = rows.try_next().await? {
            visit(&row.try_get::<String, _>(0)?);
        }
        Ok(())
    }

    /// Up to `limit` runs that are not final although they have been quiet for long enough.
    pub(crate) async fn quiet_runs(&self, now: Timestamp, limit: u32) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT run_id FROM telemetry_runs WHERE quiet_at <= $1 AND node = $2 ORDER BY quiet_at LIMIT $3";
        let query = sqlx::query(sql).bind(now.unix_nanos()).bind(&self.node).bind(i64::from(limit));
        let rows = query.fetch_all(self.store.pool()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Makes runs final that are not. `ids` holds at most a few hundred.
    pub(crate) async fn finalise(
        &self,
        transaction: &mut Transaction<'static, Any>,
        ids: &[String],
    ) -> Result<(), StoreError> {
        for ids in ids.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "UPDATE telemetry_runs SET is_final = 1, quiet_at = NULL WHERE run_id IN {}",
                placeholders(1, ids.len())
            );
            let query = ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind(id.clone()));
            query.execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Removes a run; returns what it had added to the totals.
    pub(crate) async fn remove_run(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: &str,
    ) -> Result<Option<Parts>, StoreError> {
        let sql = "SELECT summary, is_final, parts FROM telemetry_runs WHERE run_id = $1";
        let row = sqlx::query(sql).bind(run_id.to_owned()).fetch_optional(&mut **transaction).await?;
        let parts = |row: &AnyRow| Ok::<_, sqlx::Error>(decode_json::<Parts>(row, 2)?.of_run(&decode_summary(row)?));
        for sql in
            ["DELETE FROM telemetry_runs WHERE run_id = $1", "DELETE FROM telemetry_run_models WHERE run_id = $1"]
        {
            sqlx::query(sql).bind(run_id.to_owned()).execute(&mut **transaction).await?;
        }
        Ok(row.as_ref().map(parts).transpose()?)
    }

    /// Up to `limit` runs whose last span came in before `before`.
    pub(crate) async fn runs_received_before(&self, before: i64, limit: u32) -> Result<Vec<String>, StoreError> {
        let sql =
            "SELECT run_id FROM telemetry_runs WHERE received_at < $1 AND node = $2 ORDER BY received_at LIMIT $3";
        let query = sqlx::query(sql).bind(before).bind(&self.node).bind(i64::from(limit));
        let rows = query.fetch_all(self.store.pool()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}

fn decode_run(row: &AnyRow) -> Result<StoredRun, sqlx::Error> {
    let instant = |column: usize| row.try_get(column).map(Timestamp::from_unix_nanos);
    let summary = decode_summary(row)?;
    let parts: Parts = decode_json(row, 7)?;
    Ok(StoredRun {
        parts: parts.of_run(&summary),
        summary,
        quiet_at: row.try_get::<Option<i64>, _>(2)?.map(Timestamp::from_unix_nanos),
        applied_lsn: number(row.try_get(3)?),
        received_at: instant(4)?,
        title_at: instant(5)?,
        sources: Sources::parse(&row.try_get::<String, _>(6)?),
    })
}

/// Column 0 is the summary as it was saved, column 1 whether the run has become final since.
pub(super) fn decode_summary(row: &AnyRow) -> Result<RunSummary, sqlx::Error> {
    let mut summary: RunSummary = decode_json(row, 0)?;
    summary.is_final = row.try_get::<i64, _>(1)? != 0;
    Ok(summary)
}

fn decode_json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: usize) -> Result<T, sqlx::Error> {
    serde_json::from_str(&row.try_get::<String, _>(column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}
