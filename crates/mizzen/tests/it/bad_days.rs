//! Busy ports, two processes on one folder, read-only folders, wrong files, hostile payloads.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use http::Method;
use mizzen_testkit::mizzen::Mizzen;
use mizzen_testkit::request;
use serde_json::json;

/// The command line against the server, with what it printed.
async fn run(server: &Mizzen, args: &[&str]) -> Result<(Option<i32>, String, String)> {
    let output = server.command(args.iter().copied())?.stdin(Stdio::null()).output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

#[tokio::test]
async fn a_second_process_on_the_folder_is_told_so() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = server.data_dir().to_string_lossy().into_owned();
    let free = "127.0.0.1:0";
    let args = ["up", "--data-dir", &folder, "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free];
    let (code, _, said) = run(&server, &args).await?;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&folder) && said.contains("--data-dir"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_flag() -> Result<()> {
    let server = Mizzen::start().await?;
    let other = tempfile::tempdir()?;
    let taken = server.url().trim_start_matches("http://").to_owned();
    let data = other.path().join("data").to_string_lossy().into_owned();
    let free = "127.0.0.1:0";
    let args = ["up", "--data-dir", &data, "--listen", &taken, "--otlp-grpc-listen", free, "--otlp-http-listen", free];
    let (code, _, said) = run(&server, &args).await?;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("--listen") && said.contains(&taken), "{said}");
    assert!(!other.path().join("data").exists(), "a folder was made for nothing");
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_the_nearest_key() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("mizzen.toml");
    std::fs::write(&file, "[telemetry]\nretention_dais = 3\n")?;
    let (code, _, said) = run(&server, &["config", "check", "--config", &file.to_string_lossy()]).await?;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("retention_days") && said.contains("line 2"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_cannot_be_served_is_refused_by_check_and_by_up_alike() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("mizzen.toml");
    let (path, data) = (file.to_string_lossy().into_owned(), folder.path().join("data"));
    let upstream = "[[gateway.upstream]]\nname = \"a\"\nprotocol = \"openai\"\nbase_url = ";
    let twice = format!("{upstream}\"http://127.0.0.1:9/v1\"\n").repeat(2);
    let guardrail =
        |program: &str| format!("[[gateway.guardrail]]\nname = \"g\"\nwhen = \"request\"\ncommand = [\"{program}\"]\n");
    let cases = [
        (format!("{upstream}\"not a url\"\n"), "base_url"),
        (twice, "two upstreams have the name `a`"),
        ("[gateway.timeouts]\ntotal_seconds = 0\n".to_owned(), "timeouts.total_seconds"),
        ("[tls]\ncertificate = \"/nope\"\n".to_owned(), "tls.key"),
        ("[tls]\ncertificate = \"/nope\"\nkey = \"/nope\"\n".to_owned(), "/nope"),
        ("[log]\nformat = \"xml\"\n".to_owned(), "log.format"),
        ("[log]\nfilter = \"inf=o,,\"\n".to_owned(), "log.filter"),
        ("[store]\nurl = \"mysql://x\"\n".to_owned(), "store.url"),
        ("[store]\nobjects = \"ftp://x\"\n".to_owned(), "store.objects"),
        ("[capture]\nredact = [\"(\"]\n".to_owned(), "capture"),
        ("[[price]]\nmatch = \"gpt-4o\"\ninput = -1.0\noutput = 2.0\n".to_owned(), "price"),
        ("allowed_hosts = [\"a b\"]\n".to_owned(), "allowed_hosts"),
        ("[oidc]\nissuer = \"https://x\"\n".to_owned(), "oidc"),
        (
            "[oidc]\nissuer = \"http://idp.example\"\nclient_id = \"x\"\nroles = { viewer = [\"*\"] }\n".to_owned(),
            "`oidc.issuer`",
        ),
        ("[tools.resource]\nurl = \"https://x\"\nissuers = [\"http://idp.example\"]\n".to_owned(), "`tools.resource`"),
        ("[permission]\npolicy_dir = \"/nope/policies\"\n".to_owned(), "`permission.policy_dir`"),
        (guardrail("/nope/guard"), "`/nope/guard`"),
        (guardrail("/etc/passwd"), "may not be executed"),
        (guardrail("no-such-program-anywhere"), "`no-such-program-anywhere`"),
        (format!("{upstream}\"http://127.0.0.1:9/v1\"\nkey = \"\"\n"), "the `key` of the upstream `a` is empty"),
        ("listen = \"127.0.0.1:4318\"\n".to_owned(), "`otlp_http_listen` and `listen` are both on port 4318"),
        ("listen = \"0.0.0.0:4318\"\n".to_owned(), "`otlp_http_listen` and `listen` are both on port 4318"),
        ("[log]\nfilter = \"inof\"\n".to_owned(), "`inof=trace`"),
        ("[store]\nurl = \"postgres://u:p@h:99999999/db\"\n".to_owned(), "configuration: invalid port number\n"),
        ("[store]\nurl = \"postgres://u:p@h/db?sslmode=bogus\"\n".to_owned(), "`store.url`: the address of"),
        ("[audit]\nwitnesses = [{ url = \"https://w.example\", key = \"abc\" }]\n".to_owned(), "`audit.witnesses`"),
        ("[oidc]\nclient_id = \"x\"\nroles = { viewer = [\"*\"] }\n".to_owned(), "`oidc.issuer` is missing"),
        ("[permission.webhook]\nurl = \"ftp://x\"\n".to_owned(), "`permission.webhook.url`"),
        ("[gateway.limits]\ncalls_in_flight_max = 0\n".to_owned(), "`gateway.limits.calls_in_flight_max` is 0"),
        ("[otlp]\nconcurrent_max = 0\n".to_owned(), "`otlp.concurrent_max` is 0"),
        ("[query]\nrows_max = 0\n".to_owned(), "`query.rows_max` is 0"),
        ("[tools.limits]\nsessions_max = 0\n".to_owned(), "`tools.limits.sessions_max` is 0"),
    ];
    for (text, named) in cases {
        std::fs::write(&file, &text)?;
        let (code, _, said) = run(&server, &["config", "check", "--config", &path]).await?;
        assert_eq!(code, Some(2), "{text}: {said}");
        assert!(said.contains(named), "{text}: {said}");
        let up = ["up", "--config", &path, "--data-dir", &data.to_string_lossy()];
        let (code, _, said_by_up) = run(&server, &up).await?;
        assert_eq!((code, said_by_up), (Some(2), said), "{text}");
    }
    std::fs::write(&file, "[log]\nformat = \"xml\"\n[store]\nurl = \"mysql://x\"\n")?;
    let (_, _, said) = run(&server, &["config", "check", "--config", &path]).await?;
    assert!(said.contains("2 faults") && said.contains("log.format") && said.contains("store.url"), "{said}");
    std::fs::write(&file, "data_dir = \"\"\n")?;
    let mut check = server.command(["config", "check", "--config", &path])?;
    let checked = check.env_remove("MIZZEN_DATA_DIR").output().await?;
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.code() == Some(2) && said.contains("`data_dir` is empty"), "{said}");
    std::fs::write(&file, format!("{}on_failure = \"allow\"\n", guardrail("/nope/guard")))?;
    let (code, _, said) = run(&server, &["config", "check", "--config", &path]).await?;
    assert!(code == Some(0) && said.contains("warning: ") && said.contains("`/nope/guard`"), "{said}");
    assert!(!data.exists(), "a folder was made for nothing");
    Ok(())
}

#[tokio::test]
async fn what_is_no_trace_is_refused_by_name_and_the_server_goes_on() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    for (name, content) in [("empty.json", ""), ("half.json", "{\"data\":[{\"traceID\":"), ("list.json", "[1,2,3]")] {
        let file = folder.path().join(name);
        std::fs::write(&file, content)?;
        let (code, _, said) = run(&server, &["import", &file.to_string_lossy()]).await?;
        assert!(matches!(code, Some(1 | 2)), "{name}: {code:?} {said}");
        assert!(said.contains(name), "{said}");
    }
    assert_eq!(server.get("/api/v1/runs").await?["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_bad_file_among_several_stops_none_of_the_others() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let mut args = vec!["import".to_owned()];
    for (name, trace) in [("first.json", Some(1)), ("bad.json", None), ("worse.json", None), ("last.json", Some(2))] {
        let span = |trace: u8| {
            format!(r#"{{"traceId":"{trace:032x}","spanId":"{trace:016x}","name":"a","startTimeUnixNano":"1"}}"#)
        };
        let file = folder.path().join(name);
        std::fs::write(&file, trace.map_or_else(|| "[1,2,3]".to_owned(), span))?;
        args.push(file.to_string_lossy().into_owned());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (code, listed, said) = run(&server, &args).await?;
    assert_eq!(code, Some(2), "{said}");
    assert!(listed.contains("first.json") && listed.contains("last.json") && !listed.contains("bad.json"), "{listed}");
    assert!(said.contains("2 of 4 files were not imported"), "{said}");
    for name in ["bad.json", "worse.json"] {
        assert!(said.lines().any(|line| line.contains(name) && line.contains("document at line 1")), "{name}: {said}");
    }
    assert_eq!(server.get("/api/v1/runs").await?["items"].as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_with_the_way_out() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let free = "127.0.0.1:0";
    // Whoever is root may write into any folder, so a file stands where a folder has to be: the data folder cannot be
    // made in it, and a part of one cannot either.
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder")?;
    let part = folder.path().join("part");
    std::fs::create_dir(&part)?;
    std::fs::write(part.join("wal"), "not a folder")?;
    for (data, named) in [(file.join("data"), "--data-dir"), (part, "wal")] {
        let data = data.to_string_lossy().into_owned();
        let args =
            ["up", "--data-dir", &data, "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free];
        let (code, _, said) = run(&server, &args).await?;
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&data) && said.contains(named), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn malformed_otlp_is_a_clear_refusal() -> Result<()> {
    let server = Mizzen::start().await?;
    let url = format!("{}/v1/traces", server.otlp_http());
    let post = |kind: &'static str, body: Vec<u8>| {
        let url = url.clone();
        async move { request::send(http::Method::POST, &url, &[("content-type", kind)], body).await }
    };
    assert_eq!(post("application/x-protobuf", vec![0xff; 64]).await?.status, 400);
    assert_eq!(post("application/json", b"{\"resourceSpans\":".to_vec()).await?.status, 400);
    assert_eq!(post("text/plain", b"hello".to_vec()).await?.status, 415);
    assert_eq!(post("application/x-protobuf", Vec::new()).await?.status, 200);
    let health = request::send(http::Method::GET, &format!("{}/healthz", server.url()), &[], "").await?;
    assert_eq!(health.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_agents_key_opens_no_page_of_the_portal() -> Result<()> {
    let server = Mizzen::start().await?;
    let key = server.agent_key("curious").await?;
    let authorization = format!("Bearer {key}");
    for path in ["/api/v1/runs", "/api/v1/keys", "/api/v1/backup"] {
        let answer = request::send(
            http::Method::GET,
            &format!("{}{path}", server.url()),
            &[("authorization", &authorization)],
            "",
        )
        .await?;
        assert!(matches!(answer.status, 401 | 403), "{path}: {}", answer.status);
    }
    let wrong = request::send(
        http::Method::POST,
        &format!("{}/v1/traces", server.otlp_http()),
        &[("authorization", "Bearer mzk_wrong"), ("content-type", "application/json")],
        "{}",
    )
    .await?;
    assert_eq!(wrong.status, 401, "a key that is presented must be right, even on loopback");
    Ok(())
}

#[tokio::test]
async fn keys_that_can_no_longer_be_read_are_told_at_the_start_and_by_the_doctor() -> Result<()> {
    let mut server = Mizzen::start().await?;
    let put = server.send(Method::PUT, "/api/v1/providers/openai", &json!({ "key": "sk-test" })).await?;
    assert_eq!(put.status, 204, "{}", put.text());
    server.kill().await?;
    std::fs::remove_file(server.data_dir().join("secret.key"))?;
    server.restart().await?;
    let said = std::fs::read_to_string(server.data_dir().with_file_name("stderr"))?;
    assert!(said.contains("secret.key` was not there and is new"), "{said}");
    let (code, told, _) = run(&server, &["doctor"]).await?;
    let line = told.lines().find(|line| line.contains("providers")).unwrap_or_default();
    assert!(line.starts_with("look") && line.contains("mizzen keys add openai"), "{told}");
    assert_eq!(code, Some(1), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_terminal_that_closes_ends_the_server_as_a_supervisor_does() -> Result<()> {
    let mut server = Mizzen::start().await?;
    let pid = server.pid().context("no process")?.to_string();
    assert!(tokio::process::Command::new("kill").args(["-HUP", &pid]).status().await?.success());
    let health = format!("{}/healthz", server.url());
    while request::send(Method::GET, &health, &[], "").await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A process that a signal ended has no status of its own.
    server.stop().await
}
