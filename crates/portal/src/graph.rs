//! Who calls whom in a run: the user, agents, models and tools as a layered graph, laid out here so that
//! every client draws the same picture.

mod build;
mod layers;
mod layout;
mod order;
mod place;

use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use build::graph;

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

#[cfg(test)]
mod tests;
