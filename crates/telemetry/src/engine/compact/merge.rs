//! A streaming merge of sorted segments into one: a few hundred rows of each in memory at a time.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array as _, FixedSizeBinaryArray, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::compute::interleave_record_batch;
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::engine::segment::read::{SegmentReader, scanned};
use crate::engine::segment::schema::Purpose;
use crate::engine::segment::write::{BATCH_ROWS, SegmentWriter, Written};
use crate::engine::segment::{Segment, SegmentError, Signal};
use crate::engine::view::Hidden;

/// Rows that are read of one segment at a time.
const INPUT_ROWS: usize = 128;

/// One merge.
pub(super) struct Work {
    pub(super) reader: SegmentReader,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Of one signal.
    pub(super) inputs: Vec<Arc<Segment>>,
    pub(super) hidden: Hidden,
    pub(super) path: String,
    pub(super) cancel: CancellationToken,
}

impl Work {
    /// Writes the merged segment; `None` when no row was left. Blocks.
    pub(super) fn run(self) -> Result<Option<Written>, SegmentError> {
        let runtime = Handle::current();
        let signal = self.inputs[0].signal;
        let mut cursors = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let rows = runtime.block_on(self.reader.scan(input, INPUT_ROWS))?;
            let mut cursor = Cursor { segment: input.clone(), rows, batch: None, row: 0, keys: None };
            if cursor.next_batch(signal)? {
                cursors.push(cursor);
            }
        }
        let writer = SegmentWriter::create(self.objects.clone(), self.path.clone(), signal, Purpose::Rest)?;
        let mut output = Output { writer, path: &self.path, sources: Vec::new(), picked: Vec::new(), rows: 0 };
        let mut once = Once::default();
        while let Some(first) = smallest(&cursors) {
            if self.cancel.is_cancelled() {
                return Err(SegmentError::Cancelled { path: self.path.clone() });
            }
            let bound = smallest_but(&cursors, first).and_then(|at| cursors[at].key());
            let taken = cursors[first].rows_up_to(bound);
            let cursor = &mut cursors[first];
            output.take(cursor, taken, &self.hidden, &mut once)?;
            if !cursor.advance(taken, signal)? {
                cursors.swap_remove(first);
            }
        }
        output.finish()
    }
}

/// What rows are ordered by.
type Key<'a> = (Option<&'a str>, i64, Option<&'a [u8]>);

/// The columns of [`Key`], and the trace id for spans.
struct Keys {
    name: StringArray,
    at: TimestampNanosecondArray,
    span_id: Option<FixedSizeBinaryArray>,
    trace_id: Option<FixedSizeBinaryArray>,
}

impl Keys {
    fn of(batch: &RecordBatch, signal: Signal) -> Option<Self> {
        let ids = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<FixedSizeBinaryArray>().cloned();
        let is_spans = signal == Signal::Spans;
        Some(Self {
            name: batch.column_by_name(signal.order()[0])?.as_any().downcast_ref::<StringArray>()?.clone(),
            at: batch
                .column_by_name(signal.time_column())?
                .as_any()
                .downcast_ref::<TimestampNanosecondArray>()?
                .clone(),
            span_id: is_spans.then(|| ids("span_id")).flatten(),
            trace_id: is_spans.then(|| ids("trace_id")).flatten(),
        })
    }

    fn name(&self, row: usize) -> Option<&str> {
        self.name.is_valid(row).then(|| self.name.value(row))
    }

    fn at(&self, row: usize) -> Key<'_> {
        (self.name(row), self.at.value(row), self.span_id.as_ref().map(|ids| ids.value(row)))
    }

    /// Trace and span id of a span.
    fn span(&self, row: usize) -> Option<(&[u8], &[u8])> {
        Some((self.trace_id.as_ref()?.value(row), self.span_id.as_ref()?.value(row)))
    }
}

/// A position in one input.
struct Cursor {
    segment: Arc<Segment>,
    rows: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    row: usize,
    keys: Option<Keys>,
}

