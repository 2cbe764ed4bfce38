use mizzen_model::time::Timestamp;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::tests::{Bench, ann, benches, document, open};
use crate::query::{Direction, Walk};
use crate::reference::EntityRef;
use crate::relation::Provenance::{self, Both, Declared};

async fn apply(bench: &Bench, value: Value) {
    let done = bench.catalog.apply(vec![document(value)], &ann(), &ApplyOptions::default()).await.unwrap();
    assert!(done[0].error.is_none(), "{done:?}");
}

fn helm(models: &[&str], servers: &[&str]) -> Value {
    let tools: Vec<Value> = servers.iter().map(|server| json!({ "server": server, "tool": "now" })).collect();
    json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component",
        "metadata": { "name": "helm", "namespace": "ops" },
        "spec": { "type": "ai-agent", "lifecycle": "x", "owner": "unowned", "agent": { "models": models, "tools": tools } } })
}

fn model(name: &str, in_traffic: &str) -> Value {
    json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Resource",
        "metadata": { "name": name, "annotations": { "mizzen.dev/model": in_traffic } },
        "spec": { "type": "ai-model", "owner": "unowned" } })
}

fn calls(used: &[(SubjectKind, &str)]) -> Vec<Observation> {
    let subject = |kind, name: &str| Subject { kind, name: name.to_owned() };
    let of_agent = |(kind, name): &(SubjectKind, &str)| Observation {
        subject: subject(SubjectKind::Agent, "helm"),
        uses: Some(subject(*kind, name)),
        calls: 1,
        at: Timestamp::from_unix_nanos(9),
    };
    used.iter().map(of_agent).collect()
}

fn agent() -> EntityRef {
    EntityRef::new("component", "ops", "helm")
}

/// Where the agent's edges lead, by the beginnings of names; each is seen from its other end too.
async fn edges(bench: &Bench) -> Vec<(String, Provenance)> {
    let walk = Walk::new(1, Direction::Out);
    let edges = bench.catalog.relations_of(&agent(), &walk).await.unwrap().edges;
    let back = Walk::new(1, Direction::In);
    for edge in &edges {
        let found = bench.catalog.relations_of(&edge.to, &back).await.unwrap().edges;
        assert!(found.contains(edge), "{}: {edge:?}", bench.name);
        let Some(there) = bench.catalog.get(&edge.to).await.unwrap() else { continue };
        let is_told = there.relations.iter().any(|relation| relation.target_ref == agent());
        assert!(is_told || edge.provenance == Provenance::Observed, "{}: {:?}", bench.name, there.relations);
    }
    let mut edges: Vec<_> = edges.iter().map(|edge| (edge.to.to_string(), edge.provenance)).collect();
    edges.sort();
    edges
}

#[tokio::test]
async fn what_an_agent_declares_by_its_name_in_traffic_is_what_traffic_shows() {
    for bench in benches(CatalogConfig::default()).await {
        let models = ["meta-llama/Llama-3.1-8B", "llama3:8b", "gpt-4o", "resource:default/own"];
        apply(&bench, helm(&models, &["orders"])).await;
        let before = edges(&bench).await;
        assert!(before.iter().all(|(_, provenance)| *provenance == Declared), "{}: {before:?}", bench.name);
        let used: Vec<_> = models[..3].iter().map(|name| (SubjectKind::Model, *name)).collect();
        bench.catalog.observe(&calls(&used)).await.unwrap();
        bench.catalog.observe(&calls(&[(SubjectKind::ToolServer, "Orders")])).await.unwrap();
        let after = edges(&bench).await;
        let starts = ["api:default/orders", "resource:default/gpt-4o", "resource:default/llama3-8b-"];
        let starts = [&starts[..], &["resource:default/meta-llama-llama-3.1-8b-", "resource:default/own"]].concat();
        assert_eq!(after.len(), starts.len(), "{}: {after:?}", bench.name);
        for ((to, provenance), start) in after.iter().zip(starts) {
            assert!(to.starts_with(start), "{}: {to} is not {start}…", bench.name);
            assert_eq!(*provenance, if start.ends_with("/own") { Declared } else { Both }, "{to}");
        }
        let stored = bench.catalog.get(&agent()).await.unwrap().unwrap();
        assert_eq!(stored.dangling, ["resource:default/own".parse().unwrap()], "{}", bench.name);
    }
}

