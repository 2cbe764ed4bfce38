use std::path::Path;
use std::sync::Arc;

use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::DataDir;
use serde_json::json;

use super::journal::Fault;
use super::note::{Checkpoint, Note};
use super::{AuditEntry, AuditError, AuditLog, Durability, FOLDER, JOURNAL_FOLDER, Kind, Who, files};

fn open(folder: &Path) -> Result<AuditLog, AuditError> {
    AuditLog::open(&DataDir::open(folder).unwrap(), Clock::manual(Timestamp::from_unix_nanos(1)))
}

fn entry(name: &str) -> AuditEntry {
    AuditEntry::new(Timestamp::from_unix_nanos(5), Kind::Decision, Who::named(name))
}

/// Names in the entries that are published, without the one that begins every log.
fn names(log: &AuditLog) -> Vec<String> {
    let size = log.published().checkpoint.size;
    let bundles = (0..size.div_ceil(256)).map(|index| files::read_bundle(log.folder(), index, size).unwrap().unwrap());
    let entries = bundles.flatten().map(|entry| AuditEntry::decode(&entry).unwrap());
    entries.skip(1).map(|entry| entry.who.reference).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_append_at_once_share_groups_and_each_has_a_place_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let before = log.status().groups;
    let tasks: Vec<_> = (0..600)
        .map(|name| {
            let log = log.clone();
            tokio::task::spawn(async move { log.append(entry(&name.to_string()), Durability::Durable).await.unwrap() })
        })
        .collect();
    let mut places = Vec::new();
    for (name, task) in tasks.into_iter().enumerate() {
        places.push((usize::try_from(task.await.unwrap().index.unwrap()).unwrap(), name.to_string()));
    }
    assert!(log.status().groups - before < 300, "{:?}", log.status());
    let published = log.publish().await.unwrap();
    assert_eq!(published.checkpoint.size, 601);
    let names = names(&log);
    places.iter().for_each(|(place, name)| assert_eq!(&names[place - 1], name));
    let note: Note = published.note.parse().unwrap();
    note.verify(log.verifier_key()).unwrap();
    assert_eq!(note.text().parse::<Checkpoint>().unwrap(), published.checkpoint);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_published_by_the_next_start_and_the_tree_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..6 {
        let log = open(folder.path()).unwrap();
        assert_eq!(names(&log), expected, "round {round}");
        for step in 0..97 {
            let name = format!("{round}/{step}");
            log.append(entry(&name), Durability::Durable).await.unwrap();
            expected.push(name);
            if step == round * 17 {
                log.publish().await.unwrap();
            }
        }
    }
    assert_eq!(names(&open(folder.path()).unwrap()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_does_not_wait_while_the_log_works_and_waits_for_the_error_when_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    assert_eq!(log.append(entry("quick"), Durability::Window).await.unwrap().index, None);
    assert_eq!(log.append(entry("slow"), Durability::Durable).await.unwrap().index, Some(2));
    for fault in [Fault::Write, Fault::TornWrite, Fault::Sync] {
        log.0.set_fault(Some(fault));
        assert!(matches!(log.append(entry("refused"), Durability::Durable).await, Err(AuditError::NotWritten(_))));
        assert!(log.append(entry("refused"), Durability::Window).await.is_err());
        assert!(log.status().failure.is_some());
        log.0.set_fault(None);
        log.append(entry("works again"), Durability::Window).await.unwrap();
        assert_eq!(log.status().failure, None);
    }
    log.publish().await.unwrap();
    let expected = ["quick", "slow", "works again", "works again", "works again"];
    assert_eq!(names(&log), expected);
    drop(log);
    assert_eq!(names(&open(folder.path()).unwrap()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_what_was_signed_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    log.append(entry("a"), Durability::Durable).await.unwrap();
    let old = log.publish().await.unwrap();
    let saved = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success())
    };
    copy(&folder.path().join(FOLDER), &saved.path().join(FOLDER));
    log.append(entry("b"), Durability::Durable).await.unwrap();
    log.publish().await.unwrap();
    drop(log);
    // Rolled back, with the tiles and the checkpoint of before, validly signed.
    std::fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
    copy(&saved.path().join(FOLDER), &folder.path().join(FOLDER));
    assert!(matches!(open(folder.path()), Err(AuditError::RolledBack { signed: 3, .. })));
    // A backup has no journal: it goes on from what it holds.
    std::fs::remove_dir_all(folder.path().join(JOURNAL_FOLDER)).unwrap();
    assert_eq!(open(folder.path()).unwrap().published().checkpoint, old.checkpoint);
    // A tile of the right edge that was changed.
    let tile = folder.path().join(FOLDER).join("tile/0/000.p/2");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&tile, &bytes).unwrap();
    assert!(matches!(open(folder.path()), Err(AuditError::RolledBack { .. })));
    std::fs::write(folder.path().join(FOLDER).join("format"), "2\n").unwrap();
    assert!(matches!(open(folder.path()), Err(AuditError::Newer { .. })));
    std::fs::remove_file(folder.path().join("audit.key")).unwrap();
    assert!(matches!(open(folder.path()), Err(AuditError::KeyMissing { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_does_not_begin_again_under_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = open(folder.path()).unwrap().verifier_key().clone();
    std::fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
    assert!(matches!(open(folder.path()), Err(AuditError::RolledBack { signed: 1, .. })));
    std::fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
    std::fs::remove_dir_all(folder.path().join(JOURNAL_FOLDER)).unwrap();
    assert!(matches!(open(folder.path()), Err(AuditError::LogMissing { .. })));
    std::fs::remove_file(folder.path().join("audit.key")).unwrap();
    assert_ne!(open(folder.path()).unwrap().verifier_key(), &key);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_arguments_differ_between_logs_and_not_between_orders() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (open(one.path()).unwrap(), Arc::new(open(other.path()).unwrap()));
    let hash = one.hash_arguments(&json!({ "a": 1, "b": [true] })).unwrap();
    assert_eq!(hash.len(), "hmac-sha256:".len() + 64);
    assert_eq!(one.hash_arguments(&json!({ "b": [true], "a": 1 })).unwrap(), hash);
    assert_ne!(one.hash_arguments(&json!({ "a": 2, "b": [true] })).unwrap(), hash);
    assert_ne!(other.hash_arguments(&json!({ "a": 1, "b": [true] })).unwrap(), hash);
}
