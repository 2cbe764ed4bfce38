//! Reading segments: the rows of one run, or everything in order.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array as _, BooleanArray, FixedSizeBinaryArray, RecordBatch, StringArray};
use futures::TryStreamExt as _;
use mizzen_model::id::SpanId;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;
use tokio::runtime::Handle;

use super::object::SegmentObject;
use super::schema::{FORMAT, FORMAT_KEY, SPAN_CONTENT, Signal};
use super::write::BATCH_ROWS;
use super::{Segment, SegmentError};

/// Memory for the metadata of segments.
const METADATA_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Which columns of a row are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Without the content: enough to assemble a run. The status message is there.
    Heads,
    Full,
}

/// Reads segments and remembers their metadata. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SegmentReader {
    objects: Arc<dyn ObjectStore>,
    /// Where objects that are not files are copied to, to be read page by page.
    scratch: PathBuf,
    metadata: Arc<Mutex<MetadataCache>>,
}

#[derive(Default)]
struct MetadataCache {
    entries: HashMap<u64, (ArrowReaderMetadata, u64)>,
    clock: u64,
}

impl SegmentReader {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, scratch: PathBuf) -> Self {
        Self { objects, scratch, metadata: Arc::default() }
    }

    /// The rows of the runs (their ids sorted), or those of their spans that are wanted, in the segment's order. Reads the
    /// pages that may hold them and no others.
    pub(crate) async fn rows_of_runs(
        &self,
        segment: &Segment,
        run_ids: &[String],
        columns: Columns,
        span_ids: Option<&HashSet<SpanId>>,
    ) -> Result<Vec<RecordBatch>, SegmentError> {
        let failed = |source| SegmentError::Parquet { path: segment.path.clone(), source };
        let metadata = self.metadata(segment).await?;
        let column = run_column(segment.signal);
        let groups = groups_of_runs(metadata.metadata(), column, run_ids);
        let selection = rows_of_pages(metadata.metadata(), column, &groups, run_ids);
        if selection.as_ref().map_or(groups.is_empty(), |selection| !selection.selects_any()) {
            return Ok(Vec::new());
        }
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(self.object(segment), metadata.clone());
        let mask = projection(builder.parquet_schema(), segment.signal, columns);
        let filter = row_filter(builder.parquet_schema(), column, run_ids, span_ids);
        builder = builder.with_row_groups(groups).with_projection(mask).with_row_filter(filter);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(failed)?.try_collect().await.map_err(failed)
    }

    /// All rows in order, a page of every column in memory at a time. Blocks on the disk.
    pub(crate) async fn scan(&self, segment: &Segment, rows: usize) -> Result<ParquetRecordBatchReader, SegmentError> {
        let failed = |source| SegmentError::Parquet { path: segment.path.clone(), source };
        let metadata = self.metadata(segment).await?;
        let file = self.file(segment).await?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        builder.with_batch_size(rows).build().map_err(failed)
    }

    /// Whether trying again cannot help: the object is gone, or is not what was written. As long as storage does not
    /// answer that is not known, and it is not.
    pub(crate) async fn is_lost(&self, segment: &Segment, error: &SegmentError) -> bool {
        match error.of_storage() {
            None => !matches!(error, SegmentError::Cancelled { .. }),
            Some(object_store::Error::NotFound { .. }) => true,
            // Of an object that was cut short, stores say that the range is wrong, each in its own words.
            Some(_) => self.look_for(segment).await.is_err(),
        }
    }

    /// Looks for the object of a segment, without reading it. As long as storage does not answer, it counts as there.
    pub(crate) async fn look_for(&self, segment: &Segment) -> Result<(), SegmentError> {
        let path = segment.path.clone();
        match self.objects.head(&Path::from(path.as_str())).await {
            Err(object_store::Error::NotFound { .. }) => Err(SegmentError::Gone { path }),
            Ok(object) if object.size != segment.bytes => {
                Err(SegmentError::Size { path, found: object.size, written: segment.bytes })
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Reads a segment as a whole, and forgets what was remembered of it before.
    pub(crate) async fn read_through(&self, segment: Arc<Segment>) -> Result<(), SegmentError> {
        self.forget(segment.id);
        let (reader, path, runtime) = (self.clone(), segment.path.clone(), Handle::current());
        let read = tokio::task::spawn_blocking(move || {
            for batch in runtime.block_on(reader.scan(&segment, BATCH_ROWS))? {
                scanned(&segment, batch)?;
            }
            Ok(())
        });
        // Of a file that is damaged the decoder may panic.
        read.await.unwrap_or(Err(SegmentError::Undecodable { path }))
    }

    /// Forgets what is remembered of a segment that is gone.
    pub(crate) fn forget(&self, id: u64) {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner).entries.remove(&id);
    }

    fn object(&self, segment: &Segment) -> SegmentObject {
        SegmentObject::new(self.objects.clone(), &segment.path, segment.bytes)
    }

    async fn metadata(&self, segment: &Segment) -> Result<ArrowReaderMetadata, SegmentError> {
        if let Some(known) = self.metadata.lock().unwrap_or_else(PoisonError::into_inner).get(segment.id) {
            return Ok(known);
        }
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let loaded = ArrowReaderMetadata::load_async(&mut self.object(segment), options).await;
        let loaded = loaded.map_err(|source| SegmentError::Parquet { path: segment.path.clone(), source })?;
        check_format(segment, loaded.metadata())?;
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner).insert(segment.id, loaded.clone());
        Ok(loaded)
    }

    /// The segment as a local file: itself, or a copy that is gone when the file is closed.
    async fn file(&self, segment: &Segment) -> Result<File, SegmentError> {
        let failed = |source| SegmentError::Storage { path: segment.path.clone(), source };
        let object = self.objects.get(&Path::from(segment.path.as_str())).await.map_err(failed)?;
        let mut stream = match object.payload {
            GetResultPayload::File(file, _) => return Ok(file),
            GetResultPayload::Stream(stream) => stream,
        };
        let io = |source: std::io::Error| SegmentError::Storage {
            path: segment.path.clone(),
            source: object_store::Error::Generic { store: "scratch", source: source.into() },
        };
        let path = self.scratch.join(format!("{:016x}.scratch", segment.id));
        std::fs::create_dir_all(&self.scratch).map_err(io)?;
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path).map_err(io)?;
        std::fs::remove_file(&path).map_err(io)?;
        while let Some(bytes) = stream.try_next().await.map_err(failed)? {
            file.write_all(&bytes).map_err(io)?;
        }
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(file)
    }
}

