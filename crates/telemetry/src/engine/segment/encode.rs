//! Rows to Arrow batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Array, Int32Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringBuilder, TimestampNanosecondArray,
};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use mizzen_model::usage::Usage;

use super::schema::Signal;
use crate::row::{LogRow, MetricRow, Name, SpanRow};

/// A row type that has a table.
pub(crate) trait Row: Sized {
    const SIGNAL: Signal;

    /// The column `name` of [`Signal::schema`].
    fn column(rows: &[&Self], name: &str) -> Result<ArrayRef, ArrowError>;

    /// One batch with the columns of [`Signal::schema`].
    fn encode(rows: &[&Self]) -> Result<RecordBatch, ArrowError> {
        Self::encode_columns(rows, Self::SIGNAL.schema())
    }

    /// One batch with some of these columns, and perhaps with none.
    fn encode_columns(rows: &[&Self], schema: SchemaRef) -> Result<RecordBatch, ArrowError> {
        let columns = schema.fields().iter().map(|field| Self::column(rows, field.name())).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(schema, columns, &options)
    }

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

    fn column(rows: &[&Self], name: &str) -> Result<ArrayRef, ArrowError> {
        Ok(match name {
            "run_id" => texts(rows, |row| &row.head.run_id),
            "trace_id" => ids::<16, _>(rows, |row| Some(*row.head.trace_id.as_bytes()))?,
            "span_id" => ids::<8, _>(rows, |row| Some(*row.head.span_id.as_bytes()))?,
            "parent_span_id" => ids::<8, _>(rows, |row| row.head.parent_span_id.map(|id| *id.as_bytes()))?,
            "name" => texts(rows, |row| &row.head.name),
            "kind" => texts(rows, |row| row.head.kind.as_str()),
            "started_at" => times(rows),
            "duration_ns" => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.head.duration_ns))),
            "outcome" => texts(rows, |row| row.head.outcome.as_str()),
            "source" => texts(rows, |row| row.head.source.as_str()),
            "sampling_fraction" => {
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.head.sampling_fraction)))
            }
            "cost_usd" => Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.head.cost_usd))),
            "error_type" => names(rows, |row| row.head.error_type.as_ref()),
            "service" => names(rows, |row| row.head.service.as_ref()),
            "step" => optional_texts(rows, |row| row.head.step.map(|step| step.as_str())),
            "agent" => names(rows, |row| row.head.agent.as_ref()),
            "model" => names(rows, |row| row.head.model.as_ref()),
            "provider" => names(rows, |row| row.head.provider.as_ref()),
            "tool" => names(rows, |row| row.head.tool.as_ref()),
            "tool_call_id" => names(rows, |row| row.head.tool_call_id.as_ref()),
            "response_id" => names(rows, |row| row.head.response_id.as_ref()),
            "session" => names(rows, |row| row.head.session.as_ref()),
            "caller" => names(rows, |row| row.head.caller.as_ref()),
            "input_tokens" => tokens(rows, |usage| usage.input_tokens),
            "output_tokens" => tokens(rows, |usage| usage.output_tokens),
            "cache_read_tokens" => tokens(rows, |usage| usage.cache_read_tokens),
            "cache_write_tokens" => tokens(rows, |usage| usage.cache_write_tokens),
            "reasoning_tokens" => tokens(rows, |usage| usage.reasoning_tokens),
            "status_message" => texts(rows, |row| &row.body.status_message),
            "attributes" => texts(rows, |row| &row.body.attributes),
            "events" => texts(rows, |row| &row.body.events),
            "links" => texts(rows, |row| &row.body.links),
            "trace_state" => texts(rows, |row| &row.body.trace_state),
            "resource" => texts(rows, |row| &row.body.resource),
            "scope" => texts(rows, |row| &row.body.scope),
            _ => return Err(no_column(Self::SIGNAL, name)),
        })
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

    fn column(rows: &[&Self], name: &str) -> Result<ArrayRef, ArrowError> {
        Ok(match name {
            "run_id" => names(rows, |row| row.run_id.as_ref()),
            "trace_id" => ids::<16, _>(rows, |row| row.trace_id.map(|id| *id.as_bytes()))?,
            "span_id" => ids::<8, _>(rows, |row| row.span_id.map(|id| *id.as_bytes()))?,
            "at" => times(rows),
            "severity_number" => Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.severity_number))),
            "severity" => texts(rows, |row| &row.severity),
            "event_name" => names(rows, |row| row.event_name.as_ref()),
            "service" => names(rows, |row| row.service.as_ref()),
            "body" => texts(rows, |row| &row.body),
            "attributes" => texts(rows, |row| &row.attributes),
            "resource" => texts(rows, |row| &row.resource),
            "scope" => texts(rows, |row| &row.scope),
            _ => return Err(no_column(Self::SIGNAL, name)),
        })
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

    fn column(rows: &[&Self], name: &str) -> Result<ArrayRef, ArrowError> {
        let count = |row: &&Self| row.count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        Ok(match name {
            "name" => texts(rows, |row| &row.name),
            "unit" => texts(rows, |row| &row.unit),
            "kind" => texts(rows, |row| row.kind),
            "at" => times(rows),
            "service" => names(rows, |row| row.service.as_ref()),
            "value" => Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.value))),
            "count" => Arc::new(Int64Array::from_iter(rows.iter().map(count))),
            "attributes" => texts(rows, |row| &row.attributes),
            "detail" => texts(rows, |row| &row.detail),
            "resource" => texts(rows, |row| &row.resource),
            "scope" => texts(rows, |row| &row.scope),
            _ => return Err(no_column(Self::SIGNAL, name)),
        })
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

fn no_column(signal: Signal, name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("{} have no column `{name}`", signal.as_str()))
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
