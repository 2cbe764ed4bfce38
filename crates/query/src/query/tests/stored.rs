//! Spans in segments and in memory, as the telemetry crate stores them.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use mizzen_model::span::SpanKind;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_telemetry::LiveBatches;
use mizzen_telemetry::row::{Name, SpanHead};
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::segments::{Live, Stored, StoredSegment};

/// What tests ask about of a span.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) run: u8,
    pub(super) trace: u8,
    pub(super) span: u16,
    pub(super) parent: Option<u16>,
    pub(super) at: i64,
    pub(super) step: Option<&'static str>,
    pub(super) agent: Option<&'static str>,
    pub(super) outcome: &'static str,
    pub(super) tokens: Option<i64>,
    pub(super) source: Source,
}

impl Row {
    /// The row as telemetry assembles it.
    pub(super) fn head(&self) -> SpanHead {
        let name = |text: &str| -> Name { Arc::from(text) };
        let usage = |tokens: i64| Usage { input_tokens: tokens.unsigned_abs(), ..Usage::default() };
        SpanHead {
            run_id: name(&self.run_id()),
            trace_id: Self::trace_hex(self.trace).parse().unwrap(),
            span_id: Self::span_hex(self.span).parse().unwrap(),
            parent_span_id: self.parent.map(|parent| Self::span_hex(parent).parse().unwrap()),
            name: name("span"),
            kind: SpanKind::Client,
            started_at: Timestamp::from_unix_nanos(self.at),
            duration_ns: i64::from(self.span) * 1_500_000,
            outcome: self.outcome.parse().unwrap(),
            error_type: None,
            service: None,
            step: self.step.map(|step| step.parse().unwrap()),
            agent: self.agent.map(name),
            model: Some(name("m")),
            provider: None,
            tool: Some(name("t")),
            tool_call_id: None,
            response_id: self.response_id().as_deref().map(name),
            session: None,
            usage: self.tokens.map(usage),
            cost_usd: self.tokens.map(|tokens| tokens as f64 / 4.0),
            source: self.source,
            caller: None,
            sampling_fraction: 1.0,
        }
    }

    fn response_id(&self) -> Option<String> {
        self.span.is_multiple_of(3).then(|| format!("response {}", self.span % 4))
    }

    pub(super) fn trace_hex(trace: u8) -> String {
        format!("{:032x}", u128::from(trace) + 0xab00)
    }

    pub(super) fn span_hex(span: u16) -> String {
        format!("{:016x}", u64::from(span) + 0xcd_0000)
    }

    fn run_id(&self) -> String {
        format!("run-{}", self.run)
    }

    fn attributes(&self) -> String {
        format!(r#"{{"gen_ai.agent.name":"{}","n":{}}}"#, self.agent.unwrap_or_default(), self.span)
    }
}

/// Rows that are in memory, in small batches.
#[derive(Debug, Default)]
struct Batches(Vec<RecordBatch>);

impl Live for Batches {
    fn len(&self) -> usize {
        self.0.iter().map(RecordBatch::num_rows).sum()
    }

    fn batches(&self, columns: Vec<usize>) -> LiveBatches {
        Box::new(self.0.clone().into_iter().map(move |batch| batch.project(&columns)))
    }
}

pub(super) struct Store {
    pub(super) objects: Arc<InMemory>,
    pub(super) stored: Stored,
}

impl Store {
    /// One segment for each list of rows with the runs that were deleted of it, and rows in memory.
    pub(super) async fn of(segments: &[(Vec<Row>, BTreeSet<u8>)], live: &[Row]) -> Self {
        let objects = Arc::new(InMemory::new());
        let mut stored =
            Stored { schema: schema(), segments: Vec::new(), live: Arc::new(Batches::default()), _pin: None };
        for (number, (rows, deleted)) in segments.iter().enumerate() {
            let path = format!("spans/{number}.parquet");
            let bytes = file(rows);
            let hidden: BTreeSet<String> = deleted.iter().map(|run| format!("run-{run}")).collect();
            stored.segments.push(StoredSegment {
                path: path.clone(),
                bytes: bytes.len() as u64,
                rows: rows.len() as u64,
                min_at: rows.iter().map(|row| row.at).min().unwrap_or(0),
                max_at: rows.iter().map(|row| row.at).max().unwrap_or(0),
                hidden_runs: (!hidden.is_empty()).then(|| Arc::new(hidden)),
            });
            objects.put(&Path::from(path), bytes.into()).await.unwrap();
        }
        if !live.is_empty() {
            stored.live = Arc::new(Batches(live.chunks(3).map(batch).collect()));
        }
        Self { objects, stored }
    }

