use std::path::Path;

use mizzen_model::id::Digest;
use mizzen_model::price::PriceTable;
use mizzen_model::time::Timestamp;
use mizzen_store::{StoreConfig, objects};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::*;
use crate::capture::CaptureConfig;
use crate::engine::error::IngestError;
use crate::engine::wal::tests::FaultyFolder;
use crate::normalise::Limits;
use crate::origin::Origin;

async fn open(folder: &Path, log: &FaultyFolder) -> (Telemetry, TaskGroup) {
    let (opened, tasks) = try_open(folder, log).await;
    (opened.unwrap(), tasks)
}

async fn try_open(folder: &Path, log: &FaultyFolder) -> (Result<Telemetry, OpenError>, TaskGroup) {
    let data_dir = DataDir::open(folder).unwrap();
    let config = StoreConfig { url: None, data_dir: data_dir.clone() };
    let tasks = TaskGroup::new();
    let parts = Parts {
        store: Store::open(&config, crate::MIGRATIONS).await.unwrap(),
        objects: objects::open(None, &data_dir).unwrap(),
        data_dir,
        clock: Clock::system(),
        metrics: Metrics::new(),
        tasks: tasks.clone(),
        normaliser: Arc::new(Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default())),
        capture: Arc::new(CapturePolicy::new(&CaptureConfig::default()).unwrap()),
    };
    let opened = Telemetry::open_with(TelemetryConfig::default(), parts, Box::new(log.clone()), "node".into());
    (opened.await, tasks)
}

/// One model call that is a run of its own.
async fn ingest(telemetry: &Telemetry, id: u8) -> Result<(), IngestError> {
    let now = Clock::system().now();
    let nanos = u64::try_from(now.unix_nanos()).unwrap();
    let span = Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        name: "s".into(),
        start_time_unix_nano: nanos,
        end_time_unix_nano: nanos + 1,
        attributes: [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")]
            .map(|(key, value)| crate::record::string(key, value.to_owned()))
            .to_vec(),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let request =
        ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] };
    telemetry.ingest_traces(request, Origin::unknown(now)).await.map(drop)
}

