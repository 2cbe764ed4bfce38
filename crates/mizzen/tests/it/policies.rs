//! Policies, from a file that is checked to a set that survives a restart.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use http::Method;
use mizzen_testkit::fake_provider::FakeProvider;
use mizzen_testkit::mizzen::{Mizzen, Options};
use serde_json::{Value, json};

use crate::the_loop;

const HELM: &str = "# Ours\napiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {name: helm}\nspec:\n  mode: observe\n  \
    agents: [helm-agent]\n  tools: [helm/list_*]\n";
const CASES: &str = "cases:\n  - name: listed\n    agent: helm-agent\n    tool: helm/list_releases\n    expect: allow\n  \
    - name: removed\n    agent: helm-agent\n    tool: helm/uninstall\n    expect: allow\n";

fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    Ok(file.display().to_string())
}

async fn run<const N: usize>(server: &Mizzen, words: [&str; N]) -> Result<(Option<i32>, String, String)> {
    let output = server.command(words)?.output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

#[tokio::test]
async fn a_boundary_goes_from_a_file_to_a_set_that_survives_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = Mizzen::start().await?;
    let file = write(folder.path(), "helm.yaml", HELM)?;
    let cases = write(folder.path(), "cases.yaml", CASES)?;

    let typo = write(folder.path(), "typo.yaml", &HELM.replace("tools:", "tolls:"))?;
    let (code, told, _) = run(&server, ["policy", "check", &typo]).await?;
    assert_eq!(code, Some(1));
    assert!(told.contains("typo.yaml:8:3") && told.contains("did you mean `tools`?"), "{told}");
    assert_eq!(run(&server, ["policy", "check", &file]).await?.0, Some(0));
    let (code, told, _) = run(&server, ["policy", "test", &cases, "--policy", &file]).await?;
    assert_eq!(code, Some(1));
    assert!(told.contains("removed") && told.contains("1 passed, 1 failed"), "{told}");

    let wrong = write(folder.path(), "wrong.yaml", &CASES.replace("expect:", "expects:"))?;
    let (_, _, told) = run(&server, ["policy", "test", &wrong]).await?;
    assert!(told.contains("wrong.yaml:"), "it is called as its file: {told}");

    let (code, told, _) = run(&server, ["policy", "apply", "-f", &file, "-o", "json"]).await?;
    assert_eq!(code, Some(0), "{told}");
    let applied: Value = serde_json::from_str(&told)?;
    assert_eq!((&applied[0]["result"], &applied[0]["ref"]), (&json!("created"), &json!("boundary:helm")), "{applied}");
    let (code, told, _) = run(&server, ["policy", "apply", "-f", &file, "-f", &typo, "-o", "json"]).await?;
    assert_eq!(code, Some(1));
    let applied: Value = serde_json::from_str(&told)?;
    assert_eq!((&applied[0]["result"], &applied[1]["result"]), (&json!("unchanged"), &json!("rejected")), "{applied}");
    let (code, _, told) = run(&server, ["policy", "mode", "helm", "enforce", "--reason", "sure"]).await?;
    assert_eq!(code, Some(0), "{told}");
    // The file still says what it said before.
    let (code, told, aside) = run(&server, ["policy", "apply", "-f", &file, "-o", "json"]).await?;
    let applied: Value = serde_json::from_str(&told)?;
    assert_eq!(
        (code, &applied[0]["mode_before"], &applied[0]["mode"]),
        (Some(0), &json!("enforce"), &json!("observe"))
    );
    assert!(aside.contains("`helm` goes from enforce to observe: nothing that it refuses is kept"), "{aside}");
    let (_, _, aside) = run(&server, ["policy", "apply", "-f", &file]).await?;
    assert!(!aside.contains("goes from"), "{aside}");
    assert_eq!(run(&server, ["policy", "mode", "helm", "enforce"]).await?.0, Some(0));

    let before = server.get("/api/v1/boundaries").await?;
    server.kill().await?;
    server.restart().await?;
    let after = server.get("/api/v1/boundaries").await?;
    assert_eq!(before["policy_set"], after["policy_set"]);
    let (_, text, _) = run(&server, ["policy", "get", "helm", "-o", "yaml"]).await?;
    assert_eq!(text, HELM.replace("observe", "enforce"), "every other byte stays");
    Ok(())
}

