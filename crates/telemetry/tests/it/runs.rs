//! Runs over time: seen, final, revised, listed, told.

use std::time::Duration;

use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_runtime::clock::Clock;
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::{Columns, Page, RunFilter, TelemetryConfig};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::node::{self, Node, START, run_id, span};

fn config() -> TelemetryConfig {
    TelemetryConfig::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_can_be_read_when_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    let receipt = node.ingest((0..3).map(|id| span(1, id, "what is 2 + 2?")).collect()).await.unwrap();
    assert_eq!((receipt.accepted, receipt.rejected), (3, 0));
    let run = node.telemetry.run(&run_id(1)).await.unwrap().unwrap();
    assert_eq!((run.spans, run.is_final, run.title.as_str()), (3, false, "what is 2 + 2?"));
    let page =
        node.telemetry.runs(&RunFilter { text: Some("2 + 2".into()), ..RunFilter::default() }, &Page::default()).await;
    assert_eq!(page.unwrap().items, [run]);
    assert_eq!(node.telemetry.run_spans(&run_id(1), Columns::Full).await.unwrap().len(), 3);
    assert_eq!(node.telemetry.run_steps(&run_id(1)).await.unwrap()[0].source, Source::Sdk);
    assert_eq!(node.telemetry.models().await[0].model, "gpt-4o");
    let one = node.telemetry.span(&run_id(1), node::span_id(2)).await.unwrap().unwrap();
    assert!(one.body.attributes.contains("2 + 2"));
    assert_eq!(node.telemetry.run(&run_id(9)).await.unwrap(), None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_spans_of_a_run_are_read_once_each_from_wherever_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    node.ingest((0..4).map(|id| span(1, id, "stored")).collect()).await.unwrap();
    node.ingest(vec![span(2, 0, "of another run")]).await.unwrap();
    node.telemetry.flush().await.unwrap();
    node.ingest((3..6).map(|id| span(1, id, "in memory")).collect()).await.unwrap();
    let wanted = [0, 2, 3, 5, 9].map(node::span_id);
    let mut read = node.telemetry.some_spans(&run_id(1), wanted.into_iter().collect()).await.unwrap();
    read.sort_by_key(|row| row.head.span_id);
    let ids: Vec<_> = read.iter().map(|row| row.head.span_id).collect();
    assert_eq!(ids, [0, 2, 3, 5].map(node::span_id));
    assert!(read[0].body.attributes.contains("stored") && read[3].body.attributes.contains("in memory"));
    assert!(node.telemetry.some_spans(&run_id(9), wanted.into_iter().collect()).await.unwrap().is_empty());
    node.stop().await;
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// A span that states tokens and has no content.
fn using(trace: u64, id: u64, operation: &str, tokens: i64) -> Span {
    let attributes = vec![
        attribute("gen_ai.operation.name", Value::StringValue(operation.into())),
        attribute("gen_ai.agent.name", Value::StringValue("helper".into())),
        attribute("gen_ai.request.model", Value::StringValue("gpt-4o".into())),
        attribute("gen_ai.usage.input_tokens", Value::IntValue(tokens)),
        attribute("gen_ai.usage.output_tokens", Value::IntValue(10)),
    ];
    Span { attributes, ..span(trace, id, "") }
}

/// A call that failed at Mizzen's own door with this code.
fn failed(trace: u64, code: &str, more: &[(&str, &str)]) -> Span {
    let mut attributes = vec![
        attribute("gen_ai.operation.name", Value::StringValue("chat".into())),
        attribute("gen_ai.request.model", Value::StringValue("gpt-4o".into())),
        attribute("error.type", Value::StringValue(code.into())),
    ];
    attributes.extend(more.iter().map(|(key, value)| attribute(key, Value::StringValue((*value).to_owned()))));
    Span { attributes, ..span(trace, 0, "") }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mizzen_refused_is_no_call_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    let gateway = Origin { source: Source::Gateway, ..Origin::unknown(START) };
    let seen = |span| node.telemetry.ingest_traces(node::request(vec![span]), gateway.clone());
    let calls = || async {
        let models = node.telemetry.models().await;
        models.first().map(|model| (model.calls, model.errors, model.p95_duration_ns.is_some()))
    };
    for (trace, code) in (1..).zip(["policy_denied", "approval_pending", "budget_exhausted", "secret_found"]) {
        seen(failed(trace, code, &[])).await.unwrap();
    }
    assert_eq!(calls().await, None, "none of them reached it");
    assert_eq!(node.telemetry.run(&run_id(1)).await.unwrap().unwrap().model_calls, 1, "it stays a step of its run");
    seen(failed(10, "upstream_timeout", &[])).await.unwrap();
    seen(failed(11, "stopped", &[("gen_ai.response.id", "resp-1")])).await.unwrap();
    assert_eq!(calls().await, Some((2, 2, true)), "what failed behind the door, or on the way back");
    node.ingest(vec![failed(12, "policy_denied", &[])]).await.unwrap();
    assert_eq!(calls().await, Some((3, 3, true)), "what others call by that name");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_it_used_counts_where_no_call_says_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    node.ingest(vec![using(1, 0, "invoke_agent", 70)]).await.unwrap();
    node.ingest(vec![using(2, 1, "chat", 40), using(2, 2, "chat", 30)]).await.unwrap();
    node.ingest(vec![using(2, 0, "invoke_agent", 70)]).await.unwrap();
    for round in ["as they came", "as they are stored"] {
        for trace in [1, 2] {
            let run = node.telemetry.run(&run_id(trace)).await.unwrap().unwrap();
            assert!(run.usage.input_tokens == 70 && run.cost_usd.is_some(), "{round} {run:?}");
            let steps = node.telemetry.run_steps(&run_id(trace)).await.unwrap();
            let counted = steps.iter().filter(|step| step.counted_as.is_none());
            let used = counted.filter_map(|step| step.usage).map(|usage| usage.input_tokens);
            assert_eq!(used.sum::<u64>(), 70, "{round} {steps:?}");
        }
        let agents = node.telemetry.agents().await;
        let of_agents = agents.iter().map(|agent| agent.usage.input_tokens).sum::<u64>();
        assert_eq!((of_agents, node.telemetry.models().await[0].usage.input_tokens), (140, 70), "{round}");
        node.telemetry.flush().await.unwrap();
    }
    node.stop().await;
}

/// What a user asked, as a log record beside the spans of `trace`.
fn question(trace: u64, text: &str) -> ExportLogsServiceRequest {
    let record = LogRecord {
        trace_id: node::trace_id(trace).as_bytes().to_vec(),
        time_unix_nano: u64::try_from(START.unix_nanos()).unwrap(),
        event_name: "gen_ai.client.inference.operation.details".into(),
        attributes: vec![attribute(
            "gen_ai.input.messages",
            Value::StringValue(format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{text}"}}]}}]"#)),
        )],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_content_came_apart_has_a_title_and_is_found_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    let ask = |trace, text| node.telemetry.ingest_logs(question(trace, text), Origin::unknown(START));
    ask(1, "where is Oslo?").await.unwrap();
    node.ingest(vec![using(1, 0, "chat", 1), using(2, 0, "chat", 1), using(3, 0, "chat", 1)]).await.unwrap();
    ask(2, "where is Bergen?").await.unwrap();
    for _ in ["as they came", "as they are stored"] {
        for (text, title, trace) in [("oslo", "where is Oslo?", 1), ("bergen", "where is Bergen?", 2)] {
            let filter = RunFilter { text: Some(text.into()), ..RunFilter::default() };
            let found = node.telemetry.runs(&filter, &Page::default()).await.unwrap().items;
            let found: Vec<_> = found.iter().map(|run| (run.title.as_str(), &run.run_id)).collect();
            assert_eq!(found, [(title, &run_id(trace))]);
        }
        node.telemetry.flush().await.unwrap();
    }
    assert_eq!(node.telemetry.run(&run_id(3)).await.unwrap().unwrap().title, "");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_becomes_final_and_a_late_span_makes_revision_two() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let node = Node::open(folder.path(), config(), clock.clone()).await;
    let mut heard = node.telemetry.subscribe();
    node.ingest(vec![span(1, 0, "q"), span(1, 1, "q")]).await.unwrap();
    assert!(!node.telemetry.run(&run_id(1)).await.unwrap().unwrap().is_final);
    clock.advance(Duration::from_secs(11));
    let look =
        |telemetry: mizzen_telemetry::Telemetry| async move { telemetry.run(&run_id(1)).await.unwrap().unwrap() };
    let done = node.eventually(look, |run| run.is_final).await;
    assert_eq!((done.revision, done.spans), (1, 2));
    assert_eq!(told_final(&mut heard).await, done);
    node.stop().await;

    // Finality survives a restart, and so does what the run consists of.
    let node = Node::open(folder.path(), config(), clock.clone()).await;
    assert_eq!(node.telemetry.run(&run_id(1)).await.unwrap().unwrap(), done);
    node.ingest(vec![span(1, 1, "q")]).await.unwrap();
    assert_eq!(node.telemetry.run(&run_id(1)).await.unwrap().unwrap(), done, "a copy of a known span changes nothing");
    node.ingest(vec![span(1, 2, "late")]).await.unwrap();
    let revised = node.eventually(look, |run| run.spans == 3).await;
    assert_eq!((revised.revision, revised.is_final, revised.title.as_str()), (2, false, "q"));
    clock.advance(Duration::from_secs(11));
    assert_eq!(node.eventually(look, |run| run.is_final).await.revision, 2);
    node.stop().await;
}

/// What a listener hears of the first run that is final.
async fn told_final(heard: &mut tokio::sync::broadcast::Receiver<RunSummary>) -> RunSummary {
    let told = async {
        loop {
            let run = heard.recv().await.unwrap();
            if run.is_final {
                return run;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("nobody told that a run became final")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_given_up_from_memory_becomes_final_too() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let node = Node::open(folder.path(), config(), clock.clone()).await;
    node.ingest(vec![span(1, 0, "q")]).await.unwrap();
    node.stop().await;
    let node = Node::open(folder.path(), config(), clock.clone()).await;
    let mut heard = node.telemetry.subscribe();
    clock.advance(Duration::from_secs(11));
    let look =
        |telemetry: mizzen_telemetry::Telemetry| async move { telemetry.run(&run_id(1)).await.unwrap().unwrap() };
    let done = node.eventually(look, |run| run.is_final).await;
    assert_eq!(done.revision, 1);
    assert_eq!(told_final(&mut heard).await, done, "listeners hear of runs that are in storage only");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_span_is_dropped_wherever_the_first_one_is_by_now() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    for _ in 0..2 {
        node.ingest((0..50).map(|id| span(1, id, "q")).collect()).await.unwrap();
    }
    node.telemetry.flush().await.unwrap();
    node.ingest((25..75).map(|id| span(1, id, "q")).collect()).await.unwrap();
    node.telemetry.flush().await.unwrap();
    node.telemetry.compact_now().await.unwrap();
    node.ingest(vec![span(1, 0, "q"), span(1, 74, "q")]).await.unwrap();
    let stored = node.stored().await;
    assert!(stored.len() == 75 && stored.values().all(|count| *count == 1));
    assert_eq!(node.telemetry.run(&run_id(1)).await.unwrap().unwrap().spans, 75);
    assert_eq!(node.telemetry.health().duplicates, 50 + 25 + 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_of_a_hundred_thousand_spans_is_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::open(folder.path(), config(), Clock::manual(START)).await;
    for part in 0..50u64 {
        let spans = (part * 2_000..(part + 1) * 2_000).map(|id| span(1, id, "q")).collect();
        node.ingest(spans).await.unwrap();
    }
    let look = |telemetry: mizzen_telemetry::Telemetry| async move { telemetry.run(&run_id(1)).await.unwrap() };
    let run = node.eventually(look, |run| run.as_ref().is_some_and(|run| run.spans == 100_000)).await.unwrap();
    assert_eq!(run.run_id, run_id(1));
    assert_eq!(node.telemetry.run_spans(&run_id(1), Columns::Heads).await.unwrap().len(), 100_000);
    node.stop().await;
}
