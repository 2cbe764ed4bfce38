//! Streams whose connection broke, and clients that come back for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::StatusCode;
use mizzen_control::pauses::{PauseKind, Reach};
use mizzen_mcp::GatewayConfig;
use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use crate::double::{Double, raw, said};
use crate::harness::{Client, Event, Events, Got, Harness, attribute};

type News = mpsc::Sender<FromServer>;

/// A server that says what the test lets it say, and then `done`.
fn told(words: mpsc::Receiver<&'static str>) -> Arc<Double> {
    let words = Arc::new(Mutex::new(words));
    let double = Double::new("work", Era::Stateful, move |_, params: Value, events: News| {
        let words = Arc::clone(&words);
        async move {
            if params["name"] == "quick" {
                // Long enough for a stream to begin.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                return said("soon");
            }
            let mut words = words.lock().await;
            while let Some(word) = words.recv().await {
                if word == "done" {
                    break;
                }
                let params = Some(raw(&json!({ "level": "info", "data": word })));
                let method = "notifications/message".to_owned();
                events.send(FromServer::Notification { method, params }).await.unwrap();
            }
            said("done")
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "slow" }), json!({ "name": "quick" })]);
    double
}

/// Streams begin at once.
fn at_once(config: &mut GatewayConfig) {
    config.timeouts.resumable_after_millis = 0;
}

async fn call(client: &Client<'_>) -> Events {
    Events::of(client.begin("tools/call", &json!({ "name": "work__slow" })).await)
}

/// The id of the event that begins a stream.
fn primed(event: Option<Event>) -> String {
    let event = event.expect("a first event");
    assert_eq!((event.retry.as_deref(), &event.message), (Some("1000"), &None), "{event:?}");
    event.id.expect("an id")
}

fn word(event: &Event) -> &str {
    event.message.as_ref().unwrap()["params"]["data"].as_str().unwrap()
}

