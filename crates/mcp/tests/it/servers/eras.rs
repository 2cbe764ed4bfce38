//! Both eras over both transports: the same calls, the same results.

use std::time::{Duration, Instant};

use mizzen_mcp::seam::{Directory as _, Era, FromServer, Interest, ListKind, Reply, Upstream as _};
use mizzen_mcp::servers::{ServerConfig, Transport};
use mizzen_testkit::mcp_fixture::{self, Eras};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::support::{Bench, fixture, http, no_capabilities};

pub(super) fn stdio(name: &str, eras: &str) -> ServerConfig {
    let program = mcp_fixture::program().unwrap().display().to_string();
    ServerConfig::new(name, Transport::stdio(program, ["--transport", "stdio", "--eras", eras]))
}

/// Each way to reach the fixture, with the era that must come of it.
async fn ways() -> Vec<(ServerConfig, Era)> {
    vec![
        (http("a", fixture(Eras::Both).await), Era::Stateless),
        (http("a", fixture(Eras::Stateful).await), Era::Stateful),
        (http("a", fixture(Eras::Stateless).await), Era::Stateless),
        (stdio("a", "stateful"), Era::Stateful),
        (stdio("a", "stateless"), Era::Stateless),
    ]
}

#[tokio::test]
async fn every_way_gives_the_same_lists_and_results() {
    for (config, era) in ways().await {
        let way = format!("{} {era:?}", config.target());
        let bench = Bench::with(vec![config]).await;
        let about = bench.server("a").about().await.unwrap();
        assert_eq!(about.era, era, "{way}");
        let tools = bench.tools("a").await;
        assert!(tools.len() > 30, "{way}");
        assert!(tools.iter().all(|tool| tool.withheld.is_none() && tool.facts.pinned), "{way}");
        let simple = tools.iter().find(|tool| tool.key == "test_simple_text").unwrap();
        assert!(
            simple.facts.read_only && !tools.iter().find(|tool| tool.key == "test_sampling").unwrap().facts.read_only
        );
        for (kind, least) in [(ListKind::Prompts, 4), (ListKind::Resources, 4), (ListKind::ResourceTemplates, 1)] {
            assert!(bench.server("a").list(kind).await.unwrap().items.len() >= least, "{way} {kind:?}");
        }
        let client = bench.client("a", "x", no_capabilities()).await.unwrap();
        let outcome = client.call("test_simple_text", json!({})).await;
        assert_eq!(outcome.text(), "This is a simple text response for testing.", "{way}");
        let outcome = client.call("test_tool_with_progress", json!({})).await;
        let progress: Vec<f64> = outcome
            .notifications
            .iter()
            .filter(|(method, _)| method == "notifications/progress")
            .map(|(_, params)| params["progress"].as_f64().unwrap())
            .collect();
        assert_eq!(progress, [0.0, 50.0, 100.0], "{way}");
        let outcome = client.call("test_mirrored_argument", json!({ "region": "Zürich" })).await;
        assert_eq!(outcome.text(), "Region: \"Zürich\"", "{way}");
        let read =
            client.request("resources/read", json!({ "uri": "test://static-text" }), &CancellationToken::new()).await;
        assert!(read.result()["contents"][0]["text"].as_str().unwrap().contains("static text"), "{way}");
        let unknown = client.call("no_such_tool", json!({})).await;
        assert!(matches!(unknown.reply, Ok(Reply::Error(_))), "{way}");
        bench.drain().await;
    }
}

#[tokio::test]
async fn a_stateful_server_asks_its_own_client_and_a_stateless_one_asks_in_its_result() {
    for config in [http("a", fixture(Eras::Stateful).await), stdio("a", "stateful")] {
        let bench = Bench::with(vec![config]).await;
        let client = bench.client("a", "x", json!({ "sampling": {}, "elicitation": {} })).await.unwrap();
        let other = bench.client("a", "y", json!({ "sampling": {} })).await.unwrap();
        let (first, second) = tokio::join!(
            client.call("test_sampling", json!({ "prompt": "?" })),
            other.call("test_sampling", json!({ "prompt": "?" }))
        );
        for outcome in [first, second] {
            assert_eq!((outcome.text().as_str(), outcome.asked.len()), ("LLM response: Paris", 1));
        }
        let outcome = client.call("test_elicitation", json!({ "message": "?" })).await;
        assert!(outcome.text().contains("accept"), "{}", outcome.text());
        // Nobody may be asked on the connection that others share.
        let mute = bench.client("a", "z", no_capabilities()).await.unwrap();
        let outcome = mute.call("test_sampling", json!({ "prompt": "?" })).await;
        assert!(outcome.asked.is_empty() && outcome.result()["isError"] == true);
        bench.drain().await;
    }
    let bench = Bench::with(vec![http("a", fixture(Eras::Stateless).await)]).await;
    let client = bench.client("a", "x", json!({ "elicitation": {} })).await.unwrap();
    let outcome = client.call("test_input_required_result_elicitation", json!({})).await;
    assert!(matches!(outcome.reply, Ok(Reply::InputRequired(_))));
    let answers = json!({ "user_name": { "action": "accept", "content": { "name": "Ada" } } });
    let again = json!({ "name": "test_input_required_result_elicitation", "arguments": {}, "inputResponses": answers });
    let outcome = client.request("tools/call", again, &CancellationToken::new()).await;
    assert_eq!(outcome.text(), "Hello, Ada!");
    bench.drain().await;
}

