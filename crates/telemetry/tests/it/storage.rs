//! What is on disk: retention, orphans, restarts.

use std::time::Duration;

use mizzen_runtime::clock::Clock;
use mizzen_telemetry::TelemetryConfig;

use crate::node::{Node, START, run_id, span};

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_that_is_too_old_goes_with_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let config =
        || TelemetryConfig { retention_age: Some(Duration::from_secs(7 * 86_400)), ..TelemetryConfig::default() };
    let node = Node::open(folder.path(), config(), clock.clone()).await;
    node.ingest(vec![span(1, 0, "old")]).await.unwrap();
    node.telemetry.flush().await.unwrap();
    clock.advance(Duration::from_secs(5 * 86_400));
    node.ingest(vec![span(2, 0, "young")]).await.unwrap();
    node.stop().await;
    clock.advance(Duration::from_secs(3 * 86_400));
    let node = Node::open(folder.path(), config(), clock).await;
    let look = |telemetry: mizzen_telemetry::Telemetry| async move { telemetry.run(&run_id(1)).await.unwrap() };
    node.eventually(look, Option::is_none).await;
    assert!(node.telemetry.run(&run_id(2)).await.unwrap().is_some());
    assert_eq!(node.stored().await.len(), 1);
    assert_eq!(node.telemetry.models().await[0].calls, 1, "totals follow");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_goes_when_there_is_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let node = Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await;
    for trace in 1..=3 {
        clock.advance(Duration::from_secs(1));
        node.ingest(vec![span(trace, 0, "q")]).await.unwrap();
        node.telemetry.flush().await.unwrap();
    }
    let bytes = node.telemetry.health().segment_bytes;
    node.stop().await;
    let config = TelemetryConfig { retention_bytes: Some(bytes - 1), ..TelemetryConfig::default() };
    let node = Node::open(folder.path(), config, clock).await;
    let look = |telemetry: mizzen_telemetry::Telemetry| async move { telemetry.run(&run_id(1)).await.unwrap() };
    node.eventually(look, Option::is_none).await;
    assert!(node.telemetry.run(&run_id(2)).await.unwrap().is_some());
    assert_eq!(node.telemetry.health().segments, 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_never_registered_is_removed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let node = Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await;
    node.ingest(vec![span(1, 0, "q")]).await.unwrap();
    node.telemetry.flush().await.unwrap();
    let table = node.telemetry.table(mizzen_telemetry::Signal::Spans).await.unwrap();
    let registered = node.data_dir.join("segments").join(&table.segments[0].path);
    node.stop().await;
    let orphan = registered.with_file_name("00000000000000ff.parquet");
    std::fs::write(&orphan, "half a segment").unwrap();
    let node = Node::open(folder.path(), TelemetryConfig::default(), clock).await;
    assert!(registered.exists() && !orphan.exists());
    assert_eq!(node.stored().await.len(), 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_segment_stays_readable_for_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), TelemetryConfig::default(), Clock::manual(START)).await;
    for trace in 1..=3 {
        node.ingest(vec![span(trace, 0, "q")]).await.unwrap();
        node.telemetry.flush().await.unwrap();
    }
    let before = node.telemetry.table(mizzen_telemetry::Signal::Spans).await.unwrap();
    node.telemetry.compact_now().await.unwrap();
    let paths: Vec<_> = before.segments.iter().map(|s| node.data_dir.join("segments").join(&s.path)).collect();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(paths.len() == 3 && paths.iter().all(|path| path.exists()));
    assert_eq!(node.telemetry.health().segments, 1);
    drop(before);
    node.eventually(|_| std::future::ready(paths.iter().any(|path| path.exists())), |is_there| !is_there).await;
    node.stop().await;
}
