//! Segments: immutable Parquet files in object storage, sorted by run, with bloom filters and a page index.
//!
//! Any engine that reads Parquet can read them. [`schema`] has the columns and their encodings, [`encode`] and
//! [`decode`] go between rows and Arrow, [`write`] and [`read`] between Arrow and objects.

pub(crate) mod decode;
pub(crate) mod encode;
mod object;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod write;

pub use schema::Signal;

/// Why a segment cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    #[error("object storage failed on `{path}`")]
    Storage { path: String, source: object_store::Error },
    #[error("segment `{path}` cannot be encoded or decoded")]
    Parquet { path: String, source: parquet::errors::ParquetError },
    #[error("rows of `{path}` do not fit their columns")]
    Arrow { path: String, source: arrow::error::ArrowError },
    #[error("segment `{path}` has format {found}, this release reads up to {newest}; start the release that wrote it")]
    Newer { path: String, found: u32, newest: u32 },
    #[error("segment `{path}` was not written by Mizzen: it names no format")]
    Foreign { path: String },
    #[error("segment `{path}` lacks a column of its format")]
    Column { path: String, source: decode::ColumnError },
    #[error("segment `{path}` is gone; put it back from a backup and restart")]
    Gone { path: String },
    #[error("segment `{path}` has {found} bytes instead of {written}; put it back from a backup and restart")]
    Size { path: String, found: u64, written: u64 },
    #[error("segment `{path}` is damaged: its decoder broke down")]
    Undecodable { path: String },
    #[error("the work on `{path}` was given up")]
    Cancelled { path: String },
}

impl SegmentError {
    /// The segment, by its path in object storage.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Storage { path, .. }
            | Self::Parquet { path, .. }
            | Self::Arrow { path, .. }
            | Self::Newer { path, .. }
            | Self::Foreign { path }
            | Self::Gone { path }
            | Self::Size { path, .. }
            | Self::Undecodable { path }
            | Self::Column { path, .. }
            | Self::Cancelled { path } => path,
        }
    }

    /// What object storage said, when it was storage that failed.
    fn of_storage(&self) -> Option<&object_store::Error> {
        let mut error: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(this) = error {
            if let Some(storage) = this.downcast_ref() {
                return Some(storage);
            }
            error = this.source();
        }
        None
    }
}

/// What is known of a segment without opening it: a row of the segment table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Rises with every segment of this node.
    pub(crate) id: u64,
    pub(crate) signal: Signal,
    /// Path in object storage.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// How often its rows were written: 0 fresh from memory, 1 and more by compaction.
    pub(crate) level: u32,
    /// Earliest and latest time that its rows tell, in nanoseconds since the epoch.
    pub(crate) min_at: i64,
    pub(crate) max_at: i64,
    /// When the first and last of its rows came in, in nanoseconds since the epoch.
    pub(crate) received_min: i64,
    pub(crate) received_max: i64,
}

#[cfg(test)]
pub(crate) mod tests;
