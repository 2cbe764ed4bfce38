//! `mizzen eval` and its like, over runs that a server keeps and over files.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mizzen_testkit::mizzen::{Mizzen, Options};
use serde_json::{Value, json};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// For waiting on a server that shares two cores with every other test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs become final a second after their root ended.
fn quick() -> Options {
    Options { config: "[telemetry]\nfinal_after_seconds = 1\n".to_owned(), ..Options::default() }
}

/// Some runs of one agent, each of them a question, a tool call and an answer; those in `failed` end in an error.
fn runs(from: u64, count: u64, digest: Option<&str>, failed: &[u64]) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let now = mizzen_testkit_now();
    let resources: Vec<Value> = (from..from + count)
        .map(|at| {
            let trace = format!("{:032x}", 0x5b8e_0000_u64 + at);
            let span = |id: u64, parent: &str, name: &str, attributes: Value, code: u8| {
                json!({ "traceId": trace, "spanId": format!("{:016x}", 0xeee0_0000_u64 + at * 16 + id), "parentSpanId": parent,
                    "name": name, "kind": 1, "startTimeUnixNano": (now + id * 1_000_000).to_string(),
                    "endTimeUnixNano": (now + 50_000_000 - id * 1_000_000).to_string(),
                    "attributes": attributes, "status": { "code": code } })
            };
            let root = format!("{:016x}", 0xeee0_0000_u64 + at * 16);
            let question = r#"[{"role":"user","parts":[{"type":"text","content":"Which releases run?"}]}]"#;
            let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Two releases run."}]}]"#;
            let code = if failed.contains(&at) { 2 } else { 1 };
            let mut resource = vec![text("service.name", "helm-service")];
            resource.extend(digest.map(|digest| text("mizzen.agent.digest", digest)));
            json!({ "resource": { "attributes": resource }, "scopeSpans": [{ "scope": { "name": "test" }, "spans": [
                span(0, "", "invoke_agent helm", json!([text("gen_ai.operation.name", "invoke_agent"),
                    text("gen_ai.agent.name", "helm"), text("gen_ai.input.messages", question),
                    text("gen_ai.output.messages", answer)]), code),
                span(1, &root, "execute_tool list_releases", json!([text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.tool.name", "list_releases"), text("gen_ai.tool.call.arguments", r#"{"namespace":"prod"}"#)]), 1),
            ] }] })
        })
        .collect();
    json!({ "resourceSpans": resources })
}

#[allow(clippy::disallowed_methods, reason = "a test that sends spans needs the time of day")]
fn mizzen_testkit_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as u64
}

/// With a key that is bound to the digest that the runs name, without a key when they name none.
async fn send(server: &Mizzen, request: &Value) -> Result<()> {
    let attributes = request["resourceSpans"][0]["resource"]["attributes"].as_array().cloned().unwrap_or_default();
    let digest = attributes.iter().find(|attribute| attribute["key"] == "mizzen.agent.digest");
    let Some(digest) = digest else { return send_with(server, request, None).await };
    let key = json!({ "name": "helm", "agent": "helm", "agent_digest": digest["value"]["stringValue"] });
    let minted = server.post("/api/v1/keys", &key).await?;
    send_with(server, request, minted["key"].as_str()).await
}

async fn send_with(server: &Mizzen, request: &Value, key: Option<&str>) -> Result<()> {
    let url = format!("{}/v1/traces", server.otlp_http());
    let authorization = key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
    let answer = mizzen_testkit::request::send(http::Method::POST, &url, &headers, request.to_string()).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    Ok(())
}

async fn until_final(server: &Mizzen, count: usize) -> Result<()> {
    for _ in 0..PATIENCE.as_millis() / 200 {
        let runs = server.get("/api/v1/runs?limit=500").await?;
        let is_final = |run: &&Value| run["is_final"] == json!(true);
        if runs["items"].as_array().into_iter().flatten().filter(is_final).count() >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the runs did not become final")
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn mizzen(server: &Mizzen, args: &[&str]) -> Result<Said> {
    let output = server.command(args.iter().copied())?.output().await?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("not UTF-8");
    Ok(Said { code: output.status.code(), out: text(output.stdout)?, err: text(output.stderr)? })
}

async fn told(server: &Mizzen, args: &[&str]) -> Result<Value> {
    let said = mizzen(server, args).await?;
    ensure!(said.code == Some(0), "{args:?} ended with {:?}: {}", said.code, said.err);
    serde_json::from_str(&said.out).with_context(|| format!("{args:?}: {}", said.out))
}

#[tokio::test]
async fn stored_runs_are_scored_shown_in_sql_and_become_evidence() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 30, Some(DIGEST), &[])).await?;
    until_final(&server, 30).await?;

    let run = [
        "eval",
        "run",
        "--runs",
        "agent=helm",
        "-e",
        "task_success",
        "-e",
        "steps",
        "--count-sdk-evidence",
        "-o",
        "json",
    ];
    let scores = told(&server, &run).await?;
    let scores = scores.as_array().context("no array")?;
    assert_eq!(scores.len(), 60);
    assert!(scores.iter().all(|score| score["status"] == json!("scored")), "{scores:?}");

    let sql = "SELECT evaluator, count(*) AS n, count(DISTINCT trace_id) AS traces, avg(score) AS mean FROM scores GROUP BY evaluator ORDER BY 1";
    let rows = told(&server, &["query", sql, "-o", "json"]).await?;
    assert_eq!(rows[1], json!({ "evaluator": "task_success", "n": 30, "traces": 30, "mean": 1.0 }), "{rows}");

    let evidence = told(&server, &["eval", "evidence", "--digest", DIGEST, "-o", "json"]).await?;
    let first = &evidence[0];
    assert_eq!((&first["metric"], &first["clusters"]), (&json!("task_success@1"), &json!(30)), "{evidence}");
    // 30 of 30, exactly, at the first look of the lineage: (alpha/2)^(1/30) with alpha = 0.05·6/π².
    let lower = first["lower"].as_f64().context("no bound")?;
    assert!((lower - (0.05 * 6.0 / std::f64::consts::PI.powi(2) / 2.0).powf(1.0 / 30.0)).abs() < 1e-6, "{first}");
    assert_eq!(first["lineage_position"], json!(1));

    // A second look at the lineage may err less.
    told(&server, &run).await?;
    let again = told(&server, &["eval", "evidence", "--agent", "helm", "-o", "json"]).await?;
    let looks: Vec<u64> =
        again.as_array().into_iter().flatten().filter_map(|item| item["lineage_position"].as_u64()).collect();
    assert_eq!(looks.len(), 2);
    assert!(looks.contains(&1) && looks.contains(&2) && again[0]["lower"].as_f64() < Some(lower), "{again}");
    Ok(())
}