#[tokio::test]
async fn a_relation_follows_whatever_stands_for_the_name() {
    for bench in benches(CatalogConfig::default()).await {
        apply(&bench, helm(&["gpt", "vendor/big"], &[])).await;
        let to = async || edges(&bench).await.into_iter().map(|(to, _)| to).collect::<Vec<_>>();
        let nowhere = to().await;
        assert_eq!(nowhere[1], "resource:ops/gpt", "{}: beside the agent, where it may be declared", bench.name);
        // Declared and never seen; of two the older has it.
        apply(&bench, model("first", "GPT")).await;
        apply(&bench, model("second", "gpt")).await;
        assert_eq!(to().await[0], "resource:default/first", "{}", bench.name);
        bench.catalog.delete(&EntityRef::new("resource", "default", "first"), &ann()).await.unwrap();
        assert_eq!(to().await[0], "resource:default/second", "{}", bench.name);
        apply(&bench, model("second", "vendor/big")).await;
        assert_eq!(to().await, ["resource:default/second", "resource:ops/gpt"], "{}", bench.name);
        // Seen, declared, and deleted again.
        bench.catalog.observe(&calls(&[(SubjectKind::Model, "gpt")])).await.unwrap();
        assert_eq!(edges(&bench).await[0], ("resource:default/gpt".to_owned(), Both), "{}", bench.name);
        apply(&bench, model("third", "gpt")).await;
        assert_eq!(edges(&bench).await[1], ("resource:default/third".to_owned(), Both), "{}", bench.name);
        bench.catalog.delete(&EntityRef::new("resource", "default", "third"), &ann()).await.unwrap();
        assert_eq!(edges(&bench).await[0], ("resource:default/gpt".to_owned(), Both), "{}", bench.name);
        // What was discovered is forgotten.
        bench.catalog.delete(&EntityRef::new("resource", "default", "gpt"), &ann()).await.unwrap();
        assert_eq!(to().await, ["resource:default/second", "resource:ops/gpt"], "{}", bench.name);
    }
}

/// One that goes by another name in traffic, which is where the relation is looked for all the same.
#[tokio::test]
async fn what_somebody_declared_under_the_name_comes_before_what_traffic_made() {
    for bench in benches(CatalogConfig::default()).await {
        let mut own = model("gpt", "gpt-of-ours");
        own["metadata"]["namespace"] = json!("ops");
        let to = async || edges(&bench).await.into_iter().map(|(to, _)| to).collect::<Vec<_>>();
        apply(&bench, own.clone()).await;
        apply(&bench, helm(&["gpt"], &[])).await;
        bench.catalog.observe(&calls(&[(SubjectKind::Model, "gpt")])).await.unwrap();
        let both = ["resource:default/gpt", "resource:ops/gpt"];
        assert_eq!(to().await, both, "{}: what is used, and what is declared", bench.name);
        apply(&bench, helm(&["gpt", "other"], &[])).await;
        assert_eq!(to().await[..2], both, "{}: also when it is declared after that", bench.name);
        bench.catalog.delete(&EntityRef::new("resource", "ops", "gpt"), &ann()).await.unwrap();
        assert_eq!(edges(&bench).await[0], ("resource:default/gpt".to_owned(), Both), "{}", bench.name);
        apply(&bench, own).await;
        assert_eq!(to().await[..2], both, "{}: also when it is there again", bench.name);
        apply(&bench, model("claims", "gpt")).await;
        assert_eq!(edges(&bench).await[0], ("resource:default/claims".to_owned(), Both), "{}", bench.name);
    }
}

#[tokio::test]
async fn relations_that_were_kept_before_follow_too() {
    for bench in benches(CatalogConfig::default()).await {
        apply(&bench, model("big", "vendor/big")).await;
        apply(&bench, helm(&["vendor/big"], &[])).await;
        let now = edges(&bench).await;
        for statement in [
            "UPDATE catalog_relations SET target = 'resource:vendor/big', target_id = NULL, subject_kind = NULL,
                 subject_key = NULL, unclaimed = NULL WHERE kind = 'dependsOn'",
            "UPDATE catalog_relations SET source = 'resource:vendor/big', source_id = NULL, subject_kind = NULL,
                 subject_key = NULL, unclaimed = NULL WHERE kind = 'dependencyOf'",
        ] {
            sqlx::query(statement).execute(bench.catalog.store().pool()).await.unwrap();
        }
        assert_eq!(edges(&bench).await, [("resource:vendor/big".to_owned(), Declared)]);
        let again = async || open(&bench.test, &bench.control, &bench.clock, CatalogConfig::default()).await;
        again().await;
        assert_ne!(edges(&bench).await, now, "{}: it was done when this catalog was opened first", bench.name);
        let so_far = async |value: i64| {
            let sql = "UPDATE catalog_counters SET value = $1 WHERE name = 'agents_follow'";
            sqlx::query(sql).bind(value).execute(bench.catalog.store().pool()).await.unwrap();
        };
        so_far(i64::from(i32::MIN)).await;
        again().await;
        assert_ne!(edges(&bench).await, now, "{}: a start that broke off had come past it", bench.name);
        so_far(0).await;
        again().await;
        assert_eq!(edges(&bench).await, now, "{}", bench.name);
        let done = "SELECT value FROM catalog_counters WHERE name = 'agents_follow'";
        let done: i64 = sqlx::query(done).fetch_one(bench.catalog.store().pool()).await.unwrap().try_get(0).unwrap();
        assert_eq!(done, 1, "{}", bench.name);
    }
}
