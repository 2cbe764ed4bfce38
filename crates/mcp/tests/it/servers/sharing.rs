//! Connections that several share, and the streams beside their calls.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mizzen_mcp::seam::{Call, Interest};
use mizzen_mcp::servers::{ServerConfig, Transport};
use mizzen_testkit::mcp_fixture;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::misbehaving::{begin, result, server};
use super::support::{Bench, http, no_capabilities, raw};

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
    let call = Call { method: "tools/call".into(), params, progress: false, log_level: None };
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
