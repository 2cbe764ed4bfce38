//! Golden paths and documentation over HTTP.

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use http::StatusCode;
use mizzen_catalog::apply::ApplyOptions;
use mizzen_catalog::config::CatalogConfig;
use mizzen_catalog::document;
use mizzen_catalog::plane::Actor;
use mizzen_catalog::template::effects::{Done, EffectError, Effects, Plan, Wanted};
use mizzen_catalog::version::VersionState;
use mizzen_catalog::{Catalog, EntityRef};
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use mizzen_portal::PortalConfig;
use serde_json::{Value, json};

use crate::support::{Portal, catalog_with, code_of, json_of};

/// What templates want of the catalog is done, everything else is only planned.
#[derive(Debug)]
pub(crate) struct CatalogOnly(pub(crate) Catalog);

impl CatalogOnly {
    fn documents(wanted: &Wanted) -> Vec<document::Document> {
        match wanted {
            Wanted::Entities { source, text } => {
                document::read(source, text).into_iter().map(|read| read.valid().unwrap()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Effects for CatalogOnly {
    fn plan<'a>(&'a self, _: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>> {
        let entities = Self::documents(wanted).iter().map(|document| document.entity.reference()).collect();
        ready(Ok(Plan { summary: format!("{:?}", wanted.kind()), entities, left: None })).boxed()
    }

    fn perform<'a>(&'a self, by: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>> {
        async move {
            let documents = Self::documents(wanted);
            let entities = documents.iter().map(|document| document.entity.reference()).collect();
            let applied = self.0.apply(documents, by, &ApplyOptions::default()).await.map_err(EffectError::new)?;
            assert!(applied.iter().all(|applied| applied.error.is_none()), "{applied:?}");
            Ok(Done { entities, ..Done::default() })
        }
        .boxed()
    }

    fn newest_run<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>> {
        ready(Ok(None)).boxed()
    }

    fn level<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>> {
        ready(Err(EffectError::new("no scorecards here"))).boxed()
    }

    fn agent<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>> {
        ready(Ok(None)).boxed()
    }

    fn entity<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>> {
        ready(Ok(None)).boxed()
    }
}

const TEMPLATE: &str = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: own}\n\
    spec: {type: service, owner: platform, steps: [{id: log, action: 'debug:log', input: {message: hello}}]}\n";

const AGENT: &str = "/api/v1/catalog/templates/default/agent-tool-using";

fn answers() -> Value {
    json!({ "values": { "name": "helper", "owner": "platform", "purpose": "Answers questions about orders.",
        "tools": ["shop/get_order"], "autonomy": 2 } })
}

async fn post(portal: &Portal, path: &str, body: &Value) -> http::Response<axum::body::Body> {
    portal.send(portal.request("POST", path, body.to_string())).await
}

#[tokio::test]
async fn a_new_agent_is_shown_made_downloaded_and_listed() {
    let portal = Portal::open().await;
    let listed = portal.get("/api/v1/catalog/templates").await;
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["agent-tool-using", "bring-your-own-agent", "eval-suite", "mcp-server", "skill"]);
    let detail = portal.get(AGENT).await;
    assert_eq!((detail["questions"].as_u64(), detail["pages"].as_array().unwrap().len()), (Some(7), 1));

    let planned = json_of(post(&portal, &format!("{AGENT}/dry-run"), &answers()).await).await;
    assert_eq!((&planned["dry_run"], &planned["archive"]), (&json!(true), &Value::Null));
    assert!(planned["effects"].as_array().unwrap().iter().all(|effect| effect["state"] == "planned"));
    assert_eq!(portal.get(&format!("{AGENT}/created")).await["items"], json!([]));

    let made = json_of(post(&portal, &format!("{AGENT}/run"), &answers()).await).await;
    assert_eq!(made["files"], planned["files"]);
    assert_eq!(made["entities"][0], "component:default/helper");
    assert_eq!(made["archive"]["file_name"], "helper.tar.gz");
    assert!(made["output"]["text"][0]["html"].as_str().unwrap().contains("mizzen run --agent helper"));
    let created = portal.get(&format!("{AGENT}/created")).await;
    assert_eq!((&created["items"][0]["behind"], &created["items"][0]["can_update"]), (&json!(false), &json!(true)));
    assert_eq!(created["items"][0]["made_by"], "user:default/administrator");
    let update = portal.get("/api/v1/catalog/created/component/default/helper/update").await;
    assert_eq!((&update["folder"], &update["changes"]), (&json!("as_made"), &json!([])));
    let again = portal.get(AGENT).await;
    assert_eq!((&again["made"], &again["made_behind"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn answers_that_do_not_fit_are_told_with_their_place() {
    let portal = Portal::open().await;
    let wrong = json!({ "values": { "name": "No", "owner": "platform", "purpose": "long enough to be one" } });
    let refused = post(&portal, &format!("{AGENT}/run"), &wrong).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body = json_of(refused).await;
    assert_eq!(body["error"]["code"], "template_failed");
    let problem = &body["error"]["problems"][0];
    assert!(problem["message"].as_str().unwrap().starts_with("`/name` (Name)"), "{problem}");
    assert_eq!(problem["source"], "template.yaml");
    let body = json!({ "target": "project" });
    let refused = post(&portal, "/api/v1/catalog/templates/default/none/dry-run", &body).await;
    assert_eq!(code_of(refused).await, "not_found");
    let mut project = answers();
    project["target"] = json!("project");
    assert_eq!(code_of(post(&portal, &format!("{AGENT}/run"), &project).await).await, "no_projects");
    project["target"] = json!("projct");
    assert_eq!(code_of(post(&portal, &format!("{AGENT}/run"), &project).await).await, "invalid");
}

#[tokio::test]
async fn documentation_is_kept_shown_safely_and_found() {
    let portal = Portal::open().await;
    json_of(post(&portal, &format!("{AGENT}/run"), &answers()).await).await;
    let docs = "/api/v1/catalog/entities/component/default/helper/docs";
    let has_docs = async || portal.get(docs.trim_end_matches("/docs")).await["has_docs"].clone();
    assert_eq!(has_docs().await, json!(true));
    let made = portal.get(docs).await;
    assert_eq!((&made["site"], &made["path"]), (&json!("helper"), &json!("index.md")), "it was made with its own");
    let file = |path: &str, content: &str| json!({ "path": path, "content": content });
    let png = json!({ "path": "docs/a.png", "encoding": "base64", "content": "iVBORw0KGgo=" });
    let body = json!({ "source_url": "https://git.example/docs", "files": [
        file("mkdocs.yml", "site_name: Helper\nnav: [index.md, {Stop: ops/stop.md}]\n"),
        file("docs/index.md", "# Hello\n\n[stop](ops/stop.md) <script>alert(1)</script> ![a](a.png)\n"),
        file("docs/ops/stop.md", "# Stop\n\nPull the zanzibar lever.\n"), png ] });
    let taken = json_of(portal.send(portal.request("PUT", docs, body.to_string())).await).await;
    assert_eq!((&taken["pages"], &taken["files"]), (&json!(2), &json!(1)));
    let first = portal.get(docs).await;
    assert_eq!(
        (&first["site"], &first["path"], &first["next"]["path"]),
        (&json!("Helper"), &json!("index.md"), &json!("ops/stop.md"))
    );
    let html = first["html"].as_str().unwrap();
    assert!(html.contains("/catalog/component/default/helper/docs/ops/stop.md") && !html.contains("<script"), "{html}");
    let image = portal.send(portal.request("GET", &docs.replace("/docs", "/docs-files/a.png"), String::new())).await;
    assert_eq!((image.status(), image.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, "image/png"));
    let page = portal.get(&format!("{docs}/ops/stop.md")).await;
    assert_eq!((&page["title"], &page["previous"]["title"]), (&json!("Stop"), &json!("Hello")));
    let removed = portal.send(portal.request("DELETE", docs, String::new())).await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(has_docs().await, json!(false));
    assert_eq!(code_of(portal.send(portal.request("GET", docs, String::new())).await).await, "not_found");
    let wrong = json!({ "files": [file("mkdocs.yml", "nav: [none.md]\n"), file("docs/index.md", "x")] });
    let refused = portal.send(portal.request("PUT", docs, wrong.to_string())).await;
    assert_eq!(code_of(refused).await, "docs_invalid");
}

/// Who sent the files of a template made what will be run: the list of reviews says so before they try to approve it.
#[tokio::test]
async fn who_sent_the_files_of_a_template_is_told_that_somebody_else_must_decide() {
    let config = PortalConfig { is_loopback: true, ..PortalConfig::default() };
    let portal = Portal::changed(config, async |mut state| {
        let config = CatalogConfig { four_eyes: true, ..CatalogConfig::default() };
        let catalog = catalog_with(&state.store, &state.control, &state.clock, config).await;
        state.catalog = catalog;
        state
    });
    let portal = portal.await;
    let (catalog, ann) = (&portal.state.catalog, Actor::person("ann", Role::Developer));
    let documents: Vec<_> =
        document::read("template.yaml", TEMPLATE).into_iter().map(|read| read.valid().unwrap()).collect();
    let applied = catalog.apply(documents, &ann, &ApplyOptions::default()).await.unwrap();
    let tag = applied[0].tag.clone().unwrap();
    let files = json!({ "files": [{ "path": "template.yaml", "content": TEMPLATE }], "draft": true });
    let sent = portal.request("PUT", "/api/v1/catalog/templates/default/own", files.to_string());
    assert_eq!(portal.status(sent).await, StatusCode::OK);
    let own = EntityRef::new("template", "default", "own");
    catalog.decide(&own, &tag, VersionState::Pending, &ann, None).await.unwrap();
    let review = portal.get("/api/v1/catalog/reviews").await["items"][0].clone();
    assert_eq!(
        (&review["submitted_by"], &review["files_by"], &review["may_decide"]),
        (&json!("user:default/ann"), &json!("user:default/administrator"), &json!(false))
    );
    assert!(review["why_not"].as_str().unwrap().contains("sent its files"), "{review}");
    let version = format!("/api/v1/catalog/entities/template/default/own/versions/{tag}/approve");
    assert_eq!(code_of(post(&portal, &version, &json!({})).await).await, "four_eyes", "the same as trying it");
}
