//! What is on disk: retention, orphans, restarts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mizzen_runtime::clock::Clock;
use mizzen_telemetry::{Signal, TelemetryConfig};

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
    let table = node.telemetry.table(Signal::Spans).await;
    let registered = node.data_dir.join("segments").join(&table.segments[0].path);
    node.stop().await;
    let orphan = registered.with_file_name("0000000000000000.parquet");
    std::fs::write(&orphan, "half a segment").unwrap();
    let node = Node::open(folder.path(), TelemetryConfig::default(), clock).await;
    assert!(registered.exists() && !orphan.exists());
    assert_eq!(node.stored().await.len(), 1);
    node.stop().await;
}

/// A node that has stopped, and beside its segment a file with a number that its database has not given out.
async fn rolled_back(folder: &Path, clock: &Clock) -> PathBuf {
    let node = Node::open(folder, TelemetryConfig::default(), clock.clone()).await;
    node.ingest(vec![span(1, 0, "q")]).await.unwrap();
    node.telemetry.flush().await.unwrap();
    let first = node.telemetry.table(Signal::Spans).await.segments[0].path.clone();
    let newer = node.data_dir.join("segments").join(first).with_file_name("00000000000000ff.parquet");
    node.stop().await;
    std::fs::write(&newer, "of a newer database").unwrap();
    newer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_newer_than_the_database_is_neither_removed_nor_written_over_at_any_start() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let newer = rolled_back(folder.path(), &clock).await;
    for start in 1..=3u64 {
        let node = Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await;
        node.ingest(vec![span(1 + start, 0, "q")]).await.unwrap();
        node.telemetry.flush().await.unwrap();
        let segments = node.telemetry.table(Signal::Spans).await.segments;
        let newest = segments.iter().max_by_key(|segment| segment.id).unwrap();
        assert_eq!((segments.len() as u64, newest.id), (1 + start, 0xff + start));
        assert_eq!(std::fs::read_to_string(&newer).unwrap(), "of a newer database", "start {start}");
        node.stop().await;
    }
    // Whoever removed it may come back with another one: its number is given out by now.
    std::fs::remove_file(&newer).unwrap();
    Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await.stop().await;
    std::fs::write(&newer, "left by a crash").unwrap();
    Node::open(folder.path(), TelemetryConfig::default(), clock).await.stop().await;
    assert!(!newer.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_newer_than_the_database_goes_when_telemetry_of_its_age_does() {
    let folder = tempfile::tempdir().unwrap();
    // Storage says itself when a file was written.
    let clock = Clock::manual(Clock::system().now());
    let newer = rolled_back(folder.path(), &clock).await;
    let age = Duration::from_secs(7 * 86_400);
    let config = || TelemetryConfig { retention_age: Some(age), ..TelemetryConfig::default() };
    clock.advance(age - Duration::from_secs(3_600));
    let node = Node::open(folder.path(), config(), clock.clone()).await;
    node.telemetry.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(newer.exists());
    node.stop().await;
    clock.advance(Duration::from_secs(7_200));
    let node = Node::open(folder.path(), config(), clock).await;
    node.eventually(|_| std::future::ready(newer.exists()), |is_there| !is_there).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_missing_at_the_start_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let node = Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await;
    node.ingest(vec![span(1, 0, "q")]).await.unwrap();
    node.telemetry.flush().await.unwrap();
    let path = node.telemetry.table(Signal::Spans).await.segments[0].path.clone();
    let file = node.data_dir.join("segments").join(&path);
    node.stop().await;
    let bytes = std::fs::read(&file).unwrap();
    let damages: [(&str, &dyn Fn()); 2] = [
        ("is gone", &|| std::fs::remove_file(&file).unwrap()),
        ("has 10 bytes instead of", &|| std::fs::write(&file, &bytes[..10]).unwrap()),
    ];
    for (said, damage) in damages {
        damage();
        let node = Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await;
        let health = node.telemetry.health();
        assert_eq!(health.lost_segments, 1);
        assert!(health.failing.as_ref().is_some_and(|why| why.contains(&path) && why.contains(said)), "{health:?}");
        node.stop().await;
    }
    std::fs::write(&file, &bytes).unwrap();
    let node = Node::open(folder.path(), TelemetryConfig::default(), clock).await;
    assert_eq!((node.telemetry.health().lost_segments, node.telemetry.health().failing), (0, None));
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
    let before = node.telemetry.table(Signal::Spans).await;
    node.telemetry.compact_now().await.unwrap();
    let paths: Vec<_> = before.segments.iter().map(|s| node.data_dir.join("segments").join(&s.path)).collect();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(paths.len() == 3 && paths.iter().all(|path| path.exists()));
    assert_eq!(node.telemetry.health().segments, 1);
    drop(before);
    node.eventually(|_| std::future::ready(paths.iter().any(|path| path.exists())), |is_there| !is_there).await;
    node.stop().await;
}