#[tokio::test]
async fn a_monitor_that_has_just_begun_takes_no_evidence_back() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 12, Some(DIGEST), &[])).await?;
    until_final(&server, 12).await?;
    let of = ["-e", "task_success", "--runs", "agent=helm", "--count-sdk-evidence"];
    told(&server, &[&["eval", "run", "-o", "json"], &of[..]].concat()).await?;
    let made = mizzen(&server, &[&["eval", "monitor", "create", "helm"], &of[..]].concat()).await?;
    assert_eq!(made.code, Some(0), "{}", made.err);
    for (from, count, newest) in [(12, 11, "experiment"), (23, 1, "monitor")] {
        send(&server, &runs(from, count, Some(DIGEST), &[])).await?;
        watched(&server, made.out.trim(), from + count - 12).await?;
        let evidence = told(&server, &["eval", "evidence", "--digest", DIGEST, "-o", "json"]).await?;
        let told_of = (&evidence[0]["from"]["kind"], &evidence[0]["clusters"]);
        assert_eq!(told_of, (&json!(newest), &json!(12)), "{evidence}");
    }
    Ok(())
}

#[tokio::test]
async fn withdrawn_evidence_stays_out_of_force_after_a_restart_until_it_is_measured_anew() -> Result<()> {
    let mut server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 10, Some(DIGEST), &[])).await?;
    until_final(&server, 10).await?;
    let run = ["eval", "run", "--runs", "agent=helm", "-e", "task_success", "--count-sdk-evidence", "-o", "json"];
    told(&server, &run).await?;
    in_force(&server, 1).await?;

    let mistyped = mizzen(&server, &["eval", "withdraw", DIGEST, "task_success", "--reason", "a bad set"]).await?;
    assert!(mistyped.code == Some(1) && mistyped.err.contains("what is: `task_success@1`"), "{}", mistyped.err);
    let cut = mizzen(&server, &["eval", "withdraw", "sha256:aaaa…", "task_success@1", "--reason", "a bad set"]).await?;
    assert_eq!(cut.code, Some(2), "{}", cut.err);
    for word in
        ["subject: `sha256:aaaa…` is no agent digest", "64 hexadecimal digits", "`mizzen eval evidence -o json`"]
    {
        assert!(cut.err.contains(word) && !cut.err.contains("column"), "{}", cut.err);
    }
    let done = mizzen(&server, &["eval", "withdraw", DIGEST, "task_success@1", "--reason", "a bad set"]).await?;
    assert_eq!(done.code, Some(0), "{}", done.err);
    server.stop().await?;
    server.restart().await?;
    // What was there before is handed over again first.
    told(&server, &run).await?;
    in_force(&server, 2).await?;

    let evidence = told(&server, &["eval", "evidence", "--digest", DIGEST, "-o", "json"]).await?;
    let [now, before] = [&evidence[0], &evidence[1]];
    assert_eq!((&now["withdrawn"], &now["rule_metric"]), (&Value::Null, &json!("task_success@1")), "{evidence}");
    assert_eq!(before["withdrawn"]["reason"], json!("a bad set"), "{evidence}");
    let table = mizzen(&server, &["eval", "evidence"]).await?.out;
    assert_eq!(table.lines().filter(|line| line.contains("a bad set")).count(), 1, "{table}");
    Ok(())
}

