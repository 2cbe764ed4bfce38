//! What traffic showed is in the catalog before anybody declared it; declaring claims it with its history; what it has earned is on
//! its scorecard.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mizzen_testkit::fake_provider::{FakeProvider, Reply};
use mizzen_testkit::mizzen::{Mizzen, Options};
use mizzen_testkit::request;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
const HELM: &str = "/api/v1/catalog/entities/component/default/helm";
const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

const OWN_CHECKS: &str = "checks:
  - { id: shop.spends_little, level: controlled, title: Spends little, expr: 'cost.per_run_usd < 1.0', why: our rule, fix: use less }
exemptions:
  - { check: controlled.stop, entity: 'component:default/helm', owner: 'user:default/ann', reason: the pilot, until: '2999-12-31' }
";

const DECLARED: &str = "apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: helm
  title: Helm agent
spec:
  type: ai-agent
  lifecycle: production
  owner: platform
  agent:
    purpose: Answers questions about releases
    prohibitedUses: [payments]
    autonomy: 1
    riskTier: low
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: platform
spec:
  type: team
  children: []
  members: [ann]
  profile:
    email: platform@example.com
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata:
  name: ann
spec:
  memberOf: []
";

async fn server(provider: &FakeProvider, folder: &Path) -> Result<Mizzen> {
    std::fs::write(folder.join("own.yaml"), OWN_CHECKS)?;
    let config = format!(
        "[telemetry]\nfinal_after_seconds = 1\nidle_after_seconds = 1\n[catalog]\nscorecard = {:?}\n",
        folder.display().to_string()
    );
    let options = Options { config, ..Options::default() };
    Mizzen::start_with(options.upstream("fake", "openai", &format!("{}/v1", provider.url()))).await
}

/// One model call that is a run of its own.
async fn call(server: &Mizzen, provider: &FakeProvider, key: &str, number: u64) -> Result<()> {
    // Providers answer under the dated name; what was asked for is what is granted and declared.
    let choice =
        json!({ "index": 0, "message": { "role": "assistant", "content": "Two run." }, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15 });
    provider.reply(Reply::json(
        200,
        &json!({ "id": format!("chatcmpl-{number}"), "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06",
            "choices": [choice], "usage": usage }),
    ));
    let trace = format!("00-{:032x}-{:016x}-01", 0xdef_0000_u64 + number, 0x2000_u64 + number);
    let authorization = format!("Bearer {key}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("traceparent", trace.as_str()),
    ];
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Which releases run?" }] });
    let url = format!("{}/v1/chat/completions", server.url());
    let answer = request::send(http::Method::POST, &url, &headers, body.to_string()).await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    Ok(())
}

async fn key(server: &Mizzen, request: Value) -> Result<String> {
    let minted = server.post("/api/v1/keys", &request).await?;
    minted["key"].as_str().map(str::to_owned).with_context(|| format!("no key in {minted}"))
}

