//! Order within the layers: sweeps by barycentre, of which the one with the fewest crossings stays.

use super::layers::Layered;

/// Sweeps forth and back; crossings rarely get fewer after the first few.
const SWEEPS: usize = 8;

/// The nodes of each layer from top to bottom.
pub(super) fn order(graph: &Layered) -> Vec<Vec<usize>> {
    let count = graph.layer.iter().max().map_or(0, |last| last + 1);
    let mut layers = vec![vec![]; count];
    for (node, layer) in graph.layer.iter().enumerate() {
        layers[*layer].push(node);
    }
    let mut before = vec![vec![]; graph.layer.len()];
    let mut after = vec![vec![]; graph.layer.len()];
    for (from, to) in &graph.links {
        before[*to].push(*from);
        after[*from].push(*to);
    }
    let mut best = (crossings(graph, &layers), layers.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        if sweep % 2 == 0 {
            (1..count).for_each(|layer| sort_layer(&mut layers, layer, layer - 1, &before));
        } else {
            (1..count).rev().for_each(|layer| sort_layer(&mut layers, layer - 1, layer, &after));
        }
        let crossings = crossings(graph, &layers);
        if crossings < best.0 {
            best = (crossings, layers.clone());
        }
    }
    best.1
}

/// Sorts `layer` by the mean place of each node's neighbours in the layer `fixed`; a node without any
/// keeps its place.
#[allow(clippy::cast_precision_loss, reason = "places within a layer are far below 2^53")]
fn sort_layer(layers: &mut [Vec<usize>], layer: usize, fixed: usize, neighbours: &[Vec<usize>]) {
    let mut place = vec![0.0; neighbours.len()];
    for (position, node) in layers[fixed].iter().enumerate() {
        place[*node] = position as f64;
    }
    let mut ranked: Vec<(f64, usize)> = layers[layer]
        .iter()
        .enumerate()
        .map(|(position, node)| match neighbours[*node].len() {
            0 => (position as f64, *node),
            count => (neighbours[*node].iter().map(|other| place[*other]).sum::<f64>() / count as f64, *node),
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    layers[layer] = ranked.into_iter().map(|(_, node)| node).collect();
}

/// Pairs of links between the same two layers that cross.
fn crossings(graph: &Layered, layers: &[Vec<usize>]) -> usize {
    let mut place = vec![0; graph.layer.len()];
    for layer in layers {
        for (position, node) in layer.iter().enumerate() {
            place[*node] = position;
        }
    }
    let mut links: Vec<(usize, usize, usize)> =
        graph.links.iter().map(|(from, to)| (graph.layer[*from], place[*from], place[*to])).collect();
    links.sort_unstable();
    links
        .chunk_by(|a, b| a.0 == b.0)
        .map(|between| inversions(&between.iter().map(|(_, _, to)| *to).collect::<Vec<_>>()))
        .sum()
}

/// Pairs that are out of order, counted with a Fenwick tree in n log n.
fn inversions(places: &[usize]) -> usize {
    let size = places.iter().max().map_or(0, |last| last + 1);
    let mut tree = vec![0_usize; size + 1];
    let mut total = 0;
    for (seen, place) in places.iter().enumerate() {
        let mut not_above = 0;
        let mut at = place + 1;
        while at > 0 {
            not_above += tree[at];
            at &= at - 1;
        }
        total += seen - not_above;
        let mut at = place + 1;
        while at <= size {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::inversions;

    #[test]
    fn inversions_are_pairs_out_of_order() {
        assert_eq!(inversions(&[0, 1, 2]), 0);
        assert_eq!(inversions(&[2, 1, 0]), 3);
        assert_eq!(inversions(&[1, 1, 0]), 2);
    }
}
