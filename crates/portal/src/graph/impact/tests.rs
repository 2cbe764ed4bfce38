use std::collections::BTreeMap;

use mizzen_catalog::EntityRef;
use mizzen_catalog::dependents::{Dependent, Dependents};
use mizzen_catalog::relation::Provenance;

use super::{ITEMS_MAX, ITEMS_PER_KIND_MAX, Impact, RunCounts};
use crate::graph::entities::About;

fn named(text: &str) -> EntityRef {
    text.parse().unwrap()
}

fn dependent(name: &str, hops: u32, entity_type: &str, owner: Option<&str>) -> Dependent {
    Dependent {
        reference: named(&format!("component:{name}")),
        hops,
        via: named("resource:gpt"),
        provenance: Provenance::Both,
        entity_type: Some(entity_type.to_owned()),
        owner: owner.map(str::to_owned),
        agent: (entity_type == "ai-agent").then(|| format!("{name}-in-traffic")),
    }
}

#[test]
fn everything_that_needs_an_entity_is_told_by_kind_with_its_way_its_owner_and_its_runs() {
    let missing = Dependent { reference: named("api:lost"), entity_type: None, ..dependent("x", 1, "service", None) };
    let items = vec![
        missing,
        dependent("shop", 1, "service", None),
        dependent("front", 2, "service", None),
        dependent("boss", 2, "ai-agent", None),
        dependent("helm", 2, "ai-agent", Some("group:default/ops")),
    ];
    let about = About {
        title: "HELM".to_owned(),
        entity_type: None,
        owner: None,
        level: Some("known".to_owned()),
        is_discovered: false,
        agent: None,
    };
    let about = BTreeMap::from([(named("component:helm"), about)]);
    let runs = BTreeMap::from([("helm-in-traffic".to_owned(), 7), ("self".to_owned(), 2)]);
    let runs = RunCounts { by_agent: runs, is_cut: false };
    let found = Dependents { items, is_cut: false };
    let impact = Impact::of(named("resource:gpt"), Some(&"self".to_owned()), found, &runs);
    assert_eq!(impact.shown().len(), 5);
    let impact = impact.tell(&about);
    assert_eq!((impact.total, impact.runs_30_days, impact.truncated), (5, Some(9), false), "its own runs too");
    let [agents, services, apis] = impact.kinds.as_slice() else { panic!("{:?}", impact.kinds) };
    assert_eq!((agents.count, services.count, apis.kind.as_str()), (2, 2, "api"));
    let [helm, boss] = agents.items.as_slice() else { panic!("{:?}", agents.items) };
    assert_eq!((helm.title.as_str(), helm.hops, helm.provenance), ("HELM", 2, Provenance::Both), "the busiest first");
    assert_eq!((helm.level.as_deref(), helm.via.as_str()), (Some("known"), "resource:default/gpt"));
    assert_eq!((boss.title.as_str(), boss.runs_30_days), ("boss", Some(0)));
    let owners: Vec<(Option<&str>, usize)> =
        impact.owners.iter().map(|owner| (owner.owner.as_deref(), owner.count)).collect();
    assert_eq!(owners, [(None, 4), (Some("group:default/ops"), 1)]);
}

#[test]
fn long_lists_are_cut_and_still_counted() {
    let of = |count: usize| {
        let kinds = ["a", "b", "c", "d", "e", "f"].into_iter();
        let items = kinds.flat_map(|kind| {
            (0..count).map(move |number| dependent(&format!("{kind}{number:03}"), 1 + number as u32 / 9, kind, None))
        });
        Dependents { items: items.collect(), is_cut: true }
    };
    let impact = Impact::of(named("resource:gpt"), None, of(250), &RunCounts::default());
    assert_eq!(impact.shown().len(), ITEMS_MAX, "no more documents are read than are shown");
    let impact = impact.tell(&BTreeMap::new());
    assert_eq!((impact.total, impact.kinds.len(), impact.owners[0].count), (1_500, 6, 1_500));
    assert_eq!((impact.runs_30_days, impact.truncated), (None, true));
    let told: Vec<_> = impact.kinds.iter().map(|kind| (kind.count, kind.items.len())).collect();
    assert_eq!(told, [[(250, ITEMS_PER_KIND_MAX); 5].as_slice(), &[(250, 0)]].concat());
    assert!(impact.kinds[0].items.windows(2).all(|pair| pair[0].hops <= pair[1].hops), "nearest first");
}
