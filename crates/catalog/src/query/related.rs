//! What hangs together with an entity: what documents say, and what traffic showed.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_store::Store;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::plane::{Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::relation::Provenance;
use crate::storage::sql::Sql;

/// Steps from the entity that a walk may take.
pub const DEPTH_MAX: u32 = 16;
/// Edges that one walk gives.
pub const EDGES_MAX: usize = 20_000;
/// References that one statement asks for.
const AT_ONCE: usize = 400;

/// Which edges of an entity are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To what it needs, what owns it and what it is part of.
    Out,
    /// The other way.
    In,
    Both,
    /// To what cannot be missing: what it depends on and consumes, what provides it, and its parts.
    Needs,
    /// To what breaks without it.
    NeededBy,
}

/// Edges that are followed from the entities of one step.
struct Step {
    is_out: bool,
    /// Empty: all.
    kinds: Vec<String>,
    with_observed: bool,
}

/// How far to go from an entity, and along what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// 1 to [`DEPTH_MAX`].
    pub depth: u32,
    pub direction: Direction,
    /// Forward kinds such as `dependsOn`; empty: all. Observed edges are followed with `dependsOn` and `consumesApi`.
    pub kinds: Vec<String>,
    /// At most [`EDGES_MAX`].
    pub edges_max: usize,
}

impl Walk {
    /// Along everything.
    #[must_use]
    pub const fn new(depth: u32, direction: Direction) -> Self {
        Self { depth, direction, kinds: Vec::new(), edges_max: EDGES_MAX }
    }

    fn steps(&self) -> Vec<Step> {
        const USED: &[&str] = &["dependsOn", "consumesApi"];
        const HELD: &[&str] = &["providesApi", "partOf"];
        let step = |is_out, only: &[&str]| {
            let only = only.iter().map(|kind| (*kind).to_owned());
            let wanted = |kind: &String| self.kinds.is_empty() || self.kinds.contains(kind);
            let kinds: Vec<String> = if only.len() == 0 { self.kinds.clone() } else { only.filter(wanted).collect() };
            let with_observed = kinds.is_empty() || kinds.iter().any(|kind| USED.contains(&kind.as_str()));
            Step { is_out, kinds, with_observed }
        };
        let steps = match self.direction {
            Direction::Out => vec![step(true, &[])],
            Direction::In => vec![step(false, &[])],
            Direction::Both => vec![step(true, &[]), step(false, &[])],
            Direction::Needs => vec![step(true, USED), step(false, HELD)],
            Direction::NeededBy => vec![step(false, USED), step(true, HELD)],
        };
        let is_any = |step: &Step| !step.kinds.is_empty() || self.kinds.is_empty();
        steps.into_iter().filter(is_any).collect()
    }
}

/// One thing that hangs on another. Every pair is told once, in the direction of its forward kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub from: EntityRef,
    pub to: EntityRef,
    /// For example `dependsOn`.
    pub kind: String,
    pub provenance: Provenance,
    /// That traffic showed.
    pub calls: u64,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Related {
    /// Nearest first, then by name.
    pub edges: Vec<Edge>,
    /// There are more edges than were asked for.
    pub is_cut: bool,
}

impl Catalog {
    /// The edges around an entity, as far as the walk goes.
    ///
    /// # Errors
    /// When the depth is over its limit, or the database fails.
    pub async fn relations_of(&self, reference: &EntityRef, walk: &Walk) -> Result<Related, CatalogError> {
        if !(1..=DEPTH_MAX).contains(&walk.depth) {
            let message = format!("must be a number from 1 to {DEPTH_MAX}, not {}", walk.depth);
            return Err(CatalogError::Invalid { field: "depth", message });
        }
        let edges_max = walk.edges_max.min(EDGES_MAX);
        let mut found = Found::default();
        let mut frontier = BTreeSet::from([reference.to_string()]);
        let mut seen = frontier.clone();
        let steps = walk.steps();
        for _ in 0..walk.depth {
            let mut next = BTreeSet::new();
            let names: Vec<&String> = frontier.iter().collect();
            for some in names.chunks(AT_ONCE) {
                for step in &steps {
                    let left = edges_max.saturating_sub(found.edges.len()) + 1;
                    let mut ends = declared(self.store(), some, step, left, &mut found).await?;
                    if step.with_observed {
                        ends.extend(observed(self.store(), some, step.is_out, left, &mut found).await?);
                    }
                    next.extend(ends.into_iter().filter(|end| !seen.contains(end)));
                }
            }
            if found.edges.len() > edges_max || next.is_empty() {
                break;
            }
            seen.extend(next.iter().cloned());
            frontier = next;
        }
        Ok(found.into_related(edges_max))
    }
}

