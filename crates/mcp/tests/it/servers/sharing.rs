//! Connections that several share, and the streams beside their calls.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures::{StreamExt as _, stream};
use mizzen_mcp::seam::{Call, FromServer, Interest};
use mizzen_mcp::servers::{ServerConfig, Transport};
use mizzen_testkit::mcp_fixture;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::misbehaving::{begin, error, result, server};
use super::support::{Bench, http, no_capabilities, raw, serve};

type Methods = Arc<Mutex<Vec<String>>>;

/// A stateful server that notes what it is asked.
async fn noting() -> (String, Methods) {
    let methods = Methods::default();
    let noted = Arc::clone(&methods);
    let url = server(move |_, request| {
        let noted = Arc::clone(&noted);
        async move {
            noted.lock().unwrap().push(request["method"].as_str().unwrap_or_default().to_owned());
            let done = || result(&request, json!({ "content": [{ "type": "text", "text": "done" }] }));
            begin(&request).unwrap_or_else(done)
        }
    })
    .await;
    (url, methods)
}

fn count(methods: &Methods, method: &str) -> usize {
    methods.lock().unwrap().iter().filter(|noted| *noted == method).count()
}

async fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn two_clients_of_one_key_do_not_take_each_others_session_away() {
    let (url, methods) = noting().await;
    let bench = Bench::with(vec![http("a", url)]).await;
    for _ in 0..3 {
        for capabilities in [json!({ "sampling": {} }), json!({ "sampling": {}, "roots": {} })] {
            let client = bench.client("a", "key", capabilities).await.unwrap();
            assert_eq!(client.call("t", json!({})).await.text(), "done");
        }
    }
    // One that all share, and one for each.
    assert_eq!(count(&methods, "initialize"), 3);
    bench.drain().await;
}

#[tokio::test]
async fn a_call_behind_an_open_question_is_told_so_in_its_time() {
    let program = mcp_fixture::program().unwrap().display().to_string();
    let transport = Transport::stdio(program, ["--transport", "stdio", "--eras", "stateful"]);
    let config = ServerConfig { call_timeout_seconds: 1, ..ServerConfig::new("a", transport) };
    let bench = Bench::with(vec![config]).await;
    let client = bench.client("a", "x", json!({ "elicitation": {} })).await.unwrap();
    let (events, mut heard) = mpsc::channel(8);
    let params = Some(raw(&json!({ "name": "test_elicitation", "arguments": { "message": "?" } })));
    let call = Call { method: "tools/call".into(), params, progress: false, log_level: None, permitted: None };
    let asking = client.session.request(call, events, CancellationToken::new());
    let behind = async {
        // The question is kept, and so not answered.
        let _question = heard.recv().await.unwrap();
        let begun = Instant::now();
        let told = client.call("test_simple_text", json!({})).await;
        assert_eq!(told.error().code(), "upstream_busy");
        assert!(begun.elapsed() < Duration::from_secs(3));
    };
    tokio::select! {
        _ = asking => panic!("nobody answered"),
        () = behind => {}
    }
    bench.drain().await;
}

#[tokio::test]
async fn a_resource_is_unsubscribed_from_when_its_last_follower_is_gone() {
    let (url, methods) = noting().await;
    let bench = Bench::with(vec![http("a", url)]).await;
    let interest = || Interest { resources: vec!["file:///a".into()], ..Interest::default() };
    let client = bench.client("a", "x", no_capabilities()).await.unwrap();
    {
        let (events, _heard) = mpsc::channel(8);
        let (other, _also_heard) = mpsc::channel(8);
        let first = client.session.listen(interest(), events, CancellationToken::new());
        let second = client.session.listen(interest(), other, CancellationToken::new());
        let subscribed = wait_for("subscribed", || count(&methods, "resources/subscribe") == 1);
        tokio::select! {
            _ = first => panic!("it ended"),
            _ = second => panic!("it ended"),
            () = subscribed => {}
        }
        assert_eq!(count(&methods, "resources/unsubscribe"), 0);
    }
    wait_for("unsubscribed", || count(&methods, "resources/unsubscribe") == 1).await;
    assert_eq!(count(&methods, "resources/subscribe"), 1);
    bench.drain().await;
}

/// A server whose stream of what belongs to no request is `stream`, the second time that it is asked for.
async fn streaming(events: Vec<Value>) -> String {
    let asked = Arc::new(AtomicU32::new(0));
    let handler = post(|body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        begin(&request).unwrap_or_else(|| error(&request, -32601))
    })
    .get(move || {
        let (events, number) = (events.clone(), asked.fetch_add(1, Ordering::SeqCst));
        async move {
            if number == 0 {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            let events =
                stream::iter(events).map(|event| Ok::<_, Infallible>(Bytes::from(format!("data: {event}\n\n"))));
            let body = Body::from_stream(events.chain(stream::pending()));
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        }
    });
    serve(Router::new().route("/mcp", handler)).await + "/mcp"
}

#[tokio::test]
async fn an_open_question_holds_up_nothing_else_on_the_stream_and_a_busy_server_is_asked_again() {
    let question = json!({ "jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": { "message": "?" } });
    let params = json!({ "level": "info", "data": "heard" });
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": params });
    let bench = Bench::with(vec![http("a", streaming(vec![question, message]).await)]).await;
    let client = bench.client("a", "x", json!({ "elicitation": {} })).await.unwrap();
    let (events, mut heard) = mpsc::channel(8);
    let interest = Interest { unsolicited: true, ..Interest::default() };
    let hearing = async {
        let (mut questions, mut messages) = (Vec::new(), 0);
        while messages == 0 {
            match tokio::time::timeout(Duration::from_secs(10), heard.recv()).await.expect("more on the stream") {
                Some(FromServer::Request { answer, .. }) => questions.push(answer),
                Some(FromServer::Notification { .. }) => messages += 1,
                None => panic!("it ended"),
            }
        }
        assert_eq!(questions.len(), 1);
    };
    tokio::select! {
        _ = client.session.listen(interest, events, CancellationToken::new()) => panic!("it ended"),
        () = hearing => {}
    }
    bench.drain().await;
}

#[tokio::test]
async fn what_needs_no_answer_may_be_answered_with_nothing() {
    let url = server(|_, request| async move {
        match request["method"].as_str() {
            Some("notifications/initialized") => StatusCode::OK.into_response(),
            _ => begin(&request).unwrap_or_else(|| error(&request, -32601)),
        }
    })
    .await;
    let bench = Bench::with(vec![http("terse", url)]).await;
    assert_eq!(bench.tools("terse").await.len(), 1);
    bench.drain().await;
}
