//! `mizzen run`: unmodified programs as agents.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mizzen_testkit::fake_provider::{FakeProvider, Reply};
use mizzen_testkit::mizzen::{Mizzen, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// A shell agent: one model call through whatever its environment says.
const AGENT: &str = r#"
import json, os, urllib.request
body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}).encode()
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body,
    {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"})
print(json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"])
raise SystemExit(7)
"#;

fn answer() -> Value {
    json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hi!" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22 } })
}

async fn server(provider: &FakeProvider) -> Result<Mizzen> {
    Mizzen::start_with(Options::default().upstream("fake", "openai", &format!("{}/v1", provider.url()))).await
}

#[tokio::test]
async fn an_agent_that_knows_nothing_of_mizzen_leaves_a_run() -> Result<()> {
    let provider = FakeProvider::start().await?;
    provider.reply(Reply::json(200, &answer()));
    let server = server(&provider).await?;
    let output = server.command(["run", "--agent", "greeter", "--", "python3", "-c", AGENT])?.output().await?;
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "the agent's exit code is passed on: {told}");
    assert_eq!(said.trim(), "Hi!");
    for expected in ["greeter error", "1 model call,", "20 in, 2 out", "unconfined", "/runs/run-"] {
        assert!(told.contains(expected), "`{expected}` is not in\n{told}");
    }
    let runs = server.get("/api/v1/runs").await?;
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(1), "one run, not one a trace: {runs}");
    let run = &runs["items"][0];
    assert_eq!(
        (&run["agent"], &run["outcome"], &run["title"]),
        (&json!("greeter"), &json!("error"), &json!("Hello there")),
        "{run}"
    );
    Ok(())
}

#[tokio::test]
async fn the_key_of_a_run_ends_with_it() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let server = server(&provider).await?;
    let output = server.command(["run", "-q", "--", "sh", "-c", "echo $OPENAI_API_KEY"])?.output().await?;
    let authorization = format!("Bearer {}", String::from_utf8(output.stdout)?.trim());
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = json!({ "model": "gpt-4o", "messages": [] }).to_string();
    let url = format!("{}/v1/chat/completions", server.url());
    let refused = mizzen_testkit::request::send(http::Method::POST, &url, &headers, body).await?;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(provider.seen().is_empty(), "nothing reaches a provider without a valid key");
    Ok(())
}

#[tokio::test]
async fn nobody_else_writes_into_a_run() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let server = server(&provider).await?;
    let output = server.command(["run", "-q", "--", "sh", "-c", "echo $MIZZEN_RUN_ID"])?.output().await?;
    let run_id = String::from_utf8(output.stdout)?.trim().to_owned();
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let request = json!({ "resourceSpans": [{ "resource": { "attributes": [text("mizzen.run.id", &run_id)] }, "scopeSpans": [{ "spans": [
        { "traceId": "5b8e0000000000000000000000000001", "spanId": "eee0000000000001", "name": "forged", "kind": 1,
          "startTimeUnixNano": "1793500000000000000", "endTimeUnixNano": "1793500000000000001" }] }] }] });
    let url = format!("{}/v1/traces", server.otlp_http());
    let headers = [("content-type", "application/json")];
    let sent = mizzen_testkit::request::send(http::Method::POST, &url, &headers, request.to_string()).await?;
    assert!(sent.status == 200 && sent.text().contains("only the key of a run"), "{}", sent.text());
    let listed = server.get("/api/v1/runs").await?;
    let spans = |id: &str| listed["items"].as_array()?.iter().find(|run| run["run_id"] == id)?["spans"].as_u64();
    assert_eq!((spans(&run_id), spans("5b8e0000000000000000000000000001")), (Some(1), Some(1)), "{listed}");
    Ok(())
}

#[tokio::test]
async fn an_agent_is_told_where_the_tools_are_and_not_who_administers() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let server = server(&provider).await?;
    let mut command = server.command(["run", "-q", "--", "sh", "-c", "echo [$MIZZEN_TOKEN] $MIZZEN_MCP_URL"])?;
    let output = command.env("MIZZEN_TOKEN", server.admin_token()?).output().await?;
    assert_eq!(String::from_utf8(output.stdout)?.trim(), format!("[] {}/mcp", server.url()));
    Ok(())
}

#[tokio::test]
async fn signals_are_forwarded_and_reported_as_a_shell_would() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let server = server(&provider).await?;
    let script = "trap 'echo got TERM; exit 9' TERM; echo started; while :; do sleep 0.05; done";
    let mut run =
        server.command(["run", "-q", "--", "sh", "-c", script])?.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(run.stdout.take().context("no standard output")?).lines();
    assert_eq!(lines.next_line().await?.as_deref(), Some("started"));
    let pid = run.id().context("it has ended")?.to_string();
    assert!(tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await?.success());
    assert_eq!(lines.next_line().await?.as_deref(), Some("got TERM"));
    let status = tokio::time::timeout(Duration::from_secs(20), run.wait()).await??;
    assert_eq!(status.code(), Some(9));

    let killed = server.command(["run", "-q", "--", "sh", "-c", "kill -KILL $$"])?.status().await?;
    assert_eq!(killed.code(), Some(137));
    let missing = server.command(["run", "--", "no-such-program"])?.output().await?;
    let told = String::from_utf8(missing.stderr)?;
    assert_eq!(missing.status.code(), Some(127));
    assert!(told.starts_with("mizzen: failed to start `no-such-program`") && told.lines().count() == 1, "{told}");
    let runs = server.get("/api/v1/runs?agent=no-such-program").await?;
    assert_eq!(runs["items"], serde_json::json!([]), "what never ran is no run");
    let keys = server.get("/api/v1/keys").await?.to_string();
    assert!(!keys.contains("no-such-program"), "its key is gone: {keys}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_hangs_costs_neither_the_exit_code_nor_the_terminal() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let server = server(&provider).await?;
    let script = format!("kill -STOP {}; echo done; exit 7", server.pid().context("no server")?);
    for is_interrupted in [true, false] {
        let mut run = server
            .command(["run", "--", "sh", "-c", script.as_str()])?
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(run.stdout.take().context("no standard output")?).lines();
        assert_eq!(lines.next_line().await?.as_deref(), Some("done"));
        let patience = if is_interrupted { 5 } else { 30 };
        if is_interrupted {
            // What comes before the agent has ended is for the agent.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let pid = run.id().context("it has ended")?.to_string();
            tokio::process::Command::new("kill").args(["-INT", &pid]).status().await?;
        }
        let status = tokio::time::timeout(Duration::from_secs(patience), run.wait()).await??;
        assert_eq!(status.code(), Some(7));
        let pid = server.pid().context("no server")?.to_string();
        tokio::process::Command::new("kill").args(["-CONT", &pid]).status().await?;
    }
    Ok(())
}

#[tokio::test]
async fn without_a_server_nothing_is_started() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let server = server(&provider).await?;
    let output = server.command(["run", "--url", "http://127.0.0.1:9", "--", "echo", "ran"])?.output().await?;
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stdout.is_empty(), "the command ran");
    assert!(String::from_utf8_lossy(&output.stderr).contains("mizzen up"));
    Ok(())
}
