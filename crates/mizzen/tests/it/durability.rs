//! What is acknowledged is there after `kill -9`, exactly once.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mizzen_testkit::mizzen::Mizzen;
use mizzen_testkit::otlp::Runs;
use mizzen_testkit::random::Random;
use prost::Message as _;
use serde_json::json;

const ROUNDS: u64 = 50;
const RUNS_PER_REQUEST: usize = 3;
/// Every span in one answer.
const QUERY_CONFIG: &str = "[query]\nrows_max = 1000000\n";
const START_UNIX_NANOS: u64 = 1_763_800_000_000_000_000;

/// Sends requests until the server is killed at a random moment; what was acknowledged is noted by span id.
async fn send_until_killed(server: &mut Mizzen, runs: &mut Runs, pause: Duration) -> Result<Vec<String>> {
    let url = format!("{}/v1/traces", server.otlp_http());
    let mut acknowledged = Vec::new();
    let killed = tokio::time::sleep(pause);
    tokio::pin!(killed);
    loop {
        let (body, ids) = request(runs);
        let headers = [("content-type", "application/x-protobuf")];
        let sent = mizzen_testkit::request::send(http::Method::POST, &url, &headers, body);
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

/// A few runs as they are sent, and the ids of their spans.
fn request(runs: &mut Runs) -> (Vec<u8>, Vec<String>) {
    let request = runs.request(RUNS_PER_REQUEST);
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let ids = scopes.flat_map(|scope| &scope.spans).map(|span| &span.span_id);
    let ids = ids.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    (request.encode_to_vec(), ids)
}

async fn stored_span_ids(server: &Mizzen) -> Result<Vec<String>> {
    let answer = server.post("/api/v1/query", &json!({ "sql": "SELECT span_id FROM spans LIMIT 1000000" })).await?;
    ensure!(answer["truncated"] != json!(true), "the answer is cut, the test sent too much");
    let rows = answer["rows"].as_array().context("no rows")?;
    Ok(rows.iter().filter_map(|row| row[0].as_str().map(str::to_owned)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_spans_survive_kill_dash_nine_exactly_once() -> Result<()> {
    let options = mizzen_testkit::mizzen::Options { config: QUERY_CONFIG.to_owned(), ..Default::default() };
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_spans_come_in_is_restored_with_all_that_came_before() -> Result<()> {
    let server = Mizzen::start().await?;
    let mut runs = Runs::new(3, START_UNIX_NANOS);
    let mut before = HashSet::new();
    for _ in 0..5 {
        before.extend(send(&server, &mut runs).await?);
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup.tar");
    let restored = folder.path().join("restored");
    let (file, target) = (file.to_string_lossy().into_owned(), restored.to_string_lossy().into_owned());
    let mut backup = server.command(["backup", &file])?;
    let saved = backup.output();
    tokio::pin!(saved);
    let mut during = HashSet::new();
    let saved = loop {
        tokio::select! {
            saved = &mut saved => break saved?,
            sent = send(&server, &mut runs) => during.extend(sent?),
        }
    };
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    assert!(!during.is_empty(), "nothing came in while the backup was made");
    let unpacked = server.command(["restore", &file, "--data-dir", &target])?.output().await?;
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));

    let name = |folder: &std::path::Path| std::fs::read_to_string(folder.join("wal/node"));
    let config = QUERY_CONFIG.to_owned();
    let options = mizzen_testkit::mizzen::Options { config, data_dir: Some(restored.clone()), ..Default::default() };
    let mut copy = Mizzen::start_with(options).await?;
    assert_ne!(name(&restored)?, name(server.data_dir())?, "each would take the other's segments for its own");
    for start in ["first", "second"] {
        let stored = stored_span_ids(&copy).await?;
        let distinct: HashSet<String> = stored.iter().cloned().collect();
        assert_eq!(distinct.len(), stored.len(), "{start} start: a span is there twice");
        let lost = before.difference(&distinct).count();
        assert_eq!(lost, 0, "{start} start: of {} spans from before the backup", before.len());
        let other = distinct.iter().filter(|id| !before.contains(*id) && !during.contains(*id)).count();
        // One request may have been on its way when the backup was done.
        assert!(other <= request(&mut runs).1.len(), "{start} start: {other} spans that nobody sent");
        copy.stop().await?;
        copy.restart().await?;
    }
    Ok(())
}

/// Sends a few runs; answers with the ids of their spans once they are acknowledged.
async fn send(server: &Mizzen, runs: &mut Runs) -> Result<Vec<String>> {
    let (body, ids) = request(runs);
    let url = format!("{}/v1/traces", server.otlp_http());
    let headers = [("content-type", "application/x-protobuf")];
    let answer = mizzen_testkit::request::send(http::Method::POST, &url, &headers, body).await?;
    ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
    Ok(ids)
}