fn text(event: &Event) -> &str {
    event.message.as_ref().unwrap()["result"]["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_call_goes_on_when_its_connection_breaks_and_the_client_gets_what_it_missed() {
    let (words, heard) = mpsc::channel(8);
    let double = told(heard);
    let mut harness = Harness::with(std::slice::from_ref(&double), at_once).await;
    {
        let client = harness.open("/mcp", &json!({})).await;
        let mut stream = call(&client).await;
        let first = primed(stream.event().await);
        words.send("one").await.unwrap();
        let one = stream.event().await.unwrap();
        assert_eq!(word(&one), "one");
        drop(stream);
        for word in ["two", "three", "done"] {
            words.send(word).await.unwrap();
        }
        // From any of its events on, as often as is needed, and only what this stream said.
        let mut other = Events::of(client.begin("tools/call", &json!({ "name": "work__quick" })).await);
        primed(other.event().await);
        assert_eq!(text(&other.event().await.unwrap()), "soon");
        for (after, missed) in [(one.id.as_deref().unwrap(), &["two", "three"][..]), (&first, &["one", "two", "three"])]
        {
            let mut stream = Events::of(client.resume(after).await);
            let mut event = stream.event().await;
            // While the call goes on, the client is told again where it stands.
            if event.as_ref().is_some_and(|event| event.message.is_none()) {
                assert_eq!(primed(event), after);
                event = stream.event().await;
            }
            for expected in missed {
                assert_eq!(word(event.as_ref().unwrap()), *expected);
                event = stream.event().await;
            }
            assert_eq!(text(event.as_ref().unwrap()), "done");
            assert_eq!(stream.event().await, None);
        }
    }
    assert_eq!(double.cancelled.load(Ordering::Relaxed), 0);
    for name in ["tools/call slow", "tools/call quick"] {
        let record = harness.record().await;
        assert_eq!((record.name.as_str(), record.error), (name, None));
    }
}

#[tokio::test]
async fn a_client_that_comes_back_takes_over_a_connection_that_only_looks_alive() {
    let (words, heard) = mpsc::channel(8);
    let harness = Harness::with(&[told(heard)], at_once).await;
    let client = harness.open("/mcp", &json!({})).await;
    let mut dead = call(&client).await;
    let first = primed(dead.event().await);
    let mut stream = Events::of(client.resume(&first).await);
    assert_eq!(primed(stream.event().await), first);
    for word in ["one", "done"] {
        words.send(word).await.unwrap();
    }
    assert_eq!(word(&stream.event().await.unwrap()), "one");
    assert_eq!(text(&stream.event().await.unwrap()), "done");
    assert_eq!(dead.event().await, None);
}

#[tokio::test]
async fn a_stream_is_only_there_for_its_own_session() {
    let (words, heard) = mpsc::channel(8);
    let mut harness = Harness::with(&[told(heard)], at_once).await;
    let mallory = harness.mint("mallory").await;
    let (session, first) = {
        let client = harness.open("/mcp", &json!({})).await;
        let mut stream = call(&client).await;
        let first = primed(stream.event().await);
        words.send("done").await.unwrap();
        stream.event().await.unwrap();
        let other = harness.open("/mcp", &json!({})).await;
        for id in [first.as_str(), "17-0", "junk"] {
            let refused = Got::read(other.resume(id).await).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, -32600), "{id}");
        }
        // A call's answer is not to be had as news.
        let mut news = Events::of(client.resume(&format!("news-{first}")).await);
        assert_eq!(news.next().await.unwrap()["params"]["data"]["code"], "events_dropped");
        (client.session.clone(), first)
    };
    harness.key = mallory;
    let stolen = harness.request(http::Method::GET, "/mcp").header("mcp-session-id", &session);
    let stolen = harness.send(stolen.header("last-event-id", &first), "").await;
    assert_eq!(stolen.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_call_for_which_nobody_comes_back_is_cancelled() {
    let (_words, heard) = mpsc::channel(8);
    let double = told(heard);
    let given_up = |config: &mut GatewayConfig| {
        at_once(config);
        config.timeouts.resume_seconds = 0;
    };
    let mut harness = Harness::with(std::slice::from_ref(&double), given_up).await;
    let first = {
        let client = harness.open("/mcp", &json!({})).await;
        let mut stream = call(&client).await;
        let first = primed(stream.event().await);
        while double.calls() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        first
    };
    assert_eq!(attribute(&harness.record().await, "error.type"), Some("client_gone"));
    assert_eq!(double.cancelled.load(Ordering::Relaxed), 1);
    let client = harness.open("/mcp", &json!({})).await;
    assert_eq!(client.resume(&first).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_too_much_to_keep_is_said_and_so_is_an_answer_that_went() {
    let (words, heard) = mpsc::channel(8);
    let bounded = |config: &mut GatewayConfig| {
        at_once(config);
        config.limits.kept_events_per_session_max = 2;
        config.limits.kept_bytes_per_session_max = 400;
    };
    let long = Double::new("long", Era::Stateful, |_, _, _| async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        said(&"x".repeat(400))
    });
    long.has(ListKind::Tools, [json!({ "name": "run" })]);
    let harness = Harness::with(&[told(heard), long], bounded).await;
    let client = harness.open("/mcp", &json!({})).await;
    let mut stream = call(&client).await;
    let first = primed(stream.event().await);
    drop(stream);
    for word in ["one", "two", "three", "done"] {
        words.send(word).await.unwrap();
    }
    let got = loop {
        let got = Got::read(client.resume(&first).await).await;
        if got.messages.len() == 3 && got.last().get("result").is_some() {
            break got;
        }
    };
    assert_eq!(got.messages[0]["params"]["data"]["code"], "events_dropped");
    assert_eq!(got.messages[0]["params"]["data"]["count"], 2);
    assert_eq!(got.messages[1]["params"]["data"], "three");
    // Whoever reads gets an answer of any size; whoever does not is told that it was done.
    let run = json!({ "name": "long__run" });
    let mut stream = Events::of(client.begin("tools/call", &run).await);
    primed(stream.event().await);
    assert_eq!(text(&stream.event().await.unwrap()).len(), 400);
    let mut stream = Events::of(client.begin("tools/call", &run).await);
    let first = primed(stream.event().await);
    drop(stream);
    let got = Got::read(client.resume(&first).await).await;
    let got = if got.last().get("result").is_some() { Got::read(client.resume(&first).await).await } else { got };
    assert_eq!((got.code(), &got.last()["id"]), (-32012, &json!("q-3")));
    assert_eq!(got.last()["error"]["data"]["code"], "answer_dropped");
    assert!(harness.metrics.render().contains("mizzen_limit_max{limit=\"mcp_kept_bytes\"}"));
}

#[tokio::test]
async fn a_stopped_agent_does_not_get_the_answer_that_waits_for_it() {
    let (words, heard) = mpsc::channel(8);
    let harness = Harness::with(&[told(heard)], at_once).await;
    let client = harness.open("/mcp", &json!({})).await;
    let mut stream = call(&client).await;
    let first = primed(stream.event().await);
    words.send("done").await.unwrap();
    stream.event().await.unwrap();
    let pauses = harness.control.pauses();
    let pause = pauses.pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
    let refused = Got::read(client.resume(&first).await).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, -32010));
    pauses.resume(&pause.id, "ben").await.unwrap();
    assert_eq!(Got::read(client.resume(&first).await).await.text(), "done");
}

