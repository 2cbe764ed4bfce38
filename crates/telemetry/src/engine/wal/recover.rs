//! Reading a log back after a stop of any kind.

use super::frame::{FILE_HEADER_BYTES, FileHeader, Frame, VERSION, find_frames};
use super::storage::{LOG_FILE_ENDING, LogFolder};
use super::{Record, Sealed, WalError};

/// Walks the files of a log in order, one file in memory at a time.
pub(crate) struct Recovery {
    folder: Box<dyn LogFolder>,
    /// In order of their first number, the last one reversed to the front for `pop`.
    names: Vec<String>,
    pub(super) sealed: Vec<Sealed>,
    /// The number that the next record must have; `None` before the first file.
    expected: Option<u64>,
    /// Bytes cut off the end because a write was torn.
    pub(crate) torn_bytes: u64,
}

impl Recovery {
    pub(super) fn start(folder: Box<dyn LogFolder>) -> Result<Self, WalError> {
        let mut names = folder.list().map_err(|source| WalError::Io { doing: "list", file: String::new(), source })?;
        // Names are fixed-width hexadecimal, so that their order is the order of their numbers.
        names.sort_unstable_by(|a, b| b.cmp(a));
        let mut recovery = Self { folder, names, sealed: Vec::new(), expected: None, torn_bytes: 0 };
        recovery.remove_begun()?;
        Ok(recovery)
    }

    /// A file is begun with its header and a sync, so what a crash leaves of that at the end holds no record, and tells
    /// nothing of the file before it.
    fn remove_begun(&mut self) -> Result<(), WalError> {
        let Some(name) = self.names.first() else { return Ok(()) };
        let io = |doing| move |source| WalError::Io { doing, file: name.clone(), source };
        let bytes = self.folder.bytes(name).map_err(io("look at"))?;
        if bytes <= FILE_HEADER_BYTES as u64 {
            self.folder.remove(name).map_err(io("remove"))?;
            self.torn_bytes += bytes;
            self.names.remove(0);
        }
        Ok(())
    }

    /// The records of the next file, or `None` after the last. Cuts a torn tail off the last file.
    pub(crate) fn next_file(&mut self) -> Result<Option<Vec<Record>>, WalError> {
        let Some(name) = self.names.pop() else { return Ok(None) };
        let file =
            self.folder.read(&name).map_err(|source| WalError::Io { doing: "read", file: name.clone(), source })?;
        let is_last = self.names.is_empty();
        let Some(header) = FileHeader::decode(&file) else {
            return Err(WalError::Corrupt { file: name, offset: 0, reason: "its header is damaged" });
        };
        if header.version > VERSION {
            return Err(WalError::Newer { file: name, version: header.version, newest: VERSION });
        }
        if self.expected.is_some_and(|expected| expected != header.first_lsn) {
            return Err(WalError::Corrupt { file: name, offset: 0, reason: "a file before it is missing" });
        }
        // The file that comes next was begun for the number that came next.
        let until = self.names.last().and_then(|next| first_lsn_of(next));
        let (records, end) = read_frames(&name, &file, header, until, is_last)?;
        if is_last {
            self.settle(&name, end, file.len())?;
        }
        let next_lsn = header.first_lsn + records.len() as u64;
        self.expected = Some(next_lsn);
        self.sealed.push(Sealed { name, first_lsn: header.first_lsn, next_lsn, bytes: end as u64 });
        Ok(Some(records))
    }

    /// Cuts the torn tail, and syncs what was read: numbers given from here on build upon it.
    fn settle(&mut self, name: &str, bytes_kept: usize, bytes: usize) -> Result<(), WalError> {
        let io = |source| WalError::Io { doing: "truncate", file: name.to_owned(), source };
        let mut file = self.folder.open(name).map_err(io)?;
        if bytes_kept < bytes {
            file.truncate(bytes_kept as u64).map_err(io)?;
            self.torn_bytes += (bytes - bytes_kept) as u64;
            tracing::warn!(file = name, bytes = bytes - bytes_kept, "cut a torn write off the end of the log");
        }
        file.sync().map_err(io)
    }

    /// The folder and the files, after [`Self::next_file`] returned `None`.
    pub(super) fn finish(self) -> (Box<dyn LogFolder>, Vec<Sealed>) {
        (self.folder, self.sealed)
    }
}

/// All records of one file below the number `until`, and where they end. What is behind them was never promised: a file
/// that could not be synced is given up, and its next number begins another.
fn read_frames(
    name: &str,
    file: &[u8],
    header: FileHeader,
    until: Option<u64>,
    is_last: bool,
) -> Result<(Vec<Record>, usize), WalError> {
    let mut records = Vec::new();
    let mut at = FILE_HEADER_BYTES;
    while at < file.len() {
        let expected = header.first_lsn + records.len() as u64;
        if until == Some(expected) {
            break;
        }
        match Frame::decode(header.salt, &file[at..]) {
            Some(frame) if frame.lsn == expected => {
                at += frame.len();
                records.push(Record { lsn: frame.lsn, signal: frame.signal, body: frame.body.to_vec() });
            }
            _ if is_last && !promised_later(header.salt, file, at, expected) => break,
            _ => {
                let reason = "a record is damaged that was acknowledged";
                return Err(WalError::Corrupt { file: name.to_owned(), offset: at as u64, reason });
            }
        }
    }
    Ok((records, at))
}

/// Whether a later frame says that record `lsn` was durable when it was written.
fn promised_later(salt: u32, file: &[u8], at: usize, lsn: u64) -> bool {
    find_frames(salt, file, at + 1).any(|frame| frame.lsn > lsn && frame.durable >= lsn)
}

fn first_lsn_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(LOG_FILE_ENDING)?, 16).ok()
}

/// The name of the file that begins with `first_lsn`.
pub(super) fn file_name(first_lsn: u64) -> String {
    format!("{first_lsn:016x}{LOG_FILE_ENDING}")
}
