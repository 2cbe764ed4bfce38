//! Client commands against a server with an imported trace.

use anyhow::{Context as _, Result, ensure};
use http::Method;
use mizzen_testkit::mizzen::{Mizzen, Options};
use mizzen_testkit::request;
use serde_json::{Value, json};

/// One run as an SDK with the GenAI conventions reports it: a question, a tool call that fails, an answer.
fn otlp_json() -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let number = |key: &str, value: u32| json!({ "key": key, "value": { "intValue": value.to_string() } });
    let span = |id: &str, parent: &str, name: &str, from: u64, to: u64, attributes: Value, status: Value| {
        json!({ "traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "parentSpanId": parent, "name": name, "kind": 1,
            "startTimeUnixNano": (1_763_800_000_000_000_000 + from).to_string(),
            "endTimeUnixNano": (1_763_800_000_000_000_000 + to).to_string(), "attributes": attributes, "status": status })
    };
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Which releases run?"}]}]"#;
    let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"None: the cluster does not answer."}],"finish_reason":"stop"}]"#;
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "helm-service")] },
        "scopeSpans": [{ "scope": { "name": "test" }, "spans": [
            span("eee19b7ec3c1b171", "", "invoke_agent helm", 0, 900_000_000,
                json!([text("gen_ai.operation.name", "invoke_agent"), text("gen_ai.agent.name", "helm")]), json!({ "code": 1 })),
            span("eee19b7ec3c1b172", "eee19b7ec3c1b171", "chat gpt-4o", 10_000_000, 400_000_000,
                json!([text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", "openai"), text("gen_ai.request.model", "gpt-4o"),
                    number("gen_ai.usage.input_tokens", 1000), number("gen_ai.usage.output_tokens", 100),
                    text("gen_ai.input.messages", question), text("gen_ai.output.messages", answer)]), json!({ "code": 1 })),
            span("eee19b7ec3c1b173", "eee19b7ec3c1b171", "execute_tool list_releases", 410_000_000, 500_000_000,
                json!([text("gen_ai.operation.name", "execute_tool"), text("gen_ai.tool.name", "list_releases"),
                    text("gen_ai.tool.call.arguments", r#"{"namespace":"prod"}"#), text("error.type", "timeout")]),
                json!({ "code": 2, "message": "no answer within 5 s" })),
        ] }],
    }] })
}

