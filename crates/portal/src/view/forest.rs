//! Parent links made into a forest that can be walked, whatever the links say.
//!
//! What agents send is not a tree by law: parents are missing, name themselves, or form rings. Every node
//! is visited exactly once all the same: a node whose parent is missing becomes a root, and of a ring the
//! earliest node does. Time is that of one sort, memory is a few integers a node, and no step recurses,
//! so that a chain of 100,000 spans cannot exhaust the stack.

use std::collections::HashMap;
use std::hash::Hash;

/// One node as the sender described it. Siblings are walked in the order of `rank`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<K, R> {
    pub(crate) id: K,
    pub(crate) parent: Option<K>,
    pub(crate) rank: R,
}

/// One node in depth-first order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Place of the node in the input.
    pub(crate) index: usize,
    pub(crate) depth: u32,
    /// Place of the parent in the walk; always smaller than the node's own.
    pub(crate) parent: Option<usize>,
}

/// Every node once, parents before children.
pub(crate) fn walk<K: Eq + Hash + Copy, R: Ord>(links: &[Link<K, R>]) -> Vec<Visit> {
    let mut by_rank: Vec<usize> = (0..links.len()).collect();
    by_rank.sort_by(|a, b| links[*a].rank.cmp(&links[*b].rank));
    let mut first: HashMap<K, usize> = HashMap::with_capacity(links.len());
    for index in &by_rank {
        first.entry(links[*index].id).or_insert(*index);
    }
    let mut parents: Vec<Option<usize>> =
        links.iter().map(|link| link.parent.and_then(|parent| first.get(&parent).copied())).collect();
    cut_rings(&by_rank, &mut parents);
    depth_first(&by_rank, &parents)
}

/// Makes the earliest node of every ring a root.
fn cut_rings(by_rank: &[usize], parents: &mut [Option<usize>]) {
    let mut place = vec![0; parents.len()];
    for (position, index) in by_rank.iter().enumerate() {
        place[*index] = position;
    }
    // The climb on which a node was first met; 0 for none.
    let mut met_on = vec![0; parents.len()];
    for (start, climb) in by_rank.iter().zip(1..) {
        let mut at = *start;
        while met_on[at] == 0 {
            met_on[at] = climb;
            let Some(up) = parents[at] else { break };
            if met_on[up] == climb {
                let earliest = ring(up, parents).min_by_key(|node| place[*node]).unwrap_or(up);
                parents[earliest] = None;
                break;
            }
            at = up;
        }
    }
}

/// The nodes of the ring that `start` lies on, once each.
fn ring(start: usize, parents: &[Option<usize>]) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(start), move |node| parents[*node].filter(|up| *up != start))
}

fn depth_first(by_rank: &[usize], parents: &[Option<usize>]) -> Vec<Visit> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut stack = Vec::new();
    for index in by_rank.iter().rev() {
        match parents[*index] {
            // Reversed already, as the stack below wants them.
            Some(parent) => children[parent].push(*index),
            None => stack.push(Visit { index: *index, depth: 0, parent: None }),
        }
    }
    let mut visits = Vec::with_capacity(parents.len());
    while let Some(visit) = stack.pop() {
        let place = visits.len();
        let below = |index: &usize| Visit { index: *index, depth: visit.depth + 1, parent: Some(place) };
        stack.extend(children[visit.index].iter().map(below));
        visits.push(visit);
    }
    visits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Link, Visit, walk};

    fn links(pairs: &[(u32, Option<u32>)]) -> Vec<Link<u32, u32>> {
        pairs.iter().map(|(id, parent)| Link { id: *id, parent: *parent, rank: *id }).collect()
    }

    fn ids(pairs: &[(u32, Option<u32>)]) -> Vec<(u32, u32)> {
        walk(&links(pairs)).iter().map(|visit| (pairs[visit.index].0, visit.depth)).collect()
    }

    #[test]
    fn children_follow_their_parent_in_rank_order() {
        let tree = [(4, Some(1)), (1, None), (3, Some(2)), (2, Some(1))];
        assert_eq!(ids(&tree), [(1, 0), (2, 1), (3, 2), (4, 1)]);
    }

    #[test]
    fn a_missing_parent_makes_a_root() {
        assert_eq!(ids(&[(1, Some(99)), (2, Some(1))]), [(1, 0), (2, 1)]);
    }

    #[test]
    fn the_earliest_node_of_a_ring_becomes_a_root() {
        assert_eq!(ids(&[(3, Some(1)), (1, Some(2)), (2, Some(3))]), [(1, 0), (3, 1), (2, 2)]);
        assert_eq!(ids(&[(1, Some(1))]), [(1, 0)]);
        // A tail that leads into a ring keeps its parent.
        assert_eq!(ids(&[(1, Some(2)), (2, Some(3)), (3, Some(2))]), [(2, 0), (1, 1), (3, 1)]);
    }

    #[test]
    fn a_chain_of_one_hundred_thousand_does_not_recurse() {
        let chain: Vec<_> = (0..100_000).map(|id: u32| (id, id.checked_sub(1))).collect();
        let visits = walk(&links(&chain));
        assert_eq!(visits.last(), Some(&Visit { index: 99_999, depth: 99_999, parent: Some(99_998) }));
    }

    proptest! {
        #[test]
        fn every_node_is_visited_once_and_after_its_parent(
            parents in prop::collection::vec(prop::option::of(0u32..24), 0..20)
        ) {
            let nodes: Vec<(u32, Option<u32>)> = (0..).zip(parents).collect();
            let visits = walk(&links(&nodes));
            let mut seen: Vec<usize> = visits.iter().map(|visit| visit.index).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..nodes.len()).collect::<Vec<_>>());
            for (place, visit) in visits.iter().enumerate() {
                match visit.parent {
                    Some(parent) => {
                        prop_assert!(parent < place);
                        prop_assert_eq!(visits[parent].depth + 1, visit.depth);
                        prop_assert_eq!(Some(nodes[visits[parent].index].0), nodes[visit.index].1);
                    }
                    None => prop_assert_eq!(visit.depth, 0),
                }
            }
        }
    }
}
