//! What can be wrong with a copy of a log.

use std::ops::Range;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("`{file}` is missing")]
    Missing { file: String },
    #[error("`{file}` is no file of a log of this size: it was added, or the checkpoint was rolled back")]
    Stray { file: String },
    #[error("`format` does not name a format that is known here")]
    Format,
    #[error("`{file}` is not a signed checkpoint of this log: {message}")]
    Checkpoint { file: String, message: String },
    #[error("`{file}` has a signature of `{name}`, whom nobody vouches for")]
    UnknownSignature { file: String, name: String },
    #[error("`{file}` has {bytes} bytes where {needed} are needed: it was cut, or something was added")]
    Length { file: String, bytes: usize, needed: usize },
    #[error("`{file}`, bytes {} to {}: the hash is not the root of `{below}`", bytes.start, bytes.end - 1)]
    Hash { file: String, bytes: Range<usize>, below: String },
    #[error("the tiles do not lead to the signed root: `{file}` holds a hash that nothing in this copy proves")]
    Root { file: String },
    #[error("`{file}`, bytes {} to {}: entry {index} is not the one that was logged", bytes.start, bytes.end - 1)]
    Entry { file: String, bytes: Range<usize>, index: u64 },
    #[error("`{file}`, bytes {} to {}: entry {index} stands where entry {expected} belongs", bytes.start, bytes.end - 1)]
    Reordered { file: String, bytes: Range<usize>, index: u64, expected: u64 },
    #[error("`{file}`, from byte {byte} on: the lengths of its entries do not add up, from entry {index} on")]
    Bundle { file: String, byte: usize, index: u64 },
    #[error("the log was rolled back: {by} signed {seen} entries, and this copy has {size}")]
    RolledBack { by: String, seen: u64, size: u64 },
    #[error("the log was rewritten: {by} signed a tree of {seen} entries that is not how this one begins")]
    Rewritten { by: String, seen: u64 },
}

impl Fault {
    /// Stable, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Stray { .. } => "stray",
            Self::Format => "format",
            Self::Checkpoint { .. } => "checkpoint",
            Self::UnknownSignature { .. } => "unknown_signature",
            Self::Length { .. } => "length",
            Self::Hash { .. } => "hash",
            Self::Root { .. } => "root",
            Self::Entry { .. } => "entry",
            Self::Reordered { .. } => "reordered",
            Self::Bundle { .. } => "bundle",
            Self::RolledBack { .. } => "rolled_back",
            Self::Rewritten { .. } => "rewritten",
        }
    }

    /// The file it is in, where it is in one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Missing { file }
            | Self::Stray { file }
            | Self::Checkpoint { file, .. }
            | Self::UnknownSignature { file, .. }
            | Self::Length { file, .. }
            | Self::Hash { file, .. }
            | Self::Root { file }
            | Self::Entry { file, .. }
            | Self::Reordered { file, .. }
            | Self::Bundle { file, .. } => Some(file),
            Self::Format => Some("format"),
            Self::RolledBack { .. } | Self::Rewritten { .. } => None,
        }
    }

    /// The bytes of the file that are wrong, where it can be told.
    #[must_use]
    pub fn bytes(&self) -> Option<Range<usize>> {
        match self {
            Self::Hash { bytes, .. } | Self::Entry { bytes, .. } | Self::Reordered { bytes, .. } => Some(bytes.clone()),
            _ => None,
        }
    }

    /// The entry that is wrong, where it can be told.
    #[must_use]
    pub const fn entry(&self) -> Option<u64> {
        match self {
            Self::Entry { index, .. } | Self::Reordered { index, .. } | Self::Bundle { index, .. } => Some(*index),
            _ => None,
        }
    }
}
