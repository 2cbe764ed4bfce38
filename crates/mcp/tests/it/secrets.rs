//! Secrets in what tool servers are given, and in what they answer.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use mizzen_control::providers::ProviderKey;
use mizzen_control::secrets::SecretsAction;
use mizzen_mcp::gateway::SecretsConfig;
use mizzen_mcp::seam::{Era, FromServer, ListKind, Reply};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::double::{Double, raw, said};
use crate::harness::{Events, Harness, attribute};

pub(crate) const AWS: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const VAULT: &str = "the-key-of-a-provider";

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
    with_vault(&[server(Era::Stateful)], |config| config.answers = action).await
}

pub(crate) async fn with_vault(doubles: &[Arc<Double>], change: impl FnOnce(&mut SecretsConfig)) -> Harness {
    let harness = Harness::with(doubles, |config| change(&mut config.secrets)).await;
    let key = ProviderKey::Secret(VAULT.into());
    harness.control.providers().put("openai", key).await.unwrap();
    harness
}

async fn call(harness: &Harness, tool: &str) -> Value {
    harness.ask("/mcp", "tools/call", &json!({ "name": tool })).await.last().clone()
}

pub(crate) fn shows(value: &impl std::fmt::Debug) -> bool {
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

/// Arguments with two secrets.
fn leaking() -> Value {
    json!({ "path": "/a", "lines": ["x", format!("use {AWS}")], "in": { "key": VAULT } })
}

fn without_secrets() -> Value {
    json!({ "path": "/a", "lines": ["x", "use [redacted:aws_key]"], "in": { "key": "[redacted:vault]" } })
}

pub(crate) fn writer(era: Era) -> Arc<Double> {
    let double = Double::plain("files", era, &[]);
    double.has(ListKind::Tools, [json!({ "name": "write", "execution": { "taskSupport": "optional" } })]);
    double
}

/// The same call by a client of either era, and as a task.
async fn every_way(harness: &Harness) -> [Value; 3] {
    let mut params = json!({ "name": "files__write", "arguments": leaking() });
    let stateless = harness.ask("/mcp", "tools/call", &params).await.last().clone();
    let client = harness.open("/mcp", &json!({})).await;
    let stateful = client.ask("tools/call", &params).await.last().clone();
    params["task"] = json!({});
    [stateless, stateful, client.ask("tools/call", &params).await.last().clone()]
}

#[tokio::test]
async fn by_default_a_secret_in_arguments_is_recorded_by_its_kind_and_goes_out_as_it_was() {
    let double = writer(Era::Stateful);
    let mut harness = with_vault(std::slice::from_ref(&double), |_| {}).await;
    every_way(&harness).await;
    for (_, sent) in double.calls.lock().unwrap().iter() {
        assert_eq!(sent["arguments"], leaking());
    }
    for _ in 0..3 {
        let record = harness.record().await;
        assert_eq!(attribute(&record, "gen_ai.tool.call.arguments").unwrap(), without_secrets().to_string());
        let found = format!("{record:?}");
        assert!(!shows(&record) && found.contains("\"mizzen.secrets.found\""), "{record:?}");
        assert!(!found.contains("found_in_answer"), "{record:?}");
    }
    let metrics = harness.metrics.render();
    assert!(metrics.contains(r#"mizzen_secrets_found_total{in="tool_arguments",kind="vault"} 3"#), "{metrics}");
    assert!(metrics.contains(r#"mizzen_secrets_found_total{in="tool_result",kind="vault"} 0"#), "{metrics}");
}

#[tokio::test]
async fn redacted_the_server_does_not_see_it_nor_does_any_record() {
    for era in [Era::Stateful, Era::Stateless] {
        let double = writer(era);
        let redact = |config: &mut SecretsConfig| config.arguments = SecretsAction::Redact;
        let mut harness = with_vault(std::slice::from_ref(&double), redact).await;
        let told = every_way(&harness).await;
        assert_eq!(told[0]["result"]["content"][0]["text"], "files:write", "{told:?}");
        let sent = double.calls.lock().unwrap().clone();
        assert_eq!(sent.len(), 3);
        for (_, sent) in sent {
            assert_eq!(sent["arguments"], without_secrets(), "{era:?}");
        }
        for _ in 0..3 {
            let record = harness.record().await;
            assert_eq!(attribute(&record, "gen_ai.tool.call.arguments").unwrap(), without_secrets().to_string());
            assert!(record.error.is_none() && !shows(&record), "{record:?}");
        }
        // What was decided on is what went out.
        let hash = harness.control.audit().hash_arguments(&without_secrets());
        let entries = harness.entries("tool:files/write").await;
        assert!(entries.len() == 3 && entries.iter().all(|entry| entry.arguments == hash), "{entries:?}");
    }
}

#[tokio::test]
async fn denied_the_call_does_not_leave_and_the_client_hears_where_what_was_found() {
    for era in [Era::Stateful, Era::Stateless] {
        let double = writer(era);
        let deny = |config: &mut SecretsConfig| config.arguments = SecretsAction::Deny;
        let mut harness = with_vault(std::slice::from_ref(&double), deny).await;
        let told = every_way(&harness).await;
        for (told, is_task) in told.iter().zip([false, false, true]) {
            let (message, code) = if is_task {
                (&told["error"]["message"], &told["error"]["data"]["code"])
            } else {
                assert_eq!(told["result"]["isError"], true, "{told}");
                let result = &told["result"];
                (&result["content"][0]["text"], &result["_meta"]["dev.mizzen/decision"]["code"])
            };
            let message = message.as_str().unwrap();
            for place in ["`/arguments/lines/1` (aws_key)", "`/arguments/in/key` (vault)"] {
                assert!(message.contains(place), "{message}");
            }
            assert_eq!(code, "secret_found");
            assert!(!shows(told), "{told}");
            let record = harness.record().await;
            assert_eq!(attribute(&record, "error.type"), Some("secret_found"));
            assert!(!shows(&record) && attribute(&record, "gen_ai.tool.call.arguments").is_none(), "{record:?}");
            assert!(format!("{record:?}").contains("\"mizzen.secrets.found\""), "{record:?}");
        }
        assert_eq!(double.calls(), 0);
        let entries = harness.entries("tool:files/write").await;
        assert_eq!(entries.len(), 3);
        for entry in entries {
            assert_eq!((entry.code.as_deref(), entry.action.as_deref()), (Some("secret_found"), Some("tools:call")));
            assert!(entry.policy_set.is_some(), "{entry:?}");
            assert_eq!(entry.details["secrets"], "aws_key, vault");
            assert!(entry.who.key_id.is_some() && !shows(&entry), "{entry:?}");
        }
        // Arguments without one go out.
        harness.ask("/mcp", "tools/call", &json!({ "name": "files__write", "arguments": { "path": "/a" } })).await;
        assert_eq!(double.calls(), 1);
    }
}

#[tokio::test]
async fn redacted_arguments_are_still_those_of_the_call_that_the_client_comes_back_for() {
    let double = Double::new("files", Era::Stateless, |_, params: Value, _| async move {
        if params["requestState"] == "theirs" {
            return said("done");
        }
        let asked = json!({ "name": { "method": "elicitation/create", "params": {} } });
        let required = json!({ "resultType": "input_required", "requestState": "theirs", "inputRequests": asked });
        Reply::InputRequired(raw(&required))
    });
    double.has(ListKind::Tools, [json!({ "name": "write" })]);
    let redact = |config: &mut SecretsConfig| config.arguments = SecretsAction::Redact;
    let harness = with_vault(std::slice::from_ref(&double), redact).await;
    let (mut params, able) = (json!({ "name": "files__write", "arguments": leaking() }), json!({ "elicitation": {} }));
    let first = harness.ask_as("/mcp", "tools/call", &params, &able).await.result().clone();
    params["requestState"] = first["requestState"].clone();
    params["inputResponses"] = json!({ "name": { "action": "accept", "content": {} } });
    assert_eq!(harness.ask_as("/mcp", "tools/call", &params, &able).await.text(), "done");
    for (_, sent) in double.calls.lock().unwrap().iter() {
        assert_eq!(sent["arguments"], without_secrets());
    }
}

#[tokio::test]
async fn what_cannot_be_redacted_does_not_leave() {
    let double = writer(Era::Stateful);
    let redact = |config: &mut SecretsConfig| config.arguments = SecretsAction::Redact;
    let harness = with_vault(std::slice::from_ref(&double), redact).await;
    let key = ProviderKey::Secret("1234567890123".into());
    harness.control.providers().put("mistral", key).await.unwrap();
    // The secret is a number: there is no text to be redacted.
    let number = json!({ "name": "files__write", "arguments": { "n": 1_234_567_890_123_u64 } });
    let many = json!({ "name": "files__write", "arguments": { "all": vec![AWS; 1_001] } });
    for (params, kind) in [(number, "vault"), (many, "aws_key")] {
        let told = harness.ask("/mcp", "tools/call", &params).await.last().clone();
        let text = told["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(&format!("may not leave: {kind};")), "{told}");
    }
    assert_eq!(double.calls(), 0);
}

#[tokio::test]
async fn what_a_client_answers_or_lets_complete_is_searched_like_arguments() {
    let double = writer(Era::Stateless);
    double.has(ListKind::Prompts, [json!({ "name": "p" })]);
    let answers = json!({ "disk": { "action": "accept", "content": { "key": AWS } } });
    let answering = json!({ "name": "files__write", "arguments": { "a": 1 }, "inputResponses": answers });
    let reference = json!({ "type": "ref/prompt", "name": "files__p" });
    let completing = json!({ "ref": reference, "argument": { "name": "q", "value": VAULT }, "context": {} });
    let deny = |config: &mut SecretsConfig| config.arguments = SecretsAction::Deny;
    let harness = with_vault(std::slice::from_ref(&double), deny).await;
    let told = harness.ask("/mcp", "tools/call", &answering).await.last().to_string();
    assert!(told.contains("`/inputResponses/disk/content/key` (aws_key)"), "{told}");
    let told = harness.ask("/mcp", "completion/complete", &completing).await.last().to_string();
    assert!(told.contains("`/argument/value` (vault)"), "{told}");
    assert_eq!(double.calls(), 0);
    let redact = |config: &mut SecretsConfig| config.arguments = SecretsAction::Redact;
    let mut harness = with_vault(std::slice::from_ref(&double), redact).await;
    harness.ask("/mcp", "tools/call", &answering).await.result();
    let sent = double.last_call().1;
    assert_eq!((&sent["arguments"], shows(&sent)), (&json!({ "a": 1 }), false));
    let redacted = json!({ "disk": { "action": "accept", "content": { "key": "[redacted:aws_key]" } } });
    assert_eq!(sent["inputResponses"], redacted);
    let recorded = json!({ "a": 1, "dev.mizzen/inputResponses": redacted });
    let record = harness.record().await;
    assert_eq!(attribute(&record, "gen_ai.tool.call.arguments").unwrap(), recorded.to_string());
    harness.ask("/mcp", "completion/complete", &completing).await.result();
    let recorded = json!({ "argument": { "name": "q", "value": "[redacted:vault]" }, "context": {} });
    let record = harness.record().await;
    assert_eq!(attribute(&record, "gen_ai.tool.call.arguments").unwrap(), recorded.to_string());
    let entries = harness.entries("prompt:files/p").await;
    assert_eq!(entries[0].arguments, harness.control.audit().hash_arguments(&recorded));
}

#[tokio::test]
async fn an_escape_hides_nothing_at_the_door_and_the_rest_goes_out_as_it_came() {
    const SLASHED: &str = "of/a/provider/1234";
    // Parsing and writing it anew would say another number.
    const NUMBER: &str = "12345678901234567890123";
    let leak = |secret: &str| format!(r#"{{"n":{NUMBER},"text":"a\/b {secret}"}}"#);
    let written = [r"\u0041KIAIOSFODNN7EXAMPL\u0045", r"of\/a\/provider\/1234"];
    let double = Double::new("files", Era::Stateless, move |_, params: Value, _| async move {
        let at = usize::from(params["arguments"]["second"] == true);
        let result = format!(r#"{{"content":[],"structuredContent":{}}}"#, leak(written[at]));
        Reply::Complete(serde_json::value::RawValue::from_string(result).unwrap())
    });
    double.has(ListKind::Tools, [json!({ "name": "write" })]);
    let redact = |config: &mut SecretsConfig| {
        (config.arguments, config.answers) = (SecretsAction::Redact, SecretsAction::Redact);
    };
    let mut harness = with_vault(std::slice::from_ref(&double), redact).await;
    harness.control.providers().put("mistral", ProviderKey::Secret(SLASHED.into())).await.unwrap();
    for (second, kind) in [(false, "aws_key"), (true, "vault")] {
        let arguments = format!(r#"{{"second":{second},"in":{}}}"#, leak(written[usize::from(second)]));
        let params = json!({ "name": "files__write", "arguments": "HERE" });
        let (request, body) = harness.stateless("/mcp", "tools/call", &params, &json!({}));
        let response = harness.send(request, &body.replace("\"HERE\"", &arguments)).await;
        let told = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap();
        let redacted = leak(&format!("[redacted:{kind}]"));
        assert!(told.contains(&redacted), "{told}");
        let record = harness.record().await;
        let recorded = attribute(&record, "gen_ai.tool.call.arguments").unwrap();
        assert_eq!(recorded, format!(r#"{{"second":{second},"in":{redacted}}}"#));
        let sent = double.last_call().1["arguments"]["in"]["text"].clone();
        assert_eq!(sent, format!("a/b [redacted:{kind}]"));
    }
}

#[tokio::test]
async fn secrets_in_what_is_answered_to_a_call_that_waited_are_on_its_span() {
    let double = Double::new("files", Era::Stateful, |_, _, events: mpsc::Sender<FromServer>| async move {
        for _ in 0..2 {
            let (answer, answered) = tokio::sync::oneshot::channel();
            let params = Some(raw(&json!({ "message": "m", "requestedSchema": { "type": "object" } })));
            events.send(FromServer::Request { method: "elicitation/create".into(), params, answer }).await.unwrap();
            answered.await.unwrap().unwrap();
        }
        said("done")
    });
    double.has(ListKind::Tools, [json!({ "name": "write" })]);
    let mut harness = with_vault(std::slice::from_ref(&double), |_| {}).await;
    let (mut params, able) = (json!({ "name": "files__write" }), json!({ "elicitation": {} }));
    for secret in [AWS, VAULT] {
        let asked = harness.ask_as("/mcp", "tools/call", &params, &able).await.result().clone();
        let (key, _) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
        params["inputResponses"] = json!({ key: { "action": "accept", "content": { "key": secret } } });
        params["requestState"] = asked["requestState"].clone();
    }
    assert_eq!(harness.ask_as("/mcp", "tools/call", &params, &able).await.text(), "done");
    let record = harness.record().await;
    let noted: Vec<_> = record.attributes.iter().filter(|(name, _)| *name == "mizzen.secrets.found").collect();
    assert!(noted.len() == 1 && format!("{noted:?}").contains("aws_key"), "{record:?}");
    assert!(format!("{noted:?}").contains("vault") && !shows(&record), "{record:?}");
}

/// A server of either era that asks its client once and says with what it was answered.
fn curious(era: Era) -> Arc<Double> {
    let double = Double::new("files", era, move |_, params: Value, events: mpsc::Sender<FromServer>| async move {
        let answer = match era {
            Era::Stateful => {
                let (answer, answered) = tokio::sync::oneshot::channel();
                let (method, params) = ("elicitation/create".to_owned(), Some(raw(&json!({ "message": "m" }))));
                events.send(FromServer::Request { method, params, answer }).await.unwrap();
                serde_json::from_str(answered.await.unwrap().unwrap().get()).unwrap()
            }
            Era::Stateless => params["inputResponses"]["disk"].clone(),
        };
        if answer.is_null() {
            let asked = json!({ "disk": { "method": "elicitation/create", "params": { "message": "m" } } });
            return Reply::InputRequired(raw(&json!({ "resultType": "input_required", "inputRequests": asked })));
        }
        said(answer["content"]["key"].as_str().unwrap())
    });
    double.has(ListKind::Tools, [json!({ "name": "write" })]);
    double
}

#[tokio::test]
async fn what_a_client_answers_in_the_middle_of_a_call_is_searched_like_arguments() {
    for era in [Era::Stateful, Era::Stateless] {
        for action in [SecretsAction::Observe, SecretsAction::Redact, SecretsAction::Deny] {
            let double = curious(era);
            let arguments = |config: &mut SecretsConfig| config.arguments = action;
            let mut harness = with_vault(std::slice::from_ref(&double), arguments).await;
            let told = {
                let client = harness.open("/mcp", &json!({ "elicitation": {} })).await;
                let mut events = Events::of(client.begin("tools/call", &json!({ "name": "files__write" })).await);
                let question = events.next().await.unwrap();
                let answer = json!({ "action": "accept", "content": { "key": format!("use {VAULT}") } });
                client.answer(&question["id"], &answer).await;
                events.next().await.unwrap()
            };
            let result = &told["result"];
            let text = result["content"][0]["text"].as_str().unwrap();
            let record = harness.record().await;
            assert!(format!("{record:?}").contains("\"mizzen.secrets.found\""), "{era:?} {action:?}: {record:?}");
            assert!(!shows(&record), "{record:?}");
            let metrics = harness.metrics.render();
            let counted = r#"mizzen_secrets_found_total{in="answers_to_server",kind="vault"} 1"#;
            assert!(metrics.contains(counted), "{metrics}");
            match action {
                SecretsAction::Redact => assert_eq!(text, "use [redacted:vault]"),
                SecretsAction::Deny => {
                    assert_eq!(result["_meta"]["dev.mizzen/decision"]["code"], "secret_found", "{told}");
                    let named = "the secrets in the answer to `elicitation/create` may not leave: \
                                 `/result/content/key` (vault)";
                    assert!(text.contains(named) && !shows(&told), "{told}");
                    assert_eq!(attribute(&record, "error.type"), Some("secret_found"));
                    let entries = harness.entries("tool:files/write").await;
                    assert_eq!((entries[0].code.as_deref(), entries.len()), (Some("secret_found"), 2));
                    assert_eq!((entries[0].details["secrets"].as_str(), shows(&entries)), ("vault", false));
                    let sent = double.calls.lock().unwrap().clone();
                    assert!(sent.len() == 1 && !shows(&sent), "{sent:?}");
                    let cancelled = double.cancelled.load(std::sync::atomic::Ordering::SeqCst);
                    assert_eq!(cancelled, u64::from(era == Era::Stateful), "the call ended");
                }
                _ => assert_eq!(text, format!("use {VAULT}")),
            }
        }
    }
}

#[tokio::test]
async fn what_a_client_says_to_the_server_of_a_task_is_searched_like_arguments() {
    let tasks = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let double = Double::new("files", Era::Stateless, |method, _, _| async move {
        match method.as_str() {
            "tools/call" => Reply::Complete(raw(&json!({ "resultType": "task", "taskId": "t1", "status": "working" }))),
            _ => Reply::Complete(raw(&json!({ "resultType": "complete" }))),
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "write" })]);
    for action in [SecretsAction::Redact, SecretsAction::Deny] {
        let arguments = |config: &mut SecretsConfig| config.arguments = action;
        let mut harness = with_vault(std::slice::from_ref(&double), arguments).await;
        let made = harness.ask_as("/mcp", "tools/call", &json!({ "name": "files__write" }), &tasks).await;
        harness.record().await;
        let task = made.result()["taskId"].clone();
        let answers = json!({ "disk": { "action": "accept", "content": { "key": AWS } } });
        let calls = double.calls();
        for (update, place) in [
            (json!({ "taskId": task, "inputResponses": answers }), "`/inputResponses/disk/content/key` (aws_key)"),
            (json!({ "taskId": task, "x-note": AWS }), "`/x-note` (aws_key)"),
            (json!({ "taskId": task, "requestState": AWS }), "`/requestState` (aws_key)"),
        ] {
            let told = harness.ask_as("/mcp", "tasks/update", &update, &tasks).await.last().clone();
            let record = harness.record().await;
            assert!(format!("{record:?}").contains("\"mizzen.secrets.found\"") && !shows(&record), "{record:?}");
            if action == SecretsAction::Deny {
                assert_eq!(told["error"]["data"]["code"], "secret_found");
                assert!(told["error"]["message"].as_str().unwrap().contains(place) && !shows(&told), "{told}");
                assert_eq!(harness.entries("tool:files/write").await[0].code.as_deref(), Some("secret_found"));
                assert_eq!(double.calls(), calls);
            } else {
                let sent = double.last_call();
                assert!(sent.0 == "tasks/update" && sent.1["taskId"] == "t1" && !shows(&sent), "{sent:?}");
                assert!(format!("{sent:?}").contains("[redacted:aws_key]"), "{sent:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_else_leaves_with_a_request_is_searched_and_an_address_is_not_changed() {
    let double = Double::plain("files", Era::Stateless, &["write"]);
    double.has(ListKind::ResourceTemplates, [json!({ "uriTemplate": "file:///{path}", "name": "any" })]);
    // What it says besides is no name for it.
    let reading = json!({ "uri": format!("file:///{AWS}"), "ref": { "uri": "file:///b" } });
    let meta = json!({ "vendor/key": VAULT, "vendor/n": 1 });
    let calling = json!({ "name": "files__write", "x-note": { "keys": [AWS] }, "_meta": meta });
    for action in [SecretsAction::Observe, SecretsAction::Redact, SecretsAction::Deny] {
        let arguments = |config: &mut SecretsConfig| config.arguments = action;
        let mut harness = with_vault(std::slice::from_ref(&double), arguments).await;
        let calls = double.calls();
        let told = harness.ask("/mcp", "resources/read", &reading).await.last().clone();
        let record = harness.record().await;
        assert_eq!(attribute(&record, "mcp.resource.uri"), Some("file:///[redacted:aws_key]"));
        assert!(!shows(&record) && format!("{record:?}").contains("\"mizzen.secrets.found\""), "{record:?}");
        if action == SecretsAction::Observe {
            assert_eq!(double.last_call().1["uri"], reading["uri"]);
        } else {
            // Another address would be another resource.
            assert_eq!(told["error"]["data"]["code"], "secret_found", "{told}");
            assert!(told["error"]["message"].as_str().unwrap().contains("`/uri` (aws_key)") && !shows(&told), "{told}");
            assert_eq!(double.calls(), calls);
            let entries = harness.entries("resource:files/file:///[redacted:aws_key]").await;
            assert_eq!(entries[0].code.as_deref(), Some("secret_found"));
        }
        let told = harness.ask("/mcp", "tools/call", &calling).await.last().clone();
        assert!(!shows(&harness.record().await));
        let (_, sent) = double.last_call();
        match action {
            SecretsAction::Deny => {
                let text = told["result"]["content"][0]["text"].as_str().unwrap();
                for place in ["`/x-note/keys/0` (aws_key)", "`/_meta/vendor~1key` (vault)"] {
                    assert!(text.contains(place), "{text}");
                }
                assert_eq!(double.calls(), calls);
            }
            SecretsAction::Redact => {
                assert_eq!(sent["x-note"], json!({ "keys": ["[redacted:aws_key]"] }));
                assert_eq!(sent["_meta"]["vendor/key"], "[redacted:vault]");
                assert_eq!((&sent["name"], &sent["_meta"]["vendor/n"]), (&json!("write"), &json!(1)));
            }
            _ => assert_eq!((&sent["x-note"], &sent["_meta"]["vendor/key"]), (&calling["x-note"], &meta["vendor/key"])),
        }
    }
    // What is followed goes to the server too.
    let deny = |config: &mut SecretsConfig| config.arguments = SecretsAction::Deny;
    let harness = with_vault(std::slice::from_ref(&double), deny).await;
    let client = harness.open("/mcp", &json!({})).await;
    let refused = client.ask("resources/subscribe", &reading).await.last().clone();
    assert_eq!(refused["error"]["data"]["code"], "secret_found", "{refused}");
    let wanted = json!({ "notifications": { "resourceSubscriptions": [reading["uri"], "file:///b"] } });
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let agreed = Events::of(harness.send(request, &body).await).next().await.unwrap();
    assert_eq!(agreed["params"]["notifications"], json!({ "resourceSubscriptions": ["file:///b"] }));
    assert_eq!(harness.refusals().await, ["secret_found"; 2]);
}
