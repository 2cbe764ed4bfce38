//! The files that the tree does not need: earlier partial tiles must be how the later ones begin; what is nobody's is
//! named.

use std::fs;
use std::ops::Range;
use std::path::Path;

use mizzen_governance::merkle::tile::{self, Content, Tile, WIDTH};
use mizzen_governance::merkle::{HASH_BYTES, Hash};

use super::{CHECKPOINT, FORMAT_FILE, Fault, Verifier, WITNESSED, entries};
use crate::audit::AuditError;

impl Verifier<'_> {
    pub(super) fn check_strays(&mut self, size: u64) -> Result<(), AuditError> {
        let mut files = Vec::new();
        walk(self.folder, self.folder, &mut files)?;
        files.sort_unstable();
        for file in files {
            if [CHECKPOINT, FORMAT_FILE, WITNESSED].contains(&file.as_str()) {
                continue;
            }
            let Ok(tile) = file.parse::<Tile>() else {
                self.fault(Fault::Stray { file });
                continue;
            };
            match tile.content.tile(tile.index, size) {
                Some(needed) if needed == tile => {}
                Some(needed) if tile.width < needed.width => self.check_earlier(tile, needed)?,
                // More than the checkpoint covers: it is newer, or the checkpoint older, than it was.
                Some(_) | None => self.report.unsigned.push(file),
            }
        }
        Ok(())
    }

    /// An earlier partial tile must be how the later one begins; entries are compared with their hashes.
    fn check_earlier(&mut self, tile: Tile, needed: Tile) -> Result<(), AuditError> {
        let Some(bytes) = self.read(&tile.to_string())? else { return Ok(()) };
        let file = tile.to_string();
        let is_pruned = tile.content == Content::Entries && (tile.index + 1) * WIDTH <= self.report.pruned_below;
        if is_pruned && self.read_tile(needed)?.is_none() {
            self.fault(Fault::Stray { file });
            return Ok(());
        }
        let hashes = Tile { content: Content::Hashes { level: tile.content.level() }, ..needed };
        // What became of the later one is told already.
        let is_doubtful = |fault: &Fault| fault.file() == Some(&hashes.to_string());
        let right = self.peek_hashes(hashes)?.filter(|_| !self.report.faults.iter().any(is_doubtful));
        let (Some(right), Ok(width)) = (right, usize::try_from(tile.width)) else { return Ok(()) };
        let right = right.get(..width).unwrap_or_default();
        let (had, places) = match tile.content {
            Content::Hashes { .. } => {
                let places = (0..bytes.len()).step_by(HASH_BYTES).map(|place| place..place + HASH_BYTES).collect();
                (tile::hashes(&bytes).unwrap_or_default(), places)
            }
            Content::Entries => {
                let places = entries::cut(&bytes);
                let is_whole = places.last().map_or(0, |entry| entry.end) == bytes.len();
                let leaf = |entry: &Range<usize>| Hash::leaf(bytes.get(entry.start + 2..entry.end).unwrap_or_default());
                (if is_whole { places.iter().map(leaf).collect() } else { Vec::new() }, places)
            }
        };
        if had.len() != right.len() {
            let index = tile.index * WIDTH;
            self.fault(match tile.content {
                Content::Entries => Fault::Bundle { file, byte: 0, index },
                Content::Hashes { .. } => Fault::Length { file, bytes: bytes.len(), needed: width * HASH_BYTES },
            });
            return Ok(());
        }
        for (place, (bytes, _)) in
            places.into_iter().zip(had.iter().zip(right)).enumerate().filter(|(_, (_, (had, right)))| had != right)
        {
            let (file, index) = (file.clone(), tile.index * WIDTH + place as u64);
            self.fault(match tile.content {
                Content::Entries => Fault::Entry { file, bytes, index },
                Content::Hashes { .. } => Fault::Hash { file, bytes, below: "the tile that took its place".to_owned() },
            });
        }
        Ok(())
    }
}

/// The names of all files, below `root`.
fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<(), AuditError> {
    let failed = |source| AuditError::io("list", folder, source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path);
            files.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
