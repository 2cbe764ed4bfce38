//! Columns of the segments, and how each is encoded.
//!
//! Columns that stay the same over many rows (names, services, the resource) keep Parquet's dictionary; ids and
//! content do not. Content goes into large pages, because they are compressed one by one; the page index and the
//! order by run let a read touch few of them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

/// Version of the column layout that this release writes, and the newest that it reads.
pub(crate) const FORMAT: u32 = 1;
/// Key in the file's metadata that holds [`FORMAT`].
pub(crate) const FORMAT_KEY: &str = "mizzen.format";

/// Rows of one row group: what a writer holds in memory, encoded.
const ROW_GROUP_ROWS: usize = 32_768;
/// A row group is also closed at this size, so that large prompts do not fill the memory.
const ROW_GROUP_BYTES: usize = 32 * 1024 * 1024;
/// Rows encoded before the size of a page is looked at.
const WRITE_BATCH_ROWS: usize = 64;
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// What a segment is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Few rows, soon merged with others: speed before size, and small pages, because a merge holds one of every
    /// column of every input in memory.
    Merge,
    /// To stay: size before speed, and large pages, because each is compressed by itself.
    Rest,
}

impl Purpose {
    const fn zstd_level(self) -> i32 {
        match self {
            Self::Merge => 1,
            Self::Rest => 3,
        }
    }

    /// Bytes of a page of content.
    const fn page_bytes(self) -> usize {
        match self {
            Self::Merge => 64 * 1024,
            Self::Rest => 512 * 1024,
        }
    }

    /// Rows of a page of small values.
    const fn page_rows(self) -> usize {
        match self {
            Self::Merge => 2_048,
            Self::Rest => 8_192,
        }
    }
}

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    Spans,
    Logs,
    Metrics,
}

impl Signal {
    pub const ALL: [Self; 3] = [Self::Spans, Self::Logs, Self::Metrics];

    /// The table's name, also the folder of its segments.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == name)
    }

    /// The number that a log record carries.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Spans => 1,
            Self::Logs => 2,
            Self::Metrics => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.number() == number)
    }

    /// The columns, as Arrow has them.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        static SPANS: LazyLock<SchemaRef> = LazyLock::new(span_schema);
        static LOGS: LazyLock<SchemaRef> = LazyLock::new(log_schema);
        static METRICS: LazyLock<SchemaRef> = LazyLock::new(metric_schema);
        match self {
            Self::Spans => SPANS.clone(),
            Self::Logs => LOGS.clone(),
            Self::Metrics => METRICS.clone(),
        }
    }

    /// The column that says when.
    pub(crate) const fn time_column(self) -> &'static str {
        match self {
            Self::Spans => "started_at",
            Self::Logs | Self::Metrics => "at",
        }
    }

    /// The columns that rows of a segment are sorted by.
    pub(crate) const fn order(self) -> &'static [&'static str] {
        match self {
            Self::Spans => &["run_id", "started_at", "span_id"],
            Self::Logs => &["run_id", "at"],
            Self::Metrics => &["name", "at"],
        }
    }
}

/// Columns of [`crate::row::SpanBody`] that a read of heads leaves out. The status message is not among them:
/// it is short, and a step shows it.
pub(crate) const SPAN_CONTENT: [&str; 6] = ["attributes", "events", "links", "trace_state", "resource", "scope"];

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC")))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn text(name: &str) -> Field {
    required(name, DataType::Utf8)
}

fn optional_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn span_schema() -> SchemaRef {
    let mut fields = vec![
        text("run_id"),
        required("trace_id", DataType::FixedSizeBinary(16)),
        required("span_id", DataType::FixedSizeBinary(8)),
        Field::new("parent_span_id", DataType::FixedSizeBinary(8), true),
        text("name"),
        text("kind"),
        required("started_at", time()),
        required("duration_ns", DataType::Int64),
        text("outcome"),
        text("source"),
        required("sampling_fraction", DataType::Float64),
        Field::new("cost_usd", DataType::Float64, true),
    ];
    fields.extend(SPAN_NAMES.iter().map(|name| optional_text(name)));
    fields.extend(USAGE.iter().map(|name| Field::new(*name, DataType::Int64, true)));
    fields.push(text("status_message"));
    fields.extend(SPAN_CONTENT.iter().map(|name| text(name)));
    Arc::new(Schema::new(fields))
}

