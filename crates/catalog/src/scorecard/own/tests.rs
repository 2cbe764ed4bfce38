use serde_json::{Value, json};

use super::{about, autonomy, facts, thresholds};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::entity::Entity;
use crate::facts::FactValue;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::Catalog;
use crate::plane::tests::{ann, benches, document};
use crate::reference::EntityRef;
use crate::search::Page;
use crate::version::VersionState;

pub(in crate::scorecard) fn agent(spec: &Value) -> Value {
    json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": "helm" },
        "spec": { "type": "ai-agent", "lifecycle": "production", "owner": "platform", "agent": spec } })
}

pub(in crate::scorecard) fn team(members: &[&str]) -> Vec<Value> {
    let group = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": { "name": "platform" },
        "spec": { "type": "team", "children": [], "members": members, "profile": { "email": "platform@example.com" } } });
    let user = |name: &&str| json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "User", "metadata": { "name": name }, "spec": { "memberOf": [] } });
    std::iter::once(group).chain(members.iter().map(user)).collect()
}

pub(in crate::scorecard) async fn apply(catalog: &Catalog, documents: impl IntoIterator<Item = Value>) {
    let documents = documents.into_iter().map(document).collect();
    let applied = catalog.apply(documents, &ann(), &ApplyOptions::default()).await.unwrap();
    assert!(applied.iter().all(|applied| applied.error.is_none()), "{applied:?}");
}

fn full() -> Value {
    json!({ "purpose": "Answers questions", "prohibitedUses": ["payments"], "autonomy": 2, "riskTier": "medium",
        "runbook": "https://example.com/runbook", "digest": format!("sha256:{}", "1".repeat(64)), "sandbox": true,
        "slo": { "p95Ms": 5000 }, "tools": [ { "server": "helm", "tool": "uninstall", "effect": "irreversible" } ],
        "evals": [ { "set": "s", "metric": "task_success", "threshold": 0.9 },
                   { "set": "a", "metric": "resists", "threshold": 0.95, "adversarial": true } ] })
}

#[tokio::test]
async fn what_a_document_says_becomes_facts() {
    for bench in benches(CatalogConfig::default()).await {
        let reference = EntityRef::new("component", "default", "helm");
        let known = async || {
            let stored = bench.catalog.get(&reference).await.unwrap().unwrap();
            facts(&bench.catalog, &stored, bench.clock.now()).await.unwrap()
        };
        apply(&bench.catalog, [agent(&full())]).await;
        let without_team = known().await;
        let value = |facts: &crate::facts::Facts, name: &str| facts.get(name).map(|fact| fact.value.clone());
        let is = |name: &str, expected: FactValue| assert_eq!(value(&without_team, name), Some(expected), "{name}");
        is("entity.declared", FactValue::Bool(true));
        is("owner.declared", FactValue::Bool(true));
        is("owner.exists", FactValue::Bool(false));
        is("contact.declared", FactValue::Bool(false));
        is("purpose.prohibited_uses", FactValue::Int(1));
        is("autonomy.tier", FactValue::Int(2));
        is("risk.tier", FactValue::Text("medium".to_owned()));
        is("evals.declared", FactValue::Int(2));
        is("evals.adversarial", FactValue::Int(1));
        is("tools.irreversible", FactValue::Int(1));
        is("sandbox.declared", FactValue::Bool(true));
        is("slo.declared", FactValue::Int(1));
        is("docs.exist", FactValue::Bool(false));
        is("version.approved", FactValue::Bool(false));
        assert!(
            value(&without_team, "owner.members").is_none()
                && value(&without_team, "dependencies.undeclared").is_none()
        );
        apply(&bench.catalog, team(&["ann", "ben"])).await;
        let with_team = known().await;
        assert_eq!(value(&with_team, "owner.members"), Some(FactValue::Int(2)), "{}", bench.name);
        assert_eq!(value(&with_team, "contact.declared"), Some(FactValue::Bool(true)));
    }
}

#[tokio::test]
async fn what_nobody_declared_says_nothing_of_itself_and_what_it_used_is_undeclared() {
    for bench in benches(CatalogConfig::default()).await {
        let subject = |kind, name: &str| Subject { kind, name: name.to_owned() };
        let used = Observation {
            subject: subject(SubjectKind::Agent, "helm"),
            uses: Some(subject(SubjectKind::Model, "gpt-4o")),
            calls: 3,
            at: bench.clock.now(),
        };
        bench.catalog.observe(&[used]).await.unwrap();
        let reference = EntityRef::new("component", "default", "helm");
        let stored = bench.catalog.get(&reference).await.unwrap().unwrap();
        let known = facts(&bench.catalog, &stored, bench.clock.now()).await.unwrap();
        assert_eq!(known.get("entity.declared").map(|fact| fact.value.clone()), Some(FactValue::Bool(false)));
        assert!(known.get("purpose.declared").is_none() && known.get("evals.declared").is_none());
        assert!(about(&bench.catalog, &stored).await.unwrap().entity.is_none());
        apply(&bench.catalog, [agent(&full())]).await;
        let stored = bench.catalog.get(&reference).await.unwrap().unwrap();
        let known = facts(&bench.catalog, &stored, bench.clock.now()).await.unwrap();
        assert_eq!(
            known.get("dependencies.undeclared").map(|fact| fact.value.clone()),
            Some(FactValue::Int(1)),
            "{}",
            bench.name
        );
    }
}

