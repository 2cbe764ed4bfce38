use std::collections::BTreeMap;

use mizzen_catalog::EntityRef;
use mizzen_catalog::relation::Provenance;
use proptest::prelude::*;

use super::choose::LAYER_NODES_MAX;
use super::{About, CatalogGraph, CatalogGraphOrigin, Neighbourhood};
use crate::graph::reach::{Direction, Link, Side, reach};

fn named(text: &str) -> EntityRef {
    text.parse().unwrap()
}

fn seen(from: &str, to: &str, calls: u64) -> Link {
    let provenance = if calls > 0 { Provenance::Observed } else { Provenance::Declared };
    Link { from: named(from), to: named(to), relation: "dependsOn".into(), provenance, calls }
}

fn link(from: &str, to: &str) -> Link {
    seen(from, to, 0)
}

/// `boss` needs `agent`, which needs `api`, which needs `server`; `other` needs `api` too.
fn shop() -> Vec<Link> {
    vec![
        link("component:boss", "component:agent"),
        link("component:agent", "api:api"),
        link("api:api", "component:server"),
        link("component:other", "api:api"),
    ]
}

fn drawn(links: &[Link], root: &str, depth: u32, direction: Direction) -> CatalogGraph {
    Neighbourhood::around(named(root), links, depth, direction).draw(&BTreeMap::new(), false)
}

fn ids(graph: &CatalogGraph) -> Vec<&str> {
    graph.nodes.iter().map(|node| node.id.as_str()).collect()
}