#[tokio::test]
async fn the_first_start_has_a_key_and_knows_the_providers_whose_keys_are_there() -> Result<()> {
    let env = vec![("OPENAI_API_KEY".to_owned(), "of-nobody".to_owned())];
    let mut server = Mizzen::start_with(Options { env, ..Options::default() }).await?;
    for start in ["first", "second"] {
        let keys = server.get("/api/v1/keys").await?;
        let names: Vec<&str> =
            keys["items"].as_array().into_iter().flatten().filter_map(|key| key["name"].as_str()).collect();
        ensure!(names.iter().filter(|name| **name == "first agent").count() == 1, "{start}: {keys}");
        let providers = server.get("/api/v1/providers").await?;
        ensure!(providers.to_string().contains("OPENAI_API_KEY"), "{start}: {providers}");
        if start == "first" {
            server.stop().await?;
            server.restart().await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn metrics_are_there_before_anything_happened() -> Result<()> {
    let server = Mizzen::start().await?;
    let metrics = request::send(Method::GET, &format!("{}/metrics", server.url()), &[], "").await?.text();
    for line in [
        r#"mizzen_permission_decisions_total{effect="deny",mode="enforce",code="policy_denied"} 0"#,
        "mizzen_permission_held_total 0",
        r#"mizzen_writable{what="control_database"} 1"#,
        r#"mizzen_writable{what="audit_log"} 1"#,
        r#"mizzen_writable{what="write_ahead_log"} 1"#,
        "mizzen_telemetry_unread_segments 0",
    ] {
        ensure!(metrics.lines().any(|found| found == line), "no `{line}` in {metrics}");
    }
    ensure!(metrics.contains("mizzen_build_info{version=\""), "{metrics}");
    Ok(())
}

/// What is collected as a log must not let whoever reads it in.
#[tokio::test]
async fn a_start_that_logs_json_says_everything_so_and_no_secret() -> Result<()> {
    let config = "[log]\nformat = \"json\"\n".to_owned();
    let env = vec![("MIZZEN_LISTN".to_owned(), "1".to_owned())];
    let server = Mizzen::start_with(Options { config, env, ..Options::default() }).await?;
    let folder = server.data_dir().parent().context("no folder")?.to_owned();
    let said = std::fs::read_to_string(folder.join("stderr"))?;
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        ensure!(["timestamp", "level", "message", "target"].iter().all(|field| line[field].is_string()), "{line}");
    }
    ensure!(said.contains("MIZZEN_LISTN") && said.contains("mizzen signin") && said.contains(server.url()), "{said}");
    ensure!(!said.contains("code=") && !said.contains("API_KEY="), "{said}");
    let keys = server.get("/api/v1/keys").await?;
    ensure!(!keys.to_string().contains("first agent"), "nobody has it: {keys}");

    let data_dir = server.data_dir().to_string_lossy().into_owned();
    let file = folder.join("mizzen.toml").to_string_lossy().into_owned();
    let again = ["up", "--config", &file, "--data-dir", &data_dir, "--listen", "127.0.0.1:0"];
    let free = ["--otlp-grpc-listen", "127.0.0.1:0", "--otlp-http-listen", "127.0.0.1:0"];
    let output = server.command(again.into_iter().chain(free))?.output().await?;
    let told: Value = serde_json::from_slice(&output.stderr)?;
    ensure!(
        told["level"] == "ERROR" && told["message"].as_str().is_some_and(|text| text.contains(&data_dir)),
        "{told}"
    );
    Ok(())
}

async fn server_with_a_run() -> Result<Mizzen> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("trace.json");
    std::fs::write(&file, otlp_json().to_string())?;
    let output = server.command(["import", &file.to_string_lossy(), "-o", "json"])?.output().await?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(answer[0]["spans"], json!(3), "{answer}");
    Ok(server)
}

async fn stdout(server: &Mizzen, args: &[&str]) -> Result<String> {
    let output = server.command(args.iter().copied())?.output().await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).context("not UTF-8")
}

#[tokio::test]
async fn a_run_is_listed_told_and_asked_about() -> Result<()> {
    let server = server_with_a_run().await?;
    let runs: Value = serde_json::from_str(&stdout(&server, &["runs", "list", "-o", "json"]).await?)?;
    let run = &runs[0];
    assert_eq!(run["agent"], json!("helm"), "{run}");
    assert_eq!((&run["model_calls"], &run["tool_calls"], &run["errors"]), (&json!(1), &json!(1), &json!(1)), "{run}");
    assert_eq!(run["usage"]["input_tokens"], json!(1000));
    assert_eq!(run["title"], json!("Which releases run?"));
    let cost = run["cost_usd"].as_f64().context("gpt-4o has a price")?;
    assert!((cost - 0.0035).abs() < 1e-9, "1,000 tokens in at $2.50 and 100 out at $10.00 a million: {cost}");

    let story = stdout(&server, &["runs", "show", "5b8efff7"]).await?;
    for expected in [
        "Which releases run?",
        "tool list_releases  error",
        r#"{"namespace":"prod"}"#,
        "no answer within 5 s",
        "None: the cluster",
    ] {
        assert!(story.contains(expected), "`{expected}` is not in\n{story}");
    }
    let label = stdout(&server, &["label", "5b8efff7", "good"]).await?;
    assert!(label.starts_with("success is 1"), "{label}");
    let table = stdout(&server, &["runs", "list"]).await?;
    assert!(table.contains("$0.0035") && table.contains("2025-11-22 08:26:40"), "{table}");
    let rows =
        stdout(&server, &["query", "SELECT model, input_tokens FROM steps WHERE model IS NOT NULL", "-o", "json"])
            .await?;
    assert_eq!(serde_json::from_str::<Value>(&rows)?, json!([{ "model": "gpt-4o", "input_tokens": 1000 }]));
    let yaml = stdout(&server, &["runs", "list", "-o", "yaml"]).await?;
    assert!(yaml.contains("agent: helm"), "{yaml}");
    Ok(())
}

