//! Retention: the content of old entries goes, their hashes stay, and the log itself says which content is gone. A
//! copy still verifies, proofs still work.

use std::fs;
use std::io;
use std::path::Path;

use mizzen_governance::merkle::tile::{self, Content, Tile, WIDTH};
use mizzen_model::time::Timestamp;

use super::verify::PRUNED_BELOW;
use super::{AuditEntry, AuditError, AuditLog, Durability, Kind, Who, files};

impl AuditLog {
    /// Removes the content of entries that are older than `before`, whole bundles from the oldest on. Returns the index
    /// below which there is no content any more.
    ///
    /// # Errors
    /// When it cannot be written down that content goes: then it stays.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, AuditError> {
        let size = self.published().checkpoint.size;
        let folder = self.folder().to_owned();
        let look = move || bundles_before(&folder, size, before);
        let (first, end) =
            tokio::task::spawn_blocking(look).await.map_err(|error| AuditError::NotWritten(error.to_string()))??;
        if end > first {
            let who = Who::mizzen();
            let entry = AuditEntry::new(self.now(), Kind::ContentPruned, who);
            let entry = entry.with(PRUNED_BELOW, (end * WIDTH).to_string()).with("before", before.to_string());
            self.append(entry, Durability::Durable).await?;
            // Signed before the first file goes: a copy must never lack what its checkpoint does not say is gone.
            self.publish().await?;
            let folder = self.folder().to_owned();
            let remove = move || (first..end).try_for_each(|index| remove(&folder, index));
            tokio::task::spawn_blocking(remove).await.map_err(|error| AuditError::NotWritten(error.to_string()))??;
        }
        Ok(end * WIDTH)
    }

    /// Entries below this have no content any more.
    #[must_use]
    pub fn pruned_below(&self) -> u64 {
        first_bundle(self.folder(), self.published().checkpoint.size) * WIDTH
    }
}

/// The oldest bundle that is there, and the one after the last that is old enough to go.
fn bundles_before(folder: &Path, size: u64, before: Timestamp) -> Result<(u64, u64), AuditError> {
    let first = first_bundle(folder, size);
    let mut end = first;
    while end < tile::full_count(Content::Entries, size) {
        let newest = files::read_bundle(folder, end, size)?.and_then(|entries| entries.last().cloned());
        let is_old = newest.and_then(|entry| AuditEntry::decode(&entry).ok()).is_some_and(|entry| entry.at < before);
        if !is_old {
            break;
        }
        end += 1;
    }
    Ok((first, end))
}

/// Bundles go from the oldest on, so that the first that is there can be searched for.
fn first_bundle(folder: &Path, size: u64) -> u64 {
    let (mut low, mut high) = (0, tile::full_count(Content::Entries, size));
    while low < high {
        let middle = low + (high - low) / 2;
        let tile = Tile { content: Content::Entries, index: middle, width: WIDTH };
        if folder.join(tile.to_string()).exists() { high = middle } else { low = middle + 1 }
    }
    low
}

fn remove(folder: &Path, index: u64) -> Result<(), AuditError> {
    let path = folder.join(Tile { content: Content::Entries, index, width: WIDTH }.to_string());
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(AuditError::io("remove", &path, source)),
        _ => Ok(()),
    }
}