/// Waits until the newest evidence is in force; by then evidence was put in force this often.
async fn in_force(server: &Mizzen, times: usize) -> Result<()> {
    let newest = told(server, &["eval", "evidence", "-o", "json"]).await?[0]["as_of"].to_string();
    for _ in 0..PATIENCE.as_millis() / 100 {
        let entries = server.get("/api/v1/audit/entries?kind=evidence_published").await?;
        let details = entries["items"].as_array().into_iter().flatten().map(|item| &item["entry"]["details"]);
        let published: Vec<&str> = details.filter_map(|details| details["evidence"].as_str()).collect();
        if published.iter().any(|evidence| evidence.contains(&newest)) {
            ensure!(published.len() == times, "{entries}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("evidence is not in force")
}

#[tokio::test]
async fn what_is_no_evidence_says_why_and_mixed_versions_are_refused() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 5, Some(DIGEST), &[])).await?;
    until_final(&server, 5).await?;
    let alone = mizzen(&server, &["eval", "run", "--runs", "agent=helm"]).await?;
    assert_eq!(alone.code, Some(0), "{}", alone.err);
    assert!(alone.err.contains("reported by the agent itself alone"), "{}", alone.err);
    let chosen =
        mizzen(&server, &["eval", "run", "--runs", "agent=helm", "outcome=ok", "--count-sdk-evidence"]).await?;
    assert!(chosen.err.contains("chosen by their outcome"), "{}", chosen.err);
    assert_eq!(told(&server, &["eval", "evidence", "-o", "json"]).await?, json!([]));

    send(&server, &runs(5, 5, Some(&DIGEST.replace("aaaa", "bbbb")), &[])).await?;
    until_final(&server, 10).await?;
    let mixed = mizzen(&server, &["eval", "run", "--runs", "agent=helm"]).await?;
    assert_eq!(mixed.code, Some(3), "{}", mixed.out);
    assert!(mixed.err.contains("several versions of the agent"), "{}", mixed.err);
    let one = ["eval", "run", "--runs", "agent=helm", "digest=sha256:bbbbbbbb", "-o", "json"];
    assert_eq!(told(&server, &one).await?.as_array().map(Vec::len), Some(5));
    Ok(())
}

#[tokio::test]
async fn a_digest_counts_from_its_key_alone() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send_with(&server, &runs(0, 1, Some(DIGEST), &[]), None).await?;
    let key = server.agent_key("helm").await?;
    send_with(&server, &runs(1, 1, Some(DIGEST), &[]), Some(&key)).await?;
    send(&server, &runs(2, 1, Some(DIGEST), &[])).await?;
    until_final(&server, 3).await?;
    let listed = server.get("/api/v1/runs").await?;
    let digests: Vec<&Value> =
        listed["items"].as_array().into_iter().flatten().map(|run| &run["agent_digests"]).collect();
    let known = digests.iter().filter(|digests| ***digests == json!([DIGEST])).count();
    ensure!(digests.len() == 3 && known == 1, "{listed}");
    Ok(())
}

