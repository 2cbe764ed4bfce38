//! The loop: an agent is registered and approved, a call is refused for want of evidence, what the agent does is evaluated,
//! the same call is allowed, and another version of the agent has to earn it anew. Each step is in the audit log, which
//! proves it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mizzen_eval::evaluator::{Evaluator, Spec};
use mizzen_testkit::fake_provider::{FakeProvider, Reply};
use mizzen_testkit::mizzen::{Mizzen, Options};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
/// Beside these there are runs of tool calls, which answer nothing: those did not succeed.
const RUNS: u64 = 60;
const AGENT: &str = "component:default/helm";

/// The agent as its owner describes it.
fn manifest(version: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: helm\n  description: Version {version}.\n  \
         annotations: {{ mizzen.dev/version: {version} }}\nspec:\n  type: ai-agent\n  lifecycle: production\n  owner: platform\n"
    )
}

/// A tool server of a few lines: it lists releases, and it uninstalls one.
const TOOL_SERVER: &str = r#"
import json, sys
tools = [{"name": "list_releases", "description": "Lists releases.", "inputSchema": {"type": "object"},
          "annotations": {"readOnlyHint": True}},
         {"name": "uninstall", "description": "Removes a release.", "inputSchema": {"type": "object",
          "properties": {"release": {"type": "string"}}, "required": ["release"]}}]
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answer = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "initialize":
        answer["result"] = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                            "serverInfo": {"name": "helm", "version": "1"}}
    elif asked["method"] == "tools/list":
        answer["result"] = {"tools": tools}
    elif asked["method"] == "tools/call":
        text = "done: " + json.dumps(asked["params"]["arguments"])
        answer["result"] = {"content": [{"type": "text", "text": text}], "isError": False}
    elif asked["method"] == "ping":
        answer["result"] = {}
    else:
        answer["error"] = {"code": -32601, "message": "no such method"}
    print(json.dumps(answer), flush=True)
"#;

const BOUNDARY: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata:
  name: helm
spec:
  mode: enforce
  agents: [helm]
  versions: approved
  models: ['*']
  tools:
    - tool: helm/list_releases
      touches: nothing
    - tool: helm/uninstall
      touches: nothing
      arguments:
        release: { type: string, not_like: 'prod-*' }
      needs_evidence:
        metric: contains
        evaluator: 'EVALUATOR'
        lower_at_least: 0.85
        clusters_at_least: 30
";

const EVALUATOR: &str = "contains:value=releases";

/// With the tool server, and the boundary of its agent.
pub(crate) async fn server(provider: &FakeProvider, folder: &Path) -> Result<Mizzen> {
    let script = folder.join("tool_server.py");
    std::fs::write(&script, TOOL_SERVER)?;
    let config = "[telemetry]\nfinal_after_seconds = 1\nidle_after_seconds = 1\n".to_owned();
    let options = Options { config, ..Options::default() };
    let options = options.upstream("fake", "openai", &format!("{}/v1", provider.url()));
    let server = Mizzen::start_with(options).await?;
    let transport = json!({ "kind": "stdio", "command": "python3", "args": [script.display().to_string()] });
    put(&server, "/api/v1/tool-servers/helm", &json!({ "transport": transport }).to_string()).await?;
    // Another text to contain would be no evidence for this boundary.
    let evaluator = Evaluator::build(&Spec::parse(EVALUATOR)?)?;
    let boundary = BOUNDARY.replace("EVALUATOR", evaluator.id().digest.as_str());
    put(&server, "/api/v1/boundaries/helm?reason=first", &boundary).await?;
    Ok(server)
}

async fn put(server: &Mizzen, path: &str, body: &str) -> Result<()> {
    let authorization = format!("Bearer {}", server.admin_token()?);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let answer =
        mizzen_testkit::request::send(http::Method::PUT, &format!("{}{path}", server.url()), &headers, body.to_owned())
            .await?;
    ensure!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
    Ok(())
}

