//! What depends on what around one entity, laid out. What there is no room for shares nodes, and the nodes say how many they are.

mod choose;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use mizzen_catalog::EntityRef;
use mizzen_catalog::relation::Provenance;
use serde::Serialize;
use utoipa::ToSchema;

use self::choose::{Node, Shown, choose};
use super::layout::{Layout, Size, layout};
use super::reach::{Direction, Link, reach};

const NODE: Size = Size { width: 196.0, height: 48.0 };
/// Room for who says so and how often it was seen: `observed · 12,345×`.
const GAP_RIGHT: f64 = 136.0;

/// The graph with coordinates in pixels; x grows to the right, y downwards. An edge goes from what depends to what it depends
/// on, from left to right.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CatalogGraph {
    /// The entity that was asked about.
    root: String,
    depth: u32,
    direction: String,
    width: f64,
    height: f64,
    nodes: Vec<CatalogGraphNode>,
    edges: Vec<CatalogGraphEdge>,
    /// Entities within `depth`, drawn one by one or not.
    total: usize,
    /// How many of them share a node with others.
    folded: usize,
    /// Whether the search met its bound, so that there is more than `total`.
    truncated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CatalogGraphOrigin {
    Declared,
    /// Traffic showed it, nobody declared it.
    Discovered,
    /// A document names it; it was neither declared nor seen.
    Missing,
    /// Several, for which there was no room.
    Folded,
}

impl CatalogGraphOrigin {
    pub(crate) const fn of(known: Option<&About>) -> Self {
        match known {
            None => Self::Missing,
            Some(known) if known.is_discovered => Self::Discovered,
            Some(_) => Self::Declared,
        }
    }
}

/// An entity, or several that share a node. `x` and `y` are its upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CatalogGraphNode {
    id: String,
    /// The entity's reference; `null` for several.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// In lower case.
    kind: String,
    /// `spec.type`.
    #[serde(rename = "type")]
    entity_type: Option<String>,
    title: String,
    owner: Option<String>,
    /// Of its scorecard, for example `controlled`.
    level: Option<String>,
    origin: CatalogGraphOrigin,
    /// Steps to the entity that was asked about.
    hops: u32,
    /// How many entities a shared node stands for; 0 for one entity.
    folded: usize,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CatalogGraphEdge {
    from: String,
    to: String,
    /// For example `dependsOn`.
    relations: Vec<String>,
    provenance: Provenance,
    /// Calls that were seen.
    calls: u64,
    /// How many dependencies it stands for.
    folded: usize,
    /// The corners of a line from one to the other.
    points: Vec<[f64; 2]>,
}

/// What is said of an entity beside its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) entity_type: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) is_discovered: bool,
    /// Of an agent: the name that traffic has for it.
    pub(crate) agent: Option<String>,
}

/// The part of a graph that is drawn, before anything is known of its entities but their names.
#[derive(Debug)]
pub(crate) struct Neighbourhood {
    pub(crate) root: EntityRef,
    depth: u32,
    direction: Direction,
    shown: Shown,
    edges: IndexMap<(usize, usize), Merged>,
    total: usize,
}

#[derive(Debug, Default)]
struct Merged {
    relations: BTreeSet<String>,
    provenance: Option<Provenance>,
    calls: u64,
    count: usize,
}

impl Merged {
    fn add(&mut self, link: &Link) {
        self.relations.insert(link.relation.clone());
        self.provenance = Some(match self.provenance {
            None => link.provenance,
            Some(known) if known == link.provenance => known,
            Some(_) => Provenance::Both,
        });
        self.calls = self.calls.saturating_add(link.calls);
        self.count += 1;
    }
}

impl Neighbourhood {
    pub(crate) fn around(root: EntityRef, links: &[Link], depth: u32, direction: Direction) -> Self {
        let places = reach(&root, links, depth, direction);
        let total = places.len();
        let shown = choose(&places, links);
        let mut merged: BTreeMap<(usize, usize), Merged> = BTreeMap::new();
        for link in links {
            let (Some(from), Some(to)) = (shown.place_of(&link.from), shown.place_of(&link.to)) else { continue };
            // What happens between entities that share a node is not told.
            if from != to {
                merged.entry((from, to)).or_default().add(link);
            }
        }
        Self { root, depth, direction, shown, edges: merged.into_iter().collect(), total }
    }

    /// The entities that are drawn one by one: what must be known before [`Self::draw`].
    pub(crate) fn entities(&self) -> Vec<EntityRef> {
        let one = |node: &Node| match node {
            Node::Entity { reference, .. } => Some(reference.clone()),
            Node::Folded { .. } => None,
        };
        self.shown.nodes.iter().filter_map(one).collect()
    }

    /// `about` says nothing of an entity that is not there.
    pub(crate) fn draw(&self, about: &BTreeMap<EntityRef, About>, truncated: bool) -> CatalogGraph {
        let sizes = vec![NODE; self.shown.nodes.len()];
        let links: Vec<(usize, usize)> = self.edges.keys().copied().collect();
        let layout = layout(&sizes, &links, GAP_RIGHT);
        let nodes: Vec<CatalogGraphNode> = self
            .shown
            .nodes
            .iter()
            .zip(&layout.corners)
            .map(|(node, corner)| node_view(node, *corner, about))
            .collect();
        CatalogGraph {
            root: self.root.to_string(),
            depth: self.depth,
            direction: self.direction.as_str().to_owned(),
            width: layout.width,
            height: layout.height,
            edges: self.edge_views(&nodes, &layout),
            folded: nodes.iter().map(|node| node.folded).sum(),
            nodes,
            total: self.total,
            truncated,
        }
    }

    fn edge_views(&self, nodes: &[CatalogGraphNode], layout: &Layout) -> Vec<CatalogGraphEdge> {
        let views = self.edges.iter().zip(&layout.lines).map(|(((from, to), merged), points)| CatalogGraphEdge {
            from: nodes[*from].id.clone(),
            to: nodes[*to].id.clone(),
            relations: merged.relations.iter().cloned().collect(),
            provenance: merged.provenance.unwrap_or(Provenance::Declared),
            calls: merged.calls,
            folded: merged.count,
            points: points.clone(),
        });
        views.collect()
    }
}

fn node_view(node: &Node, [x, y]: [f64; 2], about: &BTreeMap<EntityRef, About>) -> CatalogGraphNode {
    let (width, height) = (NODE.width, NODE.height);
    match node {
        Node::Entity { reference, hops } => {
            let known = about.get(reference);
            CatalogGraphNode {
                id: reference.to_string(),
                reference: Some(reference.to_string()),
                kind: reference.kind().to_owned(),
                entity_type: known.and_then(|known| known.entity_type.clone()),
                title: known.map_or_else(|| reference.name().to_owned(), |known| known.title.clone()),
                owner: known.and_then(|known| known.owner.clone()),
                level: known.and_then(|known| known.level.clone()),
                origin: CatalogGraphOrigin::of(known),
                hops: *hops,
                folded: 0,
                x,
                y,
                width,
                height,
            }
        }
        Node::Folded { side, hops, kind, count } => CatalogGraphNode {
            id: format!("more:{}:{hops}:{kind}", side.as_str()),
            reference: None,
            kind: kind.clone(),
            entity_type: None,
            title: format!("{count} more"),
            owner: None,
            level: None,
            origin: CatalogGraphOrigin::Folded,
            hops: *hops,
            folded: *count,
            x,
            y,
            width,
            height,
        },
    }
}

#[cfg(test)]
mod tests;
