//! Clients of 2025-11-25 and before.

use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use mizzen_mcp::seam::{Era, ListKind, Owner};
use serde_json::{Value, json};

use crate::double::{Double, said};
use crate::harness::{Events, Got, Harness};

#[tokio::test]
async fn a_session_begins_lists_calls_and_ends() {
    let double = Double::plain("files", Era::Stateful, &["read", "write"]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp", &json!({ "sampling": {} })).await;
    let result = &client.initialized["result"];
    assert_eq!(result["protocolVersion"], "2025-11-25");
    // One server behind an address is itself, unknown members included.
    assert_eq!(result["serverInfo"], json!({ "name": "files", "version": "9", "x-theirs": true }));
    assert_eq!(result["instructions"], "how to use files");
    assert_eq!(result["capabilities"]["tools"], json!({ "listChanged": true }));
    let initialized = client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    assert_eq!(initialized.status(), StatusCode::ACCEPTED);
    assert_eq!(client.ask("ping", &json!({})).await.result(), &json!({}));
    assert_eq!(client.ask("tools/list", &json!({})).await.names("tools", "name"), ["files__read", "files__write"]);
    let called = client.ask("tools/call", &json!({ "name": "files__read", "arguments": { "path": "a" } })).await;
    assert_eq!(called.text(), "files:read");
    assert_eq!(double.last_call().1["arguments"], json!({ "path": "a" }));
    assert_eq!(double.contexts.lock().unwrap()[0].owner, Owner::Session(client.session.as_str().into()));
    let end = harness.send(client.builder(Method::DELETE), "").await;
    assert_eq!(end.status(), StatusCode::NO_CONTENT);
    assert_eq!(double.ended.lock().unwrap().len(), 1);
    assert_eq!(client.ask("ping", &json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_revision_is_negotiated() {
    let harness = Harness::new(&[Double::plain("files", Era::Stateful, &["read"])]).await;
    for (asked, given) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
    ] {
        let params =
            json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        let got = Got::read(harness.send(harness.request(Method::POST, "/mcp"), &body.to_string()).await).await;
        assert_eq!(got.result()["protocolVersion"], given, "asked {asked}");
    }
}

#[tokio::test]
async fn without_a_session_there_is_nothing() {
    let harness = Harness::new(&[Double::plain("files", Era::Stateful, &["read"])]).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let none = Got::read(harness.send(harness.request(Method::POST, "/mcp"), &list).await).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    let request = harness.request(Method::POST, "/mcp").header("mcp-session-id", "guessed");
    assert_eq!(harness.send(request, &list).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(harness.send(harness.request(Method::GET, "/mcp"), "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(harness.send(harness.request(Method::PUT, "/mcp"), "").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(harness.send(harness.request(Method::POST, "/mcp/none"), &list).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn progress_comes_before_the_answer_with_the_clients_token() {
    let double = Double::new("work", Era::Stateful, |_, _, events| async move {
        let params = crate::double::raw(&json!({ "progressToken": "theirs", "progress": 1, "total": 2 }));
        let notification = mizzen_mcp::seam::FromServer::Notification {
            method: "notifications/progress".into(),
            params: Some(params),
        };
        events.send(notification).await.unwrap();
        said("done")
    });
    double.has(ListKind::Tools, [json!({ "name": "slow" })]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp/plain", &json!({})).await;
    let params = json!({ "name": "slow", "_meta": { "progressToken": 42, "x-own": "kept" } });
    let got = client.ask("tools/call", &params).await;
    assert_eq!(got.messages.len(), 2);
    assert_eq!(got.messages[0]["params"], json!({ "progressToken": 42, "progress": 1, "total": 2 }));
    assert_eq!(got.text(), "done");
    let sent = &double.last_call().1["_meta"];
    assert_eq!(sent["x-own"], "kept");
    assert!(sent.get("progressToken").is_none() && sent["traceparent"].is_string());
}

#[tokio::test]
async fn a_cancelled_request_reaches_the_server_and_gets_no_answer() {
    let double = Double::new("work", Era::Stateful, |_, _, _| std::future::pending());
    double.has(ListKind::Tools, [json!({ "name": "slow" })]);
    let harness = Harness::with(std::slice::from_ref(&double), |config| config.timeouts.stream_after_millis = 0).await;
    let client = harness.open("/mcp/plain", &json!({})).await;
    let response = client.begin("tools/call", &json!({ "name": "slow" })).await;
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "q-1" } });
    let cancelling = async {
        while double.calls() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(client.send(&cancel).await.status(), StatusCode::ACCEPTED);
    };
    let (got, ()) = tokio::join!(Got::read(response), cancelling);
    assert!(got.messages.is_empty());
    assert_eq!(double.cancelled.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_id_that_is_in_use_in_a_session_is_refused_and_may_be_used_elsewhere() {
    let double = Double::new("work", Era::Stateful, |_, _, _| std::future::pending());
    double.has(ListKind::Tools, [json!({ "name": "slow" })]);
    let harness = Harness::with(std::slice::from_ref(&double), |config| config.timeouts.stream_after_millis = 0).await;
    let (client, other) = (harness.open("/mcp/plain", &json!({})).await, harness.open("/mcp/plain", &json!({})).await);
    let slow = json!({ "name": "slow" });
    let ask = |id: Value, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": slow });
    let called = async |count: usize| {
        while double.calls() < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let first = client.send(&ask(json!(7), "tools/call")).await;
    called(1).await;
    let refused = Got::read(client.send(&ask(json!(7), "tools/call")).await).await;
    assert_eq!((refused.status, refused.code(), &refused.last()["id"]), (StatusCode::BAD_REQUEST, -32600, &json!(7)));
    // A text is another id, another session has ids of its own, and without a session each request has.
    let _text = client.send(&ask(json!("7"), "tools/call")).await;
    let _theirs = other.send(&ask(json!(7), "tools/call")).await;
    called(3).await;
    for count in [4, 5] {
        let (request, body) = harness.stateless("/mcp/plain", "tools/call", &slow, &json!({}));
        let mut events = Events::of(harness.send(request, &body).await);
        tokio::select! {
            answer = events.next() => panic!("{answer:?}"),
            () = called(count) => {}
        }
    }
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    let before = double.cancelled.load(Ordering::Relaxed);
    let (got, _) = tokio::join!(Got::read(first), client.send(&cancel));
    assert!(got.messages.is_empty());
    assert_eq!(double.cancelled.load(Ordering::Relaxed), before + 1);
    // What is over stands in nobody's way: many a script always counts from one.
    assert_eq!(Got::read(client.send(&ask(json!(7), "ping")).await).await.result(), &json!({}));
}

#[tokio::test]
async fn the_log_level_reaches_servers_now_and_later() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp", &json!({})).await;
    assert_eq!(client.ask("logging/setLevel", &json!({ "level": "warning" })).await.result(), &json!({}));
    client.ask("tools/call", &json!({ "name": "files__read" })).await;
    let calls = double.calls.lock().unwrap().clone();
    assert_eq!(calls[0], ("logging/setLevel".to_owned(), json!({ "level": "warning" })));
    assert_eq!(client.ask("logging/setLevel", &json!({ "level": "loud" })).await.code(), -32602);
}

#[tokio::test]
async fn idle_sessions_make_way_for_new_ones_of_the_same_caller() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let harness = Harness::with(&[double], |config| config.limits.sessions_per_caller_max = 2).await;
    let first = harness.open("/mcp", &json!({})).await;
    let second = harness.open("/mcp", &json!({})).await;
    assert_eq!(second.ask("ping", &json!({})).await.status, StatusCode::OK);
    harness.open("/mcp", &json!({})).await;
    assert_eq!(first.ask("ping", &json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(second.ask("ping", &json!({})).await.status, StatusCode::OK);
    assert!(harness.metrics.render().contains("mizzen_mcp_sessions 2\n"));
}
