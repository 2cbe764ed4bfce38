use std::collections::BTreeMap;

use mizzen_catalog::EntityRef;
use mizzen_catalog::relation::Provenance;

use super::{Dependents, ITEMS_PER_KIND_MAX, RunCounts};
use crate::graph::entities::About;
use crate::graph::reach::Link;

fn named(text: &str) -> EntityRef {
    text.parse().unwrap()
}

fn link(from: &str, to: &str, provenance: Provenance) -> Link {
    Link { from: named(from), to: named(to), relation: "dependsOn".into(), provenance, calls: 0 }
}

fn agent(name: &str, owner: Option<&str>) -> (EntityRef, About) {
    let about = About {
        title: name.to_uppercase(),
        entity_type: Some("ai-agent".into()),
        owner: owner.map(str::to_owned),
        level: None,
        is_discovered: false,
        agent: Some(format!("{name}-in-traffic")),
    };
    (named(&format!("component:{name}")), about)
}

#[test]
fn everything_that_needs_an_entity_is_told_by_kind_with_its_way_its_owner_and_its_runs() {
    let links = [
        link("component:helm", "resource:gpt", Provenance::Declared),
        link("component:helm", "resource:gpt", Provenance::Observed),
        link("component:boss", "component:helm", Provenance::Observed),
        link("system:shop", "component:boss", Provenance::Declared),
        // What the model itself needs is not hurt.
        link("resource:gpt", "resource:rack", Provenance::Declared),
    ];
    let about = BTreeMap::from([agent("helm", Some("group:default/ops")), agent("boss", None)]);
    let runs = RunCounts { by_agent: BTreeMap::from([("helm-in-traffic".to_owned(), 7)]), is_cut: false };
    let impact = Dependents::of(named("resource:gpt"), &links, 9).tell(&about, &runs, false);
    assert_eq!((impact.total, impact.runs_30_days), (3, Some(7)));
    let [agents, systems] = impact.kinds.as_slice() else { panic!("{:?}", impact.kinds) };
    assert_eq!((agents.count, systems.kind.as_str()), (2, "system"));
    let [helm, boss] = agents.items.as_slice() else { panic!("{:?}", agents.items) };
    assert_eq!((helm.title.as_str(), helm.hops, helm.provenance), ("HELM", 1, Provenance::Both));
    assert_eq!((boss.hops, boss.via.as_str(), boss.runs_30_days), (2, "component:default/helm", Some(0)));
    let owners: Vec<(Option<&str>, usize)> =
        impact.owners.iter().map(|owner| (owner.owner.as_deref(), owner.count)).collect();
    assert_eq!(owners, [(None, 2), (Some("group:default/ops"), 1)]);
}

#[test]
fn a_long_list_is_cut_and_still_counted() {
    let links: Vec<Link> =
        (0..250).map(|n| link(&format!("component:c{n:03}"), "resource:gpt", Provenance::Declared)).collect();
    let impact = Dependents::of(named("resource:gpt"), &links, 3).tell(&BTreeMap::new(), &RunCounts::default(), true);
    assert_eq!((impact.total, impact.kinds[0].count, impact.kinds[0].items.len()), (250, 250, ITEMS_PER_KIND_MAX));
    assert_eq!((impact.runs_30_days, impact.truncated), (None, true));
}
