mod crash;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::DataDir;
use serde_json::json;

use super::journal::Fault;
use super::note::{Checkpoint, Note};
use super::proof::{EntryProof, EntryProofError};
use super::read::EntryFilter;
use super::verify::Trust;
use super::{AuditEntry, AuditError, AuditLog, Durability, FOLDER, JOURNAL_FOLDER, Kind, Who, files, refusals, verify};

fn open(folder: &Path) -> Result<AuditLog, AuditError> {
    AuditLog::open(&DataDir::open(folder).unwrap(), Clock::manual(Timestamp::from_unix_nanos(1)))
}

fn entry(name: &str) -> AuditEntry {
    AuditEntry::new(Timestamp::from_unix_nanos(5), Kind::Decision, Who::named(name))
}

fn copy(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
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
    let append = |name: u32| {
        let log = log.clone();
        async move {
            let receipt = log.append(entry(&name.to_string()), Durability::Durable).await.unwrap();
            (usize::try_from(receipt.index.unwrap()).unwrap(), name.to_string())
        }
    };
    let places = (0..600).map(append).collect::<tokio::task::JoinSet<_>>().join_all().await;
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
    // It is on disk soon though nothing follows it: within 10 ms, and a machine that tests may be busy.
    let on_disk = async {
        while log.status().size < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), on_disk).await.expect("it is on disk without another entry");
    let killed = tempfile::tempdir().unwrap();
    copy(&folder.path().join("."), killed.path());
    assert_eq!(names(&open(killed.path()).unwrap()), ["quick"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_with_proofs_that_need_only_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    for index in 1..600u64 {
        let kind = if index.is_multiple_of(7) { Kind::Pause } else { Kind::Decision };
        let resource = Some(format!("tool:helm/t{}", index % 10));
        let entry = AuditEntry { kind, resource, ..entry(&format!("agent:default/a{}", index % 3)) };
        log.append(entry, Durability::Window).await.unwrap();
    }
    log.append(entry("last"), Durability::Durable).await.unwrap();
    let filter = EntryFilter { kind: Some(Kind::Pause), agent: Some("a1".into()), ..EntryFilter::default() };
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = log.find(filter.clone(), before, 5).await.unwrap();
        assert!(page.items.len() <= 5 && page.size == 601);
        found.extend(page.items.iter().map(|(index, _)| *index));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let expected: Vec<u64> = (1..600).rev().filter(|index| index % 7 == 0 && index % 3 == 1).collect();
    assert_eq!(found, expected);
    let by_resource = EntryFilter {
        resource: Some("/t9".into()),
        since: Some(Timestamp::from_unix_nanos(5)),
        ..EntryFilter::default()
    };
    assert_eq!(log.find(by_resource.clone(), None, 1_000).await.unwrap().items.len(), 60);
    let later = EntryFilter { since: Some(Timestamp::from_unix_nanos(6)), ..by_resource };
    assert_eq!(log.find(later, None, 1_000).await.unwrap().items, []);

    for index in [0, 1, 255, 256, 300, 600] {
        let (logged, proof) = log.entry(index).await.unwrap().unwrap();
        let text = proof.to_string();
        let read: EntryProof = text.parse().unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.verify(log.verifier_key()).unwrap().size, 601);
        assert_eq!(read.entry, logged.text);
        let moved = EntryProof { index: index ^ 1, ..read.clone() };
        let changed = EntryProof { entry: Some(b"{}".to_vec()), ..read.clone() };
        assert!(moved.verify(log.verifier_key()).is_err() && changed.verify(log.verifier_key()).is_err());
        let other = tempfile::tempdir().unwrap();
        assert!(read.verify(open(other.path()).unwrap().verifier_key()).is_err());
        for (place, _) in text.char_indices().step_by(13) {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 2;
            let read = String::from_utf8(bytes).ok().and_then(|text| text.parse::<EntryProof>().ok());
            assert!(read.is_none_or(|read| read.verify(log.verifier_key()).is_err()), "byte {place} of {index}");
        }
    }
    assert!(log.entry(601).await.unwrap().is_none());
    assert!(log.file("tile/0/000").await.unwrap().is_some_and(|bytes| bytes.len() == 8_192));
    for name in ["../audit.key", "tile/../../audit.key", "/etc/passwd", "tile/0/999"] {
        assert!(log.file(name).await.unwrap().is_none(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_was_pruned_is_gone_and_the_log_still_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    for index in 1..700 {
        let at = Timestamp::from_unix_nanos(index);
        // The last one waits until those before it are written too.
        let durability = if index == 699 { Durability::Durable } else { Durability::Window };
        log.append(AuditEntry { at, ..entry("a") }, durability).await.unwrap();
    }
    log.publish().await.unwrap();
    let trust = Trust { key: log.verifier_key().clone(), witnesses: vec![], seen: Some(log.published().note.clone()) };
    assert_eq!(log.prune(Timestamp::from_unix_nanos(255)).await.unwrap(), 0);
    assert_eq!(log.prune(Timestamp::from_unix_nanos(600)).await.unwrap(), 512);
    assert_eq!(log.pruned_below(), 512);
    let report = verify::verify(log.folder(), &trust).unwrap();
    assert_eq!(report.faults, []);
    assert_eq!((report.pruned_below, report.entries), (512, report.size - 512));
    let (logged, proof) = log.entry(3).await.unwrap().unwrap();
    assert_eq!(logged.text, None);
    assert_eq!(proof.verify(log.verifier_key()), Err(EntryProofError::NoEntry));
    assert!(proof.verify_leaf(logged.leaf, log.verifier_key()).is_ok());
    assert_eq!(log.find(EntryFilter::default(), None, 1_000).await.unwrap().items.len() as u64, report.size - 512);
    // A bundle that nobody said is gone is a fault.
    std::fs::remove_file(log.folder().join("tile/entries/002.p/190")).ok();
    let last = format!("tile/entries/002.p/{}", report.size - 512);
    std::fs::remove_file(log.folder().join(&last)).unwrap();
    assert!(!verify::verify(log.folder(), &trust).unwrap().is_verified());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knocks_in_a_loop_is_counted_and_does_not_fill_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_unix_nanos(1));
    let log = AuditLog::open(&DataDir::open(folder.path()).unwrap(), clock.clone()).unwrap();
    for _ in 0..10_000 {
        log.refused(Kind::DoorRefused, "gateway", "key_unknown", Who::default());
    }
    // Another kind is not hidden by that.
    log.refused(Kind::DoorRefused, "gateway", "state_refused", Who::named("mallory"));
    clock.advance(Duration::from_secs(60));
    log.refused(Kind::DoorRefused, "portal", "wrong_token", Who::default());
    log.append(entry("end"), Durability::Durable).await.unwrap();
    let filter = EntryFilter { kind: Some(Kind::DoorRefused), ..EntryFilter::default() };
    let found = log.find(filter, None, 1_000).await.unwrap().items;
    assert_eq!(found.len() as u64, refusals::REFUSALS_PER_MINUTE + 3);
    let counted: u64 = found.iter().map(|(_, entry)| entry.count.unwrap_or(1)).sum();
    assert_eq!(counted, 10_002);
    assert_eq!(found[0].1.details["door"], "portal");
    assert_eq!((found[1].1.code.as_deref(), found[1].1.count), (Some("key_unknown"), Some(9_940)));
    assert_eq!((found[2].1.code.as_deref(), found[2].1.who.reference.as_str()), (Some("state_refused"), "mallory"));
}
