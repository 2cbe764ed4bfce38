//! The heat map: teams or agents against checks, how far agents have come, and how that changed.

use std::collections::{BTreeMap, HashMap};

use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::plane::Scorecards;
use super::storage::{self, BoardRow, CARDS_MAX, DAY_NANOS};
use super::{Check, Level};
use crate::plane::CatalogError;

/// Rows that one board shows.
const ROWS_MAX: usize = 1_000;
/// Days of a trend.
pub const DAYS_MAX: u32 = 365;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Team,
    Agent,
}

/// Which agents, and how they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub by: By,
    /// Only agents of this owner, `group:default/platform`.
    pub owner: Option<String>,
    /// Only agents that have come exactly so far; `Some(None)`: that are not even known.
    pub level: Option<Option<Level>>,
    pub days: u32,
}

/// So many agents on each level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = CatalogLevelCounts)]
pub struct LevelCounts {
    /// Not even known.
    pub none: u32,
    pub known: u32,
    pub controlled: u32,
    pub proven: u32,
    pub trusted: u32,
}

impl LevelCounts {
    pub fn add(&mut self, level: Option<Level>) {
        let count = match level {
            None => &mut self.none,
            Some(Level::Known) => &mut self.known,
            Some(Level::Controlled) => &mut self.controlled,
            Some(Level::Proven) => &mut self.proven,
            Some(Level::Trusted) => &mut self.trusted,
        };
        *count += 1;
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogBoardCheck)]
pub struct BoardCheck {
    pub id: String,
    pub level: Level,
    pub title: String,
    pub own: bool,
}

/// So many agents of a row, by what a check says of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = CatalogBoardCell)]
pub struct Cell {
    pub check: String,
    pub pass: u32,
    pub fail: u32,
    pub no_evidence: u32,
    pub exempt: u32,
    pub not_applicable: u32,
}

/// A team, or an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogBoardRow)]
pub struct Row {
    /// `None`: agents that nobody owns.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub title: String,
    pub agents: u32,
    /// The lowest of its agents.
    pub level: Option<Level>,
    pub levels: LevelCounts,
    /// In the order of the checks.
    pub cells: Vec<Cell>,
}

/// A day of the trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogTrendDay)]
pub struct TrendDay {
    /// As `2026-11-24`.
    pub day: String,
    pub none: u32,
    pub known: u32,
    pub controlled: u32,
    pub proven: u32,
    pub trusted: u32,
}

/// The heat map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogBoard)]
pub struct Board {
    /// `team` or `agent`.
    pub by: &'static str,
    /// The oldest card on it.
    pub computed_at: Option<Timestamp>,
    pub agents: u32,
    /// There are more than are shown.
    pub truncated: bool,
    pub checks: Vec<BoardCheck>,
    pub rows: Vec<Row>,
    pub distribution: LevelCounts,
    pub trend: Vec<TrendDay>,
    /// Why files of the organisation are not in force.
    pub problems: Vec<String>,
}

impl Scorecards {
    /// The heat map as the cards are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn board(&self, asked: &Asked) -> Result<Board, CatalogError> {
        let store = self.0.catalog.store();
        let level = asked.level.map(storage::number);
        let mut cards = storage::board(store, asked.owner.as_deref(), level).await?;
        let mut is_cut = cards.len() as i64 > CARDS_MAX;
        cards.truncate(usize::try_from(CARDS_MAX).unwrap_or(usize::MAX));
        let rules = self.rules();
        let mut distribution = LevelCounts::default();
        cards.iter().for_each(|card| distribution.add(card.level));
        let titles = self.titles(asked.by, &cards).await?;
        let mut rows = rows(asked.by, &cards, rules.checks(), &titles);
        is_cut |= rows.len() > ROWS_MAX;
        rows.truncate(ROWS_MAX);
        let today = self.now().unix_nanos().div_euclid(DAY_NANOS);
        let since = today - i64::from(asked.days.clamp(1, DAYS_MAX)) + 1;
        Ok(Board {
            by: if asked.by == By::Team { "team" } else { "agent" },
            computed_at: cards.iter().map(|card| card.computed_at).min(),
            agents: u32::try_from(cards.len()).unwrap_or(u32::MAX),
            truncated: is_cut,
            checks: rules.checks().iter().map(column).collect(),
            rows,
            distribution,
            trend: trend(storage::trend(store, asked.owner.as_deref(), since).await?),
            problems: self.problems().iter().map(ToString::to_string).collect(),
        })
    }

    /// What teams are called.
    async fn titles(&self, by: By, cards: &[BoardRow]) -> Result<HashMap<String, String>, CatalogError> {
        if by == By::Agent {
            return Ok(HashMap::new());
        }
        let mut owners: Vec<_> = cards.iter().filter_map(|card| card.owner.parse().ok()).collect();
        owners.dedup();
        owners.truncate(ROWS_MAX);
        let found = self.0.catalog.by_refs(&owners).await?;
        let title = |stored: crate::query::Stored| (stored.reference.to_string(), stored.entity.title().to_owned());
        Ok(found.into_iter().flatten().map(title).collect())
    }
}

