//! The planes, opened from the bottom.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mizzen_catalog::Catalog;
use mizzen_catalog::scorecard::{self, Scorecards};
use mizzen_catalog::template::plane::{self as template_plane, Templates};
use mizzen_control::Control;
use mizzen_control::audit::{Kind, Who};
use mizzen_control::config::{PermissionConfig, PermissionSettings};
use mizzen_control::keys::KeyInfo;
use mizzen_control::oidc::Oidc;
use mizzen_control::providers::{SECRET_KEY_FILE, SecretError};
use mizzen_eval::judge::ChatJudge;
use mizzen_eval::plane::{self, Eval};
use mizzen_llm::gateway::{self, Gateway};
use mizzen_mcp::pins::Pins;
use mizzen_mcp::servers::{Declared, ToolServers};
use mizzen_mcp::upstream::{Shared, Upstreams};
use mizzen_model::price::PriceTable;
use mizzen_model::run::JUDGE_CALLER;
use mizzen_query::query::{Query, QueryLimits};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{Claim, DataDir, Migration, Store, StoreConfig, objects};
use mizzen_telemetry::capture::CapturePolicy;
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::{Parts, Telemetry, TelemetryConfig};
use object_store::ObjectStore;

use super::decisions::Recorder;
use super::discover::Discovery;
use super::facts::PlaneFacts;
use super::{evidence, templates, versions};
use crate::config::{Config, environment, given};

/// Everything behind the doors.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) tasks: TaskGroup,
    /// What is fed by the doors and writes to telemetry: drained between the two.
    pub(super) recorders: TaskGroup,
    pub(super) data_dir: DataDir,
    pub(super) claim: Claim,
    pub(super) store: Store,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) control: Control,
    pub(super) catalog: Catalog,
    pub(super) templates: Templates,
    pub(super) scorecards: Scorecards,
    pub(super) prices: PriceTable,
    pub(super) telemetry: Telemetry,
    pub(super) query: Query,
    pub(super) gateway: Gateway,
    pub(super) eval: Eval,
    pub(super) tools: Upstreams,
    pub(super) oidc: Option<Oidc>,
}

pub(super) async fn open(config: &Config) -> anyhow::Result<Planes> {
    let (clock, metrics, tasks) = (Clock::system(), Metrics::new(), TaskGroup::new());
    let data_dir = DataDir::open(&config.data_dir)?;
    let store_config = StoreConfig { url: given(&config.store.url).map(str::to_owned), data_dir: data_dir.clone() };
    let claim = Claim::take(&store_config).await?;
    let store = Store::open(&store_config, &migrations()).await?;
    let objects = objects::open(given(&config.store.objects), &data_dir)?;
    let client = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
    let control = open_control(config, &store, &data_dir, &client, (&clock, &metrics, &tasks)).await?;
    let catalog = open_catalog(config, &store, &control, &client, &clock, &tasks).await?;
    versions::keep_in_force(&catalog, &control, &tasks);
    let prices = PriceTable::built_in(&config.price)?;
    let capture = Arc::new(CapturePolicy::new(&config.capture).context("`capture`")?);
    let parts = Parts {
        store: store.clone(),
        objects: Arc::clone(&objects),
        data_dir: data_dir.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        normaliser: Arc::new(Normaliser::new(prices.clone(), Limits::default())),
        capture: Arc::clone(&capture),
    };
    let telemetry = Telemetry::open(telemetry_config(config), parts).await?;
    let recorders = start_recorder(config, &control, &telemetry, capture, (&clock, &metrics));
    let query = Query::new(telemetry.clone(), Arc::clone(&objects), query_limits(config))?;
    let oidc = Oidc::new(&config.oidc, &control, &environment(), client.clone()).context("`oidc`")?;
    let tools = tool_servers(config, &store, &control, &client, &clock, &metrics, &tasks).await?;
    let gateway = llm_gateway(config, &control, &telemetry, client, &prices, (&clock, &metrics, &tasks))?;
    let parts = plane::Parts {
        store: store.clone(),
        telemetry: telemetry.clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
        judge: Some(Arc::new(judge(&control, &gateway).await?)),
    };
    let eval = Eval::open(parts).await?;
    evidence::keep_in_force(&eval, &control, &tasks);
    let facts = PlaneFacts::new(telemetry.clone(), eval.clone(), control.clone(), tools.clone(), clock.clone());
    let scorecards = open_scorecards(&catalog, facts, &metrics, &tasks)?;
    let effects = templates::Planes {
        catalog: catalog.clone(),
        control: control.clone(),
        eval: eval.clone(),
        telemetry: telemetry.clone(),
    };
    let templates = open_templates(config, &catalog, effects)?;
    Ok(Planes {
        clock,
        metrics,
        tasks,
        recorders,
        data_dir,
        claim,
        store,
        objects,
        control,
        catalog,
        templates,
        scorecards,
        prices,
        telemetry,
        query,
        gateway,
        eval,
        tools,
        oidc,
    })
}

