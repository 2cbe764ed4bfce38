//! A portal over a real store in a folder of its own, asked without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use mizzen_catalog::Catalog;
use mizzen_catalog::config::CatalogConfig;
use mizzen_catalog::docs::plane::Documentation;
use mizzen_catalog::facts::{About, FactError, FactSource, Seen};
use mizzen_catalog::scorecard::{self, Scorecards};
use mizzen_catalog::template::plane::Templates;
use mizzen_control::{Control, Environment};
use mizzen_eval::plane::{self, Eval};
use mizzen_mcp::pins::Pins;
use mizzen_mcp::servers::{Declared, PinRule, ToolServers};
use mizzen_mcp::upstream::{Shared, Upstreams};
use mizzen_model::permission::Role;
use mizzen_model::price::PriceTable;
use mizzen_portal::{PortalConfig, PortalState};
use mizzen_query::query::{Query, QueryLimits};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig};
use mizzen_telemetry::capture::{CaptureConfig, CapturePolicy};
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::{Parts, Telemetry, TelemetryConfig};
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const ORIGIN: &str = "http://localhost:7600";

pub(crate) struct Portal {
    pub(crate) state: PortalState,
    router: Router,
    _folder: TempDir,
}

impl Portal {
    pub(crate) async fn open() -> Self {
        Self::with(PortalConfig { is_loopback: true, ..PortalConfig::default() }).await
    }

    /// As behind TLS, on an address that others reach.
    pub(crate) async fn open_to_the_network() -> Self {
        Self::with(PortalConfig { is_tls: true, ..PortalConfig::default() }).await
    }

    async fn with(config: PortalConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path(), config).await;
        Self { router: mizzen_portal::router(state.clone()), state, _folder: folder }
    }

    /// With something of the state changed.
    pub(crate) async fn changed(config: PortalConfig, change: impl AsyncFnOnce(PortalState) -> PortalState) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = change(state(folder.path(), config).await).await;
        Self { router: mizzen_portal::router(state.clone()), state, _folder: folder }
    }

    /// Over a folder that is there already.
    pub(crate) async fn over(folder: TempDir) -> Self {
        let state = state(folder.path(), PortalConfig { is_loopback: true, ..PortalConfig::default() }).await;
        Self { router: mizzen_portal::router(state.clone()), state, _folder: folder }
    }

    pub(crate) fn token(&self) -> String {
        self.state.control.sign_in().admin_token().expose().to_owned()
    }

    /// The `Cookie` of somebody with `role`.
    pub(crate) async fn cookie(&self, role: Role) -> String {
        let sign_in = self.state.control.sign_in();
        let code = sign_in.one_time_link(role, "somebody").await.unwrap();
        let cookie = sign_in.redeem_link(code.expose()).await.unwrap();
        format!("mizzen_session={}", cookie.value.expose())
    }

    pub(crate) async fn send(&self, request: Request<String>) -> Response {
        self.router.clone().oneshot(request.map(Body::from)).await.unwrap()
    }

    pub(crate) async fn status(&self, request: Request<String>) -> StatusCode {
        self.send(request).await.status()
    }

    /// What the administrator's token gets, as JSON.
    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let response = self.send(self.request("GET", path, String::new())).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        json_of(response).await
    }

    /// Imports a file of traces and gives the answer.
    pub(crate) async fn import(&self, file: String) -> serde_json::Value {
        let response = self.send(self.request("POST", "/api/v1/import", file)).await;
        assert_eq!(response.status(), StatusCode::OK);
        json_of(response).await
    }

    pub(crate) fn request_without_token(&self, method: &str, path: &str, body: String) -> Request<String> {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:7600");
        request.body(body).unwrap()
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: String) -> Request<String> {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:7600");
        request.header("authorization", format!("Bearer {}", self.token())).body(body).unwrap()
    }
}

/// Everything that the binary would hand to the portal, over the data folder at `path`.
pub(crate) async fn state(path: &std::path::Path, config: PortalConfig) -> PortalState {
    let data_dir = DataDir::open(path).unwrap();
    let migrations = [
        mizzen_control::MIGRATIONS,
        mizzen_control::oidc::MIGRATIONS,
        mizzen_catalog::MIGRATIONS,
        mizzen_telemetry::MIGRATIONS,
        mizzen_eval::MIGRATIONS,
        mizzen_mcp::servers::MIGRATIONS,
    ]
    .concat();
    let store = Store::open(&StoreConfig { url: None, data_dir: data_dir.clone() }, &migrations).await.unwrap();
    let (clock, metrics, tasks) = (Clock::system(), Metrics::new(), TaskGroup::new());
    let control = Control::open(store.clone(), &data_dir, clock.clone(), Environment::empty()).await.unwrap();
    let catalog = catalog_with(&store, &control, &clock, CatalogConfig::default()).await;
    let scorecards = Scorecards::open(scorecard::Parts {
        catalog: catalog.clone(),
        source: Arc::new(NothingSeen),
        folder: None,
        metrics: metrics.clone(),
    });
    let scorecards = scorecards.unwrap();
    let objects = mizzen_store::objects::open(None, &data_dir).unwrap();
    let prices = PriceTable::built_in(&[]).unwrap();
    let parts = Parts {
        store: store.clone(),
        objects: objects.clone(),
        data_dir: data_dir.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        normaliser: Arc::new(Normaliser::new(prices.clone(), Limits::default())),
        capture: Arc::new(CapturePolicy::new(&CaptureConfig::default()).unwrap()),
    };
    let telemetry = Telemetry::open(TelemetryConfig::default(), parts).await.unwrap();
    let query = Query::new(telemetry.clone(), objects.clone(), QueryLimits::default()).unwrap();
    let (plane, judge) = (store.clone(), None);
    let parts =
        plane::Parts { store: plane, telemetry: telemetry.clone(), clock: clock.clone(), tasks: tasks.clone(), judge };
    let eval = Eval::open(parts).await.unwrap();
    let tools = tool_servers(&store, &control, &clock, &metrics, &tasks).await;
    PortalState {
        control,
        documentation: Documentation::new(catalog.clone()),
        templates: templates(&catalog),
        catalog,
        scorecards,
        telemetry,
        query,
        eval,
        tools,
        prices,
        store,
        objects,
        data_dir,
        metrics,
        clock,
        tasks,
        oidc: None,
        config,
    }
}