/// The answer at `path`, once it is as wanted.
async fn once(server: &Mizzen, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let begun = std::time::Instant::now();
    loop {
        let answer = server.get(path).await;
        match answer {
            Ok(answer) if wanted(&answer) => return Ok(answer),
            last if begun.elapsed() > PATIENCE => anyhow::bail!("`{path}` did not become as wanted: {last:?}"),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// How many calls traffic showed from the agent to `to`.
async fn calls(server: &Mizzen, to: &str) -> Result<u64> {
    let runs = server.get(&format!("{HELM}/summary")).await?["agent"]["runs"]["n"].as_u64().unwrap_or_default();
    let path = format!("/api/v1/catalog/entities/resource/default/{to}/summary");
    let is_used =
        |model: &Value| model["model"]["agents"].as_array().is_some_and(|agents| agents.contains(&json!("helm")));
    once(server, &path, is_used).await?;
    Ok(runs)
}

#[tokio::test]
async fn traffic_is_discovered_claimed_and_scored() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let folder = tempfile::tempdir()?;
    let mut server = server(&provider, folder.path()).await?;
    let agent = key(&server, json!({ "name": "helm in production", "agent": "helm", "agent_digest": DIGEST })).await?;
    let nightly = key(&server, json!({ "name": "nightly" })).await?;
    for number in 0..3 {
        call(&server, &provider, &agent, number).await?;
    }
    call(&server, &provider, &nightly, 100).await?;

    // Nobody declared it: it is there, and nobody owns it.
    let seen = once(&server, &format!("{HELM}/summary"), |seen| seen["agent"]["runs"]["n"] == 3).await?;
    assert_eq!((&seen["origin"], &seen["owner"], &seen["kind"]), (&json!("discovered"), &Value::Null, &json!("agent")));
    assert_eq!(seen["agent"]["running"]["digest"], DIGEST);
    assert_eq!(seen["agent"]["runs"]["cost_per_run_usd"]["n"], 3, "{seen}");
    assert!(
        seen["agent"]["runs"]["cost_per_run_usd"]["lower"].is_number() && seen["last_seen_at"].is_string(),
        "{seen}"
    );
    assert_eq!(
        (&seen["agent"]["models"][0]["name"], &seen["agent"]["denied"]),
        (&json!("gpt-4o"), &json!(0)),
        "{seen}"
    );
    let caller = once(&server, "/api/v1/catalog/entities/component/default/nightly/summary", |_| true).await?;
    assert_eq!((&caller["origin"], &caller["kind"]), (&json!("discovered"), &json!("caller")));
    assert_eq!(calls(&server, "gpt-4o").await?, 3);

    let card = once(&server, &format!("{HELM}/scorecard?refresh=true"), |card| card["checks"].is_array()).await?;
    assert_eq!((&card["level"], &card["has_scorecard"]), (&Value::Null, &json!(true)));
    assert_eq!(state(&card, "known.declared"), "fail");
    assert_eq!(state(&card, "known.purpose"), "no_evidence");
    assert_eq!(state(&card, "known.identity"), "pass");

    // Started again, it counts nothing twice.
    let before = edges(&server).await?;
    server.stop().await?;
    server.restart().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(edges(&server).await?, before);

    // Declaring it claims what was seen.
    let applied = request::send(
        http::Method::POST,
        &format!("{}/api/v1/catalog/apply?source=catalog-info.yaml", server.url()),
        &[("authorization", format!("Bearer {}", server.admin_token()?).as_str()), ("content-type", "text/plain")],
        DECLARED.to_owned(),
    )
    .await?;
    ensure!(applied.status < 300, "{}: {}", applied.status, applied.text());
    let claimed = server.get(&format!("{HELM}/summary")).await?;
    assert_eq!((&claimed["origin"], &claimed["owner"]["ref"]), (&json!("declared"), &json!("group:default/platform")));
    assert_eq!(
        (&claimed["agent"]["runs"]["n"], &claimed["on_call"]),
        (&json!(3), &json!("mailto:platform@example.com"))
    );
    let card = server.get(&format!("{HELM}/scorecard?refresh=true")).await?;
    for check in ["known.declared", "known.owner", "known.contact", "known.purpose", "known.identity"] {
        assert_eq!(state(&card, check), "pass", "{check}: {card}");
    }
    // The gateway alone saw it: its own spans say nothing.
    assert_eq!(state(&card, "known.traces"), "fail");
    assert_eq!(card["next"]["id"], "known.traces");
    let exempt = check(&card, "controlled.stop");
    assert_eq!((&exempt["state"], &exempt["exemption"]["owner"]), (&json!("no_evidence"), &json!("user:default/ann")));
    assert_eq!(check(&card, "shop.spends_little")["own"], true);

    commands(&server).await?;
    let team = server.get("/api/v1/catalog/entities/group/default/platform/summary").await?;
    assert_eq!((&team["team"]["agents"], &team["team"]["members"]), (&json!(1), &json!(1)), "{team}");
    let board = server.get("/api/v1/catalog/scorecards").await?;
    assert_eq!(board["rows"][0]["ref"], "group:default/platform", "{board}");
    assert_eq!((&board["distribution"]["none"], &board["trend"][0]["none"]), (&json!(1), &json!(1)));
    Ok(())
}

/// What the command line says, and with which code it ends.
async fn commands(server: &Mizzen) -> Result<()> {
    let run = async |args: &[&'static str]| -> Result<(Option<i32>, String, String)> {
        let output = server.command(args.iter().copied())?.output().await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
    };
    let (code, said, _) = run(&["scorecard", "helm"]).await?;
    assert_eq!(code, Some(0));
    assert!(said.contains("known.traces") && said.contains("exempt until 2999-12-31"), "{said}");
    let (code, said, told) = run(&["scorecard", "assert", "helm", "--level", "known"]).await?;
    assert_eq!((code, said.contains("has not reached known")), (Some(1), true), "{said}{told}");
    assert!(told.contains("known.traces: fail: traces.share is 0"), "{told}");
    let (code, _, told) = run(&["scorecard", "assert", "nobody", "--level", "known"]).await?;
    assert_eq!(code, Some(3), "{told}");
    let (code, said, _) = run(&["scorecard", "-o", "json"]).await?;
    assert_eq!(
        (code, serde_json::from_str::<Value>(&said)?[0]["ref"].clone()),
        (Some(0), json!("component:default/helm"))
    );
    let (code, said, _) = run(&["scorecard", "facts"]).await?;
    assert!(code == Some(0) && said.contains("owner.exists"), "{said}");
    Ok(())
}

fn check<'c>(card: &'c Value, id: &str) -> &'c Value {
    let mut checks = card["checks"].as_array().into_iter().flatten();
    checks.find(|check| check["id"] == id).unwrap_or(&Value::Null)
}

fn state(card: &Value, id: &str) -> String {
    check(card, id)["state"].as_str().unwrap_or("not there").to_owned()
}

/// Every edge of the agent with its calls, as its graph has it.
async fn edges(server: &Mizzen) -> Result<Value> {
    Ok(server.get(&format!("{HELM}/graph?depth=1&direction=down")).await?["edges"].clone())
}
