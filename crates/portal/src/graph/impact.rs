//! What breaks if an entity goes: everything that depends on it, by kind, with whom to ask.

use std::collections::BTreeMap;

use mizzen_catalog::EntityRef;
use mizzen_catalog::relation::Provenance;
use serde::Serialize;
use utoipa::ToSchema;

use super::entities::{About, CatalogGraphOrigin};
use super::reach::{Direction, Link, Place, reach};

/// Entities of one kind that are told one by one; all are counted.
pub(crate) const ITEMS_PER_KIND_MAX: usize = 100;

/// What does not work without an entity, directly or through others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CatalogImpact {
    root: String,
    total: usize,
    /// Whether the search met its bound, so that there is more than `total`.
    truncated: bool,
    /// Runs of the agents among them, and of the entity itself when it is one; `null` when none is an agent.
    runs_30_days: Option<u64>,
    /// Whether there were too many runs to count: the numbers of runs are then lower bounds.
    runs_are_cut: bool,
    kinds: Vec<CatalogImpactKind>,
    /// Who owns most of them first; `null` owns what nobody owns.
    owners: Vec<CatalogImpactOwner>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CatalogImpactKind {
    /// In lower case.
    kind: String,
    /// `spec.type`.
    #[serde(rename = "type")]
    entity_type: Option<String>,
    count: usize,
    /// Nearest first; not all of a long list.
    items: Vec<CatalogImpacted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CatalogImpacted {
    #[serde(rename = "ref")]
    reference: String,
    title: String,
    owner: Option<String>,
    level: Option<String>,
    origin: CatalogGraphOrigin,
    /// Steps to the entity that goes.
    hops: u32,
    /// The next one on the way there.
    via: String,
    /// Who says that it needs that one.
    provenance: Provenance,
    /// `null` when it is no agent.
    runs_30_days: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CatalogImpactOwner {
    owner: Option<String>,
    count: usize,
}

/// Runs by the name that traffic has for the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunCounts {
    pub(crate) by_agent: BTreeMap<String, u64>,
    pub(crate) is_cut: bool,
}

/// What depends on an entity, before anything is known of it but names.
#[derive(Debug)]
pub(crate) struct Dependents {
    root: EntityRef,
    places: BTreeMap<EntityRef, Place>,
    /// Who says that one needs the other.
    said: BTreeMap<(EntityRef, EntityRef), Provenance>,
}

impl Dependents {
    pub(crate) fn of(root: EntityRef, links: &[Link], depth: u32) -> Self {
        let places = reach(&root, links, depth, Direction::Up);
        let mut said: BTreeMap<(EntityRef, EntityRef), Provenance> = BTreeMap::new();
        for Link { from, to, provenance, .. } in links {
            let known = said.entry((from.clone(), to.clone())).or_insert(*provenance);
            if known != provenance {
                *known = Provenance::Both;
            }
        }
        Self { root, places, said }
    }

    /// The entity itself and everything that depends on it.
    pub(crate) fn entities(&self) -> Vec<EntityRef> {
        self.places.keys().cloned().collect()
    }

    /// `about` says nothing of an entity that is not there.
    pub(crate) fn tell(&self, about: &BTreeMap<EntityRef, About>, runs: &RunCounts, truncated: bool) -> CatalogImpact {
        let runs_of = |reference: &EntityRef| {
            let agent = about.get(reference)?.agent.as_ref()?;
            Some(runs.by_agent.get(agent).copied().unwrap_or(0))
        };
        let mut kinds: BTreeMap<(String, Option<String>), Vec<CatalogImpacted>> = BTreeMap::new();
        let mut owners: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for (reference, place) in self.places.iter().filter(|(reference, _)| **reference != self.root) {
            let known = about.get(reference);
            let item = self.item(reference, place, known, runs_of(reference));
            *owners.entry(item.owner.clone()).or_default() += 1;
            let entity_type = known.and_then(|known| known.entity_type.clone());
            kinds.entry((reference.kind().to_owned(), entity_type)).or_default().push(item);
        }
        let counted: Vec<u64> = self.places.keys().filter_map(runs_of).collect();
        let mut owners: Vec<CatalogImpactOwner> =
            owners.into_iter().map(|(owner, count)| CatalogImpactOwner { owner, count }).collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.count));
        CatalogImpact {
            root: self.root.to_string(),
            total: self.places.len() - 1,
            truncated,
            runs_30_days: (!counted.is_empty()).then(|| counted.iter().sum()),
            runs_are_cut: runs.is_cut,
            kinds: ranked(kinds),
            owners,
        }
    }

    fn item(&self, reference: &EntityRef, place: &Place, known: Option<&About>, runs: Option<u64>) -> CatalogImpacted {
        let way = (reference.clone(), place.via.clone());
        CatalogImpacted {
            reference: reference.to_string(),
            title: known.map_or_else(|| reference.name().to_owned(), |known| known.title.clone()),
            owner: known.and_then(|known| known.owner.clone()),
            level: known.and_then(|known| known.level.clone()),
            origin: CatalogGraphOrigin::of(known),
            hops: place.hops,
            via: place.via.to_string(),
            provenance: self.said.get(&way).copied().unwrap_or(Provenance::Declared),
            runs_30_days: runs,
        }
    }
}

/// Agents first, since they are what stops; then what is most. Within a kind, nearest and busiest first.
fn ranked(kinds: BTreeMap<(String, Option<String>), Vec<CatalogImpacted>>) -> Vec<CatalogImpactKind> {
    let mut told: Vec<CatalogImpactKind> = kinds
        .into_iter()
        .map(|((kind, entity_type), mut items)| {
            items.sort_by_key(|item| (item.hops, std::cmp::Reverse(item.runs_30_days), item.reference.clone()));
            let count = items.len();
            items.truncate(ITEMS_PER_KIND_MAX);
            CatalogImpactKind { kind, entity_type, count, items }
        })
        .collect();
    told.sort_by_key(|kind| (kind.entity_type.as_deref() != Some("ai-agent"), std::cmp::Reverse(kind.count)));
    told
}

#[cfg(test)]
mod tests;