#[tokio::test]
async fn a_selection_without_runs_is_refused_and_keeps_nothing() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    let refused = async |selector: &[&str]| {
        let said = mizzen(&server, &[&["eval", "run", "--runs"], selector].concat()).await?;
        ensure!(said.code == Some(3), "{selector:?} ended with {:?}: {}", said.code, said.err);
        Ok(said.err)
    };
    assert!(refused(&["all"]).await?.contains("there are no runs yet; `mizzen run -- CMD`"));
    send(&server, &runs(0, 2, None, &[])).await?;
    until_final(&server, 2).await?;
    let mistyped = refused(&["agent=hlem", "outcome=ok"]).await?;
    assert!(
        mistyped.contains("no run matches `agent=hlem` (did you mean `agent=helm`?); `mizzen runs list`"),
        "{mistyped}"
    );
    let digest = refused(&["agent=helm", "digest=sha256:0123abcd"]).await?;
    assert!(digest.contains("no run matches `digest=sha256:0123abcd`;"), "{digest}");
    let apart = refused(&["agent=helm", "outcome=error"]).await?;
    assert!(apart.contains("no run matches `outcome=error`;"), "{apart}");
    let nowhere = refused(&["run=nowhere"]).await?;
    assert!(nowhere.contains("no run `nowhere`"), "{nowhere}");
    assert_eq!(server.get("/api/v1/experiments").await?["items"], json!([]));

    send(&server, &runs(2, 1, None, &[2])).await?;
    send(&server, &runs(16, 1, None, &[])).await?;
    until_final(&server, 4).await?;
    let good = server.get("/api/v1/runs?outcome=ok").await?["items"][0]["run_id"].as_str().context("no id")?.to_owned();
    let together = refused(&["outcome=error", &format!("run={good}")]).await?;
    assert!(together.contains("together; leave one out"), "{together}");
    let begun = mizzen(&server, &["eval", "run", "--runs", "run=0000000000000000000000005b8e001"]).await?;
    assert_eq!(begun.code, Some(0), "the beginning of an id is enough: {}", begun.err);
    Ok(())
}

#[tokio::test]
async fn an_experiment_that_scored_nothing_is_not_kept() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 2, None, &[])).await?;
    until_final(&server, 2).await?;
    let turn = json!({ "user_content": { "role": "user", "parts": [{ "text": "something else" }] } });
    let set = json!({ "eval_set_id": "others", "eval_cases": [{ "eval_id": "other", "conversation": [turn] }] });
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("set.json");
    std::fs::write(&file, set.to_string())?;
    let said = mizzen(&server, &["eval", "run", "--set", &file.display().to_string(), "--runs", "all"]).await?;
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("no run was scored, so that no experiment is kept"), "{}", said.err);
    assert!(said.out.contains("2 runs left out: of no case of the eval set"), "{}", said.out);
    assert_eq!(server.get("/api/v1/experiments").await?["items"], json!([]));
    Ok(())
}