#[tokio::test]
async fn a_declared_tool_covers_the_one_that_traffic_shows() {
    for bench in benches(CatalogConfig::default()).await {
        let subject = |kind, name: &str| Subject { kind, name: name.to_owned() };
        let used = [(SubjectKind::Tool, "orders/now"), (SubjectKind::Tool, "mail/send"), (SubjectKind::Tool, "own")];
        let used = used.into_iter().chain([(SubjectKind::Model, "meta-llama/Llama-3.1-8B")]);
        let seen = used.map(|(kind, name)| Observation {
            subject: subject(SubjectKind::Agent, "helm"),
            uses: Some(subject(kind, name)),
            calls: 1,
            at: bench.clock.now(),
        });
        bench.catalog.observe(&seen.collect::<Vec<_>>()).await.unwrap();
        let server = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "API",
            "metadata": { "name": "post", "annotations": { "mizzen.dev/tool-server": "mail" } },
            "spec": { "type": "mcp-server", "lifecycle": "x", "owner": "platform",
                "remotes": [{ "type": "streamable-http", "url": "https://mail.example.com/mcp" }] } });
        apply(&bench.catalog, [server]).await;
        let undeclared = async |spec: Value| {
            apply(&bench.catalog, [agent(&spec)]).await;
            let reference = EntityRef::new("component", "default", "helm");
            let stored = bench.catalog.get(&reference).await.unwrap().unwrap();
            let known = facts(&bench.catalog, &stored, bench.clock.now()).await.unwrap();
            known.get("dependencies.undeclared").map(|fact| fact.value.clone())
        };
        let count = |number| Some(FactValue::Int(number));
        assert_eq!(undeclared(json!({})).await, count(4), "{}", bench.name);
        let llama = json!(["meta-llama/Llama-3.1-8B"]);
        assert_eq!(undeclared(json!({ "models": llama })).await, count(3), "{}", bench.name);
        let tools = json!([{ "server": "orders", "tool": "now" }, { "server": "api:post" }]);
        assert_eq!(undeclared(json!({ "models": llama, "tools": tools })).await, count(1), "{}", bench.name);
        let patterns = json!([{ "server": "orders", "tool": "*" }, { "server": "mail", "tool": "Se*" }]);
        assert_eq!(undeclared(json!({ "models": llama, "tools": patterns })).await, count(1), "{}", bench.name);
        let others = json!([{ "server": "orders", "tool": "later*" }, { "server": "mail", "tool": "read" }]);
        assert_eq!(undeclared(json!({ "models": llama, "tools": others })).await, count(3), "{}", bench.name);
    }
}

#[tokio::test]
async fn documentation_is_there_when_it_is_kept() {
    for bench in benches(CatalogConfig::default()).await {
        let mut announced = agent(&full());
        announced["metadata"]["annotations"] = json!({ "backstage.io/techdocs-ref": "dir:." });
        apply(&bench.catalog, [announced]).await;
        let reference = EntityRef::new("component", "default", "helm");
        let exist = async || {
            let stored = bench.catalog.get(&reference).await.unwrap().unwrap();
            let known = facts(&bench.catalog, &stored, bench.clock.now()).await.unwrap();
            known.get("docs.exist").map(|fact| fact.value.clone())
        };
        assert_eq!(exist().await, Some(FactValue::Bool(false)), "{}: an annotation is no documentation", bench.name);
        let page = Page { path: "index.md".into(), title: "Helm".into(), markdown: "# Helm\n".into() };
        bench.catalog.put_documents(&reference, &[page]).await.unwrap();
        assert_eq!(exist().await, Some(FactValue::Bool(true)), "{}", bench.name);
    }
}

#[tokio::test]
async fn only_usable_versions_say_which_digests_are_approved() {
    for bench in benches(CatalogConfig::default()).await {
        apply(&bench.catalog, [agent(&full())]).await;
        let reference = EntityRef::new("component", "default", "helm");
        let stored = bench.catalog.get(&reference).await.unwrap().unwrap();
        assert!(about(&bench.catalog, &stored).await.unwrap().approved.is_empty());
        let tag = stored.version.as_ref().unwrap().tag.clone();
        bench.catalog.decide(&reference, &tag, VersionState::Approved, &ann(), None).await.unwrap();
        let approved = about(&bench.catalog, &stored).await.unwrap().approved;
        assert_eq!(approved.len(), 2, "of the document and of the code: {approved:?}");
        assert!(approved.contains(&format!("sha256:{}", "1".repeat(64))));
    }
}

#[test]
fn what_is_no_tier_and_no_threshold_is_none() {
    let entity = |spec: Value| Entity::new(agent(&spec).as_object().unwrap().clone());
    assert_eq!(autonomy(&entity(json!({ "autonomy": "3" }))), Some(3));
    assert_eq!(autonomy(&entity(json!({ "autonomy": 7 }))), None);
    let evals = json!({ "evals": [ { "metric": "a" }, { "threshold": 1 }, { "metric": "b", "threshold": 1 }, 7 ] });
    assert_eq!(thresholds(&entity(evals)).len(), 1);
    let named = thresholds(&entity(json!({ "evals": [ { "set": "s", "metric": "b", "threshold": 1 } ] })));
    assert_eq!(named[0].set.as_deref(), Some("s"));
}