impl MetadataCache {
    fn get(&mut self, id: u64) -> Option<ArrowReaderMetadata> {
        self.clock += 1;
        let (metadata, used) = self.entries.get_mut(&id)?;
        *used = self.clock;
        Some(metadata.clone())
    }

    fn insert(&mut self, id: u64, metadata: ArrowReaderMetadata) {
        self.clock += 1;
        self.entries.insert(id, (metadata, self.clock));
        let bytes = |entries: &HashMap<u64, (ArrowReaderMetadata, u64)>| -> usize {
            entries.values().map(|(metadata, _)| metadata.metadata().memory_size()).sum()
        };
        while self.entries.len() > 1 && bytes(&self.entries) > METADATA_BYTES_MAX {
            let oldest = self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id);
            oldest.and_then(|id| self.entries.remove(&id));
        }
    }
}

fn check_format(segment: &Segment, metadata: &ParquetMetaData) -> Result<(), SegmentError> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let format = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == FORMAT_KEY));
    let path = || segment.path.clone();
    match format.and_then(|pair| pair.value.as_deref()).and_then(|format| format.parse().ok()) {
        None => Err(SegmentError::Foreign { path: path() }),
        Some(found) if found > FORMAT => Err(SegmentError::Newer { path: path(), found, newest: FORMAT }),
        Some(_) => Ok(()),
    }
}

fn run_column(signal: Signal) -> usize {
    signal.schema().index_of("run_id").unwrap_or_default()
}

/// Whether one of the sorted ids lies between two.
fn any_within(run_ids: &[String], min: Option<&[u8]>, max: Option<&[u8]>) -> bool {
    let first = run_ids.partition_point(|id| min.is_some_and(|min| id.as_bytes() < min));
    run_ids.get(first).is_some_and(|id| max.is_none_or(|max| id.as_bytes() <= max))
}

