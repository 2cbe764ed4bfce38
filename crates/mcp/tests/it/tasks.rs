//! Calls that go on as tasks, in the way of 2025-11-25.

use std::sync::Arc;

use mizzen_control::pauses::{PauseKind, Reach};
use mizzen_control::secrets::SecretsAction;
use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_mcp::GatewayConfig;
use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
use mizzen_model::attribute::Value as Attribute;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::double::{Double, raw, said};
use crate::harness::{Events, Got, Harness, attribute};
use crate::secrets::AWS;

const BOUNDARY: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: all}
spec:
  mode: enforce
  agents: ['*']
  tools:
    - {tool: jobs/run, redact: [/structuredContent/iban], result_bytes_max: 400}
    - {tool: jobs/quiet, record_content: false}
    - tool: plain/run
";

async fn bounded(doubles: &[Arc<Double>]) -> Harness {
    let harness = Harness::new(doubles).await;
    let boundaries = vec![Source { name: "all.yaml".into(), text: BOUNDARY.into() }];
    let policies = PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap();
    harness.control.publish_policies(Arc::new(policies));
    harness
}

/// A server whose tool `run` can be asked for as a task.
fn jobs() -> Arc<Double> {
    let double =
        Double::new("jobs", Era::Stateful, |method, params: Value, events: mpsc::Sender<FromServer>| async move {
            let secret = json!({ "content": [], "structuredContent": { "iban": "DE89", "amount": 5 },
            "_meta": { "io.modelcontextprotocol/related-task": { "taskId": params["taskId"] } } });
            match method.as_str() {
                "tools/call" if params.get("task").is_some() => {
                    Reply::Complete(raw(&json!({ "task": { "taskId": "t1", "status": "working", "ttl": 60_000 } })))
                }
                "tasks/get" | "tasks/cancel" if params["taskId"] == "t1" => {
                    Reply::Complete(raw(&json!({ "taskId": "t1", "status": "working" })))
                }
                "tasks/result" if params["taskId"] == "t1" => {
                    let (answer, answered) = oneshot::channel();
                    let (meta, task) = (secret["_meta"].clone(), params["taskId"].clone());
                    let params = json!({ "message": "sure?", "_meta": meta });
                    let method = "elicitation/create".to_owned();
                    events.send(FromServer::Request { method, params: Some(raw(&params)), answer }).await.unwrap();
                    let answer: Value = serde_json::from_str(answered.await.unwrap().unwrap().get()).unwrap();
                    assert_eq!(answer["_meta"]["io.modelcontextprotocol/related-task"]["taskId"], task);
                    Reply::Complete(raw(&secret))
                }
                _ => said("at once"),
            }
        });
    double.has(ListKind::Tools, [json!({ "name": "run", "execution": { "taskSupport": "optional" } })]);
    double
}

