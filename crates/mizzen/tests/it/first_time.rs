//! What somebody meets who does not know the commands yet: names that are wrong, lists that are empty, servers that are not there.

use anyhow::Result;
use mizzen_testkit::mizzen::Mizzen;

/// Exit code, standard output and standard error.
async fn run(server: &Mizzen, words: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = server.command(words.iter().copied())?.output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

#[tokio::test]
async fn an_empty_list_says_what_is_missing_where_pipes_do_not_read() -> Result<()> {
    let server = Mizzen::start().await?;
    let lists: [(&[&str], &str); 9] = [
        (&["runs", "list", "--agent", "nope"], "mizzen runs list"),
        (&["runs", "list"], "mizzen run -- CMD"),
        (&["approvals", "list"], "--all"),
        (&["tokens", "list"], "mizzen tokens create"),
        (&["budgets", "list"], "mizzen budgets set"),
        (&["resume"], "mizzen pause"),
        (&["tools", "list"], "mizzen tools add"),
        (&["eval", "experiments"], "mizzen eval run"),
        (&["eval", "evidence", "--agent", "helm"], "mizzen run"),
    ];
    for (words, expected) in lists {
        let (code, out, told) = run(&server, words).await?;
        assert_eq!((code, out.lines().count()), (Some(0), 1), "{words:?}: {out}{told}");
        assert!(told.contains(expected), "{words:?}: {told}");
        let json = [words, &["-o", "json"]].concat();
        let (_, out, told) = run(&server, &json).await?;
        assert_eq!((out.trim(), told.as_str()), ("[]", ""), "{json:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_not_there_leads_to_the_list_of_those_that_are() -> Result<()> {
    let server = Mizzen::start().await?;
    let unknown: [(&[&str], &str); 8] = [
        (&["keys", "revoke", "nope"], "mizzen keys list"),
        (&["tokens", "revoke", "nope"], "mizzen tokens list"),
        (&["budgets", "remove", "nope"], "mizzen budgets list"),
        (&["policy", "get", "nope"], "mizzen policy get"),
        (&["approvals", "show", "nope"], "mizzen approvals list"),
        (&["get", "component:default/nope"], "mizzen get all"),
        (&["label", "nope", "good"], "mizzen runs list"),
        (&["eval", "set", "golden", "nope", "--set", "s"], "mizzen runs list"),
    ];
    for (words, expected) in unknown {
        let (code, _, told) = run(&server, words).await?;
        assert_eq!(code, Some(1), "{words:?}: {told}");
        assert!(told.contains("no ") && told.contains(expected), "{words:?}: {told}");
    }
    let log = server.get("/api/v1/audit/entries").await?.to_string();
    assert!(!log.contains("nope"), "nothing of it happened: {log}");
    Ok(())
}

#[tokio::test]
async fn an_agent_that_nobody_has_seen_may_be_paused_and_is_said_to_be_unknown() -> Result<()> {
    let server = Mizzen::start().await?;
    let (code, _, told) = run(&server, &["run", "-q", "--agent", "helm-agent", "--", "true"]).await?;
    assert_eq!(code, Some(0), "{told}");
    let (code, _, told) = run(&server, &["pause", "helm-agnet", "--reason", "odd"]).await?;
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("no agent `helm-agnet` has been seen") && told.contains("did you mean `helm-agent`?"),
        "{told}"
    );
    let set = ["budgets", "set", "b", "--calls", "5", "--agent"];
    assert!(run(&server, &[&set[..], &["nobody"]].concat()).await?.2.contains("no agent `nobody` has been seen"));
    assert!(!run(&server, &[&set[..], &["helm-*"]].concat()).await?.2.contains("no agent"));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_reached_or_read_says_so_in_plain_words() -> Result<()> {
    let server = Mizzen::start().await?;
    let (code, _, told) = run(&server, &["runs", "list", "--url", "http://127.0.0.1:9"]).await?;
    assert_eq!(code, Some(3), "{told}");
    assert!(told.trim_end().ends_with("cannot connect to `127.0.0.1:9`: connection refused"), "{told}");
    let (code, _, told) = run(&server, &["runs", "list", "--limit", "-1"]).await?;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("invalid value '-1'"), "{told}");
    let (_, _, told) = run(&server, &["runs", "show", "--no-such-flag"]).await?;
    assert!(told.contains("Usage: mizzen runs show [OPTIONS] <RUN_ID>"), "{told}");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("no-backup.tar").display().to_string();
    std::fs::write(&file, "this is text")?;
    let restored = folder.path().join("restored").display().to_string();
    assert_eq!(run(&server, &["restore", &file, "--data-dir", &restored]).await?.0, Some(2));
    let (code, _, told) = run(&server, &["backup", &file]).await?;
    assert!(code == Some(2) && told.contains("is there already") && !told.contains("os error"), "{told}");
    Ok(())
}

#[tokio::test]
async fn adding_a_tool_server_says_whether_one_was_replaced() -> Result<()> {
    let server = Mizzen::start().await?;
    for done in ["`shop` is added", "`shop` is replaced"] {
        let (code, _, told) = run(&server, &["tools", "add", "shop", "--address", "http://127.0.0.1:9/mcp"]).await?;
        assert!(code == Some(0) && told.contains(done), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn a_table_of_whole_steps_fits_a_screen() -> Result<()> {
    let server = Mizzen::start().await?;
    let text = "x".repeat(5_000);
    let (code, out, told) = run(&server, &["query", &format!("SELECT '{text}' AS content, 1 AS n")]).await?;
    assert_eq!(code, Some(0), "{told}");
    assert!(out.lines().all(|line| line.chars().count() < 100) && told.contains("-o json"), "{out}{told}");
    let (_, out, told) = run(&server, &["query", &format!("SELECT 1 AS n, '{text}' AS content")]).await?;
    assert!(out.contains(&text) && told.is_empty(), "{told}");
    Ok(())
}
