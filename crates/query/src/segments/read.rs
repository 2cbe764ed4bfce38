//! Reading stored columns: of files through Parquet's own pruning, of live rows from memory.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, exec_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, Partitioning};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{Live, StoredSegment};
use crate::session::STORE_URL;

/// Questions to object storage at once.
const LOOKS_AT_ONCE: usize = 16;

/// How files are read.
#[derive(Default)]
pub(super) struct How {
    /// Rows that are enough, of any.
    pub(super) limit: Option<usize>,
    /// What files are pruned by, for plans that no optimiser sees.
    pub(super) predicate: Option<Arc<dyn PhysicalExpr>>,
}

/// Reads columns `needed` of `segments`, in as many streams as the session has partitions.
pub(super) fn files(
    state: &dyn Session,
    read: &SchemaRef,
    segments: &[&StoredSegment],
    needed: Vec<usize>,
    how: How,
) -> Result<Arc<dyn ExecutionPlan>> {
    let url = ObjectStoreUrl::parse(STORE_URL)?;
    let store = state.runtime_env().object_store(&url)?;
    let metadata = state.runtime_env().cache_manager.get_file_metadata_cache();
    let mut source = ParquetSource::new(read.clone())
        .with_table_parquet_options(state.table_options().parquet.clone())
        .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, metadata)))
        .with_pushdown_filters(true)
        .with_reorder_filters(true)
        .with_enable_page_index(true)
        .with_bloom_filter_on_read(true);
    if let Some(predicate) = how.predicate {
        source = source.with_predicate(predicate);
    }
    let rows = segments.iter().map(|segment| segment.rows).sum::<u64>();
    let mut statistics = Statistics::new_unknown(read);
    statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
    let config = FileScanConfigBuilder::new(url, Arc::new(source))
        .with_file_groups(groups(segments, state.config().target_partitions()))
        .with_statistics(statistics)
        .with_projection_indices(Some(needed))?
        .with_limit(how.limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// Fails when a file is not there as it was written; as long as storage does not answer, it counts as there. Rows are counted from what is known of files, without reading them:
/// so whoever only counts has to look.
pub(super) async fn look_for(state: &dyn Session, segments: &[&StoredSegment]) -> Result<()> {
    let store = state.runtime_env().object_store(ObjectStoreUrl::parse(STORE_URL)?)?;
    let looks = segments.iter().map(|segment| {
        let (store, path, bytes) = (store.clone(), Path::from(segment.path.as_str()), segment.bytes);
        async move {
            match store.head(&path).await {
                Ok(object) if object.size != bytes => {
                    Err(DataFusionError::External(format!("`{path}` has {} bytes", object.size).into()))
                }
                Err(error @ object_store::Error::NotFound { .. }) => Err(DataFusionError::ObjectStore(Box::new(error))),
                Ok(_) | Err(_) => Ok(()),
            }
        }
    });
    stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(LOOKS_AT_ONCE).try_collect().await
}

/// The files in at most `streams` groups of about the same number of bytes.
fn groups(segments: &[&StoredSegment], streams: usize) -> Vec<FileGroup> {
    let mut largest_first: Vec<&StoredSegment> = segments.to_vec();
    largest_first.sort_by_key(|segment| std::cmp::Reverse(segment.bytes));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); streams.clamp(1, segments.len().max(1))];
    for segment in largest_first {
        if let Some((bytes, files)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += segment.bytes;
            files.push(PartitionedFile::new(segment.path.clone(), segment.bytes));
        }
    }
    groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

/// Columns `needed` of rows in memory.
#[derive(Debug)]
struct InMemory {
    rows: Arc<dyn Live>,
    needed: Vec<usize>,
    schema: SchemaRef,
}

impl DataSource for InMemory {
    fn open(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batches = self.rows.batches(self.needed.clone()).map(|batch| Ok(batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream::iter(batches))))
    }

    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rows in memory")
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(1)
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        EquivalenceProperties::new(self.schema.clone())
    }

    /// What a plan that only counts answers from, without a look at files either.
    fn partition_statistics(&self, _: Option<usize>) -> Result<Arc<Statistics>> {
        let num_rows = Precision::Exact(self.rows.len());
        Ok(Arc::new(Statistics { num_rows, ..Statistics::new_unknown(&self.schema) }))
    }

    fn with_fetch(&self, _: Option<usize>) -> Option<Arc<dyn DataSource>> {
        None
    }

    fn fetch(&self) -> Option<usize> {
        None
    }

    fn try_swapping_with_projection(&self, _: &ProjectionExprs) -> Result<Option<Arc<dyn DataSource>>> {
        Ok(None)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
}

/// Reads columns `needed` of rows in memory, as the types that files are read as.
pub(super) fn live(
    rows: &Arc<dyn Live>,
    stored: &SchemaRef,
    read: &SchemaRef,
    needed: Vec<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(stored.project(&needed)?);
    let source = DataSourceExec::from_data_source(InMemory { rows: rows.clone(), needed: needed.clone(), schema });
    let cast = needed.iter().enumerate().map(|(at, stored_at)| {
        let wanted = read.field(*stored_at);
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(wanted.name(), at));
        let is_same = stored.field(*stored_at).data_type() == wanted.data_type();
        let column = if is_same { column } else { Arc::new(CastExpr::new(column, wanted.data_type().clone(), None)) };
        (column, wanted.name().clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(cast.collect::<Vec<_>>(), source)?))
}

fn run_order(schema: &SchemaRef) -> Result<LexOrdering> {
    let run_id = Arc::new(Column::new_with_schema("run_id", schema)?);
    LexOrdering::new([PhysicalSortExpr::new(run_id, SortOptions { descending: false, nulls_first: true })])
        .ok_or_else(|| exec_datafusion_err!("no column to sort by"))
}

/// Sorts rows in memory as segments are.
pub(super) fn by_run(input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(SortExec::new(run_order(&input.schema())?, input)))
}

/// Merges streams that are in the order of runs.
pub(super) fn merged_by_run(input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(SortPreservingMergeExec::new(run_order(&input.schema())?, input)))
}