/// Registers a version, which then waits for its review.
async fn register(server: &Mizzen, folder: &Path, version: &str) -> Result<()> {
    let file = folder.join("catalog-info.yaml");
    std::fs::write(&file, manifest(version))?;
    let applied = server.command(["apply", "-f", &file.display().to_string(), "-o", "json"])?.output().await?;
    let told: Value = serde_json::from_slice(&applied.stdout)
        .with_context(|| String::from_utf8_lossy(&applied.stderr).into_owned())?;
    ensure!(told[0]["ref"] == json!(AGENT) && told[0]["state"] == json!("pending"), "{told}");
    Ok(())
}

async fn approve(server: &Mizzen, version: &str) -> Result<()> {
    let approved = server.command(["approve", AGENT, version])?.output().await?;
    ensure!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    Ok(())
}

/// A key that is bound to a version, and the version's digest.
async fn key(server: &Mizzen, version: &str) -> Result<(String, String)> {
    let request = json!({ "name": "helm in production", "agent": "helm", "version": version });
    let minted = server.post("/api/v1/keys", &request).await?;
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("no key in {minted}"));
    Ok((text(&minted["key"])?, text(&minted["info"]["agent_digest"])?))
}

/// One request of the protocol of 2026-07-28, which needs no session.
async fn ask(server: &Mizzen, key: &str, method: &str, mut params: Value) -> Result<Value> {
    const VERSION: &str = "2026-07-28";
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let authorization = format!("Bearer {key}");
    let mut headers = vec![
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", VERSION),
        ("mcp-method", method),
    ];
    if !name.is_empty() {
        headers.push(("mcp-name", name.as_str()));
    }
    let url = format!("{}/mcp", server.url());
    let answer = mizzen_testkit::request::send(http::Method::POST, &url, &headers, body).await?;
    let text = answer.text();
    let json = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&text);
    serde_json::from_str(json).with_context(|| format!("{method}: {} {text}", answer.status))
}

async fn uninstall(server: &Mizzen, key: &str) -> Result<Value> {
    let params = json!({ "name": "helm__uninstall", "arguments": { "release": "test-1" } });
    ask(server, key, "tools/call", params).await
}

fn went_out(answer: &Value) -> bool {
    answer["result"]["content"][0]["text"].as_str().is_some_and(|text| text.starts_with("done:"))
}

