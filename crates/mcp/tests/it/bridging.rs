//! Clients of one era before servers of the other.

use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::double::{Double, raw, said};
use crate::harness::{Events, Harness};

/// A stateful server that asks the client's name in the middle of its only tool.
fn asking() -> std::sync::Arc<Double> {
    let double = Double::new("old", Era::Stateful, |_, _, events: mpsc::Sender<FromServer>| async move {
        let mut names = Vec::new();
        for question in ["first", "last"] {
            let (answer, answered) = oneshot::channel();
            let params = raw(&json!({ "message": question, "requestedSchema": { "type": "object" } }));
            let request = FromServer::Request { method: "elicitation/create".into(), params: Some(params), answer };
            events.send(request).await.unwrap();
            match answered.await.unwrap() {
                Ok(result) => {
                    let result: Value = serde_json::from_str(result.get()).unwrap();
                    names.push(result["content"]["name"].as_str().unwrap_or("nobody").to_owned());
                }
                Err(error) => return Reply::Error(error),
            }
        }
        said(&format!("hello {}", names.join(" ")))
    });
    double.has(ListKind::Tools, [json!({ "name": "greet" })]);
    double
}

/// A stateless server that needs two rounds, and whose state must come back.
fn rounds() -> std::sync::Arc<Double> {
    let double = Double::new("new", Era::Stateless, |_, params: Value, _| async move {
        let answer = |key: &str| params["inputResponses"][key]["content"]["name"].as_str().map(str::to_owned);
        let (key, state) = match (params["requestState"].as_str(), answer("first"), answer("last")) {
            (None, _, _) => ("first", "s1".to_owned()),
            (Some("s1"), Some(first), _) => ("last", format!("s2 {first}")),
            (Some(state), _, Some(last)) if state.starts_with("s2 ") => {
                return said(&format!("hello {} {last}", &state[3..]));
            }
            _ => return Reply::Error(raw(&json!({ "code": -32602, "message": "bad state" }))),
        };
        Reply::InputRequired(raw(&json!({
            "resultType": "input_required", "requestState": state,
            "inputRequests": { key: { "method": "elicitation/create", "params": { "message": key } } },
        })))
    });
    double.has(ListKind::Tools, [json!({ "name": "greet" })]);
    double
}

const ELICITATION: &str = r#"{"elicitation":{}}"#;

fn elicitation() -> Value {
    serde_json::from_str(ELICITATION).unwrap()
}