#[tokio::test]
async fn a_question_is_asked_again_and_may_be_answered_after_the_client_came_back() {
    let double = Double::new("work", Era::Stateful, |_, _, events: News| async move {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (method, params) = ("elicitation/create".to_owned(), Some(raw(&json!({ "message": "sure?" }))));
        events.send(FromServer::Request { method, params, answer }).await.unwrap();
        Reply::Complete(answered.await.unwrap().unwrap())
    });
    double.has(ListKind::Tools, [json!({ "name": "slow" })]);
    let harness = Harness::new(&[double]).await;
    let client = harness.open("/mcp", &json!({ "elicitation": {} })).await;
    let mut stream = call(&client).await;
    let first = primed(stream.event().await);
    let asked = stream.next().await.unwrap();
    drop(stream);
    let mut stream = Events::of(client.resume(&first).await);
    let again = stream.next().await.unwrap();
    assert_eq!(again, asked);
    client.answer(&again["id"], &json!({ "action": "accept" })).await;
    assert_eq!(stream.next().await.unwrap()["result"], json!({ "action": "accept" }));
}

#[tokio::test]
async fn clients_of_before_get_no_event_without_a_message_and_hang_up_for_good_before_the_first() {
    let (words, heard) = mpsc::channel(8);
    let double = told(heard);
    let harness = Harness::with(std::slice::from_ref(&double), at_once).await;
    let client = harness.open_as("2025-06-18", "/mcp", &json!({})).await;
    let stream = call(&client).await;
    while double.calls() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(stream);
    while double.cancelled.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let mut stream = call(&client).await;
    words.send("one").await.unwrap();
    let one = stream.event().await.unwrap();
    assert_eq!((one.retry.as_deref(), word(&one)), (None, "one"));
    drop(stream);
    words.send("done").await.unwrap();
    assert_eq!(Got::read(client.resume(&one.id.unwrap()).await).await.text(), "done");
}

#[tokio::test]
async fn news_that_came_while_nobody_listened_are_heard_later() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp", &json!({})).await;
    let mut events = client.listen().await;
    let first = primed(events.event().await);
    // The listener has read the lists once it listens.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(events);
    double.has(ListKind::Tools, [json!({ "name": "other" })]);
    harness.views.announce();
    let mut events = Events::of(client.resume(&first).await);
    assert_eq!(primed(events.event().await), first);
    let changed = events.event().await.unwrap();
    assert_eq!(changed.message.unwrap()["method"], "notifications/tools/list_changed");
    // It is the same stream, and goes on.
    double.has(ListKind::Tools, [json!({ "name": "third" })]);
    harness.views.announce();
    let next = events.event().await.unwrap();
    let number = |id: &str| id.rsplit_once('-').map(|(_, number)| number.parse::<u64>().unwrap()).unwrap();
    assert_eq!(number(&next.id.unwrap()), number(&changed.id.unwrap()) + 1);
    // One that is over is followed by another one, after what the client missed of it.
    let newer = client.listen().await;
    assert_eq!(events.event().await, None);
    drop(newer);
    let mut events = Events::of(client.resume(&first).await);
    for _ in 0..2 {
        assert_eq!(events.next().await.unwrap()["method"], "notifications/tools/list_changed");
    }
    let anew = primed(events.event().await);
    assert_ne!(anew.split('-').nth(1), first.split('-').nth(1));
}
