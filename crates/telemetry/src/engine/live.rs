//! Rows in memory, for queries: as they were at one moment, and made into columns only as they are read.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::segment::Signal;
use super::segment::encode::Row;
use super::view::{Snapshot, Table};
use crate::row::{LogRow, MetricRow, SpanRow};

/// Rows of one batch: enough that a column of them is worth its making, few enough to be made between two other tasks.
const BATCH_ROWS: usize = 1_024;

/// Rows of one signal that are in memory. As long as it is kept, they are.
#[derive(Debug, Clone)]
pub struct LiveRows(Rows);

#[derive(Debug, Clone)]
enum Rows {
    Spans(Table<SpanRow>),
    Logs(Table<LogRow>),
    Metrics(Table<MetricRow>),
}

/// Batches of some columns.
pub type LiveBatches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

impl LiveRows {
    pub(crate) fn of(snapshot: &Snapshot, signal: Signal) -> Self {
        Self(match signal {
            Signal::Spans => Rows::Spans(snapshot.in_memory(|tables| &tables.spans)),
            Signal::Logs => Rows::Logs(snapshot.in_memory(|tables| &tables.logs)),
            Signal::Metrics => Rows::Metrics(snapshot.in_memory(|tables| &tables.metrics)),
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Rows::Spans(table) => table.len(),
            Rows::Logs(table) => table.len(),
            Rows::Metrics(table) => table.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Columns of all rows, by their places in [`Signal::schema`], in the order they came.
    #[must_use]
    pub fn batches(&self, columns: Vec<usize>) -> LiveBatches {
        match self.0.clone() {
            Rows::Spans(table) => batches(table, columns),
            Rows::Logs(table) => batches(table, columns),
            Rows::Metrics(table) => batches(table, columns),
        }
    }
}

fn batches<R: Row + Send + Sync + 'static>(table: Table<R>, columns: Vec<usize>) -> LiveBatches {
    let mut taken = 0;
    Box::new(std::iter::from_fn(move || {
        let rows: Vec<&R> = table.iter().skip(taken).take(BATCH_ROWS).collect();
        taken += rows.len();
        let encode = || R::encode_columns(&rows, R::SIGNAL.schema().project(&columns)?.into());
        (!rows.is_empty()).then(encode)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::segment::tests::span;
    use crate::engine::view::{Rows, View};

    #[test]
    fn rows_become_only_the_columns_asked_for_in_the_order_they_came() {
        let view = View::default();
        let rows = |from: u64, until: u64| Rows::Spans((from..until).map(|id| span("r", id, id as i64)).collect());
        view.push(rows(0, 1_500));
        view.freeze();
        view.push(rows(1_500, 2_100));
        let live = LiveRows::of(&view.snapshot(), Signal::Spans);
        view.push(rows(2_100, 2_200));
        assert!(live.len() == 2_100 && LiveRows::of(&view.snapshot(), Signal::Logs).is_empty());

        let at = Signal::Spans.schema().index_of("started_at").unwrap();
        let batches: Vec<RecordBatch> = live.batches(vec![at]).collect::<Result<_, _>>().unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [1_024, 1_024, 52]);
        assert!(batches.iter().all(|batch| batch.schema().fields().len() == 1));
        let times = batches.iter().flat_map(|batch| {
            let column = batch.column(0).as_any().downcast_ref::<arrow::array::TimestampNanosecondArray>().unwrap();
            column.values().to_vec()
        });
        assert!(times.eq(0..2_100));
        let counted: usize = live.batches(Vec::new()).map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(counted, 2_100, "rows without columns are rows");
        assert!(live.batches(vec![99]).all(|batch| batch.is_err()));
    }
}
