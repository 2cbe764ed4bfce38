//! Rows to Arrow batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Array, Int32Array, Int64Array, RecordBatch, StringBuilder,
    TimestampNanosecondArray,
};
use arrow::error::ArrowError;
use mizzen_model::span::SpanKind;
use mizzen_model::usage::Usage;

use super::schema::Signal;
use crate::row::{LogRow, MetricRow, Name, SpanRow};

/// A row type that has a table.
pub(crate) trait Row: Sized {
    const SIGNAL: Signal;

    /// One batch with the columns of [`Signal::schema`].
    fn encode(rows: &[&Self]) -> Result<RecordBatch, ArrowError>;

    /// The order of rows in a segment.
    fn order(&self, other: &Self) -> std::cmp::Ordering;

    /// Bytes that the row takes in memory, roughly.
    fn memory_bytes(&self) -> usize;

    fn run_id(&self) -> Option<&str>;

    /// When it happened, in nanoseconds since the epoch.
    fn at_unix_nanos(&self) -> i64;
}

/// Size of a row's fixed part, with the counters of its strings.
const ROW_OVERHEAD_BYTES: usize = 64;

impl Row for SpanRow {
    const SIGNAL: Signal = Signal::Spans;

    fn encode(rows: &[&Self]) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![
            texts(rows, |row| &row.head.run_id),
            ids::<16, _>(rows, |row| Some(*row.head.trace_id.as_bytes()))?,
            ids::<8, _>(rows, |row| Some(*row.head.span_id.as_bytes()))?,
            ids::<8, _>(rows, |row| row.head.parent_span_id.map(|id| *id.as_bytes()))?,
            texts(rows, |row| &row.head.name),
            texts(rows, |row| kind_name(row.head.kind)),
            times(rows),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.head.duration_ns))),
            texts(rows, |row| row.head.outcome.as_str()),
            texts(rows, |row| row.head.source.as_str()),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.head.sampling_fraction))),
            Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.head.cost_usd))),
            names(rows, |row| row.head.error_type.as_ref()),
            names(rows, |row| row.head.service.as_ref()),
            optional_texts(rows, |row| row.head.step.map(|step| step.as_str())),
            names(rows, |row| row.head.agent.as_ref()),
            names(rows, |row| row.head.model.as_ref()),
            names(rows, |row| row.head.provider.as_ref()),
            names(rows, |row| row.head.tool.as_ref()),
            names(rows, |row| row.head.tool_call_id.as_ref()),
            names(rows, |row| row.head.response_id.as_ref()),
            names(rows, |row| row.head.session.as_ref()),
            names(rows, |row| row.head.caller.as_ref()),
        ];
        let usage: [fn(&Usage) -> u64; 5] = [
            |usage| usage.input_tokens,
            |usage| usage.output_tokens,
            |usage| usage.cache_read_tokens,
            |usage| usage.cache_write_tokens,
            |usage| usage.reasoning_tokens,
        ];
        columns.extend(usage.map(|field| tokens(rows, field)));
        columns.extend([
            texts(rows, |row| &row.body.status_message),
            texts(rows, |row| &row.body.attributes),
            texts(rows, |row| &row.body.events),
            texts(rows, |row| &row.body.links),
            texts(rows, |row| &row.body.trace_state),
            texts(rows, |row| &row.body.resource),
            texts(rows, |row| &row.body.scope),
        ]);
        RecordBatch::try_new(Signal::Spans.schema(), columns)
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let (a, b) = (&self.head, &other.head);
        // Rows of one request share the name of their run, so that most comparisons need not look at it.
        let by_run =
            if Arc::ptr_eq(&a.run_id, &b.run_id) { std::cmp::Ordering::Equal } else { a.run_id.cmp(&b.run_id) };
        by_run.then(a.started_at.cmp(&b.started_at)).then_with(|| a.span_id.cmp(&b.span_id))
    }

    fn memory_bytes(&self) -> usize {
        let body = &self.body;
        size_of::<Self>()
            + ROW_OVERHEAD_BYTES
            + body.attributes.capacity()
            + body.events.capacity()
            + body.links.capacity()
            + body.status_message.capacity()
            + self.head.tool_call_id.as_ref().map_or(0, |id| id.len())
            + self.head.response_id.as_ref().map_or(0, |id| id.len())
    }

    fn run_id(&self) -> Option<&str> {
        Some(&self.head.run_id)
    }

    fn at_unix_nanos(&self) -> i64 {
        self.head.started_at.unix_nanos()
    }
}

