//! What a call brings into its run is kept before anything that its server says reaches the client.

use std::sync::Arc;

use mizzen_control::gate::Recorded;
use mizzen_mcp::seam::{Era, FromServer, ListKind};
use mizzen_model::asked::Taint;
use serde_json::json;
use tokio::sync::mpsc;

use crate::double::{Double, raw};
use crate::harness::{Events, Harness};

const PRIVATE: Taint = Taint { private_data: true, untrusted_content: false, outside_reached: false };

const OUTSIDE: Taint = Taint { private_data: false, untrusted_content: false, outside_reached: true };

/// Says something private in the middle of a call that never ends, in a log message or in a question.
fn leaking(method: &'static str) -> Arc<Double> {
    let double = Double::new("bank", Era::Stateful, move |_, _, events: mpsc::Sender<FromServer>| async move {
        let params = Some(raw(&json!({ "level": "error", "data": "secret", "message": "secret" })));
        let (answer, answered) = tokio::sync::oneshot::channel();
        let event = match method {
            "elicitation/create" => FromServer::Request { method: method.to_owned(), params, answer },
            _ => FromServer::Notification { method: method.to_owned(), params },
        };
        events.send(event).await.unwrap();
        answered.await.ok();
        std::future::pending().await
    });
    double.has(ListKind::Tools, [json!({ "name": "read" })]);
    *double.touches.lock().unwrap() = PRIVATE;
    double
}

/// What the run of a further call had touched.
async fn seen(harness: &Harness, decisions: &mut mpsc::Receiver<Recorded>) -> Taint {
    while decisions.try_recv().is_ok() {}
    harness.ask("/mcp", "tools/call", &json!({ "name": "plain__x" })).await;
    decisions.recv().await.unwrap().taint
}

#[tokio::test]
async fn a_message_or_a_question_in_the_middle_of_a_call_counts_like_its_result() {
    for method in ["notifications/message", "elicitation/create"] {
        let harness = Harness::new(&[leaking(method), Double::plain("plain", Era::Stateful, &["x"])]).await;
        let mut decisions = harness.control.decisions().unwrap();
        let client = harness.open("/mcp", &json!({ "elicitation": {} })).await;
        let mut events = Events::of(client.begin("tools/call", &json!({ "name": "bank__read" })).await);
        assert_eq!(events.next().await.unwrap()["method"], method);
        drop(events);
        assert_eq!(seen(&harness, &mut decisions).await, PRIVATE, "{method}");
    }
}

#[tokio::test]
async fn a_question_that_parks_a_call_counts_like_its_result() {
    let harness = Harness::new(&[leaking("elicitation/create"), Double::plain("plain", Era::Stateful, &["x"])]).await;
    let mut decisions = harness.control.decisions().unwrap();
    let asked = json!({ "name": "bank__read" });
    let parked = harness.ask_as("/mcp", "tools/call", &asked, &json!({ "elicitation": {} })).await;
    assert_eq!(parked.result()["resultType"], "input_required");
    assert_eq!(seen(&harness, &mut decisions).await, PRIVATE);
}

#[tokio::test]
async fn what_a_server_says_by_itself_counts_like_its_results() {
    let bank = Double::plain("bank", Era::Stateful, &["x"]);
    *bank.touches.lock().unwrap() = OUTSIDE;
    let harness = Harness::new(&[bank.clone(), Double::plain("plain", Era::Stateful, &["x"])]).await;
    let mut decisions = harness.control.decisions().unwrap();
    let client = harness.open("/mcp", &json!({})).await;
    client.ask("tools/call", &json!({ "name": "bank__x" })).await;
    *bank.touches.lock().unwrap() = PRIVATE;
    let mut events = client.listen().await;
    let saying = async {
        let news = loop {
            if let Some(news) = bank.news.lock().unwrap().clone() {
                break news;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        let params = Some(raw(&json!({ "level": "info", "data": "secret" })));
        news.send(FromServer::Notification { method: "notifications/message".into(), params }).await.unwrap();
    };
    let (heard, ()) = tokio::join!(events.next(), saying);
    assert_eq!(heard.unwrap()["params"]["data"], "secret");
    assert_eq!(seen(&harness, &mut decisions).await, PRIVATE.union(OUTSIDE));
}
