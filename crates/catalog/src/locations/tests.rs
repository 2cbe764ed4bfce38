use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Location, LocationKind};
use crate::apply::ApplyOptions;
use crate::config::{CatalogConfig, LocationConfig};
use crate::ingestion::{ProblemKind, SourceHealth};
use crate::plane::tests::{Bench, ann, ben, benches, document, open};
use crate::plane::{Catalog, CatalogError};
use crate::query::{Predicate, Query};
use crate::reference::EntityRef;
use crate::version::VersionState;

fn component(name: &str, more: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  type: service\n  \
         lifecycle: production\n  owner: team-a\n{more}"
    )
}

fn config(folder: &Path) -> CatalogConfig {
    CatalogConfig { files: folder.to_owned(), refresh_seconds: 60, ..CatalogConfig::default() }
}

async fn add(catalog: &Catalog, target: &str) -> Location {
    let location = catalog.add_location(LocationKind::File, target, &ann()).await.unwrap();
    catalog.read_due().await.unwrap();
    location
}

async fn read_again(bench: &Bench) {
    bench.clock.advance(Duration::from_secs(61));
    assert!(bench.catalog.read_due().await.unwrap() > 0);
}

async fn health(catalog: &Catalog, location: &Location) -> SourceHealth {
    let found = catalog.ingestion().await.unwrap();
    found.sources.into_iter().find(|source| source.location.as_ref() == Some(location)).unwrap()
}

fn reference(text: &str) -> EntityRef {
    text.parse().unwrap()
}

async fn orphans(catalog: &Catalog) -> Vec<String> {
    let predicate = Predicate::Equals("mizzen.orphan".to_owned(), "true".to_owned());
    let page = catalog.query(&Query { predicate, ..Query::default() }).await.unwrap();
    page.items.iter().map(|item| item.reference.name().to_owned()).collect()
}

#[tokio::test]
async fn a_folder_is_read_again_and_what_it_holds_no_longer_is_an_orphan() {
    let folder = tempfile::tempdir().unwrap();
    for bench in benches(config(folder.path())).await {
        let catalog = &bench.catalog;
        std::fs::create_dir_all(folder.path().join("repo/sub")).unwrap();
        let (one, two) = (folder.path().join("repo/one.yaml"), folder.path().join("repo/sub/two.yml"));
        std::fs::write(&one, component("one", "")).unwrap();
        std::fs::write(&two, format!("{}---\nkind: [\n", component("two", "  dependsOn: [\"component:gone\"]\n")))
            .unwrap();
        std::fs::write(folder.path().join("repo/package.json"), "{ \"name\": \"x\" }").unwrap();
        let location = add(catalog, "repo").await;
        let source = health(catalog, &location).await;
        assert_eq!((source.sources, source.entities, source.failure), (2, 2, None), "{}", bench.name);
        let problem = &source.problems[0];
        assert_eq!((problem.kind, problem.problem.source.as_str()), (ProblemKind::Invalid, "repo/sub/two.yml"));
        assert!(problem.problem.line > 8, "{problem:?}");
        let found = catalog.ingestion().await.unwrap();
        assert_eq!((found.dangling_total, found.orphans_total), (3, 0), "{:?}", found.dangling);
        let dangling = found.dangling.iter().find(|dangling| dangling.kind == "dependsOn").unwrap();
        assert_eq!((dangling.to.clone(), dangling.line), (reference("component:default/gone"), 1));

        // Something in it cannot be read, so nothing is known to be gone.
        std::fs::remove_file(&one).unwrap();
        read_again(&bench).await;
        assert!(orphans(catalog).await.is_empty());
        std::fs::write(&two, component("two", "")).unwrap();
        read_again(&bench).await;
        assert_eq!(orphans(catalog).await, ["one"], "{}", bench.name);
        let orphan = catalog.get(&reference("component:default/one")).await.unwrap().unwrap();
        assert_eq!(orphan.document()["metadata"]["annotations"]["backstage.io/orphan"], "true");
        assert_eq!(orphan.origin_location.as_deref(), Some("file:repo"));
        // It is back.
        std::fs::write(&one, component("one", "")).unwrap();
        read_again(&bench).await;
        assert!(orphans(catalog).await.is_empty());
        catalog.remove_location(&location.id, &ann()).await.unwrap();
        assert_eq!(orphans(catalog).await.len(), 2);
        assert!(catalog.locations().await.unwrap().is_empty());
        std::fs::remove_dir_all(folder.path().join("repo")).unwrap();
    }
}

