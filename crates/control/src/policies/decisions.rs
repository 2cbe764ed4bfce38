//! What was decided, kept for a while.
//!
//! Decisions are log events of their runs, and those are what SQL shows and what is kept for good. The list of the newest
//! ones and the question what another set would have said need them by time and by name without a scan of segments, so
//! they are kept here a second time, for a stated time and up to a stated number. What content may be kept is settled
//! before they come here.

mod counts;
mod documents;
pub mod record;

use std::time::Duration;

use mizzen_model::permission::Effect;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row as _};

pub use self::counts::{DecisionCount, DecisionCounts, KINDS_MAX};
use self::documents::{BESIDE, BLOCK_DOCUMENTS, Place};
use self::record::DecisionDocument;
use super::Policies;
use crate::plane::Inner;

/// Rows that one sweep deletes at a time, so that nobody waits for its lock.
const SWEPT_AT_ONCE: i64 = 5_000;
/// Sweeps of one turn.
const SWEEPS_MAX: u32 = 200;

/// How long decisions are kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub time: Duration,
    /// The oldest go first.
    pub rows_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { time: Duration::from_secs(30 * 24 * 3600), rows_max: 2_000_000 }
    }
}

/// A recorded decision: what lists show and filter by, and all of it as a document.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDecision {
    pub id: String,
    pub at: Timestamp,
    pub run_id: Option<String>,
    pub agent: Option<String>,
    pub caller: String,
    pub action: String,
    pub resource: String,
    pub effect: String,
    pub mode: String,
    /// Whether the call was kept from going on, or is held.
    pub enforced: bool,
    pub code: Option<String>,
    /// JSON; [`Self::read`] reads it.
    pub document: String,
}

impl KeptDecision {
    /// All that was kept of it.
    ///
    /// # Errors
    /// When it is not what this release writes.
    pub fn read(&self) -> Result<DecisionDocument, serde_json::Error> {
        serde_json::from_str(&self.document)
    }
}

/// Which decisions are asked for; `None` asks for any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    pub run_id: Option<String>,
    pub agent: Option<String>,
    pub caller: Option<String>,
    pub action: Option<String>,
    /// As it is, or up to a `*` at its end.
    pub resource: Option<String>,
    pub effect: Option<String>,
    pub mode: Option<String>,
    pub enforced: Option<bool>,
    pub code: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionPage {
    pub items: Vec<KeptDecision>,
    pub next_cursor: Option<String>,
}

