//! Who calls whom in a run: the user, agents, models and tools, with their calls counted.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use mizzen_model::step::{Outcome, Step, StepKind};
use serde::Serialize;
use utoipa::ToSchema;

use super::layout::{Layout, Size, layout};
use crate::view::steps::{is_unpriced, visits};

/// Participants of one kind that are drawn one by one; the rarest beyond that share a node.
const NODES_PER_KIND_MAX: usize = 40;
const NODE_WIDTH: f64 = 176.0;
const NODE_HEIGHT: f64 = 44.0;
/// Room for a number of calls.
const GAP_RIGHT: f64 = 72.0;

/// The graph with coordinates in pixels; x grows to the right, y downwards.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct GraphView {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) nodes: Vec<GraphNode>,
    pub(crate) edges: Vec<GraphEdge>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeKind {
    User,
    Agent,
    Model,
    Tool,
}

/// One participant. `x` and `y` are its upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct GraphNode {
    /// Kind and name, for example `tool:helm_list_releases`.
    pub(crate) id: String,
    pub(crate) kind: NodeKind,
    pub(crate) label: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Times it was called.
    pub(crate) calls: u32,
    pub(crate) errors: u32,
    /// Input and output tokens of a model, or of an agent's own model calls.
    pub(crate) tokens: u64,
    pub(crate) cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    pub(crate) unpriced_calls: u32,
}

/// Calls from one participant to another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct GraphEdge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) calls: u32,
    pub(crate) errors: u32,
    /// The corners of a line from one to the other.
    pub(crate) points: Vec<[f64; 2]>,
}

type Key = (NodeKind, String);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    calls: u32,
    errors: u32,
    tokens: u64,
    cost_usd: Option<f64>,
    unpriced_calls: u32,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (Some(own), Some(more)) => Some(own + more),
            (own, more) => own.or(more),
        };
        self.unpriced_calls += other.unpriced_calls;
    }

    fn of(step: &Step) -> Self {
        Self {
            calls: 1,
            errors: u32::from(step.outcome == Outcome::Error),
            tokens: step.usage.map_or(0, |usage| usage.total_tokens()),
            cost_usd: step.cost_usd,
            unpriced_calls: u32::from(is_unpriced(step)),
        }
    }
}

#[derive(Debug, Default)]
struct Census {
    /// In the order in which they first appear in the run.
    nodes: IndexMap<Key, Count>,
    edges: IndexMap<(Key, Key), Count>,
}

/// The graph of a run. `agent` names who acts where no step says so.
pub(crate) fn graph(steps: &[Step], agent: Option<&str>) -> GraphView {
    let census = census(steps, agent).folded();
    let ids: BTreeMap<&Key, usize> = census.nodes.keys().enumerate().map(|(place, key)| (key, place)).collect();
    let sizes = vec![Size { width: NODE_WIDTH, height: NODE_HEIGHT }; census.nodes.len()];
    let links: Vec<(usize, usize)> = census.edges.keys().map(|(from, to)| (ids[from], ids[to])).collect();
    draw(&census, &layout(&sizes, &links, GAP_RIGHT))
}

fn census(steps: &[Step], agent: Option<&str>) -> Census {
    let user: Key = (NodeKind::User, "user".to_owned());
    let mut census = Census::default();
    if steps.is_empty() {
        return census;
    }
    census.nodes.insert(user.clone(), Count::default());
    let visits = visits(steps);
    // Per visited step: the agent that acts below it.
    let mut actors: Vec<Option<Key>> = Vec::with_capacity(visits.len());
    for visit in &visits {
        let step = &steps[visit.index];
        let above = visit.parent.and_then(|parent| actors[parent].clone());
        let named = step.agent.clone().map(|name| (NodeKind::Agent, name));
        actors.push(match step.kind {
            StepKind::AgentCall => {
                let own = named.unwrap_or_else(|| (NodeKind::Agent, step.name.clone()));
                // A wrapper around the same agent is no call of its own.
                if above.as_ref() != Some(&own) && step.counted_as.is_none() {
                    census.call(above.unwrap_or_else(|| user.clone()), own.clone(), step);
                }
                Some(own)
            }
            StepKind::Group => named.or(above),
            _ => {
                let default = || (NodeKind::Agent, agent.unwrap_or("agent").to_owned());
                let actor = named.or(above).unwrap_or_else(default);
                if step.counted_as.is_none() {
                    census.call(actor.clone(), callee(step), step);
                }
                Some(actor)
            }
        });
    }
    census.invite(&user);
    census
}

