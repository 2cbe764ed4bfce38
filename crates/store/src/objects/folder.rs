//! A folder whose objects survive a power cut.
//!
//! `LocalFileSystem` returns before its bytes are on the disk; the write-ahead log is cut once a segment is
//! stored, so "stored" has to mean synced: the file, then the folders that name it.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

#[derive(Debug)]
pub(super) struct SyncedFolder {
    files: LocalFileSystem,
    root: PathBuf,
}

impl SyncedFolder {
    pub(super) fn open(root: PathBuf) -> Result<Self> {
        Ok(Self { files: LocalFileSystem::new_with_prefix(&root)?, root })
    }

    fn target(&self, location: &Path) -> Result<Target> {
        Ok(Target { file: self.files.path_to_filesystem(location)?, root: self.root.clone() })
    }
}

/// What has to be synced for one object.
#[derive(Debug, Clone)]
struct Target {
    file: PathBuf,
    root: PathBuf,
}

impl Target {
    async fn sync(self) -> Result<()> {
        let synced = tokio::task::spawn_blocking(move || self.sync_blocking()).await;
        synced
            .map_err(io::Error::other)
            .flatten()
            .map_err(|source| Error::Generic { store: "local folder", source: source.into() })
    }

    fn sync_blocking(&self) -> io::Result<()> {
        File::open(&self.file)?.sync_all()?;
        for folder in self.file.ancestors().skip(1) {
            File::open(folder)?.sync_all()?;
            if folder == self.root {
                break;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SyncedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "folder `{}`", self.root.display())
    }
}

#[async_trait]
impl ObjectStore for SyncedFolder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let stored = self.files.put_opts(location, payload, opts).await?;
        self.target(location)?.sync().await?;
        Ok(stored)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.files.put_multipart_opts(location, opts).await?;
        Ok(Box::new(SyncedUpload { upload, target: self.target(location)? }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        self.target(to)?.sync().await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await?;
        self.target(to)?.sync().await
    }
}

#[derive(Debug)]
struct SyncedUpload {
    upload: Box<dyn MultipartUpload>,
    target: Target,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let stored = self.upload.complete().await?;
        self.target.clone().sync().await?;
        Ok(stored)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