/// Keeps decisions beside their runs.
fn start_recorder(
    config: &Config,
    control: &Control,
    telemetry: &Telemetry,
    capture: Arc<CapturePolicy>,
    (clock, metrics): (&Clock, &Metrics),
) -> TaskGroup {
    let recorders = TaskGroup::new();
    let recorder = Recorder {
        control: control.clone(),
        telemetry: telemetry.clone(),
        capture,
        clock: clock.clone(),
        keeps_arguments: config.permission.record_arguments,
    };
    recorder.start(metrics, &recorders);
    recorders
}

/// The doors of models.
fn llm_gateway(
    config: &Config,
    control: &Control,
    telemetry: &Telemetry,
    client: HttpClient,
    prices: &PriceTable,
    (clock, metrics, tasks): (&Clock, &Metrics, &TaskGroup),
) -> anyhow::Result<Gateway> {
    let parts = gateway::Parts {
        control: control.clone(),
        client,
        records: telemetry.records(),
        clock: clock.clone(),
        prices: prices.clone(),
        registry: metrics,
        tasks,
    };
    Ok(Gateway::new(config.gateway.clone(), parts)?)
}

fn migrations() -> Vec<Migration> {
    [
        mizzen_control::MIGRATIONS,
        mizzen_control::oidc::MIGRATIONS,
        mizzen_catalog::MIGRATIONS,
        mizzen_telemetry::MIGRATIONS,
        mizzen_eval::MIGRATIONS,
        mizzen_mcp::servers::MIGRATIONS,
    ]
    .concat()
}

/// What permission remembers, with the policies in force and the audit log open: nothing asks before they are.
async fn open_control(
    config: &Config,
    store: &Store,
    data_dir: &DataDir,
    client: &HttpClient,
    (clock, metrics, tasks): (&Clock, &Metrics, &TaskGroup),
) -> anyhow::Result<Control> {
    let had_secret_key = data_dir.join(SECRET_KEY_FILE).exists();
    let control = Control::open(store.clone(), data_dir, clock.clone(), environment()).await?;
    if !had_secret_key {
        tell_lost_secret_key(&control, data_dir).await?;
    }
    let webhook = config.permission.webhook.resolved(&environment()).context("`permission.webhook.secret`")?;
    control.configure(PermissionSettings {
        config: PermissionConfig { webhook, ..config.permission.clone() },
        metrics: metrics.clone(),
        client: Some(client.clone()),
    });
    let policies = config.permission.policies();
    control.policies().open(policies, metrics).await.context("the policies cannot be put in force")?;
    control.start(tasks);
    control.audit().start(&config.audit, client.clone(), tasks).context("`audit`")?;
    Ok(control)
}

/// A new key decrypts nothing of what another one encrypted.
async fn tell_lost_secret_key(control: &Control, data_dir: &DataDir) -> anyhow::Result<()> {
    let providers = control.providers().list().await?;
    if providers.iter().any(|provider| matches!(provider.fault, Some(SecretError::NotDecrypted { .. }))) {
        tracing::error!(
            "`{}` was not there and is new: keys of providers are encrypted with the old one; put that back and start again, or enter \
             them again",
            data_dir.join(SECRET_KEY_FILE).display()
        );
    }
    Ok(())
}

