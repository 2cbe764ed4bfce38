//! Tasks between a client of one era and a server of the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mizzen_control::pauses::{PauseKind, Reach};
use mizzen_control::secrets::SecretsAction;
use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_mcp::GatewayConfig;
use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::double::{Double, raw, said};
use crate::harness::{Events, Got, Harness};

const RELATED: &str = "io.modelcontextprotocol/related-task";
const AWS: &str = "AKIAIOSFODNN7EXAMPLE";
const BOUNDARY: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: all}
spec:
  mode: enforce
  agents: ['*']
  tools:
    - {tool: jobs/run, redact: [/structuredContent/iban]}
    - tool: jobs/plain
";

async fn bounded(double: &Arc<Double>, change: impl FnOnce(&mut GatewayConfig)) -> Harness {
    let harness = Harness::with(std::slice::from_ref(double), change).await;
    let boundaries = vec![Source { name: "all.yaml".into(), text: BOUNDARY.into() }];
    let policies = PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap();
    harness.control.publish_policies(Arc::new(policies));
    harness
}

fn result_of(task: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": task }], "structuredContent": { "iban": "DE89", "amount": 5 } })
}

/// What a client of 2026-07-28 declares.
fn polls() -> Value {
    json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

/// Asks once, and then the task takes its time.
async fn asks(task: String, answered: &AtomicU32, events: mpsc::Sender<FromServer>) -> Reply {
    let (answer, reply) = oneshot::channel();
    let meta = json!({ RELATED: { "taskId": task } });
    let params = Some(raw(&json!({ "message": "sure?", "_meta": meta })));
    events.send(FromServer::Request { method: "elicitation/create".to_owned(), params, answer }).await.unwrap();
    if let Ok(Ok(said)) = reply.await {
        let said: Value = serde_json::from_str(said.get()).unwrap();
        assert_eq!((&said["action"], &said["_meta"]), (&json!("accept"), &meta));
        answered.fetch_add(1, Ordering::SeqCst);
    }
    std::future::pending().await
}

/// Asks more at once than may be open.
async fn floods(events: mpsc::Sender<FromServer>) -> Reply {
    let mut asked = Vec::new();
    for _ in 0..9 {
        let (answer, answered) = oneshot::channel();
        let method = "elicitation/create".to_owned();
        events.send(FromServer::Request { method, params: None, answer }).await.unwrap();
        asked.push(answered);
    }
    let refused = asked.pop().unwrap().await.unwrap().unwrap_err();
    assert!(refused.get().contains("mcp_rounds"), "{refused}");
    std::future::pending().await
}

/// Of 2025-11-25: `run` is only done as a task, whose id is its argument `kind` and says what becomes of it.
fn old() -> Arc<Double> {
    let answered = Arc::new(AtomicU32::new(0));
    let double = Double::new("jobs", Era::Stateful, move |method, params: Value, events: mpsc::Sender<FromServer>| {
        let answered = Arc::clone(&answered);
        async move {
            let task = params["taskId"].as_str().unwrap_or_default().to_owned();
            let state = |id: &str, status: &str| {
                let at = "2025-11-25T10:30:00Z";
                let times = json!({ "createdAt": at, "lastUpdatedAt": at, "ttl": 60_000, "pollInterval": 500 });
                let mut state = json!({ "taskId": id, "status": status, "statusMessage": "x" });
                state.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
                state
            };
            match (method.as_str(), task.as_str()) {
                ("tools/call", _) if params["name"] == "plain" => said(&format!("task: {}", params["task"])),
                ("tools/call", _) if params.get("task").is_none() => {
                    Reply::Error(raw(&json!({ "code": -32601, "message": "only as a task" })))
                }
                ("tools/call", _) => {
                    let made = state(params["arguments"]["kind"].as_str().unwrap(), "working");
                    Reply::Complete(raw(&json!({ "task": made, "_meta": { "vendor/x": 1 } })))
                }
                ("tasks/get", "done") => Reply::Complete(raw(&state("done", "completed"))),
                ("tasks/get", "sad" | "broken") => Reply::Complete(raw(&state(&task, "failed"))),
                ("tasks/get", "asks") if answered.load(Ordering::SeqCst) > 0 => {
                    Reply::Complete(raw(&state("asks", "completed")))
                }
                ("tasks/get", "asks" | "asks_too" | "mute" | "floods") => {
                    Reply::Complete(raw(&state(&task, "input_required")))
                }
                ("tasks/get", _) => Reply::Complete(raw(&state(&task, "working"))),
                ("tasks/cancel", "done" | "unknown") => {
                    Reply::Error(raw(&json!({ "code": -32602, "message": "no such task, or one that is over" })))
                }
                ("tasks/cancel", _) => Reply::Complete(raw(&state(&task, "cancelled"))),
                ("tasks/result", "floods") => floods(events).await,
                ("tasks/result", "broken") => Reply::Error(raw(&json!({ "code": -32050, "message": "no disk" }))),
                ("tasks/result", "sad") => Reply::Complete(raw(&json!({ "content": [], "isError": true }))),
                ("tasks/result", "mute") => std::future::pending().await,
                ("tasks/result", "asks" | "asks_too") if answered.load(Ordering::SeqCst) == 0 => {
                    asks(task, &answered, events).await
                }
                ("tasks/result", _) => {
                    let mut result = result_of(&task);
                    result["_meta"] = json!({ RELATED: { "taskId": task } });
                    Reply::Complete(raw(&result))
                }
                _ => Reply::Error(raw(&json!({ "code": -32601, "message": method }))),
            }
        }
    });
    let tool = |name: &str, support: &str| json!({ "name": name, "execution": { "taskSupport": support } });
    double.has(ListKind::Tools, [tool("run", "required"), tool("plain", "optional")]);
    double
}

/// The task that a call of a stateless client became.
async fn begin(harness: &Harness, kind: &str) -> Value {
    let call = json!({ "name": "jobs__run", "arguments": { "kind": kind } });
    harness.ask_as("/mcp", "tools/call", &call, &polls()).await.result().clone()
}

async fn poll(harness: &Harness, made: &Value) -> Got {
    harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": made["taskId"] }), &polls()).await
}

#[tokio::test]
async fn a_client_of_2026_is_given_a_task_of_2025_and_its_result_when_it_polls() {
    let double = old();
    let mut harness = bounded(&double, |_| {}).await;
    let discovered = harness.ask("/mcp", "server/discover", &json!({})).await;
    assert_eq!(discovered.result()["capabilities"]["extensions"], json!({ "io.modelcontextprotocol/tasks": {} }));
    let made = begin(&harness, "done").await;
    assert_eq!(double.last_call().1["task"], json!({}));
    let at = "2025-11-25T10:30:00Z";
    let expected = json!({
        "resultType": "task", "taskId": made["taskId"], "status": "working", "statusMessage": "x", "createdAt": at,
        "lastUpdatedAt": at, "ttlMs": 60_000, "pollIntervalMs": 500, "_meta": { "vendor/x": 1 },
    });
    assert_eq!(made, expected);
    assert_ne!(made["taskId"], "done");
    let got = poll(&harness, &made).await.result().clone();
    assert_eq!(
        (&got["resultType"], &got["status"], &got["ttlMs"]),
        (&json!("complete"), &json!("completed"), &json!(60_000))
    );
    // As the permit of the call says; and what the older era says to which task it belongs is not for this one.
    assert_eq!(got["result"]["structuredContent"], json!({ "iban": "[redacted]", "amount": 5 }));
    assert_eq!((&got["taskId"], got["result"]["_meta"].get(RELATED)), (&made["taskId"], None));
    let entries = harness.entries("tool:jobs/run").await;
    assert_eq!(entries[0].action.as_deref(), Some("tasks:get"));

    // A tool that says that it failed has completed; what has no result failed.
    let sad = poll(&harness, &begin(&harness, "sad").await).await.result().clone();
    assert_eq!((&sad["status"], &sad["result"]["isError"]), (&json!("completed"), &json!(true)));
    let broken = poll(&harness, &begin(&harness, "broken").await).await.result().clone();
    assert_eq!((&broken["status"], &broken["error"]["code"]), (&json!("failed"), &json!(-32050)));
    assert_eq!(broken.get("result"), None);

    let slow = begin(&harness, "slow").await;
    assert_eq!(poll(&harness, &slow).await.result()["status"], "working");
    let cancelled = harness.ask_as("/mcp", "tasks/cancel", &json!({ "taskId": slow["taskId"] }), &polls()).await;
    assert_eq!(cancelled.result(), &json!({ "resultType": "complete" }));
    assert_eq!(double.last_call().0, "tasks/cancel");
    assert_eq!(harness.entries("tool:jobs/run").await[0].action.as_deref(), Some("tasks:cancel"));
    // What is over has nothing to be cancelled, which is an error of the older era alone.
    let cancelled = harness.ask_as("/mcp", "tasks/cancel", &json!({ "taskId": made["taskId"] }), &polls()).await;
    assert_eq!(cancelled.result(), &json!({ "resultType": "complete" }));
    let unknown = json!({ "taskId": begin(&harness, "unknown").await["taskId"] });
    assert_eq!(harness.ask_as("/mcp", "tasks/cancel", &unknown, &polls()).await.code(), -32602);

    let calls = double.calls();
    harness.key = harness.mint("mallory").await;
    assert_eq!(poll(&harness, &made).await.code(), -32602);
    assert_eq!(double.calls(), calls);
}

#[tokio::test]
async fn a_server_that_has_the_extension_in_the_older_era_is_asked_as_the_client_asks() {
    let double = Double::new("jobs", Era::Stateful, |method, params: Value, _| async move {
        let state = |status: &str| json!({ "taskId": "one", "status": status, "createdAt": "a", "lastUpdatedAt": "b" });
        let mut said = state("completed");
        match method.as_str() {
            "tools/call" => {
                said = state("working");
                said["resultType"] = "task".into();
            }
            "tasks/get" => said["result"] = result_of(params["taskId"].as_str().unwrap()),
            _ => return Reply::Error(raw(&json!({ "code": -32601, "message": method }))),
        }
        Reply::Complete(raw(&said))
    });
    double.has(ListKind::Tools, [json!({ "name": "run" })]);
    let harness = bounded(&double, |_| {}).await;
    let made = begin(&harness, "one").await;
    assert_eq!((&made["resultType"], &made["status"]), (&json!("task"), &json!("working")));
    let got = poll(&harness, &made).await.result().clone();
    assert_eq!((&got["status"], &got["taskId"]), (&json!("completed"), &made["taskId"]));
    assert_eq!(got["result"]["content"][0]["text"], "one");
    assert_eq!(double.last_call().0, "tasks/get");
}

#[tokio::test]
async fn a_server_of_2025_is_asked_for_a_task_only_where_it_wants_nothing_else() {
    let double = old();
    let harness = bounded(&double, |_| {}).await;
    // It leaves the choice to its client, which has no word for it; what looks like one is not passed on.
    for call in [json!({ "name": "jobs__plain" }), json!({ "name": "jobs__plain", "task": { "ttl": 5 } })] {
        assert_eq!(harness.ask_as("/mcp", "tools/call", &call, &polls()).await.text(), "task: null");
    }
    let calls = double.calls();
    let missing =
        harness.ask("/mcp", "tools/call", &json!({ "name": "jobs__run", "arguments": { "kind": "done" } })).await;
    assert_eq!(missing.code(), -32021);
    let extensions = json!({ "io.modelcontextprotocol/tasks": {} });
    assert_eq!(missing.last()["error"]["data"]["requiredCapabilities"]["extensions"], extensions);
    assert_eq!(double.calls(), calls);
}

#[tokio::test]
async fn what_a_server_of_2025_asks_in_the_middle_of_a_task_is_told_and_answered_by_polling() {
    let double = old();
    let harness = bounded(&double, |config| {
        config.limits.parked_max = 1;
        config.secrets.arguments = SecretsAction::Deny;
    })
    .await;
    let made = begin(&harness, "asks").await;
    let asked = poll(&harness, &made).await.result().clone();
    assert_eq!(asked["status"], "input_required");
    let (key, request) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(request["method"], "elicitation/create");
    assert_eq!((&request["params"]["message"], request["params"]["_meta"].get(RELATED)), (&json!("sure?"), None));
    // It is the same question until it is answered, and the server is not asked for it twice.
    assert_eq!(poll(&harness, &made).await.result()["inputRequests"], asked["inputRequests"]);
    let results = || double.calls.lock().unwrap().iter().filter(|(method, _)| method == "tasks/result").count();
    assert_eq!(results(), 1);
    // There is no room for those of another task, which is said.
    let other = begin(&harness, "asks_too").await;
    assert_eq!(poll(&harness, &other).await.code(), -32012);
    // Who cannot be asked that is not.
    let few = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let got = harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": made["taskId"] }), &few).await;
    assert_eq!((&got.result()["status"], got.result().get("inputRequests")), (&json!("working"), None));

    let update = |key: &str, said: &str| {
        let answer = json!({ "action": "accept", "content": { "why": said } });
        json!({ "taskId": made["taskId"], "inputResponses": { key: answer } })
    };
    let refused = harness.ask_as("/mcp", "tasks/update", &update(key, AWS), &polls()).await;
    assert_eq!(refused.last()["error"]["data"]["code"], "secret_found");
    for key in ["unknown", key.as_str(), key.as_str()] {
        let told = harness.ask_as("/mcp", "tasks/update", &update(key, "yes"), &polls()).await;
        assert_eq!(told.result(), &json!({ "resultType": "complete" }));
    }
    let updates = harness.entries("tool:jobs/run").await;
    let updates: Vec<_> = updates.iter().filter(|entry| entry.action.as_deref() == Some("tasks:update")).collect();
    assert_eq!((updates.len(), updates[3].code.as_deref()), (4, Some("secret_found")));
    let done = loop {
        let got = poll(&harness, &made).await.result().clone();
        if got["status"] != "working" {
            break got;
        }
    };
    assert_eq!(
        (&done["status"], &done["result"]["structuredContent"]["iban"]),
        (&json!("completed"), &json!("[redacted]"))
    );
    // The stream on which it asked is let go of, and there is room again.
    while double.cancelled.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let got = poll(&harness, &begin(&harness, "mute").await).await.result().clone();
    assert_eq!(got["status"], "working", "it needs something and does not say what: {got}");
    let floods = bounded(&old(), |_| {}).await;
    let made = begin(&floods, "floods").await;
    let asked = loop {
        let got = poll(&floods, &made).await.result().clone();
        if got["inputRequests"].as_object().is_some_and(|asked| asked.len() > 7) {
            break got;
        }
    };
    assert_eq!(asked["inputRequests"].as_object().unwrap().len(), 8, "{asked}");
}

#[tokio::test]
async fn a_stop_ends_the_wait_of_a_tasks_server_for_an_answer() {
    let double = old();
    let harness = bounded(&double, |_| {}).await;
    let made = begin(&harness, "asks").await;
    let before = poll(&harness, &made).await.result()["inputRequests"].clone();
    let pauses = harness.control.pauses();
    let stop = pauses.pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
    assert_eq!(poll(&harness, &made).await.last()["error"]["data"]["code"], "paused");
    while double.cancelled.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    pauses.resume(&stop.id, "ben").await.unwrap();
    let key = before.as_object().unwrap().keys().next().unwrap();
    let answer = json!({ "taskId": made["taskId"], "inputResponses": { key: { "action": "accept" } } });
    harness.ask_as("/mcp", "tasks/update", &answer, &polls()).await.result();
    // That went nowhere: it is another question now.
    let after = poll(&harness, &made).await.result()["inputRequests"].clone();
    assert!(after.is_object() && after.get(key).is_none(), "{after}");
}

/// Of 2026-07-28: answers `run` with a task where it may, whose id is the argument `kind`.
fn new() -> Arc<Double> {
    let looks = Arc::new(AtomicU32::new(0));
    let updates = Arc::new(AtomicU32::new(0));
    let double = Double::new("jobs", Era::Stateless, move |method, params: Value, _| {
        let (looks, updates) = (Arc::clone(&looks), Arc::clone(&updates));
        async move {
            let task = params["taskId"].as_str().unwrap_or_default().to_owned();
            let kind = params["arguments"]["kind"].as_str().unwrap_or_default().to_owned();
            let state = |id: &str, status: &str, rest: Value| {
                let mut state = json!({ "taskId": id, "status": status, "createdAt": "a", "lastUpdatedAt": "b",
                    "ttlMs": 60_000, "pollIntervalMs": 1, "resultType": "complete" });
                state.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
                Reply::Complete(raw(&state))
            };
            let question = |key: &str| {
                let request = json!({ "method": "elicitation/create", "params": { "message": key } });
                json!({ "inputRequests": { key: request } })
            };
            match (method.as_str(), task.as_str()) {
                ("tools/call", _) if kind.starts_with("at once") => {
                    let mut result = result_of(&kind);
                    result["resultType"] = "complete".into();
                    result["isError"] = (kind == "at once, failed").into();
                    Reply::Complete(raw(&result))
                }
                ("tools/call", _) => state(&kind, "working", json!({ "resultType": "task" })),
                ("tasks/get", "done") if looks.fetch_add(1, Ordering::SeqCst) > 2 => {
                    state("done", "completed", json!({ "result": result_of("done") }))
                }
                ("tasks/get", "sad") => {
                    state("sad", "completed", json!({ "result": { "content": [], "isError": true } }))
                }
                ("tasks/get", "broken") => {
                    state("broken", "failed", json!({ "error": { "code": -32050, "message": "no disk" } }))
                }
                ("tasks/get", "cancelled") => state("cancelled", "cancelled", json!({})),
                // What it has been told it takes note of at the next look but one.
                ("tasks/get", "asks") if updates.load(Ordering::SeqCst) < 1 => {
                    state("asks", "input_required", question("sure?"))
                }
                ("tasks/get", "asks") if updates.fetch_add(1, Ordering::SeqCst) < 2 => {
                    state("asks", "input_required", question("sure?"))
                }
                ("tasks/get", "asks") => state("asks", "completed", json!({ "result": result_of("asks") })),
                ("tasks/get", "nags") => {
                    let key = format!("q{}", looks.fetch_add(1, Ordering::SeqCst));
                    state("nags", "input_required", question(&key))
                }
                ("tasks/get", "gone") => Reply::Error(raw(&json!({ "code": -32602, "message": "no such task" }))),
                ("tasks/get", _) => state(&task, "working", json!({})),
                ("tasks/update", _) => {
                    updates.fetch_add(1, Ordering::SeqCst);
                    Reply::Complete(raw(&json!({ "resultType": "complete" })))
                }
                ("tasks/cancel", _) => Reply::Complete(raw(&json!({ "resultType": "complete" }))),
                _ => Reply::Error(raw(&json!({ "code": -32601, "message": method }))),
            }
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "run", "inputSchema": { "type": "object" } })]);
    double
}

