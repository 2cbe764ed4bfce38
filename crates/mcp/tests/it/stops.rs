//! Pauses and stops that come while a client is asked something in the middle of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mizzen_control::pauses::{PauseKind, Reach};
use mizzen_mcp::seam::{ClientAnswer, Era, FromServer, ListKind, Names, Reply};
use mizzen_runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::double::{Double, raw, said};
use crate::harness::{Events, Harness, attribute};

/// A server that asks before it does anything, and how many answers it got.
fn asking() -> (Arc<Double>, Arc<AtomicU32>) {
    let answers = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&answers);
    let double = Double::new("old", Era::Stateful, move |_, _, events: mpsc::Sender<FromServer>| {
        let counted = Arc::clone(&counted);
        async move {
            let (answer, answered) = oneshot::channel();
            let (method, params) = ("elicitation/create".to_owned(), Some(raw(&json!({ "message": "sure?" }))));
            events.send(FromServer::Request { method, params, answer }).await.unwrap();
            if answered.await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            said("done")
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "wipe" })]);
    (double, answers)
}

fn able() -> Value {
    json!({ "elicitation": {} })
}

/// The call with the answer to what its server asked.
async fn with_answer(harness: &Harness) -> Value {
    let mut params = json!({ "name": "old__wipe", "arguments": { "disk": "a" } });
    let asked = harness.ask_as("/mcp", "tools/call", &params, &able()).await.result().clone();
    let (key, _) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    params["inputResponses"] = json!({ key: { "action": "accept", "content": {} } });
    params["requestState"] = asked["requestState"].clone();
    params
}

/// Waits until the server was told that its call is over, and that is written down.
async fn ended(harness: &mut Harness, double: &Double, code: &str) {
    let record = harness.record().await;
    assert_eq!(attribute(&record, "error.type"), Some(code));
    assert_eq!(double.cancelled.load(Ordering::SeqCst), 1);
    let entries = harness.entries("tool:old/wipe").await;
    let [entry, permitted] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.code.as_deref(), permitted.code.as_deref()), (Some(code), None));
    assert_eq!(entry.details.get("permitted_by"), permitted.decision.as_ref());
    assert!(harness.metrics.render().contains("mizzen_mcp_parked_calls 0\n"));
}

#[tokio::test]
async fn a_stop_ends_the_call_that_waits_for_its_clients_answer_whether_that_comes_or_not() {
    for is_lifted in [false, true] {
        let (double, answers) = asking();
        let mut harness = Harness::new(std::slice::from_ref(&double)).await;
        let answer = with_answer(&harness).await;
        let pauses = harness.control.pauses();
        let stop = pauses.pause(Reach::Agent("alice-agent".into()), PauseKind::Stop, "odd", "ben").await.unwrap();
        if is_lifted {
            pauses.resume(&stop.id, "ben").await.unwrap();
        }
        ended(&mut harness, &double, "paused").await;
        let late = harness.ask_as("/mcp", "tools/call", &answer, &able()).await;
        if !is_lifted {
            let said = &late.result()["_meta"]["dev.mizzen/decision"];
            assert_eq!((&late.result()["isError"], &said["code"]), (&json!(true), &json!("paused")), "{late:?}");
            assert_eq!(harness.entries("tool:old/wipe").await[0].code.as_deref(), Some("paused"));
            harness.control.pauses().resume(&stop.id, "ben").await.unwrap();
        }
        // Nothing of it is left to go on with.
        let late = harness.ask_as("/mcp", "tools/call", &answer, &able()).await;
        assert_eq!(late.code(), -32602);
        assert!(
            late.last()["error"]["message"].as_str().unwrap().contains("stopped; send the request anew"),
            "{late:?}"
        );
        assert_eq!((double.calls(), answers.load(Ordering::SeqCst)), (1, 0));
    }
}