#[tokio::test]
async fn of_two_sources_the_first_keeps_the_entity_and_the_second_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), component("shop", "")).unwrap();
    std::fs::write(folder.path().join("b.yaml"), component("Shop", "  system: other\n")).unwrap();
    for bench in benches(config(folder.path())).await {
        let catalog = &bench.catalog;
        let first = add(catalog, "a.yaml").await;
        let second = add(catalog, "b.yaml").await;
        let problem = health(catalog, &second).await.problems.remove(0);
        assert_eq!(problem.kind, ProblemKind::Duplicate, "{}", bench.name);
        assert!(problem.problem.message.contains("a.yaml:1"), "{problem:?}");
        assert_eq!(problem.reference, Some(reference("component:default/shop")));
        let kept = catalog.get(&reference("component:default/shop")).await.unwrap().unwrap();
        assert_eq!(kept.location.as_deref(), Some("file:a.yaml"));
        let key = "metadata.annotations.backstage.io/managed-by-origin-location".to_owned();
        let predicate = Predicate::Equals(key, "file:a.yaml".to_owned());
        assert_eq!(catalog.count(&predicate, None).await.unwrap(), 1);
        assert!(kept.status_items.iter().any(|item| item.message.starts_with("b.yaml:1:")), "{:?}", kept.status_items);
        // By hand it is refused as well: the next reading would undo it.
        let by_hand = serde_json::json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component",
            "metadata": { "name": "shop" }, "spec": { "type": "x", "owner": "y", "lifecycle": "z" } });
        let done = catalog.apply(vec![document(by_hand)], &ann(), &ApplyOptions::default()).await.unwrap();
        assert!(done[0].is_duplicate && done[0].error.is_some(), "{done:?}");
        // Once the first lets go, the second has it.
        catalog.remove_location(&first.id, &ann()).await.unwrap();
        read_again(&bench).await;
        let kept = catalog.get(&reference("component:default/shop")).await.unwrap().unwrap();
        assert_eq!((kept.location.as_deref(), kept.is_orphan), (Some("file:b.yaml"), false));
        assert!(health(catalog, &second).await.problems.is_empty());
    }
}

#[tokio::test]
async fn nothing_outside_the_configured_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("in");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret.yaml"), component("secret", "")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.yaml"), inside.join("link.yaml")).unwrap();
    let leads_out = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: all\nspec:\n  targets: [../secret.yaml, link.yaml]\n";
    std::fs::write(inside.join("all.yaml"), leads_out).unwrap();
    for bench in benches(config(&inside)).await {
        let catalog = &bench.catalog;
        for target in ["../secret.yaml", "link.yaml", "/etc/passwd", "none.yaml"] {
            let location = add(catalog, target).await;
            let source = health(catalog, &location).await;
            assert!(source.failure.is_some() && source.entities == 0, "{target}: {source:?}");
        }
        let location = add(catalog, "all.yaml").await;
        assert_eq!(health(catalog, &location).await.problems.len(), 2, "{}", bench.name);
        assert!(catalog.get(&reference("component:default/secret")).await.unwrap().is_none());
        let none = open(&bench.test, &bench.control, &bench.clock, CatalogConfig::default()).await;
        let refused = none.add_location(LocationKind::File, "x.yaml", &ann()).await;
        assert!(matches!(refused, Err(CatalogError::Invalid { field: "target", .. })), "{refused:?}");
    }
}

