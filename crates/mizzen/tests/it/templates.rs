//! Golden paths from the command line: made, checked by Mizzen's own validators, run, and brought up to date.

use std::path::Path;

use anyhow::Result;
use mizzen_eval::gate::Gate;
use mizzen_eval::set::EvalSet;
use mizzen_testkit::fake_provider::{FakeProvider, Reply};
use mizzen_testkit::mizzen::{Mizzen, Options};
use serde_json::{Value, json};

const TEMPLATES: [&str; 5] = ["agent-tool-using", "bring-your-own-agent", "eval-suite", "mcp-server", "skill"];

async fn init(server: &Mizzen, template: &str, folder: &Path, more: &[&str]) -> Result<std::process::Output> {
    let folder = folder.display().to_string();
    let mut args = vec!["init", template, &folder, "-o", "json", "--set", "owner=platform"];
    args.extend(["--set", "purpose=Answers questions about orders."]);
    args.extend(more);
    Ok(server.command(args)?.output().await?)
}

fn json_of(output: &std::process::Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let read = serde_json::from_slice(&output.stdout);
    assert!(read.is_ok(), "{read:?}: {told}");
    read.unwrap_or_default()
}

#[tokio::test]
async fn every_golden_path_makes_files_that_our_own_validators_accept() -> Result<()> {
    let (server, home) = (Mizzen::start().await?, tempfile::tempdir()?);
    let listed = json_of(&server.command(["init", "--list", "-o", "json"])?.output().await?);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, TEMPLATES);
    for (at, template) in TEMPLATES.iter().enumerate() {
        let (folder, name) = (home.path().join(template), format!("name=thing-{at}"));
        let mut more = vec!["--set", name.as_str()];
        if *template == "eval-suite" {
            more.extend(["--set", "agent=thing-0"]);
        }
        let made = json_of(&init(&server, template, &folder, &more).await?);
        assert!(folder.join("README.md").exists() && folder.join(".mizzen/template.json").exists(), "{template}");
        assert!(made["effects"].as_array().unwrap().iter().all(|effect| effect["state"] == "done"), "{made}");
        if let Ok(text) = std::fs::read_to_string(folder.join("gate.toml")) {
            Gate::read(&text)?;
        }
        if let Ok(content) = std::fs::read(folder.join("evals/set.json")) {
            EvalSet::read("set.json", &content)?;
        }
        let boundary = folder.join("boundary.yaml");
        if boundary.exists() {
            let path = boundary.display().to_string();
            let checked = server.command(["policy", "check", path.as_str()])?.output().await?;
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
            // Its catalog file and the configuration of its documentation lie beside it.
            let whole = folder.display().to_string();
            let checked = server.command(["policy", "check", whole.as_str()])?.output().await?;
            let told = String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success() && told.contains("1 file is a valid set"), "{told}");
        }
        for script in ["agent.py", "tool_server.py", "server.py", "evals/run.py"] {
            let file = folder.join(script);
            if file.exists() {
                let mut compiled = tokio::process::Command::new("python3");
                compiled.arg("-m").arg("py_compile").arg(file);
                assert!(compiled.status().await?.success(), "{template} {script}");
            }
        }
    }
    let boundaries = server.get("/api/v1/boundaries").await?;
    assert!(boundaries.to_string().contains("thing-0"), "{boundaries}");
    let again = init(&server, "skill", &home.path().join("skill"), &["--set", "name=thing-4"]).await?;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already there"), "nothing is written over");
    Ok(())
}

#[tokio::test]
async fn what_nobody_answered_is_named_and_a_folder_gives_its_name() -> Result<()> {
    let (server, home) = (Mizzen::start().await?, tempfile::tempdir()?);
    let folder = home.path().join("new-agent").display().to_string();
    let open = server.command(["init", "agent-tool-using", folder.as_str()])?.output().await?;
    let told = String::from_utf8_lossy(&open.stderr);
    assert_eq!(open.status.code(), Some(2), "{told}");
    assert!(
        told.contains("--set owner=…") && told.contains("--set purpose=…") && !told.contains("--set name"),
        "{told}"
    );
    let answers = ["--set", "owner=platform", "--set", "purpose=Answers questions about orders."];
    let args = ["init", "agent-tool-using", folder.as_str()].into_iter().chain(answers);
    let made = server.command(args)?.output().await?;
    let told = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success() && told.contains("--agent new-agent"), "{told}");
    Ok(())
}

#[tokio::test]
async fn an_agent_that_was_made_runs_within_its_boundary_and_its_run_appears() -> Result<()> {
    let provider = FakeProvider::start().await?;
    let tool = json!({ "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini",
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": { "role": "assistant", "content": null, "tool_calls": [
            { "id": "t1", "type": "function", "function": { "name": "today", "arguments": "{}" } }] } }],
        "usage": { "prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22 } });
    let answer = json!({ "id": "c2", "object": "chat.completion", "created": 1, "model": "gpt-5-mini",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "It is a fine day." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35 } });
    provider.reply(Reply::json(200, &tool));
    provider.reply(Reply::json(200, &answer));
    let options = Options::default().upstream("fake", "openai", &format!("{}/v1", provider.url()));
    let (server, home) = (Mizzen::start_with(options).await?, tempfile::tempdir()?);
    let folder = home.path().join("helper");
    json_of(&init(&server, "agent-tool-using", &folder, &["--set", "name=helper"]).await?);
    let mut run = server.command(["run", "--agent", "helper", "--", "python3", "agent.py", "Which day is it?"])?;
    let output = run.current_dir(&folder).output().await?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "It is a fine day.", "{told}");
    let runs = server.get("/api/v1/runs?agent=helper").await?;
    assert_eq!((&runs["items"][0]["agent"], &runs["items"][0]["outcome"]), (&json!("helper"), &json!("ok")), "{runs}");
    let entity = server.get("/api/v1/catalog/templates/default/agent-tool-using/created").await?;
    assert_eq!(entity["items"][0]["ref"], "component:default/helper");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_leaves_nothing_and_a_folder_that_is_up_to_date_says_so() -> Result<()> {
    let (server, home) = (Mizzen::start().await?, tempfile::tempdir()?);
    let folder = home.path().join("helper");
    let planned = init(&server, "agent-tool-using", &folder, &["--set", "name=helper", "--dry-run"]).await?;
    assert_eq!(json_of(&planned)["dry_run"], true);
    assert!(!folder.exists());
    assert!(!server.get("/api/v1/boundaries").await?.to_string().contains("helper"));
    let wrong = init(&server, "agent-tool-using", &folder, &["--set", "name=Not A Name"]).await?;
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
    assert!(!folder.exists());
    json_of(&init(&server, "agent-tool-using", &folder, &["--set", "name=helper"]).await?);
    std::fs::write(folder.join("README.md"), "# Ours now\n")?;
    let path = folder.display().to_string();
    let update = json_of(&server.command(["init", "--update", path.as_str(), "-o", "json"])?.output().await?);
    assert_eq!((&update["changes"], &update["conflicts"]), (&json!([]), &json!(0)));
    let outside = home.path().display().to_string();
    let none = server.command(["init", "--update", outside.as_str()])?.output().await?;
    assert_eq!(none.status.code(), Some(2));
    Ok(())
}