async fn declared(
    store: &Store,
    names: &[&String],
    step: &Step,
    limit: usize,
    found: &mut Found,
) -> Result<Vec<String>, CatalogError> {
    let (near, far) = if step.is_out { ("source", "target") } else { ("target", "source") };
    let mut sql = Sql::new("SELECT DISTINCT source, kind, target FROM catalog_relations WHERE is_forward = 1 AND ");
    sql.push(near).push(" IN ").list(names.iter().map(|name| name.as_str()));
    if !step.kinds.is_empty() {
        sql.push(" AND kind_key IN ").list(step.kinds.iter().map(|kind| kind.to_lowercase()));
    }
    sql.push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let mut ends = Vec::new();
    for row in sql.query().fetch_all(store.pool()).await? {
        let key = (row.try_get("source")?, row.try_get("target")?, row.try_get("kind")?);
        ends.push(row.try_get(far)?);
        found.declared(key);
    }
    Ok(ends)
}

async fn observed(
    store: &Store,
    names: &[&String],
    is_out: bool,
    limit: usize,
    found: &mut Found,
) -> Result<Vec<String>, CatalogError> {
    let (near, far) = if is_out { ("a", "to_ref") } else { ("b", "from_ref") };
    let mut sql = Sql::new(
        "SELECT a.ref AS from_ref, b.ref AS to_ref, b.class AS class, CAST(SUM(u.calls) AS BIGINT) AS calls
         FROM catalog_uses u
         JOIN catalog_subjects s ON s.subject_id = u.source_id JOIN catalog_entities a ON a.entity_id = s.entity_id
         JOIN catalog_subjects t ON t.subject_id = u.target_id JOIN catalog_entities b ON b.entity_id = t.entity_id
         WHERE a.entity_id <> b.entity_id AND ",
    );
    sql.push(near).push(".ref IN ").list(names.iter().map(|name| name.as_str()));
    sql.push(" GROUP BY a.ref, b.ref, b.class LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let mut ends = Vec::new();
    for row in sql.query().fetch_all(store.pool()).await? {
        let kind = if row.try_get::<String, _>("class")? == "tool_server" { "consumesApi" } else { "dependsOn" };
        let (from, to) = (row.try_get("from_ref")?, row.try_get("to_ref")?);
        ends.push(row.try_get(far)?);
        found.observed(from, to, kind, u64::try_from(row.try_get::<i64, _>("calls")?).unwrap_or(0));
    }
    Ok(ends)
}

/// Edges by their ends and kind, with the step in which each was found.
#[derive(Default)]
struct Found {
    edges: BTreeMap<(String, String, String), usize>,
    calls: BTreeMap<(String, String), (&'static str, u64, usize)>,
}

impl Found {
    fn declared(&mut self, key: (String, String, String)) {
        let place = self.edges.len();
        self.edges.entry(key).or_insert(place);
    }

    fn observed(&mut self, from: String, to: String, kind: &'static str, calls: u64) {
        let place = self.edges.len();
        self.calls.entry((from, to)).or_insert((kind, calls, place));
    }

    /// An edge that traffic showed is the one that a document declares between the same two, of whatever kind.
    fn into_related(self, edges_max: usize) -> Related {
        let mut edges = Vec::new();
        let mut calls = self.calls;
        let mut told = BTreeSet::new();
        for ((from, to, kind), place) in self.edges {
            let pair = (from, to);
            let is_use = !matches!(kind.as_str(), "ownedBy" | "memberOf" | "childOf");
            let seen = calls.get(&pair).filter(|_| is_use).map(|(_, calls, _)| *calls);
            let provenance = if seen.is_some() { Provenance::Both } else { Provenance::Declared };
            if seen.is_some() {
                told.insert(pair.clone());
            }
            edges.push((place, pair, kind, provenance, seen.unwrap_or(0)));
        }
        calls.retain(|pair, _| !told.contains(pair));
        for (pair, (kind, calls, place)) in calls {
            edges.push((place, pair, kind.to_owned(), Provenance::Observed, calls));
        }
        edges.sort();
        let is_cut = edges.len() > edges_max;
        edges.truncate(edges_max);
        let edges = edges.into_iter().filter_map(|(_, (from, to), kind, provenance, calls)| {
            Some(Edge { from: from.parse().ok()?, to: to.parse().ok()?, kind, provenance, calls })
        });
        Related { edges: edges.collect(), is_cut }
    }
}
