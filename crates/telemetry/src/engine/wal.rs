//! The write-ahead log: what is acknowledged is in here, on disk, before anybody hears of it.
//!
//! One owner appends whole groups of records and syncs once per group. Numbers (`lsn`) rise by one without gaps,
//! across files and restarts. After a failed `fsync` the kernel may have dropped the pages and would report success next
//! time, so nothing is written to that file any more: it is given up behind the last record that was promised, and the
//! next record, under the next number, begins another file. What lies in the one given up from that number on was
//! never promised, and is not read.

mod frame;
mod recover;
mod storage;

use std::collections::VecDeque;
use std::io::{self, IoSlice};

pub(crate) use frame::Body;
use frame::{FILE_HEADER_BYTES, FileHeader, FrameHead, VERSION, body_len};
pub(crate) use recover::Recovery;
use recover::file_name;
pub(crate) use storage::{DiskFolder, LogFile, LogFolder};

/// A file of this size is closed and the next one begun.
const FILE_BYTES: u64 = 32 * 1024 * 1024;
/// An open file whose records are all stored elsewhere is given up once it is this large.
const IDLE_FILE_BYTES: u64 = 1024 * 1024;

/// Why the log cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error("failed to {doing} log file `{file}`")]
    Io { doing: &'static str, file: String, source: io::Error },
    #[error(
        "log file `{file}` is damaged at byte {offset}: {reason}; restore it from a backup, or move it away to start without its records"
    )]
    Corrupt { file: String, offset: u64, reason: &'static str },
    #[error(
        "log file `{file}` has format {version}, this release reads up to {newest}; start the release that wrote it"
    )]
    Newer { file: String, version: u32, newest: u32 },
    #[error("a record of {bytes} bytes is larger than the log takes ({max})")]
    TooLarge { bytes: usize, max: usize },
}

/// One record: `signal` and `body` are the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) lsn: u64,
    pub(crate) signal: u8,
    pub(crate) body: Vec<u8>,
}

/// A file that is not written any more. It holds the numbers from `first_lsn` up to below `next_lsn`.
#[derive(Debug)]
struct Sealed {
    name: String,
    first_lsn: u64,
    next_lsn: u64,
    bytes: u64,
}

struct Active {
    file: Box<dyn LogFile>,
    name: String,
    first_lsn: u64,
    salt: u32,
    bytes: u64,
}

/// The open log. Methods block on the disk.
pub(crate) struct Wal {
    folder: Box<dyn LogFolder>,
    sealed: VecDeque<Sealed>,
    active: Active,
    next_lsn: u64,
    /// What lies behind the last promised record of the open file is unknown: the next record begins another one.
    is_given_up: bool,
}

impl Wal {
    /// Begins to read the log in `folder`; feed the records of every file, then [`Self::open`].
    pub(crate) fn recover(folder: Box<dyn LogFolder>) -> Result<Recovery, WalError> {
        Recovery::start(folder)
    }

    /// Opens the log for writing behind what was recovered, and behind `stored`, the last number known elsewhere.
    pub(crate) fn open(recovery: Recovery, stored: u64) -> Result<Self, WalError> {
        let (folder, sealed) = recovery.finish();
        let next_lsn = sealed.last().map_or(0, |file| file.next_lsn).max(stored + 1);
        let (empty, sealed): (Vec<_>, Vec<_>) = sealed.into_iter().partition(|file| file.first_lsn == file.next_lsn);
        for file in empty {
            folder.remove(&file.name).map_err(|source| WalError::Io { doing: "remove", file: file.name, source })?;
        }
        let mut sealed = sealed.into();
        // On a full disk the log itself may have the room that the next file needs.
        remove_stored(folder.as_ref(), &mut sealed, stored)?;
        let active = begin_file(folder.as_ref(), next_lsn)?;
        Ok(Self { folder, sealed, active, next_lsn, is_given_up: false })
    }

