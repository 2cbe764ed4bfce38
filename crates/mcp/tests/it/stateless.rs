//! Clients of 2026-07-28.

use http::{Method, StatusCode};
use mizzen_mcp::seam::{Era, ListKind, Reply};
use serde_json::{Value, json};

use crate::double::{Double, raw, said};
use crate::harness::{Got, Harness, STATELESS};

#[tokio::test]
async fn a_server_is_discovered_listed_and_called_without_a_session() {
    let double = Double::plain("files", Era::Stateless, &["read"]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let discovered = harness.ask("/mcp", "server/discover", &json!({})).await;
    let result = discovered.result();
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["supportedVersions"][0], STATELESS);
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "files");
    assert_eq!(result["capabilities"]["extensions"], json!({ "io.modelcontextprotocol/tasks": {} }));
    assert!(discovered.headers.get("mcp-session-id").is_none());
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.result()["cacheScope"], "private");
    assert!(listed.result()["ttlMs"].is_u64());
    let called = harness.ask("/mcp", "tools/call", &json!({ "name": "files__read" })).await;
    assert_eq!((called.status, called.text()), (StatusCode::OK, "files:read"));
    assert_eq!(called.result()["resultType"], "complete");
}

#[tokio::test]
async fn what_was_removed_or_is_unknown_is_not_found() {
    let harness = Harness::new(&[Double::plain("files", Era::Stateless, &["read"])]).await;
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "unknown/method", "prompts/list"] {
        let got = harness.ask("/mcp", method, &json!({})).await;
        assert_eq!((got.status, got.code()), (StatusCode::NOT_FOUND, -32601), "{method}");
        assert_eq!(got.last()["id"], 7);
    }
    let notified = harness.request(Method::POST, "/mcp").header("mcp-protocol-version", STATELESS);
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/x" }).to_string();
    assert_eq!(harness.send(notified, &body).await.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn header_fields_and_body_must_agree_and_be_whole() {
    let double = Double::plain("files", Era::Stateless, &["read"]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let meta = |version: &str| {
        json!({
            "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {},
        })
    };
    let tool = |meta: Value| json!({ "name": "files__read", "_meta": meta });
    let version = ("mcp-protocol-version", STATELESS);
    let (method, name) = (("mcp-method", "tools/call"), ("mcp-name", "files__read"));
    type Case = (Vec<(&'static str, &'static str)>, Value, i64);
    let cases: Vec<Case> = vec![
        (vec![version, method, ("mcp-name", "files__delete")], tool(meta(STATELESS)), -32020),
        (vec![version, ("mcp-method", "tools/list"), name], tool(meta(STATELESS)), -32020),
        (vec![version, method], tool(meta(STATELESS)), -32020),
        (vec![version, name], tool(meta(STATELESS)), -32020),
        (vec![method, name], tool(meta(STATELESS)), -32020),
        (vec![version, method, name], tool(meta("2025-11-25")), -32020),
        (vec![("mcp-protocol-version", "v9"), method, name], tool(meta("v9")), -32022),
        (vec![version, method, name], json!({ "name": "files__read" }), -32602),
        (vec![version, method, name], tool(json!({ "io.modelcontextprotocol/protocolVersion": STATELESS })), -32602),
    ];
    for (fields, params, code) in cases {
        let mut request = harness.request(Method::POST, "/mcp");
        for (name, value) in &fields {
            request = request.header(*name, *value);
        }
        let body = json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params }).to_string();
        let got = Got::read(harness.send(request, &body).await).await;
        assert_eq!((got.status, got.code()), (StatusCode::BAD_REQUEST, code), "{fields:?} {body}");
        assert_eq!(got.last()["id"], 3);
    }
    assert_eq!(double.calls(), 0);
    assert_eq!(harness.refusals().await, ["header_mismatch"; 6]);
    let unsupported = harness
        .request(Method::POST, "/mcp")
        .header("mcp-protocol-version", "v9")
        .header("mcp-method", "server/discover");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": meta("v9") } });
    let got = Got::read(harness.send(unsupported, &body.to_string()).await).await;
    assert_eq!(got.last()["error"]["data"]["requested"], "v9");
    assert!(got.last()["error"]["data"]["supported"].as_array().unwrap().contains(&json!(STATELESS)));
}