pub(crate) async fn bytes_of(response: Response) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

pub(crate) async fn json_of(response: Response) -> serde_json::Value {
    let bytes = bytes_of(response).await;
    serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&bytes)))
}

/// The stable code of an error.
pub(crate) async fn code_of(response: Response) -> String {
    json_of(response).await["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// A file from outside the repository, or `None` when it is not there; where nothing may be skipped, that fails.
#[allow(clippy::disallowed_methods, reason = "tests have no configuration; the command that starts them sets this")]
pub(crate) fn shared(name: &str) -> Option<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/").to_owned() + name;
    let file = std::fs::read_to_string(&path).ok();
    if file.is_none() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "`{path}` is not there, and in CI nothing may be skipped"
        );
        eprintln!("SKIPPED: `{path}` is not there, so this test did not run");
    }
    file
}

/// One trace as OTLP JSON: an agent that started `seconds_ago`, asked a model twice and called a tool that failed.
pub(crate) fn trace(seconds_ago: i64) -> String {
    let start = Clock::system().now().unix_nanos() - seconds_ago * 1_000_000_000;
    let span = |id: u8, parent: u8, name: &str, at_ms: i64, ms: i64, attributes: serde_json::Value, error: bool| {
        let parent = if parent == 0 { String::new() } else { format!("00000000000000{parent:02x}") };
        let from = start + at_ms * 1_000_000;
        let attributes: Vec<_> = attributes
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    serde_json::Value::Number(number) => json!({ "intValue": number.to_string() }),
                    other => json!({ "stringValue": other.as_str().unwrap() }),
                };
                json!({ "key": key, "value": value })
            })
            .collect();
        json!({ "traceId": "0123456789abcdef0123456789abcdef", "spanId": format!("00000000000000{id:02x}"),
            "parentSpanId": parent, "name": name, "kind": 1, "startTimeUnixNano": from.to_string(),
            "endTimeUnixNano": (from + ms * 1_000_000).to_string(), "attributes": attributes,
            "status": if error { json!({ "code": 2, "message": "disk is full" }) } else { json!({}) } })
    };
    let text = |role: &str, content: &str| json!({ "role": role, "parts": [{ "type": "text", "content": content }] });
    let call =
        json!({ "role": "assistant", "parts": [{ "type": "tool_call", "id": "c1", "name": "df", "arguments": {} }] });
    let chat = |input: serde_json::Value, output: serde_json::Value| {
        json!({ "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 10, "gen_ai.input.messages": input.to_string(),
            "gen_ai.output.messages": output.to_string() })
    };
    let tool =
        json!({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "df", "gen_ai.tool.call.id": "c1" });
    let agent = json!({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "janitor" });
    let question = text("user", "how full is the disk?");
    let answer = text("assistant", "it is full");
    let spans = [
        span(1, 0, "invoke_agent janitor", 0, 900, agent, false),
        span(2, 1, "chat gpt-4o", 10, 300, chat(json!([question]), json!([call])), false),
        span(3, 1, "execute_tool df", 320, 50, tool, true),
        span(4, 1, "chat gpt-4o", 400, 400, chat(json!([question, call]), json!([answer])), false),
    ];
    json!({ "resourceSpans": [{ "resource": { "attributes": [] }, "scopeSpans": [{ "spans": spans }] }] }).to_string()
}

pub(crate) const TRACE: &str = "0123456789abcdef0123456789abcdef";

async fn tool_servers(
    store: &Store,
    control: &Control,
    clock: &Clock,
    metrics: &Metrics,
    tasks: &TaskGroup,
) -> Upstreams {
    let servers = ToolServers::open(store.clone(), clock.clone(), Declared::default()).await.unwrap();
    let shared = Shared {
        http: HttpClient::new(ClientConfig::default()).unwrap(),
        control: control.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        environment: Environment::empty(),
        pins: Pins::open(store.clone(), clock.clone()).await.unwrap(),
        pin: PinRule::FirstSight,
    };
    Upstreams::start(servers, shared)
}

/// A catalog over what is there, configured like this.
pub(crate) async fn catalog_with(store: &Store, control: &Control, clock: &Clock, config: CatalogConfig) -> Catalog {
    let client = HttpClient::new(ClientConfig::default()).unwrap();
    let (store, control, clock) = (store.clone(), control.clone(), clock.clone());
    Catalog::open(mizzen_catalog::plane::Parts { store, control, client, clock, config }).await.unwrap()
}

/// Templates whose effects are those of the catalog only.
fn templates(catalog: &Catalog) -> Templates {
    let effects = Arc::new(crate::templates::CatalogOnly(catalog.clone()));
    Templates::open(mizzen_catalog::template::plane::Parts { catalog: catalog.clone(), effects, projects: None })
        .unwrap()
}

/// Planes that saw nothing.
#[derive(Debug)]
struct NothingSeen;

impl FactSource for NothingSeen {
    fn refresh(&self) -> futures::future::BoxFuture<'_, Result<(), FactError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn agent<'a>(&'a self, _: &'a About) -> futures::future::BoxFuture<'a, Result<Seen, FactError>> {
        Box::pin(std::future::ready(Ok(Seen::default())))
    }
}
