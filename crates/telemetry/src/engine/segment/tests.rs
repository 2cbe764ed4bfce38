use std::sync::Arc;

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::span::SpanKind;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use proptest::prelude::*;

use super::encode::Row;
use super::read::{Columns, SegmentReader};
use super::schema::Purpose;
use super::write::{SegmentWriter, write_rows};
use super::*;
use crate::row::{LogRow, Name, SpanBody, SpanHead, SpanRow};

pub(crate) fn span(run: &str, id: u64, started_at: i64) -> SpanRow {
    let mut trace = [7; 16];
    trace[..8].copy_from_slice(&(run.len() as u64 + 1).to_be_bytes());
    SpanRow {
        head: SpanHead {
            run_id: Name::from(run),
            trace_id: TraceId::from_bytes(&trace).unwrap(),
            span_id: SpanId::from_bytes(&(id + 1).to_be_bytes()).unwrap(),
            parent_span_id: SpanId::from_bytes(&id.to_be_bytes()),
            name: Name::from("chat"),
            kind: SpanKind::Client,
            started_at: Timestamp::from_unix_nanos(started_at),
            duration_ns: 5,
            outcome: Outcome::Ok,
            error_type: None,
            service: Some(Name::from("svc")),
            step: Some(StepKind::ModelCall),
            agent: None,
            model: Some(Name::from("m")),
            provider: None,
            tool: None,
            tool_call_id: None,
            response_id: Some(Name::from(format!("resp-{id}"))),
            session: None,
            usage: id.is_multiple_of(2).then(|| Usage { input_tokens: id, output_tokens: 2, ..Usage::default() }),
            cost_usd: id.is_multiple_of(3).then_some(0.25),
            source: Source::Gateway,
            caller: None,
            sampling_fraction: 1.0,
        },
        body: SpanBody {
            status_message: String::new(),
            attributes: format!("{{\"n\":{id}}}"),
            events: String::new(),
            links: String::new(),
            trace_state: String::new(),
            resource: Name::from("{}"),
            scope: Name::from("{}"),
        },
    }
}

fn stored(written: write::Written, signal: Signal, path: &str) -> Segment {
    Segment {
        id: 1,
        signal,
        path: path.to_owned(),
        bytes: written.bytes,
        rows: written.rows,
        level: 0,
        min_at: written.min_at,
        max_at: written.max_at,
        received_min: 0,
        received_max: 0,
    }
}

async fn write<R: Row + Clone + Send + Sync + 'static>(objects: &Arc<dyn ObjectStore>, rows: &[R]) -> Segment {
    let (objects, rows) = (objects.clone(), rows.to_vec());
    let path = "x/1.parquet".to_owned();
    let written = tokio::task::spawn_blocking(move || {
        write_rows(objects, path, &rows.iter().collect::<Vec<_>>(), Purpose::Merge).unwrap()
    });
    stored(written.await.unwrap(), R::SIGNAL, "x/1.parquet")
}

fn objects() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

fn arbitrary_span() -> impl Strategy<Value = SpanRow> {
    let ids = (1u64..500, 0i64..1_000_000, -5i64..1000, "[a-c]{1,3}");
    let names = prop::collection::vec(prop::option::of("[a-z]{0,4}"), 10);
    let usage = prop::option::of((0u64..1000, 0u64..1000, 0u64..9, 0u64..9, 0u64..9));
    let rest = (any::<bool>(), prop::option::of(0.0f64..3.0), 0usize..7, ".{0,30}", 0.01f64..=1.0);
    (ids, names, usage, rest).prop_map(
        |((id, at, duration, run), names, usage, (flag, cost, step, content, fraction))| {
            let mut row = span(&run, id, at);
            let name = |at: usize| names[at].as_deref().map(Name::from);
            let head = &mut row.head;
            head.parent_span_id = if flag { None } else { head.parent_span_id };
            (head.duration_ns, head.cost_usd, head.sampling_fraction) = (duration, cost, fraction);
            (head.error_type, head.service, head.agent, head.model) = (name(0), name(1), name(2), name(3));
            (head.provider, head.tool, head.tool_call_id) = (name(4), name(5), name(6));
            (head.response_id, head.session, head.caller) = (name(7), name(8), name(9));
            head.step = StepKind::ALL.get(step).copied().filter(|_| !flag);
            head.outcome = Outcome::ALL[step % 3];
            head.source = Source::ALL[step % 3];
            head.kind = if flag { SpanKind::Server } else { SpanKind::Consumer };
            head.usage =
                usage.map(|(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens)| {
                    Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens }
                });
            row.body = SpanBody {
                status_message: content.clone(),
                attributes: content.clone(),
                events: content.clone(),
                links: content.clone(),
                trace_state: content.clone(),
                resource: Name::from(content.as_str()),
                scope: Name::from(content.as_str()),
            };
            row
        },
    )
}