#[tokio::test]
async fn what_a_policy_would_change_is_asked_by_a_person_who_has_never_done_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Mizzen::start().await?;
    let file = write(folder.path(), "helm.yaml", HELM)?;
    let cases = write(folder.path(), "cases.yaml", CASES)?;
    let (code, told, _) = run(&server, ["policy", "impact", &file]).await?;
    assert_eq!(code, Some(0));
    assert!(told.contains("nothing that it is about was decided since") && told.contains("--days"), "{told}");
    let (code, _, told) = run(&server, ["policy", "impact", "--remove", "hlem"]).await?;
    assert_eq!(code, Some(2));
    assert!(told.contains("`hlem`") && told.contains("mizzen policy get"), "{told}");

    // Each taken for the other.
    let (code, told, _) = run(&server, ["policy", "check", &cases]).await?;
    assert_eq!((code, told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.contains("mizzen policy test"), "{told}");
    let (code, _, told) = run(&server, ["policy", "test", &file]).await?;
    assert_eq!((code, told.lines().count()), (Some(2), 1), "{told}");
    assert!(told.contains("--policy"), "{told}");

    let nameless = CASES.replace("name: removed\n    agent", "agent");
    let nameless = write(folder.path(), "nameless.yaml", &nameless)?;
    let (code, told, _) = run(&server, ["policy", "test", &nameless, "--policy", &file]).await?;
    assert_eq!(code, Some(1));
    let [failed, summary] = told.lines().collect::<Vec<_>>()[..] else { panic!("why is said once: {told}") };
    assert!(failed.contains("nameless.yaml:6: expected allow, got deny: "), "{failed}");
    assert_eq!(summary, "1 passed, 1 failed");
    Ok(())
}

#[tokio::test]
async fn limits_are_held_against_what_the_tools_of_a_file_or_of_the_server_take() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = the_loop::server(&FakeProvider::start().await?, folder.path()).await?;
    let both = |shown: &Value| (shown["server"]["tools"] == 2).then_some(());
    server.wait_for("/api/v1/tool-servers/helm", Duration::from_secs(20), both).await?;
    let grant = "[{tool: helm/uninstall, touches: nothing, arguments: {relaese: [a]}}]";
    let limited = HELM.replace("[helm/list_*]", grant);
    let file = write(folder.path(), "mine.yaml", &limited.replace("name: helm", "name: mine"))?;
    let schema =
        r#"[{"server": "helm", "name": "uninstall", "inputSchema": {"properties": {"release": {"type": "string"}}}}]"#;
    let tools = write(folder.path(), "tools.json", schema)?;

    let (code, told, _) = run(&server, ["policy", "check", &file]).await?;
    assert!(code == Some(0) && !told.contains("relaese"), "nobody said what the tool takes: {told}");
    for words in [["--tools", tools.as_str()].as_slice(), &["--live"]] {
        let words = ["policy", "check", file.as_str()].into_iter().chain(words.iter().copied());
        let output = server.command(words)?.output().await?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.contains("mine.yaml:8") && told.contains("no argument `relaese`; did you mean `release`?"),
            "{told}"
        );
    }
    let (_, told, _) = run(&server, ["policy", "check", &file, "--live", "--tools", &tools]).await?;
    assert!(told.contains("relaese"), "{told}");

    assert_eq!(run(&server, ["policy", "apply", "-f", &file]).await?.0, Some(0));
    let other = HELM.replace("name: helm", "name: other").replace("helm/list_*", "helm/list_*, nope/x");
    let other = write(folder.path(), "other.yaml", &other)?;
    let (code, told, aside) = run(&server, ["policy", "check", &other, "--live"]).await?;
    assert_eq!(code, Some(0), "what is wrong with another text is not counted: {told}{aside}");
    assert!(aside.contains("not counted: boundary:mine:8") && aside.contains("relaese"), "{aside}");
    assert!(told.contains("other.yaml:8") && told.contains("there is no tool server `nope`"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_folder_that_does_not_compile_keeps_the_server_from_starting() -> Result<()> {
    let folder = tempfile::tempdir()?;
    write(folder.path(), "helm.yaml", &HELM.replace("tools:", "tolls:"))?;
    let config = format!("[permission]\npolicy_dir = \"{}\"\n", folder.path().display());
    let refused = Mizzen::start_with(Options { config: config.clone(), ..Options::default() }).await;
    let told = format!("{:#}", refused.err().ok_or_else(|| anyhow::anyhow!("it started"))?);
    assert!(told.contains("helm.yaml:8:3"), "{told}");
    write(folder.path(), "helm.yaml", HELM)?;
    let server = Mizzen::start_with(Options { config, ..Options::default() }).await?;
    let listed = server.get("/api/v1/boundaries").await?;
    assert_eq!((&listed["items"][0]["origin"], &listed["folder"]["stale"]), (&json!("folder"), &json!(false)));
    let mode = json!({ "mode": "enforce" });
    let refused = server.send(Method::PUT, "/api/v1/boundaries/helm/mode", &mode).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    Ok(())
}