/// Answers whatever it is asked with `Ada`, then `Lovelace`, as a stateless client does.
async fn greet_stateless(harness: &Harness, tool: &str) -> Vec<Value> {
    let mut params = json!({ "name": tool, "arguments": { "loud": false } });
    let mut results = Vec::new();
    for name in ["Ada", "Lovelace"] {
        let got = harness.ask_as("/mcp", "tools/call", &params, &elicitation()).await;
        let result = got.result().clone();
        assert_eq!(result["resultType"], "input_required", "{result}");
        let (key, request) = result["inputRequests"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(request["method"], "elicitation/create");
        params["inputResponses"] = json!({ key: { "action": "accept", "content": { "name": name } } });
        params["requestState"] = result["requestState"].clone();
        results.push(result);
    }
    results.push(harness.ask_as("/mcp", "tools/call", &params, &elicitation()).await.result().clone());
    results
}

#[tokio::test]
async fn a_stateless_client_answers_a_stateful_server() {
    let double = asking();
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let results = greet_stateless(&harness, "old__greet").await;
    assert_eq!(results[0]["inputRequests"].as_object().unwrap().values().next().unwrap()["params"]["message"], "first");
    assert_eq!(results[2]["content"][0]["text"], "hello Ada Lovelace");
    // It was one call all the time.
    assert_eq!(double.calls(), 1);
}

#[tokio::test]
async fn a_stateless_client_that_comes_without_the_answer_is_asked_again() {
    let harness = Harness::new(&[asking()]).await;
    let params = json!({ "name": "old__greet" });
    let first = harness.ask_as("/mcp", "tools/call", &params, &elicitation()).await.result().clone();
    let again =
        json!({ "name": "old__greet", "requestState": first["requestState"], "inputResponses": { "other": {} } });
    let second = harness.ask_as("/mcp", "tools/call", &again, &elicitation()).await.result().clone();
    assert_eq!(second["inputRequests"], first["inputRequests"]);
    assert_ne!(second["requestState"], first["requestState"]);
}

#[tokio::test]
async fn a_parked_call_that_nobody_comes_back_for_is_cancelled() {
    let double = asking();
    let harness = Harness::with(std::slice::from_ref(&double), |config| config.limits.parked_max = 1).await;
    let (params, capabilities) = (json!({ "name": "old__greet" }), elicitation());
    let call = || harness.ask_as("/mcp", "tools/call", &params, &capabilities);
    assert_eq!(call().await.result()["resultType"], "input_required");
    // The second finds no place, and its server is told.
    let refused = call().await;
    assert_eq!(refused.code(), -32012);
    assert_eq!(double.cancelled.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn one_caller_has_not_all_the_places_of_calls_that_wait() {
    let double = asking();
    let mut harness =
        Harness::with(std::slice::from_ref(&double), |config| config.limits.parked_per_caller_max = 1).await;
    let (params, capabilities) = (json!({ "name": "old__greet" }), elicitation());
    let call = async |harness: &Harness| harness.ask_as("/mcp", "tools/call", &params, &capabilities).await;
    assert_eq!(call(&harness).await.result()["resultType"], "input_required");
    let refused = call(&harness).await;
    assert_eq!(refused.code(), -32012);
    let message = refused.last()["error"]["message"].as_str().unwrap();
    assert!(message.contains("`mcp_parked_calls_per_caller`") && message.contains("answer some"), "{message}");
    harness.key = harness.mint("bob").await;
    assert_eq!(call(&harness).await.result()["resultType"], "input_required");
}

#[tokio::test]
async fn a_stateless_client_and_server_go_round_by_round() {
    let double = rounds();
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let results = greet_stateless(&harness, "new__greet").await;
    assert_ne!(results[0]["requestState"], "s1", "the state is ours");
    assert_eq!(results[2]["content"][0]["text"], "hello Ada Lovelace");
    assert_eq!(double.calls(), 3);
}

/// Asks as a stateful client that answers what comes on its stream.
async fn greet_stateful(harness: &Harness, tool: &str) -> Value {
    let client = harness.open("/mcp", &elicitation()).await;
    let mut events = Events::of(client.begin("tools/call", &json!({ "name": tool })).await);
    let mut names = ["Ada", "Lovelace"].into_iter();
    while let Some(message) = events.next().await {
        if message["method"] == "elicitation/create" {
            let name = names.next().expect("two questions");
            client.answer(&message["id"], &json!({ "action": "accept", "content": { "name": name } })).await;
        } else {
            return message;
        }
    }
    panic!("no answer");
}

#[tokio::test]
async fn a_stateful_client_answers_servers_of_both_eras() {
    let (old, new) = (asking(), rounds());
    let harness = Harness::new(&[old, new.clone()]).await;
    for tool in ["old__greet", "new__greet"] {
        let answer = greet_stateful(&harness, tool).await;
        assert_eq!(answer["result"]["content"][0]["text"], "hello Ada Lovelace", "{tool}: {answer}");
        assert_eq!(answer["id"], "q-1");
    }
    assert_eq!(new.calls(), 3);
}

#[tokio::test]
async fn who_did_not_say_that_it_can_be_asked_is_not() {
    let harness = Harness::new(&[asking(), rounds()]).await;
    let old = harness.ask("/mcp", "tools/call", &json!({ "name": "old__greet" })).await;
    assert_eq!(old.code(), -32601);
    let client = harness.open("/mcp", &json!({})).await;
    assert_eq!(client.ask("tools/call", &json!({ "name": "new__greet" })).await.code(), -32603);
}

#[tokio::test]
async fn a_server_that_asks_without_end_is_stopped() {
    let double = Double::new("new", Era::Stateless, |_, _, _| async {
        Reply::InputRequired(raw(&json!({ "resultType": "input_required", "requestState": "again" })))
    });
    double.has(ListKind::Tools, [json!({ "name": "greet" })]);
    let harness = Harness::with(std::slice::from_ref(&double), |config| config.limits.rounds_max = 3).await;
    let client = harness.open("/mcp", &json!({})).await;
    assert_eq!(client.ask("tools/call", &json!({ "name": "new__greet" })).await.code(), -32012);
    assert_eq!(double.calls(), 4);
}
