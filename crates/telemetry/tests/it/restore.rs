//! A data folder that came out of a backup, beside the server that it was made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt as _;
use mizzen_runtime::clock::Clock;
use mizzen_telemetry::{Columns, Signal, TelemetryConfig, mark_restored};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::node::{Node, START, run_id, span};

/// Everything in a store, by path.
async fn objects(store: &dyn ObjectStore) -> BTreeMap<String, Vec<u8>> {
    let found: Vec<_> = store.list(None).try_collect().await.unwrap();
    let mut objects = BTreeMap::new();
    for object in found {
        let bytes = store.get(&object.location).await.unwrap().bytes().await.unwrap();
        objects.insert(object.location.to_string(), bytes.to_vec());
    }
    objects
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(fs::copy(entry.path(), target))
        }
    }
}

/// What `mizzen backup` and `mizzen restore` make of a folder whose server has stopped, with segments in `bucket`.
async fn restored(folder: &Path, bucket: &dyn ObjectStore) -> tempfile::TempDir {
    let target = tempfile::tempdir().unwrap();
    copy(folder, target.path());
    for (path, bytes) in objects(bucket).await {
        let file = target.path().join("segments").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    mark_restored(target.path()).unwrap();
    target
}

async fn open(folder: &Path, bucket: &Arc<InMemory>) -> Node {
    Node::open_on(folder, TelemetryConfig::default(), Clock::manual(START), bucket.clone()).await
}

/// As a container that was started elsewhere, with the same database and bucket.
#[tokio::test(flavor = "multi_thread")]
async fn segments_of_a_folder_that_is_lost_are_told_and_read_under_its_name() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let log = folder.path().join("wal");
    let original = open(folder.path(), &bucket).await;
    write(&original, 1).await;
    assert_eq!(original.telemetry.health().failing, None);
    original.stop().await;
    let name = fs::read_to_string(log.join("node")).unwrap();
    fs::remove_dir_all(&log).unwrap();

    let other = open(folder.path(), &bucket).await;
    assert!(other.telemetry.run(&run_id(1)).await.unwrap().is_some());
    assert_eq!(spans(&other, 1).await, 0);
    let told = other.telemetry.health().failing.unwrap();
    assert!(told.starts_with(&format!("the segments of the node `{name}` (1 of 1 that")), "{told}");
    other.stop().await;

    fs::remove_dir_all(&log).unwrap();
    fs::create_dir(&log).unwrap();
    fs::write(log.join("node"), format!("{name}\n")).unwrap();
    let heir = open(folder.path(), &bucket).await;
    assert_eq!((spans(&heir, 1).await, heir.telemetry.health().failing), (2, None));
    heir.ingest(vec![span(1, 2, "q"), span(2, 0, "q")]).await.unwrap();
    heir.stop().await;
    let heir = open(folder.path(), &bucket).await;
    assert_eq!((spans(&heir, 1).await, spans(&heir, 2).await), (3, 1));
}

async fn write(node: &Node, run: u64) {
    node.ingest(vec![span(run, 0, "q"), span(run, 1, "q")]).await.unwrap();
    node.telemetry.flush().await.unwrap();
}

/// How many spans of a run are read from where they are stored.
async fn spans(node: &Node, run: u64) -> usize {
    node.telemetry.run_spans(&run_id(run), Columns::Full).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_takes_nothing_from_the_server_whose_bucket_it_shares() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let original = open(folder.path(), &bucket).await;
    write(&original, 1).await;
    original.stop().await;
    let backup = restored(folder.path(), bucket.as_ref()).await;
    let original = open(folder.path(), &bucket).await;
    write(&original, 2).await;
    let of_original = objects(bucket.as_ref()).await;
    assert_eq!(of_original.len(), 2);

    let copy = open(backup.path(), &bucket).await;
    assert_eq!((spans(&copy, 1).await, spans(&copy, 2).await), (2, 0));
    assert_eq!(copy.telemetry.run(&run_id(1)).await.unwrap().map(|run| run.spans), Some(2));
    assert_eq!(copy.telemetry.models().await[0].calls, 1, "totals came along: the inner call is the outer one");
    // Merging and deleting remove files of the copy.
    write(&copy, 3).await;
    assert!(copy.telemetry.delete_run(&run_id(1)).await.unwrap());
    copy.telemetry.compact_now().await.unwrap();
    copy.stop().await;
    let copy = open(backup.path(), &bucket).await;
    assert_eq!((spans(&copy, 1).await, spans(&copy, 3).await), (0, 2));
    assert_eq!(copy.telemetry.health().failing, None);
    copy.stop().await;

    let all = objects(bucket.as_ref()).await;
    assert!(of_original.iter().all(|(path, bytes)| all.get(path) == Some(bytes)), "{:?}", all.keys());
    assert_eq!((spans(&original, 1).await, spans(&original, 2).await), (2, 2));
    original.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_bucket_is_filled_again_from_the_backup() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let original = open(folder.path(), &bucket).await;
    write(&original, 1).await;
    original.stop().await;
    let backup = restored(folder.path(), bucket.as_ref()).await;
    let empty = Arc::new(InMemory::new());
    for _ in 0..2 {
        let copy = open(backup.path(), &empty).await;
        assert_eq!(spans(&copy, 1).await, 2);
        assert_eq!((copy.telemetry.health().failing, objects(empty.as_ref()).await.len()), (None, 1));
        copy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_folder_keeps_its_segments_under_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let config = TelemetryConfig::default;
    let original = Node::open(folder.path(), config(), Clock::manual(START)).await;
    write(&original, 1).await;
    // Not in a segment: it comes from the log.
    original.ingest(vec![span(2, 0, "q")]).await.unwrap();
    original.telemetry.run(&run_id(2)).await.unwrap();
    let former = original.telemetry.table(Signal::Spans).await.segments[0].path.clone();
    original.stop().await;
    let backup = restored(folder.path(), &InMemory::new()).await;
    for _ in 0..2 {
        let copy = Node::open(backup.path(), config(), Clock::manual(START)).await;
        let paths: Vec<String> =
            copy.telemetry.table(Signal::Spans).await.segments.iter().map(|s| s.path.clone()).collect();
        assert!(!paths.is_empty() && !paths.contains(&former), "{paths:?}");
        assert!(!backup.path().join("segments").join(&former).exists());
        let stored = copy.stored().await;
        assert!(stored.len() == 3 && stored.values().all(|count| *count == 1), "{stored:?}");
        assert_eq!(copy.telemetry.health().failing, None);
        copy.stop().await;
    }
}
