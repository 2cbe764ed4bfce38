//! A tar archive (POSIX.1-1988 ustar) written into a channel of chunks.

use std::io;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc::Sender;

const BLOCK: u64 = 512;
const MODE: u32 = 0o600;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum TarError {
    #[error("the reader of the archive has gone")]
    ReaderGone,
    #[error("`{0}` is too long a name for an archive")]
    Name(String),
    #[error("cannot read `{name}`")]
    Content {
        name: String,
        #[source]
        source: object_store::Error,
    },
    #[error("`{name}` has {got} bytes instead of {expected}")]
    Length { name: String, expected: u64, got: u64 },
}

pub(super) struct TarStream {
    chunks: Sender<io::Result<Bytes>>,
}

impl TarStream {
    pub(super) const fn new(chunks: Sender<io::Result<Bytes>>) -> Self {
        Self { chunks }
    }

    /// One small file.
    pub(super) async fn file(&mut self, name: &str, content: Bytes) -> Result<(), TarError> {
        self.begin(name, content.len() as u64).await?;
        let length = content.len() as u64;
        self.send(content).await?;
        self.pad(length).await
    }

    /// One file from a stream of exactly `length` bytes.
    pub(super) async fn stream(
        &mut self,
        name: &str,
        length: u64,
        mut content: impl Stream<Item = object_store::Result<Bytes>> + Unpin,
    ) -> Result<(), TarError> {
        self.begin(name, length).await?;
        let mut written = 0;
        while let Some(chunk) = content.next().await {
            let chunk = chunk.map_err(|source| TarError::Content { name: name.to_owned(), source })?;
            written += chunk.len() as u64;
            self.send(chunk).await?;
        }
        if written != length {
            return Err(TarError::Length { name: name.to_owned(), expected: length, got: written });
        }
        self.pad(length).await
    }

    /// The two empty blocks that end an archive.
    pub(super) async fn finish(&mut self) -> Result<(), TarError> {
        self.send(Bytes::from_static(&[0; 2 * BLOCK as usize])).await
    }

    /// Breaks the stream, so that nobody takes what was written for a whole archive.
    pub(super) async fn fail(&self, error: &(dyn std::error::Error + Sync)) {
        // Whether the reader still hears it makes no difference.
        let (Ok(()) | Err(_)) = self.chunks.send(Err(io::Error::other(error.to_string()))).await;
    }

    async fn begin(&mut self, name: &str, length: u64) -> Result<(), TarError> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).map_err(|_| TarError::Name(name.to_owned()))?;
        header.set_size(length);
        header.set_mode(MODE);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.send(Bytes::copy_from_slice(header.as_bytes())).await
    }

    async fn pad(&mut self, length: u64) -> Result<(), TarError> {
        let missing = length.next_multiple_of(BLOCK) - length;
        self.send(Bytes::from(vec![0; usize::try_from(missing).unwrap_or(0)])).await
    }

    async fn send(&self, chunk: Bytes) -> Result<(), TarError> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.chunks.send(Ok(chunk)).await.map_err(|_| TarError::ReaderGone)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use bytes::Bytes;
    use futures::stream;
    use tokio::sync::mpsc;

    use super::{TarError, TarStream};

    async fn written(mut chunks: mpsc::Receiver<std::io::Result<Bytes>>) -> Vec<u8> {
        let mut bytes = vec![];
        while let Some(chunk) = chunks.recv().await {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        bytes
    }

    #[tokio::test]
    async fn another_reader_of_tar_finds_what_was_written() {
        let (sender, chunks) = mpsc::channel(64);
        let mut archive = TarStream::new(sender);
        archive.file("small", Bytes::from_static(b"one")).await.unwrap();
        let parts = [Ok(Bytes::from(vec![1; 512])), Ok(Bytes::from(vec![2; 100]))];
        archive.stream("folder/large", 612, stream::iter(parts)).await.unwrap();
        archive.finish().await.unwrap();
        drop(archive);
        let bytes = written(chunks).await;
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = vec![];
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = vec![];
            entry.read_to_end(&mut content).unwrap();
            found.push((entry.path().unwrap().display().to_string(), content.len()));
        }
        assert_eq!(found, [("small".to_owned(), 3), ("folder/large".to_owned(), 612)]);
    }

    #[tokio::test]
    async fn a_file_that_changed_its_length_breaks_the_archive() {
        let (sender, _chunks) = mpsc::channel(64);
        let mut archive = TarStream::new(sender);
        let short = stream::iter([Ok(Bytes::from_static(b"x"))]);
        assert!(matches!(archive.stream("a", 2, short).await, Err(TarError::Length { got: 1, .. })));
    }
}
