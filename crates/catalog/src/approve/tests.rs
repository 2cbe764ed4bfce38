use std::time::Duration;

use mizzen_runtime::task::TaskGroup;
use serde_json::json;

use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::document::Document;
use crate::plane::tests::{Bench, ann, ben, benches, document, open};
use crate::plane::{Actor, CatalogError};
use crate::reference::EntityRef;
use crate::version::VersionState::{self, Approved, Deprecated, Pending, Rejected, Retired};

fn model(tag: &str, owner: &str) -> Document {
    document(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Resource",
        "metadata": { "name": "gpt", "annotations": { "mizzen.dev/version": tag, "mizzen.dev/model": "GPT-4o" } },
        "spec": { "type": "ai-model", "owner": owner },
    }))
}

fn gpt() -> EntityRef {
    "resource:default/gpt".parse().unwrap()
}

async fn applied(bench: &Bench, tag: &str) {
    bench.catalog.apply(vec![model(tag, "a")], &ann(), &ApplyOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_version_goes_its_way_and_everybody_is_told() {
    for bench in benches(CatalogConfig::default()).await {
        applied(&bench, "1").await;
        let (catalog, entries) = (&bench.catalog, bench.control.audit().status().size);
        let approvals = catalog.approved();
        let digest = catalog.version(&gpt(), "1").await.unwrap().unwrap().digest;
        assert_eq!(approvals.borrow().get(&gpt()).unwrap().state(&digest), Some(Pending), "{}", bench.name);
        assert!(matches!(
            catalog.decide(&gpt(), "1", Rejected, &ben(), Some(" ")).await,
            Err(CatalogError::ReasonMissing)
        ));
        let version = catalog.decide(&gpt(), "1", Approved, &ben(), Some("looks right")).await.unwrap();
        assert_eq!((version.state, version.history.len()), (Approved, 2));
        assert_eq!(version.history[1].reason.as_deref(), Some("looks right"));
        assert_eq!(approvals.borrow().get(&gpt()).unwrap().usable().count(), 1);
        assert_eq!(catalog.get(&gpt()).await.unwrap().unwrap().version.unwrap().state, Approved);

        for state in [Deprecated, Approved, Retired] {
            let done = catalog.decide(&gpt(), digest.as_str(), state, &ben(), None).await;
            assert_eq!(done.unwrap().state, state);
        }
        assert_eq!(approvals.borrow().get(&gpt()).unwrap().usable().count(), 0);
        let again = catalog.decide(&gpt(), "1", Approved, &ben(), None).await;
        assert!(matches!(again, Err(CatalogError::Transition { .. })), "{again:?}");
        let no_such = catalog.decide(&gpt(), "9", Approved, &ben(), None).await.unwrap_err().to_string();
        assert_eq!(no_such, "`resource:default/gpt` has no version `9`; it has `1` (retired)");
        let nowhere = catalog.decide(&"api:default/x".parse().unwrap(), "9", Approved, &ben(), None).await;
        assert!(matches!(nowhere, Err(CatalogError::NotFound { what: "entity", .. })), "{nowhere:?}");
        assert_eq!(bench.control.audit().status().size, entries + 4);
        catalog.delete(&gpt(), &ann()).await.unwrap();
        assert!(approvals.borrow().get(&gpt()).is_none());
    }
}

/// The node that made the change is gone before it could say so to this one.
#[tokio::test]
async fn what_was_not_published_with_its_change_is_published_soon_after_on_each_database() {
    for bench in benches(CatalogConfig::default()).await {
        applied(&bench, "1").await;
        bench.catalog.decide(&gpt(), "1", Approved, &ben(), None).await.unwrap();
        let mut approvals = bench.catalog.approved();
        approvals.mark_unchanged();
        let other = open(&bench.test, &bench.control, &bench.clock, CatalogConfig::default()).await;
        other.decide(&gpt(), "1", Retired, &ben(), None).await.unwrap();
        let tasks = TaskGroup::new();
        bench.catalog.start(&tasks);
        let published = tokio::time::timeout(Duration::from_secs(30), approvals.changed()).await;
        published.unwrap_or_else(|_| panic!("{}: the version is still in force", bench.name)).unwrap();
        assert_eq!(*approvals.borrow(), *other.approved().borrow());
        tasks.drain(Duration::from_secs(10)).await;
    }
}

#[tokio::test]
async fn four_eyes_are_two_people() {
    let config = CatalogConfig { four_eyes: true, ..CatalogConfig::default() };
    for bench in benches(config).await {
        applied(&bench, "1").await;
        let refused = bench.catalog.decide(&gpt(), "1", Approved, &ann(), None).await;
        assert!(matches!(refused, Err(CatalogError::FourEyes { .. })), "{}: {refused:?}", bench.name);
        bench.catalog.decide(&gpt(), "1", Rejected, &ben(), Some("no card")).await.unwrap();
        bench.catalog.decide(&gpt(), "1", Pending, &ben(), None).await.unwrap();
        let refused = bench.catalog.decide(&gpt(), "1", Approved, &ben(), None).await;
        assert!(matches!(refused, Err(CatalogError::FourEyes { .. })), "who submits has asked for it: {refused:?}");
        for maker in [ann(), ben()] {
            bench.catalog.decide(&gpt(), "1", Rejected, &maker, Some("not yet")).await.unwrap();
            bench.catalog.decide(&gpt(), "1", Pending, &ben(), None).await.unwrap();
        }
        let third = Actor::person("cy", mizzen_model::permission::Role::Approver);
        assert_eq!(bench.catalog.decide(&gpt(), "1", Approved, &third, None).await.unwrap().state, Approved);
    }
}

/// More versions than one list gives, all of them newer.
#[tokio::test]
async fn a_version_is_found_however_many_came_after_it() {
    for bench in benches(CatalogConfig::default()).await {
        applied(&bench, "1").await;
        let first = bench.catalog.decide(&gpt(), "1", Approved, &ben(), None).await.unwrap();
        let more = "INSERT INTO catalog_versions (ref, digest, tag, state, is_fixed, steps, document, body, agent_digest, agent,
                created_at, changed_at)
            WITH RECURSIVE more(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM more WHERE i < 1001)
            SELECT ref, substr(digest, 1, 67) || (1000 + i), CASE WHEN i < 3 THEN '1' ELSE 'x' || i END, 'draft', 0, 1, document,
                body, agent_digest, agent, created_at, changed_at + i FROM catalog_versions, more";
        sqlx::query(more).execute(bench.test.store.pool()).await.unwrap();
        let version = async |name: &str| bench.catalog.version(&gpt(), name).await.unwrap();
        let found = version("1").await.unwrap();
        assert_eq!(
            (&found.digest, found.history.len()),
            (&first.digest, 2),
            "{}: what was approved has it",
            bench.name
        );
        assert_eq!(version(first.digest.as_str()).await.unwrap(), first);
        assert_eq!(version("x1001").await.unwrap().state, VersionState::Draft);
        assert!(version("x1").await.is_none() && version(gpt().name()).await.is_none());
    }
}

#[tokio::test]
async fn who_waits_longest_comes_first_and_the_rest_in_parts() {
    let config = CatalogConfig { four_eyes: true, ..CatalogConfig::default() };
    for bench in benches(config).await {
        for tag in ["1", "2", "3"] {
            applied(&bench, tag).await;
            bench.clock.advance(Duration::from_secs(1));
        }
        let other: EntityRef = "component:default/helm".parse().unwrap();
        described(&bench, agent("helm", "9", "helm", "red"), false).await;
        bench.catalog.decide(&other, "9", Pending, &ben(), None).await.unwrap();
        let tags = async |of, from, limit| {
            let (versions, total) = bench.catalog.pending(of, from, limit).await.unwrap();
            let tags: Vec<_> = versions.iter().map(|version| version.tag.clone()).collect();
            (tags.join(" "), total)
        };
        assert_eq!(tags(None, 0, 2).await, ("1 2".to_owned(), 4), "{}", bench.name);
        assert_eq!(tags(None, 2, 2).await, ("3 9".to_owned(), 4));
        assert_eq!(tags(Some(&gpt()), 1, 9).await, ("2 3".to_owned(), 3));
        let (waiting, _) = bench.catalog.pending(Some(&other), 0, 1).await.unwrap();
        assert_eq!(waiting[0].history.len(), 2, "{:?}", waiting[0].history);
        for (who, must_wait) in [(ann(), true), (ben(), true), (Actor::system("user:default/cy"), false)] {
            assert_eq!(bench.catalog.needs_other_eyes(&waiting[0], &who.reference), must_wait, "{who:?}");
        }
    }
}

/// Twenty people decide about one version at once, half of them in favour, on two nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_decide_at_once_one_does() {
    for bench in benches(CatalogConfig::default()).await {
        applied(&bench, "1").await;
        let entries = bench.control.audit().status().size;
        let other_node = open(&bench.test, &bench.control, &bench.clock, CatalogConfig::default()).await;
        let decide = |number: usize| {
            let catalog = if number.is_multiple_of(3) { other_node.clone() } else { bench.catalog.clone() };
            async move {
                let by = Actor::person(&format!("p{number}"), mizzen_model::permission::Role::Approver);
                match number % 2 {
                    0 => catalog.decide(&gpt(), "1", Approved, &by, None).await,
                    _ => catalog.decide(&gpt(), "1", Rejected, &by, Some("no")).await,
                }
            }
        };
        let done = futures::future::join_all((0..20).map(decide)).await;
        let won: Vec<_> = done.iter().flatten().collect();
        assert_eq!(won.len(), 1, "{}: {done:?}", bench.name);
        let winner = won[0].history.last().unwrap().by.clone();
        for lost in done.iter().filter_map(|done| done.as_ref().err()) {
            assert!(matches!(lost, CatalogError::Decided { by, .. } if *by == winner), "{lost}");
        }
        let version = bench.catalog.version(&gpt(), "1").await.unwrap().unwrap();
        assert_eq!((version.history.len(), version.state), (2, won[0].state));
        assert!(matches!(version.state, Approved | Rejected));
        assert_eq!(bench.control.audit().status().size, entries + 1, "only what was done is written down");
        other_node.refresh().await.unwrap();
        bench.catalog.refresh().await.unwrap();
        let (here, there) = (bench.catalog.approved(), other_node.approved());
        assert_eq!(*here.borrow(), *there.borrow());
    }
}

