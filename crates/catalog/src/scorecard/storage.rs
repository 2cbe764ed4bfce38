//! Cards as they are now, and what they were: a row when a card says something else, and one a day.

use mizzen_model::time::Timestamp;
use mizzen_store::{Migration, Store};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::card::{Card, Counts};
use super::{CheckState, Level};
use crate::plane::CatalogError;
use crate::reference::EntityRef;

/// Tables of scorecards, and of which runs were counted.
pub const MIGRATION: Migration = Migration { plane: "catalog", version: 3, sql: include_str!("schema.sql") };

pub(crate) const DAY_NANOS: i64 = 86_400_000_000_000;
/// Days of history that are kept.
const DAYS_KEPT: i64 = 400;
/// Cards that one board is made of.
pub(crate) const CARDS_MAX: i64 = 20_000;
/// Rows of history that one trend is made of.
const TREND_ROWS_MAX: i64 = 500_000;
/// Moments of one card's history, the newest.
const HISTORY_MAX: i64 = 500;

/// A card with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept<'c> {
    pub(crate) reference: &'c EntityRef,
    pub(crate) title: &'c str,
    /// Empty: nobody.
    pub(crate) owner: String,
    pub(crate) card: &'c Card,
}

/// A row of the board.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoardRow {
    pub(crate) reference: String,
    pub(crate) title: String,
    pub(crate) owner: String,
    pub(crate) level: Option<Level>,
    /// `id=s` of each check, between blanks; see [`sign`].
    states: String,
    pub(crate) computed_at: Timestamp,
}

impl BoardRow {
    /// The checks, each with its [`sign`].
    pub(crate) fn signs(&self) -> impl Iterator<Item = (&str, char)> {
        self.states.split(' ').filter_map(|pair| {
            let (id, sign) = pair.split_once('=')?;
            Some((id, sign.chars().next()?))
        })
    }
}

/// A moment of a card.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    pub at: Timestamp,
    pub level: Option<Level>,
    pub counts: Counts,
}

/// A check's result in one letter.
pub(crate) const fn sign(state: CheckState, applies: bool, is_exempt: bool) -> char {
    match (applies, is_exempt, state) {
        (false, ..) => '-',
        (true, _, CheckState::Pass) => 'p',
        (true, true, _) => 'x',
        (true, false, CheckState::Fail) => 'f',
        (true, false, CheckState::NoEvidence) => 'n',
    }
}

/// 0 for none.
pub(crate) fn number(level: Option<Level>) -> i64 {
    level.and_then(|level| Level::ALL.iter().position(|known| *known == level)).map_or(0, |place| place as i64 + 1)
}

pub(crate) fn level(number: i64) -> Option<Level> {
    usize::try_from(number).ok()?.checked_sub(1).and_then(|place| Level::ALL.get(place)).copied()
}

fn decode(reference: &str, document: &str) -> Result<Card, CatalogError> {
    serde_json::from_str(document).map_err(|error| CatalogError::damaged("scorecard", reference, error))
}

pub(crate) async fn card(store: &Store, reference: &EntityRef) -> Result<Option<Card>, CatalogError> {
    let sql = "SELECT document FROM catalog_scorecards WHERE reference = $1";
    let reference = reference.to_string();
    let row = sqlx::query(sql).bind(&reference).fetch_optional(store.pool()).await?;
    row.map(|row| decode(&reference, &row.try_get::<String, _>(0)?)).transpose()
}

/// Keeps a card; its moment becomes history when it says something else than the last one, or is the first of its day.
pub(crate) async fn keep(store: &Store, kept: &Kept<'_>) -> Result<(), CatalogError> {
    let Kept { reference, title, owner, card } = kept;
    let name = reference.to_string();
    let document = serde_json::to_string(card).map_err(|error| CatalogError::damaged("scorecard", &name, error))?;
    let signs =
        card.checks.iter().map(|check| (&check.id, sign(check.state, check.applies, check.exemption.is_some())));
    let states = signs.map(|(id, sign)| format!("{id}={sign}")).collect::<Vec<_>>().join(" ");
    let at = card.computed_at.unix_nanos();
    let day = at.div_euclid(DAY_NANOS);
    let mut change = store.begin().await?;
    let before = sqlx::query("SELECT document FROM catalog_scorecards WHERE reference = $1").bind(&name);
    let before = before.fetch_optional(&mut *change).await?;
    let before = before.map(|row| decode(&name, &row.try_get::<String, _>(0)?)).transpose()?;
    let is_news = before.is_none_or(|before| {
        !before.says_the_same(card) || before.computed_at.unix_nanos().div_euclid(DAY_NANOS) != day
    });
    sqlx::query(
        "INSERT INTO catalog_scorecards (reference, title, owner, level, states, document, computed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (reference) DO UPDATE SET title = excluded.title, owner = excluded.owner, level = excluded.level,
             states = excluded.states, document = excluded.document, computed_at = excluded.computed_at",
    )
    .bind(&name)
    .bind(*title)
    .bind(owner)
    .bind(number(card.level))
    .bind(states)
    .bind(document)
    .bind(at)
    .execute(&mut *change)
    .await?;
    if is_news {
        let counts = card.counts();
        let insert =
            "INSERT INTO catalog_scorecard_history (reference, at, day, level, passed, failed, no_evidence, exempt)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (reference, at) DO NOTHING";
        let query = sqlx::query(insert).bind(&name).bind(at).bind(day).bind(number(card.level));
        let query = query.bind(i64::from(counts.passed)).bind(i64::from(counts.failed));
        query.bind(i64::from(counts.no_evidence)).bind(i64::from(counts.exempt)).execute(&mut *change).await?;
    }
    change.commit().await?;
    Ok(())
}

