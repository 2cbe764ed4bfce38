//! Bad days: storage that does not take anything for a while, and files that are damaged for good.

use std::path::Path;
use std::time::Duration;

use mizzen_runtime::clock::Clock;
use mizzen_telemetry::TelemetryConfig;

use crate::node::{self, Node, START, run_id, span};

#[tokio::test(flavor = "multi_thread")]
async fn without_object_storage_nothing_is_lost_and_senders_are_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let config = TelemetryConfig { flush_bytes: 256 * 1024, ..node::small() };
    let node = Node::open(folder.path(), config, Clock::system()).await;
    let segments = node.data_dir.join("segments");
    std::fs::remove_dir_all(&segments).unwrap();
    std::fs::write(&segments, "not a folder").unwrap();
    let (mut acknowledged, mut refused, mut is_failing) = (0u64, None, false);
    let long = "word ".repeat(5_000);
    for trace in 0..200 {
        match node.ingest((0..20).map(|id| span(trace, id, &long)).collect()).await {
            Ok(_) => acknowledged += 20,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
        // That the database takes what it is told does not make it well again.
        let now = node.telemetry.health().failing.is_some();
        assert!(now || !is_failing, "told as well while nothing is stored");
        is_failing = now;
    }
    let refused = refused.expect("memory is bounded");
    assert!(refused.is_retryable(), "{refused}");
    let health = node.telemetry.health();
    assert!(health.failing.is_some() && health.turned_away > 0, "{health:?}");
    std::fs::remove_file(&segments).unwrap();
    std::fs::create_dir(&segments).unwrap();
    let look = |telemetry: mizzen_telemetry::Telemetry| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        telemetry.health().failing
    };
    node.eventually(look, Option::is_none).await;
    let received = |telemetry: mizzen_telemetry::Telemetry| async move { telemetry.health().spans_received };
    node.eventually(received, |spans| *spans >= acknowledged).await;
    node.telemetry.flush().await.unwrap();
    let stored = node.stored().await;
    assert!(stored.values().all(|count| *count == 1));
    assert!(stored.len() as u64 >= acknowledged, "{} of {acknowledged}: {:?}", stored.len(), node.telemetry.health());
    node.ingest(vec![span(900, 0, "works again")]).await.unwrap();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_failed_is_told_until_one_goes_through_though_nothing_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), TelemetryConfig::default(), Clock::manual(START)).await;
    for trace in 0..2 {
        node.ingest(vec![span(trace, 0, "q")]).await.unwrap();
        node.telemetry.flush().await.unwrap();
    }
    // Storage comes and goes at once, as a mount does: at no moment is there a folder without the objects.
    let [segments, away, file] = ["segments", "away", "file"].map(|name| node.data_dir.join(name));
    let point_to = |target: &Path| {
        let link = node.data_dir.join("link");
        std::os::unix::fs::symlink(target, &link).unwrap();
        std::fs::rename(&link, &segments).unwrap();
    };
    std::fs::rename(&segments, &away).unwrap();
    std::fs::write(&file, "not a folder").unwrap();
    point_to(&file);
    node.telemetry.compact_now().await.unwrap();
    let health = node.telemetry.health();
    assert!(health.failing.is_some() && health.lost_segments == 0, "{health:?}");
    point_to(&away);
    node.telemetry.compact_now().await.unwrap();
    assert_eq!((node.telemetry.health().failing, node.telemetry.health().segments), (None, 1));
    node.stop().await;
}

type Damage = fn(&Path);

/// What can happen to a file.
const DAMAGES: [(&str, Damage); 4] = [
    ("gone", |path| std::fs::remove_file(path).unwrap()),
    ("cut short", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(1_000).unwrap()),
    ("overwritten", |path| rewrite(path, |_, byte| *byte = 0)),
    ("partly overwritten", |path| rewrite(path, |at, byte| *byte = if at < 1_500 { !*byte } else { *byte })),
];

fn rewrite(path: &Path, change: fn(usize, &mut u8)) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.iter_mut().enumerate().for_each(|(at, byte)| change(at, byte));
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_lost_is_named_and_stops_nothing() {
    for (what, damage) in DAMAGES {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(folder.path(), TelemetryConfig::default(), Clock::manual(START)).await;
        node.ingest((0..10).map(|id| span(1, id, "q")).collect()).await.unwrap();
        node.telemetry.flush().await.unwrap();
        let segments = node.telemetry.table(mizzen_telemetry::Signal::Spans).await.segments;
        let (name, path) = (segments[0].path.clone(), node.data_dir.join("segments").join(&segments[0].path));
        node.ingest((10..20).map(|id| span(1, id, "q")).collect()).await.unwrap();
        drop(segments);
        node.stop().await;
        damage(&path);

        let node = Node::open(folder.path(), TelemetryConfig::default(), Clock::manual(START)).await;
        node.ingest(vec![span(1, 20, "late")]).await.unwrap();
        node.ingest(vec![span(2, 0, "other")]).await.unwrap();
        let run = |telemetry: mizzen_telemetry::Telemetry| async move {
            (
                telemetry.run(&run_id(1)).await.unwrap().unwrap().spans,
                telemetry.run(&run_id(2)).await.unwrap().is_some(),
            )
        };
        node.eventually(run, |run| *run == (11, true)).await;
        let health = node.telemetry.health();
        assert_eq!(health.lost_segments, 1, "{what}");
        assert!(health.failing.as_ref().is_some_and(|told| told.contains(&name)), "{what}: {health:?}");
        tokio::time::timeout(Duration::from_secs(10), node.telemetry.compact_now()).await.expect(what).unwrap();
        assert!(node.telemetry.delete_run(&run_id(1)).await.unwrap(), "{what}");
        assert_eq!(node.telemetry.run(&run_id(1)).await.unwrap(), None, "{what}");
        node.stop().await;
    }
}
