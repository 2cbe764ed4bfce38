//! What must not work.

use http::{Method, StatusCode};
use mizzen_control::audit::Kind;
use mizzen_control::audit::read::EntryFilter;
use mizzen_control::gate::DenialCode;
use mizzen_mcp::seam::{Era, ListKind, Reply};
use mizzen_model::permission::Effect;
use serde_json::{Value, json};

use crate::double::{Double, raw, said};
use crate::harness::{AUDIENCE, Got, Harness, attribute};

fn files() -> std::sync::Arc<Double> {
    Double::plain("files", Era::Stateful, &["read"])
}

#[tokio::test]
async fn a_rebound_name_or_a_foreign_page_gets_no_further() {
    let double = files();
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let (_, body) = harness.stateless("/mcp", "tools/call", &json!({ "name": "files__read" }), &json!({}));
    for (field, value) in [("host", "evil.example.com"), ("origin", "http://evil.example.com"), ("origin", "null")] {
        let mut request = harness.stateless("/mcp", "tools/call", &json!({ "name": "files__read" }), &json!({})).0;
        request.headers_mut().unwrap().insert(field, value.parse().unwrap());
        assert_eq!(harness.send(request, &body).await.status(), StatusCode::FORBIDDEN, "{field}: {value}");
    }
    let mut own = harness.stateless("/mcp", "tools/call", &json!({ "name": "files__read" }), &json!({})).0;
    own.headers_mut().unwrap().insert("origin", "http://localhost:7600".parse().unwrap());
    assert_eq!(harness.send(own, &body).await.status(), StatusCode::OK);
    assert_eq!(double.calls(), 1);
    assert_eq!(harness.refusals().await, ["host_refused", "origin_refused", "origin_refused"]);
}

#[tokio::test]
async fn what_is_asked_for_and_is_not_there_is_an_entry() {
    let harness = Harness::new(&[files()]).await;
    assert_eq!(harness.ask("/mcp/nowhere", "tools/list", &json!({})).await.status, StatusCode::NOT_FOUND);
    for (method, params) in
        [("tools/call", json!({ "name": "files__delete" })), ("prompts/get", json!({ "name": "files__x" }))]
    {
        assert_eq!(harness.ask("/mcp", method, &params).await.code(), -32602);
    }
    assert_eq!(harness.refusals().await, ["profile_unknown", "target_unknown", "target_unknown"]);
    let filter = EntryFilter { kind: Some(Kind::DoorRefused), ..EntryFilter::default() };
    let refused = harness.control.audit().find(filter, None, 100).await.unwrap().items;
    assert!(refused.iter().all(|(_, entry)| entry.who.reference == "agent:default/alice-agent"), "{refused:?}");
}

#[tokio::test]
async fn who_has_no_key_is_told_where_tokens_come_from() {
    let mut harness = Harness::new(&[files()]).await;
    harness.key = "mzk_unknown".into();
    for path in ["/mcp", "/mcp/plain"] {
        let got = harness.ask(path, "tools/list", &json!({})).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED);
        let challenge = got.headers["www-authenticate"].to_str().unwrap();
        let metadata = format!("resource_metadata=\"{AUDIENCE}/.well-known/oauth-protected-resource{path}\"");
        assert!(challenge.starts_with("Bearer ") && challenge.contains(&metadata), "{challenge}");
        let told = harness.request(Method::GET, &format!("/.well-known/oauth-protected-resource{path}"));
        let told = Got::read(harness.send(told, "").await).await;
        assert_eq!(told.last()["resource"], format!("{AUDIENCE}{path}"));
        assert_eq!(told.last()["authorization_servers"], json!(["https://login.example.com"]));
    }
}

