//! Segments that are gone or damaged: a query that needs one says so, and nothing is counted that is not there.

use std::path::Path;
use std::sync::Arc;

use mizzen_model::price::PriceTable;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig, objects};
use mizzen_telemetry::capture::{CaptureConfig, CapturePolicy};
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::{MIGRATIONS, Parts, Signal, Telemetry, TelemetryConfig, import};
use serde_json::{Value, json};

use super::block_on;
use crate::error::QueryError;
use crate::query::{Query, QueryLimits};

/// 2026-11-01.
const START: i64 = 1_793_500_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Two segments of spans, of one second each, and a query over them.
async fn open(folder: &Path) -> (Telemetry, Query, TaskGroup) {
    let data_dir = DataDir::open(folder).unwrap();
    let store = StoreConfig { url: None, data_dir: data_dir.clone() };
    let objects = objects::open(None, &data_dir).unwrap();
    let tasks = TaskGroup::new();
    let parts = Parts {
        store: Store::open(&store, MIGRATIONS).await.unwrap(),
        objects: objects.clone(),
        data_dir,
        clock: Clock::manual(Timestamp::from_unix_nanos(START)),
        metrics: Metrics::new(),
        tasks: tasks.clone(),
        normaliser: Arc::new(Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default())),
        capture: Arc::new(CapturePolicy::new(&CaptureConfig::default()).unwrap()),
    };
    let telemetry = Telemetry::open(TelemetryConfig::default(), parts).await.unwrap();
    for segment in 0..2 {
        let spans: Vec<Value> = (0..50)
            .map(|span| {
                let started = START + segment * SECOND + span;
                let attribute = json!({ "key": "gen_ai.operation.name", "value": { "stringValue": "chat" } });
                json!({ "traceId": format!("{:032x}", segment + 1), "spanId": format!("{:016x}", segment * 50 + span + 1),
                    "name": format!("chat {span}"), "attributes": [attribute],
                    "startTimeUnixNano": started.to_string(), "endTimeUnixNano": (started + 5).to_string() })
            })
            .collect();
        let file = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string();
        for request in import::read(file.as_bytes()).unwrap() {
            let origin = Origin::unknown(Timestamp::from_unix_nanos(START));
            telemetry.ingest_traces(request, origin).await.unwrap();
        }
        telemetry.flush().await.unwrap();
    }
    let query = Query::new(telemetry.clone(), objects, QueryLimits::default()).unwrap();
    (telemetry, query, tasks)
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 3] = [
    ("gone", |path| std::fs::remove_file(path).unwrap()),
    ("cut short", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(1_000).unwrap()),
    ("overwritten", |path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.iter_mut().take(1_500).for_each(|byte| *byte = !*byte);
        std::fs::write(path, bytes).unwrap();
    }),
];

async fn is_named(query: &Query, sql: &str, what: &str, lost: &str) {
    let error = query.run(sql).await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(&error, QueryError::Lost { path, rows: 50, .. } if path == lost), "{what}: {sql}: {error:?}");
    assert!(said.contains(lost) && said.contains("put the file back from a backup"), "{said}");
}

async fn lost_segment(what: &str, damage: Damage, is_warm: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (telemetry, query, tasks) = open(folder.path()).await;
    let count = "SELECT count(*) FROM spans";
    if is_warm {
        // Footers are remembered from here on.
        assert_eq!(query.run("SELECT count(*), max(name) FROM spans").await.unwrap().rows[0][0], json!(100));
        assert_eq!(query.run(count).await.unwrap().rows, [[json!(100)]]);
    }
    let segments = telemetry.table(Signal::Spans).await.segments;
    assert_eq!((segments.len(), telemetry.health().failing), (2, None));
    let lost = segments[0].path.clone();
    damage(&folder.path().join("segments").join(&lost));
    if what == "overwritten" {
        assert_eq!(query.run(count).await.unwrap().rows, [[json!(100)]], "so many rows there are");
    } else {
        is_named(&query, count, what, &lost).await;
        is_named(&query, "SELECT 1 FROM spans", what, &lost).await;
    }
    is_named(&query, "SELECT * FROM spans", what, &lost).await;
    is_named(&query, "SELECT * FROM steps", what, &lost).await;
    let health = telemetry.health();
    assert!(health.lost_segments == 1 && health.failing.is_some_and(|why| why.contains(&lost)), "{what}");
    let other = format!("SELECT count(name) FROM spans WHERE started_at >= to_timestamp_nanos({})", START + SECOND);
    assert_eq!(query.run(&other).await.unwrap().rows, [[json!(50)]], "{what}");
    drop(segments);
    assert!(tasks.drain(std::time::Duration::from_secs(30)).await.is_complete());
}

#[test]
fn a_lost_segment_is_named_and_never_counted() {
    for (what, damage) in DAMAGES {
        for is_warm in [false, true] {
            block_on(lost_segment(what, damage, is_warm));
        }
    }
}
