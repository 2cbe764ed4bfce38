//! What comes without being asked for.

use std::sync::Arc;

use http::{Method, StatusCode};
use mizzen_control::keys::NewKey;
use mizzen_control::pauses::{PauseKind, Reach};
use mizzen_control::policies::{By, Expected, PolicyKind, PolicySettings};
use mizzen_control::versions::{AgentVersion, AgentVersions};
use mizzen_mcp::seam::{Era, FromServer, ListKind, Names};
use mizzen_model::id::Digest;
use mizzen_model::permission::Evidence;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use serde_json::json;

use crate::double::{Double, raw};
use crate::harness::{Events, Got, Harness, attribute};

fn followed() -> Arc<Double> {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    double.has(ListKind::Resources, [json!({ "uri": "file:///a", "name": "a" })]);
    double
}

async fn update(double: &Double, uri: &str) {
    let news = double.listener().await;
    let method = "notifications/resources/updated".to_owned();
    news.send(FromServer::Notification { method, params: Some(raw(&json!({ "uri": uri }))) }).await.unwrap();
}

#[tokio::test]
async fn a_stateless_client_hears_what_it_asked_for_and_nothing_else() {
    let double = followed();
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let wanted = json!({ "notifications": {
        "toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["file:///a", "nobody://x"],
    }});
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let mut events = Events::of(harness.send(request, &body).await);
    let first = events.next().await.unwrap();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    // The server has no prompts. Only it can know whether there is a resource that it does not list.
    let agreed = json!({ "toolsListChanged": true, "resourceSubscriptions": ["file:///a", "nobody://x"] });
    assert_eq!(first["params"]["notifications"], agreed);
    let id = "io.modelcontextprotocol/subscriptionId";
    assert_eq!(first["params"]["_meta"][id], 7);
    let changing = async {
        double.has(ListKind::Resources, [json!({ "uri": "file:///a", "name": "b" })]);
        harness.views.announce();
        update(&double, "file:///a").await;
        double.has(ListKind::Tools, [json!({ "name": "other" })]);
        harness.views.announce();
    };
    let (second, ()) = tokio::join!(events.next(), changing);
    let heard = [second.unwrap(), events.next().await.unwrap()];
    let mut methods: Vec<_> = heard.iter().map(|message| message["method"].as_str().unwrap()).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["notifications/resources/updated", "notifications/tools/list_changed"]);
    assert!(heard.iter().all(|message| message["params"]["_meta"][id] == 7), "{heard:?}");
    // Drained, the stream ends with its result.
    let (report, last) = tokio::join!(harness.tasks.drain(std::time::Duration::from_secs(5)), events.next());
    assert!(report.is_complete());
    assert_eq!(last.unwrap()["result"]["_meta"][id], 7);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_stateful_client_hears_on_its_stream_what_it_follows() {
    let double = followed();
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp", &json!({})).await;
    client.ask("tools/call", &json!({ "name": "files__read" })).await;
    assert_eq!(client.ask("resources/subscribe", &json!({ "uri": "file:///a" })).await.result(), &json!({}));
    assert_eq!(client.ask("resources/subscribe", &json!({ "uri": "nobody://x" })).await.last()["result"], json!({}));
    let mut events = client.listen().await;
    let (heard, ()) = tokio::join!(events.next(), update(&double, "file:///a"));
    assert_eq!(heard.unwrap()["params"]["uri"], "file:///a");
    assert!(double.interests.lock().unwrap().iter().any(|interest| interest.unsolicited));
    // A newer stream takes over.
    let before = looks(&double);
    let mut newer = client.listen().await;
    assert!(events.next().await.is_none());
    let changing = async {
        // What it compares with.
        looked_after(&double, before).await;
        double.has(ListKind::Tools, [json!({ "name": "read" }), json!({ "name": "write" })]);
        harness.views.announce();
    };
    let (heard, ()) = tokio::join!(newer.next(), changing);
    assert_eq!(heard.unwrap()["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn streams_are_bounded_for_each_caller() {
    let mut harness = Harness::with(&[followed()], |config| config.limits.streams_per_caller_max = 1).await;
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let mut held = Events::of(harness.send(request, &body).await);
    held.next().await.unwrap();
    assert_eq!(harness.ask("/mcp", "subscriptions/listen", &wanted).await.code(), -32012);
    harness.key = harness.mint("bob").await;
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    Events::of(harness.send(request, &body).await).next().await.unwrap();
}

#[tokio::test]
async fn a_sessions_new_stream_has_the_place_of_its_old_one_though_nobody_reads_that() {
    let double = followed();
    let harness = Harness::with(std::slice::from_ref(&double), |config| {
        config.limits.streams_per_caller_max = 1;
        config.timeouts.resume_seconds = 0;
    })
    .await;
    let (client, other) = (harness.open("/mcp", &json!({})).await, harness.open("/mcp", &json!({})).await);
    client.ask("resources/subscribe", &json!({ "uri": "file:///a" })).await.result();
    let _unread = client.listen().await;
    for _ in 0..4 {
        update(&double, "file:///a").await;
    }
    let refused = Got::read(harness.send(other.builder(Method::GET), "").await).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, -32012));
    double.news.lock().unwrap().take();
    let mut newer = client.listen().await;
    let (heard, ()) = tokio::join!(newer.next(), update(&double, "file:///a"));
    assert_eq!(heard.unwrap()["params"]["uri"], "file:///a");
    drop(newer);
    let given_back = async {
        while !harness.metrics.render().contains("mizzen_mcp_streams 0\n") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), given_back).await.expect("a free place within 10 s");
    other.listen().await;
}