/// Two contents under one tag, both approved at the same moment from two nodes: the tag names one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_of_two_approvals_of_one_tag_leaves_one() {
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        for round in 0..10 {
            let tag = format!("r{round}");
            let mut digests = Vec::new();
            for owner in ["a", "b"] {
                let done = catalog.apply(vec![model(&tag, owner)], &ann(), &ApplyOptions::default()).await.unwrap();
                digests.extend(done[0].digest.clone());
            }
            catalog.decide(&gpt(), digests[0].as_str(), Pending, &ann(), None).await.unwrap();
            let approve = |place: usize| {
                let (catalog, digest) = (catalog.clone(), digests[place].clone());
                async move { catalog.decide(&gpt(), digest.as_str(), Approved, &ben(), None).await }
            };
            let (one, other) = futures::future::join(approve(0), approve(1)).await;
            assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{}: {one:?} {other:?}", bench.name);
            let versions = catalog.versions(&gpt()).await.unwrap();
            let approved = versions.iter().filter(|version| version.tag == tag && version.state == Approved).count();
            assert_eq!(approved, 1);
        }
    }
}

/// An agent that traffic calls `agent`, about the image whose digest is made of `image`.
fn agent(name: &str, tag: &str, agent: &str, image: &str) -> Document {
    document(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name, "annotations": { "mizzen.dev/version": tag, "mizzen.dev/agent": agent } },
        "spec": { "type": "ai-agent", "owner": "a", "lifecycle": "production",
            "agent": { "digest": mizzen_model::id::Digest::of(image.as_bytes()).as_str() } },
    }))
}

