//! Exporters that send logs and metrics again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use mizzen_model::id::Digest;
use mizzen_runtime::clock::Clock;
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::{Receipt, Signal, TelemetryConfig};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
use prost::Message as _;

use crate::node::{Node, START, run_id, span, trace_id};

const AT: u64 = 1_793_400_000_000_000_000;

/// One record; `at` is 0 where it says no time.
fn logs(at: u64) -> ExportLogsServiceRequest {
    let record = LogRecord { time_unix_nano: at, severity_text: "INFO".into(), ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

/// The record as part of a run.
fn logs_of_run(run: u64) -> ExportLogsServiceRequest {
    let mut request = logs(AT);
    request.resource_logs[0].scope_logs[0].log_records[0].trace_id = trace_id(run).as_bytes().to_vec();
    request
}

fn metrics(at: u64) -> ExportMetricsServiceRequest {
    let point = NumberDataPoint { time_unix_nano: at, value: Some(Value::AsInt(7)), ..NumberDataPoint::default() };
    let data = Some(Data::Gauge(Gauge { data_points: vec![point] }));
    let metrics = vec![Metric { name: "depth".into(), data, ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
    }
}

impl Node {
    fn origin(&self, caller: &str) -> Origin {
        Origin { caller: Some(Arc::from(caller)), ..Origin::anonymous(self.clock.now()) }
    }

    async fn logs(&self, request: ExportLogsServiceRequest, caller: &str) -> Receipt {
        let digest = Digest::of(&request.encode_to_vec());
        self.telemetry.ingest_logs_as_sent(request, digest, self.origin(caller)).await.unwrap()
    }

    async fn metrics(&self, request: ExportMetricsServiceRequest) -> Receipt {
        let digest = Digest::of(&request.encode_to_vec());
        self.telemetry.ingest_metrics_as_sent(request, digest, self.origin("ada")).await.unwrap()
    }

    async fn rows(&self, signal: Signal) -> u64 {
        let table = self.telemetry.table(signal).await;
        table.live.len() as u64 + table.segments.iter().map(|segment| segment.rows).sum::<u64>()
    }
}

async fn open(folder: &tempfile::TempDir, clock: &Clock) -> Node {
    Node::open(folder.path(), TelemetryConfig::default(), clock.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_same_sender_sends_again_is_stored_once_and_answered_alike() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let node = open(&folder, &clock).await;
    let first = node.logs(logs(AT), "ada").await;
    clock.advance(Duration::from_secs(300));
    assert_eq!(node.logs(logs(AT), "ada").await, first);
    assert_eq!(node.metrics(metrics(AT)).await, node.metrics(metrics(AT)).await);
    assert_eq!((node.rows(Signal::Logs).await, node.rows(Signal::Metrics).await), (1, 1));
    assert_eq!(node.telemetry.health().logs_received, 1);
    node.logs(logs(AT + 1), "ada").await;
    node.metrics(metrics(AT + 1)).await;
    node.logs(logs(AT), "bob").await;
    assert_eq!((node.rows(Signal::Logs).await, node.rows(Signal::Metrics).await), (3, 2), "others");
    clock.advance(Duration::from_secs(301));
    node.logs(logs(AT), "ada").await;
    assert_eq!(node.rows(Signal::Logs).await, 4, "nobody tries that long");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_a_deleted_run_come_back_with_its_spans() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let node = open(&folder, &clock).await;
    let runs = [1, 2].map(run_id);
    for is_flushed in [false, true] {
        for run in [1, 2] {
            node.ingest(vec![span(run, 0, "q")]).await.unwrap();
            node.logs(logs_of_run(run), "ada").await;
        }
        if is_flushed {
            node.telemetry.flush().await.unwrap();
        }
        assert!(node.telemetry.delete_run(&runs[0]).await.unwrap());
        assert!(node.telemetry.run_logs(&runs[0]).await.unwrap().is_empty());
    }
    node.ingest(vec![span(1, 0, "q")]).await.unwrap();
    for run in [1, 2, 1] {
        node.logs(logs_of_run(run), "ada").await;
    }
    for run in &runs {
        assert_eq!(node.telemetry.run(run).await.unwrap().map(|run| run.spans), Some(1));
        assert_eq!(node.telemetry.run_logs(run).await.unwrap().len(), 1, "{run}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_no_time_may_be_meant_twice() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let node = open(&folder, &clock).await;
    for _ in 0..2 {
        node.logs(logs(0), "ada").await;
        node.metrics(metrics(0)).await;
    }
    assert_eq!((node.rows(Signal::Logs).await, node.rows(Signal::Metrics).await), (2, 2));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_hung_up_before_the_answer_has_been_heard_all_the_same() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let node = open(&folder, &clock).await;
    for at in AT..AT + 20 {
        let digest = Digest::of(&logs(at).encode_to_vec());
        let first = node.telemetry.ingest_logs_as_sent(logs(at), digest, node.origin("ada"));
        drop(first.now_or_never());
        node.logs(logs(at), "ada").await;
    }
    assert_eq!(node.rows(Signal::Logs).await, 20);
    node.stop().await;
}
