//! The doors that speak what registries, agents and skills of others speak.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, StatusCode, header};
use mizzen_catalog::EntityRef;
use mizzen_catalog::config::CatalogConfig;
use mizzen_catalog::plane::Actor;
use mizzen_catalog::query::{Order, Query};
use mizzen_catalog::version::VersionState;
use mizzen_model::id::Digest;
use mizzen_model::permission::Role;
use mizzen_portal::{PortalConfig, PortalState};
use serde_json::{Value, json};

use crate::support::{Portal, bytes_of, catalog_with, json_of};

async fn get(portal: &Portal, path: &str) -> Response {
    portal.send(portal.request_without_token("GET", path, String::new())).await
}

/// What somebody who is not signed in gets.
async fn public(portal: &Portal, path: &str) -> Value {
    let response = get(portal, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    json_of(response).await
}

async fn told(response: Response, status: StatusCode) -> String {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.status(), status);
    let problem = json_of(response).await;
    assert_eq!(problem["status"], status.as_u16());
    problem["detail"].as_str().unwrap().to_owned()
}

async fn asked(portal: &Portal, method: &str, path: &str, body: &Value) -> Response {
    portal.send(portal.request(method, path, body.to_string())).await
}

async fn publish(portal: &Portal, name: &str, version: &str) -> Value {
    let response = asked(portal, "POST", "/v0.1/publish", &server(name, version)).await;
    assert_eq!(response.status(), StatusCode::OK);
    json_of(response).await
}

async fn set_status(portal: &Portal, name: &str, version: &str, status: &str) -> Value {
    let path = format!("/v0.1/servers/{}/versions/{version}/status", name.replace('/', "%2F"));
    let response = asked(portal, "PATCH", &path, &json!({ "status": status, "statusMessage": "because" })).await;
    assert_eq!(response.status(), StatusCode::OK);
    json_of(response).await
}

fn server(name: &str, version: &str) -> Value {
    json!({ "name": name, "description": format!("Serves {name}."), "version": version,
        "remotes": [{ "type": "streamable-http", "url": "https://x.example/mcp" }] })
}

fn names(list: &Value) -> Vec<String> {
    let of = |one: &Value| {
        format!("{} {}", one["server"]["name"].as_str().unwrap(), one["server"]["version"].as_str().unwrap())
    };
    list["servers"].as_array().unwrap().iter().map(of).collect()
}

const WEATHER: &str = "io.github.acme/weather";

#[tokio::test]
async fn a_server_is_listed_to_everybody_once_it_is_approved() {
    let portal = Portal::open().await;
    let published = publish(&portal, WEATHER, "1.0.0").await;
    assert_eq!(published["_meta"]["dev.mizzen/approval"]["state"], "pending");
    assert_eq!(published["_meta"]["io.modelcontextprotocol.registry/official"]["status"], "deleted");
    assert_eq!(public(&portal, "/v0.1/servers").await, json!({ "servers": [], "metadata": { "count": 0 } }));
    let version = "/v0.1/servers/io.github.acme%2Fweather/versions/1.0.0";
    told(get(&portal, version).await, StatusCode::NOT_FOUND).await;
    // Asking for more is of no use to who is not signed in.
    told(get(&portal, &format!("{version}?include_unapproved=true")).await, StatusCode::NOT_FOUND).await;
    assert_eq!(portal.get(&format!("{version}?include_unapproved=true")).await["server"]["version"], "1.0.0");

    let approved = set_status(&portal, WEATHER, "1.0.0", "active").await;
    assert_eq!(approved["_meta"]["dev.mizzen/approval"]["state"], "approved");
    let shown = public(&portal, version).await;
    assert_eq!(shown["server"], server(WEATHER, "1.0.0"));
    let official = &shown["_meta"]["io.modelcontextprotocol.registry/official"];
    assert_eq!(
        (&official["status"], &official["isLatest"], &official["statusMessage"]),
        (&json!("active"), &json!(true), &json!("because"))
    );
    assert!(official["publishedAt"].as_str().unwrap() <= official["updatedAt"].as_str().unwrap());
    for list in [
        "/v0.1/servers",
        "/v0/servers?search=WEATHER",
        "/v0.1/servers?search=acme%2Fweather",
        "/v0/servers?version=latest",
    ] {
        assert_eq!(names(&public(&portal, list).await), ["io.github.acme/weather 1.0.0"], "{list}");
    }
    assert_eq!(names(&public(&portal, "/v0.1/servers?search=rain").await).len(), 0);
}

