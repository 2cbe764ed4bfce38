//! Servers that are slow, flood, lie or forget harm their own calls only.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures::{StreamExt as _, stream};
use mizzen_control::audit::Kind;
use mizzen_control::audit::read::EntryFilter;
use mizzen_control::providers::ProviderKey;
use mizzen_mcp::seam::{Era, ListKind, Upstream as _};
use mizzen_mcp::servers::{Credential, ServerConfig, Transport};
use mizzen_mcp::upstream::State;
use mizzen_testkit::mcp_fixture::Eras;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::{Bench, fixture, http, no_capabilities, serve};

pub(super) fn result(request: &Value, result: Value) -> Response {
    axum::Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).into_response()
}

pub(super) fn error(request: &Value, code: i64) -> Response {
    axum::Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": code, "message": "no" } }))
        .into_response()
}

/// A server of one function.
pub(super) async fn server<F, Fut>(answer: F) -> String
where
    F: Fn(HeaderMap, Value) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send,
{
    let handler = post(move |headers: HeaderMap, body: Bytes| {
        let answer = answer.clone();
        async move { answer(headers, serde_json::from_slice(&body).unwrap_or_default()).await }
    });
    serve(Router::new().route("/mcp", handler)).await + "/mcp"
}

/// What a server of the older era answers to begin with.
pub(super) fn begin(request: &Value) -> Option<Response> {
    Some(match request["method"].as_str()? {
        "server/discover" => error(request, -32601),
        "initialize" => {
            let about = json!({ "protocolVersion": "2025-11-25", "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" } });
            let mut response = result(request, about);
            response.headers_mut().insert("mcp-session-id", "one".parse().unwrap());
            response
        }
        "notifications/initialized" | "notifications/cancelled" => StatusCode::ACCEPTED.into_response(),
        "tools/list" => result(
            request,
            json!({ "tools": [{ "name": "t", "description": "d", "inputSchema": { "type": "object" } }] }),
        ),
        _ => return None,
    })
}

#[tokio::test]
async fn a_server_that_claims_the_newer_era_and_does_not_keep_it_is_spoken_to_in_the_older_one() {
    let url = server(|_, request| async move {
        match request["method"].as_str() {
            Some("server/discover") => {
                result(&request, json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} } }))
            }
            _ => begin(&request).unwrap_or_else(|| error(&request, -32601)),
        }
    })
    .await;
    let bench = Bench::with(vec![http("liar", url)]).await;
    assert_eq!(bench.server("liar").about().await.unwrap().era, Era::Stateful);
    let downgraded = bench.server("liar").status().downgraded.unwrap();
    assert!(downgraded.contains("claims 2026-07-28, but its answer to `tools/list`"), "{downgraded}");
    assert_eq!(bench.tools("liar").await.len(), 1);
    bench.drain().await;
}

#[tokio::test]
async fn a_server_that_only_lists_its_tools_is_ready() {
    let url = server(|_, request| async move {
        match request["method"].as_str() {
            Some("initialize") => {
                let capabilities = json!({ "tools": {}, "prompts": {}, "resources": {} });
                let about = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities,
                    "serverInfo": { "name": "s", "version": "1" } });
                result(&request, about)
            }
            Some("prompts/list" | "resources/list" | "resources/templates/list") => error(&request, -32603),
            _ => begin(&request).unwrap_or_else(|| error(&request, -32601)),
        }
    })
    .await;
    let bench = Bench::with(vec![http("half", url)]).await;
    assert_eq!(bench.tools("half").await.len(), 1);
    for kind in ListKind::ALL.into_iter().filter(|kind| *kind != ListKind::Tools) {
        let refused = bench.server("half").list(kind).await.unwrap_err();
        assert_eq!(refused.code(), "upstream_protocol", "{kind:?}");
        let status = bench.server("half").status();
        assert_eq!((status.state, status.fault), (State::Ready, None), "{kind:?}");
    }
    bench.drain().await;
}

