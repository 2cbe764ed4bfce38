//! The built binary on PostgreSQL and a bucket, as a team runs it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use mizzen_store::testing;
use mizzen_testkit::mizzen::{Mizzen, Options};
use mizzen_testkit::otlp::Runs;
use mizzen_testkit::request;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

/// Rows are written as segments ten seconds after they came.
const PATIENCE: Duration = Duration::from_secs(60);
const START_UNIX_NANOS: u64 = 1_763_800_000_000_000_000;

async fn send(server: &Mizzen, runs: &mut Runs) -> Result<()> {
    let url = format!("{}/v1/traces", server.otlp_http());
    let headers = [("content-type", "application/x-protobuf")];
    let answer = request::send(Method::POST, &url, &headers, runs.request(3).encode_to_vec()).await?;
    ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
    Ok(())
}

/// The ids of all runs, and of all spans.
async fn stored(server: &Mizzen) -> Result<(BTreeSet<String>, Vec<String>)> {
    let runs = server.get("/api/v1/runs?limit=100").await?;
    let runs = runs["items"].as_array().context("no runs")?.iter();
    let runs = runs.filter_map(|run| run["run_id"].as_str().map(str::to_owned)).collect();
    let asked = json!({ "sql": "SELECT span_id FROM spans ORDER BY span_id LIMIT 10000" });
    let spans = server.post("/api/v1/query", &asked).await?;
    let spans = spans["rows"].as_array().context("no rows")?.iter();
    Ok((runs, spans.filter_map(|row| row[0].as_str().map(str::to_owned)).collect()))
}

async fn doctor(server: &Mizzen) -> Result<String> {
    let output = server.command(["doctor"])?.output().await?;
    Ok(format!("{}{}", String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_and_a_bucket_a_killed_server_has_everything_again() -> Result<()> {
    let (Some(url), Some(objects)) = (testing::postgres().await, testing::bucket("services")) else { return Ok(()) };
    let config = format!("[store]\nurl = {}\nobjects = {}\n", json!(url), json!(objects));
    let mut server = Mizzen::start_with(Options { config, ..Options::default() }).await?;
    let mut runs = Runs::new(11, START_UNIX_NANOS);
    send(&server, &mut runs).await?;
    let in_bucket = |overview: &Value| overview["ingest"]["segments"].as_u64().filter(|segments| *segments > 0);
    server.wait_for("/api/v1/overview", PATIENCE, in_bucket).await?;
    // What comes now is in the log alone.
    send(&server, &mut runs).await?;
    let before = stored(&server).await?;
    assert_eq!(before.0.len(), 6, "{before:?}");
    assert_eq!(before.1.iter().collect::<BTreeSet<_>>().len(), before.1.len(), "a span is there twice");
    for here in ["mizzen.db", "segments"] {
        assert!(!server.data_dir().join(here).exists(), "`{here}` has no business in the data folder");
    }

    server.kill().await?;
    server.restart().await?;
    assert_eq!(stored(&server).await?, before);
    let ready = request::send(Method::GET, &format!("{}/readyz", server.url()), &[], "").await?;
    assert_eq!((ready.status, ready.text().as_str()), (200, "ready\n"));
    let told = doctor(&server).await?;
    for well in ["token", "server", "ingest", "policies"] {
        let line = told.lines().find(|line| line.split_whitespace().nth(1) == Some(well));
        assert!(line.is_some_and(|line| line.starts_with("ok")), "`{well}`: {told}");
    }
    server.stop().await
}

/// The address of a database, through what can be cut off.
#[allow(clippy::disallowed_methods, reason = "it ends with the test")]
async fn through(database: &str) -> Result<(String, JoinHandle<()>)> {
    let mut url = Url::parse(database)?;
    let server = (url.host_str().context("no host")?.to_owned(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    ensure!(url.set_host(Some("127.0.0.1")).is_ok() && url.set_port(Some(port)).is_ok(), "`{database}` has no place");
    let passing = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let server = server.clone();
            connections.spawn(async move {
                let mut far = TcpStream::connect(server).await?;
                copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    Ok((url.into(), passing))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_told_soon_by_the_probe_and_by_the_doctor() -> Result<()> {
    let Some(url) = testing::postgres().await else { return Ok(()) };
    let (url, passing) = through(&url).await?;
    let config = format!("[store]\nurl = {}\n", json!(url));
    let server = Mizzen::start_with(Options { config, ..Options::default() }).await?;
    passing.abort();
    let asked = std::time::Instant::now();
    // A look counts for a second, and somebody may just have looked.
    let ready = loop {
        let ready = request::send(Method::GET, &format!("{}/readyz", server.url()), &[], "").await?;
        if ready.status != 200 || asked.elapsed() > Duration::from_secs(5) {
            break ready;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("the control database does not answer"), "{}", ready.text());
    assert!(asked.elapsed() < Duration::from_secs(5), "a connection of the store waits for ten");
    let output = server.command(["doctor"])?.output().await?;
    let told = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1), "{told}");
    for unwell in ["readiness", "providers"] {
        let line = told.lines().find(|line| line.split_whitespace().nth(1) == Some(unwell));
        assert!(line.is_some_and(|line| line.starts_with("look")), "`{unwell}`: {told}");
    }
    Ok(())
}
