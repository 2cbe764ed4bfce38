use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use proptest::prelude::*;

use super::*;

/// A folder in memory that forgets what was not synced, tears writes, and fails when told to.
#[derive(Clone, Default)]
pub(crate) struct FaultyFolder(Arc<Mutex<Disk>>);

#[derive(Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, Content>,
    pub(crate) fail_appends: u32,
    /// How many bytes of a failing append arrive all the same.
    pub(crate) torn_append_bytes: usize,
    pub(crate) fail_syncs: u32,
    fail_truncates: u32,
    fail_removes: u32,
    syncs: u32,
}

#[derive(Default, Clone)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

impl FaultyFolder {
    pub(crate) fn disk<T>(&self, f: impl FnOnce(&mut Disk) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loses power: of what was not synced, `kept` bytes stay and one byte of those may be damaged.
    pub(crate) fn lose_power(&self, kept: usize, damage: Option<usize>) {
        self.disk(|disk| {
            for content in disk.files.values_mut() {
                let end = (content.synced + kept).min(content.bytes.len());
                content.bytes.truncate(end);
                if let Some(at) = damage.map(|at| content.synced + at).filter(|at| *at < end) {
                    content.bytes[at] ^= 0x40;
                }
                content.synced = end;
            }
        });
    }
}

struct FaultyFile {
    folder: FaultyFolder,
    name: String,
}

fn broken() -> io::Error {
    io::Error::other("injected")
}

impl LogFile for FaultyFile {
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let bytes = parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<u8>>();
        self.folder.disk(|disk| {
            let failing = disk.fail_appends > 0;
            disk.fail_appends -= u32::from(failing);
            let arrived = if failing { disk.torn_append_bytes.min(bytes.len()) } else { bytes.len() };
            let content = disk.files.entry(self.name.clone()).or_default();
            content.bytes.extend_from_slice(&bytes[..arrived]);
            if failing { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.folder.disk(|disk| {
            if disk.fail_syncs > 0 {
                disk.fail_syncs -= 1;
                return Err(broken());
            }
            disk.syncs += 1;
            let content = disk.files.entry(self.name.clone()).or_default();
            content.synced = content.bytes.len();
            Ok(())
        })
    }

    fn truncate(&mut self, bytes_kept: u64) -> io::Result<()> {
        self.folder.disk(|disk| {
            if disk.fail_truncates > 0 {
                disk.fail_truncates -= 1;
                return Err(broken());
            }
            let content = disk.files.entry(self.name.clone()).or_default();
            content.bytes.truncate(bytes_kept as usize);
            content.synced = content.synced.min(content.bytes.len());
            Ok(())
        })
    }
}

impl LogFolder for FaultyFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk(|disk| disk.files.keys().cloned().collect()))
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk(|disk| disk.files.get(name).map(|content| content.bytes.clone())).ok_or_else(broken)
    }
    fn bytes(&self, name: &str) -> io::Result<u64> {
        self.read(name).map(|bytes| bytes.len() as u64)
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        if self.disk(|disk| disk.files.contains_key(name)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.disk(|disk| disk.files.insert(name.to_owned(), Content::default()));
        self.open(name)
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(FaultyFile { folder: self.clone(), name: name.to_owned() }))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk(|disk| {
            if disk.fail_removes > 0 {
                disk.fail_removes -= 1;
                return Err(broken());
            }
            disk.files.remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }
}

fn reopen(folder: &FaultyFolder, stored: u64) -> Result<(Wal, Vec<Record>), WalError> {
    let mut recovery = Wal::recover(Box::new(folder.clone()))?;
    let mut records = Vec::new();
    while let Some(file) = recovery.next_file()? {
        records.extend(file);
    }
    Ok((Wal::open(recovery, stored)?, records))
}

fn commit(wal: &mut Wal, bodies: &[&[u8]]) -> Result<u64, WalError> {
    wal.commit(bodies.iter().map(|body| (1, in_parts(body))))
}

fn in_parts(body: &[u8]) -> Body<'_> {
    body.split_at(body.len() / 3).into()
}

#[derive(Debug, Clone)]
enum Action {
    Commit(Vec<Vec<u8>>),
    FailAppend { torn: usize, truncate_fails: bool },
    FailSync,
    FailRemove,
    Rotate,
    Renew,
    Trim { back: u64, erase: bool },
    LosePower { kept: usize, damage: Option<usize> },
}

fn action() -> impl Strategy<Value = Action> {
    let bodies = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6);
    prop_oneof![
        6 => bodies.prop_map(Action::Commit),
        1 => (0usize..120, any::<bool>()).prop_map(|(torn, truncate_fails)| Action::FailAppend { torn, truncate_fails }),
        2 => Just(Action::FailSync),
        1 => Just(Action::FailRemove),
        2 => Just(Action::Rotate),
        1 => Just(Action::Renew),
        1 => (0u64..10, any::<bool>()).prop_map(|(back, erase)| Action::Trim { back, erase }),
        2 => (0usize..200, prop::option::of(0usize..200)).prop_map(|(kept, damage)| Action::LosePower { kept, damage }),
    ]
}

