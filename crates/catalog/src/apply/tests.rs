use serde_json::{Value, json};

use super::{ApplyOptions, Outcome};
use crate::config::CatalogConfig;
use crate::document::Document;
use crate::plane::CatalogError;
use crate::plane::tests::{ann, ben, benches, document};
use crate::query::Origin;
use crate::reference::EntityRef;
use crate::version::VersionState;

fn agent(version: &str, purpose: &str) -> Document {
    document(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": "Shop-Agent", "annotations": { "mizzen.dev/version": version } },
        "spec": { "type": "ai-agent", "lifecycle": "production", "owner": "shop", "agent": { "purpose": purpose } },
    }))
}

fn component(name: &str, spec: Value) -> Document {
    document(
        json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": name }, "spec": spec }),
    )
}

fn reference(text: &str) -> EntityRef {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_is_applied_is_there_and_applied_again_changes_nothing() {
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        let documents =
            || vec![component("shop", json!({ "type": "service", "owner": "team-a" })), agent("1", "sells")];
        let first = catalog.apply(documents(), &ann(), &ApplyOptions::default()).await.unwrap();
        let outcomes: Vec<_> = first.iter().map(|done| (done.outcome, done.state)).collect();
        let expected = [(Outcome::Created, None), (Outcome::Created, Some(VersionState::Pending))];
        assert_eq!(outcomes, expected, "{}", bench.name);
        let shop = catalog.get(&reference("component:default/SHOP")).await.unwrap().unwrap();
        assert_eq!(shop.relations[0].target_ref, reference("group:default/team-a"));
        assert_eq!((shop.origin, shop.dangling.len(), shop.version.is_none()), (Origin::Declared, 1, true));
        assert_eq!(catalog.by_uid(&shop.uid).await.unwrap().unwrap(), shop);

        let before = bench.control.audit().status().size;
        let again = catalog.apply(documents(), &ann(), &ApplyOptions::default()).await.unwrap();
        assert!(again.iter().all(|done| done.outcome == Outcome::Unchanged), "{again:?}");
        assert_eq!(bench.control.audit().status().size, before);

        let changed = vec![component("shop", json!({ "type": "website" }))];
        let changed = catalog.apply(changed, &ben(), &ApplyOptions::default()).await.unwrap();
        assert_eq!(changed[0].outcome, Outcome::Updated);
        let after = catalog.get(&reference("component:default/shop")).await.unwrap().unwrap();
        assert_eq!((after.entity.spec_type(), after.uid.as_str()), (Some("website"), shop.uid.as_str()));
        assert!(after.relations.is_empty() && after.etag != shop.etag && after.applied_by == "user:default/ben");
        assert_eq!(bench.control.audit().status().size, before + 1);
    }
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_keeps_nothing() {
    for bench in benches(CatalogConfig::default()).await {
        let options = ApplyOptions { dry_run: true, ..ApplyOptions::default() };
        let before = bench.control.audit().status().size;
        let done = bench.catalog.apply(vec![agent("1", "sells")], &ann(), &options).await.unwrap();
        assert_eq!((done[0].outcome, done[0].state), (Outcome::Created, Some(VersionState::Pending)), "{}", bench.name);
        assert!(bench.catalog.get(&reference("component:default/shop-agent")).await.unwrap().is_none());
        assert_eq!(bench.control.audit().status().size, before);
    }
}

#[tokio::test]
async fn an_approved_tag_never_gets_other_content() {
    for bench in benches(CatalogConfig::default()).await {
        let (catalog, agent_ref) = (&bench.catalog, reference("component:default/shop-agent"));
        let options = ApplyOptions::default();
        let first = catalog.apply(vec![agent("1", "sells")], &ann(), &options).await.unwrap();
        // Nobody has decided: the newest content is what waits.
        let second = catalog.apply(vec![agent("1", "sells more")], &ann(), &options).await.unwrap();
        assert_eq!((second[0].outcome, second[0].state), (Outcome::Updated, Some(VersionState::Pending)));
        let states: Vec<_> = catalog.versions(&agent_ref).await.unwrap().iter().map(|version| version.state).collect();
        assert!(states.contains(&VersionState::Draft) && states.contains(&VersionState::Pending), "{states:?}");

        catalog
            .decide(&agent_ref, second[0].digest.as_ref().unwrap().as_str(), VersionState::Approved, &ben(), None)
            .await
            .unwrap();
        let third = catalog.apply(vec![agent("1", "steals")], &ann(), &options).await.unwrap();
        assert_eq!(third[0].outcome, Outcome::Rejected, "{}", bench.name);
        let error = third[0].error.as_deref().unwrap();
        assert!(
            error.contains(second[0].digest.as_ref().unwrap().as_str()) && error.contains("another tag"),
            "{error}"
        );
        let kept = catalog.get(&agent_ref).await.unwrap().unwrap();
        assert_eq!(kept.version.unwrap().state, VersionState::Approved);
        // The content that was set aside cannot come back under the tag by another way either.
        catalog
            .decide(&agent_ref, first[0].digest.as_ref().unwrap().as_str(), VersionState::Pending, &ann(), None)
            .await
            .unwrap();
        let error = catalog
            .decide(&agent_ref, first[0].digest.as_ref().unwrap().as_str(), VersionState::Approved, &ben(), None)
            .await;
        assert!(matches!(error, Err(CatalogError::TagTaken { .. })), "{error:?}");

        let next = catalog.apply(vec![agent("2", "sells most")], &ann(), &options).await.unwrap();
        assert_eq!((next[0].outcome, next[0].state), (Outcome::Updated, Some(VersionState::Pending)));
        // Going back to what was approved needs no second review.
        let back = catalog.apply(vec![agent("1", "sells more")], &ann(), &options).await.unwrap();
        assert_eq!((back[0].outcome, back[0].state), (Outcome::Updated, Some(VersionState::Approved)));
        // Deleting forgets no decision.
        catalog.delete(&agent_ref, &ann()).await.unwrap();
        let anew = catalog.apply(vec![agent("1", "steals")], &ann(), &options).await.unwrap();
        assert_eq!(anew[0].outcome, Outcome::Rejected);
    }
}

#[tokio::test]
async fn drafts_wait_until_they_are_submitted() {
    for bench in benches(CatalogConfig::default()).await {
        let (catalog, agent_ref) = (&bench.catalog, reference("component:default/shop-agent"));
        let draft = ApplyOptions { draft: true, ..ApplyOptions::default() };
        let done = catalog.apply(vec![agent("1", "sells")], &ann(), &draft).await.unwrap();
        assert_eq!(done[0].state, Some(VersionState::Draft), "{}", bench.name);
        assert!(catalog.pending(None, 0, 10).await.unwrap().0.is_empty());
        let done = catalog.apply(vec![agent("1", "sells")], &ann(), &ApplyOptions::default()).await.unwrap();
        assert_eq!((done[0].outcome, done[0].state), (Outcome::Updated, Some(VersionState::Pending)));
        let (waiting, _) = catalog.pending(None, 0, 10).await.unwrap();
        assert_eq!((waiting.len(), &waiting[0].reference), (1, &agent_ref));
        let again = catalog.apply(vec![agent("1", "sells")], &ann(), &ApplyOptions::default()).await.unwrap();
        assert_eq!(again[0].outcome, Outcome::Unchanged);
    }
}

#[tokio::test]
async fn each_document_is_answered_for_itself() {
    for bench in benches(CatalogConfig::default()).await {
        let mut twin = component("twin", json!({ "type": "library" }));
        twin.line = 40;
        let huge = component("huge", json!({ "type": "x".repeat(super::DOCUMENT_BYTES_MAX) }));
        let many = component(
            "many",
            json!((0..6_000).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>()),
        );
        let documents =
            vec![component("twin", json!({ "type": "service" })), twin, huge, many, component("last", json!({}))];
        let done = bench.catalog.apply(documents, &ann(), &ApplyOptions::default()).await.unwrap();
        let outcomes: Vec<_> = done.iter().map(|done| done.outcome).collect();
        let rejected = Outcome::Rejected;
        assert_eq!(outcomes, [Outcome::Created, rejected, rejected, rejected, Outcome::Created], "{}", bench.name);
        assert!(done[1].error.as_deref().unwrap().contains("first at test.yaml:1"), "{done:?}");
        assert_eq!(done[1].line, 40);
    }
}

/// The log that does not take an entry stops the change it speaks of, and the answer says which documents are not there.
#[tokio::test]
async fn an_interrupted_apply_says_exactly_what_is_there_and_can_be_repeated() {
    for bench in benches(CatalogConfig::default()).await {
        let documents: Vec<_> = (0..1_000).map(|n| component(&format!("c{n}"), json!({ "type": "service" }))).collect();
        let (catalog, store, copy) = (bench.catalog.clone(), bench.test.store.clone(), documents.clone());
        let trigger = if store.is_postgres() {
            "CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''full''; END' LANGUAGE plpgsql;
             CREATE TRIGGER refuse BEFORE INSERT ON catalog_entities FOR EACH ROW WHEN (NEW.ref = 'component:default/c500')
                 EXECUTE FUNCTION refuse()"
        } else {
            "CREATE TRIGGER refuse BEFORE INSERT ON catalog_entities WHEN NEW.ref = 'component:default/c500'
             BEGIN SELECT RAISE(ABORT, 'full'); END"
        };
        sqlx::raw_sql(trigger).execute(store.pool()).await.unwrap();
        let done = catalog.apply(copy, &ann(), &ApplyOptions::default()).await.unwrap();
        let references: Vec<_> = documents.iter().map(|document| document.entity.reference()).collect();
        let there = catalog.by_refs(&references).await.unwrap();
        for (done, there) in done.iter().zip(&there) {
            assert_eq!(done.outcome == Outcome::Created, there.is_some(), "{}: {done:?}", bench.name);
        }
        let missing = there.iter().filter(|there| there.is_none()).count();
        assert_eq!(missing, super::GROUP, "the group of the document that failed");
        let drop = if store.is_postgres() { "DROP TRIGGER refuse ON catalog_entities" } else { "DROP TRIGGER refuse" };
        sqlx::raw_sql(drop).execute(store.pool()).await.unwrap();
        let again = catalog.apply(documents, &ann(), &ApplyOptions::default()).await.unwrap();
        let created = again.iter().filter(|done| done.outcome == Outcome::Created).count();
        let unchanged = again.iter().filter(|done| done.outcome == Outcome::Unchanged).count();
        assert_eq!((created, unchanged), (super::GROUP, 1_000 - super::GROUP));
    }
}
