//! Merkle trees of append-only logs: RFC 6962 hashing and proofs, and the tiles of C2SP tlog-tiles.
//!
//! * [`range`]: the root of a tree that only grows, in memory of its right edge
//! * [`proof`]: that an entry is in a tree, and that a tree only grew
//! * [`tile`]: how a tree is cut into files, and read back from them
//!
//! Sizes and indices are `u64`; a proof has at most 64 hashes a side.

pub mod proof;
pub mod range;
pub mod tile;

use std::fmt;

use sha2::{Digest as _, Sha256};

pub const HASH_BYTES: usize = 32;

/// A node of the tree, SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// `None` when `bytes` has another length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// The root of the tree without entries: the hash of nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(Sha256::digest(b"").into())
    }

    /// Of one entry. The byte before it keeps an entry from passing for an inner node (RFC 6962, section 2.1).
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// Of two sub-trees side by side.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        Self(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mizzen_model::id::hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The largest power of two below `size`, which must be at least 2: where RFC 6962 splits a tree.
const fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

#[cfg(test)]
mod tests;
