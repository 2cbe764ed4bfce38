//! The files of the log's folder: written beside and renamed, so that none is ever half there.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mizzen_governance::merkle::Hash;
use mizzen_governance::merkle::tile::{self, Content, Tile};

use super::AuditError;

/// The signed root, in the log's folder.
pub const CHECKPOINT: &str = "checkpoint";
/// The newest checkpoint that witnesses cosigned, with their lines.
pub const WITNESSED: &str = "checkpoint.witnessed";
/// The version of the folder's layout.
pub const FORMAT_FILE: &str = "format";
pub const FORMAT: u32 = 1;
const STAGED: &str = "staged";

/// A log's folder for its one writer.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    /// On the same file system, outside the folder that others copy.
    staging: PathBuf,
    /// Folders with new names in them.
    touched: BTreeSet<PathBuf>,
}

impl Files {
    pub(super) fn new(folder: &Path, staging: &Path) -> Self {
        Self { folder: folder.to_owned(), staging: staging.join(STAGED), touched: BTreeSet::new() }
    }

    /// Writes `path`, below the log's folder, and syncs its content; its name only with [`Self::sync_names`].
    pub(super) fn write(&mut self, path: &str, content: &[u8]) -> Result<(), AuditError> {
        let path = self.folder.join(path);
        let parent = path.parent().unwrap_or(&self.folder).to_owned();
        if !self.touched.contains(&parent) && !parent.is_dir() {
            self.make_folder(&parent)?;
        }
        write_synced(&self.staging, content)?;
        fs::rename(&self.staging, &path).map_err(|source| AuditError::io("replace", &path, source))?;
        self.touched.insert(parent);
        Ok(())
    }

    fn make_folder(&mut self, folder: &Path) -> Result<(), AuditError> {
        let failed = |source| AuditError::io("create", folder, source);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.folder));
        self.touched.extend(above.map(Path::to_owned));
        Ok(())
    }

    /// After this the names of all files written are on disk too.
    pub(super) fn sync_names(&mut self) -> Result<(), AuditError> {
        for folder in &self.touched {
            sync_folder(folder)?;
        }
        self.touched.clear();
        Ok(())
    }

    /// Removes the partial tiles that the full tile `tile` took the place of.
    pub(super) fn remove_partials(&self, tile: Tile) {
        let folder = self.folder.join(format!("{}.p", tile.filled()));
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(folder = %folder.display(), %error, "partial tiles that are not needed could not be removed");
            }
            _ => {}
        }
    }
}

pub(super) fn write_synced(path: &Path, content: &[u8]) -> Result<(), AuditError> {
    let failed = |source| AuditError::io("write", path, source);
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = options.map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_data()).map_err(failed)
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), AuditError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| AuditError::io("sync", folder, source))
}

/// The content of a file, or `None` when it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, AuditError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AuditError::io("read", path, source)),
    }
}

/// The bytes of `tile`, or of the full tile in its place, cut to its width where that can be known without parsing.
pub(super) fn read_tile(folder: &Path, tile: Tile) -> Result<Option<Vec<u8>>, AuditError> {
    match read(&folder.join(tile.to_string()))? {
        None if !tile.is_full() => read(&folder.join(tile.filled().to_string())),
        found => Ok(found),
    }
}

/// The hashes of a tile as a tree has it that needs `tile`.
pub(super) fn read_hashes(folder: &Path, tile: Tile) -> Result<Vec<Hash>, AuditError> {
    let missing = || AuditError::Missing { file: folder.join(tile.to_string()) };
    let bytes = read_tile(folder, tile)?.ok_or_else(missing)?;
    let width = usize::try_from(tile.width).unwrap_or(usize::MAX);
    let mut hashes = tile::hashes(&bytes).filter(|hashes| hashes.len() >= width).ok_or_else(missing)?;
    hashes.truncate(width);
    Ok(hashes)
}

/// The entries of the bundle `index` of a tree of `size` entries; `None` when their content is not there.
pub(super) fn read_bundle(folder: &Path, index: u64, size: u64) -> Result<Option<Vec<Vec<u8>>>, AuditError> {
    let Some(tile) = Content::Entries.tile(index, size) else { return Ok(None) };
    let Some(bytes) = read_tile(folder, tile)? else { return Ok(None) };
    let width = usize::try_from(tile.width).unwrap_or(usize::MAX);
    let entries = split_bundle(&bytes).filter(|entries| entries.len() >= width);
    let entries = entries.ok_or_else(|| AuditError::Missing { file: folder.join(tile.to_string()) })?;
    Ok(Some(entries.into_iter().take(width).map(<[u8]>::to_vec).collect()))
}

/// The entries of a bundle's bytes; `None` when they do not end where the bytes end.
pub(super) fn split_bundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

/// Adds an entry to a bundle. Its length was checked when it was encoded.
pub(super) fn add_to_bundle(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry.get(..usize::from(length)).unwrap_or_default());
}

/// Refuses a folder that a newer Mizzen wrote; a new one is marked.
pub(super) fn check_format(folder: &Path) -> Result<(), AuditError> {
    let path = folder.join(FORMAT_FILE);
    let Some(content) = read(&path)? else {
        write_synced(&path, format!("{FORMAT}\n").as_bytes())?;
        return sync_folder(folder);
    };
    match std::str::from_utf8(&content).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(found) if found > FORMAT => Err(AuditError::Newer { file: path }),
        Some(_) => Ok(()),
        None => Err(AuditError::Missing { file: path }),
    }
}