#[tokio::test]
async fn the_latest_is_the_highest_and_what_is_deleted_is_shown_on_request_only() {
    let portal = Portal::open().await;
    for version in ["1.9.0", "1.10.0", "2.0.0"] {
        publish(&portal, WEATHER, version).await;
    }
    set_status(&portal, WEATHER, "1.10.0", "active").await;
    set_status(&portal, WEATHER, "1.9.0", "active").await;
    let versions = "/v0.1/servers/io.github.acme%2Fweather/versions";
    assert_eq!(public(&portal, &format!("{versions}/latest")).await["server"]["version"], "1.10.0");
    set_status(&portal, WEATHER, "1.10.0", "deleted").await;
    assert_eq!(public(&portal, &format!("{versions}/latest")).await["server"]["version"], "1.9.0");
    assert_eq!(names(&public(&portal, versions).await), ["io.github.acme/weather 1.9.0"]);
    let mut all = names(&public(&portal, &format!("{versions}?include_deleted=true")).await);
    all.sort_unstable();
    assert_eq!(all, ["io.github.acme/weather 1.10.0", "io.github.acme/weather 1.9.0"]);
    assert_eq!(names(&public(&portal, "/v0.1/servers?updated_since=2020-01-01T00:00:00Z").await).len(), 2);
    assert_eq!(names(&public(&portal, "/v0.1/servers?updated_since=2999-01-01T00:00:00Z").await).len(), 0);
    told(get(&portal, "/v0.1/servers?updated_since=yesterday").await, StatusCode::BAD_REQUEST).await;
    for wrong in ["/v0.1/servers?limit=-1", "/v0/servers?include_deleted=perhaps"] {
        told(get(&portal, wrong).await, StatusCode::BAD_REQUEST).await;
    }

    let all =
        asked(&portal, "PATCH", "/v0.1/servers/io.github.acme%2Fweather/status", &json!({ "status": "deprecated" }))
            .await;
    assert_eq!(all.status(), StatusCode::OK);
    let changed = json_of(all).await;
    assert_eq!(
        (&changed["updatedCount"], names(&changed)),
        (&json!(1), vec!["io.github.acme/weather 1.9.0".to_owned()])
    );
    let shown = public(&portal, &format!("{versions}/1.9.0")).await;
    assert_eq!(shown["_meta"]["io.modelcontextprotocol.registry/official"]["status"], "deprecated");
    let pending = portal.get(&format!("{versions}/2.0.0?include_unapproved=true")).await;
    assert_eq!(pending["_meta"]["dev.mizzen/approval"]["state"], "pending");
}

