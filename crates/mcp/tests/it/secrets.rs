//! Secrets in what tool servers answer.

use std::sync::Arc;

use mizzen_control::providers::ProviderKey;
use mizzen_control::secrets::SecretsAction;
use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::double::{Double, raw};
use crate::harness::{Harness, attribute};

const AWS: &str = "AKIAIOSFODNN7EXAMPLE";
const VAULT: &str = "the-key-of-a-provider";

/// Whose tools show two secrets in whatever way they answer, and in what is said of their tasks.
fn server(era: Era) -> Arc<Double> {
    let double = Double::new("files", era, |method, params: Value, _: mpsc::Sender<FromServer>| async move {
        let leak = format!("use {AWS}\nor \"{VAULT}\"");
        match (method.as_str(), params["name"].as_str()) {
            ("tools/call", Some("fails")) => Reply::Error(raw(&json!({ "code": -32000, "message": leak }))),
            ("tools/call", name) if params.get("task").is_some() => {
                let task = if name == Some("breaks") { "broken" } else { "t1" };
                Reply::Complete(raw(&json!({ "task": { "taskId": task, "status": "completed" } })))
            }
            ("tasks/result", _) if params["taskId"] == "broken" => {
                Reply::Error(raw(&json!({ "code": -32000, "message": leak })))
            }
            ("tasks/get", _) => {
                let state = json!({ "taskId": params["taskId"], "status": "failed", "statusMessage": leak });
                Reply::Complete(raw(&state))
            }
            _ => {
                let content = json!([{ "type": "text", "text": leak }]);
                Reply::Complete(raw(&json!({ "content": content, "structuredContent": { "leak": leak } })))
            }
        }
    });
    let tool = |name: &str| json!({ "name": name, "execution": { "taskSupport": "optional" } });
    double.has(ListKind::Tools, [tool("leaks"), tool("fails"), tool("breaks")]);
    double
}

async fn with(action: SecretsAction) -> Harness {
    let harness = Harness::with(&[server(Era::Stateful)], |config| config.secrets.answers = action).await;
    let key = ProviderKey::Secret(VAULT.into());
    harness.control.providers().put("openai", key).await.unwrap();
    harness
}

async fn call(harness: &Harness, tool: &str) -> Value {
    harness.ask("/mcp", "tools/call", &json!({ "name": tool })).await.last().clone()
}

fn shows(value: &impl std::fmt::Debug) -> bool {
    let text = format!("{value:?}");
    text.contains(AWS) || text.contains(VAULT)
}

#[tokio::test]
async fn by_default_a_secret_is_recorded_by_its_kind_and_handed_over_as_it_was() {
    let mut harness = with(SecretsAction::default()).await;
    let told = call(&harness, "files__leaks").await;
    assert_eq!(told["result"]["content"][0]["text"], format!("use {AWS}\nor \"{VAULT}\""));
    let record = harness.record().await;
    let recorded = attribute(&record, "gen_ai.tool.call.result").unwrap();
    assert!(recorded.contains(r#"use [redacted:aws_key]\nor \"[redacted:vault]\""#), "{recorded}");
    assert!(!shows(&record) && format!("{record:?}").contains("mizzen.secrets.found_in_answer"), "{record:?}");
    let metrics = harness.metrics.render();
    assert!(metrics.contains(r#"mizzen_secrets_found_total{in="tool_result",kind="vault"} 2"#), "{metrics}");
}

#[tokio::test]
async fn redacted_the_agent_does_not_see_it_and_sees_the_rest() {
    let mut harness = with(SecretsAction::Redact).await;
    let told = call(&harness, "files__leaks").await;
    let said = json!("use [redacted:aws_key]\nor \"[redacted:vault]\"");
    assert_eq!(told["result"]["content"][0]["text"], said);
    assert_eq!(told["result"]["structuredContent"]["leak"], said);
    let record = harness.record().await;
    assert!(record.error.is_none() && !shows(&record), "{record:?}");
    let told = call(&harness, "files__fails").await;
    assert_eq!((&told["error"]["code"], &told["error"]["message"]), (&json!(-32000), &said));
    assert!(!shows(&harness.record().await));
}

#[tokio::test]
async fn denied_nothing_of_the_answer_is_handed_over() {
    let mut harness = with(SecretsAction::Deny).await;
    for tool in ["files__leaks", "files__fails"] {
        let told = call(&harness, tool).await;
        assert!(!shows(&told), "{told}");
        let result = &told["result"];
        assert_eq!(
            (&result["isError"], &result["_meta"]["dev.mizzen/decision"]["code"]),
            (&json!(true), &json!("secret_found"))
        );
        assert!(result["content"][0]["text"].as_str().unwrap().contains("(aws_key, vault)"), "{told}");
        let record = harness.record().await;
        assert_eq!(attribute(&record, "error.type"), Some("secret_found"));
        assert!(!shows(&record), "{record:?}");
    }
}

#[tokio::test]
async fn a_result_that_comes_as_a_task_is_searched_too() {
    for action in [SecretsAction::Redact, SecretsAction::Deny] {
        let harness = with(action).await;
        let client = harness.open("/mcp", &json!({})).await;
        let made = client.ask("tools/call", &json!({ "name": "files__leaks", "task": {} })).await;
        let task = made.result()["task"]["taskId"].clone();
        let told = client.ask("tasks/result", &json!({ "taskId": task })).await.last().clone();
        assert!(!shows(&told), "{told}");
        if action == SecretsAction::Redact {
            assert_eq!(told["result"]["structuredContent"]["leak"], "use [redacted:aws_key]\nor \"[redacted:vault]\"");
        } else {
            assert_eq!(told["error"]["data"]["code"], "secret_found");
        }
    }
}

#[tokio::test]
async fn what_is_said_of_a_task_is_searched_as_a_whole_and_recorded_without_secrets() {
    for action in [SecretsAction::Observe, SecretsAction::Redact, SecretsAction::Deny] {
        let mut harness = with(action).await;
        {
            let client = harness.open("/mcp", &json!({})).await;
            for tool in ["files__leaks", "files__breaks"] {
                let made = client.ask("tools/call", &json!({ "name": tool, "task": {} })).await;
                let task = json!({ "taskId": made.result()["task"]["taskId"] });
                for method in ["tasks/result", "tasks/get", "tasks/list"] {
                    let told = client.ask(method, &task).await.last().clone();
                    assert_eq!(shows(&told), action == SecretsAction::Observe, "{action:?} {tool} {method}: {told}");
                }
            }
        }
        // A list is no span.
        for _ in 0..6 {
            let record = harness.record().await;
            assert!(!shows(&record), "{action:?}: {record:?}");
            let is_noted = format!("{record:?}").contains("mizzen.secrets.found_in_answer");
            assert_eq!(is_noted, record.name.starts_with("tasks/"), "{action:?}: {record:?}");
        }
    }
}