#[tokio::test]
async fn a_call_may_be_a_task_whose_result_is_let_out_as_the_permit_of_the_call_says() {
    let (jobs, plain) = (jobs(), Double::plain("plain", Era::Stateful, &["run"]));
    let mut harness = bounded(&[jobs.clone(), plain.clone()]).await;
    let mallory = harness.mint("mallory").await;
    let client = harness.open("/mcp", &json!({ "elicitation": {} })).await;
    let tasks = &client.initialized["result"]["capabilities"]["tasks"];
    assert_eq!(tasks, &json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } }));

    let call = json!({ "name": "jobs__run", "arguments": {}, "task": { "ttl": 60_000 } });
    let made = client.ask("tools/call", &call).await;
    let task = made.result()["task"]["taskId"].as_str().unwrap().to_owned();
    assert_ne!(task, "t1");
    assert_eq!(jobs.last_call().1["task"], json!({ "ttl": 60_000 }));
    for method in ["tasks/get", "tasks/cancel"] {
        let got = client.ask(method, &json!({ "taskId": task })).await;
        assert_eq!((&got.result()["status"], &got.result()["taskId"]), (&json!("working"), &json!(task)), "{method}");
    }

    let mut stream = Events::of(client.begin("tasks/result", &json!({ "taskId": task })).await);
    let question = stream.next().await.unwrap();
    assert_eq!((&question["method"], &question["params"]["message"]), (&json!("elicitation/create"), &json!("sure?")));
    let related = |message: &Value| message["_meta"]["io.modelcontextprotocol/related-task"]["taskId"].clone();
    assert_eq!(related(&question["params"]), json!(task));
    let accepted = json!({ "action": "accept", "content": {}, "_meta": question["params"]["_meta"] });
    client.answer(&question["id"], &accepted).await;
    let result = stream.next().await.unwrap()["result"].clone();
    assert_eq!(result["structuredContent"], json!({ "iban": "[redacted]", "amount": 5 }));
    assert_eq!(related(&result), json!(task));

    // A stop holds for what was permitted before it, too.
    let pauses = harness.control.pauses();
    let pause = pauses.pause(Reach::All, PauseKind::Stop, "odd", "ben").await.unwrap();
    let refused = client.ask("tasks/result", &json!({ "taskId": task })).await;
    assert_eq!(refused.last()["error"]["data"]["code"], "paused");
    assert_eq!(client.ask("tasks/cancel", &json!({ "taskId": task })).await.result()["status"], "working");
    let refused = client.ask("tools/call", &call).await;
    assert_eq!(refused.last()["error"]["data"]["code"], "paused", "a task was asked for, and this is none");
    pauses.resume(&pause.id, "ben").await.unwrap();

    // What changes a task, what hands its result over and what is refused is written down, each is a span.
    let entries = harness.entries("tool:jobs/run").await;
    let of_tasks = entries.iter().filter(|entry| entry.action.as_ref().unwrap().starts_with("tasks:"));
    let told: Vec<_> = of_tasks.map(|entry| (entry.action.as_deref().unwrap(), entry.code.as_deref())).collect();
    let paused = ("tasks:result", Some("paused"));
    assert_eq!(told, [("tasks:cancel", None), paused, ("tasks:result", None), ("tasks:cancel", None)]);
    let permitted = entries.iter().rfind(|entry| entry.action.as_deref() == Some("tools:call")).unwrap();
    let cancelled = entries.iter().find(|entry| entry.action.as_deref() == Some("tasks:cancel")).unwrap();
    assert_eq!(Some(&cancelled.details["permitted_by"]), permitted.decision.as_ref());

    // Who offers no tasks is asked as if nobody had wanted one, and a task is nobody else's.
    let call = json!({ "name": "plain__run", "arguments": {}, "task": {} });
    assert_eq!(client.ask("tools/call", &call).await.text(), "plain:run");
    assert_eq!(plain.last_call().1.get("task"), None);
    assert_eq!(client.ask("tasks/get", &json!({ "taskId": "t1" })).await.code(), -32602);
    let calls = jobs.calls();
    harness.key = mallory;
    let other = harness.open("/mcp", &json!({})).await;
    assert_eq!(other.ask("tasks/result", &json!({ "taskId": task })).await.code(), -32602);
    assert_eq!(jobs.calls(), calls);
    let (mut spans, mut results, mut redacted) = (Vec::new(), Vec::new(), Vec::new());
    while spans.len() < 7 {
        let record = harness.record().await;
        let returned = attribute(&record, "gen_ai.tool.call.result").filter(|_| record.name.starts_with("tasks/"));
        results.extend(returned.map(str::to_owned));
        let places = record.attributes.iter().find(|(name, _)| *name == "mizzen.redacted.places");
        redacted.extend(places.filter(|_| record.name == "tasks/result").map(|(_, places)| places.clone()));
        spans.push(record.name);
    }
    // What was refused is no result.
    assert_eq!((results.len(), redacted), (1, vec![Attribute::Int(1)]));
    assert!(results[0].contains("[redacted]") && !results[0].contains("DE89"), "{results:?}");
    assert_eq!(spans[1..6], ["tasks/get", "tasks/cancel", "tasks/result", "tasks/result", "tasks/cancel"]);
}