/// Why decisions could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    #[error("`{0}` is not the `next_cursor` of a page")]
    Cursor(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

const COLUMNS: &str = "decision_id, decided_at, run_id, agent, caller, action, resource, effect, mode, enforced, code, document, \
                       document_block, document_index";
const COLUMNS_COUNT: usize = 14;

impl Policies<'_> {
    /// Keeps decisions; one that is kept already stays as it is.
    ///
    /// # Errors
    /// When the database fails; then none of them is kept, and all may be given again.
    pub async fn keep_decisions(&self, decisions: &[KeptDecision]) -> Result<(), StoreError> {
        let mut change = self.0.store.begin().await?;
        for some in decisions.chunks(BLOCK_DOCUMENTS) {
            let block = documents::keep(&mut change, some).await?;
            let sql = format!(
                "INSERT INTO control_decisions ({COLUMNS}) VALUES {} ON CONFLICT (decision_id) DO NOTHING",
                self.0.store.values(some.len(), COLUMNS_COUNT)
            );
            let insert = sqlx::query::<Any>(AssertSqlSafe(sql));
            let bound = (0..)
                .zip(some)
                .fold(insert, |insert, (index, decision)| bind(insert, decision, Place { block, index }));
            bound.execute(&mut *change).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// One page, newest first.
    ///
    /// # Errors
    /// When the cursor is not one of ours, or the database fails.
    pub async fn decisions(
        &self,
        filter: &DecisionFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<DecisionPage, DecisionError> {
        let mut wanted = Conditions::of(filter);
        if let Some((before, id)) = cursor.map(parse_cursor).transpose()? {
            wanted.after(before, id);
        }
        let limit_place = wanted.place(Bind::Number(i64::from(limit) + 1));
        let sql = format!(
            "SELECT {COLUMNS} FROM control_decisions{} ORDER BY decided_at DESC, decision_id DESC LIMIT {limit_place}",
            wanted.filters()
        );
        let rows = wanted.query(sql).fetch_all(self.0.store.pool()).await.map_err(StoreError::from)?;
        let mut items = self.decoded(&rows).await?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items.last().filter(|_| has_more).map(|last| format!("{}~{}", last.at.unix_nanos(), last.id));
        // Swept since their rows were read, or damaged, which is logged.
        items.retain(|decision| !decision.document.is_empty());
        Ok(DecisionPage { items, next_cursor })
    }

    /// # Errors
    /// When the database fails.
    pub async fn decision(&self, id: &str) -> Result<Option<KeptDecision>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM control_decisions WHERE decision_id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(self.0.store.pool()).await?;
        Ok(self.decoded(row.as_slice()).await?.pop().filter(|decision| !decision.document.is_empty()))
    }

    /// Rows with their documents.
    async fn decoded(&self, rows: &[AnyRow]) -> Result<Vec<KeptDecision>, StoreError> {
        let decoded: Result<Vec<_>, sqlx::Error> = rows.iter().map(decode).collect();
        let (mut decisions, places): (Vec<_>, Vec<_>) = decoded?.into_iter().unzip();
        let documents = documents::read(self.0.store.pool(), &places).await?;
        for ((decision, place), document) in decisions.iter_mut().zip(places).zip(documents) {
            if place.block != BESIDE {
                decision.document = document;
            }
        }
        Ok(decisions)
    }
}

/// Removes decisions that are older, or more, than is kept.
pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    let retention = inner.policies.working().await.retention;
    let kept = i64::try_from(retention.time.as_nanos()).unwrap_or(i64::MAX);
    delete_before(inner, inner.clock.now().plus_nanos(-kept).unix_nanos()).await?;
    let beyond = "SELECT decided_at FROM control_decisions ORDER BY decided_at DESC LIMIT 1 OFFSET $1";
    let offset = i64::try_from(retention.rows_max).unwrap_or(i64::MAX);
    let row = sqlx::query(beyond).bind(offset).fetch_optional(inner.store.pool()).await?;
    match row {
        Some(row) => delete_before(inner, row.try_get::<i64, _>(0)?.saturating_add(1)).await,
        None => Ok(()),
    }
}

async fn delete_before(inner: &Inner, before: i64) -> Result<(), StoreError> {
    for _ in 0..SWEEPS_MAX {
        let done = sqlx::query(
            "DELETE FROM control_decisions WHERE decision_id IN
             (SELECT decision_id FROM control_decisions WHERE decided_at < $1 ORDER BY decided_at LIMIT $2)",
        )
        .bind(before)
        .bind(SWEPT_AT_ONCE)
        .execute(inner.store.pool())
        .await?;
        if done.rows_affected() == 0 {
            return delete_documents_before(inner, before).await;
        }
    }
    // A block goes after its decisions, and some of them are left for the next turn.
    Ok(())
}

async fn delete_documents_before(inner: &Inner, before: i64) -> Result<(), StoreError> {
    for _ in 0..SWEEPS_MAX {
        if documents::delete_before(inner.store.pool(), before, SWEPT_AT_ONCE).await? == 0 {
            break;
        }
    }
    Ok(())
}

type Statement<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

/// Absent names are kept as empty text: every column is then compared in the same way on both databases.
fn bind<'q>(statement: Statement<'q>, decision: &KeptDecision, place: Place) -> Statement<'q> {
    let beside = if place.block == BESIDE { decision.document.clone() } else { String::new() };
    statement
        .bind(decision.id.clone())
        .bind(decision.at.unix_nanos())
        .bind(decision.run_id.clone().unwrap_or_default())
        .bind(decision.agent.clone().unwrap_or_default())
        .bind(decision.caller.clone())
        .bind(decision.action.clone())
        .bind(decision.resource.clone())
        .bind(decision.effect.clone())
        .bind(decision.mode.clone())
        .bind(i64::from(decision.enforced))
        .bind(decision.code.clone().unwrap_or_default())
        .bind(beside)
        .bind(place.block)
        .bind(place.index)
}

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
    fn of(filter: &DecisionFilter) -> Self {
        let mut wanted = Self::default();
        let texts = [
            ("run_id", &filter.run_id),
            ("agent", &filter.agent),
            ("caller", &filter.caller),
            ("action", &filter.action),
            ("effect", &filter.effect),
            ("mode", &filter.mode),
            ("code", &filter.code),
        ];
        if filter.effect.as_deref().is_some_and(|effect| effect != Effect::Allow.as_str()) {
            // For the index, which has only those.
            wanted.sql.push("effect <> 'allow'".to_owned());
        }
        for (column, text) in texts {
            if let Some(text) = text {
                wanted.add(&format!("{column} = "), Bind::Text(text.clone()));
            }
        }
        if let Some(resource) = &filter.resource {
            wanted.resource(resource);
        }
        if let Some(enforced) = filter.enforced {
            wanted.add("enforced = ", Bind::Number(i64::from(enforced)));
        }
        if let Some(since) = filter.since {
            wanted.add("decided_at >= ", Bind::Number(since.unix_nanos()));
        }
        if let Some(until) = filter.until {
            wanted.add("decided_at < ", Bind::Number(until.unix_nanos()));
        }
        wanted
    }

    fn place(&mut self, value: Bind) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// `sql` ends where the value follows.
    fn add(&mut self, sql: &str, value: Bind) {
        let place = self.place(value);
        self.sql.push(format!("{sql}{place}"));
    }

    /// Not LIKE: it takes `_` and `%` of a tool's name for more than they are.
    fn resource(&mut self, resource: &str) {
        let Some(prefix) = resource.strip_suffix('*') else {
            return self.add("resource = ", Bind::Text(resource.to_owned()));
        };
        // A number in the statement: the databases do not agree on the type of one that is bound here.
        let length = prefix.chars().count();
        self.add(&format!("substr(resource, 1, {length}) = "), Bind::Text(prefix.to_owned()));
    }

    fn after(&mut self, at: i64, id: String) {
        let (at, id) = (self.place(Bind::Number(at)), self.place(Bind::Text(id)));
        // The first part is for the index.
        self.sql.push(format!("decided_at <= {at} AND (decided_at < {at} OR decision_id < {id})"));
    }

    fn filters(&self) -> String {
        if self.sql.is_empty() { String::new() } else { format!(" WHERE {}", self.sql.join(" AND ")) }
    }

    /// `sql` with the values of its places.
    fn query(self, sql: String) -> Statement<'static> {
        self.values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
            Bind::Text(text) => query.bind(text),
            Bind::Number(number) => query.bind(number),
        })
    }
}

fn parse_cursor(cursor: &str) -> Result<(i64, String), DecisionError> {
    let wrong = || DecisionError::Cursor(cursor.chars().take(100).collect());
    let (at, id) = cursor.split_once('~').ok_or_else(wrong)?;
    Ok((at.parse().map_err(|_| wrong())?, id.to_owned()))
}

/// Without its document, unless that stands beside it.
fn decode(row: &AnyRow) -> Result<(KeptDecision, Place), sqlx::Error> {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let place = Place { block: row.try_get("document_block")?, index: row.try_get("document_index")? };
    let decision = KeptDecision {
        id: row.try_get("decision_id")?,
        at: Timestamp::from_unix_nanos(row.try_get("decided_at")?),
        run_id: some(row.try_get("run_id")?),
        agent: some(row.try_get("agent")?),
        caller: row.try_get("caller")?,
        action: row.try_get("action")?,
        resource: row.try_get("resource")?,
        effect: row.try_get("effect")?,
        mode: row.try_get("mode")?,
        enforced: row.try_get::<i64, _>("enforced")? != 0,
        code: some(row.try_get("code")?),
        document: row.try_get("document")?,
    };
    Ok((decision, place))
}

#[cfg(test)]
mod tests;
