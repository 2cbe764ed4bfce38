//! The run table.

use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::parts::Parts;
use super::{Index, number, signed, stored};

/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 64;
/// Runs told at once of those that became final: fewer than a watcher may be behind.
const FINALISED_MAX: usize = 512;
const COLUMNS: [&str; 17] = [
    "run_id",
    "node",
    "quiet_at",
    "applied_lsn",
    "received_at",
    "started_at",
    "title_at",
    "outcome",
    "agent",
    "session",
    "caller",
    "model",
    "sources",
    "title",
    "searched",
    "summary",
    "parts",
];

/// A run with what its keeper has to know to go on with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRun {
    pub(crate) summary: RunSummary,
    /// From then on it is final, if nothing comes.
    pub(crate) quiet_at: Timestamp,
    /// The last record of the log that is in the summary.
    pub(crate) applied_lsn: u64,
    /// When its last span came in.
    pub(crate) received_at: Timestamp,
    /// When the span started that gave the title.
    pub(crate) title_at: Timestamp,
    pub(crate) parts: Parts,
}

/// Runs that became final.
#[derive(Debug)]
pub struct Finalised {
    /// In the order of when they did.
    pub runs: Vec<RunSummary>,
    /// They are told up to here.
    pub until: Told,
}

/// How far runs that became final are told, in the order of when they did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub(crate) quiet_at: Timestamp,
    /// The last that was told of those of this moment; empty when all of them were.
    pub(crate) run_id: String,
}

impl Told {
    /// Every run that became final until then.
    #[must_use]
    pub const fn all_until(quiet_at: Timestamp) -> Self {
        Self { quiet_at, run_id: String::new() }
    }
}

/// Who saw steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sources(u8);

impl Sources {
    fn of(list: &[Source]) -> Self {
        let mut sources = Self::default();
        list.iter().for_each(|source| sources.insert(*source));
        sources
    }

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

