//! Bytes of a log file.
//!
//! ```text
//! file   = magic[8] version:u32 salt:u32 first_lsn:u64 frame*
//! frame  = magic:u32 body_len:u32 crc32:u32 lsn:u64 durable:u64 signal:u8 body[body_len]
//! ```
//!
//! All numbers are little-endian. The checksum covers the file's salt and everything behind itself; the salt keeps
//! bytes that somebody sends us, or that an old file left on disk, from passing for a frame. `durable` is the last
//! number known to be synced when the frame was written: it tells a torn tail (nobody was promised those bytes)
//! from damage to records that were acknowledged.

/// Version of the format that this release writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;
const FILE_MAGIC: &[u8; 8] = b"MIZZENWL";
pub(super) const FILE_HEADER_BYTES: usize = 24;
const FRAME_MAGIC: [u8; 4] = *b"\xc5MZ\x1f";
const FRAME_HEADER_BYTES: usize = 29;
/// Largest body of one record.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) version: u32,
    pub(super) salt: u32,
    pub(super) first_lsn: u64,
}

impl FileHeader {
    pub(super) fn encode(self) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[..8].copy_from_slice(FILE_MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..].copy_from_slice(&self.first_lsn.to_le_bytes());
        bytes
    }

    /// `None` when `file` does not begin with a header.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        let bytes = file.get(..FILE_HEADER_BYTES)?;
        (bytes[..8] == *FILE_MAGIC).then_some(())?;
        Some(Self { version: u32_at(bytes, 8)?, salt: u32_at(bytes, 12)?, first_lsn: u64_at(bytes, 16)? })
    }
}

/// The body of a record to be written, in two parts, so that nobody has to join them.
pub(crate) type Body<'a> = [&'a [u8]; 2];

/// What stands before a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameHead {
    pub(super) lsn: u64,
    pub(super) durable: u64,
    pub(super) signal: u8,
}

impl FrameHead {
    pub(super) fn encode(self, salt: u32, body: Body<'_>) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(&FRAME_MAGIC);
        let body_len = u32::try_from(body_len(body)).unwrap_or(u32::MAX);
        bytes[4..8].copy_from_slice(&body_len.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.lsn.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.durable.to_le_bytes());
        bytes[28] = self.signal;
        let crc = checksum(salt, [&bytes[12..], body[0], body[1]]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

pub(super) fn body_len(body: Body<'_>) -> usize {
    body.iter().map(|part| part.len()).sum()
}

/// A frame read back; `body` lies in the file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) lsn: u64,
    pub(super) durable: u64,
    pub(super) signal: u8,
    pub(super) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the start of `bytes`, or `None` when it is not all there and whole.
    pub(super) fn decode(salt: u32, bytes: &'a [u8]) -> Option<Self> {
        (bytes.get(..4)? == FRAME_MAGIC).then_some(())?;
        let body_len = usize::try_from(u32_at(bytes, 4)?).ok()?;
        let end = FRAME_HEADER_BYTES.checked_add(body_len)?;
        let covered = bytes.get(12..end)?;
        (checksum(salt, [covered]) == u32_at(bytes, 8)?).then_some(())?;
        let body = bytes.get(FRAME_HEADER_BYTES..end)?;
        Some(Self { lsn: u64_at(bytes, 12)?, durable: u64_at(bytes, 20)?, signal: *bytes.get(28)?, body })
    }

    pub(super) fn len(&self) -> usize {
        FRAME_HEADER_BYTES + self.body.len()
    }
}

/// Every whole frame at or behind `from`, wherever it begins: what recovery looks at behind a damaged one.
pub(super) fn find_frames(salt: u32, file: &[u8], from: usize) -> impl Iterator<Item = Frame<'_>> {
    let tail = file.get(from..).unwrap_or_default();
    memchr::memmem::find_iter(tail, &FRAME_MAGIC).filter_map(move |at| Frame::decode(salt, &tail[at..]))
}

fn checksum<const PARTS: usize>(salt: u32, parts: [&[u8]; PARTS]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
