//! Counting what traffic showed once, whatever brings it here and however often.
//!
//! What was counted and that it was are one transaction: after a crash a run was counted whole, or comes again.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::Row as _;

use crate::observed::Observation;
use crate::plane::{Catalog, CatalogError};
use crate::storage::sql::Sql;

/// Keys that are taken at once.
pub const KEYS_MAX: usize = 500;
/// How long it is known that a key was counted. What comes later than this counts again, so nothing older is brought.
pub const KEY_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Keys that one sweep forgets.
const SWEPT_AT_ONCE: i64 = 5_000;

/// Something that was seen once, for example a run, and what it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// For example `run:4b1f…`.
    pub key: String,
    pub observations: Vec<Observation>,
}

impl Catalog {
    /// Counts sightings whose key was not counted before; answers how many those were.
    ///
    /// # Errors
    /// When there are too many, or the database fails; then none was counted.
    pub async fn observe_once(&self, sightings: &[Sighting]) -> Result<usize, CatalogError> {
        if sightings.len() > KEYS_MAX {
            return Err(CatalogError::TooMany { what: "sightings", max: KEYS_MAX, got: sightings.len() });
        }
        let mut change = self.store().begin().await?;
        let now = self.clock().now().unix_nanos();
        let (mut observations, mut new) = (Vec::new(), 0);
        for sighting in sightings {
            let sql = "INSERT INTO catalog_observed_keys (observed_key, observed_at) VALUES ($1, $2)
                 ON CONFLICT (observed_key) DO NOTHING";
            let marked = sqlx::query(sql).bind(&sighting.key).bind(now).execute(&mut *change).await?;
            if marked.rows_affected() > 0 {
                new += 1;
                observations.extend_from_slice(&sighting.observations);
            }
        }
        self.observe_in(&mut change, &observations).await?;
        change.commit().await?;
        Ok(new)
    }

    /// Which of the keys were counted.
    ///
    /// # Errors
    /// When there are too many, or the database fails.
    pub async fn observed(&self, keys: &[String]) -> Result<Vec<bool>, CatalogError> {
        if keys.len() > KEYS_MAX {
            return Err(CatalogError::TooMany { what: "keys", max: KEYS_MAX, got: keys.len() });
        }
        let mut sql = Sql::new("SELECT observed_key FROM catalog_observed_keys WHERE observed_key IN ");
        sql.list(keys.iter().map(String::as_str));
        let rows = sql.query().fetch_all(self.store().pool()).await?;
        let found: HashSet<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let known = keys.iter().map(|key| found.contains(key)).collect();
        Ok(known)
    }

    /// Forgets keys that were counted long ago.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_observed(&self) -> Result<u64, CatalogError> {
        let kept = i64::try_from(KEY_KEPT.as_nanos()).unwrap_or(i64::MAX);
        let before = self.clock().now().plus_nanos(-kept);
        let sql = "DELETE FROM catalog_observed_keys WHERE observed_key IN
             (SELECT observed_key FROM catalog_observed_keys WHERE observed_at < $1 ORDER BY observed_at LIMIT $2)";
        let query = sqlx::query(sql).bind(before.unix_nanos()).bind(SWEPT_AT_ONCE);
        Ok(query.execute(self.store().pool()).await?.rows_affected())
    }
}

#[cfg(test)]
mod tests;