async fn is_there(telemetry: &Telemetry, id: u8) -> bool {
    let run_id = mizzen_model::id::TraceId::from_bytes(&[id; 16]).unwrap().into();
    telemetry.run(&run_id).await.unwrap().is_some_and(|run| run.spans == 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_turns_senders_away_until_there_is_room() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    let (telemetry, _tasks) = open(folder.path(), &log).await;
    ingest(&telemetry, 1).await.unwrap();
    log.disk(|disk| (disk.fail_appends, disk.torn_append_bytes) = (2, 11));
    for id in [2, 3] {
        let error = ingest(&telemetry, id).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    }
    assert!(telemetry.health().failing.is_some() && telemetry.health().turned_away == 2);
    assert!(!telemetry.is_log_stopped(), "room is all it needs");
    ingest(&telemetry, 2).await.unwrap();
    assert_eq!(telemetry.health().failing, None);
    assert!(is_there(&telemetry, 1).await && is_there(&telemetry, 2).await && !is_there(&telemetry, 3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_could_not_be_stored_are_when_they_come_again() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    let (telemetry, _tasks) = open(folder.path(), &log).await;
    let send = || {
        let record = LogRecord { time_unix_nano: 1, ..LogRecord::default() };
        let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        let origin = Origin::anonymous(Clock::system().now());
        telemetry.ingest_logs_as_sent(ExportLogsServiceRequest { resource_logs }, Digest::of(b"a"), origin)
    };
    log.disk(|disk| disk.fail_appends = 1);
    assert!(send().await.unwrap_err().is_retryable());
    for _ in 0..2 {
        assert_eq!(send().await.unwrap().accepted, 1);
    }
    let table = telemetry.table(crate::Signal::Logs).await;
    assert_eq!(table.live.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_says_what_to_free() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    log.disk(|disk| disk.fail_appends = 1);
    let (opened, _tasks) = try_open(folder.path(), &log).await;
    let said = mizzen_runtime::error::Chain(&opened.unwrap_err()).to_string();
    let wal = std::fs::canonicalize(folder.path()).unwrap().join("wal");
    let start =
        format!("cannot write the write-ahead log in `{}`; free some space there and start again: ", wal.display());
    assert!(said.starts_with(&start), "{said}");
}

#[test]
fn after_a_failed_sync_nothing_is_promised_and_a_start_has_what_was() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let (telemetry, _tasks) = open(folder.path(), &log).await;
        ingest(&telemetry, 1).await.unwrap();
        log.disk(|disk| disk.fail_syncs = u32::MAX);
        for id in [2, 3] {
            assert!(ingest(&telemetry, id).await.unwrap_err().is_retryable());
        }
        assert!(telemetry.health().failing.is_some() && telemetry.is_log_stopped());
    });
    first.shutdown_timeout(std::time::Duration::from_secs(5));
    log.disk(|disk| disk.fail_syncs = 0);
    log.lose_power(0, None);
    runtime().block_on(async {
        let (telemetry, tasks) = open(folder.path(), &log).await;
        assert!(is_there(&telemetry, 1).await && !is_there(&telemetry, 2).await);
        ingest(&telemetry, 2).await.unwrap();
        assert!(is_there(&telemetry, 2).await);
        assert!(tasks.drain(std::time::Duration::from_secs(30)).await.is_complete());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_sync_failed_is_ready_again_without_anybody_sending_anything() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    let (telemetry, tasks) = open(folder.path(), &log).await;
    ingest(&telemetry, 1).await.unwrap();
    log.disk(|disk| disk.fail_syncs = 2);
    assert!(ingest(&telemetry, 2).await.unwrap_err().is_retryable());
    assert!(telemetry.health().failing.is_some() && telemetry.is_log_stopped());
    let mended = async {
        while telemetry.is_log_stopped() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), mended).await.unwrap();
    assert_eq!(telemetry.health().failing, None);
    ingest(&telemetry, 2).await.unwrap();
    assert!(is_there(&telemetry, 1).await && is_there(&telemetry, 2).await);
    assert!(tasks.drain(std::time::Duration::from_secs(30)).await.is_complete());
    drop((telemetry, tasks));
    log.lose_power(usize::MAX / 2, None);
    let (telemetry, _tasks) = open(folder.path(), &log).await;
    assert!(is_there(&telemetry, 1).await && is_there(&telemetry, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_that_comes_after_its_run_went_begins_a_new_one() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    let (telemetry, _tasks) = open(folder.path(), &log).await;
    let calls = |telemetry: &Telemetry| {
        let totals = telemetry.totals.clone();
        move || totals.read().unwrap().models().iter().map(|model| model.calls).sum::<u64>()
    };
    let calls = calls(&telemetry);
    for id in [1, 2] {
        ingest(&telemetry, id).await.unwrap();
        assert!(is_there(&telemetry, id).await);
    }
    assert_eq!(calls(), 2);
    // What goes for its age is in memory no longer.
    telemetry.flush().await.unwrap();
    let before = Clock::system().now().unix_nanos();
    ingest(&telemetry, 3).await.unwrap();
    telemetry.commands.send(Command::RemoveRuns { before }).await.unwrap();
    ingest(&telemetry, 1).await.unwrap();
    assert!(is_there(&telemetry, 1).await && is_there(&telemetry, 3).await && !is_there(&telemetry, 2).await);
    assert_eq!(calls(), 2, "the run that stays, and the one that began anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateways_saw_is_stored_and_survives_a_stop() {
    let (folder, log) = (tempfile::tempdir().unwrap(), FaultyFolder::default());
    let (telemetry, tasks) = open(folder.path(), &log).await;
    let now = Clock::system().now();
    let record = mizzen_model::span::SpanRecord {
        trace_id: mizzen_model::id::TraceId::from_bytes(&[9; 16]).unwrap(),
        span_id: mizzen_model::id::SpanId::from_bytes(&[9; 8]).unwrap(),
        parent_span_id: None,
        name: "chat".into(),
        kind: mizzen_model::span::SpanKind::Client,
        started_at: now,
        ended_at: now.plus_nanos(5),
        error: None,
        attributes: vec![("gen_ai.operation.name", "chat".into())],
        source: mizzen_model::step::Source::Gateway,
        caller: "ci".into(),
        run_id: None,
        agent: None,
        agent_digest: Some(mizzen_model::id::Digest::of(b"v1")),
    };
    telemetry.records().try_send(record).unwrap();
    let report = tasks.drain(std::time::Duration::from_secs(30)).await;
    assert!(report.is_complete(), "{report:?}");
    drop((telemetry, tasks));
    let (telemetry, _tasks) = open(folder.path(), &log).await;
    let run_id = mizzen_model::id::TraceId::from_bytes(&[9; 16]).unwrap().into();
    let run = telemetry.run(&run_id).await.unwrap().unwrap();
    assert_eq!((run.caller.as_deref(), run.model_calls), (Some("ci"), 1));
    assert_eq!(run.agent_digests, [mizzen_model::id::Digest::of(b"v1")]);
    assert_eq!(telemetry.health().last_received_at.filter(|at| *at > Timestamp::default()), None, "it came from disk");
}
