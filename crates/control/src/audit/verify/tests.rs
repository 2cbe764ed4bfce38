use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::DataDir;

use super::{Fault, Report, Trust, Verifier, verify};
use crate::audit::entry::{AuditEntry, Kind, Who};
use crate::audit::note::{Checkpoint, KeyKind, Note, VerifierKey};
use crate::audit::{AuditLog, Durability, FOLDER, files};

/// A log with its trust, and the checkpoints that it published.
struct Log {
    _data: tempfile::TempDir,
    log: AuditLog,
    folder: PathBuf,
    trust: Trust,
    published: Vec<String>,
}

const WITNESS: &str = "witness.example/w";

fn witness() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A log that published at each of `sizes`, cosigned by a witness at the last.
async fn log(sizes: &[u64]) -> Log {
    let data = tempfile::tempdir().unwrap();
    let log =
        AuditLog::open(&DataDir::open(data.path()).unwrap(), Clock::manual(Timestamp::from_unix_nanos(7))).unwrap();
    let mut published = Vec::new();
    for size in sizes {
        for index in log.status().size..*size {
            let who = Who::named(format!("agent:default/a{index}"));
            log.append(AuditEntry::new(log.now(), Kind::Decision, who), Durability::Window).await.unwrap();
        }
        while log.status().size < *size {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        published.push(log.publish().await.unwrap().note.clone());
    }
    let trust = Trust { key: log.verifier_key().clone(), witnesses: Vec::new(), seen: None };
    Log { folder: data.path().join(FOLDER), _data: data, log, trust, published }
}

impl Log {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn cosign(&mut self) {
        let mut note: Note = self.published.last().unwrap().parse().unwrap();
        note.cosign(WITNESS, &witness(), 1_700_000_000);
        self.log.0.write_file(files::WITNESSED, note.to_string().as_bytes()).unwrap();
        let key = VerifierKey::new(WITNESS, KeyKind::Witness, witness().verifying_key().as_bytes()).unwrap();
        self.trust.witnesses.push(key);
    }

    fn verify(&self) -> Report {
        verify(self.folder(), &self.trust).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, files) } else { files.push(path) }
            }
        }
        let mut files = Vec::new();
        walk(self.folder(), &mut files);
        files.sort();
        files
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.folder()).unwrap().to_str().unwrap().to_owned()
    }

    /// What is below the signatures, which take long to check.
    fn verify_tree(&self) -> Report {
        let mut verifier = Verifier::new(&self.folder, &self.trust);
        verifier.check_tree(&self.log.published().checkpoint).unwrap();
        verifier.report
    }

    /// Changes a file, looks, and puts it back.
    fn with_changed(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Report {
        let content = fs::read(path).unwrap();
        let mut changed = content.clone();
        change(&mut changed);
        assert_ne!(content, changed);
        fs::write(path, &changed).unwrap();
        let is_tile = self.name(path).starts_with("tile/");
        let report = if is_tile { self.verify_tree() } else { self.verify() };
        fs::write(path, &content).unwrap();
        report
    }
}