fn call(kind: &str) -> Value {
    json!({ "name": "jobs__run", "arguments": { "kind": kind }, "task": { "ttl": 60_000 } })
}

fn id(made: &Got) -> Value {
    json!({ "taskId": made.result()["task"]["taskId"].as_str().unwrap() })
}

#[tokio::test]
async fn a_client_of_2025_asks_for_a_task_of_2026_and_waits_for_its_result() {
    let double = new();
    let mut harness = bounded(&double, |_| {}).await;
    let mallory = harness.mint("mallory").await;
    let task = {
        let client = harness.open("/mcp", &json!({})).await;
        let tasks = &client.initialized["result"]["capabilities"]["tasks"];
        assert_eq!(tasks["requests"], json!({ "tools": { "call": {} } }));
        let listed = client.ask("tools/list", &json!({})).await;
        assert_eq!(listed.result()["tools"][0]["execution"], json!({ "taskSupport": "optional" }));
        assert_eq!(harness.ask("/mcp", "tools/list", &json!({})).await.result()["tools"][0].get("execution"), None);

        let made = client.ask("tools/call", &call("done")).await;
        let expected = json!({ "task": {
            "taskId": id(&made)["taskId"], "status": "working", "createdAt": "a", "lastUpdatedAt": "b", "ttl": 60_000,
            "pollInterval": 1,
        }});
        assert_eq!(made.result(), &expected);
        assert_ne!(id(&made)["taskId"], "done");
        // It is told in words that its server knows, which may answer only this with a task.
        assert_eq!(double.last_call().1.get("task"), None);
        let knows = || double.contexts.lock().unwrap().last().unwrap().capabilities.get("extensions").cloned();
        assert_eq!(knows(), Some(json!({ "io.modelcontextprotocol/tasks": {} })));
        let plain = json!({ "name": "jobs__run", "arguments": { "kind": "at once" } });
        assert_eq!((client.ask("tools/call", &plain).await.text(), knows()), ("at once", None));

        assert_eq!(client.ask("tasks/get", &id(&made)).await.result(), &expected["task"]);
        let result = client.ask("tasks/result", &id(&made)).await.result().clone();
        assert_eq!(result["structuredContent"], json!({ "iban": "[redacted]", "amount": 5 }));
        assert_eq!(result["_meta"][RELATED], id(&made));
        let state = client.ask("tasks/get", &id(&made)).await.result().clone();
        assert_eq!((&state["status"], state.get("result")), (&json!("completed"), None));
        assert_eq!(client.ask("tasks/list", &json!({})).await.result()["tasks"], json!([state]));
        assert_eq!(client.ask("tasks/cancel", &id(&made)).await.code(), -32602, "it has ended");
        assert_ne!(double.last_call().0, "tasks/cancel");

        let sad = client.ask("tools/call", &call("sad")).await;
        assert_eq!(client.ask("tasks/get", &id(&sad)).await.result()["status"], "failed");
        assert_eq!(client.ask("tasks/result", &id(&sad)).await.result()["isError"], true);
        for (kind, code) in [("broken", -32050), ("cancelled", -32603), ("gone", -32602)] {
            let made = client.ask("tools/call", &call(kind)).await;
            assert_eq!(client.ask("tasks/result", &id(&made)).await.code(), code, "{kind}");
        }
        let slow = client.ask("tools/call", &call("slow")).await;
        assert_eq!(client.ask("tasks/cancel", &id(&slow)).await.result()["status"], "working");
        assert!(
            double
                .calls
                .lock()
                .unwrap()
                .iter()
                .any(|(method, said)| method == "tasks/cancel" && said["taskId"] == "slow")
        );
        id(&made)
    };
    let entries = harness.entries("tool:jobs/run").await;
    let handed = entries.iter().filter(|entry| entry.action.as_deref() == Some("tasks:result")).count();
    assert_eq!(handed, 2);
    let calls = double.calls();
    harness.key = mallory;
    let other = harness.open("/mcp", &json!({})).await;
    assert_eq!(other.ask("tasks/result", &task).await.code(), -32602);
    assert_eq!(double.calls(), calls);
}