/// An experiment that the API is asked for, once it is finished.
async fn experiment(server: &Mizzen, request: Value) -> Result<Value> {
    let begun = server.post("/api/v1/experiments", &request).await?;
    let path = format!("/api/v1/experiments/{}", begun["id"].as_str().context("no id")?);
    for _ in 0..PATIENCE.as_millis() / 100 {
        let experiment = server.get(&path).await?;
        if experiment["state"] != json!("running") {
            return Ok(experiment);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the experiment did not finish")
}

#[tokio::test]
async fn every_look_is_counted_and_what_somebody_sent_is_no_evidence() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    let mut sent = runs(0, 10, Some(DIGEST), &[]);
    for resource in sent["resourceSpans"].as_array_mut().into_iter().flatten() {
        let event = json!({ "name": "gen_ai.evaluation.result", "timeUnixNano": "1", "attributes": [
            { "key": "gen_ai.evaluation.name", "value": { "stringValue": "reward" } },
            { "key": "gen_ai.evaluation.score.value", "value": { "doubleValue": 1.0 } } ] });
        resource["scopeSpans"][0]["spans"][0]["events"] = json!([event]);
    }
    send(&server, &sent).await?;
    until_final(&server, 10).await?;
    let request = |name: &str, parameters: Value, publish: bool| {
        json!({ "name": name, "runs": { "agent": "helm" }, "count_sdk_evidence": true, "publish_evidence": publish,
            "evaluators": [{ "name": "contains", "parameters": parameters }] })
    };
    // Looked at in private, twice, and under another name.
    experiment(&server, request("a", json!({ "value": "Two" }), false)).await?;
    experiment(&server, request("b", json!({ "value": "releases", "metric": "answers" }), false)).await?;
    let published = experiment(&server, request("c", json!({ "value": "run." }), true)).await?;
    assert_eq!(published["problem"], Value::Null);
    let evidence = told(&server, &["eval", "evidence", "--digest", DIGEST, "-o", "json"]).await?;
    assert_eq!(evidence.as_array().map(Vec::len), Some(1), "{evidence}");
    assert_eq!(evidence[0]["lineage_position"], json!(3), "{evidence}");

    let recorded = json!({ "name": "d", "runs": { "agent": "helm" }, "count_sdk_evidence": true,
        "evaluators": [{ "name": "recorded", "parameters": { "score": "reward" } }] });
    let told_why = experiment(&server, recorded).await?;
    assert_eq!(told_why["aggregates"][0]["mean"]["value"], json!(1.0), "{told_why}");
    assert!(told_why["problem"].as_str().is_some_and(|why| why.contains("scores that somebody sent")), "{told_why}");
    let evidence = told(&server, &["eval", "evidence", "--digest", DIGEST, "-o", "json"]).await?;
    assert_eq!(evidence.as_array().map(Vec::len), Some(1), "{evidence}");
    Ok(())
}

#[tokio::test]
async fn what_is_counted_from_summaries_knows_the_cases() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    let mut sent = runs(0, 12, None, &[]);
    for (at, resource) in sent["resourceSpans"].as_array_mut().into_iter().flatten().enumerate() {
        let case = json!({ "key": "mizzen.evaluation.case", "value": { "stringValue": format!("case-{}", at % 3) } });
        if let Some(attributes) = resource["resource"]["attributes"].as_array_mut() {
            attributes.push(case);
        }
    }
    send(&server, &sent).await?;
    until_final(&server, 12).await?;
    let request = json!({ "name": "steps", "runs": { "agent": "helm" }, "evaluators": [{ "name": "steps" }] });
    let told = experiment(&server, request).await?;
    let mean = &told["aggregates"][0]["mean"];
    assert_eq!((&mean["n"], &mean["clusters"]), (&json!(12), &json!(3)), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_monitor_of_labels_waits_for_people() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 3, None, &[])).await?;
    until_final(&server, 3).await?;
    let create = ["eval", "monitor", "create", "people", "-e", "human_label", "--runs", "agent=helm", "--include-past"];
    let made = mizzen(&server, &create).await?;
    assert_eq!(made.code, Some(0), "{}", made.err);
    for at in 0..2 {
        let run_id = format!("{:032x}", 0x5b8e_0000_u64 + at);
        assert_eq!(mizzen(&server, &["label", &run_id, "good"]).await?.code, Some(0));
    }
    let monitor = watched(&server, made.out.trim(), 2).await?;
    let seen = (&monitor["n"], &monitor["skipped"], &monitor["estimate"]["value"]);
    assert_eq!(seen, (&json!(2), &json!(0), &json!(1.0)), "{monitor}");
    Ok(())
}

#[tokio::test]
async fn a_golden_run_is_what_the_others_are_held_to() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 4, None, &[3])).await?;
    until_final(&server, 4).await?;
    let golden = format!("{:032x}", 0x5b8e_0000_u64);
    let set =
        told(&server, &["eval", "set", "golden", &golden, "--set", "helm", "--case", "list", "-o", "json"]).await?;
    assert_eq!((&set[0]["version"], &set[0]["cases"]), (&json!(1), &json!(1)), "{set}");
    let scores = told(&server, &["eval", "run", "--set", "helm", "--runs", "all", "-o", "json"]).await?;
    let scores = scores.as_array().context("no array")?;
    assert_eq!(scores.len(), 4);
    for score in scores {
        let found = (&score["evaluator"], &score["case"], &score["score"], &score["verdict"]);
        assert_eq!(found, (&json!("tool_trajectory"), &json!("list"), &json!(1.0), &json!("pass")), "{score}");
    }
    Ok(())
}

