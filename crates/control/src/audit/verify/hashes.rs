//! The tiles of hashes, from the signed root down: a tile is right when its root stands in the tile above it, and the
//! tiles of the right edge when together they make the signed root.
//!
//! Where a tile is wrong, what lies below it tells which of its hashes it is, and the check goes on with the right one.

use mizzen_governance::merkle::range::CompactRange;
use mizzen_governance::merkle::tile::{self, Content, Tile, WIDTH};
use mizzen_governance::merkle::{HASH_BYTES, Hash};

use super::{Checkpoint, Fault, Verifier};
use crate::audit::AuditError;

/// A tile with its hashes, where they could be read.
type EdgeTile = (Tile, Option<Vec<Hash>>);

impl Verifier<'_> {
    pub(super) fn check_hashes(&mut self, checkpoint: &Checkpoint) -> Result<(), AuditError> {
        let size = checkpoint.size;
        let levels = (0..tile::LEVELS_MAX).filter(|level| Content::Hashes { level: *level }.items(size) > 0);
        let mut edge: Vec<EdgeTile> = Vec::new();
        for level in levels {
            let content = Content::Hashes { level };
            if let Some(tile) = content.tile(tile::full_count(content, size), size) {
                edge.push((tile, self.read_hashes(tile)?));
            }
        }
        let is_signed = |edge: &[EdgeTile]| edge_root(size, edge) == Some(checkpoint.root);
        let mut is_right = is_signed(&edge);
        if !is_right {
            let repaired = self.repaired(&edge, size)?;
            if is_signed(&repaired) {
                edge.iter()
                    .zip(&repaired)
                    .for_each(|((tile, had), (_, right))| self.blame(*tile, had.as_deref(), right.as_deref()));
                (edge, is_right) = (repaired, true);
            } else if edge.iter().all(|(_, hashes)| hashes.is_some()) {
                let file = edge.first().map(|(tile, _)| tile.to_string()).unwrap_or_default();
                self.fault(Fault::Root { file });
            }
        }
        for (tile, hashes) in edge {
            self.check_below(tile, hashes, is_right, size)?;
        }
        Ok(())
    }

    /// Checks what is below a tile; `hashes` are those of the tile, right ones when `is_right`.
    fn check_below(
        &mut self,
        at: Tile,
        hashes: Option<Vec<Hash>>,
        is_right: bool,
        size: u64,
    ) -> Result<(), AuditError> {
        let level = at.content.level();
        let Some(hashes) = hashes else { return Ok(()) };
        if level == 0 {
            return self.check_bundle(at, &hashes, is_right, size);
        }
        let content = Content::Hashes { level: level - 1 };
        for (index, expected) in (at.index * WIDTH..).zip(hashes) {
            let Some(below) = content.tile(index, size) else { continue };
            let read = self.read_hashes(below)?;
            let is_same = read.as_ref().is_some_and(|hashes| tile::root_of(hashes) == expected);
            if is_same || !is_right {
                self.check_below(below, read, is_same && is_right, size)?;
                continue;
            }
            let (repaired, is_repaired) = match self.hashes_below(below, read.as_deref(), size)? {
                Some(hashes) if tile::root_of(&hashes) == expected => (Some(hashes), true),
                _ => (read.clone(), false),
            };
            if is_repaired {
                self.blame(below, read.as_deref(), repaired.as_deref());
            } else if read.is_some() {
                let place = usize::try_from(index % WIDTH).unwrap_or_default() * HASH_BYTES;
                let bytes = place..place + HASH_BYTES;
                self.fault(Fault::Hash { file: at.to_string(), bytes, below: below.to_string() });
            }
            self.check_below(below, repaired, is_repaired, size)?;
        }
        Ok(())
    }

    /// Names the hashes of `tile` that are not the right ones.
    fn blame(&mut self, at: Tile, had: Option<&[Hash]>, right: Option<&[Hash]>) {
        let (Some(had), Some(right)) = (had, right) else { return };
        let below = |place: usize| {
            let index = at.index * WIDTH + place as u64;
            match at.content.level() {
                0 => format!("entry {index}"),
                level => Tile { content: Content::Hashes { level: level - 1 }, index, width: WIDTH }.to_string(),
            }
        };
        for (place, (had, right)) in had.iter().zip(right).enumerate() {
            if had != right {
                let bytes = place * HASH_BYTES..(place + 1) * HASH_BYTES;
                self.fault(Fault::Hash { file: at.to_string(), bytes, below: below(place) });
            }
        }
    }

    fn repaired(&self, edge: &[EdgeTile], size: u64) -> Result<Vec<EdgeTile>, AuditError> {
        let repair = |(tile, hashes): &EdgeTile| Ok((*tile, self.hashes_below(*tile, hashes.as_deref(), size)?));
        edge.iter().map(repair).collect()
    }

    /// The hashes of a tile as what is below it says; where nothing is there, as the tile itself says.
    fn hashes_below(&self, at: Tile, had: Option<&[Hash]>, size: u64) -> Result<Option<Vec<Hash>>, AuditError> {
        let width = usize::try_from(at.width).unwrap_or_default();
        let below: Vec<Option<Hash>> = match at.content.level() {
            0 => self.leaves(at)?,
            level => {
                let tiles = (0..at.width)
                    .map(|place| Content::Hashes { level: level - 1 }.tile(at.index * WIDTH + place, size));
                let root = |tile: Option<Tile>| match tile {
                    Some(tile) => Ok(self.peek_hashes(tile)?.map(|hashes| tile::root_of(&hashes))),
                    None => Ok(None),
                };
                tiles.map(root).collect::<Result<_, AuditError>>()?
            }
        };
        let own = |place: usize| had.and_then(|had| had.get(place)).copied();
        Ok((0..width).map(|place| below.get(place).copied().flatten().or_else(|| own(place))).collect())
    }

    /// The hashes of a tile that must be there; what is not as long as it must be is a fault, and none.
    fn read_hashes(&mut self, tile: Tile) -> Result<Option<Vec<Hash>>, AuditError> {
        let Some((file, bytes)) = self.read_tile(tile)? else {
            self.fault(Fault::Missing { file: tile.to_string() });
            return Ok(None);
        };
        let needed = needed_bytes(tile, &file);
        if bytes.len() != needed {
            let file = file.display().to_string();
            self.fault(Fault::Length { file, bytes: bytes.len(), needed });
            return Ok(None);
        }
        Ok(cut(tile, &bytes))
    }

    pub(super) fn peek_hashes(&self, tile: Tile) -> Result<Option<Vec<Hash>>, AuditError> {
        let found = self.read_tile(tile)?.filter(|(file, bytes)| bytes.len() == needed_bytes(tile, file));
        Ok(found.and_then(|(_, bytes)| cut(tile, &bytes)))
    }
}

fn cut(tile: Tile, bytes: &[u8]) -> Option<Vec<Hash>> {
    let mut hashes = tile::hashes(bytes)?;
    hashes.truncate(usize::try_from(tile.width).unwrap_or_default());
    Some(hashes)
}

/// A partial tile may have been found as the full one that took its place.
fn needed_bytes(tile: Tile, file: &std::path::Path) -> usize {
    let is_itself = file.to_str() == Some(tile.to_string().as_str());
    let width = if is_itself { tile.width } else { WIDTH };
    usize::try_from(width).unwrap_or_default() * HASH_BYTES
}

/// The root that the tiles of the right edge make; `None` when one of them is not there.
fn edge_root(size: u64, edge: &[EdgeTile]) -> Option<Hash> {
    let mut peaks = Vec::new();
    for (_, hashes) in edge.iter().rev() {
        // Each tile adds the peaks of its own items, largest first.
        let mut rest: &[Hash] = hashes.as_ref()?;
        while !rest.is_empty() {
            let (peak, after) = rest.split_at(1 << rest.len().ilog2());
            peaks.push(tile::root_of(peak));
            rest = after;
        }
    }
    CompactRange::resume(size, peaks).map(|range| range.root())
}
