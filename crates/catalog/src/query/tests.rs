use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::time::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{Direction, FullText, Order, Page, Predicate, Query, Walk};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::document::Document;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::tests::{Bench, ann, benches, document};
use crate::plane::{Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::storage::searches;

fn some_entity(number: usize, random: &mut rand_pcg::Pcg64) -> Document {
    let kind = ["Component", "API", "Resource"][random.random_range(0..3)];
    let mut metadata = json!({ "name": format!("{}-{number}", ["Ant", "bee", "CAT_x"][number % 3]) });
    if random.random_bool(0.5) {
        metadata["tags"] = json!(
            (0..random.random_range(1..4))
                .map(|_| ["java", "rust", "go"][random.random_range(0..3)])
                .collect::<Vec<_>>()
        );
    }
    if random.random_bool(0.3) {
        metadata["title"] = ["Zoo", "Ärger 100%", "x_y"][random.random_range(0..3)].into();
    }
    let owner = ["team-a", "team-b", "user:default/ann"][random.random_range(0..3)];
    let lifecycle = ["production", "experimental"][random.random_range(0..2)];
    let spec_type = ["service", "website"][number % 2];
    let spec = json!({ "type": spec_type, "owner": owner, "lifecycle": lifecycle, "definition": "d" });
    document(json!({ "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec }))
}

async fn filled(bench: &Bench, count: usize) -> Vec<Document> {
    let mut random = rand_pcg::Pcg64::seed_from_u64(7);
    let documents: Vec<_> = (0..count).map(|number| some_entity(number, &mut random)).collect();
    bench.catalog.apply(documents.clone(), &ann(), &ApplyOptions::default()).await.unwrap();
    documents
}

fn key(random: &mut rand_pcg::Pcg64) -> String {
    let keys = [
        "kind",
        "spec.type",
        "metadata.tags",
        "metadata.tags.java",
        "metadata.title",
        "SPEC.Owner",
        "relations.ownedby",
        "none",
    ];
    keys[random.random_range(0..keys.len())].to_owned()
}

fn value(random: &mut rand_pcg::Pcg64) -> String {
    let values =
        ["component", "API", "service", "java", "true", "zoo", "team-a", "group:default/team-a", "100%", "x_", "ä", ""];
    values[random.random_range(0..values.len())].to_owned()
}

fn some_predicate(random: &mut rand_pcg::Pcg64, depth: u32) -> Predicate {
    let parts = |random: &mut rand_pcg::Pcg64| {
        (0..random.random_range(0..3)).map(|_| some_predicate(random, depth - 1)).collect::<Vec<_>>()
    };
    match random.random_range(if depth == 0 { 3..8 } else { 0..8 }) {
        0 => Predicate::All(parts(random)),
        1 => Predicate::Any(parts(random)),
        2 => Predicate::Not(Box::new(some_predicate(random, depth - 1))),
        3 => Predicate::Exists(key(random)),
        4 => Predicate::Equals(key(random), value(random)),
        5 => Predicate::In(key(random), vec![value(random), value(random)]),
        6 => Predicate::HasPrefix(key(random), value(random)),
        _ => Predicate::Contains(key(random), value(random)),
    }
}

/// What the predicate says of the entity's own values, by hand.
fn holds(document: &Document, predicate: &Predicate) -> bool {
    let mut rows: Vec<(String, Option<String>)> =
        searches::rows(&document.entity, "").into_iter().map(|row| (row.key, row.value)).collect();
    for (relation, _) in crate::relation::of(&document.entity) {
        rows.push((format!("relations.{}", relation.kind.to_lowercase()), Some(relation.target_ref.to_string())));
    }
    let any = |key: &str, test: &dyn Fn(&str) -> bool| {
        rows.iter().any(|(name, value)| *name == key.to_lowercase() && value.as_deref().is_some_and(test))
    };
    match predicate {
        Predicate::All(parts) => parts.iter().all(|part| holds(document, part)),
        Predicate::Any(parts) => parts.iter().any(|part| holds(document, part)),
        Predicate::Not(part) => !holds(document, part),
        Predicate::Exists(key) => rows.iter().any(|(name, _)| *name == key.to_lowercase()),
        Predicate::Equals(key, wanted) => any(key, &|value| value == wanted.to_lowercase()),
        Predicate::In(key, wanted) => any(key, &|value| wanted.iter().any(|wanted| value == wanted.to_lowercase())),
        Predicate::HasPrefix(key, prefix) => any(key, &|value| value.starts_with(&prefix.to_lowercase())),
        Predicate::Contains(key, part) => any(key, &|value| value.contains(&part.to_lowercase())),
    }
}

fn names(page: &Page) -> Vec<String> {
    page.items.iter().map(|item| item.reference.to_string()).collect()
}

#[tokio::test]
async fn predicates_select_and_facets_count_what_a_naive_reading_does() {
    for bench in benches(CatalogConfig::default()).await {
        let documents = filled(&bench, 60).await;
        let mut random = rand_pcg::Pcg64::seed_from_u64(11);
        for _ in 0..150 {
            let predicate = some_predicate(&mut random, 2);
            let query = Query { predicate: predicate.clone(), limit: 1_000, ..Query::default() };
            let page = bench.catalog.query(&query).await.unwrap();
            let found: BTreeSet<String> = names(&page).into_iter().collect();
            let matching: Vec<_> = documents.iter().filter(|document| holds(document, &predicate)).collect();
            let expected: BTreeSet<String> =
                matching.iter().map(|document| document.entity.reference().to_string()).collect();
            assert_eq!(found, expected, "{}: {predicate:?}", bench.name);
            assert_eq!(page.total, Some(expected.len() as u64));
            let facets = ["spec.type".to_owned(), "metadata.tags".to_owned(), "relations.ownedBy".to_owned()];
            let counted = bench.catalog.facets(&predicate, &facets, None).await.unwrap();
            assert_eq!(counted.total, expected.len() as u64);
            let counted = counted.values;
            let mut types: BTreeMap<String, u64> = BTreeMap::new();
            let mut owners: BTreeMap<String, u64> = BTreeMap::new();
            for document in matching {
                *types.entry(document.entity.spec_type().unwrap().to_owned()).or_default() += 1;
                *owners.entry(crate::relation::of(&document.entity)[0].0.target_ref.to_string()).or_default() += 1;
            }
            assert_eq!(counted["spec.type"], types.into_iter().collect::<Vec<_>>());
            assert_eq!(counted["relations.ownedBy"], owners.into_iter().collect::<Vec<_>>());
        }
    }
}

async fn pages(catalog: &Catalog, query: &Query) -> Vec<Page> {
    let mut pages = vec![catalog.query(query).await.unwrap()];
    while let Some(next) = pages.last().unwrap().next.clone() {
        pages.push(catalog.query(&Query { cursor: Some(next), limit: query.limit, ..Query::default() }).await.unwrap());
    }
    pages
}

#[tokio::test]
async fn pages_forwards_and_backwards_are_the_whole_list_in_order() {
    for bench in benches(CatalogConfig::default()).await {
        let documents = filled(&bench, 50).await;
        let order = |key: &str, descending| Order { key: key.to_owned(), descending };
        let predicate = Predicate::Not(Box::new(Predicate::Equals("kind".to_owned(), "API".to_owned())));
        let orders = [
            vec![],
            vec![order("metadata.title", false)],
            vec![order("metadata.title", true)],
            vec![order("metadata.name", true)],
            vec![order("spec.type", true), order("metadata.title", false)],
            vec![order("metadata.title", true), order("metadata.tags", false), order("kind", true)],
            vec![order("nowhere", false)],
        ];
        for order in orders {
            let query = Query { predicate: predicate.clone(), order: order.clone(), limit: 1_000, ..Query::default() };
            let whole = names(&bench.catalog.query(&query).await.unwrap());
            assert_eq!(whole.len(), documents.iter().filter(|document| holds(document, &predicate)).count());
            if let [first] = order.as_slice() {
                let of = |name: &String| {
                    let document = documents.iter().find(|document| document.entity.reference().to_string() == *name);
                    let rows = searches::rows(&document.unwrap().entity, "");
                    rows.into_iter().find(|row| row.key == first.key).and_then(|row| row.value)
                };
                let values: Vec<_> = whole.iter().map(of).collect();
                let mut sorted = values.clone();
                sorted.sort_by(|a, b| match (a, b) {
                    (Some(a), Some(b)) if first.descending => b.cmp(a),
                    (Some(a), Some(b)) => a.cmp(b),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                });
                assert_eq!(values, sorted, "{} {order:?}", bench.name);
            }
            let pages = pages(&bench.catalog, &Query { limit: 7, ..query.clone() }).await;
            let joined: Vec<_> = pages.iter().flat_map(names).collect();
            assert_eq!(joined, whole, "{} {order:?}", bench.name);
            assert!(pages[0].previous.is_none() && pages.iter().all(|page| page.total == Some(whole.len() as u64)));
            let mut back = pages.last().unwrap().clone();
            for page in pages.iter().rev().skip(1) {
                let query = Query { cursor: back.previous.clone(), limit: 7, ..Query::default() };
                back = bench.catalog.query(&query).await.unwrap();
                assert_eq!(names(&back), names(page), "{} {order:?}", bench.name);
            }
            assert!(back.previous.is_none(), "{} {order:?}", bench.name);
            for offset in [3, whole.len() as u64 - 2] {
                let part = Query { offset, limit: 5, ..query.clone() };
                let expected: Vec<_> = whole.iter().skip(offset as usize).take(5).cloned().collect();
                assert_eq!(
                    names(&bench.catalog.query(&part).await.unwrap()),
                    expected,
                    "{} {order:?} {offset}",
                    bench.name
                );
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_cursor_is_told_and_a_limit_is_kept() {
    for bench in benches(CatalogConfig::default()).await {
        filled(&bench, 9).await;
        let page = bench.catalog.query(&Query { limit: 3, ..Query::default() }).await.unwrap();
        let cursor = page.next.unwrap();
        let flipped: String = cursor.chars().rev().collect();
        let mut changed = cursor.clone();
        changed.replace_range(40..41, if &cursor[40..41] == "A" { "B" } else { "A" });
        for wrong in ["", "?", "e30", &cursor[..cursor.len() - 2], &flipped, &changed] {
            let query = Query { cursor: Some(wrong.to_owned()), ..Query::default() };
            let error = bench.catalog.query(&query).await;
            assert!(matches!(error, Err(CatalogError::Cursor)), "{wrong}: {error:?}");
        }
        for limit in [0, 1_001] {
            let error = bench.catalog.query(&Query { limit, ..Query::default() }).await;
            assert!(matches!(error, Err(CatalogError::Invalid { field: "limit", .. })), "{error:?}");
        }
        let many = Predicate::All(vec![Predicate::Exists("kind".to_owned()); 1_000]);
        let deep = (0..100).fold(Predicate::default(), |inner, _| Predicate::Not(Box::new(inner)));
        for predicate in [many, deep] {
            let error = bench.catalog.query(&Query { predicate, ..Query::default() }).await;
            assert!(matches!(error, Err(CatalogError::Invalid { field: "filter", .. })), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_fixed_question_takes_no_cursor_of_another() {
    for bench in benches(CatalogConfig::default()).await {
        filled(&bench, 9).await;
        let by = |key: &str, descending| vec![Order { key: key.to_owned(), descending }];
        let fixed = Query {
            predicate: Predicate::Exists("kind".to_owned()),
            order: by("metadata.name", false),
            limit: 2,
            is_fixed: true,
            ..Query::default()
        };
        let first = bench.catalog.query(&fixed).await.unwrap();
        let second = bench.catalog.query(&Query { cursor: first.next.clone(), ..fixed.clone() }).await.unwrap();
        assert!(second.items.len() == 2 && first.items != second.items, "{first:?} {second:?}");
        let text = FullText { text: "default".to_owned(), fields: vec!["metadata.namespace".to_owned()] };
        let others = [
            Query { predicate: Predicate::default(), ..fixed.clone() },
            Query { order: by("metadata.name", true), ..fixed.clone() },
            Query { order: by("kind", false), ..fixed.clone() },
            Query { full_text: Some(text), ..fixed.clone() },
        ];
        for other in others {
            let cursor = bench.catalog.query(&other).await.unwrap().next;
            assert!(cursor.is_some(), "{other:?}");
            let answer = bench.catalog.query(&Query { cursor: cursor.clone(), ..fixed.clone() }).await;
            assert!(matches!(answer, Err(CatalogError::Cursor)), "{other:?}: {answer:?}");
            let own = bench.catalog.query(&Query { cursor, ..other }).await.unwrap();
            assert_eq!(own.items.len(), 2);
        }
    }
}

#[tokio::test]
async fn full_text_narrows_a_list_and_is_carried_by_its_cursor() {
    for bench in benches(CatalogConfig::default()).await {
        filled(&bench, 30).await;
        let text = |text: &str, fields: &[&str]| {
            let fields = fields.iter().map(|field| (*field).to_owned()).collect();
            Query { full_text: Some(FullText { text: text.to_owned(), fields }), limit: 4, ..Query::default() }
        };
        let found = pages(&bench.catalog, &text("cat", &[])).await;
        let names: Vec<_> = found.iter().flat_map(names).collect();
        assert!(names.len() == 10 && names.iter().all(|name| name.contains("cat_x")), "{} {names:?}", bench.name);
        let page = bench.catalog.query(&text("T_X-", &["metadata.name"])).await.unwrap();
        assert_eq!(page.total, Some(10), "a field is searched for a part of its value");
        let page = bench.catalog.query(&text("T%X", &["metadata.name"])).await.unwrap();
        assert_eq!(page.total, Some(0), "signs of patterns stand for themselves");
    }
}

fn seen(kind: SubjectKind, name: &str) -> Subject {
    Subject { kind, name: name.to_owned() }
}

/// An agent with its model, a tool server, and who provides that.
fn shop_parts() -> Vec<Document> {
    let part = |kind: &str, name: &str, spec: serde_json::Value| {
        document(
            json!({ "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec }),
        )
    };
    vec![
        part(
            "Component",
            "shop",
            json!({ "type": "ai-agent", "owner": "a", "lifecycle": "x",
                "dependsOn": ["resource:gpt"], "consumesApis": ["orders"] }),
        ),
        part("Resource", "gpt", json!({ "type": "ai-model", "owner": "a", "dependsOn": ["component:gateway"] })),
        part("API", "orders", json!({ "type": "mcp-server", "owner": "b", "lifecycle": "x" })),
        part(
            "Component",
            "backend",
            json!({ "type": "service", "owner": "b", "lifecycle": "x", "providesApis": ["orders"] }),
        ),
    ]
}

#[tokio::test]
async fn edges_say_who_knows_of_them_and_walks_end() {
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        catalog.apply(shop_parts(), &ann(), &ApplyOptions::default()).await.unwrap();
        let agent = seen(SubjectKind::Agent, "SHOP");
        let uses = |kind, name: &str, calls| Observation {
            subject: agent.clone(),
            uses: Some(seen(kind, name)),
            calls,
            at: Timestamp::from_unix_nanos(5),
        };
        let observed = [
            uses(SubjectKind::Model, "gpt", 3),
            uses(SubjectKind::Model, "gpt", 4),
            uses(SubjectKind::ToolServer, "mail", 2),
        ];
        catalog.observe(&observed).await.unwrap();

        let shop: EntityRef = "component:default/shop".parse().unwrap();
        let told = async |start: &EntityRef, walk: Walk| {
            let related = catalog.relations_of(start, &walk).await.unwrap();
            let edge = |edge: &super::Edge| {
                let calls = edge.calls;
                format!("{} {} {} {:?} {calls}", edge.from.name(), edge.kind, edge.to.name(), edge.provenance)
            };
            related.edges.iter().map(edge).collect::<BTreeSet<_>>()
        };
        let set = |edges: &[&str]| edges.iter().map(|edge| (*edge).to_owned()).collect::<BTreeSet<_>>();
        let near = [
            "shop ownedBy a Declared 0",
            "shop dependsOn gpt Both 7",
            "shop consumesApi orders Declared 0",
            "shop consumesApi mail Observed 2",
        ];
        assert_eq!(told(&shop, Walk::new(1, Direction::Out)).await, set(&near), "{}", bench.name);
        let far = told(&shop, Walk::new(3, Direction::Out)).await;
        assert!(
            far.contains("gpt dependsOn gateway Declared 0") && !far.contains("backend providesApi orders Declared 0")
        );
        let orders: EntityRef = "api:default/orders".parse().unwrap();
        let needs = told(&shop, Walk::new(5, Direction::Needs)).await;
        assert!(
            needs.contains("backend providesApi orders Declared 0") && !needs.contains("shop ownedBy a Declared 0"),
            "{needs:?}"
        );
        let backend: EntityRef = "component:default/backend".parse().unwrap();
        let breaks = told(&backend, Walk::new(5, Direction::NeededBy)).await;
        assert_eq!(breaks, set(&["backend providesApi orders Declared 0", "shop consumesApi orders Declared 0"]));
        let only = Walk { kinds: vec!["ownedBy".to_owned()], ..Walk::new(9, Direction::Both) };
        assert_eq!(told(&orders, only).await.len(), 2);
        let cut = catalog.relations_of(&shop, &Walk { edges_max: 2, ..Walk::new(3, Direction::Both) }).await.unwrap();
        assert!(cut.is_cut && cut.edges.len() == 2);
        let page = catalog.get(&shop).await.unwrap().unwrap();
        assert_eq!(page.last_seen, Some(Timestamp::from_unix_nanos(5)));
    }
}

#[tokio::test]
async fn many_values_are_not_many_conditions() {
    for bench in benches(CatalogConfig::default()).await {
        bench.catalog.apply(shop_parts(), &ann(), &ApplyOptions::default()).await.unwrap();
        let values = |count: usize| {
            let others = (1..count).map(|number| format!("x{number}"));
            Predicate::In("metadata.name".to_owned(), others.chain(["shop".to_owned()]).collect())
        };
        let component = Predicate::Equals("kind".to_owned(), "component".to_owned());
        let asked = |count| Predicate::All(vec![values(count), component.clone()]);
        let found = bench.catalog.count(&asked(crate::filter::VALUES_MAX), None).await;
        assert_eq!(found.unwrap(), 1, "{}", bench.name);
        let error = bench.catalog.count(&asked(crate::filter::VALUES_MAX + 1), None).await;
        assert!(matches!(error, Err(CatalogError::Invalid { field: "filter", .. })), "{error:?}");
    }
}
