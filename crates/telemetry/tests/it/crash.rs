//! Stopping at any moment: what was acknowledged is there afterwards, exactly once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mizzen_model::id::{SpanId, TraceId};
use mizzen_runtime::clock::Clock;
use mizzen_telemetry::{Columns, Page, RunFilter};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::node::{self, Node};

const ROUNDS: u64 = 60;

type Keys = BTreeSet<(TraceId, SpanId)>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Sends until the process dies; several at once, with copies of what was sent before.
async fn send(node: Arc<Node>, lane: u64, round: u64, sent: Arc<Mutex<Keys>>, acknowledged: Arc<Mutex<Keys>>) {
    for batch in 0.. {
        let trace = round * 1_000 + lane * 100 + batch / 3;
        let spans = (batch % 3 * 15..batch % 3 * 15 + 20).map(|span| (trace, span));
        let keys: Keys = spans.clone().map(|(trace, span)| (node::trace_id(trace), node::span_id(span))).collect();
        sent.lock().unwrap().extend(keys.iter().copied());
        let spans = spans.map(|(trace, span)| node::span(trace, span, &"word ".repeat(50))).collect();
        if node.ingest(spans).await.is_ok() {
            acknowledged.lock().unwrap().extend(keys);
        }
    }
}

#[test]
fn whatever_was_acknowledged_is_there_exactly_once_after_a_crash_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (mut must, mut may) = (Keys::new(), Keys::new());
    let mut random = TestRunner::deterministic();
    let mut alive_ms = || (3u64..90).new_tree(&mut random).unwrap().current();
    for round in 0..=ROUNDS {
        let runtime = runtime();
        let (sent, acknowledged) = (Arc::<Mutex<Keys>>::default(), Arc::<Mutex<Keys>>::default());
        let alive = Duration::from_millis(alive_ms());
        let found: Keys = runtime.block_on(async {
            let node = Arc::new(Node::open(folder.path(), node::small(), Clock::system()).await);
            let stored = node.stored().await;
            assert!(stored.values().all(|count| *count == 1), "round {round}: a span is there more than once");
            let found: Keys = stored.into_keys().collect();
            let lost = must.difference(&found).count();
            assert_eq!(lost, 0, "round {round}: of {} acknowledged spans", must.len());
            assert!(found.is_subset(&may), "round {round}: a span that nobody sent");
            check_runs(&node, &found, round).await;
            for lane in 0..4 {
                tokio::task::spawn(send(node.clone(), lane, round, sent.clone(), acknowledged.clone()));
            }
            let telemetry = node.telemetry.clone();
            tokio::task::spawn(async move {
                while telemetry.compact_now().await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(7)).await;
                }
            });
            tokio::time::sleep(alive).await;
            found
        });
        // Every task is dropped where it waits; only what is in the middle of a system call comes to its end.
        runtime.shutdown_timeout(Duration::from_secs(10));
        must.extend(found);
        must.extend(acknowledged.lock().unwrap().iter().copied());
        may.extend(sent.lock().unwrap().iter().copied());
    }
    assert!(must.len() > 2_000, "the test stored next to nothing: {}", must.len());
}

/// The run list agrees with the spans, and a run read by itself with both.
async fn check_runs(node: &Node, found: &Keys, round: u64) {
    let (mut spans, mut page) = (0, Page { limit: 500, ..Page::default() });
    let mut last = None;
    loop {
        let runs = node.telemetry.runs(&RunFilter::default(), &page).await.unwrap();
        spans += runs.items.iter().map(|run| run.spans as usize).sum::<usize>();
        last = runs.items.last().cloned().or(last);
        page.cursor = runs.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(spans, found.len(), "round {round}: spans by the run list, and spans");
    if let Some(run) = last {
        let rows = node.telemetry.run_spans(&run.run_id, Columns::Heads).await.unwrap();
        assert_eq!(rows.len(), run.spans as usize, "round {round}: spans of one run");
    }
}