#[tokio::test]
async fn sql_reads_and_nothing_else() -> Result<()> {
    let server = server_with_a_run().await?;
    for sql in [
        "DROP TABLE spans",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SELECT * FROM '/etc/passwd'",
        "COPY spans TO 'x.csv'",
    ] {
        let output = server.command(["query", sql])?.output().await?;
        assert_eq!(output.status.code(), Some(2), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let misspelt = server.command(["query", "SELECT modle FROM steps"])?.output().await?;
    let said = String::from_utf8_lossy(&misspelt.stderr).into_owned();
    assert!(said.contains("modle") && said.contains("model"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_deleted_run_is_gone_everywhere() -> Result<()> {
    let server = server_with_a_run().await?;
    stdout(&server, &["runs", "delete", "5b8efff798038103d269b633813fc60c"]).await?;
    assert_eq!(stdout(&server, &["runs", "list", "-o", "json"]).await?.trim(), "[]");
    let count = stdout(&server, &["query", "SELECT count(*) AS n FROM spans", "-o", "json"]).await?;
    assert_eq!(serde_json::from_str::<Value>(&count)?, json!([{ "n": 0 }]));
    let again = server.command(["runs", "show", "5b8efff7"])?.output().await?;
    assert_eq!(again.status.code(), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_provider_key_is_stored_listed_without_its_secret_and_forgotten() -> Result<()> {
    use tokio::io::AsyncWriteExt as _;
    let server = Mizzen::start().await?;
    let mut add = server.command(["keys", "add", "openai"])?.stdin(std::process::Stdio::piped()).spawn()?;
    add.stdin.take().context("no standard input")?.write_all(b"sk-very-secret\n").await?;
    assert!(add.wait().await?.success());
    let listed = stdout(&server, &["keys", "list", "-o", "json"]).await?;
    assert!(listed.contains("openai") && !listed.contains("very-secret"), "{listed}");
    stdout(&server, &["keys", "revoke", "openai"]).await?;
    assert!(!stdout(&server, &["keys", "list", "-o", "json"]).await?.contains("openai"));
    let unset = server.command(["keys", "add", "openai", "--env", "MIZZEN_TEST_UNSET_KEY"])?.output().await?;
    let told = String::from_utf8_lossy(&unset.stderr).into_owned();
    assert_eq!(unset.status.code(), Some(1), "{told}");
    assert!(told.contains("`MIZZEN_TEST_UNSET_KEY`, which is not set"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_sign_in_link_works_once() -> Result<()> {
    let server = Mizzen::start().await?;
    let link = stdout(&server, &["signin"]).await?;
    let first = mizzen_testkit::request::send(http::Method::GET, link.trim(), &[], "").await?;
    assert_eq!(first.status, 303, "{}", first.text());
    let cookie = first.headers["set-cookie"].to_str()?.to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let second = mizzen_testkit::request::send(http::Method::GET, link.trim(), &[], "").await?;
    assert!(second.headers.get("set-cookie").is_none(), "a link works once");
    Ok(())
}

#[tokio::test]
async fn a_token_of_ones_own_opens_what_its_role_may_until_it_is_revoked() -> Result<()> {
    let server = Mizzen::start().await?;
    let made = output_of(&server, &["tokens", "create", "nightly", "--role", "viewer"], None).await?;
    let token = made.trim().to_owned();
    ensure!(token.starts_with("mzt_"), "{made}");
    let listed = output_of(&server, &["tokens", "list", "-o", "json"], None).await?;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    ensure!(listed[0]["name"] == "nightly" && listed[0]["role"] == "viewer", "{listed}");
    output_of(&server, &["runs", "list", "-o", "json"], Some(&token)).await?;
    ensure!(output_of(&server, &["keys", "create", "k"], Some(&token)).await.is_err(), "a viewer makes no keys");
    output_of(&server, &["tokens", "revoke", listed[0]["id"].as_str().unwrap_or_default()], None).await?;
    ensure!(output_of(&server, &["runs", "list"], Some(&token)).await.is_err(), "it is revoked");
    Ok(())
}

async fn output_of(server: &Mizzen, args: &[&str], token: Option<&str>) -> Result<String> {
    let mut command = server.command(args.iter().copied())?;
    if let Some(token) = token {
        command.env("MIZZEN_TOKEN", token);
    }
    let output = command.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
