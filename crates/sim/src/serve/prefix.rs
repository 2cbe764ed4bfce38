//! Which prompt prefixes the engine still has: hashes of chained 16-token blocks, as vLLM's automatic prefix caching.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

pub(super) const BLOCK_TOKENS: usize = 16;
/// A prompt token is four bytes of the rendered prompt: close to what English costs, and the same on every machine.
pub(super) const TOKEN_BYTES: usize = 4;
const BLOCK_BYTES: usize = BLOCK_TOKENS * TOKEN_BYTES;

/// Two generations in place of an exact least-recently-used list: a hit moves to the young generation, a full young
/// generation becomes the old one, and what was old is forgotten. Constant time, at most `blocks_max` entries.
#[derive(Debug)]
pub(super) struct PrefixCache {
    young: HashSet<u64, BuildHasherDefault<Identity>>,
    old: HashSet<u64, BuildHasherDefault<Identity>>,
    generation_max: usize,
}

impl PrefixCache {
    pub(super) fn new(blocks_max: usize) -> Self {
        Self { young: HashSet::default(), old: HashSet::default(), generation_max: (blocks_max / 2).max(1) }
    }

    /// Tokens of `prompt` that were cached (whole blocks from the start), after which all of its blocks are. The last
    /// block is always computed: an engine needs at least one token to start from.
    pub(super) fn admit(&mut self, prompt: &[u8]) -> usize {
        let mut chain = 0;
        let mut blocks_shared = 0;
        let mut sharing = true;
        for block in prompt.chunks_exact(BLOCK_BYTES) {
            chain = fold(chain, block);
            sharing &= self.touch(chain);
            blocks_shared += usize::from(sharing);
        }
        if blocks_shared * BLOCK_BYTES == prompt.len() {
            blocks_shared = blocks_shared.saturating_sub(1);
        }
        blocks_shared * BLOCK_TOKENS
    }

    /// Whether `block` was there; it is afterwards.
    fn touch(&mut self, block: u64) -> bool {
        if self.young.contains(&block) {
            return true;
        }
        let known = self.old.contains(&block);
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(block);
        known
    }
}

pub(super) const fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(TOKEN_BYTES)
}

pub(super) const fn blocks(tokens: usize) -> usize {
    tokens.div_ceil(BLOCK_TOKENS)
}

/// Eight bytes at a time, FNV-1a's multiplication with a final shift; collisions only make the cache look warmer.
pub(super) fn fold(seed: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^ (hash >> 32)
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        // Hash tables look at the top bits; spread the low ones there.
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = fold(self.0, bytes);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::PrefixCache;

    #[test]
    fn a_repeated_prefix_is_shared_in_whole_blocks() {
        let mut cache = PrefixCache::new(1024);
        let prompt: Vec<u8> = (0..200u8).collect();
        assert_eq!(cache.admit(&prompt), 0);
        assert_eq!(cache.admit(&prompt), 48, "three whole blocks of 64 bytes");
        let mut changed = prompt.clone();
        changed[70] = 255;
        assert_eq!(cache.admit(&changed), 16, "only the first block is before the change");
    }

    #[test]
    fn a_fully_cached_prompt_still_computes_its_last_block() {
        let mut cache = PrefixCache::new(1024);
        let prompt = [7u8; 128];
        cache.admit(&prompt);
        assert_eq!(cache.admit(&prompt), 16);
    }

    #[test]
    fn what_was_not_used_for_two_generations_is_forgotten() {
        let mut cache = PrefixCache::new(4);
        let first = [1u8; 65];
        cache.admit(&first);
        for filler in 2..8 {
            cache.admit(&[filler; 65]);
        }
        assert_eq!(cache.admit(&first), 0);
    }
}
