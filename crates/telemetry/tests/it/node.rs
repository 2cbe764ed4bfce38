//! One Mizzen's worth of telemetry in a temporary folder, started and stopped at will.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::price::PriceTable;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig, objects};
use mizzen_telemetry::capture::{CaptureConfig, CapturePolicy};
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::{IngestError, MIGRATIONS, Parts, Receipt, Signal, Telemetry, TelemetryConfig};
use object_store::ObjectStore;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// 2026-11-01.
pub(crate) const START: Timestamp = Timestamp::from_unix_nanos(1_793_500_000_000_000_000);

/// A running engine.
pub(crate) struct Node {
    pub(crate) telemetry: Telemetry,
    pub(crate) clock: Clock,
    pub(crate) data_dir: DataDir,
    tasks: TaskGroup,
}

impl Node {
    pub(crate) async fn open(folder: &Path, config: TelemetryConfig, clock: Clock) -> Self {
        let objects = objects::open(None, &DataDir::open(folder).unwrap()).unwrap();
        Self::open_on(folder, config, clock, objects).await
    }

    /// With segments in `objects`, as in a bucket.
    pub(crate) async fn open_on(
        folder: &Path,
        config: TelemetryConfig,
        clock: Clock,
        objects: Arc<dyn ObjectStore>,
    ) -> Self {
        let data_dir = DataDir::open(folder).unwrap();
        let store = Store::open(&StoreConfig { url: None, data_dir: data_dir.clone() }, MIGRATIONS).await.unwrap();
        let normaliser = Arc::new(Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default()));
        let capture = Arc::new(CapturePolicy::new(&CaptureConfig::default()).unwrap());
        let tasks = TaskGroup::new();
        let parts = Parts {
            store,
            objects,
            data_dir: data_dir.clone(),
            clock: clock.clone(),
            metrics: Metrics::new(),
            tasks: tasks.clone(),
            normaliser,
            capture,
        };
        let telemetry = Telemetry::open(config, parts).await.unwrap();
        Self { telemetry, clock, data_dir, tasks }
    }

    pub(crate) async fn stop(self) {
        let report = self.tasks.drain(Duration::from_secs(30)).await;
        assert!(report.is_complete(), "unfinished: {:?}", report.unfinished);
    }

    pub(crate) async fn ingest(&self, spans: Vec<Span>) -> Result<Receipt, IngestError> {
        self.telemetry.ingest_traces(request(spans), Origin::unknown(self.clock.now())).await
    }

    /// How often each span is in the table that queries read, as they read it.
    pub(crate) async fn stored(&self) -> BTreeMap<(TraceId, SpanId), usize> {
        let table = self.telemetry.table(Signal::Spans).await;
        let mut found = BTreeMap::new();
        let mut count = |batch: &arrow::array::RecordBatch, segment: Option<u64>| {
            let column = |name| batch.column_by_name(name).unwrap().as_any();
            let runs: &arrow::array::StringArray = column("run_id").downcast_ref().unwrap();
            let traces: &arrow::array::FixedSizeBinaryArray = column("trace_id").downcast_ref().unwrap();
            let spans: &arrow::array::FixedSizeBinaryArray = column("span_id").downcast_ref().unwrap();
            let hidden = segment.and_then(|id| table.hidden.runs_of(id));
            for row in 0..batch.num_rows() {
                if hidden.is_none_or(|hidden| !hidden.contains(runs.value(row))) {
                    let ids = (TraceId::from_bytes(traces.value(row)), SpanId::from_bytes(spans.value(row)));
                    *found.entry((ids.0.unwrap(), ids.1.unwrap())).or_insert(0) += 1;
                }
            }
        };
        let columns = (0..table.schema.fields().len()).collect();
        table.live.batches(columns).for_each(|batch| count(&batch.unwrap(), None));
        for segment in &table.segments {
            let file = std::fs::File::open(self.data_dir.join("segments").join(&segment.path)).unwrap();
            let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            batches.for_each(|batch| count(&batch.unwrap(), Some(segment.id)));
        }
        found
    }

    /// Waits until `condition` holds of what `look` sees.
    pub(crate) async fn eventually<T, F: Future<Output = T>>(
        &self,
        mut look: impl FnMut(Telemetry) -> F,
        condition: impl Fn(&T) -> bool,
    ) -> T {
        for _ in 0..400 {
            let seen = look(self.telemetry.clone()).await;
            if condition(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("it did not happen within 10 seconds");
    }
}

pub(crate) fn trace_id(trace: u64) -> TraceId {
    let mut bytes = [0xab; 16];
    bytes[8..].copy_from_slice(&trace.to_be_bytes());
    TraceId::from_bytes(&bytes).unwrap()
}

pub(crate) fn span_id(span: u64) -> SpanId {
    SpanId::from_bytes(&(span + 1).to_be_bytes()).unwrap()
}

pub(crate) fn run_id(trace: u64) -> RunId {
    RunId::from(trace_id(trace))
}

/// A model call. Span 0 of a trace is its root, the others hang below.
pub(crate) fn span(trace: u64, span: u64, content: &str) -> Span {
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    };
    let started = u64::try_from(START.unix_nanos()).unwrap() + trace * 1_000_000 + span * 1_000;
    Span {
        trace_id: trace_id(trace).as_bytes().to_vec(),
        span_id: span_id(span).as_bytes().to_vec(),
        parent_span_id: if span == 0 { Vec::new() } else { span_id(0).as_bytes().to_vec() },
        name: "chat gpt-4o".to_owned(),
        start_time_unix_nano: started,
        end_time_unix_nano: started + 500_000,
        attributes: vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.request.model", "gpt-4o"),
            text(
                "gen_ai.input.messages",
                &format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{content}"}}]}}]"#),
            ),
        ],
        ..Span::default()
    }
}

pub(crate) fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

/// Flushes early, so that tests meet segments.
pub(crate) fn small() -> TelemetryConfig {
    TelemetryConfig { flush_bytes: 48 * 1024, flush_after: Duration::from_secs(1), ..TelemetryConfig::default() }
}
