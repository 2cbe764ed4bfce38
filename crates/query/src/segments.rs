//! Segments and live rows of one signal as a table.
//!
//! A scan is one branch per kind of rows, united: segments without deleted runs, segments with some (with the
//! filter that leaves those runs out), and live rows. Every branch reads stored columns, filters them, and only
//! then works out what is shown, so that the shape of ids and durations costs nothing for rows left out.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, col, lit, when};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;

use mizzen_telemetry::{LiveBatches, LiveRows};

use crate::columns::{self, Shown};
use crate::{filter, functions};
use read::How;

mod prune;
mod read;
mod twins;

pub(crate) use twins::{Key, key};

/// Segments and live rows as they were at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) schema: SchemaRef,
    pub(crate) segments: Vec<StoredSegment>,
    pub(crate) live: Arc<dyn Live>,
    /// What keeps the files while they are read.
    pub(crate) _pin: Option<Arc<dyn Any + Send + Sync>>,
}

/// Rows in memory. Only what is asked for becomes columns, one batch after the other.
pub(crate) trait Live: fmt::Debug + Send + Sync {
    fn len(&self) -> usize;

    /// The columns at these places of the stored schema.
    fn batches(&self, columns: Vec<usize>) -> LiveBatches;
}

impl Live for LiveRows {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn batches(&self, columns: Vec<usize>) -> LiveBatches {
        Self::batches(self, columns)
    }
}

/// One Parquet file.
#[derive(Debug, Clone)]
pub(crate) struct StoredSegment {
    /// Path in object storage.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// Earliest and latest time of its rows, in nanoseconds since the epoch.
    pub(crate) min_at: i64,
    pub(crate) max_at: i64,
    /// Runs whose rows were deleted but are still in the file.
    pub(crate) hidden_runs: Option<Arc<BTreeSet<String>>>,
}

/// A table over [`Stored`] rows.
#[derive(Debug)]
pub(crate) struct SegmentTable {
    stored: Stored,
    columns: Vec<Shown>,
    shown: SchemaRef,
    read: SchemaRef,
    is_steps: bool,
}

/// What a scan is asked for, over stored columns.
struct Asked {
    filters: Vec<Expr>,
    shown: Vec<(Expr, String)>,
    limit: Option<usize>,
}

impl SegmentTable {
    pub(crate) fn all(stored: Stored) -> Result<Self> {
        Self::new(stored, false)
    }

    /// The spans that are steps and count.
    pub(crate) fn steps(stored: Stored) -> Result<Self> {
        Self::new(stored, true)
    }

    fn new(stored: Stored, is_steps: bool) -> Result<Self> {
        let columns = columns::shown(&stored.schema, is_steps);
        let read = columns::read_schema(&stored.schema);
        let fields = columns.iter().map(|column| column.field(&read)).collect::<Result<Vec<_>>>()?;
        Ok(Self { stored, columns, shown: Arc::new(Schema::new(fields)), read, is_steps })
    }

    /// The stored columns that `asked` needs, in stored order.
    fn needed(&self, asked: &Asked) -> Vec<usize> {
        let exprs = asked.filters.iter().chain(asked.shown.iter().map(|(shown, _)| shown));
        let names: BTreeSet<&str> = exprs.flat_map(Expr::column_refs).map(|column| column.name.as_str()).collect();
        (0..self.read.fields().len()).filter(|at| names.contains(self.read.field(*at).name().as_str())).collect()
    }

