//! The root of a tree that grows, from the roots of its largest full sub-trees alone.

use super::Hash;

/// The roots of the full sub-trees that make up `0..size`, largest first: one for each bit of the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// Of the tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of a tree that is already there; `peaks` are [`Self::peaks`] of it. `None` when they are not as many as the
    /// size has bits.
    #[must_use]
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends the hash of one entry.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            // The size has that many low bits set, and a peak for each of them.
            let Some(left) = self.peaks.pop() else { break };
            hash = Hash::node(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Hash::empty() };
        peaks.fold(*last, |right, left| Hash::node(left, &right))
    }
}
