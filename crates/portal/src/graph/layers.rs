//! Layers by longest path, with dummy nodes where an edge passes a layer.

/// The graph without rings. Nodes beyond the real ones are dummies; every link spans exactly one layer.
#[derive(Debug)]
pub(super) struct Layered {
    /// Layer of every node, dummies included.
    pub(super) layer: Vec<usize>,
    /// Links from one layer to the next.
    pub(super) links: Vec<(usize, usize)>,
    /// Per edge: its dummies, by ascending layer.
    pub(super) chains: Vec<Vec<usize>>,
    /// Per edge: whether it was turned round to break a ring.
    pub(super) turned: Vec<bool>,
}

pub(super) fn layered(nodes: usize, edges: &[(usize, usize)]) -> Layered {
    let turned = back_edges(nodes, edges);
    let forward: Vec<(usize, usize)> = edges
        .iter()
        .zip(&turned)
        .map(|((from, to), turned)| if *turned { (*to, *from) } else { (*from, *to) })
        .collect();
    let mut graph = Layered { layer: longest_paths(nodes, &forward), links: vec![], chains: vec![], turned };
    for (from, to) in forward {
        graph.span(from, to);
    }
    graph
}

impl Layered {
    /// Adds one edge, with a dummy on every layer between its ends. A loop has none and links nothing.
    fn span(&mut self, from: usize, to: usize) {
        let mut chain = vec![];
        let mut last = from;
        for layer in self.layer[from] + 1..self.layer[to] {
            let dummy = self.layer.len();
            self.layer.push(layer);
            self.links.push((last, dummy));
            chain.push(dummy);
            last = dummy;
        }
        if from != to {
            self.links.push((last, to));
        }
        self.chains.push(chain);
    }
}

/// Edges that lead back to a node from which a depth-first search came.
fn back_edges(nodes: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Open,
        Done,
    }
    let mut outgoing = vec![vec![]; nodes];
    for (edge, (from, to)) in edges.iter().enumerate() {
        outgoing[*from].push((edge, *to));
    }
    let mut seen = vec![Seen::Not; nodes];
    let mut turned = vec![false; edges.len()];
    for root in 0..nodes {
        if seen[root] != Seen::Not {
            continue;
        }
        seen[root] = Seen::Open;
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.last_mut() {
            let Some((edge, to)) = outgoing[*node].get(*next).copied() else {
                seen[*node] = Seen::Done;
                stack.pop();
                continue;
            };
            *next += 1;
            match seen[to] {
                Seen::Not => {
                    seen[to] = Seen::Open;
                    stack.push((to, 0));
                }
                Seen::Open => turned[edge] = to != edges[edge].0,
                Seen::Done => {}
            }
        }
    }
    turned
}

/// Layer of each node: the length of the longest path that leads to it.
fn longest_paths(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut outgoing = vec![vec![]; nodes];
    let mut incoming = vec![0_usize; nodes];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        outgoing[*from].push(*to);
        incoming[*to] += 1;
    }
    let mut layer = vec![0; nodes];
    let mut ready: Vec<usize> = (0..nodes).filter(|node| incoming[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &outgoing[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    layer
}
