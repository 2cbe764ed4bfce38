use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::{Fault, Journal, name};
use crate::audit::{AuditError, files};

fn payload(entries: &[&str]) -> Vec<u8> {
    let mut bundle = Vec::new();
    entries.iter().for_each(|entry| files::add_to_bundle(&mut bundle, entry.as_bytes()));
    bundle
}

fn append(journal: &mut Journal, entries: &[&str]) -> Result<(), AuditError> {
    journal.append(entries.len() as u64, &payload(entries))
}

fn reopened(folder: &Path, published: u64) -> Result<Vec<String>, AuditError> {
    let (_, recovered) = Journal::open(folder, published)?;
    Ok(recovered.entries.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect())
}

#[test]
fn what_was_appended_is_there_and_what_is_published_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, recovered) = Journal::open(folder.path(), 0).unwrap();
    assert!(recovered.entries.is_empty());
    append(&mut journal, &["a", "b"]).unwrap();
    append(&mut journal, &["c"]).unwrap();
    assert_eq!(journal.next(), 3);
    assert_eq!(reopened(folder.path(), 0).unwrap(), ["a", "b", "c"]);
    assert_eq!(reopened(folder.path(), 1).unwrap(), ["b", "c"]);
    assert_eq!(reopened(folder.path(), 3).unwrap(), [""; 0]);
}

#[test]
fn a_torn_tail_is_cut_at_every_length_and_a_damaged_middle_is_refused_at_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(folder.path(), 0).unwrap();
    append(&mut journal, &["first", "second"]).unwrap();
    let path = folder.path().join(name(0));
    let whole = fs::metadata(&path).unwrap().len();
    append(&mut journal, &["third"]).unwrap();
    let content = fs::read(&path).unwrap();
    for length in whole..content.len() as u64 {
        fs::write(&path, &content[..usize::try_from(length).unwrap()]).unwrap();
        assert_eq!(reopened(folder.path(), 0).unwrap(), ["first", "second"], "cut to {length}");
    }
    for place in 0..usize::try_from(whole).unwrap() {
        let mut damaged = content.clone();
        damaged[place] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert!(reopened(folder.path(), 0).is_err(), "byte {place}");
    }
    fs::write(&path, b"mizzen audit journal 2\n").unwrap();
    assert!(matches!(reopened(folder.path(), 0), Err(AuditError::Newer { .. })));
}

#[test]
fn a_group_that_failed_counts_for_nothing_whatever_of_it_arrived() {
    for fault in [Fault::Write, Fault::TornWrite, Fault::Sync] {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), 0).unwrap();
        append(&mut journal, &["a"]).unwrap();
        journal.fault = Some(fault);
        assert!(append(&mut journal, &["lost"]).is_err());
        journal.fault = None;
        append(&mut journal, &["b"]).unwrap();
        append(&mut journal, &["c"]).unwrap();
        assert_eq!(reopened(folder.path(), 0).unwrap(), ["a", "b", "c"], "{fault:?}");
    }
}

#[test]
fn files_go_when_all_in_them_is_published_and_a_gap_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3u64 {
        let (mut journal, _) = Journal::open(folder.path(), round * 2).unwrap();
        append(&mut journal, &["x", "y"]).unwrap();
    }
    let (mut journal, _) = Journal::open(folder.path(), 0).unwrap();
    assert_eq!(journal.next(), 6);
    journal.trim(3).unwrap();
    assert!(!folder.path().join(name(0)).exists() && folder.path().join(name(2)).exists());
    assert_eq!(reopened(folder.path(), 3).unwrap(), ["y", "x", "y"]);
    assert!(matches!(reopened(folder.path(), 1), Err(AuditError::Journal { .. })));
    let mut file = OpenOptions::new().append(true).open(folder.path().join(name(4))).unwrap();
    file.write_all(b"MZGROUP1 and then nothing").unwrap();
    assert_eq!(reopened(folder.path(), 6).unwrap(), [""; 0]);
}