/// So many model calls, each a run of its own, that the gateway sees.
async fn work(server: &Mizzen, provider: &FakeProvider, key: &str) -> Result<()> {
    for at in 0..RUNS {
        provider.reply(Reply::chat("Two releases run."));
        let trace = format!("00-{:032x}-{:016x}-01", 0xabc_0000_u64 + at, 0x1000_u64 + at);
        let authorization = format!("Bearer {key}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("traceparent", trace.as_str()),
        ];
        let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Which releases run?" }] });
        let url = format!("{}/v1/chat/completions", server.url());
        let answer = mizzen_testkit::request::send(http::Method::POST, &url, &headers, body.to_string()).await?;
        ensure!(answer.status == 200, "{}", answer.text());
    }
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        let runs = server.get("/api/v1/runs?agent=helm&limit=500").await?;
        let is_done = |run: &&Value| run["is_final"] == json!(true) && run["model_calls"] == json!(1);
        if runs["items"].as_array().into_iter().flatten().filter(is_done).count() as u64 >= RUNS {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("the runs did not become final")
}

#[tokio::test]
async fn evidence_opens_what_its_absence_kept_shut_and_another_version_starts_anew() -> Result<()> {
    let (provider, folder) = (FakeProvider::start().await?, tempfile::tempdir()?);
    let server = server(&provider, folder.path()).await?;
    register(&server, folder.path(), "v1").await?;
    let (first, digest) = key(&server, "v1").await?;
    let unapproved = uninstall(&server, &first).await?;
    assert!(unapproved.to_string().contains("no approved version"), "nobody has approved it yet: {unapproved}");
    approve(&server, "v1").await?;

    let listed = ask(&server, &first, "tools/call", json!({ "name": "helm__list_releases", "arguments": {} })).await?;
    assert!(went_out(&listed), "{listed}");
    let refused = uninstall(&server, &first).await?;
    assert!(!went_out(&refused) && refused.to_string().contains("evidence"), "{refused}");
    assert!(refused.to_string().contains("`contains evaluator=sha256:"), "it names what is missing: {refused}");

    work(&server, &provider, &first).await?;
    let run = ["eval", "run", "--runs", "agent=helm", &format!("digest={digest}"), "-e", EVALUATOR];
    let scored = server.command(run.iter().copied())?.output().await?;
    let told = String::from_utf8_lossy(&scored.stdout);
    ensure!(told.contains("contains"), "{told}{}", String::from_utf8_lossy(&scored.stderr));

    let mut allowed = Value::Null;
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        allowed = uninstall(&server, &first).await?;
        if went_out(&allowed) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    assert!(went_out(&allowed), "evidence is there and the call is refused: {allowed}");
    // Evidence opens no argument that the boundary shuts.
    let prod = json!({ "name": "helm__uninstall", "arguments": { "release": "prod-1" } });
    assert!(!went_out(&ask(&server, &first, "tools/call", prod).await?));

    register(&server, folder.path(), "v2").await?;
    approve(&server, "v2").await?;
    let (second, _) = key(&server, "v2").await?;
    let anew = uninstall(&server, &second).await?;
    assert!(!went_out(&anew) && anew.to_string().contains("evidence"), "{anew}");

    proven(&server, &digest).await
}

/// Every step is an entry, and the log verifies offline with its public key alone.
async fn proven(server: &Mizzen, digest: &str) -> Result<()> {
    let entries = server.get("/api/v1/audit/entries?agent=helm&limit=200").await?;
    let decisions: Vec<&str> = entries["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|item| item["entry"]["resource"] == json!("tool:helm/uninstall"))
        .filter_map(|item| item["entry"]["effect"].as_str())
        .collect();
    assert!(
        decisions.first() == Some(&"deny") && decisions.last() == Some(&"deny"),
        "newest and oldest: {decisions:?}"
    );
    assert!(decisions.contains(&"allow"), "{decisions:?}");
    let catalog = server.get("/api/v1/audit/entries?kind=catalog_changed").await?;
    let told = catalog.to_string();
    assert!(told.contains(AGENT) && told.contains("approved"), "who registered and approved what: {told}");
    let tools = server.get("/api/v1/audit/entries?kind=tool_server_changed").await?;
    assert_eq!(tools["items"].as_array().map(Vec::len), Some(1), "{tools}");
    let pins = server.get("/api/v1/audit/entries?kind=pin").await?;
    assert_eq!(pins["items"].as_array().map(Vec::len), Some(2), "two tools, pinned at first sight: {pins}");
    let changed = server.get("/api/v1/audit/entries?kind=boundary_changed").await?;
    assert_eq!(changed["items"].as_array().map(Vec::len), Some(1), "{changed}");
    let evidence = server.get("/api/v1/audit/entries?kind=evidence_published").await?;
    let published = evidence["items"].to_string();
    assert!(published.contains(" evaluator=sha256:"), "evidence in force is in the log: {published}");
    assert!(published.contains(digest), "it is about this digest: {published}");

    let key = server.command(["audit", "key"])?.output().await?;
    let key = String::from_utf8(key.stdout)?;
    // Each step has its own proof, which needs neither the log nor us.
    for (step, items) in
        [("decisions", &entries), ("catalog", &catalog), ("boundary", &changed), ("evidence", &evidence)]
    {
        for item in items["items"].as_array().context("no entries")? {
            let index = item["index"].to_string();
            let proof = server.data_dir().join(format!("{step}-{index}.proof"));
            let file = proof.display().to_string();
            let made = server.command(["audit", "proof", &index, "--file", &file])?.output().await?;
            ensure!(made.status.success(), "{step} {index}: {}", String::from_utf8_lossy(&made.stderr));
            let checked = server.command(["audit", "verify-proof", &file, "--key", key.trim()])?.output().await?;
            ensure!(checked.status.success(), "{step} {index}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    }
    let log = server.data_dir().join("audit").display().to_string();
    let verified = server.command(["audit", "verify", &log, "--key", key.trim()])?.output().await?;
    ensure!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    Ok(())
}