/// Optional names of a span, in the order of their columns.
pub(crate) const SPAN_NAMES: [&str; 11] = [
    "error_type",
    "service",
    "step",
    "agent",
    "model",
    "provider",
    "tool",
    "tool_call_id",
    "response_id",
    "session",
    "caller",
];

/// Token columns, in the order of [`mizzen_model::usage::Usage`].
pub(crate) const USAGE: [&str; 5] =
    ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"];

fn log_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        optional_text("run_id"),
        Field::new("trace_id", DataType::FixedSizeBinary(16), true),
        Field::new("span_id", DataType::FixedSizeBinary(8), true),
        required("at", time()),
        required("severity_number", DataType::Int32),
        text("severity"),
        optional_text("event_name"),
        optional_text("service"),
        text("body"),
        text("attributes"),
        text("resource"),
        text("scope"),
    ]))
}

fn metric_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("name"),
        text("unit"),
        text("kind"),
        required("at", time()),
        optional_text("service"),
        Field::new("value", DataType::Float64, true),
        Field::new("count", DataType::Int64, true),
        text("attributes"),
        text("detail"),
        text("resource"),
        text("scope"),
    ]))
}

/// Columns whose values rarely repeat: a dictionary would only be given up after it was built.
const UNIQUE: [&str; 7] = ["span_id", "parent_span_id", "response_id", "tool_call_id", "attributes", "events", "body"];
/// Numbers that are near their neighbours, or small.
const DELTA: [&str; 7] =
    ["started_at", "duration_ns", "at", "input_tokens", "output_tokens", "cache_read_tokens", "severity_number"];
/// Columns that reads look for single values in.
const LOOKED_UP: [&str; 3] = ["run_id", "trace_id", "started_at"];

/// How a segment of `signal` is written.
pub(crate) fn writer_properties(signal: Signal, purpose: Purpose) -> WriterProperties {
    let level = ZstdLevel::try_new(purpose.zstd_level()).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(level))
        // What a dictionary that grew too large gives way to. The default would have the writer set aside two megabytes for
        // each column of text, whether it comes to that or not.
        .set_encoding(Encoding::PLAIN)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_size_limit(purpose.page_bytes())
        .set_data_page_row_count_limit(purpose.page_rows())
        .set_write_batch_size(WRITE_BATCH_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(sorting_columns(signal))
        .set_key_value_metadata(Some(vec![
            KeyValue::new(FORMAT_KEY.to_owned(), FORMAT.to_string()),
            KeyValue::new("mizzen.signal".to_owned(), signal.as_str().to_owned()),
        ]));
    for field in signal.schema().fields() {
        builder = column_properties(builder, field.name());
    }
    builder.build()
}

fn column_properties(mut builder: WriterPropertiesBuilder, name: &str) -> WriterPropertiesBuilder {
    let path = ColumnPath::from(name);
    if UNIQUE.contains(&name) {
        // Lengths among the texts would break up what repeats in them.
        let is_id = matches!(name, "span_id" | "parent_span_id");
        let encoding = if is_id { Encoding::PLAIN } else { Encoding::DELTA_LENGTH_BYTE_ARRAY };
        builder =
            builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path.clone(), encoding);
    }
    if DELTA.contains(&name) {
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED);
    }
    if matches!(name, "cost_usd" | "value") {
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path.clone(), Encoding::BYTE_STREAM_SPLIT);
    }
    if name == "span_id" {
        // Random bytes: compressing them costs time and gains nothing.
        builder = builder.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
    }
    if SPAN_CONTENT.contains(&name) || matches!(name, "body" | "detail" | "status_message") {
        builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
    }
    if LOOKED_UP.contains(&name) {
        builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
    }
    if name == "trace_id" {
        // Not for runs: rows are sorted by them, so one page of the run's column tells as much as a filter would.
        // Set for this column: set for all, either number would give every column a filter.
        builder = builder
            .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(path, ROW_GROUP_ROWS as u64);
    }
    builder
}

fn sorting_columns(signal: Signal) -> Option<Vec<SortingColumn>> {
    let schema = signal.schema();
    let indices = signal.order().iter().map(|name| schema.index_of(name).ok());
    let column = |index: usize| SortingColumn { column_idx: index as i32, descending: false, nulls_first: true };
    indices.map(|index| index.map(column)).collect()
}