#[tokio::test]
async fn what_answers_another_request_is_no_answer_and_a_credential_that_is_wanted_is_asked_for() {
    let url = server(|_, request| async move {
        match request["method"].as_str() {
            Some("tools/call") => result(&json!({ "id": 999 }), json!({ "content": [] })),
            Some("resources/read") => StatusCode::UNAUTHORIZED.into_response(),
            _ => begin(&request).unwrap_or_else(|| error(&request, -32601)),
        }
    })
    .await;
    let bench = Bench::with(vec![http("odd", url)]).await;
    let client = bench.client("odd", "x", no_capabilities()).await.unwrap();
    let outcome = client.call("t", json!({})).await;
    assert_eq!(outcome.error().code(), "upstream_protocol");
    assert!(outcome.error().to_string().contains("another request"), "{}", outcome.error());
    let outcome = client.request("resources/read", json!({ "uri": "a:b" }), &CancellationToken::new()).await;
    assert_eq!(outcome.error().code(), "upstream_credential");
    assert!(outcome.error().to_string().contains("none is configured"), "{}", outcome.error());
    bench.drain().await;
}

#[tokio::test]
async fn a_version_that_has_no_initialize_is_not_believed_of_one() {
    let url = server(|_, request| async move {
        match request["method"].as_str() {
            Some("initialize") => result(&request, json!({ "protocolVersion": "2026-07-28", "capabilities": {} })),
            _ => error(&request, -32601),
        }
    })
    .await;
    let bench = Bench::with(vec![http("liar", url)]).await;
    let error = bench.server("liar").about().await.unwrap_err();
    assert_eq!(error.code(), "upstream_protocol");
    assert!(error.to_string().contains("2026-07-28"), "{error}");
    assert_eq!(bench.server("liar").status().state, State::Failing);
    bench.drain().await;
}

#[tokio::test]
async fn what_is_pinned_is_written_down_together_without_what_has_no_name_for_it() {
    // No entry has room for such a name.
    let many: Vec<String> = (0..100).map(|number| format!("read_{number}")).collect();
    let names: Vec<String> = many.iter().cloned().chain(["x".repeat(70_000)]).collect();
    let url = server(move |_, request| {
        let names = names.clone();
        async move {
            if request["method"] != "tools/list" {
                return begin(&request).unwrap_or_else(|| error(&request, -32601));
            }
            let define = |name: &String| json!({ "name": name, "inputSchema": { "type": "object" } });
            result(&request, json!({ "tools": names.iter().map(define).collect::<Vec<_>>() }))
        }
    })
    .await;
    let bench = Bench::with(vec![http("wide", url)]).await;
    let groups = bench.control.audit().status().groups;
    let tools = bench.tools("wide").await;
    assert!(tools.len() == many.len() && tools.iter().all(|tool| tool.withheld.is_none()));
    let groups = bench.control.audit().status().groups - groups;
    let filter = EntryFilter { kind: Some(Kind::Pin), ..EntryFilter::default() };
    let told = bench.control.audit().find(filter, None, 1_000).await.unwrap().items;
    assert_eq!(told.len(), many.len());
    assert!(told.iter().all(|(_, entry)| entry.who.reference == "service:default/mizzen"));
    assert!(groups < 50, "{groups} writes for {} entries", many.len());
    bench.drain().await;
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_begun_anew_and_the_call_is_made_once() {
    let calls = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&calls);
    let url = server(move |_, request| {
        let calls = Arc::clone(&seen);
        async move {
            if request["method"] != "tools/call" {
                return begin(&request).unwrap_or_else(|| error(&request, -32601));
            }
            match calls.fetch_add(1, Ordering::SeqCst) {
                0 => StatusCode::NOT_FOUND.into_response(),
                _ => result(&request, json!({ "content": [{ "type": "text", "text": "done" }] })),
            }
        }
    })
    .await;
    let bench = Bench::with(vec![http("forgetful", url)]).await;
    let client = bench.client("forgetful", "x", no_capabilities()).await.unwrap();
    assert_eq!(client.call("t", json!({})).await.text(), "done");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    bench.drain().await;
}