proptest! {
    #[test]
    fn spans_come_back_as_they_were(rows in prop::collection::vec(arbitrary_span(), 1..40)) {
        let batch = SpanRow::encode(&rows.iter().collect::<Vec<_>>()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let back = decode::spans(&batch).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(back, rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_found_among_many_and_heads_leave_content_out() {
    let objects = objects();
    let mut rows: Vec<SpanRow> = (0..30_000).map(|n| span(&format!("run-{:05}", n / 3), n, n as i64)).collect();
    rows.sort_by(Row::order);
    let segment = write(&objects, &rows).await;
    let scratch = tempfile::tempdir().unwrap();
    let reader = SegmentReader::new(objects, scratch.path().to_owned());
    for run in ["run-00000", "run-05555", "run-09999"] {
        let wanted: Vec<_> = rows.iter().filter(|row| &*row.head.run_id == run).cloned().collect();
        let batches = reader.rows_of_runs(&segment, &[run.to_owned()], Columns::Full, None).await.unwrap();
        let found: Vec<_> = batches.iter().flat_map(|batch| decode::spans(batch).unwrap()).collect();
        assert_eq!(found, wanted);
        let batches = reader.rows_of_runs(&segment, &[run.to_owned()], Columns::Heads, None).await.unwrap();
        let heads: Vec<_> = batches.iter().flat_map(|batch| decode::spans(batch).unwrap()).collect();
        assert!(
            heads.iter().all(|row| row.body == SpanBody::default() && &*row.head.run_id == run) && heads.len() == 3
        );
    }
    for absent in ["run-", "run-10000", "a", "zzz", "run-05555x"] {
        let batches = reader.rows_of_runs(&segment, &[absent.to_owned()], Columns::Full, None).await.unwrap();
        assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 0, "{absent}");
    }
    assert_eq!((segment.min_at, segment.max_at, segment.rows), (0, 29_999, 30_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_has_one_bloom_filter_a_page_index_and_its_format() {
    let objects = objects();
    let rows: Vec<SpanRow> = (0..3_000).map(|n| span("r", n, n as i64)).collect();
    let segment = write(&objects, &rows).await;
    let scratch = tempfile::tempdir().unwrap();
    let reader = SegmentReader::new(objects.clone(), scratch.path().to_owned());
    let mut batches = reader.scan(&segment, 100).await.unwrap();
    assert_eq!(batches.next().unwrap().unwrap().num_rows(), 100);
    drop(batches);
    let bytes =
        objects.get_opts(&segment.path.as_str().into(), Default::default()).await.unwrap().bytes().await.unwrap();
    let options = parquet::arrow::arrow_reader::ArrowReaderOptions::new()
        .with_page_index_policy(parquet::file::metadata::PageIndexPolicy::Required);
    let opened = parquet::arrow::arrow_reader::ArrowReaderMetadata::load(&bytes, options).unwrap();
    let metadata = opened.metadata();
    for (column, field) in metadata.row_group(0).columns().iter().zip(Signal::Spans.schema().fields()) {
        assert_eq!(column.bloom_filter_offset().is_some(), field.name() == "trace_id", "{}", field.name());
    }
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_of_another_writer_is_refused() {
    let objects = objects();
    let batch = SpanRow::encode(&[&span("r", 1, 1)]).unwrap();
    let writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None);
    let mut writer = writer.unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    let size = bytes.len() as u64;
    object_store::ObjectStoreExt::put(&objects, &"y".into(), bytes.into()).await.unwrap();
    let written = write::Written { bytes: size, rows: 1, min_at: 0, max_at: 0 };
    let segment = stored(written, Signal::Spans, "y");
    let scratch = tempfile::tempdir().unwrap();
    let reader = SegmentReader::new(objects, scratch.path().to_owned());
    let found = reader.rows_of_runs(&segment, &["r".to_owned()], Columns::Full, None).await;
    assert!(matches!(found, Err(SegmentError::Foreign { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_come_back_by_run_and_those_without_one_do_not_disturb() {
    let objects = objects();
    let row = |run: Option<&str>, at: i64| LogRow {
        run_id: run.map(Name::from),
        trace_id: TraceId::from_bytes(&[1; 16]),
        span_id: None,
        at: Timestamp::from_unix_nanos(at),
        severity_number: 9,
        severity: Name::from("INFO"),
        event_name: Some(Name::from("gen_ai.choice")),
        service: None,
        body: "\"hi\"".to_owned(),
        attributes: "{}".to_owned(),
        resource: Name::from("{}"),
        scope: Name::from("{}"),
    };
    let mut rows: Vec<LogRow> =
        (0..100).map(|n| row((n % 2 == 0).then_some("a"), n)).chain([row(Some("b"), 7)]).collect();
    rows.sort_by(Row::order);
    let segment = write(&objects, &rows).await;
    let scratch = tempfile::tempdir().unwrap();
    let reader = SegmentReader::new(objects, scratch.path().to_owned());
    let batches = reader.rows_of_runs(&segment, &["b".to_owned()], Columns::Full, None).await.unwrap();
    let found: Vec<_> = batches.iter().flat_map(|batch| decode::logs(batch).unwrap()).collect();
    assert_eq!(found, [row(Some("b"), 7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_visible_before_a_segment_is_finished() {
    let objects = objects();
    let store = objects.clone();
    tokio::task::spawn_blocking(move || {
        let mut writer = SegmentWriter::create(store, "half".to_owned(), Signal::Spans, Purpose::Merge).unwrap();
        writer.write(&SpanRow::encode(&[&span("r", 1, 1)]).unwrap()).unwrap();
    })
    .await
    .unwrap();
    assert!(objects.get_opts(&"half".into(), Default::default()).await.is_err());
}