#[tokio::test]
async fn what_a_task_of_2026_brings_is_redacted_and_bounded_too() {
    let double = Double::new("jobs", Era::Stateless, |method, params: Value, _| async move {
        let text = "x".repeat(if params["taskId"] == "long" { 400 } else { 4 });
        let result = json!({ "content": [{ "type": "text", "text": text }], "structuredContent": { "iban": "DE89" } });
        let task = if params["arguments"]["long"] == true { "long" } else { "short" };
        Reply::Complete(raw(&match method.as_str() {
            "tools/call" => json!({ "resultType": "task", "taskId": task, "status": "working" }),
            _ => {
                json!({ "resultType": "complete", "taskId": params["taskId"], "status": "completed", "result": result })
            }
        }))
    });
    double.has(ListKind::Tools, [json!({ "name": "run" }), json!({ "name": "quiet" })]);
    let mut harness = bounded(&[double]).await;
    let tasks = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    for is_long in [false, true] {
        let call = json!({ "name": "jobs__run", "arguments": { "long": is_long } });
        let made = harness.ask_as("/mcp", "tools/call", &call, &tasks).await;
        let task = made.result()["taskId"].clone();
        let got = harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": task }), &tasks).await;
        match is_long {
            false => {
                assert_eq!(got.result()["result"]["structuredContent"]["iban"], "[redacted]");
                assert_eq!(got.result()["result"]["content"][0]["text"], "xxxx");
            }
            true => assert_eq!(got.last()["error"]["data"]["code"], "result_too_large"),
        }
    }
    // It is recorded as the client got it, unless the permit of the call says no.
    let call = json!({ "name": "jobs__quiet", "arguments": {} });
    let made = harness.ask_as("/mcp", "tools/call", &call, &tasks).await;
    let got = harness.ask_as("/mcp", "tasks/get", &json!({ "taskId": made.result()["taskId"] }), &tasks).await;
    assert_eq!(got.result()["result"]["content"][0]["text"], "xxxx");
    let mut recorded = Vec::new();
    while recorded.len() < 3 {
        let record = harness.record().await;
        if record.name == "tasks/get" {
            recorded.push(attribute(&record, "gen_ai.tool.call.result").map(str::to_owned));
        }
    }
    let [short, long, quiet] = &recorded[..] else { panic!("{recorded:?}") };
    assert!(short.as_ref().is_some_and(|said| said.contains("xxxx") && !said.contains("DE89")), "{recorded:?}");
    assert_eq!((long, quiet), (&None, &None));
}

#[tokio::test]
async fn a_session_lists_the_tasks_that_it_made_and_no_others() {
    let double = Double::new("jobs", Era::Stateful, |method, params: Value, _| async move {
        let task = params["taskId"].as_str().unwrap_or_default().to_owned();
        let state = |id: &str| json!({ "taskId": id, "status": "working", "ttl": null, "result": { "iban": "DE89" } });
        match method.as_str() {
            "tools/call" => {
                Reply::Complete(raw(&json!({ "task": state(params["arguments"]["id"].as_str().unwrap()) })))
            }
            "tasks/get" if task == "gone" => Reply::Error(raw(&json!({ "code": -32602, "message": "no such task" }))),
            "tasks/get" => Reply::Complete(raw(&state(&task))),
            _ => said("what is this?"),
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "run", "execution": { "taskSupport": "optional" } })]);
    let mut harness = Harness::with(std::slice::from_ref(&double), |config| {
        config.limits.page_rows_max = 2;
        config.limits.tasks_per_session_max = 4;
    })
    .await;
    let mallory = harness.mint("mallory").await;
    {
        let client = harness.open("/mcp", &json!({})).await;
        assert_eq!(client.ask("tasks/list", &json!({})).await.result(), &json!({ "tasks": [] }));
        let mut made = Vec::new();
        for id in ["old", "a", "gone", "b", "c"] {
            let call = json!({ "name": "jobs__run", "arguments": { "id": id }, "task": {} });
            made.push(client.ask("tools/call", &call).await.result()["task"]["taskId"].as_str().unwrap().to_owned());
        }
        let first = client.ask("tasks/list", &json!({})).await;
        // The oldest made way, which is said; what its server has forgotten is left out.
        assert_eq!(first.result()["_meta"], json!({ "dev.mizzen/forgotten": 1 }));
        assert_eq!(first.result()["tasks"], json!([{ "taskId": made[1], "status": "working", "ttl": null }]));
        let cursor = json!({ "cursor": first.result()["nextCursor"] });
        let second = client.ask("tasks/list", &cursor).await;
        assert_eq!(second.names("tasks", "taskId"), [made[3].clone(), made[4].clone()]);
        assert_eq!(second.result().get("nextCursor"), None);
        assert_eq!(client.ask("tasks/get", &json!({ "taskId": made[3] })).await.result()["taskId"], made[3]);
        assert_eq!(client.ask("tasks/list", &json!({ "cursor": "junk" })).await.code(), -32602);
        // Another session made none of them, nor did another caller.
        let other = harness.open("/mcp", &json!({})).await;
        assert_eq!(other.ask("tasks/list", &json!({})).await.result(), &json!({ "tasks": [] }));
        // A server that is away is told.
        double.away.store(true, std::sync::atomic::Ordering::Relaxed);
        let away = client.ask("tasks/list", &cursor).await;
        assert_eq!(away.result()["tasks"], json!([]));
        let unavailable = &away.result()["_meta"]["dev.mizzen/unavailable"];
        assert_eq!((unavailable.as_array().unwrap().len(), &unavailable[0]["server"]), (1, &json!("jobs")));
        let pauses = harness.control.pauses();
        pauses.pause(Reach::All, PauseKind::Pause, "odd", "ben").await.unwrap();
        assert_eq!(client.ask("tasks/list", &json!({})).await.last()["error"]["data"]["code"], "paused");
    }
    let entries = harness.entries("tool_servers").await;
    let of_lists: Vec<_> = entries.iter().filter(|entry| entry.action.as_deref() == Some("tasks:list")).collect();
    assert_eq!((of_lists[0].code.as_deref(), of_lists.len()), (Some("paused"), 6));
    assert_eq!(of_lists[3].details["shown"], "2");
    harness.key = mallory;
    let calls = double.calls();
    let stranger = harness.open("/mcp", &json!({})).await;
    assert_eq!(stranger.ask("tasks/list", &json!({})).await.last()["error"]["data"]["code"], "paused");
    assert_eq!(double.calls(), calls);
}