#[tokio::test]
async fn a_monitor_counts_every_run_once_over_a_restart() -> Result<()> {
    let mut server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 6, Some(DIGEST), &[])).await?;
    until_final(&server, 6).await?;
    let create = [
        "eval",
        "monitor",
        "create",
        "helm",
        "-e",
        "task_success",
        "--runs",
        "agent=helm",
        "--include-past",
        "--baseline",
        "0.5",
        "--count-sdk-evidence",
    ];
    let made = mizzen(&server, &create).await?;
    assert_eq!(made.code, Some(0), "{}", made.err);
    let id = made.out.trim().to_owned();
    watched(&server, &id, 6).await?;

    server.stop().await?;
    server.restart().await?;
    // What comes while it is away is not missed, what was counted is not counted again.
    send(&server, &runs(6, 3, Some(DIGEST), &[])).await?;
    let monitor = watched(&server, &id, 9).await?;
    assert_eq!((&monitor["units"], &monitor["skipped"]), (&json!(9), &json!(0)), "{monitor}");
    assert_eq!(monitor["estimate"]["value"], json!(1.0));
    assert_eq!(monitor["points"].as_array().map(Vec::len), Some(9), "{monitor}");
    assert!(monitor["e_value"].as_f64() > Some(2.0), "{monitor}");

    let evidence = told(&server, &["eval", "evidence", "--digest", DIGEST, "-o", "json"]).await?;
    assert_eq!((&evidence[0]["method"], &evidence[0]["runs"]), (&json!("betting"), &json!(9)), "{evidence}");
    let gone = mizzen(&server, &["eval", "monitor", "delete", &id]).await?;
    assert_eq!(gone.code, Some(0), "{}", gone.err);
    assert_eq!(told(&server, &["eval", "monitor", "list", "-o", "json"]).await?, json!([]));
    Ok(())
}

#[tokio::test]
async fn a_monitor_reads_the_past_in_the_order_of_time() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    // More than one page of the index, which tells the newest first.
    let failed: Vec<u64> = (0..60).collect();
    send(&server, &runs(0, 60, None, &failed)).await?;
    send(&server, &runs(60, 200, None, &[])).await?;
    until_final(&server, 260).await?;
    let create = ["eval", "monitor", "create", "past", "-e", "task_success", "--runs", "agent=helm", "--include-past"];
    let made = mizzen(&server, &create).await?;
    assert_eq!(made.code, Some(0), "{}", made.err);
    let monitor = watched(&server, made.out.trim(), 260).await?;
    assert_eq!(monitor["points"][0]["value"], json!(0.0), "the first run failed: {monitor}");
    Ok(())
}

/// The monitor once it has seen `n` runs.
async fn watched(server: &Mizzen, id: &str, n: u64) -> Result<Value> {
    for _ in 0..PATIENCE.as_millis() / 200 {
        let monitor = told(server, &["eval", "monitor", "show", id, "-o", "json"]).await?;
        if monitor["n"].as_u64() >= Some(n) {
            return Ok(monitor);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("the monitor did not see {n} runs")
}

fn scores_file(folder: &Path, name: &str, passes: usize, fails: usize) -> Result<String> {
    let score = |at: usize| {
        let (score, verdict) = if at < passes { (1.0, "pass") } else { (0.0, "fail") };
        json!({ "evaluator": "task_success", "case": format!("case-{at}"), "run_id": format!("{name}-{at}"),
            "score": score, "verdict": verdict })
    };
    let file = folder.join(name);
    std::fs::write(&file, json!((0..passes + fails).map(score).collect::<Vec<_>>()).to_string())?;
    Ok(file.display().to_string())
}

#[tokio::test]
async fn a_gate_ends_with_the_code_of_its_verdict() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let gate = folder.path().join("gate.toml");
    let write = |planned: u32| {
        let text = format!("[[criterion]]\nevaluator = \"task_success\"\nat_least = 0.9\nplanned_cases = {planned}\n");
        std::fs::write(&gate, text)
    };
    let gate_name = gate.display().to_string();
    write(40)?;
    for (passes, fails, code) in [(40, 0, 0), (10, 30, 1), (37, 3, 2), (20, 0, 2)] {
        let scores = scores_file(folder.path(), "scores.json", passes, fails)?;
        let said = mizzen(&server, &["eval", "gate", &gate_name, "--scores", &scores]).await?;
        assert_eq!(said.code, Some(code), "{passes} and {fails}: {}{}", said.out, said.err);
    }
    write(20)?;
    let scores = scores_file(folder.path(), "scores.json", 20, 0)?;
    let unreachable = mizzen(&server, &["eval", "gate", &gate_name, "--scores", &scores]).await?;
    assert_eq!(unreachable.code, Some(3), "{}", unreachable.out);
    assert!(unreachable.err.contains("at least 29 cases"), "{}", unreachable.err);
    Ok(())
}

#[tokio::test]
async fn two_files_of_scores_are_compared_and_a_claim_is_planned_for() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let (worse, better) = (scores_file(folder.path(), "a", 20, 20)?, scores_file(folder.path(), "b", 38, 2)?);
    let up = mizzen(&server, &["eval", "compare", &worse, &better, "-o", "json"]).await?;
    let answer: Value = serde_json::from_str(&up.out)?;
    assert_eq!((up.code, &answer["metrics"][0]["answer"]), (Some(0), &json!("better")), "{answer}");
    assert_eq!(mizzen(&server, &["eval", "compare", &better, &worse]).await?.code, Some(1));
    assert_eq!(mizzen(&server, &["eval", "compare", &better, &better]).await?.code, Some(2));

    let plan = told(&server, &["eval", "plan", "--at-least", "0.95", "--assumed", "0.99", "-o", "json"]).await?;
    assert_eq!(plan["minimum_cases"], json!(59), "{plan}");
    let never = mizzen(&server, &["eval", "plan", "--at-least", "0.95", "--assumed", "0.9"]).await?;
    assert_eq!(never.code, Some(3), "{}", never.out);
    Ok(())
}

