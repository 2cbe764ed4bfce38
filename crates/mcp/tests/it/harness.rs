//! The doors over doubles, asked in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyDataStream, BodyExt as _};
use mizzen_control::audit::read::EntryFilter;
use mizzen_control::audit::{AuditEntry, Durability, Kind, Who};
use mizzen_control::keys::NewKey;
use mizzen_control::origin::Allowed;
use mizzen_control::tokens::TokenError;
use mizzen_control::{Control, Environment, KeyIdentity, MIGRATIONS};
use mizzen_mcp::gateway::{ResourceConfig, TokenCheck};
use mizzen_mcp::signing::Signer;
use mizzen_mcp::{Gateway, GatewayConfig, GatewayParts, router};
use mizzen_model::attribute::Value as Attribute;
use mizzen_model::span::SpanRecord;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use crate::double::{Double, Views};

pub(crate) const STATELESS: &str = "2026-07-28";
pub(crate) const AUDIENCE: &str = "https://tools.example.com";

pub(crate) struct Harness {
    pub(crate) control: Control,
    pub(crate) views: Arc<Views>,
    pub(crate) key: String,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskGroup,
    records: mpsc::Receiver<SpanRecord>,
    doors: Router,
    _folder: tempfile::TempDir,
}

/// Takes `token-for-AUDIENCE`, and gives it the identity of a key; `token-of-nobody` has an issuer that is away, and
/// `token-for-nothing` has not the scope.
#[derive(Debug)]
struct Tokens(KeyIdentity);

impl TokenCheck for Tokens {
    fn check<'a>(&'a self, token: &'a str, audiences: &'a [String]) -> BoxFuture<'a, Result<KeyIdentity, TokenError>> {
        Box::pin(async move {
            let (issuer, message) = ("https://login.example.com".to_owned(), "it is away".to_owned());
            let audience = match token.strip_prefix("token-for-") {
                None if token == "token-of-nobody" => {
                    return Err(TokenError::Unavailable { issuer, message, source: None });
                }
                Some("nothing") => return Err(TokenError::Scope("tools".to_owned())),
                audience => audience.ok_or(TokenError::Malformed)?,
            };
            if !audiences.iter().any(|own| own == audience) {
                return Err(TokenError::Audience(audiences.join("` or `")));
            }
            Ok(KeyIdentity { key_id: format!("token:{audience}"), ..self.0.clone() })
        })
    }
}

impl Harness {
    pub(crate) async fn new(doubles: &[Arc<Double>]) -> Self {
        Self::with(doubles, |_| {}).await
    }

    pub(crate) async fn with(doubles: &[Arc<Double>], change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let store = Store::open(&StoreConfig { url: None, data_dir: data_dir.clone() }, MIGRATIONS).await.unwrap();
        let control = Control::open(store, &data_dir, Clock::system(), Environment::empty()).await.unwrap();
        let key = mint(&control, "alice").await;
        let identity = control.snapshot().identify(&key).unwrap();
        let resource = ResourceConfig {
            url: AUDIENCE.into(),
            issuers: vec!["https://login.example.com".into()],
            scopes: vec!["tools".into(), "tools:more".into()],
            agent_claims: ResourceConfig::agent_claims_default(),
            team_claim: None,
        };
        let mut config = GatewayConfig { resource: Some(resource), ..GatewayConfig::default() };
        change(&mut config);
        let (sender, records) = mpsc::channel(64);
        let (metrics, tasks, views) = (Metrics::new(), TaskGroup::new(), Views::of(doubles));
        let gateway = Gateway::new(GatewayParts {
            config,
            directory: views.clone(),
            control: control.clone(),
            records: sender,
            clock: Clock::system(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            allowed: Allowed::loopback(),
            signer: Signer::new([3; 32]),
            tokens: Some(Arc::new(Tokens(identity))),
        })
        .unwrap();
        Self { control, views, key, metrics, tasks, records, doors: router(gateway), _folder: folder }
    }

    pub(crate) async fn mint(&self, name: &str) -> String {
        mint(&self.control, name).await
    }

    pub(crate) fn doors(&self) -> Router {
        self.doors.clone()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:7600")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.key))
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: &str) -> Response<Body> {
        self.doors.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
    }

    /// `initialize`; the session's id.
    pub(crate) async fn open(&self, path: &str, capabilities: &Value) -> Client<'_> {
        self.open_as("2025-11-25", path, capabilities).await
    }