impl Cursor {
    /// Loads the next batch with rows; false at the end.
    fn next_batch(&mut self, signal: Signal) -> Result<bool, SegmentError> {
        (self.batch, self.row, self.keys) = (None, 0, None);
        for batch in self.rows.by_ref() {
            let batch = scanned(&self.segment, batch)?;
            if batch.num_rows() > 0 {
                self.keys = Keys::of(&batch, signal);
                self.batch = Some(batch);
                return Ok(self.keys.is_some());
            }
        }
        Ok(false)
    }

    fn key(&self) -> Option<Key<'_>> {
        self.keys.as_ref().map(|keys| keys.at(self.row))
    }

    /// How many rows of the batch come before `bound`; at least one, all without a bound.
    fn rows_up_to(&self, bound: Option<Key<'_>>) -> usize {
        let (Some(keys), Some(batch)) = (&self.keys, &self.batch) else { return 0 };
        let left = batch.num_rows() - self.row;
        match bound {
            None => left,
            Some(bound) => (1..left).find(|ahead| keys.at(self.row + ahead) > bound).unwrap_or(left),
        }
    }

    fn advance(&mut self, rows: usize, signal: Signal) -> Result<bool, SegmentError> {
        self.row += rows;
        match &self.batch {
            Some(batch) if self.row < batch.num_rows() => Ok(true),
            _ => self.next_batch(signal),
        }
    }
}

/// The input with the smallest key; of equals the older segment.
fn smallest(cursors: &[Cursor]) -> Option<usize> {
    (0..cursors.len()).min_by(|a, b| compare(&cursors[*a], &cursors[*b]))
}

fn smallest_but(cursors: &[Cursor], first: usize) -> Option<usize> {
    (0..cursors.len()).filter(|at| *at != first).min_by(|a, b| compare(&cursors[*a], &cursors[*b]))
}

fn compare(a: &Cursor, b: &Cursor) -> Ordering {
    a.key().cmp(&b.key()).then(a.segment.id.cmp(&b.segment.id))
}

/// Lets every span of a run through once. The engine takes no span twice; this holds for segments from elsewhere too.
#[derive(Default)]
struct Once {
    run: String,
    spans: HashSet<[u8; 24]>,
}

impl Once {
    fn is_new(&mut self, keys: &Keys, row: usize) -> bool {
        let (Some(run), Some((trace_id, span_id))) = (keys.name(row), keys.span(row)) else { return true };
        if run != self.run {
            run.clone_into(&mut self.run);
            self.spans.clear();
        }
        let mut key = [0; 24];
        key[..16].copy_from_slice(trace_id);
        key[16..].copy_from_slice(span_id);
        self.spans.insert(key)
    }
}

/// Gathers picked rows into batches and writes them.
struct Output<'a> {
    writer: SegmentWriter,
    path: &'a str,
    sources: Vec<RecordBatch>,
    picked: Vec<(usize, usize)>,
    rows: usize,
}

impl Output<'_> {
    fn take(&mut self, cursor: &Cursor, rows: usize, hidden: &Hidden, once: &mut Once) -> Result<(), SegmentError> {
        let (Some(keys), Some(batch)) = (&cursor.keys, &cursor.batch) else { return Ok(()) };
        let hides = hidden.runs_of(cursor.segment.id);
        let (source, before) = (self.sources.len(), self.picked.len());
        for row in cursor.row..cursor.row + rows {
            let is_hidden = hides.zip(keys.name(row)).is_some_and(|(runs, name)| runs.contains(name));
            if !is_hidden && once.is_new(keys, row) {
                self.picked.push((source, row));
            }
        }
        // The same batch is often a source several times over; sharing it costs nothing. One of which every row is hidden is let go.
        if self.picked.len() > before {
            self.sources.push(batch.clone());
        }
        if self.picked.len() >= BATCH_ROWS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), SegmentError> {
        let sources: Vec<&RecordBatch> = self.sources.iter().collect();
        let batch = interleave_record_batch(&sources, &self.picked);
        let batch = batch.map_err(|source| SegmentError::Arrow { path: self.path.to_owned(), source })?;
        self.writer.write(&batch)?;
        self.rows += self.picked.len();
        self.sources.clear();
        self.picked.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Option<Written>, SegmentError> {
        if !self.picked.is_empty() {
            self.write()?;
        }
        if self.rows == 0 { Ok(None) } else { self.writer.finish().map(Some) }
    }
}

#[cfg(test)]
mod tests;