#[tokio::test]
async fn tasks_are_told_only_to_clients_that_know_them() {
    let harness = Harness::new(&[followed()]).await;
    let wanted = json!({ "notifications": { "taskIds": ["a"] } });
    let got = harness.ask("/mcp", "subscriptions/listen", &wanted).await;
    assert_eq!(got.code(), -32021);
}

#[tokio::test]
async fn who_listens_takes_no_place_among_the_calls() {
    let harness = Harness::with(&[followed()], |config| config.limits.calls_in_flight_max = 1).await;
    let client = harness.open("/mcp", &json!({})).await;
    let _session = client.listen().await;
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let mut events = Events::of(harness.send(request, &body).await);
    events.next().await.unwrap();
    let called = harness.ask("/mcp", "tools/call", &json!({ "name": "files__read" })).await;
    assert_eq!(called.text(), "files:read");
    assert!(harness.metrics.render().contains("mizzen_mcp_streams 2\n"));
}

#[tokio::test]
async fn who_listens_hears_no_more_once_the_key_is_revoked() {
    let harness = Harness::new(&[followed()]).await;
    let client = harness.open("/mcp", &json!({})).await;
    let mut session = client.listen().await;
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let mut events = Events::of(harness.send(request, &body).await);
    events.next().await.unwrap();
    let key = harness.control.snapshot().identify(&harness.key).unwrap().key_id;
    harness.control.keys().revoke(&key).await.unwrap();
    assert!(session.next().await.is_none());
    assert!(events.next().await.unwrap()["result"].is_object(), "it ends in its own way");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn what_is_followed_is_an_entry_and_a_span_and_ends_with_a_stop() {
    let mut harness = Harness::new(&[followed()]).await;
    {
        let client = harness.open("/mcp", &json!({})).await;
        let uri = json!({ "uri": "file:///a" });
        client.ask("resources/subscribe", &uri).await.result();
        let mut stream = client.listen().await;
        let wanted = json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["file:///a"] } });
        let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
        let mut stateless = Events::of(harness.send(request, &body).await);
        stateless.next().await.unwrap();
        harness.control.pauses().pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
        assert_eq!(stream.next().await, None, "the stream is closed");
        assert_eq!(stateless.next().await.unwrap()["result"]["resultType"], "complete");
        assert_eq!(client.ask("resources/subscribe", &uri).await.last()["error"]["data"]["code"], "paused");
        let refused = Got::read(harness.send(client.builder(Method::GET), "").await).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, -32010));
        let refused = harness.ask("/mcp", "subscriptions/listen", &wanted).await;
        assert_eq!(refused.last()["error"]["data"]["code"], "paused");
        // Who is stopped may still let go.
        client.ask("resources/unsubscribe", &uri).await.result();
    }
    let told = async |resource: &str| {
        let entries = harness.entries(resource).await.into_iter().rev();
        entries.map(|entry| (entry.action.unwrap(), entry.code)).collect::<Vec<_>>()
    };
    let paused = Some("paused".to_owned());
    let action = |name: &str, code: &Option<String>| (name.to_owned(), code.clone());
    let subscribed = told("resource:files/file:///a").await;
    assert_eq!(subscribed, [action("resources:subscribe", &None), action("resources:subscribe", &paused)]);
    let listened = told("tool_servers").await;
    let of =
        |code: &Option<String>| listened.iter().filter(|told| **told == action("subscriptions:listen", code)).count();
    assert_eq!((of(&None), of(&paused)), (2, 2), "{listened:?}");
    for (name, error) in [
        ("resources/subscribe", None),
        ("subscriptions/listen", None),
        ("subscriptions/listen", None),
        ("resources/subscribe", Some("paused")),
        ("subscriptions/listen", Some("paused")),
        ("subscriptions/listen", Some("paused")),
    ] {
        let record = harness.record().await;
        assert_eq!((record.name.as_str(), attribute(&record, "error.type")), (name, error));
    }
}