/// Forgets cards that no round has made since `before`: their agents are gone. Old history goes too.
pub(crate) async fn sweep(store: &Store, before: Timestamp, now: Timestamp) -> Result<(), CatalogError> {
    let sql = "DELETE FROM catalog_scorecards WHERE computed_at < $1";
    sqlx::query(sql).bind(before.unix_nanos()).execute(store.pool()).await?;
    let day = now.unix_nanos().div_euclid(DAY_NANOS) - DAYS_KEPT;
    sqlx::query("DELETE FROM catalog_scorecard_history WHERE day < $1").bind(day).execute(store.pool()).await?;
    Ok(())
}

/// All cards in the order of their owners; one more than the limit says that there are more.
pub(crate) async fn board(store: &Store, owner: Option<&str>, of: Option<i64>) -> Result<Vec<BoardRow>, CatalogError> {
    let sql = "SELECT reference, title, owner, level, states, computed_at FROM catalog_scorecards
         WHERE ($1 = '' OR owner = $1) AND ($2 < 0 OR level = $2) ORDER BY owner, reference LIMIT $3";
    let query = sqlx::query(sql).bind(owner.unwrap_or_default()).bind(of.unwrap_or(-1)).bind(CARDS_MAX + 1);
    let rows = query.fetch_all(store.pool()).await?;
    rows.iter().map(|row| Ok(board_row(row)?)).collect()
}

fn board_row(row: &AnyRow) -> Result<BoardRow, sqlx::Error> {
    Ok(BoardRow {
        reference: row.try_get(0)?,
        title: row.try_get(1)?,
        owner: row.try_get(2)?,
        level: level(row.try_get(3)?),
        states: row.try_get(4)?,
        computed_at: Timestamp::from_unix_nanos(row.try_get(5)?),
    })
}

/// A card's moments, oldest first.
pub(crate) async fn history(store: &Store, reference: &EntityRef) -> Result<Vec<Moment>, CatalogError> {
    let sql = "SELECT at, level, passed, failed, no_evidence, exempt FROM catalog_scorecard_history
         WHERE reference = $1 ORDER BY at DESC LIMIT $2";
    let rows = sqlx::query(sql).bind(reference.to_string()).bind(HISTORY_MAX).fetch_all(store.pool()).await?;
    let moment = |row: &AnyRow| -> Result<Moment, sqlx::Error> {
        let count = |at: usize| row.try_get::<i64, _>(at).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let counts = Counts {
            passed: count(2)?,
            failed: count(3)?,
            no_evidence: count(4)?,
            exempt: count(5)?,
            not_applicable: 0,
        };
        Ok(Moment { at: Timestamp::from_unix_nanos(row.try_get(0)?), level: level(row.try_get(1)?), counts })
    };
    rows.iter().rev().map(|row| Ok(moment(row)?)).collect()
}

/// The levels of agents by day since the epoch, newest first, and only of `owner`'s: where there are too many, the oldest days
/// are left out.
pub(crate) async fn trend(
    store: &Store,
    owner: Option<&str>,
    since_day: i64,
) -> Result<Vec<(i64, String, Option<Level>)>, CatalogError> {
    let sql = "SELECT h.day, h.reference, h.level FROM catalog_scorecard_history h
         LEFT JOIN catalog_scorecards s ON s.reference = h.reference
         WHERE h.day >= $1 AND ($2 = '' OR s.owner = $2) ORDER BY h.day DESC, h.at DESC LIMIT $3";
    let query = sqlx::query(sql).bind(since_day).bind(owner.unwrap_or_default()).bind(TREND_ROWS_MAX);
    let rows = query.fetch_all(store.pool()).await?;
    let row =
        |row: &AnyRow| -> Result<_, sqlx::Error> { Ok((row.try_get(0)?, row.try_get(1)?, level(row.try_get(2)?))) };
    rows.iter().map(|of| Ok(row(of)?)).collect()
}