#[tokio::test]
async fn a_definition_that_changes_is_noticed_by_itself_and_withheld() {
    for (config, _) in ways().await {
        let way = config.target();
        let bench = Bench::with(vec![config]).await;
        let changing = |tools: Vec<mizzen_mcp::seam::Definition>| {
            tools.into_iter().find(|tool| tool.key == "test_changing").unwrap()
        };
        assert_eq!(changing(bench.tools("a").await).withheld, None);
        let mut changed = bench.upstreams.changed();
        // The listener of a stateless server needs a moment before it hears.
        tokio::time::sleep(Duration::from_millis(300)).await;
        changed.mark_unchanged();
        let client = bench.client("a", "x", no_capabilities()).await.unwrap();
        client.call("test_trigger_tool_change", json!({})).await.result();
        tokio::time::timeout(Duration::from_secs(5), changed.changed()).await.expect(&way).unwrap();
        let tool = changing(bench.tools("a").await);
        assert!(tool.withheld.unwrap().contains("changed since it was approved"), "{way}");
        assert!(!tool.facts.pinned);
        let digest = tool.facts.digest.unwrap();
        bench.upstreams.approve("a", "test_changing", &digest, "ada").await.unwrap();
        assert_eq!(changing(bench.tools("a").await).withheld, None, "{way}");
        bench.drain().await;
    }
}

#[tokio::test]
async fn subscriptions_are_heard_in_both_eras() {
    for (config, _) in ways().await {
        let way = config.target();
        let bench = Bench::with(vec![config]).await;
        let client = bench.client("a", "x", no_capabilities()).await.unwrap();
        let (events, mut heard) = mpsc::channel(8);
        let cancel = CancellationToken::new();
        let interest = Interest { resources: vec!["test://watched-resource".into()], ..Interest::default() };
        let triggering = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.call("test_trigger_resource_update", json!({})).await.result();
            loop {
                match tokio::time::timeout(Duration::from_secs(5), heard.recv()).await.expect(&way) {
                    Some(FromServer::Notification { method, .. }) if method == "notifications/resources/updated" => {
                        break;
                    }
                    // What was agreed to is between the server and the gateway: its client was told what that agrees to.
                    Some(FromServer::Notification { method, .. }) => {
                        assert!(!method.starts_with("notifications/subscriptions/"), "{way}: {method}");
                    }
                    Some(_) => {}
                    None => panic!("{way}: it ended"),
                }
            }
            cancel.cancel();
        };
        let (listened, ()) = tokio::join!(client.session.listen(interest, events, cancel.clone()), triggering);
        listened.unwrap();
        bench.drain().await;
    }
}

#[tokio::test]
async fn who_listens_is_told_when_the_connection_is_replaced() {
    for (config, _) in ways().await {
        let way = config.target();
        let bench = Bench::with(vec![config]).await;
        let client = bench.client("a", "x", no_capabilities()).await.unwrap();
        let (events, _heard) = mpsc::channel(8);
        let interest = Interest { resources: vec!["test://watched-resource".into()], ..Interest::default() };
        let replacing = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            bench.server("a").refresh().await.unwrap();
        };
        let listening = client.session.listen(interest, events, CancellationToken::new());
        let both = async { tokio::join!(listening, replacing) };
        let (listened, ()) = tokio::time::timeout(Duration::from_secs(10), both).await.expect(&way);
        assert_eq!(listened.unwrap_err().code(), "upstream_lost", "{way}");
        bench.drain().await;
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_ends_at_once() {
    for (config, _) in ways().await {
        let way = config.target();
        let bench = Bench::with(vec![config]).await;
        let client = bench.client("a", "x", no_capabilities()).await.unwrap();
        let cancel = CancellationToken::new();
        let params = json!({ "name": "slow_compute", "arguments": { "seconds": 20 } });
        let begun = Instant::now();
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(client.request("tools/call", params, &cancel), stopping);
        assert_eq!(outcome.error().code(), "cancelled", "{way}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{way}");
        assert_eq!(client.call("test_simple_text", json!({})).await.notifications.len(), 0);
        bench.drain().await;
    }
}
