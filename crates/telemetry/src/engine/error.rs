//! What callers of telemetry can meet.

use mizzen_store::StoreError;

use super::entry::EntryError;
use super::index::list::CursorError;
use super::segment::SegmentError;
use super::wal::WalError;
use crate::decode::DecodeError;

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot read the write-ahead log")]
    Wal(#[from] WalError),
    #[error("cannot read the write-ahead log")]
    Entry(#[from] EntryError),
    #[error("record {lsn} of the write-ahead log is no OTLP request")]
    Request { lsn: u64, source: DecodeError },
    #[error("cannot read the tables of telemetry")]
    Store(#[from] StoreError),
    #[error("cannot read object storage")]
    Objects(#[from] object_store::Error),
    #[error("cannot copy segment `{path}` from the data folder to object storage")]
    PutBack { path: String, source: std::io::Error },
    #[error("cannot finish the restoring of a backup")]
    Restored { source: std::io::Error },
    #[error("cannot write the write-ahead log in `{}`; {}", .folder.display(), way_out(.source))]
    LogWrite { folder: std::path::PathBuf, source: WalError },
    #[error("cannot use the folder `{folder}` in the data folder")]
    Folder { folder: &'static str, source: std::io::Error },
    #[error("cannot make the folder `{folder}`")]
    DataDir { folder: &'static str, source: mizzen_store::data_dir::DataDirError },
    #[error("stopped while starting")]
    Stopped,
}

fn way_out(error: &WalError) -> &'static str {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error {
        WalError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded) => {
            "free some space there and start again"
        }
        WalError::Io { source, .. } if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem) => {
            "let this user write there and start again"
        }
        _ => "mend the disk and start again",
    }
}

/// Why spans were not taken. Nothing of the request is kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// More is coming in than can be written; the sender should try again a little later.
    #[error("too much telemetry is waiting to be written; try again")]
    Overloaded,
    /// The disk is full, read-only or broken; the log says which to those who run this.
    #[error("telemetry cannot be stored at the moment; try again")]
    Unavailable,
    #[error("shutting down; try again")]
    Stopping,
    #[error("the request is larger than {max} bytes; send smaller batches")]
    TooLarge { max: usize },
    #[error(transparent)]
    Malformed(#[from] DecodeError),
}

impl IngestError {
    /// Whether the sender should send the same again (OTLP: `UNAVAILABLE`, HTTP 503).
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Overloaded | Self::Unavailable | Self::Stopping => true,
            Self::TooLarge { .. } | Self::Malformed(_) => false,
        }
    }
}

/// Why something stored cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Segment(#[from] SegmentError),
    #[error(transparent)]
    Cursor(#[from] CursorError),
    #[error("storage did not answer in time; try again")]
    TimedOut,
    #[error("shutting down")]
    Stopping,
}
