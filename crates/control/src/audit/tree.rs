//! The published part of the log: entries become tiles, tiles become a signed checkpoint. One writer.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use mizzen_governance::merkle::Hash;
use mizzen_governance::merkle::range::CompactRange;
use mizzen_governance::merkle::tile::{self, Content, Tile, WIDTH};

use super::AuditError;
use super::files::{self, CHECKPOINT, Files};
use super::note::{Checkpoint, Note};
use super::secret::AuditKey;

/// The newest signed checkpoint, kept outside the log's folder: what was signed once is never forgotten, whatever
/// becomes of the folder.
const HEAD: &str = "head";

#[derive(Debug)]
pub(super) struct Tree {
    folder: PathBuf,
    state: PathBuf,
    files: Files,
    range: CompactRange,
    /// The partial tiles at the right edge: entries, then hashes by level.
    bundle: Vec<u8>,
    levels: Vec<Vec<Hash>>,
    /// Full tiles that are not on disk yet.
    unwritten: VecDeque<(Tile, Vec<u8>)>,
    /// Tiles that filled up since the last checkpoint; their partial ones go after the next.
    filled: Vec<Tile>,
    published: Published,
}

/// A checkpoint that anybody may have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
}

impl Tree {
    /// Reads the tree as of its newest checkpoint; `None` when nothing was ever published.
    pub(super) fn open(folder: &Path, state: &Path, key: &AuditKey) -> Result<Self, AuditError> {
        let head = read_note(&state.join(HEAD), key)?;
        let shown = read_note(&folder.join(CHECKPOINT), key)?;
        let size_of =
            |published: &Option<Published>| published.as_ref().map_or(0, |published| published.checkpoint.size);
        let is_behind = size_of(&shown) < size_of(&head);
        let newest = if is_behind { head.clone() } else { shown.or(head.clone()) };
        let mut tree = Self {
            folder: folder.to_owned(),
            state: state.to_owned(),
            files: Files::new(folder, state),
            range: CompactRange::new(),
            bundle: Vec::new(),
            levels: Vec::new(),
            unwritten: VecDeque::new(),
            filled: Vec::new(),
            published: Published {
                checkpoint: Checkpoint { origin: key.origin().to_owned(), size: 0, root: Hash::empty() },
                note: String::new(),
            },
        };
        let Some(newest) = newest else { return Ok(tree) };
        let rolled_back = |_| AuditError::RolledBack { folder: folder.to_owned(), signed: newest.checkpoint.size };
        tree.load_edge(&newest.checkpoint).map_err(rolled_back)?;
        if let Some(head) = head.filter(|head| head.checkpoint.size == newest.checkpoint.size)
            && head.checkpoint.root != newest.checkpoint.root
        {
            return Err(rolled_back(AuditError::Busy));
        }
        if is_behind {
            // The machine stopped between signing and showing.
            tree.files.write(CHECKPOINT, newest.note.as_bytes())?;
            tree.files.sync_names()?;
        }
        tree.published = newest;
        Ok(tree)
    }

    /// Reads the right edge from the tiles, and checks that it makes the signed root.
    fn load_edge(&mut self, checkpoint: &Checkpoint) -> Result<(), AuditError> {
        let size = checkpoint.size;
        let mut peaks = Vec::new();
        for peak in tile::peaks(size) {
            let hash = tile::node(peak, size, &mut |tile| files::read_hashes(&self.folder, tile))?;
            peaks.extend(hash);
        }
        let range = CompactRange::resume(size, peaks).filter(|range| range.root() == checkpoint.root);
        let missing = || AuditError::Missing { file: self.folder.join(CHECKPOINT) };
        self.range = range.ok_or_else(missing)?;
        for level in 0..tile::LEVELS_MAX {
            let content = Content::Hashes { level };
            let partial = content.tile(tile::full_count(content, size), size);
            let hashes = partial.map_or_else(|| Ok(Vec::new()), |tile| files::read_hashes(&self.folder, tile))?;
            self.levels.push(hashes);
        }
        for entry in files::read_bundle(&self.folder, size / WIDTH, size)?.into_iter().flatten() {
            files::add_to_bundle(&mut self.bundle, &entry);
        }
        let leaves = self.levels.first().map_or(0, Vec::len);
        let entries = files::split_bundle(&self.bundle).map_or(0, |entries| entries.len());
        if leaves == entries { Ok(()) } else { Err(missing()) }
    }