#[tokio::test]
async fn what_a_server_of_2026_needs_for_a_task_is_asked_on_the_stream_that_waits_for_the_result() {
    let double = new();
    let harness = bounded(&double, |config| config.secrets.arguments = SecretsAction::Deny).await;
    let client = harness.open("/mcp", &json!({ "elicitation": {} })).await;
    let made = client.ask("tools/call", &call("asks")).await;
    assert_eq!(client.ask("tasks/get", &id(&made)).await.result()["status"], "input_required");
    let updates = || {
        let calls = double.calls.lock().unwrap();
        calls.iter().filter(|(method, _)| method == "tasks/update").map(|(_, said)| said.clone()).collect::<Vec<_>>()
    };
    for said in [AWS, "yes"] {
        let mut stream = Events::of(client.begin("tasks/result", &id(&made)).await);
        let question = stream.next().await.unwrap();
        assert_eq!(
            (&question["method"], &question["params"]["message"]),
            (&json!("elicitation/create"), &json!("sure?"))
        );
        assert_eq!(question["params"]["_meta"][RELATED], id(&made));
        let meta = question["params"]["_meta"].clone();
        client.answer(&question["id"], &json!({ "action": "accept", "content": { "why": said }, "_meta": meta })).await;
        let ended = stream.next().await.unwrap();
        if said == AWS {
            assert_eq!(ended["error"]["data"]["code"], "secret_found");
            assert!(updates().is_empty());
        } else {
            // It was not asked twice.
            assert_eq!(ended["result"]["structuredContent"], json!({ "iban": "[redacted]", "amount": 5 }), "{ended}");
        }
    }
    let [update] = &updates()[..] else { panic!("{:?}", updates()) };
    assert_eq!(
        (&update["taskId"], &update["inputResponses"]["sure?"]["content"]["why"]),
        (&json!("asks"), &json!("yes"))
    );
    assert!(!update.to_string().contains(id(&made)["taskId"].as_str().unwrap()));
    let entries = harness.entries("tool:jobs/run").await;
    assert_eq!(entries[1].action.as_deref(), Some("tasks:update"), "before its server hears of it");

    // Who cannot be asked is told, and a server that asks on and on is not heard on and on.
    let mute = harness.open("/mcp", &json!({})).await;
    let told = mute.ask("tasks/result", &id(&mute.ask("tools/call", &call("nags")).await)).await;
    assert_eq!(told.code(), -32603);
    let made = client.ask("tools/call", &call("nags")).await;
    let mut stream = Events::of(client.begin("tasks/result", &id(&made)).await);
    let mut asked = 0;
    let ended = loop {
        let said = stream.next().await.unwrap();
        if said.get("method").is_none() {
            break said;
        }
        asked += 1;
        client.answer(&said["id"], &json!({ "action": "decline" })).await;
    };
    assert_eq!((asked, &ended["error"]["code"]), (8, &json!(-32012)));
}