proptest! {
    #[test]
    fn every_acknowledged_record_is_there_exactly_once_after_any_crash(actions in prop::collection::vec(action(), 1..60)) {
        let folder = FaultyFolder::default();
        let (mut wal, _) = reopen(&folder, 0).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut acknowledged: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut stored = 0;
        for action in actions.into_iter().chain([Action::LosePower { kept: 0, damage: None }]) {
            match action {
                Action::Commit(bodies) => {
                    if let Ok(first) = wal.commit(bodies.iter().map(|body| (1, in_parts(body)))) {
                        acknowledged.extend((first..).zip(bodies));
                    }
                }
                Action::FailAppend { torn, truncate_fails } => folder.disk(|disk| {
                    disk.fail_appends = 1;
                    disk.torn_append_bytes = torn;
                    disk.fail_truncates = u32::from(truncate_fails);
                }),
                Action::FailSync => folder.disk(|disk| disk.fail_syncs = 1),
                Action::FailRemove => folder.disk(|disk| disk.fail_removes = 1),
                Action::Rotate => { wal.rotate().ok(); }
                Action::Renew => { wal.renew().ok(); }
                Action::Trim { back, erase } => {
                    stored = (wal.next_lsn - 1).saturating_sub(back).max(stored);
                    wal.trim(stored, if erase { stored } else { 0 }).ok();
                }
                Action::LosePower { kept, damage } => {
                    folder.disk(|disk| {
                        (disk.fail_appends, disk.fail_syncs, disk.fail_truncates, disk.fail_removes) = (0, 0, 0, 0);
                    });
                    folder.lose_power(kept, damage);
                    let (opened, records) = reopen(&folder, stored).map_err(|e| TestCaseError::fail(e.to_string()))?;
                    wal = opened;
                    prop_assert!(records.windows(2).all(|pair| pair[0].lsn + 1 == pair[1].lsn));
                    let found: BTreeMap<u64, Vec<u8>> = records.into_iter().map(|record| (record.lsn, record.body)).collect();
                    for (lsn, body) in acknowledged.range(stored + 1..) {
                        prop_assert_eq!(found.get(lsn), Some(body));
                    }
                    // What was never promised may be there too, and is then there for good.
                    acknowledged.extend(found);
                }
            }
        }
    }
}