/// Whether some fault is about `file` and, where it names bytes, about this one.
fn names(report: &Report, file: &str, byte: usize) -> bool {
    let about = |fault: &&Fault| fault.file() == Some(file) && fault.bytes().is_none_or(|bytes| bytes.contains(&byte));
    report.faults.iter().any(|fault| about(&fault))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_as_it_was_written_is_verified() {
    for sizes in [&[1][..], &[2, 5], &[255], &[256], &[3, 257], &[513]] {
        let mut log = log(sizes).await;
        log.cosign();
        log.trust.seen = log.published.first().cloned();
        let report = log.verify();
        assert_eq!(report.faults, [], "{sizes:?}");
        assert_eq!((report.size, report.entries), (*sizes.last().unwrap(), report.size));
        assert_eq!(report.witnessed, [(WITNESS.to_owned(), report.size)]);
        assert!(report.compared && report.unsigned.is_empty() && report.unchecked.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_that_is_flipped_is_found_and_named() {
    let mut log = log(&[3, 5]).await;
    log.cosign();
    let mut flips = 0;
    for path in log.files() {
        for byte in 0..fs::read(&path).unwrap().len() {
            let report = log.with_changed(&path, |content| content[byte] ^= 1 << (byte % 8));
            let file = log.name(&path);
            assert!(names(&report, &file, byte), "{file}, byte {byte}: {:?}", report.faults);
            flips += 1;
        }
    }
    assert!(flips > 1_500, "{flips}");
    assert!(log.verify().is_verified());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_log_of_several_tiles_too() {
    let mut log = log(&[250, 515, 516]).await;
    log.cosign();
    for path in log.files() {
        let file = log.name(&path);
        for byte in (0..fs::read(&path).unwrap().len()).step_by(1_511) {
            let report = log.with_changed(&path, |content| content[byte] ^= 0x10);
            assert!(names(&report, &file, byte), "{file}, byte {byte}: {:?}", report.faults);
            assert!(report.faults.len() < 4, "one flip has a few names at most: {:?}", report.faults);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_is_removed_emptied_or_added_is_found_and_named() {
    let mut log = log(&[3, 258]).await;
    log.cosign();
    let earlier = ["tile/entries/000.p/3", "tile/0/000.p/3"];
    for path in log.files() {
        let file = log.name(&path);
        if file == "format" {
            continue;
        }
        let emptied = log.with_changed(&path, Vec::clear);
        assert!(names(&emptied, &file, 0), "{file} emptied: {:?}", emptied.faults);
        let cut = log.with_changed(&path, |content| content.truncate(content.len() - 1));
        assert!(cut.faults.iter().any(|fault| fault.file() == Some(&*file)), "{file} cut: {:?}", cut.faults);
        let longer = log.with_changed(&path, |content| content.push(b'\n'));
        assert!(longer.faults.iter().any(|fault| fault.file() == Some(&*file)), "{file} longer: {:?}", longer.faults);
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let removed = log.verify();
        fs::write(&path, &content).unwrap();
        let is_named = removed.faults == [Fault::Missing { file: file.clone() }];
        assert!(is_named || earlier.contains(&&*file), "{file} removed: {:?}", removed.faults);
    }
    fs::write(log.folder().join("tile/notes.txt"), "hello").unwrap();
    assert_eq!(log.verify().faults, [Fault::Stray { file: "tile/notes.txt".into() }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_two_entries_that_change_places_are_found_and_named() {
    let log = log(&[7]).await;
    let path = log.folder().join("tile/entries/000.p/7");
    let content = fs::read(&path).unwrap();
    let entries: Vec<Vec<u8>> = files::split_bundle(&content).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    for one in 0..7 {
        for other in one + 1..7 {
            let mut moved = entries.clone();
            moved.swap(one, other);
            let mut bundle = Vec::new();
            moved.iter().for_each(|entry| files::add_to_bundle(&mut bundle, entry));
            let report = log.with_changed(&path, |content| *content = bundle);
            let found: Vec<_> = report
                .faults
                .iter()
                .map(|fault| match fault {
                    Fault::Reordered { index, expected, .. } => (*index, *expected),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found, [(other as u64, one as u64), (one as u64, other as u64)]);
        }
    }
    // An entry left out, and one put in twice.
    for at in 0..7 {
        for twice in [false, true] {
            let mut changed = entries.clone();
            if twice {
                changed.insert(at, entries[at].clone())
            } else {
                drop(changed.remove(at))
            }
            let mut bundle = Vec::new();
            changed.iter().for_each(|entry| files::add_to_bundle(&mut bundle, entry));
            let report = log.with_changed(&path, |content| *content = bundle);
            let first = (at + usize::from(twice)) as u64;
            assert!(
                matches!(&report.faults[..], [Fault::Bundle { index, .. }] if *index == first),
                "{:?}",
                report.faults
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_or_rewritten_is_found_with_what_was_seen_later() {
    let (mut short, long, other) = (log(&[4, 300]).await, log(&[4, 301]).await, log(&[300]).await);
    // The log's owner signs a shorter history and a different one: validly, as only its key can.
    short.trust.seen = None;
    assert!(short.verify().is_verified());
    let key = short.log.0.key.sign_for_tests();
    let seen = |log: &Log| {
        let checkpoint: Checkpoint = log.published.last().unwrap().parse::<Note>().unwrap().text().parse().unwrap();
        let mut note = Note::new(Checkpoint { origin: short.trust.key.name().to_owned(), ..checkpoint }.to_string());
        note.sign(short.trust.key.name(), key);
        note
    };
    let judge = |note: &Note, trust: &Trust| {
        let trust = Trust { seen: Some(note.to_string()), ..trust.clone() };
        verify(short.folder(), &trust).unwrap().faults
    };
    assert!(matches!(&judge(&seen(&long), &short.trust)[..], [Fault::RolledBack { seen: 301, size: 300, .. }]));
    assert!(matches!(&judge(&seen(&other), &short.trust)[..], [Fault::Rewritten { seen: 300, .. }]));
    // What only a witness signed is as good, where its key is trusted.
    let mut cosigned = Note::new(seen(&long).text().to_owned());
    cosigned.cosign(WITNESS, &witness(), 1);
    assert!(matches!(&judge(&cosigned, &short.trust)[..], [Fault::Checkpoint { .. }]));
    let key = VerifierKey::new(WITNESS, KeyKind::Witness, witness().verifying_key().as_bytes()).unwrap();
    let trust = Trust { witnesses: vec![key], ..short.trust.clone() };
    let faults = judge(&cosigned, &trust);
    assert!(matches!(&faults[..], [Fault::RolledBack { seen: 301, .. }, Fault::Missing { .. }]), "{faults:?}");
    // The same, found beside the checkpoint.
    let mut beside = seen(&long);
    beside.cosign(WITNESS, &witness(), 1);
    fs::write(short.folder().join(files::WITNESSED), beside.to_string()).unwrap();
    assert!(matches!(&verify(short.folder(), &trust).unwrap().faults[..], [Fault::RolledBack { seen: 301, .. }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_in_the_place_of_this_one_is_none() {
    let (one, other) = (log(&[3]).await, log(&[3]).await);
    let report = verify(one.folder(), &other.trust).unwrap();
    assert!(matches!(&report.faults[..], [Fault::Checkpoint { .. }]));
    // More than the checkpoint covers is told, and is no fault: the log may be being written.
    let old = one.published[0].clone();
    one.log.append(AuditEntry::new(one.log.now(), Kind::Pause, Who::named("x")), Durability::Durable).await.unwrap();
    one.log.publish().await.unwrap();
    fs::write(one.folder().join(files::CHECKPOINT), old).unwrap();
    let report = one.verify();
    assert!(report.is_verified(), "{:?}", report.faults);
    assert_eq!(report.unsigned, ["tile/0/000.p/4", "tile/entries/000.p/4"]);
}
