//! What people do is in the log before it is done, and the log can be read, proved and taken away.

use http::{Request, StatusCode};
use mizzen_control::audit::FOLDER;
use mizzen_control::audit::proof::EntryProof;
use mizzen_control::audit::verify::{Trust, verify};
use mizzen_control::environment::Environment;
use mizzen_control::oidc::{Oidc, OidcConfig};
use mizzen_model::permission::Role;
use mizzen_portal::{PortalConfig, PortalState};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use serde_json::{Value, json};

use crate::support::{Portal, bytes_of, code_of, json_of};

/// Kinds, newest first, without the one that began the log.
async fn kinds(portal: &Portal) -> Vec<String> {
    let entries = portal.get("/api/v1/audit/entries").await;
    let kinds =
        entries["items"].as_array().unwrap().iter().map(|item| item["entry"]["kind"].as_str().unwrap().to_owned());
    kinds.filter(|kind| kind != "log_opened").collect()
}

#[tokio::test]
async fn sign_ins_changes_and_refusals_become_entries_that_say_who() {
    let portal = Portal::open().await;
    let token = json!({ "token": portal.token() }).to_string();
    let sign_in = |token: String| portal.request_without_token("POST", "/api/v1/session", token);
    assert_eq!(portal.status(sign_in(token)).await, StatusCode::OK);
    assert_eq!(portal.status(sign_in(json!({ "token": "mza_wrong" }).to_string())).await, StatusCode::UNAUTHORIZED);
    let key = portal.send(portal.request("POST", "/api/v1/keys", json!({ "name": "k" }).to_string())).await;
    let id = json_of(key).await["info"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        portal.status(portal.request("DELETE", &format!("/api/v1/keys/{id}"), String::new())).await,
        StatusCode::NO_CONTENT
    );
    let put = portal.request("PUT", "/api/v1/providers/openai", json!({ "key": "sk-secret" }).to_string());
    assert_eq!(portal.status(put).await, StatusCode::NO_CONTENT);
    let link = portal.request("POST", "/api/v1/signin-links", json!({ "role": "viewer", "name": "anna" }).to_string());
    assert_eq!(portal.status(link).await, StatusCode::OK);
    let wrong =
        Request::get("/api/v1/runs").header("host", "localhost:7600").header("authorization", "Bearer mza_wrong");
    assert_eq!(portal.status(wrong.body(String::new()).unwrap()).await, StatusCode::UNAUTHORIZED);
    let agent =
        Request::get("/api/v1/runs").header("host", "localhost:7600").header("authorization", "Bearer mzk_agent");
    assert_eq!(portal.status(agent.body(String::new()).unwrap()).await, StatusCode::FORBIDDEN);
    assert!(portal.state.control.snapshot().identify("mzk_unknown").is_none());

    let expected = [
        "door_refused",
        "door_refused",
        "door_refused",
        "sign_in_link_created",
        "provider_key_changed",
        "key_revoked",
        "key_created",
        "sign_in_refused",
        "sign_in",
    ];
    // Refusals are written behind the answer that they led to.
    for _ in 0..200 {
        if kinds(&portal).await.len() >= expected.len() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(kinds(&portal).await, expected);
    let by_kind = portal.get("/api/v1/audit/entries?kind=key_created").await;
    let entry = &by_kind["items"][0]["entry"];
    assert_eq!(entry["resource"], json!(format!("key:{id}")));
    assert_eq!(entry["who"], json!({ "reference": "user:default/administrator", "role": "administrator" }));
    assert_eq!(
        portal.get("/api/v1/audit/entries?caller=user:default/administrator&limit=200").await["items"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert!(!portal.get("/api/v1/audit/entries").await.to_string().contains("sk-secret"));
    let unknown = portal.send(portal.request("GET", "/api/v1/audit/entries?kind=sign-in", String::new())).await;
    assert_eq!(unknown.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_asks_for_more_than_their_role_may_is_in_the_log_by_name() {
    let portal = Portal::open().await;
    let cookie = portal.cookie(Role::Viewer).await;
    let as_viewer = |path: &str| {
        let request = Request::get(path).header("host", "localhost:7600").header("cookie", cookie.as_str());
        request.body(String::new()).unwrap()
    };
    assert_eq!(portal.status(as_viewer("/api/v1/runs")).await, StatusCode::OK);
    assert_eq!(portal.status(as_viewer("/api/v1/tokens")).await, StatusCode::FORBIDDEN);
    // Nobody is no one to name: pages ask so before anybody has signed in.
    let nobody = Request::get("/api/v1/tokens").header("host", "localhost:7600").body(String::new()).unwrap();
    assert_eq!(portal.status(nobody).await, StatusCode::UNAUTHORIZED);
    let refused = async || portal.get("/api/v1/audit/entries?kind=door_refused").await["items"].clone();
    // Refusals are written behind the answer that they led to.
    for _ in 0..200 {
        if refused().await != json!([]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let refused = refused().await;
    assert_eq!(refused.as_array().unwrap().len(), 1, "{refused}");
    let entry = &refused[0]["entry"];
    assert_eq!((&entry["code"], &entry["who"]["reference"]), (&json!("role_too_low"), &json!("user:default/somebody")));
    assert_eq!(entry["who"]["role"], "viewer");
}

/// What was asked for and is not done is no change, and the log says nothing of one.
#[tokio::test]
async fn what_is_not_there_is_not_revoked_in_the_log_either() {
    let portal = Portal::open().await;
    for path in ["keys/nope", "tokens/nope", "providers/nope", "runs/nope", "catalog/entities/api/default/nope/docs"] {
        let gone = portal.request("DELETE", &format!("/api/v1/{path}"), String::new());
        assert_eq!(portal.status(gone).await, StatusCode::NOT_FOUND, "{path}");
    }
    let values = json!({ "values": {} }).to_string();
    let unfit = [
        ("PUT", "providers/No%20Name", json!({ "key": "sk-secret" }).to_string(), StatusCode::BAD_REQUEST),
        ("POST", "catalog/templates/default/nope/run", values.clone(), StatusCode::NOT_FOUND),
        ("POST", "catalog/templates/default/agent-tool-using/run", values, StatusCode::UNPROCESSABLE_ENTITY),
    ];
    for (method, path, body, expected) in unfit {
        let refused = portal.request(method, &format!("/api/v1/{path}"), body);
        assert_eq!(portal.status(refused).await, expected, "{path}");
    }
    assert_eq!(kinds(&portal).await, [""; 0]);
}

#[tokio::test]
async fn an_entry_comes_with_a_proof_that_needs_only_the_key() {
    let portal = Portal::open().await;
    for name in ["a", "b", "c"] {
        let key = portal.request("POST", "/api/v1/keys", json!({ "name": name }).to_string());
        assert_eq!(portal.status(key).await, StatusCode::OK);
    }
    let page = portal.get("/api/v1/audit/entries?limit=2").await;
    assert_eq!((&page["size"], &page["items"][1]["index"]), (&json!(4), &json!(2)));
    let rest = portal.get(&format!("/api/v1/audit/entries?cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!((&rest["items"][0]["index"], &rest["next_cursor"]), (&json!(1), &Value::Null));

    let detail = portal.get("/api/v1/audit/entries/2").await;
    assert_eq!((&detail["proof"]["verified"], &detail["pruned"]), (&json!(true), &json!(false)));
    assert_eq!(serde_json::from_str::<Value>(detail["text"].as_str().unwrap()).unwrap(), detail["entry"]);
    assert_eq!(portal.get("/api/v1/audit/entries/2/proof").await, detail["proof"]);
    let key = portal.get("/api/v1/audit/key").await["key"].as_str().unwrap().parse().unwrap();
    let download =
        portal.send(portal.request("GET", "/api/v1/audit/entries/2/proof?download=true", String::new())).await;
    assert!(download.headers()["content-disposition"].to_str().unwrap().contains("audit-2.tlog-proof"));
    let proof: EntryProof = String::from_utf8(bytes_of(download).await).unwrap().parse().unwrap();
    assert_eq!(proof.verify(&key).unwrap().size, 4);
    assert_eq!(
        portal.status(portal.request("GET", "/api/v1/audit/entries/4", String::new())).await,
        StatusCode::NOT_FOUND
    );

    let checkpoint = portal.get("/api/v1/audit/checkpoint").await;
    assert_eq!((&checkpoint["size"], &checkpoint["log"]["state"]), (&json!(4), &json!("works")));
    let file = async |name: &str| {
        portal.send(portal.request("GET", &format!("/api/v1/audit/log/{name}"), String::new())).await
    };
    assert_eq!(bytes_of(file("checkpoint").await).await, checkpoint["note"].as_str().unwrap().as_bytes());
    assert_eq!(bytes_of(file("tile/0/000.p/4").await).await.len(), 4 * 32);
    for name in ["tile/0/000", "..%2Faudit.key", "%2e%2e/audit.key", "format/../../audit.key"] {
        assert_eq!(file(name).await.status(), StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn a_copy_of_the_log_in_a_backup_verifies_and_goes_on() {
    let portal = Portal::open().await;
    let keys = async |numbers: std::ops::Range<u32>| {
        for number in numbers {
            let key = portal.request("POST", "/api/v1/keys", json!({ "name": format!("k{number}") }).to_string());
            assert_eq!(portal.status(key).await, StatusCode::OK);
        }
    };
    keys(0..2).await;
    let busy = keys(2..40);
    let backup = async { bytes_of(portal.send(portal.request("GET", "/api/v1/backup", String::new())).await).await };
    let ((), archive) = tokio::join!(busy, backup);
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(archive.as_slice()).unpack(folder.path()).unwrap();
    std::fs::remove_file(folder.path().join("mizzen-backup")).unwrap();
    let key = portal.state.control.audit().verifier_key().clone();
    let trust = Trust { key: key.clone(), witnesses: vec![], seen: None };
    let report = verify(&folder.path().join(FOLDER), &trust).unwrap();
    assert_eq!(report.faults, []);
    assert!(report.unsigned.is_empty() && report.size > 1 && report.entries == report.size);
    let restored = Portal::over(folder).await;
    assert_eq!(restored.state.control.audit().verifier_key(), &key);
    assert_eq!(restored.state.control.audit().published().checkpoint.size, report.size);
}

/// The metadata of a provider, and nothing behind them.
#[allow(clippy::disallowed_methods, reason = "somebody else's server ends with the test")]
async fn with_provider(state: PortalState) -> PortalState {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let metadata = json!({
        "issuer": url, "jwks_uri": format!("{url}/keys"), "token_endpoint": format!("{url}/token"),
        "authorization_endpoint": format!("{url}/authorize"),
    });
    let answer = move || async move { axum::Json(metadata) };
    let router = axum::Router::new().route("/.well-known/openid-configuration", axum::routing::get(answer));
    tokio::task::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let roles = [("viewer".to_owned(), vec!["*".to_owned()])].into();
    let config =
        OidcConfig { issuer: url, client_id: "portal".into(), name: "Company".into(), roles, ..OidcConfig::default() };
    let client = HttpClient::new(ClientConfig::default()).unwrap();
    let oidc = Oidc::new(&config, &state.control, &Environment::empty(), client).unwrap();
    PortalState { oidc, ..state }
}

#[tokio::test]
async fn a_browser_is_sent_to_the_provider_and_only_its_own_answer_is_taken() {
    let portal = Portal::open().await;
    let providers = portal.get("/api/v1/session/providers").await;
    assert_eq!(providers["items"].as_array().unwrap().len(), 1);
    let start = portal.send(portal.request("GET", "/oidc/start", String::new())).await;
    assert_eq!(code_of(start).await, "not_found");

    let config = PortalConfig { is_tls: true, ..PortalConfig::default() };
    let portal = Portal::changed(config, with_provider).await;
    let providers = portal.get("/api/v1/session/providers").await;
    assert_eq!(providers["items"][0], json!({ "kind": "oidc", "name": "Company", "start_url": "/oidc/start" }));
    let start = portal.send(portal.request_without_token("GET", "/oidc/start?return_to=/runs", String::new())).await;
    assert_eq!(start.status(), StatusCode::SEE_OTHER);
    let location = start.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.contains("redirect_uri=https%3A%2F%2Flocalhost%3A7600%2Foidc%2Fcallback"), "{location}");
    let cookie = start.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("mizzen_oidc=mzb_"), "{cookie}");
    assert!(cookie.ends_with("; Max-Age=600; Path=/oidc/callback; HttpOnly; SameSite=Lax; Secure"), "{cookie}");

    // As HTTP/2 says it: without a field.
    let start = Request::get("https://localhost:7600/oidc/start").body(String::new()).unwrap();
    let over_http2 = portal.send(start).await.headers()["location"].to_str().unwrap().to_owned();
    assert!(over_http2.contains("redirect_uri=https%3A%2F%2Flocalhost%3A7600%2Foidc%2Fcallback"), "{over_http2}");

    let state = location.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let callback = portal.request_without_token("GET", &format!("/oidc/callback?code=x&state={state}"), String::new());
    let refused = portal.send(callback).await;
    assert_eq!(refused.headers()["location"], "/?sign_in_error=oidc_state");
    assert!(
        refused.headers().get_all("set-cookie").iter().all(|cookie| cookie.to_str().unwrap().contains("Max-Age=0"))
    );
    let cookie = portal.cookie(Role::Viewer).await;
    let entries = portal.request_without_token("GET", "/api/v1/audit/entries?kind=sign_in_refused", String::new());
    let (mut parts, body) = entries.into_parts();
    parts.headers.insert("cookie", cookie.parse().unwrap());
    let entries = json_of(portal.send(Request::from_parts(parts, body)).await).await;
    assert_eq!(entries["items"][0]["entry"]["code"], "oidc_state");
}