#[test]
fn after_a_failed_sync_the_log_goes_on_in_another_file_and_never_in_that_one() {
    let nothing: &[&[u8]] = &[];
    for promised in [&[&b"a"[..]][..], nothing] {
        let folder = FaultyFolder::default();
        let (mut wal, _) = reopen(&folder, 0).unwrap();
        for body in promised {
            commit(&mut wal, &[*body]).unwrap();
        }
        let given_up = wal.active.name.clone();
        // The second is that of the file begun in its place.
        folder.disk(|disk| (disk.fail_syncs, disk.fail_truncates) = (2, 1));
        assert!(matches!(commit(&mut wal, &[b"refused"]), Err(WalError::Io { doing: "sync", .. })));
        let length = folder.bytes(&given_up).unwrap();
        assert!(
            matches!(commit(&mut wal, &[b"refused"]), Err(WalError::Io { doing: "begin", .. })) && wal.is_given_up()
        );
        wal.renew().unwrap();
        assert!(!wal.is_given_up());
        let next = promised.len() as u64 + 1;
        assert_eq!(commit(&mut wal, &[b"b"]).unwrap(), next);
        let is_replaced = promised.is_empty();
        assert!(folder.bytes(&given_up).unwrap() == length || is_replaced, "nothing is written to it any more");
        // All of what was refused arrived on the disk after all, but in a file that was given up before.
        folder.lose_power(usize::MAX / 2, None);
        let (_, records) = reopen(&folder, 0).unwrap();
        let bodies: Vec<&[u8]> = records.iter().map(|record| record.body.as_slice()).collect();
        assert_eq!(bodies, promised.iter().map(|body| &body[..]).chain([&b"b"[..]]).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_refused_is_not_read_back_by_a_process_that_starts_before_the_machine_does() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    commit(&mut wal, &[b"a"]).unwrap();
    folder.disk(|disk| disk.fail_syncs = 1);
    commit(&mut wal, &[b"refused"]).unwrap_err();
    drop(wal);
    let (_, records) = reopen(&folder, 0).unwrap();
    assert_eq!(records.iter().map(|record| record.body.as_slice()).collect::<Vec<_>>(), [b"a"]);
}

#[test]
fn stored_files_make_room_before_another_is_begun() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    commit(&mut wal, &[b"a"]).unwrap();
    let stored = wal.active.name.clone();
    wal.rotate().unwrap();
    commit(&mut wal, &[b"b"]).unwrap();
    folder.disk(|disk| disk.fail_syncs = 1);
    assert!(matches!(wal.trim(2, 2), Err(WalError::Io { doing: "begin", .. })));
    assert!(!folder.list().unwrap().contains(&stored));
    wal.trim(2, 2).unwrap();
    let (_, records) = reopen(&folder, 2).unwrap();
    assert!(records.is_empty());
}

#[test]
fn a_file_does_not_go_on_beside_one_that_was_half_begun() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    commit(&mut wal, &[b"a"]).unwrap();
    folder.disk(|disk| (disk.fail_syncs, disk.fail_removes) = (1, 1));
    assert!(wal.rotate().is_err() && wal.is_given_up());
    assert_eq!(commit(&mut wal, &[b"b"]).unwrap(), 2);
    let (_, records) = reopen(&folder, 0).unwrap();
    assert_eq!(records.iter().map(|record| record.lsn).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_failed_append_is_taken_back_and_the_log_goes_on() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    folder.disk(|disk| (disk.fail_appends, disk.torn_append_bytes) = (1, 7));
    assert!(commit(&mut wal, &[b"lost"]).is_err());
    assert_eq!(commit(&mut wal, &[b"kept"]).unwrap(), 1);
    let (_, records) = reopen(&folder, 0).unwrap();
    assert_eq!(records, [Record { lsn: 1, signal: 1, body: b"kept".to_vec() }]);
}

#[test]
fn damage_to_an_acknowledged_record_is_an_error_that_says_where() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    commit(&mut wal, &[b"first"]).unwrap();
    commit(&mut wal, &[b"second"]).unwrap();
    let name = file_name(1);
    folder.disk(|disk| disk.files.get_mut(&name).unwrap().bytes[FILE_HEADER_BYTES + 20] ^= 1);
    let error = reopen(&folder, 0).err().unwrap();
    assert!(matches!(&error, WalError::Corrupt { file, offset: 24, .. } if *file == name), "{error}");
}

#[test]
fn a_log_of_a_newer_release_is_refused() {
    let folder = FaultyFolder::default();
    drop(reopen(&folder, 0).unwrap());
    let mut newer = FileHeader { version: VERSION + 1, salt: 1, first_lsn: 1 }.encode().to_vec();
    newer.extend_from_slice(b"whatever a newer release writes");
    folder.disk(|disk| disk.files.get_mut(&file_name(1)).unwrap().bytes = newer);
    assert!(matches!(reopen(&folder, 0).err(), Some(WalError::Newer { version: 2, .. })));
}

#[test]
fn a_frame_inside_a_body_is_not_taken_for_a_record() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    let body: Body<'_> = [b"forged", b""];
    let forged = [&FrameHead { lsn: 2, durable: 1, signal: 1 }.encode(0, body)[..], body[0]].concat();
    commit(&mut wal, &[&forged]).unwrap();
    folder.disk(|disk| {
        let content = disk.files.get_mut(&file_name(1)).unwrap();
        content.bytes[FILE_HEADER_BYTES + 20] ^= 1;
    });
    let (_, records) = reopen(&folder, 0).unwrap();
    assert!(records.is_empty(), "a torn first record is cut, whatever its body looks like");
}

#[test]
fn a_group_costs_one_sync_and_stored_files_go() {
    let folder = FaultyFolder::default();
    let (mut wal, _) = reopen(&folder, 0).unwrap();
    let before = folder.disk(|disk| disk.syncs);
    commit(&mut wal, &[b"a", b"b", b"c"]).unwrap();
    assert_eq!(folder.disk(|disk| disk.syncs), before + 1);
    wal.trim(2, 2).unwrap();
    assert_eq!(folder.list().unwrap(), [file_name(1), file_name(4)], "record 3 is still needed");
    wal.trim(3, 2).unwrap();
    assert_eq!(folder.list().unwrap(), [file_name(4)]);
    assert_eq!(commit(&mut wal, &[b"d"]).unwrap(), 4);
    assert!(wal.bytes() > FILE_HEADER_BYTES as u64);
}
