//! Segments that cannot hold what is asked for, by the times they cover.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, TimestampNanosecondArray, UInt64Array};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use super::StoredSegment;

/// The segments of `all` that may hold rows passing `filters`.
pub(super) fn segments<'a>(
    all: &'a [StoredSegment],
    read: &SchemaRef,
    state: &dyn Session,
    filters: &[Expr],
) -> Result<Vec<&'a StoredSegment>> {
    let (Some(time), Some(filter)) = (time_column(read), conjunction(filters.iter().cloned())) else {
        return Ok(all.iter().collect());
    };
    let schema = DFSchema::try_from(read.as_ref().clone())?;
    let predicate = state.create_physical_expr(filter, &schema)?;
    let predicate = PruningPredicateBuilder::new().with_file_schema(read.clone()).try_build(predicate)?;
    let kept = predicate.prune(&Times { segments: all, time })?;
    Ok(all.iter().zip(kept).filter(|(_, is_kept)| *is_kept).map(|(segment, _)| segment).collect())
}

/// The column whose range a segment states.
fn time_column(read: &Schema) -> Option<&str> {
    ["started_at", "at"].into_iter().find(|name| read.field_with_name(name).is_ok())
}

struct Times<'a> {
    segments: &'a [StoredSegment],
    time: &'a str,
}

impl Times<'_> {
    fn of(&self, column: &Column, bound: fn(&StoredSegment) -> i64) -> Option<ArrayRef> {
        let times = TimestampNanosecondArray::from_iter_values(self.segments.iter().map(bound));
        (column.name == self.time).then(|| Arc::new(times.with_timezone("UTC")) as ArrayRef)
    }
}

impl PruningStatistics for Times<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, |segment| segment.min_at)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, |segment| segment.max_at)
    }

    fn num_containers(&self) -> usize {
        self.segments.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.segments.iter().map(|segment| segment.rows))))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