/// Applies it, and approves it where that is asked for.
async fn described(bench: &Bench, document: Document, is_approved: bool) {
    let (reference, draft) = (document.entity.reference(), !is_approved);
    let options = ApplyOptions { draft, ..ApplyOptions::default() };
    let done = bench.catalog.apply(vec![document], &ann(), &options).await.unwrap().remove(0);
    assert_eq!(done.error, None);
    if is_approved {
        let digest = done.digest.unwrap();
        bench.catalog.decide(&reference, digest.as_str(), Approved, &ben(), None).await.unwrap();
    }
}

/// In force: each agent with an image, of those named, and the state of the version that has it.
fn images(bench: &Bench, images: &[&str]) -> Vec<String> {
    let approved = bench.catalog.approved().borrow().clone();
    let name = |digest: &mizzen_model::id::Digest| {
        images.iter().find(|image| mizzen_model::id::Digest::of(image.as_bytes()) == *digest)
    };
    let found = approved
        .agent_digests()
        .filter_map(|(agent, digest, version)| name(digest).map(|image| format!("{agent} {image} {}", version.state)));
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_nobody_reviewed_changes_not_whose_approvals_count() {
    for bench in benches(CatalogConfig::default()).await {
        described(&bench, agent("helm", "1", "Helm", "red"), true).await;
        described(&bench, agent("payer", "1", "payer", "blue"), true).await;
        let before = ["helm red approved", "payer blue approved"];
        assert_eq!(images(&bench, &["red", "blue"]), before, "{}", bench.name);
        let own = bench.catalog.version(&"component:default/helm".parse().unwrap(), "1").await.unwrap().unwrap().digest;
        let snapshot = bench.catalog.approved().borrow().clone();
        assert!(snapshot.agent_digests().any(|(agent, digest, _)| (agent, digest) == ("helm", &own)), "its own digest");

        // A draft says that it is the other agent: its image is not that agent's, nor does any agent lose one.
        described(&bench, agent("helm", "2", "payer", "red"), false).await;
        assert_eq!(images(&bench, &["red", "blue"]), before, "{}", bench.name);
        let snapshot = bench.catalog.approved().borrow().clone();
        let name = |agent: &str| snapshot.of_agent(agent).unwrap().0.name().to_owned();
        assert_eq!((name("HELM"), name("payer")), ("helm".to_owned(), "payer".to_owned()));
    }
}

#[tokio::test]
async fn of_several_who_describe_an_agent_the_oldest_with_an_approval_counts() {
    for bench in benches(CatalogConfig::default()).await {
        described(&bench, agent("first", "1", "helm", "red"), false).await;
        described(&bench, agent("second", "1", "helm", "blue"), true).await;
        assert_eq!(images(&bench, &["red", "blue"]), ["helm blue approved"], "{}", bench.name);
        described(&bench, agent("third", "1", "helm", "blue"), false).await;
        described(&bench, agent("fourth", "1", "helm", "green"), true).await;
        assert_eq!(images(&bench, &["red", "blue", "green"]), ["helm blue approved"], "{}", bench.name);
        let second = "component:default/second".parse().unwrap();
        bench.catalog.decide(&second, "1", Retired, &ben(), None).await.unwrap();
        assert_eq!(images(&bench, &["red", "blue", "green"]), ["helm green approved"], "the next one has it");
    }
}

/// As a database is that was written before versions had their agent beside them.
#[tokio::test]
async fn versions_that_are_there_already_get_their_agent() {
    for bench in benches(CatalogConfig::default()).await {
        described(&bench, agent("helm", "1", "Helm", "red"), true).await;
        applied(&bench, "1").await;
        let forget = "UPDATE catalog_versions SET agent = NULL";
        sqlx::query(forget).execute(bench.test.store.pool()).await.unwrap();
        bench.catalog.publish().await.unwrap();
        assert!(images(&bench, &["red"]).is_empty(), "{}", bench.name);
        open(&bench.test, &bench.control, &bench.clock, CatalogConfig::default()).await;
        bench.catalog.publish().await.unwrap();
        assert_eq!(images(&bench, &["red"]), ["helm red approved"], "{}", bench.name);
        let left = "SELECT COUNT(*) FROM catalog_versions WHERE agent IS NULL";
        let left = sqlx::query_scalar::<_, i64>(left).fetch_one(bench.test.store.pool()).await.unwrap();
        assert_eq!(left, 0);
    }
}