    pub(super) const fn published(&self) -> &Published {
        &self.published
    }

    pub(super) const fn size(&self) -> u64 {
        self.range.size()
    }

    /// Adds an entry that is durable.
    pub(super) fn push(&mut self, entry: &[u8]) {
        let index = self.range.size() / WIDTH;
        files::add_to_bundle(&mut self.bundle, entry);
        let mut hash = Some(Hash::leaf(entry));
        self.range.push(Hash::leaf(entry));
        for level in 0.. {
            let Some(pushed) = hash.take() else { break };
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(level) else { break };
            hashes.push(pushed);
            if hashes.len() as u64 == WIDTH {
                hash = Some(tile::root_of(hashes));
                let full = tile::bytes(&std::mem::take(hashes));
                let level = u32::try_from(level).unwrap_or(u32::MAX);
                let index = index >> (tile::HEIGHT * level);
                self.unwritten.push_back((Tile { content: Content::Hashes { level }, index, width: WIDTH }, full));
            }
        }
        if self.range.size().is_multiple_of(WIDTH) {
            let full = std::mem::take(&mut self.bundle);
            self.unwritten.push_back((Tile { content: Content::Entries, index, width: WIDTH }, full));
        }
    }

    /// Writes what filled up. What fails is tried again at the next call.
    fn write_full(&mut self) -> Result<(), AuditError> {
        while let Some((tile, bytes)) = self.unwritten.front() {
            self.files.write(&tile.to_string(), bytes)?;
            self.filled.push(*tile);
            self.unwritten.pop_front();
        }
        Ok(())
    }

    /// Signs the tree as it is, once everything below the root is on disk; `false` when nothing is new.
    pub(super) fn publish(&mut self, key: &AuditKey) -> Result<bool, AuditError> {
        let size = self.range.size();
        if size == self.published.checkpoint.size {
            return Ok(false);
        }
        self.write_full()?;
        for tile in tile::partial(size) {
            let bytes = match tile.content {
                Content::Entries => self.bundle.clone(),
                Content::Hashes { level } => {
                    self.levels.get(level as usize).map(|hashes| tile::bytes(hashes)).unwrap_or_default()
                }
            };
            self.files.write(&tile.to_string(), &bytes)?;
        }
        self.files.sync_names()?;
        let checkpoint = Checkpoint { origin: key.origin().to_owned(), size, root: self.range.root() };
        let note = key.sign(checkpoint.to_string()).to_string();
        replace(&self.state, HEAD, note.as_bytes())?;
        self.files.write(CHECKPOINT, note.as_bytes())?;
        self.files.sync_names()?;
        self.published = Published { checkpoint, note };
        self.filled.drain(..).for_each(|tile| self.files.remove_partials(tile));
        Ok(true)
    }

    /// Replaces a small file of the log's folder.
    pub(super) fn write_file(&mut self, name: &str, content: &[u8]) -> Result<(), AuditError> {
        self.files.write(name, content)?;
        self.files.sync_names()
    }
}

fn replace(folder: &Path, name: &str, content: &[u8]) -> Result<(), AuditError> {
    let (path, staged) = (folder.join(name), folder.join(format!("{name}.new")));
    files::write_synced(&staged, content)?;
    std::fs::rename(&staged, &path).map_err(|source| AuditError::io("replace", &path, source))?;
    files::sync_folder(folder)
}

/// A checkpoint that is there must be ours and whole.
fn read_note(path: &Path, key: &AuditKey) -> Result<Option<Published>, AuditError> {
    let Some(content) = files::read(path)? else { return Ok(None) };
    let foreign = || AuditError::Foreign { file: path.to_owned() };
    let text = String::from_utf8(content).map_err(|_| foreign())?;
    let note: Note = text.parse().map_err(|_| foreign())?;
    note.verify(key.verifier()).map_err(|_| foreign())?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|_| foreign())?;
    if checkpoint.origin != key.origin() {
        return Err(foreign());
    }
    Ok(Some(Published { checkpoint, note: text }))
}