#[tokio::test]
async fn a_flood_is_cut_off_and_a_hang_times_out_while_others_are_served() {
    let flooding = server(|_, request| async move {
        if request["method"] != "tools/call" {
            return begin(&request).unwrap_or_else(|| error(&request, -32601));
        }
        let event = format!(
            "data: {}\n\n",
            json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": { "data": "x".repeat(4_000) } })
        );
        let flood = stream::repeat_with(move || Ok::<_, Infallible>(Bytes::from(event.clone())));
        ([("content-type", "text/event-stream")], Body::from_stream(flood)).into_response()
    })
    .await;
    let huge = server(|_, request| async move {
        if request["method"] != "tools/call" {
            return begin(&request).unwrap_or_else(|| error(&request, -32601));
        }
        result(&request, json!({ "content": [{ "type": "text", "text": "x".repeat(100_000) }] }))
    })
    .await;
    let hanging = server(|_, request| async move {
        if request["method"] == "tools/call" {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        begin(&request).unwrap_or_else(|| error(&request, -32601))
    })
    .await;
    let small =
        |name: &str, url| ServerConfig { result_bytes_max: 64 << 10, call_timeout_seconds: 2, ..http(name, url) };
    let servers = vec![
        small("flooding", flooding),
        small("huge", huge),
        small("hanging", hanging),
        http("good", fixture(Eras::Stateful).await),
    ];
    let bench = Bench::with(servers).await;
    let call = async |server: &str, tool: &'static str| {
        let client = bench.client(server, "x", no_capabilities()).await.unwrap();
        client.call(tool, json!({})).await
    };
    let good = async {
        let begun = Instant::now();
        for _ in 0..20 {
            assert!(call("good", "test_simple_text").await.text().contains("simple text"));
        }
        begun.elapsed()
    };
    let (flooding, huge, hanging, took) =
        tokio::join!(call("flooding", "t"), call("huge", "t"), call("hanging", "t"), good);
    assert_eq!(flooding.error().code(), "upstream_limit");
    assert_eq!(huge.error().code(), "upstream_limit");
    assert_eq!(hanging.error().code(), "upstream_timeout");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(bench.metrics.render().contains("mizzen_limit_refusals_total{limit=\"mcp_message_bytes\"} 2"));
    bench.drain().await;
}

#[tokio::test]
async fn a_server_that_drips_is_waited_for_no_longer_than_one_that_is_silent() {
    // Signs of life, and a body that never ends.
    let drip = |text: &'static str| {
        stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(text.as_bytes())), ()))
        })
    };
    let alive = server(move |_, request| async move {
        if request["method"] != "tools/call" {
            return begin(&request).unwrap_or_else(|| error(&request, -32601));
        }
        ([("content-type", "text/event-stream")], Body::from_stream(drip(": alive\n\n"))).into_response()
    })
    .await;
    let dripping = server(move |_, request| async move {
        if request["method"] != "tools/call" {
            return begin(&request).unwrap_or_else(|| error(&request, -32601));
        }
        ([("content-type", "application/json")], Body::from_stream(drip(" "))).into_response()
    })
    .await;
    let slow = |name: &str, url| ServerConfig { call_timeout_seconds: 1, ..http(name, url) };
    let bench = Bench::with(vec![slow("alive", alive), slow("dripping", dripping)]).await;
    let call = async |server: &str| {
        let client = bench.client(server, "x", no_capabilities()).await.unwrap();
        let begun = Instant::now();
        let outcome = client.call("t", json!({})).await;
        (outcome.error().code(), begun.elapsed())
    };
    for (code, took) in <[_; 2]>::from(tokio::join!(call("alive"), call("dripping"))) {
        assert_eq!(code, "upstream_timeout");
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    bench.drain().await;
}

