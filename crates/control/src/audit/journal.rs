//! What was acknowledged and is not yet part of the published tree: groups of entries, appended and synced.
//!
//! A group is on disk as a whole before the next one is begun. So a damaged group at the end was never acknowledged
//! and is cut off; one that is followed by a good group was, and the log is not opened without it.
//!
//! ```text
//! file   := "mizzen audit journal 1\n" group*        named after the index of its first entry
//! group  := "MZGROUP1" first:u64 bytes:u32 sha256(first, payload) payload
//! payload:= (length:u16 entry)*                      as in a bundle; integers are big-endian
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::AuditError;
use super::files;

const HEADER: &[u8] = b"mizzen audit journal 1\n";
const HEADER_STEM: &[u8] = b"mizzen audit journal ";
const MAGIC: &[u8; 8] = b"MZGROUP1";
const GROUP_HEAD_BYTES: usize = 8 + 8 + 4 + 32;
/// A file is closed when it is longer; it is removed when all its entries are published.
const SEGMENT_BYTES: u64 = 8 << 20;

#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// First index of each file, oldest first.
    segments: Vec<u64>,
    open: Option<(File, u64)>,
    /// Entries that are on disk, here or published.
    next: u64,
    #[cfg(test)]
    pub(super) fault: Option<Fault>,
}

/// What a test lets the disk do.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Write,
    /// Half of it arrives.
    TornWrite,
    Sync,
}

/// What the journal held when it was opened.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) entries: Vec<Vec<u8>>,
}

impl Journal {
    /// Reads what there is from entry `published` on, and cuts off what was never acknowledged.
    pub(super) fn open(folder: &Path, published: u64) -> Result<(Self, Recovered), AuditError> {
        let segments = list(folder)?;
        let mut recovered = Recovered { entries: Vec::new() };
        let mut next = published;
        for (place, first) in segments.iter().enumerate() {
            let path = folder.join(name(*first));
            let content = fs::read(&path).map_err(|source| AuditError::io("read", &path, source))?;
            // A later file begins where this one was given up.
            let end = segments.get(place + 1).copied();
            for (first, payload) in groups(&path, &content)? {
                take(&path, first, payload, end, &mut next, &mut recovered)?;
            }
        }
        let journal = Self {
            folder: folder.to_owned(),
            segments,
            open: None,
            next,
            #[cfg(test)]
            fault: None,
        };
        Ok((journal, recovered))
    }

    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Appends `payload`, a group of `count` entries, and syncs it: one write, one `fdatasync`. When it fails nothing
    /// of it counts, and the next group begins a new file.
    pub(super) fn append(&mut self, count: u64, payload: &[u8]) -> Result<(), AuditError> {
        let (mut file, bytes) = match self.open.take() {
            Some((file, bytes)) if bytes < SEGMENT_BYTES => (file, bytes),
            _ => (self.begin()?, HEADER.len() as u64),
        };
        let length = u32::try_from(payload.len()).map_err(|_| AuditError::Busy)?;
        let mut group = Vec::with_capacity(GROUP_HEAD_BYTES + payload.len());
        group.extend_from_slice(MAGIC);
        group.extend_from_slice(&self.next.to_be_bytes());
        group.extend_from_slice(&length.to_be_bytes());
        group.extend_from_slice(&checksum(self.next, payload));
        group.extend_from_slice(payload);
        let failed = |source| AuditError::io("append to", &self.folder, source);
        self.write(&mut file, &group).map_err(failed)?;
        self.next += count;
        self.open = Some((file, bytes + group.len() as u64));
        Ok(())
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "under test the journal knows of faults")]
    fn write(&self, file: &mut File, group: &[u8]) -> io::Result<()> {
        file.write_all(group)?;
        file.sync_data()
    }

    #[cfg(test)]
    fn write(&self, file: &mut File, group: &[u8]) -> io::Result<()> {
        match self.fault {
            Some(Fault::Write) => return Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::TornWrite) => {
                file.write_all(&group[..group.len() / 2])?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some(Fault::Sync) | None => file.write_all(group)?,
        }
        if self.fault == Some(Fault::Sync) { Err(io::Error::other("the disk gave up")) } else { file.sync_data() }
    }

    fn begin(&mut self) -> Result<File, AuditError> {
        let path = self.folder.join(name(self.next));
        let failed = |source| AuditError::io("write", &path, source);
        // One of this name can only hold what was given up.
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let mut file = options.map_err(failed)?;
        file.write_all(HEADER).and_then(|()| file.sync_data()).map_err(failed)?;
        files::sync_folder(&self.folder)?;
        if self.segments.last() != Some(&self.next) {
            self.segments.push(self.next);
        }
        Ok(file)
    }

    /// Removes the files whose entries are all below `published`.
    pub(super) fn trim(&mut self, published: u64) -> Result<(), AuditError> {
        while let [first, second, ..] = self.segments[..] {
            if second > published {
                break;
            }
            let path = self.folder.join(name(first));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(AuditError::io("remove", &path, error));
                }
                _ => self.segments.remove(0),
            };
        }
        Ok(())
    }
}

/// Adds what is new of one group.
fn take(
    path: &Path,
    first: u64,
    payload: &[u8],
    end: Option<u64>,
    next: &mut u64,
    recovered: &mut Recovered,
) -> Result<(), AuditError> {
    let damaged = || AuditError::Journal { file: path.to_owned() };
    let entries = files::split_bundle(payload).ok_or_else(damaged)?;
    for (index, entry) in (first..).zip(entries) {
        if index < *next || end.is_some_and(|end| index >= end) {
            continue;
        }
        if index > *next {
            return Err(damaged());
        }
        recovered.entries.push(entry.to_vec());
        *next += 1;
    }
    Ok(())
}

/// The whole groups of one file.
fn groups<'a>(path: &Path, content: &'a [u8]) -> Result<Vec<(u64, &'a [u8])>, AuditError> {
    let Some(mut rest) = content.strip_prefix(HEADER) else {
        if HEADER.starts_with(content) {
            // It was begun when the machine stopped.
            return Ok(Vec::new());
        }
        let file = path.to_owned();
        return Err(if content.starts_with(HEADER_STEM) {
            AuditError::Newer { file }
        } else {
            AuditError::Journal { file }
        });
    };
    let mut groups = Vec::new();
    while !rest.is_empty() {
        let Some((first, payload, after)) = group(rest) else {
            let later = rest.windows(MAGIC.len()).enumerate().skip(1).filter(|(_, bytes)| bytes == MAGIC);
            if later.into_iter().any(|(place, _)| rest.get(place..).and_then(group).is_some()) {
                return Err(AuditError::Journal { file: path.to_owned() });
            }
            break;
        };
        groups.push((first, payload));
        rest = after;
    }
    Ok(groups)
}

fn group(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<32>()?;
    let first = u64::from_be_bytes(*first);
    let (payload, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (checksum(first, payload) == *sum).then_some((first, payload, rest))
}

fn checksum(first: u64, payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(first.to_be_bytes()).chain_update(payload).finalize().into()
}

fn name(first: u64) -> String {
    format!("{first:020}.journal")
}

fn list(folder: &Path) -> Result<Vec<u64>, AuditError> {
    let failed = |source| AuditError::io("list", folder, source);
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        segments.extend(file.to_str().and_then(|file| file.strip_suffix(".journal")?.parse::<u64>().ok()));
    }
    segments.sort_unstable();
    Ok(segments)
}

#[cfg(test)]
mod tests;