#[tokio::test]
async fn what_was_retired_without_an_approval_is_never_shown_to_everybody() {
    let portal = Portal::open().await;
    for version in ["1.0.0", "2.0.0"] {
        publish(&portal, WEATHER, version).await;
    }
    set_status(&portal, WEATHER, "1.0.0", "active").await;
    let reference: EntityRef = "api:default/io.github.acme__weather".parse().unwrap();
    let ann = Actor::person("ann", Role::Approver);
    for to in [VersionState::Rejected, VersionState::Retired] {
        portal.state.catalog.decide(&reference, "2.0.0", to, &ann, Some("unfit")).await.unwrap();
    }
    set_status(&portal, WEATHER, "1.0.0", "deleted").await;
    let versions = "/v0.1/servers/io.github.acme%2Fweather/versions?include_deleted=true";
    let lists = [versions, "/v0.1/servers?include_deleted=true", "/v0.1/servers?updated_since=2020-01-01T00:00:00Z"];
    for list in lists {
        assert_eq!(names(&public(&portal, list).await), ["io.github.acme/weather 1.0.0"], "{list}");
        let seen = portal.get(&format!("{list}&include_unapproved=true")).await;
        assert_eq!(names(&seen).len(), 2, "{list}");
    }
    let one = "/v0.1/servers/io.github.acme%2Fweather/versions/2.0.0?include_deleted=true";
    told(get(&portal, one).await, StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn pages_hold_every_version_once() {
    let portal = Portal::open().await;
    for name in ["a", "b", "c", "d"] {
        for version in ["1.0.0", "2.0.0"] {
            publish(&portal, &format!("acme/{name}"), version).await;
            set_status(&portal, &format!("acme/{name}"), version, "active").await;
        }
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = public(&portal, &format!("/v0.1/servers?limit=3&cursor={cursor}")).await;
        assert_eq!(page["metadata"]["count"], page["servers"].as_array().unwrap().len());
        seen.extend(names(&page));
        pages += 1;
        match page["metadata"]["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (8, 3), "{seen:?}");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8);
    told(get(&portal, "/v0.1/servers?cursor=acme%2Fa").await, StatusCode::BAD_REQUEST).await;
}

#[tokio::test]
async fn what_was_approved_does_not_change_under_its_version() {
    let portal = Portal::open().await;
    publish(&portal, WEATHER, "1.0.0").await;
    let mut other = server(WEATHER, "1.0.0");
    other["title"] = "Rain".into();
    let again = asked(&portal, "POST", "/v0.1/publish", &other).await;
    assert!(told(again, StatusCode::BAD_REQUEST).await.contains("published before"));
    let path = "/v0.1/servers/io.github.acme%2Fweather/versions/1.0.0";
    assert_eq!(asked(&portal, "PUT", path, &other).await.status(), StatusCode::OK);
    set_status(&portal, WEATHER, "1.0.0", "active").await;
    let shown = public(&portal, &format!("{path}?include_unapproved=true")).await;
    let refused = asked(&portal, "PUT", path, &server(WEATHER, "1.0.0")).await;
    assert!(told(refused, StatusCode::CONFLICT).await.contains("does not change"));
    assert_eq!(public(&portal, path).await, shown);
    let wrong = asked(&portal, "POST", "/v0.1/publish", &server("weather", "latest")).await;
    let why = told(wrong, StatusCode::BAD_REQUEST).await;
    assert!(why.contains("`name` must be") && why.contains("`version` must be"), "{why}");
}

#[tokio::test]
async fn a_forged_cursor_asks_no_other_question() {
    let portal = Portal::open().await;
    for name in ["acme/a", "acme/b"] {
        publish(&portal, name, "1.0.0").await;
        set_status(&portal, name, "1.0.0", "active").await;
    }
    let order = vec![Order { key: "metadata.name".to_owned(), descending: false }];
    let any = Query { order, limit: 1, ..Query::default() };
    let forged = portal.state.catalog.query(&any).await.unwrap().next.unwrap();
    let servers = async |cursor: &str| {
        let list = public(&portal, &format!("/v0.1/servers?limit=1&cursor={cursor}")).await;
        let names: Vec<_> =
            list["servers"].as_array().unwrap().iter().map(|one| one["server"]["name"].clone()).collect();
        (json!(names), list["metadata"]["nextCursor"].as_str().map(str::to_owned))
    };
    publish(&portal, "acme/c", "1.0.0").await;
    let (first, next) = servers(&URL_SAFE_NO_PAD.encode(r#"{"server":"airesource:default/x","version":0}"#)).await;
    assert_eq!((first, servers(&next.unwrap()).await), (json!(["acme/a"]), (json!(["acme/b"]), None)));
    let path = format!("/v0.1/servers?cursor={forged}");
    told(get(&portal, &path).await, StatusCode::BAD_REQUEST).await;
    let path = format!("/v0/mcpservers?cursor={forged}");
    told(asked(&portal, "GET", &path, &Value::Null).await, StatusCode::BAD_REQUEST).await;

    let first = portal.get("/v0/mcpservers?limit=1").await;
    let next = first["nextCursor"].as_str().unwrap();
    assert_eq!(
        portal.get(&format!("/v0/mcpservers?limit=1&cursor={next}")).await["items"].as_array().unwrap().len(),
        1
    );
    told(asked(&portal, "GET", &format!("/v0/skills?cursor={next}"), &Value::Null).await, StatusCode::BAD_REQUEST)
        .await;
}

const STACK: &str = "apiVersion: ar.dev/v1alpha1\nkind: Skill\nmetadata: {name: summarize, tag: stable}\nspec: {title: Summarize}\n\
    ---\napiVersion: ar.dev/v1alpha1\nkind: Agent\nmetadata: {name: a-b}\nspec: {}\n\
    ---\napiVersion: ar.dev/v1alpha1\nkind: Prompt\nmetadata: {name: summarize, tag: v1}\nspec: {content: Be short.}\n\
    ---\napiVersion: ar.dev/v1alpha1\nkind: Runtime\nmetadata: {name: local}\nspec: {type: local}\n";

#[tokio::test]
async fn agentregistrys_documents_are_applied_one_by_one_and_listed_by_kind() {
    let portal = Portal::open().await;
    let apply = async |method: &str, query: &str, text: &str| {
        let request = portal.request(method, &format!("/v0/apply{query}"), text.to_owned());
        json_of(portal.send(request).await).await["results"].clone()
    };
    let statuses = |results: &Value| {
        results.as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&apply("POST", "?dryRun=true", STACK).await), ["dry-run", "failed", "dry-run", "dry-run"]);
    assert_eq!(portal.get("/v0/skills").await, json!({ "items": [] }));
    let results = apply("POST", "", STACK).await;
    assert_eq!(statuses(&results), ["created", "failed", "created", "created"]);
    assert_eq!(
        results[0],
        json!({ "apiVersion": "ar.dev/v1alpha1", "kind": "Skill", "namespace": "default", "name": "summarize", "tag": "stable", "status": "created" })
    );
    assert!(results[1]["error"].as_str().unwrap().contains("metadata.name"), "{results}");
    assert_eq!(statuses(&apply("POST", "", STACK).await), ["unchanged", "failed", "unchanged", "unchanged"]);

    let skill = portal.get("/v0/skills/summarize").await;
    assert_eq!((&skill["metadata"]["tag"], &skill["metadata"]["namespace"]), (&json!("stable"), &json!("default")));
    assert_eq!(skill["status"]["conditions"][0]["status"], "False");
    assert_eq!(portal.get("/v0/prompts/summarize/v1").await["spec"]["content"], "Be short.");
    assert_eq!(portal.get("/v0/prompts/summarize/tags").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(portal.get("/v0/runtimes?namespace=all").await["items"][0]["metadata"]["name"], "local");
    told(asked(&portal, "GET", "/v0/skills/nobody", &Value::Null).await, StatusCode::NOT_FOUND).await;
    told(asked(&portal, "GET", "/v0/things", &Value::Null).await, StatusCode::NOT_FOUND).await;

    let reference: EntityRef = "airesource:default/summarize".parse().unwrap();
    let ann = Actor::person("ann", Role::Approver);
    portal.state.catalog.decide(&reference, "stable", VersionState::Approved, &ann, None).await.unwrap();
    assert_eq!(portal.get("/v0/skills/summarize").await["status"]["conditions"][0]["status"], "True");
    let changed = STACK.replace("Summarize}", "Other}");
    let results = apply("POST", "", &changed).await;
    assert!(results[0]["error"].as_str().unwrap().contains("is approved with other content"), "{results}");

    let gone = portal.send(portal.request("DELETE", "/v0/skills/summarize/stable", String::new())).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(portal.get("/v0/skills/summarize/stable").await["status"]["conditions"][0]["reason"], "retired");
    assert_eq!(statuses(&apply("DELETE", "", &STACK.replace(", tag: v1", "")).await)[2..], ["deleted", "deleted"]);
    assert_eq!(portal.get("/v0/runtimes").await, json!({ "items": [] }));
    for door in ["/v0", "/v0.1"] {
        assert_eq!(public(&portal, &format!("{door}/ping")).await, json!({ "pong": true }));
        assert_eq!(public(&portal, &format!("{door}/health")).await, json!({ "status": "ok" }));
        assert!(public(&portal, &format!("{door}/version")).await["version"].is_string());
    }
}

async fn approved(portal: &Portal, source: &str, text: &str) -> EntityRef {
    let documents: Vec<_> =
        mizzen_catalog::document::read(source, text).into_iter().filter_map(|read| read.valid()).collect();
    let ann = Actor::person("ann", Role::Approver);
    let applied = portal.state.catalog.apply(documents, &ann, &Default::default()).await.unwrap();
    let [one] = applied.as_slice() else { panic!("{applied:?}") };
    let (reference, digest) = (one.reference.clone().unwrap(), one.digest.clone().unwrap());
    portal.state.catalog.decide(&reference, digest.as_str(), VersionState::Approved, &ann, None).await.unwrap();
    reference
}

fn skill(how: &str) -> String {
    format!("---\nname: pdf\ndescription: Reads PDF.\n---\n\n# PDF\n\nRead {how}.\n")
}

#[tokio::test]
async fn skills_are_listed_with_the_digest_of_their_file_and_only_what_was_approved_is_served() {
    let portal = Portal::open().await;
    let index = "/.well-known/agent-skills/index.json";
    assert_eq!(public(&portal, index).await["skills"], json!([]));
    let first = skill("well");
    approved(&portal, "pdf/SKILL.md", &first).await;
    let digest = Digest::of(first.as_bytes());
    let hex = digest.as_str().trim_start_matches("sha256:").to_owned();
    let listed = public(&portal, index).await;
    assert_eq!(listed["$schema"], "https://schemas.agentskills.io/discovery/0.2.0/schema.json");
    let url = format!("pdf/{hex}/SKILL.md");
    let entry = json!({ "name": "pdf", "type": "skill-md", "description": "Reads PDF.", "url": url, "digest": digest });
    assert_eq!(listed["skills"], json!([entry]));
    let file = format!("/.well-known/agent-skills/{url}");
    assert_eq!(bytes_of(get(&portal, &file).await).await, first.as_bytes());

    let second = skill("better");
    let documents =
        mizzen_catalog::document::read("pdf/SKILL.md", &second).into_iter().filter_map(|read| read.valid()).collect();
    let ann = Actor::person("ann", Role::Developer);
    portal.state.catalog.apply(documents, &ann, &Default::default()).await.unwrap();
    assert_eq!(public(&portal, index).await, listed);
    let hex = Digest::of(second.as_bytes()).as_str().trim_start_matches("sha256:").to_owned();
    told(get(&portal, &format!("/.well-known/agent-skills/pdf/{hex}/SKILL.md")).await, StatusCode::NOT_FOUND).await;
    assert_eq!(bytes_of(get(&portal, "/.well-known/agent-skills/pdf/SKILL.md").await).await, first.as_bytes());
}

#[tokio::test]
async fn a_skill_with_more_than_its_text_is_an_archive_and_its_files_are_what_was_approved() {
    let portal = Portal::open().await;
    let apply = async |script: &str| {
        let files = json!({ "scripts/read.py": script, "logo.png": { "encoding": "base64", "content": "iVA=" } });
        let body = json!({ "text": skill("well"), "files": files });
        let mut request = portal.request("POST", "/api/v1/catalog/apply?source=pdf/SKILL.md", body.to_string());
        request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        json_of(portal.send(request).await).await[0].clone()
    };
    let first = apply("print(1)").await;
    assert_eq!((&first["result"], &first["warnings"]), (&json!("created"), &json!([])), "{first}");
    let reference: EntityRef = first["ref"].as_str().unwrap().parse().unwrap();
    let ann = Actor::person("ann", Role::Approver);
    let digest = first["digest"].as_str().unwrap();
    portal.state.catalog.decide(&reference, digest, VersionState::Approved, &ann, None).await.unwrap();
    let index = public(&portal, "/.well-known/agent-skills/index.json").await;
    let entry = &index["skills"][0];
    assert_eq!((&entry["type"], entry["name"].as_str()), (&json!("archive"), Some("pdf")), "{index}");
    let url = format!("/.well-known/agent-skills/{}", entry["url"].as_str().unwrap());
    let response = get(&portal, &url).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/gzip");
    let packed = bytes_of(response).await;
    assert_eq!(Digest::of(&packed).as_str(), entry["digest"]);
    assert_eq!(bytes_of(get(&portal, "/.well-known/agent-skills/pdf/SKILL.md").await).await, skill("well").as_bytes());

    // Another script is another content under the name that was approved.
    let changed = apply("print(2)").await;
    assert!(changed["result"] == "rejected" || changed["digest"] != first["digest"], "{changed}");
    assert_eq!(public(&portal, "/.well-known/agent-skills/index.json").await, index);
    assert_eq!(bytes_of(get(&portal, &url).await).await, packed);
    let listed = portal.get("/api/catalog/entities?filter=spec.type=skill").await;
    let told = &listed[0]["spec"]["skill"]["files"];
    assert!(told[1]["path"] == "scripts/read.py" && told[1].get("content").is_none(), "{told}");
}

fn card(name: &str) -> Value {
    json!({ "name": name, "description": "Cooks.", "version": "1.0.0", "capabilities": {}, "skills": [],
        "supportedInterfaces": [{ "url": "https://x.example", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"] })
}

#[tokio::test]
async fn the_card_of_an_approved_agent_is_where_clients_look_for_it() {
    let portal = Portal::open().await;
    told(get(&portal, "/.well-known/agent-card.json").await, StatusCode::NOT_FOUND).await;
    let reference = approved(&portal, "card.json", &card("Cook").to_string()).await;
    let response = get(&portal, "/.well-known/agent-card.json").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=60");
    let tag = response.headers()[header::ETAG].clone();
    assert_eq!(json_of(response).await, card("Cook"));
    let known = Request::builder().uri("/.well-known/agent-card.json").header("host", "localhost:7600");
    let known = known.header(header::IF_NONE_MATCH, tag).body(String::new()).unwrap();
    assert_eq!(portal.status(known).await, StatusCode::NOT_MODIFIED);

    approved(&portal, "card.json", &card("Waiter").to_string()).await;
    let several = told(get(&portal, "/.well-known/agent-card.json").await, StatusCode::CONFLICT).await;
    assert!(several.contains("?agent="), "{several}");
    for name in ["Waiter", "Cook", reference.name(), "component:default/nobody"] {
        let path = format!("/.well-known/agent-card.json?agent={name}");
        let status = get(&portal, &path).await.status();
        assert_eq!(status == StatusCode::OK, !name.ends_with("nobody"), "{name}");
    }
    let own = format!("/api/v1/catalog/entities/component/default/{}/agent-card.json", reference.name());
    assert_eq!(portal.get(&own).await, card("Cook"));
    assert_eq!(get(&portal, &own).await.status(), StatusCode::UNAUTHORIZED);
    portal
        .state
        .catalog
        .decide(&reference, "1.0.0", VersionState::Retired, &Actor::person("ann", Role::Approver), None)
        .await
        .unwrap();
    told(get(&portal, "/.well-known/agent-card.json?agent=Cook").await, StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn only_what_everybody_may_read_is_for_shared_caches() {
    const CARD: &str = "/.well-known/agent-card.json";
    const INDEX: &str = "/.well-known/agent-skills/index.json";
    const SKILL: &str = "/.well-known/agent-skills/pdf/SKILL.md";
    let cache = |response: Response| {
        assert_eq!(response.status(), StatusCode::OK);
        response.headers()[header::CACHE_CONTROL].to_str().unwrap().to_owned()
    };
    let open = Portal::open().await;
    let config = PortalConfig { is_loopback: true, ..PortalConfig::default() };
    let closed = Portal::changed(config, async |state| {
        let config = CatalogConfig { public: false, ..CatalogConfig::default() };
        let catalog = catalog_with(&state.store, &state.control, &state.clock, config).await;
        PortalState { catalog, ..state }
    })
    .await;
    for portal in [&open, &closed] {
        approved(portal, "card.json", &card("Cook").to_string()).await;
        approved(portal, "pdf/SKILL.md", &skill("well")).await;
        let is_open = portal.state.catalog.config().public;
        for path in [CARD, INDEX, SKILL] {
            let own = portal.send(portal.request("GET", path, String::new())).await;
            assert_eq!(cache(own), "private, max-age=60", "{path}");
            match is_open {
                true => assert_eq!(cache(get(portal, path).await), "public, max-age=60", "{path}"),
                false => assert_eq!(get(portal, path).await.status(), StatusCode::UNAUTHORIZED, "{path}"),
            }
        }
    }
}

#[tokio::test]
async fn clients_are_pointed_here_under_the_name_they_used() {
    let portal = Portal::open().await;
    let config = portal.get("/api/v1/catalog/clients/vscode?profile=shop").await;
    let text: Value = serde_json::from_str(config["text"].as_str().unwrap()).unwrap();
    assert_eq!(text["servers"]["shop"]["url"], "http://localhost:7600/mcp/shop");
    assert_eq!((&config["file"], &config["media_type"]), (&json!(".vscode/mcp.json"), &json!("application/json")));
    let gallery = portal.get("/api/v1/catalog/clients/vscode-gallery").await;
    assert!(gallery["text"].as_str().unwrap().contains("http://localhost:7600"));
    for wrong in ["emacs", "vscode?profile=a%2Fb"] {
        let path = format!("/api/v1/catalog/clients/{wrong}");
        assert_eq!(asked(&portal, "GET", &path, &Value::Null).await.status(), StatusCode::BAD_REQUEST);
    }
}
