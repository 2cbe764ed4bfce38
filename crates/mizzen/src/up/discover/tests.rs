use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mizzen_catalog::Catalog;
use mizzen_catalog::discover::KEYS_MAX;
use mizzen_catalog::query::{Direction, Walk};
use mizzen_catalog::reference::EntityRef;
use mizzen_control::{Control, Environment};
use mizzen_mcp::pins::Pins;
use mizzen_mcp::servers::{self, Declared, PinRule, ToolServers};
use mizzen_mcp::upstream::{Shared, Upstreams};
use mizzen_model::attribute::Value;
use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::price::PriceTable;
use mizzen_model::span::{SpanKind, SpanRecord};
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig, objects};
use mizzen_telemetry::capture::{CaptureConfig, CapturePolicy};
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::record::to_otlp;
use mizzen_telemetry::{Parts, Telemetry, TelemetryConfig, Told};

use super::{Counters, Discovery, Progress};

struct Bench {
    discovery: Discovery,
    metrics: Metrics,
    _tasks: TaskGroup,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let migrations =
            [mizzen_control::MIGRATIONS, mizzen_catalog::MIGRATIONS, mizzen_telemetry::MIGRATIONS, servers::MIGRATIONS]
                .concat();
        let config = StoreConfig { url: None, data_dir: data_dir.clone() };
        let store = Store::open(&config, &migrations).await.unwrap();
        let clock = Clock::manual(Timestamp::from_unix_nanos(1_800_000_000_000_000_000));
        let (metrics, tasks) = (Metrics::new(), TaskGroup::new());
        let client = HttpClient::new(ClientConfig::default()).unwrap();
        let control = Control::open(store.clone(), &data_dir, clock.clone(), Environment::empty()).await.unwrap();
        let catalog = mizzen_catalog::plane::Parts {
            store: store.clone(),
            control: control.clone(),
            client: client.clone(),
            clock: clock.clone(),
            config: mizzen_catalog::config::CatalogConfig::default(),
        };
        let telemetry = Parts {
            store: store.clone(),
            objects: objects::open(None, &data_dir).unwrap(),
            data_dir,
            clock: clock.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            normaliser: Arc::new(Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default())),
            capture: Arc::new(CapturePolicy::new(&CaptureConfig::default()).unwrap()),
        };
        let shared = Shared {
            http: client,
            control,
            clock: clock.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            environment: Environment::empty(),
            pins: Pins::open(store.clone(), clock.clone()).await.unwrap(),
            pin: PinRule::FirstSight,
        };
        let declared = ToolServers::open(store, clock.clone(), Declared::default()).await.unwrap();
        let discovery = Discovery {
            catalog: Catalog::open(catalog).await.unwrap(),
            telemetry: Telemetry::open(TelemetryConfig::default(), telemetry).await.unwrap(),
            tools: Upstreams::start(declared, shared),
            clock,
        };
        Self { discovery, metrics, _tasks: tasks, _folder: folder }
    }

    /// Model calls at one instant, each a run of its own.
    async fn calls(&self, calls: usize) {
        let now = self.discovery.clock.now();
        let record = |number: usize| SpanRecord {
            trace_id: TraceId::from_bytes(&(number as u128 + 1).to_be_bytes()).unwrap(),
            span_id: SpanId::from_bytes(&[1; 8]).unwrap(),
            parent_span_id: None,
            name: "chat gpt-4o".to_owned(),
            kind: SpanKind::Client,
            started_at: now,
            ended_at: now,
            error: None,
            attributes: vec![
                ("gen_ai.operation.name", Value::from("chat")),
                ("gen_ai.request.model", Value::from("gpt-4o")),
                ("gen_ai.response.model", Value::from("gpt-4o-2024-08-06")),
            ],
            source: Source::Gateway,
            caller: "helm in production".to_owned(),
            run_id: None,
            agent: Some("helm".to_owned()),
            agent_digest: None,
        };
        let origin = Origin::of_record(&record(0), now);
        let request = to_otlp((0..calls).map(record).collect());
        self.discovery.telemetry.ingest_traces(request, origin).await.unwrap();
    }

    fn counters(&self) -> Counters {
        Counters { counted: self.metrics.counter("counted", "", &[]), shed: self.metrics.counter("shed", "", &[]) }
    }

    /// What the catalog shows that helm used, and how often.
    async fn uses(&self) -> Vec<(String, u64)> {
        let helm = EntityRef::new("component", "default", "helm");
        let shown = self.discovery.catalog.relations_of(&helm, &Walk::new(1, Direction::Out)).await.unwrap();
        shown.edges.iter().map(|edge| (edge.to.to_string(), edge.calls)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_runs_than_the_catalog_takes_at_once_become_final_in_one_look_and_count_once() {
    // More than one page of the index, and pages of more than the catalog takes.
    const RUNS: usize = 2 * KEYS_MAX + 100;
    let bench = Bench::open().await;
    let counters = bench.counters();
    let start = bench.discovery.clock.now().plus_nanos(-1);
    let from_the_start = || Progress { counted: Told::all_until(start), told: HashSet::new() };
    bench.calls(RUNS).await;
    bench.discovery.clock.advance(Duration::from_secs(3_600));

    let mut progress = from_the_start();
    bench.discovery.look(&mut progress, &counters).await.unwrap();
    assert_eq!((counters.counted.get(), counters.shed.get()), (RUNS as u64, 0));
    assert_eq!(bench.uses().await, [("resource:default/gpt-4o".to_owned(), RUNS as u64)]);

    // A process that starts again knows nothing of it, and the catalog does.
    bench.discovery.look(&mut from_the_start(), &counters).await.unwrap();
    assert_eq!(counters.counted.get(), RUNS as u64);
    assert_eq!(bench.uses().await, [("resource:default/gpt-4o".to_owned(), RUNS as u64)]);
}
