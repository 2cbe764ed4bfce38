//! How often each value of a key is there.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::{FACETS_MAX, FullText, Predicate, matching};
use crate::plane::{Catalog, CatalogError};
use crate::storage::searches::RELATIONS;
use crate::storage::sql::Sql;

/// Different values of one key that are told.
const VALUES_MAX: i64 = 10_000;

impl Catalog {
    /// For each key, as it was asked for: the values of matching entities as they were written, in order, and how many have each.
    ///
    /// # Errors
    /// When there are too many facets, the predicate is over a limit, or the database fails.
    pub async fn facets(
        &self,
        predicate: &Predicate,
        facets: &[String],
        full_text: Option<&FullText>,
    ) -> Result<BTreeMap<String, Vec<(String, u64)>>, CatalogError> {
        if facets.len() > FACETS_MAX {
            return Err(CatalogError::TooMany { what: "facets", max: FACETS_MAX, got: facets.len() });
        }
        let counts = facets.iter().map(|facet| async move {
            Ok::<_, CatalogError>((facet.clone(), self.facet(predicate, facet, full_text).await?))
        });
        // Each on a connection of its own, as far as there are any.
        futures::future::try_join_all(counts).await.map(|counts| counts.into_iter().collect())
    }

    async fn facet(
        &self,
        predicate: &Predicate,
        facet: &str,
        full_text: Option<&FullText>,
    ) -> Result<Vec<(String, u64)>, CatalogError> {
        let key = facet.to_lowercase();
        // A relation may start from what is not in the catalog.
        let everything = full_text.is_none()
            && !key.starts_with(RELATIONS)
            && matches!(predicate, Predicate::All(parts) if parts.is_empty());
        let mut sql = Sql::default();
        let (column, group) = if let Some(kind) = key.strip_prefix(RELATIONS) {
            sql.push("SELECT r.target, COUNT(DISTINCT r.source) FROM catalog_relations r WHERE r.kind_key = ")
                .bind(kind);
            ("r.source IN (SELECT e.ref", "r.target")
        } else {
            sql.push("SELECT s.original, COUNT(*) FROM catalog_search s WHERE s.value IS NOT NULL AND s.key = ")
                .bind(key);
            ("s.entity_id IN (SELECT e.entity_id", "s.value, s.original")
        };
        if !everything {
            sql.push(" AND ").push(column).push(" FROM catalog_entities e WHERE ");
            matching(&mut sql, predicate, full_text)?;
            sql.push(")");
        }
        sql.push(" GROUP BY ").push(group).push(" ORDER BY ").push(group).push(" LIMIT ").bind(VALUES_MAX);
        let rows = sql.query().fetch_all(self.store().pool()).await?;
        let counts = rows.iter().map(|row| {
            let count: i64 = row.try_get(1)?;
            Ok((row.try_get(0)?, u64::try_from(count).unwrap_or(0)))
        });
        Ok(counts.collect::<Result<_, sqlx::Error>>()?)
    }
}
