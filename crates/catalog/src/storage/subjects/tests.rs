use mizzen_model::time::Timestamp;
use serde_json::json;

use crate::apply::{ApplyOptions, Outcome};
use crate::config::CatalogConfig;
use crate::document::Document;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::tests::{Bench, ann, benches, document};
use crate::query::{Direction, Origin, Predicate, Query, Walk};
use crate::reference::EntityRef;

fn observation(kind: SubjectKind, name: &str, uses: Option<(SubjectKind, &str)>) -> Observation {
    let uses = uses.map(|(kind, name)| Subject { kind, name: name.to_owned() });
    Observation { subject: Subject { kind, name: name.to_owned() }, uses, calls: 2, at: Timestamp::from_unix_nanos(9) }
}

fn agent(name: &str, annotations: serde_json::Value, spec_type: &str) -> Document {
    document(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name, "annotations": annotations },
        "spec": { "type": spec_type, "owner": "shop", "lifecycle": "x" },
    }))
}

fn reference(text: &str) -> EntityRef {
    text.parse().unwrap()
}

async fn apply(bench: &Bench, document: Document) -> Outcome {
    let done = bench.catalog.apply(vec![document], &ann(), &ApplyOptions::default()).await.unwrap();
    assert!(done[0].error.is_none(), "{done:?}");
    done[0].outcome
}

async fn discovered(bench: &Bench) -> Vec<String> {
    let predicate = Predicate::Equals("mizzen.origin".to_owned(), "discovered".to_owned());
    let page = bench.catalog.query(&Query { predicate, ..Query::default() }).await.unwrap();
    let mut names: Vec<_> = page.items.iter().map(|item| item.reference.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_traffic_shows_is_there_unowned_until_somebody_declares_it() {
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        let call = observation(SubjectKind::Agent, "helm-agent", Some((SubjectKind::Model, "openai/gpt-4o")));
        for _ in 0..2 {
            catalog.observe(std::slice::from_ref(&call)).await.unwrap();
        }
        let names = discovered(&bench).await;
        assert_eq!(names.len(), 2, "{}: {names:?}", bench.name);
        assert!(names[1].starts_with("resource:default/openai-gpt-4o-"), "{names:?}");
        let helm = reference("component:default/helm-agent");
        let seen = catalog.get(&helm).await.unwrap().unwrap();
        assert_eq!((seen.origin, seen.class.as_str(), seen.relations.len()), (Origin::Discovered, "agent", 0));
        assert_eq!(seen.last_seen, Some(Timestamp::from_unix_nanos(9)));

        // Under its own name: the entity stays the same one.
        assert_eq!(apply(&bench, agent("Helm-Agent", json!({}), "ai-agent")).await, Outcome::Created);
        let declared = catalog.get(&helm).await.unwrap().unwrap();
        assert_eq!((declared.origin, &declared.uid), (Origin::Declared, &seen.uid));
        let edges = catalog.relations_of(&helm, &Walk::new(1, Direction::Needs)).await.unwrap().edges;
        assert_eq!((edges.len(), edges[0].calls), (1, 4), "its history came along");
        // Under another name, by annotation: what was discovered goes.
        let model = document(json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Resource",
            "metadata": { "name": "gpt", "annotations": { "mizzen.dev/model": "OpenAI/gpt-4o" } },
            "spec": { "type": "ai-model", "owner": "shop" } }));
        apply(&bench, model).await;
        assert!(discovered(&bench).await.is_empty());
        let edges = catalog.relations_of(&helm, &Walk::new(1, Direction::Needs)).await.unwrap().edges;
        assert_eq!(edges[0].to, reference("resource:default/gpt"));
        // Deleting gives it back.
        catalog.delete(&reference("resource:default/gpt"), &ann()).await.unwrap();
        assert_eq!(discovered(&bench).await, names[1..], "{}", bench.name);
        let edges = catalog.relations_of(&helm, &Walk::new(1, Direction::Needs)).await.unwrap().edges;
        assert_eq!((edges[0].to.to_string(), edges[0].calls), (names[1].clone(), 4));
        // Deleting what was discovered forgets it.
        catalog.delete(&reference(&names[1]), &ann()).await.unwrap();
        assert!(discovered(&bench).await.is_empty());
        assert!(catalog.relations_of(&helm, &Walk::new(1, Direction::Needs)).await.unwrap().edges.is_empty());
    }
}

#[tokio::test]
async fn a_name_that_is_taken_by_something_else_is_not_claimed_by_it() {
    for bench in benches(CatalogConfig::default()).await {
        apply(&bench, agent("shop", json!({}), "service")).await;
        let seen = [observation(SubjectKind::Agent, "shop", None), observation(SubjectKind::Caller, "shop", None)];
        bench.catalog.observe(&seen).await.unwrap();
        let names = discovered(&bench).await;
        assert_eq!(names.len(), 2, "{}: {names:?}", bench.name);
        assert!(names.iter().all(|name| name.starts_with("component:default/shop-")), "{names:?}");
        // A declared service takes the name of a discovered agent, which stays, under another.
        bench.catalog.observe(&[observation(SubjectKind::Agent, "mail", None)]).await.unwrap();
        apply(&bench, agent("mail", json!({}), "service")).await;
        let names = discovered(&bench).await;
        assert!(names.len() == 3 && names[0].starts_with("component:default/mail-"), "{names:?}");
        // Of two that claim one subject, the older has it; when that lets go, the other does.
        apply(&bench, agent("mail-a", json!({ "mizzen.dev/agent": "mail" }), "ai-agent")).await;
        apply(&bench, agent("mail-b", json!({ "mizzen.dev/agent": "mail" }), "ai-agent")).await;
        let standing = async |name: &str| {
            let subject = Subject { kind: SubjectKind::Agent, name: name.to_owned() };
            bench.catalog.standing_for(&subject).await.unwrap().map(|reference| reference.to_string())
        };
        assert_eq!(standing("Mail").await.as_deref(), Some("component:default/mail-a"), "{}", bench.name);
        assert_eq!(standing("nobody").await, None);
        let last_seen = async |name| bench.catalog.get(&reference(name)).await.unwrap().unwrap().last_seen;
        assert!(last_seen("component:default/mail-a").await.is_some());
        assert!(last_seen("component:default/mail-b").await.is_none());
        bench.catalog.delete(&reference("component:default/mail-a"), &ann()).await.unwrap();
        assert!(last_seen("component:default/mail-b").await.is_some());
    }
}