    /// Appends the records and syncs. On success they survive, and the first one has the number returned. On an
    /// error none of them was promised; the log goes on, in another file where this one cannot be put back to where it was.
    pub(crate) fn commit<'a>(&mut self, records: impl Iterator<Item = (u8, Body<'a>)>) -> Result<u64, WalError> {
        self.renew()?;
        let first_lsn = self.next_lsn;
        let durable = first_lsn - 1;
        let mut lsn = first_lsn;
        let mut frames = Vec::new();
        for (signal, body) in records {
            if body_len(body) > frame::BODY_BYTES_MAX {
                return Err(WalError::TooLarge { bytes: body_len(body), max: frame::BODY_BYTES_MAX });
            }
            frames.push((FrameHead { lsn, durable, signal }.encode(self.active.salt, body), body));
            lsn += 1;
        }
        let parts = frames.iter().flat_map(|(head, [first, second])| [head.as_slice(), first, second]);
        self.write(&mut parts.map(IoSlice::new).collect::<Vec<_>>())?;
        self.next_lsn = lsn;
        self.rotate_when_full();
        Ok(first_lsn)
    }

    fn write(&mut self, parts: &mut [IoSlice<'_>]) -> Result<(), WalError> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if let Err(source) = self.active.file.append(parts) {
            // Half a group may be there: take it back for good, or else give the file up.
            let taken_back = self.active.file.truncate(self.active.bytes).and_then(|()| self.active.file.sync());
            self.is_given_up = taken_back.is_err();
            return Err(WalError::Io { doing: "append to", file: self.active.name.clone(), source });
        }
        if let Err(source) = self.active.file.sync() {
            self.is_given_up = true;
            // A process that starts before the machine does reads what the kernel still has, and would take it for promised.
            self.active.file.truncate(self.active.bytes).ok();
            return Err(WalError::Io { doing: "sync", file: self.active.name.clone(), source });
        }
        self.active.bytes += bytes;
        Ok(())
    }

    /// Begins another file where the open one was given up.
    pub(crate) fn renew(&mut self) -> Result<(), WalError> {
        if self.is_given_up { self.rotate() } else { Ok(()) }
    }

    fn rotate_when_full(&mut self) {
        if self.active.bytes >= FILE_BYTES
            && let Err(error) = self.rotate()
        {
            // The file may grow on; the next group tries again.
            tracing::warn!(%error, "could not begin the next log file");
        }
    }

    fn rotate(&mut self) -> Result<(), WalError> {
        let is_empty = self.active.first_lsn == self.next_lsn;
        if is_empty && !self.is_given_up {
            return Ok(());
        }
        // One without a promised record has the name of the next, which takes its place.
        let next = begin_file(self.folder.as_ref(), self.next_lsn).inspect_err(|_| {
            // What is left of it must not stay behind the file that goes on in its place.
            self.is_given_up |= !is_gone(self.folder.as_ref(), &file_name(self.next_lsn));
        })?;
        self.is_given_up = false;
        let Active { name, first_lsn, bytes, .. } = std::mem::replace(&mut self.active, next);
        if !is_empty {
            self.sealed.push_back(Sealed { name, first_lsn, next_lsn: self.next_lsn, bytes });
        }
        Ok(())
    }

    /// Removes the files whose records are all stored elsewhere, that is up to and including number `stored`.
    /// The open file is closed for that when it is not small, or when it holds records up to `erase`, whose bytes
    /// must not stay on disk.
    pub(crate) fn trim(&mut self, stored: u64, erase: u64) -> Result<(), WalError> {
        remove_stored(self.folder.as_ref(), &mut self.sealed, stored)?;
        let has_records = self.active.first_lsn < self.next_lsn;
        let is_needless = self.next_lsn <= stored + 1 && self.active.bytes >= IDLE_FILE_BYTES;
        if has_records && (is_needless || self.active.first_lsn <= erase) {
            self.rotate()?;
        }
        remove_stored(self.folder.as_ref(), &mut self.sealed, stored)
    }

    /// Whether it takes nothing before another file is begun.
    pub(crate) const fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Bytes in all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.active.bytes + self.sealed.iter().map(|file| file.bytes).sum::<u64>()
    }
}

fn remove_stored(folder: &dyn LogFolder, sealed: &mut VecDeque<Sealed>, stored: u64) -> Result<(), WalError> {
    while let Some(file) = sealed.front().filter(|file| file.next_lsn <= stored + 1) {
        let gone = folder.remove(&file.name);
        gone.map_err(|source| WalError::Io { doing: "remove", file: file.name.clone(), source })?;
        sealed.pop_front();
    }
    Ok(())
}

fn begin_file(folder: &dyn LogFolder, first_lsn: u64) -> Result<Active, WalError> {
    let name = file_name(first_lsn);
    let io = |source| WalError::Io { doing: "begin", file: file_name(first_lsn), source };
    let mut salt = [0; 4];
    getrandom::fill(&mut salt).map_err(|error| io(io::Error::other(error.to_string())))?;
    let salt = u32::from_le_bytes(salt);
    let mut file = match folder.create(&name) {
        // Left by an attempt to begin it that failed half-way; nothing in it was promised.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            folder.remove(&name).map_err(io)?;
            folder.create(&name).map_err(io)?
        }
        other => other.map_err(io)?,
    };
    let header = FileHeader { version: VERSION, salt, first_lsn }.encode();
    // Synced before any record follows: a torn write can then damage a header only while nothing was promised in the file.
    file.append(&mut [IoSlice::new(&header)]).and_then(|()| file.sync()).map_err(io)?;
    Ok(Active { file, name, first_lsn, salt, bytes: FILE_HEADER_BYTES as u64 })
}

/// Removes a file; whether none is there now.
fn is_gone(folder: &dyn LogFolder, name: &str) -> bool {
    folder.remove(name).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}

#[cfg(test)]
pub(crate) mod tests;
