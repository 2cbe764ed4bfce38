//! What lies in object storage at the start, against the segments that the database names.

use std::collections::{BTreeMap, HashSet};
use std::path::Path as FilePath;
use std::sync::Arc;

use futures::TryStreamExt as _;
use mizzen_model::time::Timestamp;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::io::AsyncWriteExt as _;

use super::error::OpenError;
use super::flusher::SegmentNames;
use super::health::Health;
use super::index::Index;
use super::segment::{Segment, SegmentError, Signal};

/// The files of this node.
#[derive(Debug)]
pub(crate) struct Inventory {
    objects: Arc<dyn ObjectStore>,
    /// By path.
    files: BTreeMap<String, File>,
}

#[derive(Debug, Clone, Copy)]
struct File {
    bytes: u64,
    written_at: Timestamp,
}

/// A file that this database does not know and that is not for it to remove, until it is too old for anybody to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftAlone {
    pub(crate) path: String,
    pub(crate) written_at: Timestamp,
}

impl Inventory {
    pub(crate) async fn take(objects: Arc<dyn ObjectStore>, names: &SegmentNames) -> Result<Self, object_store::Error> {
        let mut files = BTreeMap::new();
        for signal in Signal::ALL {
            let folder = Path::from(names.folder(signal));
            let found: Vec<_> = objects.list(Some(&folder)).try_collect().await?;
            files.extend(found.into_iter().map(|file| {
                let nanos = file.last_modified.timestamp_nanos_opt().unwrap_or(i64::MAX);
                let written_at = Timestamp::from_unix_nanos(nanos);
                (file.location.to_string(), File { bytes: file.size, written_at })
            }));
        }
        Ok(Self { objects, files })
    }

    /// Removes what a crash left behind: files whose numbers were given out and that no segment names, or no longer.
    ///
    /// Numbers that this database has not given out yet are left alone and never given out: besides a write that a
    /// crash cut off, they may be the segments of a newer copy of the database, which somebody may want back. They are
    /// remembered, because the numbers that are given out next come after theirs.
    pub(crate) async fn sweep(
        &mut self,
        names: &SegmentNames,
        segments: &[Arc<Segment>],
        index: &Index,
    ) -> Result<Vec<LeftAlone>, OpenError> {
        let known: HashSet<&str> = segments.iter().map(|segment| segment.path.as_str()).collect();
        let (next, remembered) = (names.next(), index.left_alone().await?);
        let (foreign, ours): (Vec<_>, Vec<_>) = self
            .files
            .iter()
            .filter(|(path, _)| !known.contains(path.as_str()))
            .filter_map(|(path, file)| Some((number(path)?, path.clone(), *file)))
            .partition(|(number, path, _)| *number >= next || remembered.contains(path));
        for (_, path, File { bytes, .. }) in ours {
            tracing::info!(path, bytes, "removing a file that is no segment");
            self.objects.delete(&Path::from(path.as_str())).await?;
            self.files.remove(&path);
        }
        for gone in remembered.iter().filter(|path| !self.files.contains_key(*path)) {
            index.forget_left_alone(gone).await?;
        }
        for (_, path, _) in foreign.iter().filter(|(_, path, _)| !remembered.contains(path)) {
            index.leave_alone(path).await?;
        }
        if let Some((last, path, _)) = foreign.iter().max_by_key(|(number, ..)| *number) {
            let bytes: u64 = foreign.iter().map(|(_, _, file)| file.bytes).sum();
            tracing::warn!(
                files = foreign.len(),
                bytes,
                last = path,
                "files are in object storage that this database does not know: a crash cut off their writing, or the \
                 database is older than they are; they stay until they are older than the retention, or until somebody \
                 removes them"
            );
            names.skip(*last);
        }
        Ok(foreign.into_iter().map(|(_, path, file)| LeftAlone { path, written_at: file.written_at }).collect())
    }

    /// Looks whether every segment is there as it was written. What is not is put back from `folder` when a file is
    /// there (a restored backup has them in the data folder), else it is told as lost.
    pub(crate) async fn check(
        &self,
        segments: &[Arc<Segment>],
        folder: &FilePath,
        health: &Health,
    ) -> Result<(), OpenError> {
        for segment in segments {
            let found = self.files.get(&segment.path).map(|file| file.bytes);
            if found == Some(segment.bytes) || self.put_back(segment, folder).await? {
                continue;
            }
            let path = segment.path.clone();
            health.lost(&match found {
                None => SegmentError::Gone { path },
                Some(found) => SegmentError::Size { path, found, written: segment.bytes },
            });
        }
        Ok(())
    }

    /// Moves the file of a segment from the data folder to object storage.
    async fn put_back(&self, segment: &Segment, folder: &FilePath) -> Result<bool, OpenError> {
        let local = folder.join(&segment.path);
        if tokio::fs::metadata(&local).await.map_or(true, |file| file.len() != segment.bytes) {
            return Ok(false);
        }
        let failed = |source| OpenError::PutBack { path: segment.path.clone(), source };
        let mut upload = BufWriter::new(self.objects.clone(), Path::from(segment.path.as_str()));
        let mut file = tokio::fs::File::open(&local).await.map_err(failed)?;
        if let Err(source) = tokio::io::copy(&mut file, &mut upload).await {
            upload.abort().await.ok();
            return Err(failed(source));
        }
        upload.shutdown().await.map_err(failed)?;
        tracing::info!(path = segment.path, bytes = segment.bytes, "put a segment back into object storage");
        tokio::fs::remove_file(&local).await.map_err(failed)?;
        Ok(true)
    }
}

/// The number in the name of a segment; other files are none of ours.
fn number(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    u64::from_str_radix(name, 16).ok()
}