const BOUNDARY: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: alice}
spec:
  mode: enforce
  agents: [alice-agent]
  resources: ['files/*']
  tools:
    - tool: files/read
";

async fn put(harness: &Harness, boundary: &str) {
    let by = By { name: "ada".into(), role: None, reason: "because".into() };
    let policies = harness.control.policies();
    policies.put(PolicyKind::Boundary, "alice", boundary, &Expected::Anything, &by).await.unwrap();
}

/// A server with tools that its caller may see and others, and who listens to it under [`BOUNDARY`] and what `more` adds.
async fn listening(harness: &Harness, more: &str) -> Events {
    harness.control.policies().open(PolicySettings::default(), &Metrics::new()).await.unwrap();
    put(harness, &format!("{BOUNDARY}{more}")).await;
    let wanted = json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["file:///a"] } });
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let mut events = Events::of(harness.send(request, &body).await);
    events.next().await.unwrap();
    events
}

/// How often the tools of a server were asked for.
fn looks(double: &Double) -> usize {
    double.lists_asked.lock().unwrap().iter().filter(|kind| **kind == ListKind::Tools).count()
}

/// Until they were asked for again. Who asked says what it found before it hands on what is sent after this.
async fn looked_after(double: &Double, before: usize) {
    let looked = async {
        while looks(double) == before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), looked).await.expect("a look within 10 s");
}

/// What comes next when nothing does until `quiet` is over and news are sent. The stream is read meanwhile: it does its work only then.
async fn next_after(quiet: impl Future<Output = ()>, events: &mut Events, double: &Double) -> serde_json::Value {
    let news = async {
        quiet.await;
        update(double, "file:///a").await;
    };
    let (heard, ()) = tokio::join!(events.next(), news);
    heard.unwrap()["method"].clone()
}

#[tokio::test]
async fn who_listens_hears_of_changes_of_what_it_may_see_and_of_no_others() {
    const RECHECKED: std::time::Duration = std::time::Duration::from_millis(2500);
    const CHANGED: &str = "notifications/tools/list_changed";
    let double = followed();
    let has = |read: &str, write: &str| {
        double.has(
            ListKind::Tools,
            [json!({ "name": "read", "title": read }), json!({ "name": "write", "title": write })],
        );
    };
    has("a", "a");
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let mut events = listening(&harness, "").await;
    let before = looks(&double);
    has("a", "b");
    harness.views.announce();
    let heard = next_after(looked_after(&double, before), &mut events, &double).await;
    assert_eq!(heard, "notifications/resources/updated", "it is hidden");
    has("b", "b");
    harness.views.announce();
    assert_eq!(events.next().await.unwrap()["method"], CHANGED);
    // No server says anything of it: the rules are other ones.
    put(&harness, &format!("{BOUNDARY}    - tool: files/write\n")).await;
    assert_eq!(events.next().await.unwrap()["method"], CHANGED);
    let before = looks(&double);
    put(&harness, &format!("{BOUNDARY}    - tool: files/write\n    - tool: files/nothing\n")).await;
    let heard = next_after(looked_after(&double, before), &mut events, &double).await;
    assert_eq!(heard, "notifications/resources/updated", "it sees what it saw");
    put(&harness, BOUNDARY).await;
    assert_eq!(events.next().await.unwrap()["method"], CHANGED, "it may no longer");
    let lists = double.lists_asked.lock().unwrap().len();
    let heard = next_after(tokio::time::sleep(RECHECKED), &mut events, &double).await;
    assert_eq!(heard, "notifications/resources/updated");
    assert_eq!(double.lists_asked.lock().unwrap().len(), lists, "nothing changed, and nobody was asked");
}

