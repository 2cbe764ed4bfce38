//! Writing a segment, row group by row group.

use std::io;
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, TimestampNanosecondArray};
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;

use super::SegmentError;
use super::encode::Row;
use super::schema::{Purpose, Signal, writer_properties};

/// Bytes handed to object storage at once; below the smallest part that S3 takes, one request stores them.
const UPLOAD_BYTES: usize = 8 * 1024 * 1024;
/// Bytes gathered before they are handed on.
const CHUNK_BYTES: usize = 256 * 1024;
/// Rows encoded together.
pub(crate) const BATCH_ROWS: usize = 256;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) min_at: i64,
    pub(crate) max_at: i64,
}

/// A segment being written. Blocks: use it off the async threads. Nothing is visible before [`Self::finish`].
pub(crate) struct SegmentWriter {
    path: String,
    signal: Signal,
    writer: ArrowWriter<ObjectSink>,
    written: Written,
}

impl SegmentWriter {
    pub(crate) fn create(
        objects: Arc<dyn ObjectStore>,
        path: String,
        signal: Signal,
        purpose: Purpose,
    ) -> Result<Self, SegmentError> {
        let sink = ObjectSink {
            upload: BufWriter::with_capacity(objects, Path::from(path.as_str()), UPLOAD_BYTES).with_max_concurrency(1),
            runtime: Handle::current(),
            chunk: Vec::with_capacity(CHUNK_BYTES),
            bytes: 0,
        };
        let writer = ArrowWriter::try_new(sink, signal.schema(), Some(writer_properties(signal, purpose)));
        let writer = writer.map_err(|source| SegmentError::Parquet { path: path.clone(), source })?;
        let written = Written { bytes: 0, rows: 0, min_at: i64::MAX, max_at: i64::MIN };
        Ok(Self { path, signal, writer, written })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), SegmentError> {
        let times = batch.column_by_name(self.signal.time_column());
        if let Some(times) = times.and_then(|array| array.as_any().downcast_ref::<TimestampNanosecondArray>()) {
            let values = times.values();
            self.written.min_at = values.iter().copied().fold(self.written.min_at, i64::min);
            self.written.max_at = values.iter().copied().fold(self.written.max_at, i64::max);
        }
        self.written.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|source| SegmentError::Parquet { path: self.path.clone(), source })
    }

    /// Makes the segment visible and durable.
    pub(crate) fn finish(self) -> Result<Written, SegmentError> {
        let Self { path, writer, mut written, .. } = self;
        let sink = writer.into_inner().map_err(|source| SegmentError::Parquet { path: path.clone(), source })?;
        let finished = sink.finish();
        written.bytes = finished.map_err(|error| SegmentError::Storage { path, source: storage_error(error) })?;
        Ok(written)
    }
}

/// Writes rows, which must be in [`Row::order`], as one segment.
pub(crate) fn write_rows<R: Row>(
    objects: Arc<dyn ObjectStore>,
    path: String,
    rows: &[&R],
    purpose: Purpose,
) -> Result<Written, SegmentError> {
    let mut writer = SegmentWriter::create(objects, path, R::SIGNAL, purpose)?;
    for slice in rows.chunks(BATCH_ROWS) {
        let batch = R::encode(slice);
        writer.write(&batch.map_err(|source| SegmentError::Arrow { path: writer.path.clone(), source })?)?;
    }
    writer.finish()
}

fn storage_error(error: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "segments", source: error.into() }
}

/// A blocking writer over an asynchronous upload.
struct ObjectSink {
    upload: BufWriter,
    runtime: Handle,
    chunk: Vec<u8>,
    bytes: u64,
}

impl ObjectSink {
    fn hand_on(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES)));
        self.bytes += chunk.len() as u64;
        Ok(self.runtime.block_on(self.upload.put(chunk))?)
    }

    fn finish(mut self) -> io::Result<u64> {
        self.hand_on()?;
        self.runtime.block_on(self.upload.shutdown())?;
        Ok(self.bytes)
    }
}

impl io::Write for ObjectSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
