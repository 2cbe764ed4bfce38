use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::time::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::{AT_ONCE, Dependent, Dependents, HOPS_MAX};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::document::Document;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::tests::{Bench, ann, benches, document};
use crate::reference::EntityRef;
use crate::relation::Provenance;

fn part(kind: &str, name: &str, spec: Value) -> Document {
    document(json!({ "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec }))
}

fn service(name: &str, needs: &[String]) -> Document {
    part("Component", name, json!({ "type": "service", "lifecycle": "x", "owner": "a", "dependsOn": needs }))
}

fn named(text: &str) -> EntityRef {
    EntityRef::parse(text, Some("component"), "default").unwrap()
}

async fn apply(bench: &Bench, documents: Vec<Document>) {
    for applied in bench.catalog.apply(documents, &ann(), &ApplyOptions::default()).await.unwrap() {
        assert_eq!(applied.error, None);
    }
}

async fn dependents(bench: &Bench, of: &str) -> Dependents {
    bench.catalog.dependents_of(&named(of)).await.unwrap()
}

/// Name, steps and the next one on the way.
fn ways(found: &Dependents) -> BTreeMap<&str, (u32, &str)> {
    found.items.iter().map(|item| (item.reference.name(), (item.hops, item.via.name()))).collect()
}

#[tokio::test]
async fn what_breaks_is_told_with_its_way_and_who_says_so() {
    for bench in benches(CatalogConfig::default()).await {
        let agent = json!({ "type": "ai-agent", "lifecycle": "x", "owner": "b", "dependsOn": ["resource:gpt"] });
        let mut shop = part("Component", "shop", agent);
        let mut text = shop.entity.document().clone();
        text["metadata"]["annotations"] = json!({ "mizzen.dev/agent": "Shop Agent" });
        shop.entity = crate::entity::Entity::new(text);
        apply(
            &bench,
            vec![
                part("Resource", "gpt", json!({ "type": "ai-model", "owner": "a" })),
                shop,
                // Nobody declared the API between the two.
                part(
                    "Component",
                    "desk",
                    json!({ "type": "service", "lifecycle": "x", "owner": "b",
                    "dependsOn": ["component:shop"], "providesApis": ["missing"], "system": "till" }),
                ),
                part(
                    "Component",
                    "front",
                    json!({ "type": "website", "lifecycle": "x", "owner": "a", "consumesApis": ["missing"] }),
                ),
                part("System", "till", json!({ "owner": "a" })),
            ],
        )
        .await;
        let seen = |kind, name: &str| Subject { kind, name: name.to_owned() };
        let uses = |agent: &str| Observation {
            subject: seen(SubjectKind::Agent, agent),
            uses: Some(seen(SubjectKind::Model, "gpt")),
            calls: 3,
            at: Timestamp::from_unix_nanos(5),
        };
        bench.catalog.observe(&[uses("Shop Agent"), uses("wild")]).await.unwrap();

        let found = bench.catalog.dependents_of(&"resource:default/gpt".parse().unwrap()).await.unwrap();
        let expected = [
            ("shop", (1, "gpt")),
            ("wild", (1, "gpt")),
            ("desk", (2, "shop")),
            ("missing", (3, "desk")),
            ("till", (3, "desk")),
            ("front", (4, "missing")),
        ];
        assert_eq!(ways(&found), BTreeMap::from(expected), "{}", bench.name);
        let order: Vec<&str> = found.items.iter().map(|item| item.reference.name()).collect();
        assert_eq!(order, expected.map(|(name, _)| name), "nearest first, then by name");
        let facts =
            |item: &Dependent| (item.provenance, item.entity_type.clone(), item.owner.clone(), item.agent.clone());
        let text = |text: &str| Some(text.to_owned());
        let (shop, wild, missing) = (facts(&found.items[0]), facts(&found.items[1]), facts(&found.items[3]));
        assert_eq!(shop, (Provenance::Both, text("ai-agent"), text("group:default/b"), text("Shop Agent")));
        assert_eq!(wild, (Provenance::Observed, text("ai-agent"), None, text("wild")));
        assert_eq!(missing, (Provenance::Declared, None, None, None));
        assert!(!found.is_cut);

        let team = bench.catalog.dependents_of(&"group:default/a".parse().unwrap()).await.unwrap();
        let owned: BTreeSet<&str> =
            team.items.iter().filter(|one| one.hops == 1).map(|one| one.reference.name()).collect();
        assert_eq!(owned, BTreeSet::from(["front", "gpt", "till"]), "what a team owns is left alone without it");
        assert_eq!(ways(&team)["desk"], (3, "shop"));
        assert_eq!(bench.catalog.dependents_of(&named("none")).await.unwrap(), Dependents::default());
    }
}

/// Against breadth first over the documents, with circles and names that many ways lead to.
#[tokio::test]
async fn each_is_as_near_as_the_shortest_way_to_it() {
    const ALL: usize = 300;
    let mut random = rand_pcg::Pcg64::seed_from_u64(11);
    let needs: Vec<BTreeSet<usize>> =
        (0..ALL).map(|_| (0..random.random_range(0..3)).map(|_| random.random_range(0..ALL)).collect()).collect();
    let name = |number: &usize| format!("component:default/c{number:03}");
    for bench in benches(CatalogConfig::default()).await {
        let documents = needs.iter().enumerate().map(|(number, needs)| {
            service(
                &format!("c{number:03}"),
                &needs.iter().filter(|other| **other != number).map(name).collect::<Vec<_>>(),
            )
        });
        apply(&bench, documents.collect()).await;
        for root in 0..20 {
            let (mut expected, mut rim) = (BTreeMap::new(), BTreeSet::from([root]));
            for hops in 1.. {
                let mut next = BTreeMap::new();
                for (number, needs) in needs.iter().enumerate() {
                    let via = needs.iter().find(|other| rim.contains(*other) && **other != number);
                    if let Some(via) = via.filter(|_| number != root && !expected.contains_key(&name(&number))) {
                        next.insert(name(&number), (hops, name(via)));
                    }
                }
                if next.is_empty() {
                    break;
                }
                rim = next.keys().map(|name| name[name.len() - 3..].parse().unwrap()).collect();
                expected.extend(next);
            }
            let found = dependents(&bench, &format!("c{root:03}")).await;
            let got = found.items.iter().map(|item| (item.reference.to_string(), (item.hops, item.via.to_string())));
            assert_eq!(got.collect::<BTreeMap<_, _>>(), expected, "{} c{root:03}", bench.name);
        }
    }
}

/// A chain that is longer than is followed, with many beside each of its first links.
#[tokio::test]
async fn a_deep_and_wide_graph_is_bounded_and_says_so() {
    let (deep, wide) = (HOPS_MAX as usize + 10, AT_ONCE + 50);
    let link = |number: usize| format!("component:default/link-{number:03}");
    for bench in benches(CatalogConfig::default()).await {
        let mut documents = vec![service("link-000", &[])];
        documents.extend((1..=deep).map(|number| service(&format!("link-{number:03}"), &[link(number - 1)])));
        // Each is needed by the next link but one, too: more than one statement asks for what lies beyond.
        documents.extend((0..wide).map(|number| service(&format!("wide-{number:03}"), &[link(0)])));
        documents.extend((0..wide).map(|number| {
            service(&format!("far-{number:03}"), &[format!("component:default/wide-{number:03}"), link(1)])
        }));
        apply(&bench, documents).await;
        let found = dependents(&bench, "link-000").await;
        assert_eq!(found.items.len(), HOPS_MAX as usize + 2 * wide, "{}", bench.name);
        assert!(found.is_cut && found.items.windows(2).all(|pair| pair[0].hops <= pair[1].hops));
        assert_eq!(ways(&found)["far-449"], (2, "link-001"), "of two ways the first by name");
        let from_ten = dependents(&bench, "link-010").await;
        assert!(!from_ten.is_cut && from_ten.items.len() == deep - 10, "just as far as it goes");

        let of = named("link-000");
        let within =
            async |hops_max, items_max| bench.catalog.dependents_within(&of, hops_max, items_max).await.unwrap();
        let some = within(9, 7).await;
        assert_eq!((some.items.len(), some.is_cut, some.items[6].reference.name()), (7, true, "wide-005"));
        let near = within(1, wide + 1).await;
        assert_eq!((near.items.len(), near.is_cut), (wide + 1, true), "what lies further is more");
    }
}