    pub(super) fn parse(text: &str) -> Self {
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
                self.store.values(runs.len(), COLUMNS.len()),
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
            .bind(run.quiet_at.unix_nanos())
            .bind(signed(run.applied_lsn))
            .bind(run.received_at.unix_nanos())
            .bind(summary.started_at.unix_nanos())
            .bind(run.title_at.unix_nanos())
            .bind(summary.outcome.as_str())
            .bind(summary.agent.clone())
            .bind(summary.session.clone())
            .bind(summary.caller.clone())
            .bind(summary.models.first().cloned())
            .bind(Sources::of(&summary.sources).text())
            .bind(summary.title.clone())
            .bind(searched(&summary.title, agent))
            .bind(json(stored::encode(summary))?)
            .bind(json(serde_json::to_string(&run.parts))?))
    }

    /// Saves the models beyond the first, which has a column: few runs have any.
    async fn save_models(
        &self,
        transaction: &mut Transaction<'static, Any>,
        runs: &[&StoredRun],
    ) -> Result<(), StoreError> {
        let pairs: Vec<(&RunSummary, &String)> =
            runs.iter().flat_map(|run| run.summary.models.iter().skip(1).map(|model| (&run.summary, model))).collect();
        for pairs in pairs.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO telemetry_run_models (run_id, model, started_at) VALUES {}
                ON CONFLICT (run_id, model) DO UPDATE SET started_at = excluded.started_at",
                self.store.values(pairs.len(), 3)
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
        let sql = format!(
            "SELECT {}, r.applied_lsn, r.received_at, r.title_at, r.parts
            FROM telemetry_runs r WHERE r.run_id = $1",
            stored::COLUMNS
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(run_id.to_owned()).fetch_optional(self.store.pool()).await?;
        Ok(row.as_ref().map(|row| self.decode_run(row)).transpose()?)
    }

    fn decode_run(&self, row: &AnyRow) -> Result<StoredRun, sqlx::Error> {
        let at = |column: usize| stored::COLUMNS_COUNT + column;
        let instant = |column: usize| row.try_get(column).map(Timestamp::from_unix_nanos);
        let summary = stored::decode(row, self.clock.now())?;
        let parts: Parts = decode_json(row, at(3))?;
        Ok(StoredRun {
            parts: parts.of_run(&summary),
            summary,
            quiet_at: stored::quiet_at(row)?,
            applied_lsn: number(row.try_get(at(0))?),
            received_at: instant(at(1))?,
            title_at: instant(at(2))?,
        })
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

    /// Runs that became final after `after` and until `until`, 512 of them at most.
    pub(crate) async fn finalised(&self, after: &Told, until: Timestamp) -> Result<Finalised, StoreError> {
        let sql = format!(
            "SELECT {} FROM telemetry_runs r WHERE r.quiet_at >= $1 AND r.quiet_at <= $2 AND r.node = $3
            AND (r.quiet_at > $1 OR $4 <> '' AND r.run_id > $4)
            ORDER BY r.quiet_at, r.run_id LIMIT {FINALISED_MAX}",
            stored::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(after.quiet_at.unix_nanos()).bind(until.unix_nanos());
        let query = query.bind(&self.node).bind(&after.run_id);
        let rows = query.fetch_all(self.store.pool()).await?;
        let runs = rows.iter().map(|row| stored::decode(row, until)).collect::<Result<Vec<_>, sqlx::Error>>()?;
        let last = rows.last().filter(|_| rows.len() == FINALISED_MAX);
        let told =
            |row| Ok::<_, sqlx::Error>(Told { quiet_at: stored::quiet_at(row)?, run_id: row.try_get("run_id")? });
        Ok(Finalised { runs, until: last.map(told).transpose()?.unwrap_or(Told::all_until(until)) })
    }

    /// Removes a run; returns what it had added to the totals.
    pub(crate) async fn remove_run(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: &str,
    ) -> Result<Option<Parts>, StoreError> {
        let sql = format!("SELECT {}, r.parts FROM telemetry_runs r WHERE r.run_id = $1", stored::COLUMNS);
        let row = sqlx::query(AssertSqlSafe(sql)).bind(run_id.to_owned()).fetch_optional(&mut **transaction).await?;
        let now = self.clock.now();
        let parts = |row: &AnyRow| {
            let summary = stored::decode(row, now)?;
            Ok::<_, sqlx::Error>(decode_json::<Parts>(row, stored::COLUMNS_COUNT)?.of_run(&summary))
        };
        for sql in
            ["DELETE FROM telemetry_runs WHERE run_id = $1", "DELETE FROM telemetry_run_models WHERE run_id = $1"]
        {
            sqlx::query(sql).bind(run_id.to_owned()).execute(&mut **transaction).await?;
        }
        Ok(row.as_ref().map(parts).transpose()?)
    }

    /// Up to `limit` runs whose last span came in before `before`, and that became final within `quiet_ns_max` of it.
    pub(crate) async fn runs_received_before(
        &self,
        before: i64,
        quiet_ns_max: i64,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT run_id FROM telemetry_runs WHERE quiet_at < $1 AND received_at < $2 AND node = $3
            ORDER BY quiet_at LIMIT $4";
        let query = sqlx::query(sql).bind(before.saturating_add(quiet_ns_max)).bind(before);
        let query = query.bind(&self.node).bind(i64::from(limit));
        let rows = query.fetch_all(self.store.pool()).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}

/// What the database cannot put into lower case by itself, in lower case: SQLite knows the letters of ASCII only.
fn searched(title: &str, agent: &str) -> String {
    let is_plain = |text: &str| text.is_ascii() || text.to_lowercase() == text.to_ascii_lowercase();
    if is_plain(title) && is_plain(agent) { String::new() } else { format!("{title}\n{agent}").to_lowercase() }
}

fn decode_json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: usize) -> Result<T, sqlx::Error> {
    serde_json::from_str(row.try_get::<&str, _>(column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}