#[tokio::test]
async fn unknown_members_pass_in_both_directions() {
    let double = Double::new("files", Era::Stateless, |_, _, _| async {
        Reply::Complete(raw(&json!({
            "content": [], "structuredContent": { "n": 1.5 }, "x-new": [1, { "deep": null }], "resultType": "complete",
            "_meta": { "x/y": 1 },
        })))
    });
    double.has(
        ListKind::Tools,
        [json!({ "name": "read", "x-future": { "a": [1] }, "inputSchema": { "type": "object" } })],
    );
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.result()["tools"][0]["x-future"], json!({ "a": [1] }));
    let params = json!({ "name": "files__read", "x-param": { "b": 2 }, "_meta": { "vendor/thing": true } });
    let called = harness.ask("/mcp", "tools/call", &params).await;
    assert_eq!(called.result()["x-new"], json!([1, { "deep": null }]));
    assert_eq!(called.result()["_meta"]["x/y"], 1);
    let (_, sent) = double.last_call();
    assert_eq!((&sent["x-param"], &sent["_meta"]["vendor/thing"]), (&json!({ "b": 2 }), &json!(true)));
    let hop = sent["_meta"].as_object().unwrap().keys().any(|key| key.starts_with("io.modelcontextprotocol/"));
    assert!(!hop, "{sent}");
}

#[tokio::test]
async fn errors_of_the_server_keep_their_code_and_get_the_status_of_their_kind() {
    let double = Double::new("files", Era::Stateless, |_, _, _| async {
        Reply::Error(raw(
            &json!({ "code": -32021, "message": "missing", "data": { "requiredCapabilities": { "sampling": {} } } }),
        ))
    });
    double.has(ListKind::Tools, [json!({ "name": "read" })]);
    let harness = Harness::new(&[double]).await;
    let got = harness.ask("/mcp", "tools/call", &json!({ "name": "files__read" })).await;
    assert_eq!((got.status, got.code()), (StatusCode::BAD_REQUEST, -32021));
    assert_eq!(got.last()["error"]["data"]["requiredCapabilities"], json!({ "sampling": {} }));
}

#[tokio::test]
async fn a_task_belongs_to_its_server_and_to_the_caller_that_made_it() {
    let double = Double::new("jobs", Era::Stateless, |method, params: Value, _| async move {
        match method.as_str() {
            "tools/call" => Reply::Complete(raw(&json!({ "resultType": "task", "taskId": "t1", "status": "working" }))),
            "tasks/get" if params["taskId"] == "t1" => {
                Reply::Complete(raw(&json!({ "resultType": "complete", "taskId": "t1", "status": "completed" })))
            }
            _ => said("?"),
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "run" })]);
    let other = Double::plain("other", Era::Stateless, &["x"]);
    let mut harness = Harness::new(&[other, double.clone()]).await;
    let tasks = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let created = harness.ask_as("/mcp", "tools/call", &json!({ "name": "jobs__run" }), &tasks).await;
    let task = created.result()["taskId"].as_str().unwrap().to_owned();
    assert_ne!(task, "t1");
    let got = harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": task }), &tasks).await;
    assert_eq!((&got.result()["status"], &got.result()["taskId"]), (&json!("completed"), &json!(task)));
    assert_eq!(harness.ask("/mcp", "tasks/get", &json!({ "taskId": task })).await.code(), -32021);
    assert_eq!(harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": "t1" }), &tasks).await.code(), -32602);
    harness.key = harness.mint("mallory").await;
    assert_eq!(harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": task }), &tasks).await.code(), -32602);
    assert_eq!(double.calls(), 2);
}