#[tokio::test]
async fn who_listens_hears_no_server_that_is_no_longer_behind_its_door() {
    let (files, other) = (followed(), Double::plain("other", Era::Stateful, &["read"]));
    let harness = Harness::new(&[files.clone(), other.clone()]).await;
    let client = harness.open("/mcp/plain", &json!({})).await;
    client.ask("resources/subscribe", &json!({ "uri": "file:///a" })).await.result();
    let mut events = client.listen().await;
    update(&files, "file:///a").await;
    assert_eq!(events.next().await.unwrap()["params"]["uri"], "file:///a");
    let news = files.news.lock().unwrap().clone().unwrap();
    harness.views.set("plain", &[other], Names::Plain);
    let closed = tokio::time::timeout(std::time::Duration::from_secs(10), news.closed()).await;
    closed.expect("nobody listens to it after 10 s");
    harness.views.remove("plain");
    while let Some(event) = events.next().await {
        assert!(event["method"].as_str().unwrap().ends_with("/list_changed"), "{event}");
    }
}

#[tokio::test]
async fn who_listens_hears_that_evidence_opened_a_tool() {
    let double = followed();
    double.has(ListKind::Tools, [json!({ "name": "read" }), json!({ "name": "write" })]);
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let subject = Digest::of(b"one");
    let agent = Some("alice-agent".to_owned());
    let new = NewKey { name: "alice".into(), agent, agent_digest: Some(subject.clone()), ..NewKey::default() };
    harness.key = harness.control.keys().mint(new).await.unwrap().1.expose().to_owned();
    let rule = "needs_evidence: {metric: task_success, lower_at_least: 0.95, clusters_at_least: 50}";
    let mut events = listening(&harness, &format!("    - tool: files/write\n      {rule}\n")).await;
    let names = async || harness.ask("/mcp", "tools/list", &json!({})).await.names("tools", "name");
    assert_eq!(names().await, ["files__read"]);
    let as_of: Timestamp = Clock::system().now();
    let evidence = Evidence {
        subject,
        metric: "task_success@1".into(),
        n: 60,
        clusters: 60,
        method: "clopper_pearson".into(),
        alpha: 0.03,
        lower: 0.96,
        upper: 1.0,
        e_value: None,
        as_of,
        sources: vec![Source::Gateway],
    };
    harness.control.evidence().publish("alice-agent", &evidence).await.unwrap();
    assert_eq!(events.next().await.unwrap()["method"], "notifications/tools/list_changed");
    assert_eq!(names().await, ["files__read", "files__write"]);
}

#[tokio::test]
async fn who_listens_hears_that_its_version_was_approved() {
    let double = followed();
    double.has(ListKind::Tools, [json!({ "name": "read" })]);
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let digest = Digest::of(b"one");
    let (agent, agent_digest) = (Some("alice-agent".to_owned()), Some(digest.clone()));
    let new = NewKey { name: "alice".into(), agent, agent_digest, ..NewKey::default() };
    harness.key = harness.control.keys().mint(new).await.unwrap().1.expose().to_owned();
    let mut events = listening(&harness, "  versions: approved\n").await;
    let names = async || harness.ask("/mcp", "tools/list", &json!({})).await.names("tools", "name");
    assert!(names().await.is_empty());
    let approved = AgentVersion { agent: "alice-agent".into(), digest, state: "approved" };
    harness.control.versions().publish(AgentVersions::new([approved]));
    assert_eq!(events.next().await.unwrap()["method"], "notifications/tools/list_changed");
    assert_eq!(names().await, ["files__read"]);
}
