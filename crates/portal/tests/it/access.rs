//! Every route, asked by everybody.

use http::{Method, Request, StatusCode};
use mizzen_catalog::apply::ApplyOptions;
use mizzen_catalog::config::CatalogConfig;
use mizzen_catalog::document;
use mizzen_catalog::plane::Actor;
use mizzen_control::keys::NewKey;
use mizzen_model::id::Digest;
use mizzen_model::permission::Role;
use mizzen_portal::PortalConfig;
use serde_json::json;

use crate::support::{Portal, bytes_of, catalog_with, code_of, json_of, trace};

/// Who may use what, written down a second time: a new route needs a row here, and a changed right shows.
const EXPECTED: &[(&str, &str, Option<Role>)] = &[
    ("GET", "/signin", None),
    ("POST", "/api/v1/session", None),
    ("GET", "/api/v1/session", Some(Role::Viewer)),
    ("DELETE", "/api/v1/session", Some(Role::Viewer)),
    ("GET", "/api/v1/session/providers", None),
    ("GET", "/oidc/start", None),
    ("GET", "/oidc/callback", None),
    ("POST", "/api/v1/signin-links", Some(Role::Administrator)),
    ("GET", "/api/v1/about", Some(Role::Viewer)),
    ("GET", "/api/v1/overview", Some(Role::Viewer)),
    ("GET", "/api/v1/runs", Some(Role::Viewer)),
    ("GET", "/api/v1/runs/{run_id}", Some(Role::Viewer)),
    ("DELETE", "/api/v1/runs/{run_id}", Some(Role::Developer)),
    ("GET", "/api/v1/runs/{run_id}/story", Some(Role::Viewer)),
    ("GET", "/api/v1/runs/{run_id}/graph", Some(Role::Viewer)),
    ("GET", "/api/v1/runs/{run_id}/spans", Some(Role::Viewer)),
    ("GET", "/api/v1/runs/{run_id}/spans/{span_id}", Some(Role::Viewer)),
    ("GET", "/api/v1/agents", Some(Role::Viewer)),
    ("GET", "/api/v1/models", Some(Role::Viewer)),
    ("GET", "/api/v1/events", Some(Role::Viewer)),
    ("POST", "/api/v1/query", Some(Role::Viewer)),
    ("POST", "/api/v1/import", Some(Role::Developer)),
    ("GET", "/api/v1/keys", Some(Role::Developer)),
    ("POST", "/api/v1/keys", Some(Role::Developer)),
    ("DELETE", "/api/v1/keys/{id}", Some(Role::Developer)),
    ("POST", "/api/v1/keys/{id}/extend", Some(Role::Developer)),
    ("GET", "/api/v1/tokens", Some(Role::Administrator)),
    ("POST", "/api/v1/tokens", Some(Role::Administrator)),
    ("DELETE", "/api/v1/tokens/{id}", Some(Role::Administrator)),
    ("GET", "/api/v1/approvals", Some(Role::Viewer)),
    ("GET", "/api/v1/approvals/{id}", Some(Role::Viewer)),
    ("POST", "/api/v1/approvals/{id}/approve", Some(Role::Approver)),
    ("POST", "/api/v1/approvals/{id}/deny", Some(Role::Approver)),
    ("GET", "/api/v1/budgets", Some(Role::Viewer)),
    ("PUT", "/api/v1/budgets/{name}", Some(Role::Administrator)),
    ("DELETE", "/api/v1/budgets/{name}", Some(Role::Administrator)),
    ("GET", "/api/v1/pauses", Some(Role::Viewer)),
    ("POST", "/api/v1/pauses", Some(Role::Approver)),
    ("DELETE", "/api/v1/pauses/{id}", Some(Role::Approver)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/graph", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/impact", Some(Role::Viewer)),
    ("GET", "/api/v1/providers", Some(Role::Developer)),
    ("PUT", "/api/v1/providers/{name}", Some(Role::Administrator)),
    ("DELETE", "/api/v1/providers/{name}", Some(Role::Administrator)),
    ("GET", "/api/v1/evaluators", Some(Role::Viewer)),
    ("GET", "/api/v1/eval-sets", Some(Role::Viewer)),
    ("POST", "/api/v1/eval-sets", Some(Role::Developer)),
    ("GET", "/api/v1/eval-sets/{name}", Some(Role::Viewer)),
    ("POST", "/api/v1/eval-sets/{name}/cases", Some(Role::Developer)),
    ("DELETE", "/api/v1/eval-sets/{name}/cases/{case}", Some(Role::Developer)),
    ("GET", "/api/v1/experiments", Some(Role::Viewer)),
    ("POST", "/api/v1/experiments", Some(Role::Developer)),
    ("GET", "/api/v1/experiments/compare", Some(Role::Viewer)),
    ("GET", "/api/v1/experiments/{id}", Some(Role::Viewer)),
    ("DELETE", "/api/v1/experiments/{id}", Some(Role::Developer)),
    ("GET", "/api/v1/experiments/{id}/cases", Some(Role::Viewer)),
    ("GET", "/api/v1/monitors", Some(Role::Viewer)),
    ("POST", "/api/v1/monitors", Some(Role::Developer)),
    ("GET", "/api/v1/monitors/{id}", Some(Role::Viewer)),
    ("DELETE", "/api/v1/monitors/{id}", Some(Role::Developer)),
    ("GET", "/api/v1/labels/queue", Some(Role::Developer)),
    ("GET", "/api/v1/labels", Some(Role::Viewer)),
    ("PUT", "/api/v1/runs/{run_id}/labels/{metric}", Some(Role::Developer)),
    ("DELETE", "/api/v1/runs/{run_id}/labels/{metric}", Some(Role::Developer)),
    ("GET", "/api/v1/baselines", Some(Role::Viewer)),
    ("PUT", "/api/v1/baselines/{name}", Some(Role::Developer)),
    ("DELETE", "/api/v1/baselines/{name}", Some(Role::Developer)),
    ("GET", "/api/v1/baselines/{name}/comparison", Some(Role::Viewer)),
    ("GET", "/api/v1/evidence", Some(Role::Viewer)),
    ("POST", "/api/v1/evidence/withdraw", Some(Role::Approver)),
    ("POST", "/api/v1/plan", Some(Role::Viewer)),
    ("GET", "/api/v1/tool-servers", Some(Role::Viewer)),
    ("GET", "/api/v1/tool-servers/{name}", Some(Role::Viewer)),
    ("PUT", "/api/v1/tool-servers/{name}", Some(Role::Administrator)),
    ("DELETE", "/api/v1/tool-servers/{name}", Some(Role::Administrator)),
    ("POST", "/api/v1/tool-servers/{name}/refresh", Some(Role::Developer)),
    ("POST", "/api/v1/tool-servers/{name}/tools/{tool}/pin", Some(Role::Approver)),
    ("DELETE", "/api/v1/tool-servers/{name}/tools/{tool}/pin", Some(Role::Approver)),
    ("GET", "/api/v1/tool-profiles", Some(Role::Viewer)),
    ("GET", "/api/v1/tool-profiles/{name}", Some(Role::Viewer)),
    ("PUT", "/api/v1/tool-profiles/{name}", Some(Role::Administrator)),
    ("DELETE", "/api/v1/tool-profiles/{name}", Some(Role::Administrator)),
    ("GET", "/api/v1/audit/entries", Some(Role::Viewer)),
    ("GET", "/api/v1/audit/entries/{index}", Some(Role::Viewer)),
    ("GET", "/api/v1/audit/entries/{index}/proof", Some(Role::Viewer)),
    ("GET", "/api/v1/audit/checkpoint", Some(Role::Viewer)),
    ("GET", "/api/v1/audit/key", Some(Role::Viewer)),
    ("GET", "/api/v1/audit/log/{*path}", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/templates", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/templates/{namespace}/{name}", Some(Role::Viewer)),
    ("PUT", "/api/v1/catalog/templates/{namespace}/{name}", Some(Role::Developer)),
    ("POST", "/api/v1/catalog/templates/{namespace}/{name}/dry-run", Some(Role::Developer)),
    ("POST", "/api/v1/catalog/templates/{namespace}/{name}/run", Some(Role::Developer)),
    ("GET", "/api/v1/catalog/templates/{namespace}/{name}/created", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/created/{kind}/{namespace}/{name}/update", Some(Role::Viewer)),
    ("POST", "/api/v1/catalog/created/{kind}/{namespace}/{name}/update", Some(Role::Developer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", Some(Role::Viewer)),
    ("PUT", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", Some(Role::Developer)),
    ("DELETE", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", Some(Role::Developer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs/{*path}", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs-files/{*path}", Some(Role::Viewer)),
    ("GET", "/api/v1/boundaries", Some(Role::Viewer)),
    ("GET", "/api/v1/boundaries/{name}", Some(Role::Viewer)),
    ("PUT", "/api/v1/boundaries/{name}", Some(Role::Administrator)),
    ("PUT", "/api/v1/boundaries/{name}/mode", Some(Role::Administrator)),
    ("DELETE", "/api/v1/boundaries/{name}", Some(Role::Administrator)),
    ("GET", "/api/v1/policies", Some(Role::Viewer)),
    ("POST", "/api/v1/policies/check", Some(Role::Developer)),
    ("POST", "/api/v1/policies/impact", Some(Role::Developer)),
    ("POST", "/api/v1/policies/test", Some(Role::Developer)),
    ("GET", "/api/v1/policies/{name}", Some(Role::Viewer)),
    ("PUT", "/api/v1/policies/{name}", Some(Role::Administrator)),
    ("DELETE", "/api/v1/policies/{name}", Some(Role::Administrator)),
    ("GET", "/api/v1/decisions", Some(Role::Viewer)),
    ("GET", "/api/v1/decisions/{id}", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/clients/{client}", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/agent-card.json", Some(Role::Viewer)),
    ("GET", "/.well-known/agent-card.json", None),
    ("GET", "/.well-known/agent-skills/index.json", None),
    ("GET", "/.well-known/agent-skills/{name}/SKILL.md", None),
    ("GET", "/.well-known/agent-skills/{name}/{digest}/SKILL.md", None),
    ("GET", "/.well-known/agent-skills/{name}/{digest}/skill.tar.gz", None),
    ("GET", "/v0.1/servers", None),
    ("GET", "/v0.1/servers/{server}/versions", None),
    ("GET", "/v0.1/servers/{server}/versions/{version}", None),
    ("PUT", "/v0.1/servers/{server}/versions/{version}", Some(Role::Developer)),
    ("PATCH", "/v0.1/servers/{server}/versions/{version}/status", Some(Role::Approver)),
    ("PATCH", "/v0.1/servers/{server}/status", Some(Role::Approver)),
    ("POST", "/v0.1/publish", Some(Role::Developer)),
    ("GET", "/v0.1/health", None),
    ("GET", "/v0.1/ping", None),
    ("GET", "/v0.1/version", None),
    ("GET", "/v0/servers", None),
    ("GET", "/v0/servers/{server}/versions", None),
    ("GET", "/v0/servers/{server}/versions/{version}", None),
    ("PUT", "/v0/servers/{server}/versions/{version}", Some(Role::Developer)),
    ("PATCH", "/v0/servers/{server}/versions/{version}/status", Some(Role::Approver)),
    ("PATCH", "/v0/servers/{server}/status", Some(Role::Approver)),
    ("POST", "/v0/publish", Some(Role::Developer)),
    ("GET", "/v0/health", None),
    ("GET", "/v0/ping", None),
    ("GET", "/v0/version", None),
    ("POST", "/v0/apply", Some(Role::Developer)),
    ("DELETE", "/v0/apply", Some(Role::Developer)),
    ("GET", "/v0/{plural}", Some(Role::Viewer)),
    ("GET", "/v0/{plural}/{name}", Some(Role::Viewer)),
    ("PUT", "/v0/{plural}/{name}", Some(Role::Developer)),
    ("DELETE", "/v0/{plural}/{name}", Some(Role::Developer)),
    ("GET", "/v0/{plural}/{name}/tags", Some(Role::Viewer)),
    ("GET", "/v0/{plural}/{name}/{tag}", Some(Role::Viewer)),
    ("DELETE", "/v0/{plural}/{name}/{tag}", Some(Role::Approver)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/scorecard", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/summary", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/scorecards", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/checks", Some(Role::Viewer)),
    ("GET", "/api/v1/backup", Some(Role::Administrator)),
    ("GET", "/api/v1/catalog/entities", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/facets", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/search", Some(Role::Viewer)),
    ("GET", "/api/catalog/entities", Some(Role::Viewer)),
    ("GET", "/api/catalog/entities/by-query", Some(Role::Viewer)),
    ("POST", "/api/catalog/entities/by-query", Some(Role::Viewer)),
    ("POST", "/api/catalog/entities/by-refs", Some(Role::Viewer)),
    ("GET", "/api/catalog/entities/by-name/{kind}/{namespace}/{name}", Some(Role::Viewer)),
    ("GET", "/api/catalog/entities/by-name/{kind}/{namespace}/{name}/ancestry", Some(Role::Viewer)),
    ("GET", "/api/catalog/entities/by-uid/{uid}", Some(Role::Viewer)),
    ("DELETE", "/api/catalog/entities/by-uid/{uid}", Some(Role::Developer)),
    ("GET", "/api/catalog/entity-facets", Some(Role::Viewer)),
    ("POST", "/api/catalog/entity-facets", Some(Role::Viewer)),
    ("POST", "/api/catalog/refresh", Some(Role::Developer)),
    ("POST", "/api/catalog/validate-entity", Some(Role::Viewer)),
    ("POST", "/api/catalog/analyze-location", Some(Role::Viewer)),
    ("GET", "/api/catalog/locations", Some(Role::Viewer)),
    ("POST", "/api/catalog/locations", Some(Role::Administrator)),
    ("POST", "/api/catalog/locations/by-query", Some(Role::Viewer)),
    ("GET", "/api/catalog/locations/by-entity/{kind}/{namespace}/{name}", Some(Role::Viewer)),
    ("GET", "/api/catalog/locations/{id}", Some(Role::Viewer)),
    ("PUT", "/api/catalog/locations/{id}", Some(Role::Administrator)),
    ("DELETE", "/api/catalog/locations/{id}", Some(Role::Administrator)),
    ("GET", "/api/v1/catalog/ingestion", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/locations", Some(Role::Viewer)),
    ("POST", "/api/v1/catalog/locations", Some(Role::Administrator)),
    ("DELETE", "/api/v1/catalog/locations/{id}", Some(Role::Administrator)),
    ("POST", "/api/v1/catalog/locations/{id}/refresh", Some(Role::Developer)),
    ("POST", "/api/v1/catalog/apply", Some(Role::Developer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}", Some(Role::Viewer)),
    ("DELETE", "/api/v1/catalog/entities/{kind}/{namespace}/{name}", Some(Role::Developer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions", Some(Role::Viewer)),
    ("GET", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}", Some(Role::Viewer)),
    ("POST", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}/submit", Some(Role::Developer)),
    ("POST", "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}/{step}", Some(Role::Approver)),
    ("GET", "/api/v1/catalog/reviews", Some(Role::Viewer)),
    ("GET", "/api/v1/openapi.json", None),
    ("GET", "/metrics", Some(Role::Viewer)),
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
];

/// What everybody gets who asks for what is there and was shown to nobody. A new public route needs a row here.
const PUBLIC: &[(&str, &str, u16)] = &[
    ("GET", "/signin", 400),
    ("POST", "/api/v1/session", 400),
    ("GET", "/api/v1/session/providers", 200),
    ("GET", "/oidc/start", 404),
    ("GET", "/oidc/callback", 404),
    ("GET", "/.well-known/agent-card.json", 404),
    ("GET", "/.well-known/agent-skills/index.json", 200),
    ("GET", "/.well-known/agent-skills/{name}/SKILL.md", 404),
    ("GET", "/.well-known/agent-skills/{name}/{digest}/SKILL.md", 404),
    ("GET", "/.well-known/agent-skills/{name}/{digest}/skill.tar.gz", 404),
    ("GET", "/v0.1/servers", 200),
    ("GET", "/v0.1/servers/{server}/versions", 404),
    ("GET", "/v0.1/servers/{server}/versions/{version}", 404),
    ("GET", "/v0.1/health", 200),
    ("GET", "/v0.1/ping", 200),
    ("GET", "/v0.1/version", 200),
    ("GET", "/v0/servers", 200),
    ("GET", "/v0/servers/{server}/versions", 404),
    ("GET", "/v0/servers/{server}/versions/{version}", 404),
    ("GET", "/v0/health", 200),
    ("GET", "/v0/ping", 200),
    ("GET", "/v0/version", 200),
    ("GET", "/api/v1/openapi.json", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
];
/// Those that are for everybody while `[catalog] public` is set.
const OF_THE_CATALOG: &[&str] = &["/.well-known/", "/v0.1/servers", "/v0/servers"];
/// Stands in everything that [`fill`] makes.
const HIDDEN: &str = "hidden lantern";
const SKILL: &str = "---\nname: zanzibar\ndescription: The hidden lantern.\n---\nLight the hidden lantern.\n";

fn request(method: &str, path: &str, credential: Option<(&str, String)>) -> Request<String> {
    let path = path.replace("{run_id}", "no-such-run").replace("{span_id}", "00000000000000aa");
    let path = path.replace("{id}", "no-such-key").replace("{name}", "no-such-provider");
    let path = path.replace("{case}", "no-such-case").replace("{metric}", "success");
    let path = path.replace("{kind}", "component").replace("{namespace}", "default").replace("{version}", "1");
    let path = path.replace("{step}", "approve").replace("{uid}", "no-such-uid");
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:7600");
    request = request.header("origin", "http://localhost:7600");
    if let Some((name, value)) = credential {
        request = request.header(name, value);
    }
    request.body(String::new()).unwrap()
}

#[tokio::test]
async fn every_route_admits_whom_the_table_says() {
    let portal = Portal::open_to_the_network().await;
    let minted = portal.state.control.keys().mint(NewKey { name: "agent".into(), ..NewKey::default() }).await.unwrap();
    let agent_key = format!("Bearer {}", minted.1.expose());
    for (method, path) in mizzen_portal::routes() {
        let row = EXPECTED.iter().find(|row| row.0 == method && row.1 == path);
        let least = row.unwrap_or_else(|| panic!("`{method} {path}` has no row in this table: who may use it?")).2;
        let anonymous = portal.status(request(method, path, None)).await;
        let agent = portal.send(request(method, path, Some(("authorization", agent_key.clone())))).await;
        match least {
            None => assert_ne!(anonymous, StatusCode::UNAUTHORIZED, "{method} {path}"),
            Some(_) => {
                assert_eq!(anonymous, StatusCode::UNAUTHORIZED, "{method} {path} for nobody");
                assert_eq!(agent.status(), StatusCode::FORBIDDEN, "{method} {path} for an agent");
                assert_eq!(code_of(agent).await, "agent_key", "{method} {path}");
            }
        }
        for role in Role::ALL {
            let cookie = portal.cookie(*role).await;
            let response = portal.send(request(method, path, Some(("cookie", cookie)))).await;
            let status = response.status();
            if least.is_some_and(|least| *role < least) {
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} for {role}");
                assert_eq!(code_of(response).await, "role", "{method} {path} for {role}");
            } else if least.is_some() {
                let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR];
                assert!(!refused.contains(&status), "{method} {path} for {role}: {status}");
            }
        }
    }
}

/// A run, a key, and an agent, a tool server and a skill that nobody approved. Gives the key.
async fn fill(portal: &Portal) -> String {
    portal.import(trace(60).replace("how full is the disk?", HIDDEN)).await;
    let agent = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: zanzibar, description: hidden lantern}\n\
        spec: {type: ai-agent, lifecycle: production, owner: hidden lantern, agent: {purpose: hidden lantern}}\n";
    let read = [("agent.yaml", agent), ("zanzibar/SKILL.md", SKILL)].map(|(name, text)| document::read(name, text));
    let documents: Vec<_> = read.into_iter().flatten().map(|read| read.valid().unwrap()).collect();
    let by = Actor::person("ann", Role::Developer);
    for applied in portal.state.catalog.apply(documents, &by, &ApplyOptions::default()).await.unwrap() {
        assert_eq!(applied.error, None);
    }
    let server = json!({ "name": "io.example/zanzibar", "description": HIDDEN, "version": "1",
        "remotes": [{ "type": "streamable-http", "url": "https://x.example/mcp" }] });
    assert_eq!(portal.status(portal.request("POST", "/v0.1/publish", server.to_string())).await, StatusCode::OK);
    let key = NewKey { name: HIDDEN.into(), ..NewKey::default() };
    portal.state.control.keys().mint(key).await.unwrap().1.expose().to_owned()
}

#[tokio::test]
async fn public_routes_answer_exactly_this_and_nothing_that_is_not_for_everybody() {
    for public in [true, false] {
        let config = PortalConfig { is_tls: true, ..PortalConfig::default() };
        let portal = Portal::changed(config, async |mut state| {
            let config = CatalogConfig { public, ..CatalogConfig::default() };
            let catalog = catalog_with(&state.store, &state.control, &state.clock, config).await;
            state.catalog = catalog;
            state
        });
        let portal = portal.await;
        let secrets = [HIDDEN.to_owned(), "janitor".to_owned(), portal.token(), fill(&portal).await];
        let open = EXPECTED.iter().filter(|row| row.2.is_none());
        for (method, path, _) in open {
            let row = PUBLIC.iter().find(|row| row.0 == *method && row.1 == *path);
            let status = row.unwrap_or_else(|| panic!("`{method} {path}` has no row among the public ones")).2;
            let is_closed = !public && OF_THE_CATALOG.iter().any(|of| path.starts_with(of));
            // What is there, so that only who asks stands in the way.
            let there = path.replace("{name}", "zanzibar").replace("{server}", "io.example%2Fzanzibar");
            let there = there.replace("{digest}", Digest::of(SKILL.as_bytes()).hex());
            let response = portal.send(request(method, &there, None)).await;
            let expected = if is_closed { 401 } else { status };
            assert_eq!(response.status().as_u16(), expected, "{method} {path}, a public catalog: {public}");
            let headers = format!("{:?}", response.headers());
            let told = headers + &String::from_utf8_lossy(&bytes_of(response).await);
            for secret in &secrets {
                assert!(!told.contains(secret.as_str()), "{method} {path} tells `{secret}`: {told}");
            }
        }
        let all = portal.get("/v0.1/servers?include_unapproved=true").await.to_string();
        assert!(all.contains(HIDDEN), "it is there for who may see it: {all}");
    }
}

#[tokio::test]
async fn metrics_need_no_sign_in_on_loopback_only() {
    let metrics = || request("GET", "/metrics", None);
    assert_eq!(Portal::open().await.status(metrics()).await, StatusCode::OK);
    assert_eq!(Portal::open_to_the_network().await.status(metrics()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_unknown_method_of_a_known_path_opens_nothing() {
    let portal = Portal::open().await;
    let status = portal.status(request(Method::PATCH.as_str(), "/api/v1/keys", None)).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_key_for_which_there_is_no_room_is_refused_with_the_reason() {
    let portal = Portal::open().await;
    let mut change = portal.state.store.begin().await.unwrap();
    // Not below what it has: there is no room for another page.
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut *change).await.unwrap();
    change.commit().await.unwrap();
    for number in 0..1_000 {
        let name = format!("{number} {}", "x".repeat(100));
        let made = portal.request("POST", "/api/v1/keys", json!({ "name": name }).to_string());
        let response = portal.send(made).await;
        if response.status() != StatusCode::OK {
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            let told = json_of(response).await;
            assert_eq!(told["error"]["message"], "the disk of the control database is full; free some space");
            return;
        }
    }
    panic!("there was room for all of them");
}