fn column(check: &Check) -> BoardCheck {
    BoardCheck { id: check.id.clone(), level: check.level, title: check.title.clone(), own: check.own }
}

fn rows(by: By, cards: &[BoardRow], checks: &[Check], titles: &HashMap<String, String>) -> Vec<Row> {
    let mut groups: BTreeMap<&str, Vec<&BoardRow>> = BTreeMap::new();
    for card in cards {
        let key = if by == By::Team { &card.owner } else { &card.reference };
        groups.entry(key).or_default().push(card);
    }
    let places: HashMap<&str, usize> =
        checks.iter().zip(0..).map(|(check, place)| (check.id.as_str(), place)).collect();
    let row = |(key, cards): (&str, Vec<&BoardRow>)| {
        let title = match by {
            By::Agent => cards.first().map(|card| card.title.clone()).unwrap_or_default(),
            By::Team if key.is_empty() => "no owner".to_owned(),
            By::Team => titles.get(key).cloned().unwrap_or_else(|| key.to_owned()),
        };
        let mut levels = LevelCounts::default();
        cards.iter().for_each(|card| levels.add(card.level));
        Row {
            reference: (!key.is_empty()).then(|| key.to_owned()),
            title,
            agents: u32::try_from(cards.len()).unwrap_or(u32::MAX),
            level: cards.iter().map(|card| card.level).min().flatten(),
            levels,
            cells: cells(checks, &places, &cards),
        }
    };
    groups.into_iter().map(row).collect()
}

/// One pass over the cards: they are many.
fn cells(checks: &[Check], places: &HashMap<&str, usize>, cards: &[&BoardRow]) -> Vec<Cell> {
    let cell = |check: &Check| Cell { check: check.id.clone(), ..Cell::default() };
    let mut cells: Vec<Cell> = checks.iter().map(cell).collect();
    for (id, sign) in cards.iter().flat_map(|card| card.signs()) {
        let Some(cell) = places.get(id).and_then(|place| cells.get_mut(*place)) else { continue };
        let count = match sign {
            'p' => &mut cell.pass,
            'f' => &mut cell.fail,
            'x' => &mut cell.exempt,
            '-' => &mut cell.not_applicable,
            _ => &mut cell.no_evidence,
        };
        *count += 1;
    }
    let agents = u32::try_from(cards.len()).unwrap_or(u32::MAX);
    for cell in &mut cells {
        // A check that is newer than a card has no evidence yet.
        let told = cell.pass + cell.fail + cell.no_evidence + cell.exempt + cell.not_applicable;
        cell.no_evidence += agents.saturating_sub(told);
    }
    cells
}

/// Of each day the last that was said of each agent; `moments` come newest first.
fn trend(moments: Vec<(i64, String, Option<Level>)>) -> Vec<TrendDay> {
    let mut days: BTreeMap<i64, HashMap<String, Option<Level>>> = BTreeMap::new();
    for (day, reference, level) in moments {
        days.entry(day).or_default().entry(reference).or_insert(level);
    }
    let told = |(day, agents): (i64, HashMap<String, Option<Level>>)| {
        let mut counts = LevelCounts::default();
        agents.into_values().for_each(|level| counts.add(level));
        let day = Timestamp::from_unix_nanos(day.saturating_mul(DAY_NANOS)).to_string();
        let LevelCounts { none, known, controlled, proven, trusted } = counts;
        TrendDay { day: day.get(..10).unwrap_or_default().to_owned(), none, known, controlled, proven, trusted }
    };
    days.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests;