fn callee(step: &Step) -> Key {
    let name = |known: &Option<String>| known.clone().unwrap_or_else(|| step.name.clone());
    match step.kind {
        StepKind::ModelCall => (NodeKind::Model, name(&step.model)),
        _ => (NodeKind::Tool, name(&step.tool)),
    }
}

impl Census {
    fn call(&mut self, from: Key, to: Key, step: &Step) {
        let count = Count::of(step);
        let caller = self.nodes.entry(from.clone()).or_default();
        // What an agent spends is what its own calls spend; its own span repeats the sum.
        if to.0 == NodeKind::Model {
            caller.add(Count { calls: 0, errors: 0, ..count });
        }
        let count = if to.0 == NodeKind::Model {
            count
        } else {
            Count { tokens: 0, cost_usd: None, unpriced_calls: 0, ..count }
        };
        self.nodes.entry(to.clone()).or_default().add(count);
        self.edges.entry((from, to)).or_default().add(count);
    }

    /// An agent that acts although no step calls it was called by the user.
    fn invite(&mut self, user: &Key) {
        let called: Vec<Key> = self.edges.keys().map(|(_, to)| to.clone()).collect();
        let uncalled: Vec<Key> =
            self.nodes.keys().filter(|key| key.0 == NodeKind::Agent && !called.contains(key)).cloned().collect();
        for agent in uncalled {
            self.nodes.entry(agent.clone()).or_default().calls = 1;
            self.edges.insert((user.clone(), agent), Count { calls: 1, ..Count::default() });
        }
    }

    /// Gathers the rarest participants of a kind in one node when there are too many to draw.
    fn folded(self) -> Self {
        let mut names: BTreeMap<Key, Key> = BTreeMap::new();
        for kind in [NodeKind::Agent, NodeKind::Model, NodeKind::Tool] {
            let mut of_kind: Vec<(&Key, u32)> =
                self.nodes.iter().filter(|(key, _)| key.0 == kind).map(|(key, count)| (key, count.calls)).collect();
            of_kind.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
            let rest = of_kind.get(NODES_PER_KIND_MAX..).unwrap_or_default();
            let label = format!("{} more", rest.len());
            names.extend(rest.iter().map(|(key, _)| ((*key).clone(), (kind, label.clone()))));
        }
        let renamed = |key: Key| names.get(&key).cloned().unwrap_or(key);
        let mut folded = Self::default();
        for (key, count) in self.nodes {
            folded.nodes.entry(renamed(key)).or_default().add(count);
        }
        for ((from, to), count) in self.edges {
            folded.edges.entry((renamed(from), renamed(to))).or_default().add(count);
        }
        folded
    }
}

fn draw(census: &Census, layout: &Layout) -> GraphView {
    let nodes = census.nodes.iter().zip(&layout.corners).map(|((key, count), corner)| GraphNode {
        id: node_id(key),
        kind: key.0,
        label: key.1.clone(),
        x: corner[0],
        y: corner[1],
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
        calls: count.calls,
        errors: count.errors,
        tokens: count.tokens,
        cost_usd: count.cost_usd,
        unpriced_calls: count.unpriced_calls,
    });
    let edges = census.edges.iter().zip(&layout.lines).map(|(((from, to), count), points)| GraphEdge {
        from: node_id(from),
        to: node_id(to),
        calls: count.calls,
        errors: count.errors,
        points: points.clone(),
    });
    GraphView { width: layout.width, height: layout.height, nodes: nodes.collect(), edges: edges.collect() }
}

fn node_id((kind, name): &Key) -> String {
    match kind {
        NodeKind::User => "user".to_owned(),
        NodeKind::Agent => format!("agent:{name}"),
        NodeKind::Model => format!("model:{name}"),
        NodeKind::Tool => format!("tool:{name}"),
    }
}