#[tokio::test]
async fn how_a_task_stands_is_told_to_the_session_that_made_it_and_to_no_other() {
    const STATUS: &str = "notifications/tasks/status";
    let status = |task: &str| {
        let related = json!({ "io.modelcontextprotocol/related-task": { "taskId": task } });
        let params = json!({ "taskId": task, "status": "completed", "statusMessage": format!("used {AWS}"), "ttl": 60_000,
            "result": { "structuredContent": { "iban": "DE89" } }, "_meta": related });
        FromServer::Notification { method: STATUS.to_owned(), params: Some(raw(&params)) }
    };
    let double = Double::new("jobs", Era::Stateful, move |method, _, events: mpsc::Sender<FromServer>| async move {
        match method.as_str() {
            "tools/call" => Reply::Complete(raw(&json!({ "task": { "taskId": "t1", "status": "working" } }))),
            _ => {
                events.send(status("t1")).await.unwrap();
                Reply::Complete(raw(&json!({ "taskId": "t1", "status": "completed" })))
            }
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "run", "execution": { "taskSupport": "optional" } })]);
    let change = |config: &mut GatewayConfig| config.secrets.answers = SecretsAction::Redact;
    let harness = Harness::with(std::slice::from_ref(&double), change).await;
    let call = json!({ "name": "jobs__run", "arguments": {}, "task": {} });
    let (owner, other) = (harness.open("/mcp", &json!({})).await, harness.open("/mcp", &json!({})).await);
    let task = owner.ask("tools/call", &call).await.result()["task"]["taskId"].clone();
    other.ask("tools/call", &json!({ "name": "jobs__run", "arguments": {} })).await;
    let mut streams = Vec::new();
    for client in [&owner, &other] {
        double.news.lock().unwrap().take();
        let events = client.listen().await;
        streams.push((events, double.listener().await));
    }
    // Over a connection that clients share, everybody who listens to its server is sent all of this.
    for (_, news) in &streams {
        for task in ["t1", "nobody's"] {
            news.send(status(task)).await.unwrap();
        }
        let params = Some(raw(&json!({ "level": "error", "data": "and then this" })));
        news.send(FromServer::Notification { method: "notifications/message".into(), params }).await.unwrap();
    }
    let told =
        json!({ "taskId": task, "status": "completed", "statusMessage": "used [redacted:aws_key]", "ttl": 60_000 });
    let message = streams[0].0.next().await.unwrap();
    assert_eq!((&message["method"], &message["params"]), (&json!(STATUS), &told));
    for (events, _) in &mut streams {
        assert_eq!(events.next().await.unwrap()["params"]["data"], "and then this");
    }
    assert!(harness.metrics.render().contains("mizzen_mcp_task_news_dropped_total 3\n"));
    // The same on the stream of a request.
    let mut asked = Events::of(owner.begin("tasks/get", &json!({ "taskId": task })).await);
    assert_eq!(asked.next().await.unwrap()["params"], told);
    assert_eq!(asked.next().await.unwrap()["result"], json!({ "taskId": task, "status": "completed" }));
}