#[tokio::test]
async fn a_call_whose_client_does_not_come_back_in_time_is_an_entry_and_a_span() {
    let (double, answers) = asking();
    let mut harness = Harness::with(std::slice::from_ref(&double), |config| config.timeouts.answer_seconds = 1).await;
    with_answer(&harness).await;
    ended(&mut harness, &double, "answer_expired").await;
    assert_eq!(answers.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_call_that_waits_does_not_go_on_with_another_definition_than_was_permitted() {
    let changes: [fn(&Double); 2] = [
        |double| double.withhold("wipe", "nobody has approved it"),
        |double| double.has(ListKind::Tools, [json!({ "name": "wipe", "description": "now of all disks" })]),
    ];
    for change in changes {
        let (double, answers) = asking();
        let mut harness = Harness::new(std::slice::from_ref(&double)).await;
        let answer = with_answer(&harness).await;
        change(&double);
        let refused = harness.ask_as("/mcp", "tools/call", &answer, &able()).await;
        let said = &refused.result()["_meta"]["dev.mizzen/decision"];
        assert_eq!((&refused.result()["isError"], &said["code"]), (&json!(true), &json!("definition_changed")));
        assert!(refused.text().contains("the call was ended"), "{refused:?}");
        ended(&mut harness, &double, "definition_changed").await;
        // As it was again, there is nothing left to go on with.
        double.has(ListKind::Tools, [json!({ "name": "wipe" })]);
        assert_eq!(harness.ask_as("/mcp", "tools/call", &answer, &able()).await.code(), -32602);
        assert_eq!(answers.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_call_that_waits_ends_when_its_server_is_no_longer_in_the_profile() {
    let (double, answers) = asking();
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let answer = with_answer(&harness).await;
    harness.views.set("", &[], Names::Prefixed);
    // A state is good for its own request only, and says nothing about another.
    let mut other = answer.clone();
    other["name"] = json!("old__other");
    assert_eq!(harness.ask_as("/mcp", "tools/call", &other, &able()).await.code(), -32602);
    assert_eq!(double.cancelled.load(Ordering::SeqCst), 0);
    let refused = harness.ask_as("/mcp", "tools/call", &answer, &able()).await;
    assert_eq!(refused.code(), -32602);
    assert!(refused.last()["error"]["message"].as_str().unwrap().contains("unknown tool"), "{refused:?}");
    ended(&mut harness, &double, "target_unknown").await;
    assert_eq!(answers.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_pause_refuses_the_answer_and_leaves_the_call_waiting_for_it() {
    let (double, answers) = asking();
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let answer = with_answer(&harness).await;
    let pauses = harness.control.pauses();
    let pause = pauses.pause(Reach::All, PauseKind::Pause, "odd", "ben").await.unwrap();
    let refused = harness.ask_as("/mcp", "tools/call", &answer, &able()).await;
    assert_eq!(refused.result()["_meta"]["dev.mizzen/decision"]["code"], "paused", "{refused:?}");
    assert_eq!(harness.entries("tool:old/wipe").await[0].code.as_deref(), Some("paused"));
    assert_eq!((double.cancelled.load(Ordering::SeqCst), answers.load(Ordering::SeqCst)), (0, 0));
    pauses.resume(&pause.id, "ben").await.unwrap();
    assert_eq!(harness.ask_as("/mcp", "tools/call", &answer, &able()).await.text(), "done");
    assert_eq!((double.calls(), answers.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_goes_nowhere() {
    let (double, answers) = asking();
    let harness = Harness::with(std::slice::from_ref(&double), |config| config.timeouts.answer_seconds = 1).await;
    // A `requestState` tells whole seconds, so that it is good for longer than the call waits when a second has just begun.
    while Clock::system().now().unix_nanos() % 1_000_000_000 > 200_000_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = with_answer(&harness).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(harness.ask_as("/mcp", "tools/call", &answer, &able()).await.code(), -32602);
    assert_eq!(answers.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_client_that_a_stateless_server_wants_to_ask() {
    let double = Double::new("new", Era::Stateless, |_, _, _| async {
        let asked = json!({ "sure": { "method": "elicitation/create", "params": {} } });
        Reply::InputRequired(raw(&json!({ "resultType": "input_required", "inputRequests": asked })))
    });
    double.has(ListKind::Tools, [json!({ "name": "wipe" })]);
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    {
        let client = harness.open("/mcp", &able()).await;
        let mut events = Events::of(client.begin("tools/call", &json!({ "name": "new__wipe" })).await);
        let question = events.next().await.unwrap();
        assert_eq!(question["method"], "elicitation/create");
        harness.control.pauses().pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
        let ended = events.next().await.unwrap();
        assert_eq!(ended["result"]["_meta"]["dev.mizzen/decision"]["code"], "paused", "{ended}");
        // Nobody waits for this any more.
        client.answer(&question["id"], &json!({ "action": "accept" })).await;
    }
    assert_eq!(double.calls(), 1);
    assert_eq!(harness.entries("tool:new/wipe").await[0].code.as_deref(), Some("paused"));
    assert_eq!(attribute(&harness.record().await, "error.type"), Some("paused"));
}

#[tokio::test]
async fn what_a_server_asks_in_no_call_is_not_answered_by_a_stopped_agent() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp", &able()).await;
    client.ask("tools/call", &json!({ "name": "files__read" })).await.result();
    let mut events = client.listen().await;
    let ask = async |answer: oneshot::Sender<ClientAnswer>| {
        let news = double.listener().await;
        let (method, params) = ("elicitation/create".to_owned(), Some(raw(&json!({ "message": "sure?" }))));
        news.send(FromServer::Request { method, params, answer }).await.unwrap();
    };
    let (answer, answered) = oneshot::channel();
    let (question, ()) = tokio::join!(events.next(), ask(answer));
    client.answer(&question.unwrap()["id"], &json!({ "action": "accept" })).await;
    assert!(answered.await.unwrap().is_ok());
    let (answer, answered) = oneshot::channel();
    let (question, ()) = tokio::join!(events.next(), ask(answer));
    harness.control.pauses().pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
    client.answer(&question.unwrap()["id"], &json!({ "action": "accept" })).await;
    assert!(answered.await.is_err(), "there is no answer");
    assert_eq!(harness.refusals().await, ["paused"]);
}
