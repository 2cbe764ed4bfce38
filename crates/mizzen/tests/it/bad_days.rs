//! Busy ports, two processes on one folder, read-only folders, wrong files, hostile payloads.

use std::process::Stdio;

use anyhow::Result;
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
