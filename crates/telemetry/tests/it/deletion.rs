//! Deleting a run reaches the log, rows in memory, segments and totals.

use std::path::Path;

use mizzen_runtime::clock::Clock;
use mizzen_telemetry::{Columns, TelemetryConfig};

use crate::node::{Node, START, run_id, span};

const SECRET: &str = "xyzzy-never-keep-this";

/// Whether a file below `folder` has `text` in it as it is.
fn is_on_disk(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_on_disk(&path, text);
        }
        // Compaction may remove the file between the listing and this.
        let Ok(bytes) = std::fs::read(&path) else { return false };
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

async fn check_gone(node: &Node) {
    assert_eq!(node.telemetry.run(&run_id(1)).await.unwrap(), None);
    assert!(node.telemetry.run_spans(&run_id(1), Columns::Full).await.unwrap().is_empty());
    assert_eq!(node.stored().await.len(), 20, "the other run is whole");
    assert_eq!(node.telemetry.models().await[0].calls, 19, "a call around other calls does not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_run_is_gone_at_once_and_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let config = TelemetryConfig::default;
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    node.ingest((0..10).map(|id| span(1, id, SECRET)).chain((0..10).map(|id| span(2, id, "kept"))).collect())
        .await
        .unwrap();
    node.telemetry.flush().await.unwrap();
    node.ingest((10..20).map(|id| span(1, id, SECRET)).chain((10..20).map(|id| span(2, id, "kept"))).collect())
        .await
        .unwrap();
    assert!(is_on_disk(&node.data_dir.join("wal"), SECRET), "the log has it before");
    assert!(node.telemetry.delete_run(&run_id(1)).await.unwrap());
    check_gone(&node).await;
    assert!(!node.telemetry.delete_run(&run_id(1)).await.unwrap(), "there is nothing left to delete");
    node.telemetry.compact_now().await.unwrap();
    check_gone(&node).await;
    let table = node.telemetry.table(mizzen_telemetry::Signal::Spans).await;
    assert!(table.hidden.is_empty() && table.segments.iter().map(|s| s.rows).sum::<u64>() == 20, "no row is left");
    let wal = node.data_dir.join("wal");
    node.eventually(|_| std::future::ready(is_on_disk(&wal, SECRET)), |is_there| !is_there).await;
    node.stop().await;
    assert!(!is_on_disk(folder.path(), SECRET));

    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    check_gone(&node).await;
    node.ingest(vec![span(1, 0, "again")]).await.unwrap();
    let again = node.telemetry.run(&run_id(1)).await.unwrap().unwrap();
    assert_eq!((again.spans, again.revision), (1, 1), "what comes later is a new run");
    node.stop().await;
}