type Answers = Arc<Mutex<Vec<(&'static str, String)>>>;

/// Somebody else's server: answers each path with what is kept for it.
#[allow(clippy::disallowed_methods, reason = "somebody else's server ends with the test")]
async fn server(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::task::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::task::spawn(async move {
                let mut buffer = [0; 4096];
                let read = connection.read(&mut buffer).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let found =
                    answers.lock().unwrap().iter().find(|(known, _)| *known == path).map(|(_, text)| text.clone());
                let (status, text) = match found {
                    Some(text) => ("200 OK", text),
                    None => ("404 Not Found", String::new()),
                };
                let length = text.len();
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}");
                connection.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    address
}

#[tokio::test]
async fn addresses_are_read_within_limits_and_lead_to_their_own_host_only() {
    let all = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: all\nspec:\n  targets:\n    - ./shop.yaml\n    \
               - http://localhost:1/steal.yaml\n    - missing.yaml\n    - http://127.0.0.1:1/port.yaml\n    \
               - https://127.0.0.1/scheme.yaml\n";
    let answers: Answers =
        Arc::new(Mutex::new(vec![("/repo/all.yaml", all.to_owned()), ("/repo/shop.yaml", component("shop", ""))]));
    let address = server(Arc::clone(&answers)).await;
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        for wrong in ["ftp://x/y", "x.yaml", "http://user:secret@x/y", "http:///y", ""] {
            let refused = catalog.add_location(LocationKind::Url, wrong, &ann()).await;
            assert!(matches!(refused, Err(CatalogError::Invalid { field: "target", .. })), "{wrong}: {refused:?}");
        }
        let target = format!("{address}/repo/all.yaml");
        let tried = catalog.try_location(LocationKind::Url, &target).await.unwrap();
        assert_eq!((tried.documents.len(), tried.problems.len()), (2, 4), "{tried:?}");
        assert!(catalog.get(&reference("component:default/shop")).await.unwrap().is_none(), "nothing was kept");
        let location = catalog.add_location(LocationKind::Url, &target, &ann()).await.unwrap();
        let twice = catalog.add_location(LocationKind::Url, &target, &ann()).await;
        assert!(matches!(twice, Err(CatalogError::Conflict(_))), "{twice:?}");
        catalog.read_due().await.unwrap();
        let source = health(catalog, &location).await;
        let messages: Vec<_> = source.problems.iter().map(|problem| problem.problem.message.clone()).collect();
        let refused = |known: &str| messages.iter().filter(|message| message.contains(known)).count();
        assert_eq!(
            (refused("`localhost` to `url_hosts`"), refused("`127.0.0.1` to `url_hosts`")),
            (1, 2),
            "{messages:?}"
        );
        assert_eq!(refused("404"), 1, "{messages:?}");
        assert_eq!(source.entities, 2, "{}", bench.name);
        assert_eq!(catalog.location_of(&reference("component:default/shop")).await.unwrap(), Some(location.clone()));

        let gone = catalog.add_location(LocationKind::Url, &format!("{address}/none"), &ann()).await.unwrap();
        answers.lock().unwrap().push(("/huge", "x".repeat(super::fetch::TEXT_BYTES_MAX + 1)));
        let huge = catalog.add_location(LocationKind::Url, &format!("{address}/huge"), &ann()).await.unwrap();
        catalog.read_due().await.unwrap();
        assert_eq!(health(catalog, &gone).await.failure.as_deref(), Some("it answers with status 404"));
        assert!(health(catalog, &huge).await.failure.unwrap().contains("more than"));
    }
}

#[tokio::test]
async fn configured_locations_come_and_go_with_the_configuration_and_nodes_share_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), component("shop", "")).unwrap();
    let location = LocationConfig { kind: "file".to_owned(), target: "a.yaml".to_owned() };
    let with = CatalogConfig { location: vec![location], ..config(folder.path()) };
    for bench in benches(with.clone()).await {
        let other = open(&bench.test, &bench.control, &bench.clock, with.clone()).await;
        let read = futures::future::join(bench.catalog.read_due(), other.read_due()).await;
        assert_eq!(read.0.unwrap() + read.1.unwrap(), 1, "{}", bench.name);
        let location = bench.catalog.locations().await.unwrap().remove(0);
        let refused = bench.catalog.remove_location(&location.id, &ann()).await;
        assert!(location.is_configured && matches!(refused, Err(CatalogError::Conflict(_))), "{refused:?}");
        let without = open(&bench.test, &bench.control, &bench.clock, config(folder.path())).await;
        without.refresh_entity(&reference("component:default/shop")).await.unwrap();
        assert_eq!(without.read_due().await.unwrap(), 1, "it was asked to be read again");
        without.remove_location(&location.id, &ann()).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_location_holds_goes_nowhere_when_it_was_removed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), component("shop", "")).unwrap();
    for bench in benches(config(folder.path())).await {
        let catalog = &bench.catalog;
        let location = catalog.add_location(LocationKind::File, "a.yaml", &ann()).await.unwrap();
        catalog.remove_location(&location.id, &ann()).await.unwrap();
        // As a reader goes on that took its turn before.
        catalog.read_location(&location).await.unwrap();
        let shop = reference("component:default/shop");
        assert!(catalog.get(&shop).await.unwrap().is_none(), "{}: nobody could take it over", bench.name);
        assert!(catalog.ingestion().await.unwrap().sources.iter().all(|source| source.location.is_none()));
        let again = add(catalog, "./a.yaml").await;
        assert_eq!(catalog.location_of(&shop).await.unwrap(), Some(again), "{}", bench.name);
    }
}

