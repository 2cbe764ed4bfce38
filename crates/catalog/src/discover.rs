//! Counting what traffic showed once, whatever brings it here and however often.
//!
//! What was counted and that it was are one transaction: after a crash a run was counted whole, or comes again.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use crate::observed::Observation;
use crate::plane::{Catalog, CatalogError};

/// Keys that are taken at once.
pub const KEYS_MAX: usize = 2_000;
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
        let new = self.mark_observed(&mut change, sightings, now).await?;
        let observations: Vec<Observation> =
            new.iter().flat_map(|sighting| sighting.observations.iter().cloned()).collect();
        self.observe_in(&mut change, &observations).await?;
        change.commit().await?;
        Ok(new.len())
    }

    /// The sightings whose key was not there, each once. All in one statement: one for each of them would cost more than the rest.
    async fn mark_observed<'s>(
        &self,
        change: &mut Transaction<'_, Any>,
        sightings: &'s [Sighting],
        now: i64,
    ) -> Result<Vec<&'s Sighting>, CatalogError> {
        let mut new: BTreeMap<&str, &Sighting> = BTreeMap::new();
        for sighting in sightings {
            new.entry(&sighting.key).or_insert(sighting);
        }
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "INSERT INTO catalog_observed_keys (observed_key, observed_at) VALUES {}
             ON CONFLICT (observed_key) DO NOTHING RETURNING observed_key",
            self.store().values(new.len(), 2)
        );
        let insert = sqlx::query(AssertSqlSafe(sql));
        let insert = new.keys().fold(insert, |insert, key| insert.bind((*key).to_owned()).bind(now));
        let rows = insert.fetch_all(&mut **change).await?;
        let marked = rows.iter().map(|row| row.try_get::<String, _>(0)).collect::<Result<Vec<_>, _>>()?;
        Ok(marked.iter().filter_map(|key| new.remove(key.as_str())).collect())
    }

    /// Which of the keys were counted.
    ///
    /// # Errors
    /// When there are too many, or the database fails.
    pub async fn observed(&self, keys: &[String]) -> Result<Vec<bool>, CatalogError> {
        if keys.len() > KEYS_MAX {
            return Err(CatalogError::TooMany { what: "keys", max: KEYS_MAX, got: keys.len() });
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let list = self.store().values(1, keys.len());
        let sql = format!("SELECT observed_key FROM catalog_observed_keys WHERE observed_key IN {list}");
        let asked = keys.iter().fold(sqlx::query::<Any>(AssertSqlSafe(sql)), |asked, key| asked.bind(key.clone()));
        let rows = asked.fetch_all(self.store().pool()).await?;
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
