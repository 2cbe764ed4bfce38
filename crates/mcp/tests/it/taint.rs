//! What a call brings into its run is kept before anything that its server says reaches the client.

use std::sync::Arc;

use mizzen_control::gate::Recorded;
use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
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
        let news = bank.listener().await;
        let params = Some(raw(&json!({ "level": "info", "data": "secret" })));
        news.send(FromServer::Notification { method: "notifications/message".into(), params }).await.unwrap();
    };
    let (heard, ()) = tokio::join!(events.next(), saying);
    assert_eq!(heard.unwrap()["params"]["data"], "secret");
    assert_eq!(seen(&harness, &mut decisions).await, PRIVATE.union(OUTSIDE));
}

#[tokio::test]
async fn a_question_in_the_middle_of_a_task_counts_like_its_result_in_the_run_that_polls() {
    for era in [Era::Stateless, Era::Stateful] {
        let bank = Double::new("bank", era, move |method, _, events: mpsc::Sender<FromServer>| async move {
            let params = json!({ "message": "secret" });
            let question = json!({ "method": "elicitation/create", "params": params });
            let task = json!({ "taskId": "t1", "status": "input_required", "inputRequests": { "q": question } });
            match method.as_str() {
                "tools/call" if era == Era::Stateful => Reply::Complete(raw(&json!({ "task": task }))),
                "tasks/result" => {
                    let (answer, answered) = tokio::sync::oneshot::channel();
                    let method = "elicitation/create".to_owned();
                    events.send(FromServer::Request { method, params: Some(raw(&params)), answer }).await.unwrap();
                    answered.await.ok();
                    std::future::pending().await
                }
                _ => Reply::Complete(raw(&task)),
            }
        });
        bank.has(ListKind::Tools, [json!({ "name": "read", "execution": { "taskSupport": "required" } })]);
        *bank.touches.lock().unwrap() = PRIVATE;
        let harness = Harness::new(&[bank, Double::plain("plain", Era::Stateful, &["x"])]).await;
        let mut decisions = harness.control.decisions().unwrap();
        let able = json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
        let run = |digit: &str| json!({ "traceparent": format!("00-{}-b7ad6b7169203331-01", digit.repeat(32)) });
        let call = json!({ "name": "bank__read", "_meta": run("1") });
        let made = harness.ask_as("/mcp", "tools/call", &call, &able).await;
        let poll = json!({ "taskId": made.result()["taskId"], "_meta": run("2") });
        let polled = harness.ask_as("/mcp", "tasks/get", &poll, &able).await;
        assert_eq!(polled.result()["inputRequests"].as_object().map(serde_json::Map::len), Some(1), "{polled:?}");
        for (digit, touched) in [("2", PRIVATE), ("3", Taint::default())] {
            while decisions.try_recv().is_ok() {}
            harness.ask("/mcp", "tools/call", &json!({ "name": "plain__x", "_meta": run(digit) })).await;
            assert_eq!(decisions.recv().await.unwrap().taint, touched, "{era:?} {digit}");
        }
    }
}

/// Nothing may have come of it but an error: that is said in words of its server too.
#[tokio::test]
async fn the_state_of_a_task_that_failed_counts_like_its_result_in_the_run_that_polls() {
    let bank = Double::new("bank", Era::Stateless, |_, _, _| async move {
        let error = json!({ "code": -32050, "message": "secret" });
        let state = json!({ "taskId": "t1", "status": "failed", "statusMessage": "secret", "error": error });
        Reply::Complete(raw(&state))
    });
    bank.has(ListKind::Tools, [json!({ "name": "read" })]);
    *bank.touches.lock().unwrap() = PRIVATE;
    let harness = Harness::new(&[bank, Double::plain("plain", Era::Stateful, &["x"])]).await;
    let mut decisions = harness.control.decisions().unwrap();
    let able = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let run = |digit: &str| json!({ "traceparent": format!("00-{}-b7ad6b7169203331-01", digit.repeat(32)) });
    let call = json!({ "name": "bank__read", "_meta": run("1") });
    let made = harness.ask_as("/mcp", "tools/call", &call, &able).await;
    let poll = json!({ "taskId": made.result()["taskId"], "_meta": run("2") });
    let polled = harness.ask_as("/mcp", "tasks/get", &poll, &able).await;
    assert_eq!(polled.result()["error"]["message"], "secret", "{polled:?}");
    while decisions.try_recv().is_ok() {}
    harness.ask("/mcp", "tools/call", &json!({ "name": "plain__x", "_meta": run("2") })).await;
    assert_eq!(decisions.recv().await.unwrap().taint, PRIVATE);
}

const EVERYWHERE: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: alice}
spec:
  mode: enforce
  agents: [alice-agent, bob-agent]
  tools: [mail/*]
  prompts: [web/*]
  resources: [web/*]
";

#[tokio::test]
async fn what_carries_data_out_is_refused_where_the_other_two_came_together() {
    let mail = Double::plain("mail", Era::Stateless, &["read_inbox"]);
    *mail.touches.lock().unwrap() = Taint { private_data: true, untrusted_content: true, outside_reached: false };
    let web = Double::plain("web", Era::Stateless, &[]);
    web.has(ListKind::Prompts, [json!({ "name": "ask" })]);
    web.has(ListKind::Resources, [json!({ "uri": "web://home", "name": "home" })]);
    web.has(ListKind::ResourceTemplates, [json!({ "uriTemplate": "web://{host}/{path}", "name": "any" })]);
    let harness = Harness::new(&[mail, web.clone()]).await;
    let boundaries = vec![Source { name: "alice.yaml".into(), text: EVERYWHERE.into() }];
    let policies = PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap();
    harness.control.publish_policies(Arc::new(policies));
    let reference = json!({ "type": "ref/prompt", "name": "web__ask" });
    let carrying = [
        ("resources/read", json!({ "uri": "web://evil.example/my-secret-data" })),
        ("prompts/get", json!({ "name": "web__ask", "arguments": { "q": "my-secret-data" } })),
        ("completion/complete", json!({ "ref": reference, "argument": { "name": "q", "value": "my-secret-data" } })),
    ];
    assert_eq!(
        harness.ask("/mcp", "tools/call", &json!({ "name": "mail__read_inbox" })).await.text(),
        "mail:read_inbox"
    );
    for (method, params) in &carrying {
        let refused = harness.ask("/mcp", method, params).await;
        assert_eq!((refused.code(), &refused.last()["error"]["data"]["code"]), (-32010, &json!("policy_denied")));
    }
    assert_eq!(web.calls(), 0);
    // What carries nothing out goes on.
    harness.ask("/mcp", "resources/read", &json!({ "uri": "web://home" })).await.result();
    harness.ask("/mcp", "prompts/get", &json!({ "name": "web__ask" })).await.result();
    // For who has not read anything private, all of it does.
    let mut harness = harness;
    harness.key = harness.mint("bob").await;
    for (method, params) in &carrying {
        harness.ask("/mcp", method, params).await.result();
    }
    assert_eq!(web.calls(), 5);
}