#[tokio::test]
async fn a_location_that_cannot_be_read_takes_no_turn_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), component("shop", "")).unwrap();
    for bench in benches(config(folder.path())).await {
        let catalog = &bench.catalog;
        let damaged = catalog.add_location(LocationKind::File, "damaged.yaml", &ann()).await.unwrap();
        catalog.add_location(LocationKind::File, "a.yaml", &ann()).await.unwrap();
        let damage = "UPDATE catalog_locations SET kind = 'tape', due_at = -1 WHERE location_id = $1";
        sqlx::query(damage).bind(damaged.id).execute(bench.test.store.pool()).await.unwrap();
        assert_eq!(catalog.read_due().await.unwrap(), 1, "{}", bench.name);
        assert!(catalog.get(&reference("component:default/shop")).await.unwrap().is_some());
        assert_eq!(catalog.read_due().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn one_reading_has_a_bound_of_bytes_and_of_documents() {
    let folder = tempfile::tempdir().unwrap();
    let large = format!("{}# {}\n", component("large", ""), "x".repeat(super::fetch::TEXT_BYTES_MAX - 1_000));
    for number in 0..10 {
        std::fs::write(folder.path().join(format!("{number}.yaml")), &large).unwrap();
    }
    let all = super::fetch::files(folder.path(), ".", 64 << 20).unwrap();
    let (read, left_out): (Vec<_>, Vec<_>) = all.iter().partition(|(_, text)| text.is_ok());
    assert_eq!((read.len(), left_out.len()), (8, 2));
    assert!(left_out[1].1.as_ref().unwrap_err().contains("more than"), "{left_out:?}");
    let spent = super::fetch::files(folder.path(), "0.yaml", 0).unwrap();
    assert!(spent[0].1.as_ref().unwrap_err().contains("split it"), "{spent:?}");

    let documents: String = (0..=crate::apply::DOCUMENTS_MAX)
        .map(|number| format!("---\n{}", component(&format!("c{number}"), "")))
        .collect();
    std::fs::write(folder.path().join("many.yml"), documents).unwrap();
    for bench in benches(config(folder.path())).await.into_iter().take(1) {
        let tried = bench.catalog.try_location(LocationKind::File, "many.yml").await.unwrap();
        assert_eq!(tried.documents.len(), crate::apply::DOCUMENTS_MAX, "what is more is never applied");
        assert!(tried.problems.iter().any(|(_, problem, _)| problem.message.contains("documents")));
    }
}

#[tokio::test]
async fn what_a_template_makes_others_of_is_no_manifest_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let template = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: { name: own }\nspec:\n  type: service\n  \
                    owner: shop\n  steps:\n    - { action: 'fetch:template', input: { url: ./skeleton } }\n    \
                    - { action: 'fetch:plain:file', input: { url: ./catalog-info.yaml } }\n";
    let skeleton = format!("{}# {}\n", component("${{ values.name }}", ""), "x".repeat(10_000));
    for (name, text) in [
        ("agent/catalog-info.yaml", skeleton.clone()),
        ("agent/skeleton/catalog-info.yaml", skeleton),
        ("agent/template.yaml", template.to_owned()),
        ("other/skeleton/shop.yaml", component("shop", "")),
        ("z.yaml", component("last", "")),
    ] {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    // Enough for all but the skeleton, which is not read.
    let texts = super::fetch::files(folder.path(), ".", 12_000).unwrap();
    let names: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), text.is_ok())).collect();
    let expected = ["agent/template.yaml", "other/skeleton/shop.yaml", "z.yaml"].map(|name| (name, true));
    assert_eq!(names, expected);
    for bench in benches(config(folder.path())).await {
        let location = add(&bench.catalog, ".").await;
        bench.catalog.read_due().await.unwrap();
        let source = health(&bench.catalog, &location).await;
        assert!(source.problems.is_empty(), "{}: {:?}", bench.name, source.problems);
        let shop = bench.catalog.get(&reference("component:default/shop")).await.unwrap();
        assert!(shop.is_some(), "{}: only beside the template is it a skeleton", bench.name);
    }
}

