//! What breaks if an entity goes: everything that depends on it, by kind, with whom to ask.

use std::collections::BTreeMap;

use mizzen_catalog::EntityRef;
use mizzen_catalog::dependents::{Dependent, Dependents};
use mizzen_catalog::relation::Provenance;
use serde::Serialize;
use utoipa::ToSchema;

use super::entities::{About, CatalogGraphOrigin};

/// Entities of one kind that are told one by one, and of all kinds together; all are counted.
const ITEMS_PER_KIND_MAX: usize = 100;
const ITEMS_MAX: usize = 500;

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

/// What breaks if an entity goes, counted and cut, before any document of it is read.
#[derive(Debug)]
pub(crate) struct Impact {
    root: EntityRef,
    total: usize,
    is_cut: bool,
    runs: Option<u64>,
    runs_are_cut: bool,
    kinds: Vec<Kind>,
    owners: Vec<CatalogImpactOwner>,
}

/// With its runs, where it is an agent.
type Counted = (Dependent, Option<u64>);
/// By kind and `spec.type`.
type Kinds = BTreeMap<(String, Option<String>), Vec<Counted>>;

/// Those of one kind, and how many there are of it.
#[derive(Debug)]
struct Kind {
    kind: String,
    entity_type: Option<String>,
    count: usize,
    items: Vec<Counted>,
}

impl Impact {
    /// `agent` is the name that traffic has for the entity itself.
    pub(crate) fn of(root: EntityRef, agent: Option<&String>, dependents: Dependents, runs: &RunCounts) -> Self {
        let runs_of = |agent: &String| runs.by_agent.get(agent).copied().unwrap_or(0);
        let Dependents { items, is_cut } = dependents;
        let total = items.len();
        let mut counted: Vec<u64> = agent.map(runs_of).into_iter().collect();
        let mut kinds = Kinds::new();
        let mut owners: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for item in items {
            let runs = item.agent.as_ref().map(runs_of);
            counted.extend(runs);
            *owners.entry(item.owner.clone()).or_default() += 1;
            let kind = (item.reference.kind().to_owned(), item.entity_type.clone());
            kinds.entry(kind).or_default().push((item, runs));
        }
        let mut owners: Vec<CatalogImpactOwner> =
            owners.into_iter().map(|(owner, count)| CatalogImpactOwner { owner, count }).collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.count));
        let runs_are_cut = runs.is_cut;
        let runs = (!counted.is_empty()).then(|| counted.iter().sum());
        Self { root, total, is_cut, runs, runs_are_cut, kinds: ranked(kinds), owners }
    }

    /// Those that are told one by one.
    pub(crate) fn shown(&self) -> Vec<EntityRef> {
        let items = self.kinds.iter().flat_map(|kind| &kind.items);
        items.map(|(item, _)| item.reference.clone()).collect()
    }

    /// `about` says nothing of an entity that is not there.
    pub(crate) fn tell(self, about: &BTreeMap<EntityRef, About>) -> CatalogImpact {
        let kind = |Kind { kind, entity_type, count, items }| {
            let items = items.into_iter().map(|(item, runs)| told(item, runs, about)).collect();
            CatalogImpactKind { kind, entity_type, count, items }
        };
        CatalogImpact {
            root: self.root.to_string(),
            total: self.total,
            truncated: self.is_cut,
            runs_30_days: self.runs,
            runs_are_cut: self.runs_are_cut,
            kinds: self.kinds.into_iter().map(kind).collect(),
            owners: self.owners,
        }
    }
}

fn told(item: Dependent, runs: Option<u64>, about: &BTreeMap<EntityRef, About>) -> CatalogImpacted {
    let known = about.get(&item.reference);
    CatalogImpacted {
        reference: item.reference.to_string(),
        title: known.map_or_else(|| item.reference.name().to_owned(), |known| known.title.clone()),
        owner: item.owner,
        level: known.and_then(|known| known.level.clone()),
        origin: CatalogGraphOrigin::of(known),
        hops: item.hops,
        via: item.via.to_string(),
        provenance: item.provenance,
        runs_30_days: runs,
    }
}

/// Agents first, since they are what stops; then what is most. Within a kind, nearest and busiest first.
fn ranked(kinds: Kinds) -> Vec<Kind> {
    let kind = |((kind, entity_type), items): ((String, Option<String>), Vec<_>)| {
        let count = items.len();
        Kind { kind, entity_type, count, items }
    };
    let mut kinds: Vec<Kind> = kinds.into_iter().map(kind).collect();
    kinds.sort_by_key(|kind| (kind.entity_type.as_deref() != Some("ai-agent"), std::cmp::Reverse(kind.count)));
    let mut room = ITEMS_MAX;
    for kind in &mut kinds {
        // They come in order of name.
        kind.items.sort_by_key(|(item, runs)| (item.hops, std::cmp::Reverse(*runs)));
        kind.items.truncate(ITEMS_PER_KIND_MAX.min(room));
        room -= kind.items.len();
    }
    kinds
}

#[cfg(test)]
mod tests;
