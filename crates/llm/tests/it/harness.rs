//! A gateway on port 0 with a fake provider behind it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use mizzen_control::keys::NewKey;
use mizzen_control::policies::{By, Expected, PolicyKind};
use mizzen_control::providers::ProviderKey;
use mizzen_control::{Control, Environment, MIGRATIONS};
use mizzen_llm::gateway::{Gateway, GatewayConfig, Parts, UpstreamConfig, router};
use mizzen_llm::wire::Protocol;
use mizzen_model::attribute::Value;
use mizzen_model::price::PriceTable;
use mizzen_model::span::SpanRecord;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::listen::{ListenLimits, bind, serve};
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::secret::Secret;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig};
use tokio::sync::mpsc;

use crate::fake::Fake;

pub(crate) const PROVIDER_KEY: &str = "sk-of-the-provider";

pub(crate) struct Harness {
    pub(crate) fake: Fake,
    pub(crate) gateway: Gateway,
    pub(crate) control: Control,
    pub(crate) metrics: Metrics,
    /// Of the caller `alice`, whose key belongs to agent `helper`.
    pub(crate) key: Secret,
    pub(crate) tasks: TaskGroup,
    pub(crate) records: mpsc::Receiver<SpanRecord>,
    pub(crate) client: HttpClient,
    pub(crate) base: String,
    _folder: tempfile::TempDir,
}

/// The fake behind both protocols, with the names of the default upstreams.
pub(crate) fn config(fake: &Fake) -> GatewayConfig {
    let upstreams = vec![
        UpstreamConfig::new("openai", Protocol::OpenAi, &format!("{}/v1", fake.base_url)),
        UpstreamConfig::new("anthropic", Protocol::Anthropic, &fake.base_url),
    ];
    GatewayConfig { upstreams, ..GatewayConfig::default() }
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        Self::with_queue(change, 64).await
    }

    pub(crate) async fn with_queue(change: impl FnOnce(&mut GatewayConfig), queue: usize) -> Self {
        let fake = Fake::start();
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let store = Store::open(&StoreConfig { url: None, data_dir: data_dir.clone() }, MIGRATIONS).await.unwrap();
        let clock = Clock::system();
        let control = Control::open(store, &data_dir, clock.clone(), Environment::empty()).await.unwrap();
        for name in ["openai", "anthropic"] {
            control.providers().put(name, ProviderKey::Secret(Secret::new(PROVIDER_KEY))).await.unwrap();
        }
        let key = mint(&control, "alice").await;
        let mut config = config(&fake);
        change(&mut config);
        let (sender, records) = mpsc::channel(queue);
        let (metrics, tasks) = (Metrics::new(), TaskGroup::new());
        let client = HttpClient::new(ClientConfig::default()).unwrap();
        let parts = Parts {
            control: control.clone(),
            client: client.clone(),
            records: sender,
            clock,
            prices: PriceTable::built_in(&[]).unwrap(),
            registry: &metrics,
            tasks: &tasks,
        };
        let gateway = Gateway::new(config, parts).unwrap();
        let listener = bind("listen", "127.0.0.1:0".parse().unwrap()).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        serve(listener, None, router(gateway.clone()), &tasks, ListenLimits::new(&metrics, "gateway_connections"));
        Self { fake, gateway, control, metrics, key, tasks, records, client, base, _folder: folder }
    }

    pub(crate) async fn mint(&self, name: &str) -> Secret {
        mint(&self.control, name).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let bearer = format!("Bearer {}", self.key.expose());
        Request::builder().method(method).uri(format!("{}{path}", self.base)).header("authorization", bearer)
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Response<Incoming> {
        self.client.send(request.body(Full::new(body.into())).unwrap()).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Got {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        Got::read(self.send(request, body).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        Got::read(self.send(self.request(Method::GET, path), "").await).await
    }

    /// The one record that the call left.
    pub(crate) async fn record(&mut self) -> Record {
        let record = tokio::time::timeout(Duration::from_secs(5), self.records.recv()).await;
        Record(record.expect("a record within 5 s").expect("the recorder runs"))
    }

    /// Puts a boundary of the agent `helper` in force; `spec` is the YAML below `spec`, without its indentation.
    pub(crate) async fn boundary(&self, mode: &str, spec: &str) {
        let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!(
            "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: helper}}\nspec:\n  mode: {mode}\n  agents: [helper]\n{spec}"
        );
        let by = By { name: "ada".into(), role: None, reason: "a test".into() };
        let policies = self.control.policies();
        let put = policies.put(PolicyKind::Boundary, "helper", &text, &Expected::Anything, &by);
        put.await.unwrap_or_else(|error| panic!("{error:?} in\n{text}"));
    }

    /// The recorder has nothing more to say.
    pub(crate) async fn no_more_records(&mut self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(self.records.try_recv().is_err(), "one record for each call");
    }
}

async fn mint(control: &Control, name: &str) -> Secret {
    let new = NewKey { name: name.into(), agent: Some("helper".into()), ..NewKey::default() };
    control.keys().mint(new).await.unwrap().1
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Whether the connection broke before the end of the body.
    pub(crate) broken: bool,
}

impl Got {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (head, mut incoming) = response.into_parts();
        let (mut body, mut broken) = (Vec::new(), false);
        while let Some(frame) = incoming.frame().await {
            match frame {
                Ok(frame) => body.extend_from_slice(frame.data_ref().unwrap()),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        Self { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(body).unwrap(), broken }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// A record with its attributes at hand.
#[derive(Debug)]
pub(crate) struct Record(pub(crate) SpanRecord);

impl Record {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Value::String(text)) => text,
            other => panic!("{name}: {other:?} in {:?}", self.0),
        }
    }
    pub(crate) fn int(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Int(number)) => *number,
            other => panic!("{name}: {other:?}"),
        }
    }
    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(self.text(name)).unwrap()
    }
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.get("error.type").map(|_| self.text("error.type"))
    }
}
