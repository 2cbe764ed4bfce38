//! The entries, against their hashes.

use std::collections::HashMap;
use std::ops::Range;

use mizzen_governance::merkle::Hash;
use mizzen_governance::merkle::tile::{Content, Tile, WIDTH};

use super::{Fault, Verifier};
use crate::audit::AuditError;
use crate::audit::entry::{AuditEntry, Kind};

/// In [`Kind::ContentPruned`]: entries below this index have no content any more.
pub(crate) const PRUNED_BELOW: &str = "below";

/// What is known only when all entries were seen.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Bundles whose file is not there.
    missing: Vec<Tile>,
    /// Entries that are not where they belong: file, bytes, place, hash.
    foreign: Vec<(String, Range<usize>, u64, Hash)>,
    /// What belongs in those places.
    wanted: HashMap<Hash, u64>,
}

impl Verifier<'_> {
    /// Checks the bundle beside a tile of leaf hashes.
    pub(super) fn check_bundle(
        &mut self,
        at: Tile,
        hashes: &[Hash],
        is_right: bool,
        _size: u64,
    ) -> Result<(), AuditError> {
        let bundle = Tile { content: Content::Entries, ..at };
        let Some((file, bytes)) = self.read_tile(bundle)? else {
            self.found.missing.push(bundle);
            return Ok(());
        };
        let file = file.display().to_string();
        let is_itself = file == bundle.to_string();
        let first = at.index * WIDTH;
        let entries = cut(&bytes);
        let end = entries.last().map_or(0, |entry| entry.end);
        let is_whole =
            end == bytes.len() && if is_itself { entries.len() == hashes.len() } else { entries.len() >= hashes.len() };
        let leaf = |entry: &Range<usize>| Hash::leaf(bytes.get(entry.start + 2..entry.end).unwrap_or_default());
        if !is_whole {
            let right = entries.iter().zip(hashes).take_while(|(entry, hash)| leaf(entry) == **hash).count();
            let byte = right.checked_sub(1).and_then(|last| entries.get(last)).map_or(0, |entry| entry.end);
            self.fault(Fault::Bundle { file, byte, index: first + right as u64 });
            return Ok(());
        }
        for ((index, entry), hash) in (first..).zip(&entries).zip(hashes) {
            let found = leaf(entry);
            if found == *hash {
                self.report.entries += u64::from(is_right);
                self.note_pruning(bytes.get(entry.start + 2..entry.end).unwrap_or_default());
                continue;
            }
            self.found.foreign.push((file.clone(), entry.clone(), index, found));
            self.found.wanted.insert(*hash, index);
        }
        Ok(())
    }

    /// Only what is logged itself may say that content is gone.
    fn note_pruning(&mut self, entry: &[u8]) {
        const NAME: &[u8] = b"content_pruned";
        if !entry.windows(NAME.len()).any(|bytes| bytes == NAME) {
            return;
        }
        let entry = AuditEntry::decode(entry).ok().filter(|entry| entry.kind == Kind::ContentPruned);
        let below = entry.and_then(|entry| entry.details.get(PRUNED_BELOW)?.parse().ok());
        self.report.pruned_below = self.report.pruned_below.max(below.unwrap_or(0));
    }

    /// Tells what is gone from what was pruned, and what was moved from what was changed.
    pub(super) fn settle_entries(&mut self) {
        let found = std::mem::take(&mut self.found);
        let is_pruned = |bundle: &Tile| bundle.is_full() && (bundle.index + 1) * WIDTH <= self.report.pruned_below;
        let missing: Vec<_> = found.missing.iter().filter(|bundle| !is_pruned(bundle)).collect();
        missing.into_iter().for_each(|bundle| self.fault(Fault::Missing { file: bundle.to_string() }));
        for (file, bytes, expected, hash) in found.foreign {
            self.fault(match found.wanted.get(&hash) {
                Some(index) => Fault::Reordered { file, bytes, index: *index, expected },
                None => Fault::Entry { file, bytes, index: expected },
            });
        }
    }

    /// The hashes of the entries of a bundle, as far as its lengths make sense.
    pub(super) fn leaves(&self, at: Tile) -> Result<Vec<Option<Hash>>, AuditError> {
        let Some((_, bytes)) = self.read_tile(Tile { content: Content::Entries, ..at })? else { return Ok(Vec::new()) };
        let leaf = |entry: Range<usize>| bytes.get(entry.start + 2..entry.end).map(Hash::leaf);
        Ok(cut(&bytes).into_iter().map(leaf).collect())
    }
}

/// Where the entries of a bundle are, their lengths included, as far as they can be told.
pub(super) fn cut(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut entries, mut at) = (Vec::new(), 0);
    while let Some(length) = bytes.get(at..at + 2).and_then(|length| <[u8; 2]>::try_from(length).ok()) {
        let end = at + 2 + usize::from(u16::from_be_bytes(length));
        if end > bytes.len() {
            break;
        }
        entries.push(at..end);
        at = end;
    }
    entries
}
