//! How many decisions were alike, counted where they are kept: what is said of all of them must not be said of the newest.

use mizzen_store::StoreError;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::super::Policies;
use super::{Conditions, DecisionFilter};

/// Kinds that decisions are told apart by. A caller may make up names of resources, and so any number of kinds.
pub const KINDS_MAX: usize = 10_000;

/// Decisions of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionCount {
    pub action: String,
    /// Empty where resources are not told apart.
    pub resource: String,
    pub effect: String,
    pub mode: String,
    pub enforced: bool,
    pub count: u64,
}

/// All decisions that were asked for, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionCounts {
    pub kinds: Vec<DecisionCount>,
    /// Not where that makes more than [`KINDS_MAX`] kinds.
    pub tells_resources_apart: bool,
}

impl DecisionCounts {
    #[must_use]
    pub fn total(&self) -> u64 {
        self.of(|_| true)
    }

    /// How many decisions are of a kind that `is_meant`.
    pub fn of(&self, is_meant: impl Fn(&DecisionCount) -> bool) -> u64 {
        self.kinds.iter().filter(|kind| is_meant(kind)).map(|kind| kind.count).sum()
    }
}

impl Policies<'_> {
    /// Counts the decisions that are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_decisions(&self, filter: &DecisionFilter) -> Result<DecisionCounts, StoreError> {
        let kinds = self.kinds(filter, "resource").await?;
        if kinds.len() <= KINDS_MAX {
            return Ok(DecisionCounts { kinds, tells_resources_apart: true });
        }
        Ok(DecisionCounts { kinds: self.kinds(filter, "''").await?, tells_resources_apart: false })
    }

    /// At most one more than [`KINDS_MAX`].
    async fn kinds(&self, filter: &DecisionFilter, resource: &str) -> Result<Vec<DecisionCount>, StoreError> {
        let wanted = Conditions::of(filter);
        let sql = format!(
            "SELECT action, named, effect, mode, enforced, COUNT(*) AS decisions FROM
                 (SELECT action, {resource} AS named, effect, mode, enforced FROM control_decisions{}) AS wanted
             GROUP BY action, named, effect, mode, enforced LIMIT {}",
            wanted.filters(),
            KINDS_MAX + 1
        );
        let rows = wanted.query(sql).fetch_all(self.0.store.pool()).await?;
        Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
    }
}

fn decode(row: &AnyRow) -> Result<DecisionCount, sqlx::Error> {
    Ok(DecisionCount {
        action: row.try_get("action")?,
        resource: row.try_get("named")?,
        effect: row.try_get("effect")?,
        mode: row.try_get("mode")?,
        enforced: row.try_get::<i64, _>("enforced")? != 0,
        count: u64::try_from(row.try_get::<i64, _>("decisions")?).unwrap_or_default(),
    })
}