    /// Makes the bytes of a segment unreadable, as many as there were: a query that opens it fails.
    pub(super) async fn spoil(&self, segment: usize) {
        let StoredSegment { path, bytes, .. } = &self.stored.segments[segment];
        let spoilt = vec![b'-'; usize::try_from(*bytes).unwrap()];
        self.objects.put(&Path::from(path.as_str()), spoilt.into()).await.unwrap();
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC")));
    Arc::new(Schema::new(vec![
        Field::new("run_id", DataType::Utf8, false),
        Field::new("trace_id", DataType::FixedSizeBinary(16), false),
        Field::new("span_id", DataType::FixedSizeBinary(8), false),
        Field::new("parent_span_id", DataType::FixedSizeBinary(8), true),
        Field::new("name", DataType::Utf8, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("started_at", time, false),
        Field::new("duration_ns", DataType::Int64, false),
        Field::new("outcome", DataType::Utf8, false),
        Field::new("step", DataType::Utf8, true),
        Field::new("agent", DataType::Utf8, true),
        Field::new("model", DataType::Utf8, true),
        Field::new("tool", DataType::Utf8, true),
        Field::new("tool_call_id", DataType::Utf8, true),
        Field::new("response_id", DataType::Utf8, true),
        Field::new("source", DataType::Utf8, false),
        Field::new("input_tokens", DataType::Int64, true),
        Field::new("output_tokens", DataType::Int64, true),
        Field::new("cost_usd", DataType::Float64, true),
        Field::new("attributes", DataType::Utf8, false),
    ]))
}

fn ids(width: i32, hex: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let mut ids = FixedSizeBinaryBuilder::new(width);
    for hex in hex {
        match hex {
            Some(hex) => {
                let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
                ids.append_value((0..width as usize).map(byte).collect::<Vec<u8>>()).unwrap();
            }
            None => ids.append_null(),
        }
    }
    Arc::new(ids.finish())
}

fn batch(rows: &[Row]) -> RecordBatch {
    let text = |field: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(field).collect::<StringArray>())
    };
    let started = TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.at));
    let columns: Vec<ArrayRef> = vec![
        text(&|row| Some(row.run_id())),
        ids(16, rows.iter().map(|row| Some(Row::trace_hex(row.trace)))),
        ids(8, rows.iter().map(|row| Some(Row::span_hex(row.span)))),
        ids(8, rows.iter().map(|row| row.parent.map(Row::span_hex))),
        text(&|_| Some("span".to_owned())),
        text(&|_| Some("client".to_owned())),
        Arc::new(started.with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| i64::from(row.span) * 1_500_000))),
        text(&|row| Some(row.outcome.to_owned())),
        text(&|row| row.step.map(str::to_owned)),
        text(&|row| row.agent.map(str::to_owned)),
        text(&|_| Some("m".to_owned())),
        text(&|_| Some("t".to_owned())),
        text(&|_| None),
        text(&Row::response_id),
        text(&|row| Some(row.source.as_str().to_owned())),
        Arc::new(rows.iter().map(|row| row.tokens).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.tokens.map(|_| 0)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.tokens.map(|tokens| tokens as f64 / 4.0)).collect::<Float64Array>()),
        text(&|row| Some(row.attributes())),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn file(rows: &[Row]) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(4))
        .set_column_bloom_filter_enabled(ColumnPath::from("trace_id"), true)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema(), Some(properties)).unwrap();
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (row.run_id(), row.at, row.span));
    if !rows.is_empty() {
        writer.write(&batch(&rows)).unwrap();
    }
    writer.into_inner().unwrap()
}
