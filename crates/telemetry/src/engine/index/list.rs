//! The run list: filters and pages.

use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::{Any, AssertSqlSafe};

use super::Index;
use super::stored;

/// Runs of one page, at most.
pub(crate) const PAGE_RUNS_MAX: u32 = 1_000;

/// Which runs are wanted; what is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunFilter {
    pub agent: Option<String>,
    /// Any of the models that were asked.
    pub model: Option<String>,
    pub outcome: Option<Outcome>,
    pub session: Option<String>,
    pub caller: Option<String>,
    /// Part of the title, the agent or the run id; case does not matter.
    pub text: Option<String>,
    /// Started at this time or later.
    pub from: Option<Timestamp>,
    /// Started before this time.
    pub to: Option<Timestamp>,
    /// Somebody of this kind saw a step.
    pub source: Option<Source>,
}

/// Which part of a list, newest runs first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// At most 1,000.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { cursor: None, limit: 50 }
    }
}

/// One page of runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunPage {
    pub items: Vec<RunSummary>,
    /// `None` on the last page.
    pub next_cursor: Option<String>,
}

/// A cursor is not one that a page gave out.
#[derive(Debug, thiserror::Error)]
#[error("unknown cursor `{0}`; take `next_cursor` of the page before, or leave it out to begin")]
pub struct CursorError(String);

enum Bind {
    Text(String),
    Number(i64),
}

/// Conditions with their values, which become `$1`, `$2`… in this order.
#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Bind>,
}

impl Conditions {
    /// `?` in `sql` stands for the value.
    fn add(&mut self, sql: &str, value: Bind) {
        self.values.push(value);
        self.sql.push(sql.replace('?', &format!("${}", self.values.len())));
    }

    fn text(&mut self, sql: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(sql, Bind::Text(value.to_owned()));
        }
    }

    fn after(&mut self, started_at: i64, run_id: &str, table: &str) {
        self.values.push(Bind::Number(started_at));
        self.values.push(Bind::Text(run_id.to_owned()));
        let at = self.values.len();
        // The first part is for the index, which knows nothing of ids.
        self.sql.push(format!(
            "{table}.started_at <= ${0} AND ({table}.started_at, {table}.run_id) < (${0}, ${at})",
            at - 1
        ));
    }
}

impl Index {
    /// One page, newest first.
    pub(crate) async fn list(
        &self,
        filter: &RunFilter,
        page: &Page,
    ) -> Result<Result<RunPage, CursorError>, StoreError> {
        let after = match page.cursor.as_deref().map(parse_cursor).transpose() {
            Ok(after) => after,
            Err(error) => return Ok(Err(error)),
        };
        let limit = page.limit.clamp(1, PAGE_RUNS_MAX) as usize;
        let mut items = self.first(filter, Models::First, after, limit + 1).await?;
        if filter.model.is_some() {
            items.extend(self.first(filter, Models::Further, after, limit + 1).await?);
            items.sort_by(|a, b| (b.started_at, b.run_id.as_str()).cmp(&(a.started_at, a.run_id.as_str())));
        }
        let is_last = items.len() <= limit;
        items.truncate(limit);
        let cursor = |run: &RunSummary| format!("{}~{}", run.started_at.unix_nanos(), run.run_id);
        Ok(Ok(RunPage { next_cursor: items.last().filter(|_| !is_last).map(cursor), items }))
    }

    /// The newest `limit` runs of those that `filter` wants.
    async fn first(
        &self,
        filter: &RunFilter,
        models: Models,
        after: Option<(i64, &str)>,
        limit: usize,
    ) -> Result<Vec<RunSummary>, StoreError> {
        let (table, from) = match models {
            Models::First => ("r", "telemetry_runs r"),
            Models::Further => ("m", "telemetry_run_models m JOIN telemetry_runs r ON r.run_id = m.run_id"),
        };
        let mut conditions = conditions(filter, table, after);
        if models == Models::Further {
            // A model that came first since is in the column too.
            conditions.sql.push("m.model <> r.model".to_owned());
        }
        let filters =
            if conditions.sql.is_empty() { String::new() } else { format!("WHERE {}", conditions.sql.join(" AND ")) };
        let sql = format!(
            "SELECT {} FROM {from} {filters} ORDER BY {table}.started_at DESC, {table}.run_id DESC LIMIT {limit}",
            stored::COLUMNS
        );
        let query =
            conditions.values.into_iter().fold(sqlx::query::<Any>(AssertSqlSafe(sql)), |query, value| match value {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(number),
            });
        let rows = query.fetch_all(self.store.pool()).await?;
        let now = self.clock.now();
        Ok(rows.iter().map(|row| stored::decode(row, now)).collect::<Result<_, _>>()?)
    }
}

/// Where a wanted model is looked for: most runs have one, which is a column; the others are in a table of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Models {
    First,
    Further,
}

fn conditions(filter: &RunFilter, table: &str, after: Option<(i64, &str)>) -> Conditions {
    let mut conditions = Conditions::default();
    if let Some((started_at, run_id)) = after {
        conditions.after(started_at, run_id, table);
    }
    conditions.text(&format!("{table}.model = ?"), filter.model.as_deref());
    conditions.text("r.agent = ?", filter.agent.as_deref());
    if let Some(outcome) = filter.outcome {
        // Written out, because the indexes of the rare outcomes hold only those.
        conditions.sql.push(format!("r.outcome = '{outcome}'"));
    }
    conditions.text("r.session = ?", filter.session.as_deref());
    conditions.text("r.caller = ?", filter.caller.as_deref());
    if let Some(source) = filter.source {
        conditions.add("r.sources LIKE ?", Bind::Text(format!("%,{},%", source.as_str())));
    }
    if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
        let escaped: String = text.to_lowercase().chars().flat_map(escape).collect();
        // What was searched of a row is left empty where this says the same.
        let columns = ["r.searched", "LOWER(r.title)", "LOWER(r.agent)", "LOWER(r.run_id)"];
        let sql = columns.map(|column| format!(r"{column} LIKE ? ESCAPE '\'")).join(" OR ");
        conditions.add(&format!("({sql})"), Bind::Text(format!("%{escaped}%")));
    }
    if let Some(from) = filter.from {
        conditions.add(&format!("{table}.started_at >= ?"), Bind::Number(from.unix_nanos()));
    }
    if let Some(to) = filter.to {
        conditions.add(&format!("{table}.started_at < ?"), Bind::Number(to.unix_nanos()));
    }
    conditions
}

/// What `LIKE` would take for a wildcard.
fn escape(c: char) -> impl Iterator<Item = char> {
    matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])
}

fn parse_cursor(cursor: &str) -> Result<(i64, &str), CursorError> {
    let (started_at, run_id) = cursor.split_once('~').ok_or_else(|| CursorError(cursor.to_owned()))?;
    Ok((started_at.parse().map_err(|_| CursorError(cursor.to_owned()))?, run_id))
}