#[tokio::test]
async fn credentials_go_to_the_server_and_are_renewed() {
    let given = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&given);
    let token = post(move |headers: HeaderMap, body: String| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_eq!(headers["authorization"], "Basic bWU6c2VjcmV0LXZhbHVl");
            assert!(body.starts_with("grant_type=client_credentials&resource=http%3A%2F%2F127.0.0.1%3A"), "{body}");
            assert!(body.ends_with("%2Fmcp&scope=tools+call"), "{body}");
            axum::Json(json!({ "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 3600 }))
        }
    });
    let tokens = serve(Router::new().route("/token", token)).await + "/token";
    let url = server(|headers, request| async move {
        // The first token is revoked before its time.
        let presented = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        match presented.as_deref() {
            Some("Bearer token-0") | None => StatusCode::UNAUTHORIZED.into_response(),
            Some("Bearer token-1") => begin(&request)
                .unwrap_or_else(|| result(&request, json!({ "content": [{ "type": "text", "text": "done" }] }))),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let credential = Credential::Oauth {
        token_url: tokens,
        client_id: "me".into(),
        secret: "tools".into(),
        scope: Some("tools call".into()),
        resource: None,
    };
    let transport = Transport::Http { url, headers: [].into(), credential: Some(credential) };
    let bench = Bench::with(vec![ServerConfig::new("guarded", transport)]).await;
    let missing = bench.server("guarded").about().await.unwrap_err();
    assert!(missing.to_string().contains("mizzen keys add tools"), "{missing}");
    bench.control.providers().put("tools", ProviderKey::Secret("secret-value".into())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let client = bench.client("guarded", "x", no_capabilities()).await.unwrap();
    assert_eq!(client.call("t", json!({})).await.text(), "done");
    assert_eq!(given.load(Ordering::SeqCst), 2);
    bench.drain().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_known_to_hang_when_nobody_waited_for_it() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let url = server(move |_, request| {
        let counted = Arc::clone(&counted);
        async move {
            if request["method"] == "tools/list" && counted.fetch_add(1, Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            begin(&request).unwrap_or_else(|| error(&request, -32601))
        }
    })
    .await;
    let bench = Bench::with(vec![ServerConfig { call_timeout_seconds: 1, ..http("hanging", url) }]).await;
    assert_eq!(bench.tools("hanging").await.len(), 1);
    let hanging = bench.server("hanging");
    assert!(tokio::time::timeout(Duration::from_millis(200), hanging.refresh()).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(5);
    while hanging.status().state != State::Failing {
        assert!(Instant::now() < deadline, "it went on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    assert_eq!(hanging.list(ListKind::Tools).await.unwrap_err().code(), "upstream_timeout");
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    bench.drain().await;
}

#[tokio::test]
async fn a_stream_that_ends_a_little_after_its_answer_leaves_its_connection_for_the_next_call() {
    let connections = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&connections);
    let handler = post(move |ConnectInfo(client): ConnectInfo<SocketAddr>, body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        if request["method"] != "tools/call" {
            return begin(&request).unwrap_or_else(|| error(&request, -32601));
        }
        seen.lock().unwrap().insert(client);
        let said = json!({ "jsonrpc": "2.0", "id": request["id"], "result": { "content": [] } });
        let answer = stream::once(async move { Ok::<_, Infallible>(format!("data: {said}\n\n")) });
        let end = stream::once(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(": the end\n\n".to_owned())
        });
        ([("content-type", "text/event-stream")], Body::from_stream(answer.chain(end))).into_response()
    });
    let url = serve(Router::new().route("/mcp", handler)).await + "/mcp";
    let bench = Bench::with(vec![http("late", url)]).await;
    let client = bench.client("late", "one", no_capabilities()).await.unwrap();
    for _ in 0..6 {
        client.call("t", json!({})).await.result();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // One, and another where a busy machine was late.
    let connections = connections.lock().unwrap().len();
    assert!(connections <= 2, "{connections}");
    bench.drain().await;
}
