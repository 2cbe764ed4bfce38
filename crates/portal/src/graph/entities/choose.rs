//! Which of what was reached is drawn one by one.

use std::collections::{BTreeMap, HashMap, HashSet};

use mizzen_catalog::EntityRef;

use super::super::reach::{Link, Place, Side};

/// Entities that are drawn at one distance on one side; the rest of each kind shares a node. Six such layers, drawn in one window,
/// are what a person can still read.
pub(super) const LAYER_NODES_MAX: usize = 14;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Entity { reference: EntityRef, hops: u32 },
    Folded { side: Side, hops: u32, kind: String, count: usize },
}

/// The nodes of the drawing, nearest first, and which of them stands for an entity.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) nodes: Vec<Node>,
    of: HashMap<EntityRef, usize>,
}

impl Shown {
    pub(super) fn place_of(&self, reference: &EntityRef) -> Option<usize> {
        self.of.get(reference).copied()
    }

    fn add(&mut self, node: Node, entities: impl IntoIterator<Item = EntityRef>) {
        let place = self.nodes.len();
        self.nodes.push(node);
        self.of.extend(entities.into_iter().map(|entity| (entity, place)));
    }
}

/// Layer by layer, what hangs on something that is drawn before what does not, then what is called most.
pub(super) fn choose(places: &BTreeMap<EntityRef, Place>, links: &[Link]) -> Shown {
    let mut layers: BTreeMap<(u32, Side), Vec<&EntityRef>> = BTreeMap::new();
    for (reference, place) in places {
        layers.entry((place.hops, place.side)).or_default().push(reference);
    }
    let mut shown = Shown::default();
    let mut drawn: HashSet<&EntityRef> = HashSet::new();
    for ((hops, side), members) in layers {
        let weights = if members.len() > LAYER_NODES_MAX { weights(&members, &drawn, links) } else { HashMap::new() };
        let mut ranked = members;
        ranked.sort_by_key(|member| (std::cmp::Reverse(weights.get(*member).copied().unwrap_or_default()), *member));
        let rest = ranked.split_off(ranked.len().min(LAYER_NODES_MAX));
        // One alone needs no more room than the node that would stand for it.
        let (alone, rest) = folded(rest);
        ranked.extend(alone);
        ranked.sort_unstable();
        for reference in ranked {
            drawn.insert(reference);
            shown.add(Node::Entity { reference: reference.clone(), hops }, [reference.clone()]);
        }
        for (kind, members) in rest {
            let node = Node::Folded { side, hops, kind: kind.to_owned(), count: members.len() };
            shown.add(node, members.into_iter().cloned());
        }
    }
    shown
}

type ByKind<'a> = BTreeMap<&'a str, Vec<&'a EntityRef>>;

fn folded(rest: Vec<&EntityRef>) -> (Vec<&EntityRef>, ByKind<'_>) {
    let mut kinds: ByKind<'_> = BTreeMap::new();
    for reference in rest {
        kinds.entry(reference.kind()).or_default().push(reference);
    }
    let (alone, kinds): (ByKind<'_>, ByKind<'_>) = kinds.into_iter().partition(|(_, members)| members.len() == 1);
    (alone.into_values().flatten().collect(), kinds)
}

/// Per member: whether it hangs on something drawn, and how often it is called or calls there.
fn weights<'a>(
    members: &[&'a EntityRef],
    drawn: &HashSet<&EntityRef>,
    links: &'a [Link],
) -> HashMap<&'a EntityRef, (bool, u64)> {
    let asked: HashSet<&EntityRef> = members.iter().copied().collect();
    let mut weights: HashMap<&EntityRef, (bool, u64)> = HashMap::new();
    for link in links {
        for (one, other) in [(&link.from, &link.to), (&link.to, &link.from)] {
            if asked.contains(one) && drawn.contains(other) {
                let weight = weights.entry(one).or_default();
                *weight = (true, weight.1.saturating_add(link.calls));
            }
        }
    }
    weights
}