#[tokio::test]
async fn what_has_its_names_taken_from_it_is_found_under_another() {
    for bench in benches(CatalogConfig::default()).await {
        let subject = Subject { kind: SubjectKind::Agent, name: "shop".to_owned() };
        let names: Vec<String> = super::discovered_names(&subject).take(4).collect();
        assert_eq!((names[0].as_str(), names[1].len(), names[3].len()), ("shop", 37, 37), "{names:?}");
        for name in &names[..3] {
            apply(&bench, agent(name, json!({}), "service")).await;
        }
        let shop = observation(SubjectKind::Agent, "shop", Some((SubjectKind::Model, "gpt")));
        bench.catalog.observe(&[shop, observation(SubjectKind::Agent, "mail", None)]).await.unwrap();
        let fourth = format!("component:default/{}", names[3]);
        let all = ["component:default/mail", &fourth, "resource:default/gpt"];
        assert_eq!(discovered(&bench).await, all, "{}", bench.name);
        // Whoever declares it has it, and may let it go again.
        apply(&bench, agent("front", json!({ "mizzen.dev/agent": "shop" }), "ai-agent")).await;
        let front = reference("component:default/front");
        assert!(bench.catalog.get(&front).await.unwrap().unwrap().last_seen.is_some());
        bench.catalog.delete(&front, &ann()).await.unwrap();
        assert_eq!(discovered(&bench).await, all, "{}", bench.name);
        let edges =
            bench.catalog.relations_of(&reference(&fourth), &Walk::new(1, Direction::Needs)).await.unwrap().edges;
        assert_eq!((edges.len(), edges[0].calls), (1, 2), "with all that was seen");
    }
}

#[tokio::test]
async fn an_agent_that_is_declared_by_the_name_that_it_was_found_under_keeps_what_was_seen() {
    for bench in benches(CatalogConfig::default()).await {
        let call = observation(SubjectKind::Agent, "Helm Agent", Some((SubjectKind::Model, "gpt")));
        bench.catalog.observe(std::slice::from_ref(&call)).await.unwrap();
        let name = discovered(&bench).await.remove(0);
        assert!(name.starts_with("component:default/helm-agent-"), "{name}");
        let helm = reference(&name);
        let calls = async || {
            let edges = bench.catalog.relations_of(&helm, &Walk::new(1, Direction::Needs)).await.unwrap().edges;
            edges.first().map(|edge| edge.calls)
        };
        // Without the annotation that names it in traffic; then changed; each time traffic goes on.
        for (round, annotations) in
            [json!({}), json!({ "x": "y" }), json!({ "mizzen.dev/agent": "Helm Agent" })].into_iter().enumerate()
        {
            apply(&bench, agent(helm.name(), annotations, "ai-agent")).await;
            bench.catalog.observe(std::slice::from_ref(&call)).await.unwrap();
            assert_eq!(discovered(&bench).await, ["resource:default/gpt"], "{}", bench.name);
            assert_eq!(calls().await, Some(4 + 2 * round as u64), "{}", bench.name);
        }
        // What says that it is another agent lets this one go, and nothing of it is lost.
        apply(&bench, agent(helm.name(), json!({ "mizzen.dev/agent": "other" }), "ai-agent")).await;
        let names = discovered(&bench).await;
        assert!(names[0].starts_with("component:default/helm-agent-") && names[0] != name, "{names:?}");
        let edges =
            bench.catalog.relations_of(&reference(&names[0]), &Walk::new(1, Direction::Needs)).await.unwrap().edges;
        assert_eq!(edges[0].calls, 8, "{}", bench.name);
    }
}

#[tokio::test]
async fn marks_of_other_planes_survive_an_apply() {
    for bench in benches(CatalogConfig::default()).await {
        apply(&bench, agent("shop", json!({}), "ai-agent")).await;
        let shop = reference("component:default/shop");
        bench.catalog.mark(&[(shop.clone(), "mizzen.level", Some("3".to_owned()))]).await.unwrap();
        assert_eq!(apply(&bench, agent("shop", json!({ "x": "y" }), "ai-agent")).await, Outcome::Updated);
        assert_eq!(bench.catalog.get(&shop).await.unwrap().unwrap().level, Some(3), "{}", bench.name);
        bench.catalog.mark(&[(shop.clone(), "mizzen.level", None)]).await.unwrap();
        assert_eq!(bench.catalog.get(&shop).await.unwrap().unwrap().level, None);
        for key in ["kind", "mizzen.state"] {
            assert!(bench.catalog.mark(&[(shop.clone(), key, None)]).await.is_err());
        }
    }
}
