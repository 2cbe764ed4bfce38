//! Bad days: storage that does not take anything for a while.

use std::time::Duration;

use mizzen_runtime::clock::Clock;
use mizzen_telemetry::TelemetryConfig;

use crate::node::{self, Node, span};

#[tokio::test(flavor = "multi_thread")]
async fn without_object_storage_nothing_is_lost_and_senders_are_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let config = TelemetryConfig { flush_bytes: 256 * 1024, ..node::small() };
    let node = Node::open(folder.path(), config, Clock::system()).await;
    let segments = node.data_dir.join("segments");
    std::fs::remove_dir_all(&segments).unwrap();
    std::fs::write(&segments, "not a folder").unwrap();
    let (mut acknowledged, mut refused) = (0u64, None);
    let long = "word ".repeat(5_000);
    for trace in 0..200 {
        match node.ingest((0..20).map(|id| span(trace, id, &long)).collect()).await {
            Ok(_) => acknowledged += 20,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
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
