//! Coordinates: layers from left to right, nodes of a layer as near to their neighbours as order allows.

use super::layers::Layered;
use super::layout::Size;

/// Space between nodes of one layer; a loop is drawn within it.
pub(super) const GAP_DOWN: f64 = 24.0;
const MARGIN: f64 = 24.0;
const PASSES: usize = 6;

/// Corners of all nodes, dummies included (a dummy has no size), and the size of the whole.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) corners: Vec<[f64; 2]>,
}

/// `gap_right` is the space between layers, in which the words of edges stand.
pub(super) fn place(sizes: &[Size], graph: &Layered, layers: &[Vec<usize>], gap_right: f64) -> Frame {
    let height_of = |node: usize| sizes.get(node).map_or(0.0, |size| size.height);
    let width_of = |node: usize| sizes.get(node).map_or(0.0, |size| size.width);
    let mut neighbours = vec![vec![]; graph.layer.len()];
    for (from, to) in &graph.links {
        neighbours[*from].push(*to);
        neighbours[*to].push(*from);
    }
    let mut middle = vec![0.0; graph.layer.len()];
    for layer in layers {
        settle(layer, &vec![0.0; layer.len()], height_of, &mut middle);
    }
    for pass in 0..PASSES {
        let forth = layers.iter();
        let sweep: Vec<_> = if pass % 2 == 0 { forth.collect() } else { forth.rev().collect() };
        for layer in sweep {
            let wanted: Vec<f64> = layer.iter().map(|node| mean(&neighbours[*node], &middle, middle[*node])).collect();
            settle(layer, &wanted, height_of, &mut middle);
        }
    }
    let top = (0..middle.len()).map(|node| middle[node] - height_of(node) / 2.0).fold(f64::INFINITY, f64::min);
    let mut frame = Frame { width: MARGIN, height: 0.0, corners: vec![[0.0; 2]; middle.len()] };
    for layer in layers {
        let column = layer.iter().map(|node| width_of(*node)).fold(0.0, f64::max);
        for node in layer {
            let y = middle[*node] - height_of(*node) / 2.0 - top + MARGIN;
            frame.corners[*node] = [frame.width + (column - width_of(*node)) / 2.0, y];
            frame.height = frame.height.max(y + height_of(*node) + MARGIN);
        }
        frame.width += column + gap_right;
    }
    // After the last column comes the margin, not another gap.
    frame.width = if layers.is_empty() { 0.0 } else { frame.width - gap_right + MARGIN };
    frame
}

#[allow(clippy::cast_precision_loss, reason = "degrees are far below 2^53")]
fn mean(neighbours: &[usize], middle: &[f64], own: f64) -> f64 {
    if neighbours.is_empty() {
        return own;
    }
    neighbours.iter().map(|node| middle[*node]).sum::<f64>() / neighbours.len() as f64
}

/// Puts the nodes of a layer as near as possible (least squares) to where they want to be, in their order
/// and without overlap: once the space that the nodes above need is taken off, the wishes only have to be
/// made ascending, which pooling adjacent violators does (Ayer et al., 1955).
#[allow(clippy::cast_precision_loss, reason = "the size of a layer is far below 2^53")]
fn settle(layer: &[usize], wanted: &[f64], height_of: impl Fn(usize) -> f64, middle: &mut [f64]) {
    let mut needed = Vec::with_capacity(layer.len());
    let mut down = 0.0;
    for (position, node) in layer.iter().enumerate() {
        if position > 0 {
            down += f64::midpoint(height_of(layer[position - 1]), height_of(*node)) + GAP_DOWN;
        }
        needed.push(down);
    }
    // Pools of neighbours that share one shift: sum of their wishes, and how many they are.
    let mut pools: Vec<(f64, usize)> = vec![];
    for (want, need) in wanted.iter().zip(&needed) {
        pools.push((want - need, 1));
        while let [.., above, below] = pools.as_slice() {
            if above.0 / above.1 as f64 <= below.0 / below.1 as f64 {
                break;
            }
            let merged = (above.0 + below.0, above.1 + below.1);
            pools.truncate(pools.len() - 2);
            pools.push(merged);
        }
    }
    // Whole pixels; rounding keeps the order.
    let shifts = pools.into_iter().flat_map(|(sum, count)| std::iter::repeat_n((sum / count as f64).round(), count));
    for ((node, need), shift) in layer.iter().zip(needed).zip(shifts) {
        middle[*node] = need + shift;
    }
}
