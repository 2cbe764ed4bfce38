//! Whether a run may have been seen before: a Bloom filter over run ids.

use std::hash::{BuildHasher, RandomState};

/// 4 MB: one in 6,000 new runs is taken for a known one at a million runs, one in 25 at five million. Such a run
/// costs one look into storage, nothing else.
const BITS: usize = 1 << 25;
const PROBES: u64 = 4;

pub(super) struct Seen {
    words: Vec<u64>,
    hasher: RandomState,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { words: vec![0; BITS / 64], hasher: RandomState::new() }
    }

    pub(super) fn insert(&mut self, run_id: &str) {
        for bit in self.bits(run_id) {
            self.words[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Never false for a run that was inserted.
    pub(super) fn may_contain(&self, run_id: &str) -> bool {
        self.bits(run_id).all(|bit| self.words[bit / 64] & 1 << (bit % 64) != 0)
    }

    /// Double hashing (Kirsch and Mitzenmacher 2006).
    fn bits(&self, run_id: &str) -> impl Iterator<Item = usize> + use<> {
        let hash = self.hasher.hash_one(run_id);
        let (first, step) = (hash & 0xffff_ffff, hash >> 32 | 1);
        (0..PROBES).map(move |probe| (first.wrapping_add(probe.wrapping_mul(step)) % BITS as u64) as usize)
    }
}