#[tokio::test]
async fn a_token_for_another_audience_opens_nothing() {
    let double = files();
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    for (token, status) in [
        (format!("token-for-{AUDIENCE}"), StatusCode::OK),
        (format!("token-for-{AUDIENCE}/mcp"), StatusCode::OK),
        (format!("token-for-{AUDIENCE}/mcp/plain"), StatusCode::UNAUTHORIZED),
        ("token-for-https://other.example.com".to_owned(), StatusCode::UNAUTHORIZED),
        ("junk".to_owned(), StatusCode::UNAUTHORIZED),
    ] {
        harness.key = token.clone();
        let got = harness.ask("/mcp", "tools/call", &json!({ "name": "files__read" })).await;
        assert_eq!(got.status, status, "{token}");
    }
    // What another's issuer vouches for is no unknown key of ours.
    assert_eq!(harness.refusals().await, ["token_refused"; 3]);
    // No token is passed on.
    let sent = double.calls.lock().unwrap().iter().map(|(_, params)| params.to_string()).collect::<String>();
    assert!(!sent.contains("token-for"));
}

#[tokio::test]
async fn a_client_is_told_whether_another_token_other_scopes_or_another_time_would_do() {
    let mut harness = Harness::new(&[files()]).await;
    let (scope, says) = ("scope=\"tools tools:more\"", |error: &str| format!("error=\"{error}\""));
    for (token, status, error) in [
        ("junk", StatusCode::UNAUTHORIZED, "invalid_token"),
        ("mzk_unknown", StatusCode::UNAUTHORIZED, "invalid_token"),
        ("token-for-nothing", StatusCode::FORBIDDEN, "insufficient_scope"),
    ] {
        harness.key = token.to_owned();
        let got = harness.ask("/mcp", "tools/list", &json!({})).await;
        let challenge = got.headers["www-authenticate"].to_str().unwrap();
        assert_eq!(got.status, status, "{token}");
        assert!(challenge.contains(&says(error)) && challenge.contains(scope), "{challenge}");
        assert!(challenge.contains("resource_metadata="), "{challenge}");
    }
    harness.key = "token-of-nobody".to_owned();
    let got = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!((got.status, got.headers.get("www-authenticate")), (StatusCode::SERVICE_UNAVAILABLE, None));
    assert_eq!(got.headers["retry-after"], "10");
    let refusals = harness.refusals().await;
    assert_eq!(refusals, ["token_refused", "key_unknown", "token_refused", "issuer_unavailable"]);
}

#[tokio::test]
async fn a_session_serves_only_the_credential_and_door_that_made_it() {
    let mut harness = Harness::new(&[files()]).await;
    let session = harness.open("/mcp", &json!({})).await.session;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let with = |harness: &Harness, method, path: &str| harness.request(method, path).header("mcp-session-id", &session);
    assert_eq!(harness.send(with(&harness, Method::POST, "/mcp/plain"), &list).await.status(), StatusCode::NOT_FOUND);
    let other = harness.mint("mallory").await;
    let own = std::mem::replace(&mut harness.key, other);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let request = with(&harness, method.clone(), "/mcp");
        assert_eq!(harness.send(request, &list).await.status(), StatusCode::NOT_FOUND, "{method}");
    }
    harness.key = own;
    assert_eq!(harness.send(with(&harness, Method::POST, "/mcp"), &list).await.status(), StatusCode::OK);
}

/// A stateless server that does what its state says.
fn trusting() -> std::sync::Arc<Double> {
    let double = Double::new("bank", Era::Stateless, |_, params: Value, _| async move {
        match params["requestState"].as_str() {
            None => Reply::InputRequired(raw(&json!({ "resultType": "input_required", "requestState": "pay 1" }))),
            Some(state) => said(state),
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "pay" }), json!({ "name": "other" })]);
    double
}

