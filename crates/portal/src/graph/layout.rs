//! Layered drawing of a directed graph, after Sugiyama, Tagawa and Toda (1981): turn round the edges that
//! close rings, put nodes in layers by longest path, order layers by barycentre, then choose coordinates.
//! Nothing depends on chance or on the order of a hash table: equal graphs are drawn equally.

use super::layers::{Layered, layered};
use super::order::order;
use super::place::{Frame, place};

/// Width and height of a node, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where everything goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Upper left corner of each node.
    pub(super) corners: Vec<[f64; 2]>,
    /// Corners of each edge's line, from the edge of one node to the edge of the other.
    pub(super) lines: Vec<Vec<[f64; 2]>>,
}

/// Lays out nodes of `sizes`, joined by `edges` (places in `sizes`), with `gap_right` between their columns.
pub(super) fn layout(sizes: &[Size], edges: &[(usize, usize)], gap_right: f64) -> Layout {
    let graph = layered(sizes.len(), edges);
    let layers = order(&graph);
    let frame = place(sizes, &graph, &layers, gap_right);
    let lines = edges.iter().enumerate().map(|(edge, ends)| line(sizes, &graph, &frame, edge, *ends)).collect();
    Layout { width: frame.width, height: frame.height, corners: frame.corners[..sizes.len()].to_vec(), lines }
}

fn line(sizes: &[Size], graph: &Layered, frame: &Frame, edge: usize, (from, to): (usize, usize)) -> Vec<[f64; 2]> {
    let [x, y] = frame.corners[from];
    let Size { width, height } = sizes[from];
    let left = |node: usize| [frame.corners[node][0], frame.corners[node][1] + sizes[node].height / 2.0];
    let right = |node: usize| [frame.corners[node][0] + sizes[node].width, left(node)[1]];
    if from == to {
        // A loop at the lower right corner, inside the space that is kept free around a node.
        let (corner, reach) = ([x + width, y + height], super::place::GAP_DOWN / 3.0);
        let out = [corner[0] - 2.0 * reach, corner[1]];
        return vec![out, [out[0], out[1] + reach], [corner[0], out[1] + reach], corner];
    }
    let bends = graph.chains[edge].iter().map(|dummy| frame.corners[*dummy]);
    if graph.turned[edge] {
        // The chain runs from layer to layer, the call against it.
        return [left(from)].into_iter().chain(bends.rev()).chain([right(to)]).collect();
    }
    [right(from)].into_iter().chain(bends).chain([left(to)]).collect()
}