/// What there is, and which version of it is approved: open before anything asks.
async fn open_catalog(
    config: &Config,
    store: &Store,
    control: &Control,
    client: &HttpClient,
    clock: &Clock,
    tasks: &TaskGroup,
) -> anyhow::Result<Catalog> {
    let catalog = Catalog::open(mizzen_catalog::plane::Parts {
        store: store.clone(),
        control: control.clone(),
        client: client.clone(),
        clock: clock.clone(),
        config: config.catalog.clone(),
    });
    let catalog = catalog.await.context("`catalog`")?;
    catalog.start(tasks);
    Ok(catalog)
}

/// Templates reach the other planes through what the binary gives them.
fn open_templates(config: &Config, catalog: &Catalog, effects: templates::Planes) -> anyhow::Result<Templates> {
    let projects = &config.catalog.projects;
    let projects = (!projects.as_os_str().is_empty()).then(|| projects.clone());
    let parts = template_plane::Parts { catalog: catalog.clone(), effects: Arc::new(effects), projects };
    Templates::open(parts).context("the templates of the binary cannot be read")
}

/// What the catalog learns of traffic, and the scorecards of agents.
fn open_scorecards(
    catalog: &Catalog,
    facts: PlaneFacts,
    metrics: &Metrics,
    tasks: &TaskGroup,
) -> anyhow::Result<Scorecards> {
    let discovery = Discovery {
        catalog: catalog.clone(),
        telemetry: facts.telemetry.clone(),
        tools: facts.tools.clone(),
        clock: facts.clock.clone(),
    };
    let parts = scorecard::Parts {
        catalog: catalog.clone(),
        source: Arc::new(facts),
        folder: catalog.config().scorecard.clone(),
        metrics: metrics.clone(),
    };
    discovery.start(metrics, tasks);
    let scorecards = Scorecards::open(parts).context("`catalog.scorecard`")?;
    scorecards.start(tasks);
    Ok(scorecards)
}

/// The servers behind the tool gateway, each on its own.
async fn tool_servers(
    config: &Config,
    store: &Store,
    control: &Control,
    http: &HttpClient,
    clock: &Clock,
    metrics: &Metrics,
    tasks: &TaskGroup,
) -> anyhow::Result<Upstreams> {
    let declared = Declared { servers: config.tool_server.clone(), profiles: config.tool_profile.clone() };
    let servers =
        ToolServers::open(store.clone(), clock.clone(), declared).await.context("failed to open the tool servers")?;
    let shared = Shared {
        http: http.clone(),
        control: control.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        environment: environment(),
        pins: Pins::open(store.clone(), clock.clone()).await?,
        pin: config.permission.pin,
    };
    Ok(Upstreams::start(servers, shared))
}

/// Models that judge are asked through the gateway, with a key of their own that the last start's one makes way for.
async fn judge(control: &Control, gateway: &Gateway) -> anyhow::Result<ChatJudge> {
    let written = async |kind: Kind, key: &KeyInfo| {
        control.audit().changed(kind, Who::mizzen(), format!("key:{}", key.id), &[("name", JUDGE_CALLER)]).await
    };
    for key in judges(control).await? {
        written(Kind::KeyRevoked, &key).await?;
        control.keys().revoke(&key.id).await?;
    }
    let key = control.keys().mint_for_judges().await?;
    for key in judges(control).await? {
        written(Kind::KeyCreated, &key).await?;
    }
    Ok(ChatJudge::in_process(mizzen_llm::gateway::router(gateway.clone()), key))
}

async fn judges(control: &Control) -> anyhow::Result<impl Iterator<Item = KeyInfo>> {
    Ok(control.keys().list().await?.into_iter().filter(|key| key.name == JUDGE_CALLER))
}

fn telemetry_config(config: &Config) -> TelemetryConfig {
    let section = &config.telemetry;
    let above_zero = |limit: u64| (limit > 0).then_some(limit);
    TelemetryConfig {
        retention_age: above_zero(u64::from(section.retention_days)).map(|days| Duration::from_secs(days * 24 * 3600)),
        retention_bytes: above_zero(section.retention_bytes),
        final_after: Duration::from_secs(section.final_after_seconds),
        idle_after: Duration::from_secs(section.idle_after_seconds),
        ..TelemetryConfig::default()
    }
}

fn query_limits(config: &Config) -> QueryLimits {
    QueryLimits {
        memory_bytes: config.query.memory_bytes_max,
        time: Duration::from_secs(config.query.time_seconds_max),
        rows: config.query.rows_max,
        ..QueryLimits::default()
    }
}