#[tokio::test]
async fn a_request_state_that_is_tampered_with_stolen_or_moved_is_refused() {
    let double = trusting();
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let asked = json!({ "name": "bank__pay", "arguments": { "to": "ada" } });
    let first = harness.ask("/mcp", "tools/call", &asked).await;
    let state = first.result()["requestState"].as_str().unwrap().to_owned();
    let mut tampered = state.clone().into_bytes();
    let last = tampered.len() - 2;
    tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    for params in [
        json!({ "name": "bank__pay", "arguments": { "to": "ada" }, "requestState": tampered }),
        json!({ "name": "bank__pay", "arguments": { "to": "ada" }, "requestState": "pay 1000" }),
        json!({ "name": "bank__pay", "arguments": { "to": "eve" }, "requestState": state }),
        json!({ "name": "bank__other", "arguments": { "to": "ada" }, "requestState": state }),
        json!({ "name": "bank__pay", "arguments": { "to": "ada" }, "requestState": 7 }),
    ] {
        assert_eq!(harness.ask("/mcp", "tools/call", &params).await.code(), -32602, "{params}");
    }
    let mut retry = asked.clone();
    retry["requestState"] = state.into();
    let other = harness.mint("mallory").await;
    let own = std::mem::replace(&mut harness.key, other);
    assert_eq!(harness.ask("/mcp", "tools/call", &retry).await.code(), -32602);
    assert_eq!(double.calls(), 1, "none of them reached the server");
    assert_eq!(harness.refusals().await, ["state_refused"; 6]);
    harness.key = own;
    assert_eq!(harness.ask("/mcp", "tools/call", &retry).await.text(), "pay 1");
}

#[tokio::test]
async fn a_member_twice_a_batch_depth_and_size_are_refused_before_anything_is_decided() {
    let double = files();
    let harness = Harness::with(std::slice::from_ref(&double), |config| config.limits.body_bytes_max = 2000).await;
    let client = harness.open("/mcp", &json!({})).await;
    let call = |arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"files__read","arguments":{arguments}}}}}"#
        )
    };
    let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
    let twice = call(r#"{"path":"/public","path":"/etc/shadow"}"#);
    for (body, status) in [
        (twice, StatusCode::BAD_REQUEST),
        (call(&format!(r#"{{"a":{deep}}}"#)), StatusCode::BAD_REQUEST),
        (format!("[{}]", call("{}")), StatusCode::BAD_REQUEST),
        (call(&format!(r#"{{"a":"{}"}}"#, "x".repeat(3000))), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let got = Got::read(harness.send(client.builder(Method::POST), &body).await).await;
        assert_eq!(got.status, status, "{body}");
    }
    assert_eq!(double.calls(), 0);
}

#[tokio::test]
async fn a_withheld_definition_is_neither_listed_nor_called_and_the_refusal_is_an_entry() {
    let double = Double::plain("files", Era::Stateful, &["read", "write"]);
    double.withhold("write", "its description changed since it was approved");
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let mut decisions = harness.control.decisions().unwrap();
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.names("tools", "name"), ["files__read"]);
    let refused = harness.ask("/mcp", "tools/call", &json!({ "name": "files__write" })).await;
    assert_eq!(refused.result()["isError"], true);
    assert!(refused.text().contains("changed since it was approved"));
    let said = refused.result()["_meta"]["dev.mizzen/decision"].clone();
    assert_eq!(said["code"], "definition_changed");
    let recorded = decisions.try_recv().unwrap();
    assert_eq!((recorded.code, recorded.decision.effect), (Some(DenialCode::DefinitionChanged), Effect::Deny));
    assert_eq!(said["id"], json!(recorded.decision.id));
    let record = harness.record().await;
    assert_eq!(attribute(&record, "mizzen.decision.id"), said["id"].as_str());
    let entries = harness.entries("tool:files/write").await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.decision.as_deref(), entry.code.as_deref()), (said["id"].as_str(), Some("definition_changed")));
    assert_eq!(double.calls(), 0);
}

#[tokio::test]
async fn a_result_larger_than_allowed_is_not_handed_over() {
    let double = Double::new("flood", Era::Stateful, |_, _, _| async { said(&"x".repeat(5000)) });
    double.has(ListKind::Tools, [json!({ "name": "all" })]);
    let harness = Harness::with(&[double], |config| config.limits.result_bytes_max = 1000).await;
    let got = harness.ask("/mcp", "tools/call", &json!({ "name": "flood__all" })).await;
    assert_eq!(got.result()["isError"], true);
    assert!(got.text().contains("mcp_result_bytes") && got.text().len() < 200);
}
