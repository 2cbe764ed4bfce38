use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_model::usage::Usage;
use proptest::prelude::*;

use super::calls::{GraphEdge, GraphNode, NodeKind, graph};
use super::layout::{Layout, Size, layout};
use crate::view::sample::{id, step};

const SIZE: Size = Size { width: 100.0, height: 40.0 };

fn agent(number: u8, parent: Option<u8>, name: &str) -> Step {
    Step { agent: Some(name.into()), ..step(number, parent, StepKind::AgentCall) }
}

fn tool(number: u8, parent: Option<u8>, name: &str) -> Step {
    Step { tool: Some(name.into()), ..step(number, parent, StepKind::ToolCall) }
}

fn model(number: u8, parent: Option<u8>) -> Step {
    let usage = Some(Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() });
    Step { model: Some("m".into()), usage, cost_usd: Some(0.25), ..step(number, parent, StepKind::ModelCall) }
}

fn edge<'a>(edges: &'a [GraphEdge], from: &str, to: &str) -> &'a GraphEdge {
    edges.iter().find(|edge| edge.from == from && edge.to == to).unwrap()
}

fn node<'a>(nodes: &'a [GraphNode], id: &str) -> &'a GraphNode {
    nodes.iter().find(|node| node.id == id).unwrap()
}

#[test]
fn calls_are_counted_from_the_agent_that_made_them() {
    let failed = Step { outcome: Outcome::Error, ..tool(6, Some(2), "search") };
    let view = graph(
        &[
            agent(1, None, "boss"),
            agent(2, Some(1), "scout"),
            model(3, Some(1)),
            model(4, Some(2)),
            tool(5, Some(2), "search"),
            failed,
        ],
        None,
    );
    assert_eq!(edge(&view.edges, "user", "agent:boss").calls, 1);
    assert_eq!(edge(&view.edges, "agent:boss", "agent:scout").calls, 1);
    let search = edge(&view.edges, "agent:scout", "tool:search");
    assert_eq!((search.calls, search.errors), (2, 1));
    let spent = node(&view.nodes, "model:m");
    assert_eq!((spent.calls, spent.tokens, spent.cost_usd), (2, 30, Some(0.5)));
    assert_eq!(node(&view.nodes, "agent:scout").tokens, 15);
    assert_eq!(node(&view.nodes, "user").kind, NodeKind::User);
}

#[test]
fn what_calls_without_a_price_leave_out_is_told_of_the_model_and_of_who_called_it() {
    let unpriced = Step { cost_usd: None, ..model(4, Some(1)) };
    let failed = Step { cost_usd: None, usage: None, outcome: Outcome::Error, ..model(5, Some(1)) };
    let view = graph(&[agent(1, None, "a"), tool(2, Some(1), "t"), model(3, Some(1)), unpriced, failed], None);
    let of = |id: &str| (node(&view.nodes, id).cost_usd, node(&view.nodes, id).unpriced_calls);
    assert_eq!((of("model:m"), of("agent:a"), of("tool:t")), ((Some(0.25), 1), (Some(0.25), 1), (None, 0)));
}

#[test]
fn a_wrapper_around_the_same_agent_and_a_twin_are_no_calls() {
    let twin = Step { counted_as: Some(id(4)), ..model(3, Some(2)) };
    let view = graph(&[agent(1, None, "a"), agent(2, Some(1), "a"), twin, model(4, Some(3))], None);
    assert_eq!(node(&view.nodes, "agent:a").calls, 1);
    assert_eq!(node(&view.nodes, "model:m").calls, 1);
    assert_eq!(view.edges.len(), 2);
}

#[test]
fn calls_of_an_agent_that_never_reported_itself_start_at_the_user() {
    let view = graph(&[model(1, None)], Some("helm-agent"));
    assert_eq!(edge(&view.edges, "user", "agent:helm-agent").calls, 1);
    assert_eq!(edge(&view.edges, "agent:helm-agent", "model:m").calls, 1);
    assert_eq!(graph(&[], None).nodes, []);
}

#[test]
fn a_crowd_of_tools_shares_one_node() {
    let steps: Vec<Step> = (1..=60).map(|n| tool(n, None, &format!("t{n}"))).collect();
    let view = graph(&steps, None);
    assert_eq!(node(&view.nodes, "tool:20 more").calls, 20);
    assert_eq!(view.nodes.len(), 2 + 41);
}

#[test]
fn agents_that_call_each_other_are_still_drawn_from_left_to_right() {
    let drawn = layout(&[SIZE; 3], &[(0, 1), (1, 2), (2, 1)], 72.0);
    let x: Vec<f64> = drawn.corners.iter().map(|corner| corner[0]).collect();
    assert!(x[0] < x[1] && x[1] < x[2], "{x:?}");
    assert_eq!(drawn.lines[2].first(), Some(&[x[2], drawn.corners[2][1] + 20.0]));
}

#[test]
fn a_long_edge_bends_around_the_nodes_it_passes() {
    let drawn = layout(&[SIZE; 3], &[(0, 1), (1, 2), (0, 2)], 72.0);
    assert_eq!(drawn.lines[2].len(), 3);
    let [_, y] = drawn.lines[2][1];
    let [_, top] = drawn.corners[1];
    assert!(y < top || y > top + SIZE.height, "the bend at {y} lies in the node at {top}");
}

fn apart(a: [f64; 2], b: [f64; 2]) -> bool {
    a[0] + SIZE.width <= b[0] || b[0] + SIZE.width <= a[0] || a[1] + SIZE.height <= b[1] || b[1] + SIZE.height <= a[1]
}

fn assert_clean(drawn: &Layout) -> Result<(), TestCaseError> {
    for (place, a) in drawn.corners.iter().enumerate() {
        for b in &drawn.corners[place + 1..] {
            prop_assert!(apart(*a, *b), "{:?} and {:?} overlap", a, b);
        }
        prop_assert!(a[0] >= 0.0 && a[1] >= 0.0);
        prop_assert!(a[0] + SIZE.width <= drawn.width && a[1] + SIZE.height <= drawn.height);
    }
    for [x, y] in drawn.lines.iter().flatten() {
        prop_assert!(*x >= 0.0 && *y >= 0.0 && *x <= drawn.width && *y <= drawn.height, "{} {}", x, y);
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_two_nodes_overlap_and_equal_graphs_are_drawn_equally(
        nodes in 1usize..20, ends in prop::collection::vec((0usize..20, 0usize..20), 0..60)
    ) {
        let edges: Vec<(usize, usize)> = ends.into_iter().map(|(from, to)| (from % nodes, to % nodes)).collect();
        let sizes = vec![SIZE; nodes];
        let drawn = layout(&sizes, &edges, 72.0);
        prop_assert_eq!(drawn.lines.len(), edges.len());
        assert_clean(&drawn)?;
        prop_assert_eq!(layout(&sizes, &edges, 72.0), drawn);
    }
}