/// The row groups whose smallest and largest run id let them hold one of the runs.
fn groups_of_runs(metadata: &ParquetMetaData, column: usize, run_ids: &[String]) -> Vec<usize> {
    let may_hold = |group: &usize| match metadata.row_group(*group).column(column).statistics() {
        Some(Statistics::ByteArray(range)) => any_within(run_ids, range.min_bytes_opt(), range.max_bytes_opt()),
        _ => true,
    };
    (0..metadata.num_row_groups()).filter(may_hold).collect()
}

/// The rows of the pages that may hold one of the runs, counted over the given row groups; `None` without a page index.
fn rows_of_pages(
    metadata: &ParquetMetaData,
    column: usize,
    groups: &[usize],
    run_ids: &[String],
) -> Option<RowSelection> {
    let (columns, offsets) = (metadata.column_index()?, metadata.offset_index()?);
    let mut ranges = Vec::new();
    let mut rows_before = 0;
    for &group in groups {
        let rows = usize::try_from(metadata.row_group(group).num_rows()).ok()?;
        let ColumnIndexMetaData::BYTE_ARRAY(pages) = columns.get(group)?.get(column)? else { return None };
        let starts = offsets.get(group)?.get(column)?.page_locations();
        for (page, location) in starts.iter().enumerate() {
            let (min, max) = (pages.min_value(page), pages.max_value(page));
            // A page without values has neither, and holds no run.
            if min.is_some() && max.is_some() && any_within(run_ids, min, max) {
                let first = usize::try_from(location.first_row_index).ok()?;
                let next =
                    starts.get(page + 1).map_or(Some(rows), |next| usize::try_from(next.first_row_index).ok())?;
                ranges.push(rows_before + first..rows_before + next);
            }
        }
        rows_before += rows;
    }
    Some(RowSelection::from_consecutive_ranges(ranges.into_iter(), rows_before))
}

fn projection(schema: &SchemaDescriptor, signal: Signal, columns: Columns) -> ProjectionMask {
    if columns == Columns::Full {
        return ProjectionMask::all();
    }
    let schema_of_rows = signal.schema();
    let wanted = schema_of_rows.fields().iter().enumerate();
    let heads = wanted.filter(|(_, field)| !SPAN_CONTENT.contains(&field.name().as_str())).map(|(at, _)| at);
    ProjectionMask::leaves(schema, heads)
}

fn row_filter(
    schema: &SchemaDescriptor,
    run_column: usize,
    run_ids: &[String],
    span_ids: Option<&HashSet<SpanId>>,
) -> RowFilter {
    let wanted: HashSet<String> = run_ids.iter().cloned().collect();
    let is_of_run = move |batch: RecordBatch| {
        let ids = batch.column(0).as_any().downcast_ref::<StringArray>();
        let is_wanted = |row| ids.is_some_and(|ids| ids.is_valid(row) && wanted.contains(ids.value(row)));
        Ok((0..batch.num_rows()).map(is_wanted).map(Some).collect::<BooleanArray>())
    };
    let mask = ProjectionMask::leaves(schema, [run_column]);
    let mut predicates: Vec<Box<dyn ArrowPredicate>> = vec![Box::new(ArrowPredicateFn::new(mask, is_of_run))];
    let span_column = schema.columns().iter().position(|column| column.name() == "span_id");
    if let Some((span_ids, span_column)) = span_ids.cloned().zip(span_column) {
        let is_wanted = move |batch: RecordBatch| {
            let ids = batch.column(0).as_any().downcast_ref::<FixedSizeBinaryArray>();
            let id = |row| ids.filter(|ids| ids.is_valid(row)).and_then(|ids| SpanId::from_bytes(ids.value(row)));
            let is_span = |row| id(row).is_some_and(|id| span_ids.contains(&id));
            Ok((0..batch.num_rows()).map(is_span).map(Some).collect::<BooleanArray>())
        };
        let mask = ProjectionMask::leaves(schema, [span_column]);
        predicates.push(Box::new(ArrowPredicateFn::new(mask, is_wanted)));
    }
    RowFilter::new(predicates)
}

/// What [`SegmentReader::scan`] yields, with the segment named in its errors.
pub(crate) fn scanned(
    segment: &Segment,
    batch: Result<RecordBatch, arrow::error::ArrowError>,
) -> Result<RecordBatch, SegmentError> {
    batch.map_err(|source| SegmentError::Parquet { path: segment.path.clone(), source: ParquetError::from(source) })
}