#[tokio::test]
async fn people_are_recorded_and_what_they_say_of_runs_too() -> Result<()> {
    let server = Mizzen::start_with(quick()).await?;
    send(&server, &runs(0, 3, None, &[])).await?;
    until_final(&server, 3).await?;
    let run_id = format!("{:032x}", 0x5b8e_0000_u64);
    for value in ["bad", "good"] {
        let said = mizzen(&server, &["label", &run_id, value, "--note", "looked twice"]).await?;
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let labels = server.get(&format!("/api/v1/labels?run_id={run_id}")).await?;
    assert_eq!(labels["items"].as_array().map(Vec::len), Some(2), "history is kept: {labels}");
    let queue = server.get("/api/v1/labels/queue").await?;
    assert_eq!((queue["items"].as_array().map(Vec::len), &queue["labelled"]), (Some(2), &json!(1)), "{queue}");
    let run = ["eval", "run", "--runs", "agent=helm", "-e", "human_label", "-o", "json"];
    let scores: Value = serde_json::from_str(&mizzen(&server, &run).await?.out)?;
    let scored: Vec<&Value> =
        scores.as_array().into_iter().flatten().filter(|score| !score["score"].is_null()).collect();
    assert_eq!((scored.len(), &scored[0]["score"]), (1, &json!(1.0)), "{scores}");

    let record =
        ["baseline", "record", "desk", "--n", "200", "--successes", "188", "--cost-usd-total", "840", "-o", "json"];
    let recorded = told(&server, &record).await?;
    assert_eq!(recorded[0]["success"]["value"], json!(0.94), "{recorded}");
    let run = ["eval", "run", "--runs", "agent=helm", "-e", "task_success", "-e", "cost_usd"];
    assert_eq!(mizzen(&server, &run).await?.code, Some(0));
    let experiment = server.get("/api/v1/experiments").await?["items"][0]["id"].as_str().context("no id")?.to_owned();
    let rows = told(&server, &["baseline", "compare", "desk", &experiment, "-o", "json"]).await?;
    let aspects: Vec<&str> = rows.as_array().into_iter().flatten().filter_map(|row| row["aspect"].as_str()).collect();
    assert_eq!(aspects, ["safety", "success", "cost", "time"]);
    assert_eq!(rows[1]["answer"], json!("not_yet_known"), "three runs say little: {rows}");
    Ok(())
}

#[tokio::test]
async fn what_mizzen_run_starts_has_a_digest_that_follows_its_script() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("agent.sh");
    let name = script.display().to_string();
    let mut digests = Vec::new();
    for content in ["true", "true # another version"] {
        std::fs::write(&script, content)?;
        let said = mizzen(&server, &["run", "-q", "--", "sh", &name]).await?;
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    for run in server.get("/api/v1/runs").await?["items"].as_array().into_iter().flatten() {
        digests.push(run["agent_digests"][0].as_str().context("no digest")?.to_owned());
    }
    digests.dedup();
    assert_eq!(digests.len(), 2, "{digests:?}");
    Ok(())
}