impl Row for LogRow {
    const SIGNAL: Signal = Signal::Logs;

    fn encode(rows: &[&Self]) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            names(rows, |row| row.run_id.as_ref()),
            ids::<16, _>(rows, |row| row.trace_id.map(|id| *id.as_bytes()))?,
            ids::<8, _>(rows, |row| row.span_id.map(|id| *id.as_bytes()))?,
            times(rows),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.severity_number))),
            texts(rows, |row| &row.severity),
            names(rows, |row| row.event_name.as_ref()),
            names(rows, |row| row.service.as_ref()),
            texts(rows, |row| &row.body),
            texts(rows, |row| &row.attributes),
            texts(rows, |row| &row.resource),
            texts(rows, |row| &row.scope),
        ];
        RecordBatch::try_new(Signal::Logs.schema(), columns)
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.run_id.cmp(&other.run_id).then(self.at.cmp(&other.at))
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + ROW_OVERHEAD_BYTES + self.body.capacity() + self.attributes.capacity()
    }

    fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    fn at_unix_nanos(&self) -> i64 {
        self.at.unix_nanos()
    }
}

impl Row for MetricRow {
    const SIGNAL: Signal = Signal::Metrics;

    fn encode(rows: &[&Self]) -> Result<RecordBatch, ArrowError> {
        let count = |row: &&Self| row.count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let columns: Vec<ArrayRef> = vec![
            texts(rows, |row| &row.name),
            texts(rows, |row| &row.unit),
            texts(rows, |row| row.kind),
            times(rows),
            names(rows, |row| row.service.as_ref()),
            Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.value))),
            Arc::new(Int64Array::from_iter(rows.iter().map(count))),
            texts(rows, |row| &row.attributes),
            texts(rows, |row| &row.detail),
            texts(rows, |row| &row.resource),
            texts(rows, |row| &row.scope),
        ];
        RecordBatch::try_new(Signal::Metrics.schema(), columns)
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.name.cmp(&other.name).then(self.at.cmp(&other.at))
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + ROW_OVERHEAD_BYTES + self.attributes.capacity() + self.detail.capacity()
    }

    fn run_id(&self) -> Option<&str> {
        None
    }

    fn at_unix_nanos(&self) -> i64 {
        self.at.unix_nanos()
    }
}

/// OpenTelemetry's names of span kinds, in lower case.
pub(super) const fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

fn times<R: Row>(rows: &[&R]) -> ArrayRef {
    let values = rows.iter().map(|row| row.at_unix_nanos());
    Arc::new(TimestampNanosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn tokens(rows: &[&SpanRow], field: fn(&Usage) -> u64) -> ArrayRef {
    let count = |row: &&SpanRow| row.head.usage.as_ref().map(|usage| i64::try_from(field(usage)).unwrap_or(i64::MAX));
    Arc::new(Int64Array::from_iter(rows.iter().map(count)))
}

fn texts<'a, R>(rows: &[&'a R], field: impl Fn(&'a R) -> &'a str) -> ArrayRef {
    let bytes = rows.iter().map(|row| field(row).len()).sum();
    let mut builder = StringBuilder::with_capacity(rows.len(), bytes);
    rows.iter().for_each(|row| builder.append_value(field(row)));
    Arc::new(builder.finish())
}

fn optional_texts<'a, R>(rows: &[&'a R], field: impl Fn(&'a R) -> Option<&'a str>) -> ArrayRef {
    let bytes = rows.iter().map(|row| field(row).map_or(0, str::len)).sum();
    let mut builder = StringBuilder::with_capacity(rows.len(), bytes);
    rows.iter().for_each(|row| builder.append_option(field(row)));
    Arc::new(builder.finish())
}

fn names<'a, R>(rows: &[&'a R], field: impl Fn(&'a R) -> Option<&'a Name>) -> ArrayRef {
    optional_texts(rows, |row| field(row).map(|name| &**name))
}

fn ids<const BYTES: usize, R>(rows: &[&R], field: impl Fn(&R) -> Option<[u8; BYTES]>) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), BYTES as i32);
    for row in rows {
        match field(row) {
            Some(id) => builder.append_value(id)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}
