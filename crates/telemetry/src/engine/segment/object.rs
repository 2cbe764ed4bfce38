//! One object, as Parquet's asynchronous reader wants to see it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::TryFutureExt as _;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

/// Bytes read from the end of a segment, enough for the metadata of most.
const FOOTER_BYTES: usize = 256 * 1024;

/// Reads ranges of one object whose size is known.
pub(super) struct SegmentObject {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
}

impl SegmentObject {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, path: &str, bytes: u64) -> Self {
        Self { objects, path: Path::from(path), bytes }
    }
}

impl AsyncFileReader for SegmentObject {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.objects.get_range(&self.path, range).map_err(ParquetError::from).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move { Ok(self.objects.get_ranges(&self.path, &ranges).await?) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let page_index = options.map_or(PageIndexPolicy::Skip, ArrowReaderOptions::offset_index_policy);
        async move {
            let bytes = self.bytes;
            let reader = ParquetMetaDataReader::new()
                .with_page_index_policy(page_index)
                .with_prefetch_hint(Some(FOOTER_BYTES.min(usize::try_from(bytes).unwrap_or(FOOTER_BYTES))));
            Ok(Arc::new(reader.load_and_finish(self, bytes).await?))
        }
        .boxed()
    }
}