    pub(crate) async fn open_as(&self, revision: &str, path: &str, capabilities: &Value) -> Client<'_> {
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": capabilities, "clientInfo": { "name": "it", "version": "1" },
        }});
        let got = Got::read(self.send(self.request(Method::POST, path), &body.to_string()).await).await;
        assert_eq!(got.status, StatusCode::OK, "{:?}", got.last());
        let session = got.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let initialized = got.last().clone();
        Client { harness: self, path: path.to_owned(), session, initialized, asked: AtomicU64::new(0) }
    }

    /// A stateless request, with all that belongs to one.
    pub(crate) fn stateless(
        &self,
        path: &str,
        method: &str,
        params: &Value,
        capabilities: &Value,
    ) -> (http::request::Builder, String) {
        let mut params = params.clone();
        let mut meta = params["_meta"].take();
        if !meta.is_object() {
            meta = json!({});
        }
        meta["io.modelcontextprotocol/protocolVersion"] = STATELESS.into();
        meta["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
        params["_meta"] = meta;
        let mut request =
            self.request(Method::POST, path).header("mcp-protocol-version", STATELESS).header("mcp-method", method);
        for member in ["name", "uri"] {
            if let Some(name) = params[member].as_str() {
                request = request.header("mcp-name", name);
            }
        }
        (request, json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string())
    }

    pub(crate) async fn ask(&self, path: &str, method: &str, params: &Value) -> Got {
        self.ask_as(path, method, params, &json!({})).await
    }

    pub(crate) async fn ask_as(&self, path: &str, method: &str, params: &Value, capabilities: &Value) -> Got {
        let (request, body) = self.stateless(path, method, params, capabilities);
        Got::read(self.send(request, &body).await).await
    }

    /// What the audit log has of decisions about `resource`, newest first.
    pub(crate) async fn entries(&self, resource: &str) -> Vec<AuditEntry> {
        let resource = Some(resource.to_owned());
        let filter = EntryFilter { kind: Some(Kind::Decision), resource, ..EntryFilter::default() };
        let found = self.control.audit().find(filter, None, 100).await.unwrap();
        found.items.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The codes of what was refused at the door, in their order.
    pub(crate) async fn refusals(&self) -> Vec<String> {
        let audit = self.control.audit();
        // Whatever was written before this one is on disk with it.
        let marker = AuditEntry::new(Timestamp::default(), Kind::SignIn, Who::default());
        audit.append(marker, Durability::Durable).await.unwrap();
        let filter = EntryFilter { kind: Some(Kind::DoorRefused), ..EntryFilter::default() };
        let found = audit.find(filter, None, 100).await.unwrap();
        found.items.into_iter().rev().map(|(_, entry)| entry.code.unwrap_or_default()).collect()
    }

    /// The record of the next call.
    pub(crate) async fn record(&mut self) -> SpanRecord {
        let record = tokio::time::timeout(Duration::from_secs(5), self.records.recv()).await;
        record.expect("a record within 5 s").expect("the gateway is there")
    }
}

async fn mint(control: &Control, name: &str) -> String {
    let new = NewKey { name: name.into(), agent: Some(format!("{name}-agent")), ..NewKey::default() };
    control.keys().mint(new).await.unwrap().1.expose().to_owned()
}

pub(crate) fn attribute<'a>(record: &'a SpanRecord, name: &str) -> Option<&'a str> {
    let found = record.attributes.iter().find(|(key, _)| *key == name)?;
    if let Attribute::String(text) = &found.1 { Some(text) } else { None }
}

/// A stateful client.
pub(crate) struct Client<'a> {
    harness: &'a Harness,
    path: String,
    pub(crate) session: String,
    pub(crate) initialized: Value,
    /// Requests so far.
    asked: AtomicU64,
}

impl Client<'_> {
    pub(crate) fn builder(&self, method: Method) -> http::request::Builder {
        self.harness
            .request(method, &self.path)
            .header("mcp-session-id", &self.session)
            .header("mcp-protocol-version", "2025-11-25")
    }

    pub(crate) async fn send(&self, body: &Value) -> Response<Body> {
        self.harness.send(self.builder(Method::POST), &body.to_string()).await
    }

    pub(crate) async fn ask(&self, method: &str, params: &Value) -> Got {
        Got::read(self.begin(method, params).await).await
    }

    pub(crate) async fn begin(&self, method: &str, params: &Value) -> Response<Body> {
        let id = format!("q-{}", self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await
    }

    pub(crate) async fn answer(&self, id: &Value, result: &Value) {
        let response = self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result })).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }

    pub(crate) async fn listen(&self) -> Events {
        let response = self.harness.send(self.builder(Method::GET), "").await;
        assert_eq!(response.status(), StatusCode::OK);
        Events::of(response)
    }

    /// Comes back after the event `id`.
    pub(crate) async fn resume(&self, id: &str) -> Response<Body> {
        self.harness.send(self.builder(Method::GET).header("last-event-id", id), "").await
    }
}

/// A whole answer: one JSON body, or all events of a stream.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) messages: Vec<Value>,
}

impl Got {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let collected = tokio::time::timeout(Duration::from_secs(20), body.collect()).await;
        let bytes = collected.expect("an answer within 20 s").unwrap().to_bytes();
        let is_stream = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let messages = if is_stream {
            let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
            data.map(|data| serde_json::from_str(data).unwrap()).collect()
        } else {
            serde_json::from_str(&text).into_iter().collect()
        };
        Self { status: parts.status, headers: parts.headers, messages }
    }

    pub(crate) fn last(&self) -> &Value {
        self.messages.last().unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    pub(crate) fn result(&self) -> &Value {
        let result = &self.last()["result"];
        assert!(result.is_object(), "{self:?}");
        result
    }

    pub(crate) fn text(&self) -> &str {
        self.result()["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {self:?}"))
    }

    pub(crate) fn code(&self) -> i64 {
        self.last()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error in {self:?}"))
    }

    pub(crate) fn names(&self, member: &str, key: &str) -> Vec<String> {
        let items = self.result()[member].as_array().unwrap();
        items.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
    }
}

/// One event of a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<String>,
    pub(crate) message: Option<Value>,
}

/// A stream that is read event by event.
pub(crate) struct Events {
    body: BodyDataStream<Body>,
    pending: String,
}

impl Events {
    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: BodyDataStream::new(response.into_body()), pending: String::new() }
    }

    /// The next message, waited for.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let event = self.event().await?;
            if event.message.is_some() {
                return event.message;
            }
        }
    }

    /// The next event, waited for; signs of life are none.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        let found = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                if let Some(end) = self.pending.find("\n\n") {
                    let event: String = self.pending.drain(..end + 2).collect();
                    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                    let message = field("data: ").map(|data| serde_json::from_str(&data).unwrap());
                    let (id, retry) = (field("id: "), field("retry: "));
                    if message.is_some() || id.is_some() {
                        return Some(Event { id, retry, message });
                    }
                    continue;
                }
                let chunk = self.body.next().await?.unwrap();
                self.pending.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        });
        found.await.expect("an event within 10 s")
    }
}