#[test]
fn each_direction_follows_dependencies_its_own_way_and_as_far_as_asked() {
    let of = |depth, direction| {
        let graph = drawn(&shop(), "component:agent", depth, direction);
        ids(&graph).into_iter().map(|id| id.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(1, Direction::Down), ["agent", "api"]);
    assert_eq!(of(3, Direction::Down), ["agent", "api", "server"]);
    assert_eq!(of(3, Direction::Up), ["agent", "boss"]);
    // `other` needs what the agent needs; it does not need the agent.
    assert_eq!(of(3, Direction::Both), ["agent", "api", "boss", "server"]);
}

#[test]
fn the_way_of_an_entity_is_the_shortest_one() {
    let links = [shop(), vec![link("component:boss", "component:server")]].concat();
    let found = reach(&named("component:server"), &links, 9, Direction::Up);
    let boss = &found[&named("component:boss")];
    assert_eq!((boss.side, boss.hops, boss.via.clone()), (Side::Up, 1, named("component:server")));
    assert_eq!(found[&named("component:agent")].hops, 2);
    assert_eq!(found.len(), 5);
}

#[test]
fn a_ring_is_drawn_once() {
    let links = [link("component:a", "component:b"), link("component:b", "component:a")];
    let graph = drawn(&links, "component:a", 3, Direction::Both);
    assert_eq!(ids(&graph), ["component:default/a", "component:default/b"]);
    assert_eq!(graph.edges.len(), 2);
}

#[test]
fn a_relation_is_the_same_dependency_from_whichever_end_it_was_told() {
    let of = |root: &str, relation: &str| {
        Link::of(&named(root), (named("component:x"), named("api:y")), relation, (Provenance::Declared, 0))
            .map(|link| (link.from.name().to_owned(), link.to.name().to_owned(), link.relation))
    };
    let told = |from: &str, to: &str, relation: &str| Some((from.to_owned(), to.to_owned(), relation.to_owned()));
    assert_eq!(of("component:x", "consumesApi"), told("x", "y", "consumesApi"));
    assert_eq!(of("component:x", "apiConsumedBy"), told("y", "x", "consumesApi"));
    assert_eq!(of("component:x", "providesApi"), told("y", "x", "apiProvidedBy"));
    assert_eq!(of("component:x", "partOf"), told("y", "x", "hasPart"));
    assert_eq!(of("component:x", "ownedBy"), None);
    assert_eq!(of("group:team", "ownerOf"), told("y", "x", "ownedBy"));
    assert_eq!(of("group:team", "memberOf"), None);
}

#[test]
fn relations_between_two_entities_are_one_edge_that_says_who_saw_it() {
    let mut consumes = link("component:a", "component:b");
    consumes.relation = "consumesApi".into();
    let graph = drawn(&[consumes, seen("component:a", "component:b", 7)], "component:a", 1, Direction::Down);
    let [edge] = graph.edges.as_slice() else { panic!("{:?}", graph.edges) };
    assert_eq!((edge.provenance, edge.calls, edge.folded), (Provenance::Both, 7, 2));
    assert_eq!(edge.relations, ["consumesApi", "dependsOn"]);
}

#[test]
fn what_there_is_no_room_for_shares_a_node_that_says_how_many_it_is() {
    let mut links: Vec<Link> = (0..40).map(|n| seen("component:a", &format!("resource:r{n:02}"), n)).collect();
    links.extend((0..2).map(|n| link("component:a", &format!("api:p{n}"))));
    let graph = drawn(&links, "component:a", 1, Direction::Both);
    // What is called most is drawn; the rest of each kind is told.
    assert!(ids(&graph).contains(&"resource:default/r39") && !ids(&graph).contains(&"resource:default/r00"));
    let more = graph.nodes.iter().find(|node| node.id == "more:down:1:resource").unwrap();
    assert_eq!((more.folded, more.title.as_str(), more.origin), (26, "26 more", CatalogGraphOrigin::Folded));
    assert_eq!((graph.total, graph.folded), (43, 28));
    let to_more = graph.edges.iter().find(|edge| edge.to == more.id).unwrap();
    assert_eq!((to_more.folded, to_more.calls), (26, (0..26).sum()));
}

#[test]
fn an_entity_nobody_knows_more_of_is_missing() {
    let known = About {
        title: "The agent".into(),
        entity_type: Some("ai-agent".into()),
        owner: None,
        level: Some("controlled".into()),
        is_discovered: true,
        agent: None,
    };
    let around = Neighbourhood::around(named("component:agent"), &shop(), 1, Direction::Down);
    assert_eq!(around.entities(), [named("component:agent"), named("api:api")]);
    let graph = around.draw(&BTreeMap::from([(named("component:agent"), known)]), true);
    let [agent, api] = graph.nodes.as_slice() else { panic!("{:?}", graph.nodes) };
    assert_eq!(
        (agent.title.as_str(), agent.level.as_deref(), agent.origin),
        ("The agent", Some("controlled"), CatalogGraphOrigin::Discovered)
    );
    assert_eq!((api.title.as_str(), api.origin), ("api", CatalogGraphOrigin::Missing));
    assert!(agent.x + agent.width < api.x && graph.truncated);
}

proptest! {
    #[test]
    fn every_graph_is_bounded_counts_everything_and_is_the_same_every_time(
        ends in prop::collection::vec((0u8..60, 0u8..60), 0..300), depth in 1u32..4
    ) {
        let links: Vec<Link> =
            ends.iter().map(|(from, to)| link(&format!("component:c{from}"), &format!("component:c{to}"))).collect();
        let graph = drawn(&links, "component:c0", depth, Direction::Both);
        let mut turned = links.clone();
        turned.reverse();
        prop_assert_eq!(&graph, &drawn(&turned, "component:c0", depth, Direction::Both));
        let told: usize = graph.nodes.iter().map(|node| node.folded.max(1)).sum();
        prop_assert_eq!(told, graph.total);
        // Per layer: what is drawn, one that is alone of its kind, and one node for the rest.
        prop_assert!(graph.nodes.len() <= 1 + 2 * depth as usize * (LAYER_NODES_MAX + 1));
        let known: Vec<&str> = ids(&graph);
        for edge in &graph.edges {
            prop_assert!(known.contains(&edge.from.as_str()) && known.contains(&edge.to.as_str()));
        }
    }
}
