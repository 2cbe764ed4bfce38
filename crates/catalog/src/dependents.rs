//! What does not work without an entity, directly or through others.
//!
//! Breadth first over names, one step after the other: the database gives names with the next one on their way, and no
//! document is read. What is told of all of them comes from the rows that entities are found by.

use std::collections::{BTreeMap, HashMap, HashSet};

use mizzen_store::Store;
use sqlx::Row as _;

use crate::plane::{Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::relation::Provenance;
use crate::storage::sql::Sql;

/// Steps from the entity that are taken.
pub const HOPS_MAX: u32 = 64;
/// Dependents that are found.
pub const DEPENDENTS_MAX: usize = 50_000;
/// References that one statement asks for.
const AT_ONCE: usize = 400;
/// Every relation is kept at both its ends, so that one question of one index gives what needs something: what depends on it and
/// what consumes it, the API that it provides, and what it is part of.
const NEEDED_BY: &[&str] = &["dependencyof", "apiconsumedby", "providesapi", "partof"];
/// An owner is no dependency, but what a team owns is left alone when the team goes.
const LEFT_ALONE: &[&str] = &["ownerof", "dependencyof", "apiconsumedby"];

/// Something that breaks, and what is known of it without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    pub reference: EntityRef,
    /// Steps to the entity that goes.
    pub hops: u32,
    /// The next one on the way there.
    pub via: EntityRef,
    /// Who says that it needs that one.
    pub provenance: Provenance,
    /// `spec.type`.
    pub entity_type: Option<String>,
    pub owner: Option<String>,
    /// Of an agent: the name that traffic has for it.
    pub agent: Option<String>,
}

/// All that breaks, as far as it was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dependents {
    /// Nearest first, then by name.
    pub items: Vec<Dependent>,
    /// There are more, further away or past [`DEPENDENTS_MAX`].
    pub is_cut: bool,
}

/// The next ones on the way, by who says so: of each the first by name.
#[derive(Debug, Default)]
struct Via {
    declared: Option<String>,
    observed: Option<String>,
}

impl Via {
    fn add(&mut self, via: String, is_observed: bool) {
        let known = if is_observed { &mut self.observed } else { &mut self.declared };
        if known.as_ref().is_none_or(|known| via < *known) {
            *known = Some(via);
        }
    }

    fn first(self) -> Option<(String, Provenance)> {
        match (self.declared, self.observed) {
            (Some(declared), Some(observed)) if declared == observed => Some((declared, Provenance::Both)),
            (Some(declared), Some(observed)) if observed < declared => Some((observed, Provenance::Observed)),
            (Some(declared), _) => Some((declared, Provenance::Declared)),
            (None, observed) => Some((observed?, Provenance::Observed)),
        }
    }
}

/// One step of the search: by name, what it is reached over.
type Reached = BTreeMap<String, Via>;

impl Catalog {
    /// What breaks if an entity goes. For a team or a person also what they own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn dependents_of(&self, reference: &EntityRef) -> Result<Dependents, CatalogError> {
        self.dependents_within(reference, HOPS_MAX, DEPENDENTS_MAX).await
    }

    async fn dependents_within(
        &self,
        reference: &EntityRef,
        hops_max: u32,
        items_max: usize,
    ) -> Result<Dependents, CatalogError> {
        let kinds = if matches!(reference.kind(), "group" | "user") { LEFT_ALONE } else { NEEDED_BY };
        let root = reference.to_string();
        let mut seen = HashSet::from([root.clone()]);
        let (mut rim, mut found) = (vec![root], Dependents::default());
        // One step more than are told says whether there is more.
        for hops in 1..=hops_max + 1 {
            let reached = step(self.store(), &rim, kinds, &seen).await?;
            let room = if hops > hops_max { 0 } else { items_max - found.items.len() };
            found.is_cut = reached.len() > room;
            rim = reached.keys().take(room).cloned().collect();
            found.items.extend(reached.into_iter().take(room).filter_map(|(name, via)| dependent(&name, hops, via)));
            if rim.is_empty() || found.is_cut {
                break;
            }
            seen.extend(rim.iter().cloned());
        }
        add_facts(self.store(), &mut found.items).await?;
        Ok(found)
    }
}

fn dependent(name: &str, hops: u32, via: Via) -> Option<Dependent> {
    let (via, provenance) = via.first()?;
    let (reference, via) = (name.parse().ok()?, via.parse().ok()?);
    Some(Dependent { reference, hops, via, provenance, entity_type: None, owner: None, agent: None })
}

/// What needs one of these directly and was not seen before.
async fn step(store: &Store, rim: &[String], kinds: &[&str], seen: &HashSet<String>) -> Result<Reached, CatalogError> {
    let mut reached = Reached::new();
    for names in rim.chunks(AT_ONCE) {
        for (sql, is_observed) in [(declared(names, kinds), false), (observed(names), true)] {
            for row in sql.query().fetch_all(store.pool()).await? {
                let name: String = row.try_get(0)?;
                if !seen.contains(&name) {
                    reached.entry(name).or_default().add(row.try_get(1)?, is_observed);
                }
            }
        }
    }
    Ok(reached)
}

fn declared(names: &[String], kinds: &[&str]) -> Sql {
    let mut sql = Sql::new("SELECT target, source FROM catalog_relations WHERE source IN ");
    sql.list(names.iter().map(String::as_str)).push(" AND kind_key IN ").list(kinds.iter().copied());
    sql
}

fn observed(names: &[String]) -> Sql {
    let mut sql = Sql::new(
        "SELECT a.ref, b.ref FROM catalog_entities b
         JOIN catalog_subjects t ON t.entity_id = b.entity_id JOIN catalog_uses u ON u.target_id = t.subject_id
         JOIN catalog_subjects s ON s.subject_id = u.source_id JOIN catalog_entities a ON a.entity_id = s.entity_id
         WHERE a.entity_id <> b.entity_id AND b.ref IN ",
    );
    sql.list(names.iter().map(String::as_str));
    sql
}

/// What all of them are counted by. What is not in the catalog has nothing.
async fn add_facts(store: &Store, items: &mut [Dependent]) -> Result<(), CatalogError> {
    for some in items.chunks_mut(AT_ONCE) {
        let mut sql = Sql::new(
            "SELECT e.ref,
                 (SELECT MIN(x.original) FROM catalog_search x WHERE x.entity_id = e.entity_id AND x.key = 'spec.type'),
                 (SELECT MIN(r.target) FROM catalog_relations r
                  WHERE r.source = e.ref AND r.kind_key = 'ownedby' AND r.is_forward = 1),
                 CASE WHEN e.class = 'agent' THEN COALESCE(
                     (SELECT MIN(x.original) FROM catalog_search x
                      WHERE x.entity_id = e.entity_id AND x.key = 'metadata.annotations.mizzen.dev/agent'),
                     (SELECT MIN(x.original) FROM catalog_search x
                      WHERE x.entity_id = e.entity_id AND x.key = 'metadata.name')) END
             FROM catalog_entities e WHERE e.ref IN ",
        );
        sql.list(some.iter().map(|item| item.reference.to_string()));
        let mut known = HashMap::new();
        for row in sql.query().fetch_all(store.pool()).await? {
            let texts: (Option<String>, _, _) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            known.insert(row.try_get::<String, _>(0)?, texts);
        }
        for item in some {
            let texts = known.remove(&item.reference.to_string()).unwrap_or_default();
            (item.entity_type, item.owner, item.agent) = texts;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