#[tokio::test]
async fn what_is_said_of_a_task_before_its_call_is_answered_is_told_under_the_name_that_it_gets() {
    const STATUS: &str = "notifications/tasks/status";
    let status = |task: String| {
        let params = json!({ "taskId": task, "status": "working", "result": { "iban": "DE89" } });
        FromServer::Notification { method: STATUS.to_owned(), params: Some(raw(&params)) }
    };
    let go_on = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&go_on);
    let double = Double::new("jobs", Era::Stateful, move |_, params: Value, events: mpsc::Sender<FromServer>| {
        let (waits, id) = (Arc::clone(&waits), params["arguments"]["id"].as_str().map(str::to_owned));
        async move {
            let Some(id) = id else { return said("at once") };
            if id == "own" {
                // On the stream of the call itself.
                events.send(status(id.clone())).await.unwrap();
            } else {
                waits.acquire().await.unwrap().forget();
            }
            Reply::Complete(raw(&json!({ "task": { "taskId": id, "status": "working" } })))
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "run", "execution": { "taskSupport": "optional" } })]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let (owner, other) = (harness.open("/mcp", &json!({})).await, harness.open("/mcp", &json!({})).await);
    let call = |id: &str| json!({ "name": "jobs__run", "arguments": { "id": id }, "task": {} });
    let mut streams = Vec::new();
    for client in [&owner, &other] {
        client.ask("tools/call", &json!({ "name": "jobs__run", "arguments": {} })).await;
        double.news.lock().unwrap().take();
        let events = client.listen().await;
        streams.push((events, double.listener().await));
    }
    let begun = [owner.begin("tools/call", &call("a")).await, other.begin("tools/call", &call("b")).await];
    let marked = async |streams: &mut Vec<(Events, mpsc::Sender<FromServer>)>| {
        for (events, news) in streams {
            let params = Some(raw(&json!({ "level": "error", "data": "a mark" })));
            news.send(FromServer::Notification { method: "notifications/message".into(), params }).await.unwrap();
            assert_eq!(events.next().await.unwrap()["params"]["data"], "a mark", "and nothing of a task");
        }
    };
    for (_, news) in &streams {
        for task in ["a", "nobody's"] {
            news.send(status(task.to_owned())).await.unwrap();
        }
    }
    marked(&mut streams).await;
    go_on.add_permits(2);
    let [made, theirs] = begun.map(Got::read);
    let (made, _) = tokio::join!(made, theirs);
    let told = |made: &Value| json!({ "taskId": made["task"]["taskId"], "status": "working" });
    let heard = streams[0].0.next().await.unwrap();
    assert_eq!((&heard["method"], &heard["params"]), (&json!(STATUS), &told(made.result())));
    // Nobody else's, and what had no name by the end of the calls never gets one.
    marked(&mut streams).await;
    assert!(harness.metrics.render().contains("mizzen_mcp_task_news_dropped_total 3\n"));
    let own = owner.ask("tools/call", &call("own")).await;
    assert_eq!((&own.messages[0]["method"], &own.messages[0]["params"]), (&json!(STATUS), &told(own.result())));
    // A call that asks for no task names none: there is nothing to wait for.
    let plain = owner.begin("tools/call", &json!({ "name": "jobs__run", "arguments": { "id": "late" } })).await;
    streams[0].1.send(status("late".to_owned())).await.unwrap();
    marked(&mut streams).await;
    assert!(harness.metrics.render().contains("mizzen_mcp_task_news_dropped_total 4\n"));
    go_on.add_permits(1);
    Got::read(plain).await;
    // When no call is under way there is nothing to wait for either.
    streams[0].1.send(status("late".to_owned())).await.unwrap();
    marked(&mut streams).await;
    assert!(harness.metrics.render().contains("mizzen_mcp_task_news_dropped_total 5\n"));
}
