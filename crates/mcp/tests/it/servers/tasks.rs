//! Tasks of a real server of 2026-07-28, for a client of 2025-11-25 at the doors.

use std::sync::Arc;

use mizzen_mcp::seam::{Member, Names, View};
use mizzen_mcp::servers::Shown;
use mizzen_testkit::mcp_fixture::Eras;
use serde_json::{Value, json};

use super::eras::stdio;
use super::support::{Bench, fixture, http};
use crate::harness::{Client, Events, Harness};

/// The answer to a request; what is asked on its stream meanwhile is accepted.
async fn answered(client: &Client<'_>, method: &str, params: &Value) -> Value {
    let mut stream = Events::of(client.begin(method, params).await);
    loop {
        let said = stream.next().await.unwrap();
        if said.get("method").is_none() {
            return said;
        }
        let content = json!({ "ok": true, "name": "Ada" });
        client.answer(&said["id"], &json!({ "action": "accept", "content": content })).await;
    }
}

fn call(tool: &str) -> Value {
    json!({ "name": tool, "arguments": { "seconds": 20 }, "task": {} })
}

fn task(made: &Value) -> Value {
    json!({ "taskId": made["task"]["taskId"].as_str().unwrap() })
}

#[tokio::test]
async fn a_client_of_2025_has_tasks_of_a_server_of_2026_over_both_transports() {
    for config in [http("a", fixture(Eras::Stateless).await), stdio("a", "stateless")] {
        let way = config.target();
        let bench = Bench::with(vec![config]).await;
        let harness = Harness::new(&[]).await;
        let member = Member { upstream: Arc::new(bench.server("a")), names: Names::Plain, shown: Shown::all() };
        harness.views.put(View { name: String::new(), members: vec![member] });
        let client = harness.open("/mcp", &json!({ "elicitation": {} })).await;
        for (tool, text) in [("confirm_delete", "Deleted: true"), ("multi_input", "\"accept\" and \"accept\"")] {
            let made = client.ask("tools/call", &call(tool)).await;
            let done = answered(&client, "tasks/result", &task(made.result())).await;
            assert_eq!(done["result"]["content"][0]["text"], text, "{way}: {done}");
        }
        // What it asks before it makes a task is asked on the stream of the call.
        let made = answered(&client, "tools/call", &call("test_tool_with_task")).await;
        let done = client.ask("tasks/result", &task(&made["result"])).await;
        assert_eq!(done.text(), "Done for Ada.", "{way}");

        let failing = client.ask("tools/call", &call("failing_job")).await;
        let done = client.ask("tasks/result", &task(failing.result())).await;
        assert_eq!((done.text(), &done.result()["isError"]), ("The job failed.", &json!(true)), "{way}");
        assert_eq!(client.ask("tasks/get", &task(failing.result())).await.result()["status"], "failed");
        let broken = client.ask("tools/call", &call("protocol_error_job")).await;
        assert_eq!(client.ask("tasks/result", &task(broken.result())).await.code(), -32603, "{way}");

        let slow = client.ask("tools/call", &call("slow_compute")).await;
        client.ask("tasks/cancel", &task(slow.result())).await.result();
        let ended = client.ask("tasks/result", &task(slow.result())).await;
        assert_eq!(ended.last()["error"]["message"], "the task was cancelled", "{way}");
        let at_once = client.ask("tools/call", &call("test_simple_text")).await;
        let done = client.ask("tasks/result", &task(at_once.result())).await;
        assert_eq!(done.text(), "This is a simple text response for testing.", "{way}");
        bench.drain().await;
    }
}
