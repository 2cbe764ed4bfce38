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
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(log.contains("[boundary] made: boundary `new-agent`\n"), "{log}");
    assert!(log.contains("[register] kept the documentation of `component:default/new-agent`, pages: 3\n"), "{log}");
    let docs = server.get("/api/v1/catalog/entities/component/default/new-agent/docs").await?;
    assert_eq!((&docs["site"], &docs["path"]), (&json!("new-agent"), &json!("index.md")), "as its README says");
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

/// A name that no entity can have, as the portal's *Claim it* hands it over.
#[tokio::test]
async fn an_agent_that_traffic_showed_is_claimed_with_its_runs_under_whatever_name() -> Result<()> {
    let config = "[telemetry]\nfinal_after_seconds = 1\nidle_after_seconds = 1\n".to_owned();
    let server = Mizzen::start_with(Options { config, ..Options::default() }).await?;
    let home = tempfile::tempdir()?;
    let run = ["run", "-q", "--agent", "Helm Agent", "--", "true"];
    assert!(server.command(run)?.output().await?.status.success());
    let found = once_it_ran(&server, 1).await?;
    assert_eq!(found["origin"], "discovered");
    let folder = home.path().join("helm");
    let made = json_of(&init(&server, "bring-your-own-agent", &folder, &["--set", "name=Helm Agent"]).await?);
    assert_eq!(made["entities"], json!([found["ref"]]), "it is the same entity");
    assert!(server.command(run)?.output().await?.status.success());
    let claimed = once_it_ran(&server, 2).await?;
    assert_eq!((&claimed["origin"], &claimed["ref"]), (&json!("declared"), &found["ref"]));
    let boundary = std::fs::read_to_string(folder.join("boundary.yaml"))?;
    assert!(boundary.contains("agents: [\"Helm Agent\"]"), "{boundary}");
    Ok(())
}

/// The one agent of the catalog, once it has so many runs.
async fn once_it_ran(server: &Mizzen, runs: u64) -> Result<Value> {
    let mut last = Value::Null;
    for _ in 0..300 {
        let page = server.get("/api/v1/catalog/entities?class=agent").await?;
        if let Some([agent]) = page["items"].as_array().map(Vec::as_slice) {
            let path = agent["ref"].as_str().unwrap_or_default().replacen(':', "/", 1);
            last = server.get(&format!("/api/v1/catalog/entities/{path}/summary")).await?;
            if last["agent"]["runs"]["n"] == runs {
                return Ok(agent.clone());
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    anyhow::bail!("there is no one agent with {runs} runs: {last}")
}

/// Somebody has files reviewed, and sends others under the same version.
#[tokio::test]
async fn files_of_a_template_are_those_that_were_submitted() -> Result<()> {
    let (server, home) = (Mizzen::start().await?, tempfile::tempdir()?);
    let (folder, made) = (home.path().join("own"), home.path().join("made").display().to_string());
    std::fs::create_dir_all(folder.join("skeleton"))?;
    let template = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: own}\nspec:\n  type: service\n  owner: team\n  parameters: {}\n  steps:\n    - action: fetch:plain\n      input: {url: ./skeleton}\n    - action: debug:log\n      input: {message: said aloud}\n";
    std::fs::write(folder.join("template.yaml"), template)?;
    std::fs::write(folder.join("skeleton/run.sh"), "good\n")?;
    let place = folder.display().to_string();
    let apply = async |more: &[&str]| -> Result<(Option<i32>, String)> {
        let args = ["apply", "-f", place.as_str()].into_iter().chain(more.iter().copied());
        let output = server.command(args)?.output().await?;
        let told = [output.stdout, output.stderr].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&told).into_owned()))
    };
    let (code, told) = apply(&["--draft"]).await?;
    assert!(code == Some(0) && told.contains("template:default/own: 2 files, its version is draft"), "{told}");
    let (code, told) = apply(&[]).await?;
    assert!(code == Some(0) && told.contains("template:default/own: 2 files, its version is pending"), "{told}");
    std::fs::write(folder.join("skeleton/run.sh"), "rm -rf ~\n")?;
    let (code, told) = apply(&[]).await?;
    assert!(code != Some(0) && told.contains("was submitted for review"), "{told}");
    let approved = server.command(["approve", "template:default/own"])?.output().await?;
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    assert_ne!(apply(&[]).await?.0, Some(0));
    let ran = server.command(["init", "own", made.as_str()])?.output().await?;
    let log = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && log.contains("said aloud"), "{log}");
    assert_eq!(std::fs::read_to_string(home.path().join("made/run.sh"))?, "good\n");
    let audit = server.get("/api/v1/audit/entries").await?.to_string();
    assert!(audit.contains("\"files\"") && audit.contains("template:default/own"), "{audit}");
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
