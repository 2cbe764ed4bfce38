//! What is acknowledged is there after `kill -9`, exactly once.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mizzen_testkit::mizzen::Mizzen;
use mizzen_testkit::otlp::Runs;
use mizzen_testkit::random::Random;
use prost::Message as _;
use serde_json::{Value, json};

const ROUNDS: u64 = 50;
const RUNS_PER_REQUEST: usize = 3;
const START_UNIX_NANOS: u64 = 1_763_800_000_000_000_000;

/// Sends requests until the server is killed at a random moment; what was acknowledged is noted by span id.
async fn send_until_killed(server: &mut Mizzen, runs: &mut Runs, pause: Duration) -> Result<Vec<String>> {
    let url = format!("{}/v1/traces", server.otlp_http());
    let mut acknowledged = Vec::new();
    let killed = tokio::time::sleep(pause);
    tokio::pin!(killed);
    loop {
        let request = runs.request(RUNS_PER_REQUEST);
        let ids: Vec<String> = request
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .map(|span| span.span_id.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        let headers = [("content-type", "application/x-protobuf")];
        let sent = mizzen_testkit::request::send(http::Method::POST, &url, &headers, request.encode_to_vec());
        tokio::select! {
            () = &mut killed => {
                server.kill().await?;
                return Ok(acknowledged);
            }
            answer = sent => {
                let answer = answer?;
                ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
                acknowledged.extend(ids);
            }
        }
    }
}

async fn stored_span_ids(server: &Mizzen) -> Result<Vec<String>> {
    let answer = server.post("/api/v1/query", &json!({ "sql": "SELECT span_id FROM spans LIMIT 1000000" })).await?;
    ensure!(answer["truncated"] != json!(true), "the answer is cut, the test sent too much");
    let rows = answer["rows"].as_array().context("no rows")?;
    Ok(rows.iter().filter_map(|row| row[0].as_str().map(str::to_owned)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_spans_survive_kill_dash_nine_exactly_once() -> Result<()> {
    let options =
        mizzen_testkit::mizzen::Options { config: "[query]\nrows_max = 1000000\n".to_owned(), ..Default::default() };
    let mut server = Mizzen::start_with(options).await?;
    let mut random = Random::new(20_261_122);
    let mut runs = Runs::new(7, START_UNIX_NANOS);
    let mut acknowledged: HashSet<String> = HashSet::new();
    for round in 0..ROUNDS {
        let pause = Duration::from_millis(5 + random.below(60));
        let sent = send_until_killed(&mut server, &mut runs, pause).await.with_context(|| format!("round {round}"))?;
        acknowledged.extend(sent);
        server.restart().await.with_context(|| format!("restart after round {round}"))?;
    }
    let stored = stored_span_ids(&server).await?;
    let distinct: HashSet<&String> = stored.iter().collect();
    assert_eq!(distinct.len(), stored.len(), "a span is there twice");
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !distinct.contains(id)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged spans are lost, such as {:?}",
        lost.len(),
        acknowledged.len(),
        lost[0]
    );
    assert!(acknowledged.len() > 1_000, "only {} spans were acknowledged in {ROUNDS} rounds", acknowledged.len());
    server.stop().await
}

#[tokio::test]
async fn a_backup_taken_while_it_runs_is_restored_with_every_run() -> Result<()> {
    let server = Mizzen::start().await?;
    let request = Runs::new(3, START_UNIX_NANOS).request(5);
    let headers = [("content-type", "application/x-protobuf")];
    let url = format!("{}/v1/traces", server.otlp_http());
    let answer = mizzen_testkit::request::send(http::Method::POST, &url, &headers, request.encode_to_vec()).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup.tar");
    let restored = folder.path().join("restored");
    let (file, target) = (file.to_string_lossy().into_owned(), restored.to_string_lossy().into_owned());
    let saved = server.command(["backup", &file])?.output().await?;
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let unpacked = server.command(["restore", &file, "--data-dir", &target])?.output().await?;
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));

    let options = mizzen_testkit::mizzen::Options { data_dir: Some(restored), ..Default::default() };
    let copy = Mizzen::start_with(options).await?;
    let count = |value: Value| value["items"].as_array().map(Vec::len);
    assert_eq!(count(copy.get("/api/v1/runs").await?), Some(5));
    assert_eq!(stored_span_ids(&copy).await?.len(), stored_span_ids(&server).await?.len());
    Ok(())
}
