//! How often each value of a key is there.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::{FACETS_MAX, FullText, Predicate, matching};
use crate::plane::{Catalog, CatalogError};
use crate::storage::searches::RELATIONS;
use crate::storage::sql::Sql;

/// Different values that one statement tells, of all its keys together.
const VALUES_MAX: i64 = 50_000;
/// Of fewer entities, each is looked up; of more, the index of a key is walked. Tests have both among few entities.
const LOOKED_UP_MAX: u64 = if cfg!(test) { 20 } else { 5_000 };

/// Statements that count values at the same time.
const AT_ONCE: usize = 2;

/// How many entities match, and how often each value of a key is there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facets {
    pub total: u64,
    /// For each key, as it was asked for: values as they were written, in order, with how many entities have each.
    pub values: BTreeMap<String, Vec<(String, u64)>>,
}

/// The entities that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Everything,
    Few,
    Many,
}

impl Catalog {
    /// Counts the matching entities, and each value that they have of each key.
    ///
    /// # Errors
    /// When there are too many facets, the predicate is over a limit, or the database fails.
    pub async fn facets(
        &self,
        predicate: &Predicate,
        facets: &[String],
        full_text: Option<&FullText>,
    ) -> Result<Facets, CatalogError> {
        if facets.len() > FACETS_MAX {
            return Err(CatalogError::TooMany { what: "facets", max: FACETS_MAX, got: facets.len() });
        }
        let is_everything = full_text.is_none() && matches!(predicate, Predicate::All(parts) if parts.is_empty());
        // How few match says how they are counted; of everything that is known.
        let few = if is_everything { None } else { Some(self.count(predicate, full_text).await?) };
        let counted = match few {
            None => Counted::Everything,
            Some(0..=LOOKED_UP_MAX) => Counted::Few,
            Some(_) => Counted::Many,
        };
        let keys: Vec<String> = facets.iter().map(|facet| facet.to_lowercase()).collect();
        let (of_relations, of_values): (Vec<&String>, Vec<&String>) =
            keys.iter().partition(|key| key.starts_with(RELATIONS));
        // Each on a connection of its own, as far as there are any.
        // Of some entities each statement would have to find them again.
        let at_once = if counted == Counted::Everything { AT_ONCE } else { 1 };
        let parts = of_values.chunks(of_values.len().div_ceil(at_once).max(1));
        let values = parts.map(|keys| self.of_values(predicate, full_text, keys, counted));
        let values = futures::future::try_join_all(values);
        let total = async {
            match few {
                Some(total) => Ok(total),
                None => self.count(predicate, full_text).await,
            }
        };
        let relations = of_relations.iter().map(|key| self.of_relation(predicate, full_text, key, counted));
        let relations = futures::future::try_join_all(relations);
        let (total, values, relations) = futures::future::try_join3(total, values, relations).await?;
        let mut found: BTreeMap<String, Vec<(String, u64)>> = values.into_iter().flatten().collect();
        found.extend(of_relations.into_iter().cloned().zip(relations));
        let of = |key: &String| found.get(key).cloned().unwrap_or_default();
        let values = facets.iter().zip(&keys).map(|(facet, key)| (facet.clone(), of(key))).collect();
        Ok(Facets { total, values })
    }

    async fn of_values(
        &self,
        predicate: &Predicate,
        full_text: Option<&FullText>,
        keys: &[&String],
        counted: Counted,
    ) -> Result<BTreeMap<String, Vec<(String, u64)>>, CatalogError> {
        let mut found: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let mut sql = Sql::new("SELECT s.key, s.original, COUNT(*) FROM ");
        if counted == Counted::Few {
            // SQLite takes a cross join in the order in which it is written.
            sql.push("catalog_entities e CROSS JOIN catalog_search s WHERE s.entity_id = e.entity_id AND ");
            matching(&mut sql, predicate, full_text)?;
        } else {
            sql.push("catalog_search s WHERE 1 = 1");
        }
        if counted == Counted::Many {
            sql.push(" AND s.entity_id IN (SELECT e.entity_id FROM catalog_entities e WHERE ");
            matching(&mut sql, predicate, full_text)?;
            sql.push(")");
        }
        sql.push(" AND s.value IS NOT NULL AND s.key IN ").list(keys.iter().map(|key| key.as_str()));
        sql.push(" GROUP BY s.key, s.value, s.original ORDER BY s.key, s.value, s.original LIMIT ").bind(VALUES_MAX);
        for row in sql.query().fetch_all(self.store().pool()).await? {
            let of_key = found.entry(row.try_get(0)?).or_default();
            of_key.push((row.try_get(1)?, u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0)));
        }
        Ok(found)
    }

    async fn of_relation(
        &self,
        predicate: &Predicate,
        full_text: Option<&FullText>,
        key: &str,
        counted: Counted,
    ) -> Result<Vec<(String, u64)>, CatalogError> {
        let kind = key.strip_prefix(RELATIONS).unwrap_or(key);
        let mut sql =
            Sql::new("SELECT r.target, COUNT(DISTINCT r.source_id) FROM catalog_relations r WHERE r.kind_key = ");
        sql.bind(kind).push(" AND r.source_id IS NOT NULL");
        if counted != Counted::Everything {
            sql.push(" AND r.source_id IN (SELECT e.entity_id FROM catalog_entities e WHERE ");
            matching(&mut sql, predicate, full_text)?;
            sql.push(")");
        }
        sql.push(" GROUP BY r.target ORDER BY r.target LIMIT ").bind(VALUES_MAX);
        let rows = sql.query().fetch_all(self.store().pool()).await?;
        let counts = rows.iter().map(|row| {
            let count: i64 = row.try_get(1)?;
            Ok((row.try_get(0)?, u64::try_from(count).unwrap_or(0)))
        });
        Ok(counts.collect::<Result<_, sqlx::Error>>()?)
    }
}