#[tokio::test]
async fn a_document_at_an_address_may_name_what_its_own_site_has() {
    let api = |name: &str, target: &str| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {{ name: {name} }}\nspec:\n  type: openapi\n  lifecycle: production\n  \
             owner: shop\n  definition:\n    $text: {target}\n"
        )
    };
    let text = [
        api("orders", "../openapi.yaml"),
        api("gone", "./missing.yaml"),
        api("steal", "http://localhost:1/steal.yaml"),
    ];
    let answers: Answers = Arc::new(Mutex::new(vec![
        ("/repo/api/all.yaml", text.join("---\n")),
        ("/repo/openapi.yaml", "openapi: 3.1.0\n".to_owned()),
    ]));
    let address = server(Arc::clone(&answers)).await;
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        let target = format!("{address}/repo/api/all.yaml");
        let location = catalog.add_location(LocationKind::Url, &target, &ann()).await.unwrap();
        catalog.read_due().await.unwrap();
        let kept = catalog.get(&reference("api:default/orders")).await.unwrap().unwrap();
        assert_eq!(kept.entity.text(&["spec", "definition"]), Some("openapi: 3.1.0\n"), "{}", bench.name);
        let problems = health(catalog, &location).await.problems;
        let told: Vec<_> = problems.iter().map(|problem| (problem.problem.line, &*problem.problem.message)).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].0 == 19 && told[0].1.contains("status 404"), "{told:?}");
        assert!(told[1].0 == 29 && told[1].1.contains("leads to another host, port or scheme"), "{told:?}");
    }
}

#[tokio::test]
async fn who_added_a_location_does_not_approve_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let text = component("shop", "").replace("type: service", "type: ai-agent");
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let four_eyes = CatalogConfig { four_eyes: true, ..config(folder.path()) };
    for bench in benches(four_eyes).await {
        let location = add(&bench.catalog, "a.yaml").await;
        let shop = reference("component:default/shop");
        let version = bench.catalog.versions(&shop).await.unwrap().remove(0);
        let made_by = &version.history[0].by;
        assert_eq!(*made_by, format!("location:{} (added by {})", location.reference(), ann().reference));
        // Also when the location is gone.
        bench.catalog.remove_location(&location.id, &ann()).await.unwrap();
        let refused = bench.catalog.decide(&shop, &version.tag, VersionState::Approved, &ann(), None).await;
        assert!(matches!(refused, Err(CatalogError::FourEyes { .. })), "{}: {refused:?}", bench.name);
        let approved = bench.catalog.decide(&shop, &version.tag, VersionState::Approved, &ben(), None).await;
        assert_eq!(approved.unwrap().state, VersionState::Approved, "{}", bench.name);
    }
}

#[tokio::test]
async fn what_nobody_owns_is_no_problem_of_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let text = component("shop", "").replace("owner: team-a", "owner: unowned");
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    for bench in benches(config(folder.path())).await {
        add(&bench.catalog, "a.yaml").await;
        let found = bench.catalog.ingestion().await.unwrap();
        assert_eq!((found.dangling_total, found.dangling), (0, Vec::new()), "{}", bench.name);
        let predicate = Predicate::Exists("mizzen.problems".to_owned());
        let page = bench.catalog.query(&Query { predicate, ..Query::default() }).await.unwrap();
        assert!(page.items.is_empty(), "{}: {:?}", bench.name, page.items);
    }
}