#[tokio::test]
async fn the_result_of_a_task_of_2026_is_not_waited_for_without_end() {
    let double = new();
    let harness = bounded(&double, |_| {}).await;
    let client = harness.open("/mcp", &json!({})).await;
    let made = client.ask("tools/call", &call("slow")).await;
    *double.time_max.lock().unwrap() = std::time::Duration::from_millis(5);
    let told = client.ask("tasks/result", &id(&made)).await;
    assert_eq!((told.code(), &told.last()["error"]["data"]["code"]), (-32011, &json!("upstream_timeout")));
    // It goes on, and may be asked for again.
    assert_eq!(client.ask("tasks/get", &id(&made)).await.result()["status"], "working");
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_the_result_of_a_task_of_2026() {
    let double = new();
    let harness = bounded(&double, |_| {}).await;
    let client = harness.open("/mcp", &json!({})).await;
    let made = client.ask("tools/call", &call("slow")).await;
    let stop = async {
        while double.last_call().0 != "tasks/get" {
            tokio::task::yield_now().await;
        }
        harness.control.pauses().pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
    };
    let task = id(&made);
    let (told, ()) = tokio::join!(client.ask("tasks/result", &task), stop);
    assert_eq!(told.last()["error"]["data"]["code"], "paused");
    let entry = &harness.entries("tool:jobs/run").await[0];
    assert_eq!((entry.action.as_deref(), entry.code.as_deref()), (Some("tasks:result"), Some("paused")));
}

#[tokio::test]
async fn a_call_that_a_server_of_2026_answers_at_once_is_a_task_all_the_same() {
    let double = new();
    let mut harness = bounded(&double, |config| config.limits.kept_bytes_per_session_max = 1_000).await;
    let mallory = harness.mint("mallory").await;
    let task = {
        let client = harness.open("/mcp", &json!({})).await;
        let made = client.ask("tools/call", &call("at once")).await;
        let task = &made.result()["task"];
        assert_eq!((&task["status"], &task["ttl"]), (&json!("working"), &json!(60_000)), "{made:?}");
        let calls = double.calls();
        assert_eq!(client.ask("tasks/get", &id(&made)).await.result()["status"], "completed");
        let result = client.ask("tasks/result", &id(&made)).await.result().clone();
        assert_eq!(result["structuredContent"], json!({ "iban": "[redacted]", "amount": 5 }));
        assert_eq!((&result["content"][0]["text"], &result["_meta"][RELATED]), (&json!("at once"), &id(&made)));
        assert_eq!(client.ask("tasks/cancel", &id(&made)).await.code(), -32602);
        let listed = client.ask("tasks/list", &json!({})).await;
        assert_eq!(listed.result()["tasks"][0]["status"], "completed");
        // Another session of the same caller has not got it.
        assert_eq!(harness.open("/mcp", &json!({})).await.ask("tasks/result", &id(&made)).await.code(), -32602);
        assert_eq!(double.calls(), calls);

        let failed = client.ask("tools/call", &call("at once, failed")).await;
        assert_eq!(client.ask("tasks/get", &id(&failed)).await.result()["status"], "failed");
        // What is too large is not kept, nor lost.
        let large = format!("at once {}", "x".repeat(1_000));
        assert_eq!(client.ask("tools/call", &call(&large)).await.text(), large);
        // The oldest make way.
        for _ in 0..6 {
            client.ask("tools/call", &call("at once")).await.result();
        }
        assert_eq!(client.ask("tasks/get", &id(&made)).await.code(), -32602);
        let short = json!({ "name": "jobs__run", "arguments": { "kind": "at once" }, "task": { "ttl": 1 } });
        let short = client.ask("tools/call", &short).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(client.ask("tasks/get", &id(&short)).await.code(), -32602);
        id(&client.ask("tools/call", &call("at once")).await)
    };
    assert!(harness.entries("tool:jobs/run").await.iter().any(|entry| entry.action.as_deref() == Some("tasks:result")));
    harness.key = mallory;
    let other = harness.open("/mcp", &json!({})).await;
    assert_eq!(other.ask("tasks/result", &task).await.code(), -32602);
}