    /// `input` reads stored columns; the result has the shown ones, of rows that pass the filters.
    fn finish(state: &dyn Session, input: Arc<dyn ExecutionPlan>, asked: &Asked) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = DFSchema::try_from(input.schema().as_ref().clone())?;
        let filtered = filtered(state, input, &asked.filters)?;
        let shown = asked
            .shown
            .iter()
            .map(|(expr, name)| Ok((state.create_physical_expr(expr.clone(), &schema)?, name.clone())));
        let shown: Vec<(Arc<dyn PhysicalExpr>, String)> = shown.collect::<Result<_>>()?;
        Ok(Arc::new(ProjectionExec::try_new(shown, filtered)?))
    }

    async fn branches(&self, state: &dyn Session, asked: &Asked) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        let limit = asked.limit.filter(|_| asked.filters.is_empty());
        let kept = prune::segments(&self.stored.segments, &self.read, state, &asked.filters)?;
        let mut branches = Vec::new();
        let (whole, partly): (Vec<_>, Vec<_>) = kept.into_iter().partition(|segment| segment.hidden_runs.is_none());
        if !whole.is_empty() {
            let how = How { limit, ..How::default() };
            let needed = self.needed(asked);
            if needed.is_empty() {
                read::look_for(state, &whole).await?;
            }
            let input = read::files(state, &self.read, &whole, needed, how)?;
            branches.push(Self::finish(state, input, asked)?);
        }
        for segment in partly {
            let hidden = segment.hidden_runs.as_deref().map(not_hidden);
            let filters = asked.filters.iter().cloned().chain(hidden).collect();
            let asked = Asked { filters, shown: asked.shown.clone(), limit: None };
            let input = read::files(state, &self.read, &[segment], self.needed(&asked), How::default())?;
            branches.push(Self::finish(state, input, &asked)?);
        }
        if self.stored.live.len() > 0 {
            let input = read::live(&self.stored.live, &self.stored.schema, &self.read, self.needed(asked))?;
            branches.push(Self::finish(state, input, asked)?);
        }
        Ok(branches)
    }

    /// Leaves out what does not count. Which steps count depends on their runs alone, so only what `asked` says of
    /// runs narrows the search.
    async fn leave_out_uncounted(&self, state: &dyn Session, asked: &mut Asked) -> Result<()> {
        let of_runs = |filter: &&Expr| filter.column_refs().iter().all(|column| column.name == "run_id");
        let filters: Vec<Expr> = asked.filters.iter().filter(of_runs).cloned().collect();
        asked.filters.push(col("step").is_not_null());
        if !twins::can_tell(&self.read) {
            return Ok(());
        }
        let found = match self.heads(state, &filters)? {
            Some(heads) => twins::find(state, heads).await?,
            None => return Ok(()),
        };
        if !found.twins.is_empty() {
            let twins = Arc::new(found.twins);
            asked.filters.push(!functions::is_among(twins, col("trace_id"), col("span_id")));
        }
        if !found.repeated.is_empty() {
            let repeated = Arc::new(found.repeated);
            let is_repeated = functions::is_among(repeated, col("trace_id"), col("span_id"));
            let shown = asked.shown.iter_mut().map(|(shown, _)| shown);
            for expr in asked.filters.iter_mut().chain(shown) {
                *expr = without_usage(std::mem::take(expr), &is_repeated)?;
            }
        }
        Ok(())
    }

    /// Heads of the spans of runs that pass `filters`, in the order of runs; `None` when there are no rows.
    fn heads(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let wanted = twins::COLUMNS.iter().map(|name| self.read.index_of(name));
        let mut needed = wanted.collect::<Result<Vec<usize>, _>>()?;
        needed.sort_unstable();
        let whole = DFSchema::try_from(self.read.as_ref().clone())?;
        let mut inputs = Vec::new();
        for segment in &self.stored.segments {
            let hidden = segment.hidden_runs.as_deref().map(not_hidden);
            let filters: Vec<Expr> = filters.iter().cloned().chain(hidden).collect();
            let predicate = conjunction(filters.iter().cloned());
            let predicate = predicate.map(|expr| state.create_physical_expr(expr, &whole)).transpose()?;
            let how = How { limit: None, predicate };
            let input = read::files(state, &self.read, &[segment], needed.clone(), how)?;
            inputs.push(filtered(state, input, &filters)?);
        }
        if self.stored.live.len() > 0 {
            let input = read::live(&self.stored.live, &self.stored.schema, &self.read, needed)?;
            inputs.push(read::by_run(filtered(state, input, filters)?)?);
        }
        if inputs.is_empty() { Ok(None) } else { read::merged_by_run(UnionExec::try_new(inputs)?).map(Some) }
    }
}

fn filtered(state: &dyn Session, input: Arc<dyn ExecutionPlan>, filters: &[Expr]) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(input) };
    let schema = DFSchema::try_from(input.schema().as_ref().clone())?;
    Ok(Arc::new(FilterExec::try_new(state.create_physical_expr(filter, &schema)?, input)?))
}

/// `expr` where rows that are `repeated` have neither usage nor cost.
fn without_usage(expr: Expr, repeated: &Expr) -> Result<Expr> {
    let replaced = expr.transform_down(|expr| match &expr {
        Expr::Column(column) if columns::is_usage(&column.name) => {
            let counted = when(repeated.clone(), lit(ScalarValue::Null)).otherwise(expr)?;
            Ok(Transformed::new(counted, true, TreeNodeRecursion::Jump))
        }
        _ => Ok(Transformed::no(expr)),
    })?;
    Ok(replaced.data)
}

/// A row without a run belongs to no deleted one.
fn not_hidden(runs: &BTreeSet<String>) -> Expr {
    let runs = runs.iter().map(|run| lit(run.as_str())).collect();
    col("run_id").is_null().or(col("run_id").in_list(runs, true))
}

#[async_trait::async_trait]
impl TableProvider for SegmentTable {
    fn schema(&self) -> SchemaRef {
        self.shown.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.columns.len()).collect());
        let filters = filters.iter().map(|expr| filter::to_stored(expr.clone(), &self.columns, &self.read));
        let shown = columns.iter().map(|at| (self.columns[*at].expression(), self.columns[*at].name.clone()));
        let mut asked = Asked { filters: filters.collect::<Result<_>>()?, shown: shown.collect(), limit };
        if self.is_steps {
            self.leave_out_uncounted(state, &mut asked).await?;
        }
        let mut branches = self.branches(state, &asked).await?;
        match branches.len() {
            0 => Ok(Arc::new(EmptyExec::new(Arc::new(self.shown.project(&columns)?)))),
            1 => Ok(branches.remove(0)),
            _ => UnionExec::try_new(branches),
        }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }
}
