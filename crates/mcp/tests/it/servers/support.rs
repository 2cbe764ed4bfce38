//! Upstreams over a real store, servers to put behind them, and clients that ask.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mizzen_control::{Control, Environment};
use mizzen_mcp::pins::Pins;
use mizzen_mcp::seam::{
    Call, ClientContext, Definition, Era, FromServer, ListKind, Owner, Permitted, Reply, Session, Upstream as _,
    UpstreamError,
};
use mizzen_mcp::servers::{self, Declared, PinRule, ServerConfig, ToolServers, Transport};
use mizzen_mcp::upstream::{Server, Shared, Upstreams};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::testing::data_dir;
use mizzen_store::{Store, StoreConfig};
use mizzen_testkit::mcp_fixture::{Eras, Fixture, FixtureOptions};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Upstreams with the servers they were given.
pub(crate) struct Bench {
    pub(crate) upstreams: Upstreams,
    pub(crate) control: Control,
    pub(crate) tasks: TaskGroup,
    pub(crate) metrics: Metrics,
    _folder: TempDir,
}

impl Bench {
    pub(crate) async fn with(servers: Vec<ServerConfig>) -> Self {
        let (folder, data_dir) = data_dir();
        let config = StoreConfig { url: None, data_dir: data_dir.clone() };
        let migrations = [mizzen_control::MIGRATIONS, servers::MIGRATIONS].concat();
        let store = Store::open(&config, &migrations).await.unwrap();
        let (clock, tasks, metrics) = (Clock::system(), TaskGroup::new(), Metrics::new());
        let environment = Environment::of([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())].into());
        let control = Control::open(store.clone(), &data_dir, clock.clone(), environment.clone()).await.unwrap();
        let configuration = ToolServers::open(store.clone(), clock.clone(), Declared::default()).await.unwrap();
        for server in servers {
            configuration.put_server(server, "test", async { Ok(()) }).await.unwrap();
        }
        let shared = Shared {
            http: HttpClient::new(ClientConfig::default()).unwrap(),
            control: control.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            environment,
            pins: Pins::open(store, clock).await.unwrap(),
            pin: PinRule::FirstSight,
        };
        Self { upstreams: Upstreams::start(configuration, shared), control, tasks, metrics, _folder: folder }
    }

    pub(crate) fn server(&self, name: &str) -> Server {
        self.upstreams.server(name).unwrap()
    }

    pub(crate) async fn tools(&self, server: &str) -> Vec<Definition> {
        self.server(server).list(ListKind::Tools).await.unwrap().items.clone()
    }

    /// A client that can be asked what `capabilities` say.
    pub(crate) async fn client(&self, server: &str, owner: &str, capabilities: Value) -> Result<Client, UpstreamError> {
        let context = ClientContext {
            owner: Owner::Session(owner.into()),
            era: Era::Stateful,
            info: Some(raw(&json!({ "name": "test", "version": "1" }))),
            capabilities: capabilities.as_object().cloned().unwrap_or_default(),
        };
        Ok(Client { session: self.server(server).session(Arc::new(context)).await?, permitted: None })
    }

    pub(crate) async fn drain(self) {
        let report = self.tasks.drain(Duration::from_secs(20)).await;
        assert!(report.is_complete(), "{report:?}");
    }
}

pub(crate) struct Client {
    pub(crate) session: Arc<dyn Session>,
    /// What its calls were permitted for.
    pub(crate) permitted: Option<Permitted>,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reply: Result<Reply, UpstreamError>,
    pub(crate) notifications: Vec<(String, Value)>,
    pub(crate) asked: Vec<String>,
}

impl Outcome {
    /// The result, and its first text.
    pub(crate) fn result(&self) -> Value {
        match self.reply.as_ref().unwrap() {
            Reply::Complete(result) | Reply::InputRequired(result) => serde_json::from_str(result.get()).unwrap(),
            Reply::Error(error) => panic!("{error}"),
        }
    }

    pub(crate) fn text(&self) -> String {
        self.result()["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn error(&self) -> &UpstreamError {
        self.reply.as_ref().unwrap_err()
    }
}

impl Client {
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Outcome {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments }), &CancellationToken::new()).await
    }

    /// Answers everything that it is asked.
    pub(crate) async fn request(&self, method: &str, params: Value, cancel: &CancellationToken) -> Outcome {
        let call = Call {
            method: method.to_owned(),
            params: Some(raw(&params)),
            progress: true,
            log_level: Some("info".into()),
            permitted: self.permitted.clone(),
        };
        let (events, mut heard) = mpsc::channel(8);
        let hearing = async {
            let (mut notifications, mut asked) = (Vec::new(), Vec::new());
            while let Some(event) = heard.recv().await {
                match event {
                    FromServer::Notification { method, params } => {
                        let params = params.map_or(Value::Null, |params| serde_json::from_str(params.get()).unwrap());
                        notifications.push((method, params));
                    }
                    FromServer::Request { method, answer, .. } => {
                        let (Ok(()) | Err(_)) = answer.send(Ok(raw(&answer_to(&method))));
                        asked.push(method);
                    }
                }
            }
            (notifications, asked)
        };
        let (reply, (notifications, asked)) = tokio::join!(self.session.request(call, events, cancel.clone()), hearing);
        Outcome { reply, notifications, asked }
    }
}

fn answer_to(method: &str) -> Value {
    match method {
        "sampling/createMessage" => {
            json!({ "role": "assistant", "model": "test", "content": { "type": "text", "text": "Paris" } })
        }
        "elicitation/create" => {
            json!({ "action": "accept", "content": { "username": "ada", "email": "ada@example.org" } })
        }
        _ => json!({ "roots": [] }),
    }
}

pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// The fixture in this process, over HTTP.
pub(crate) async fn fixture(eras: Eras) -> String {
    let fixture = Fixture::new(FixtureOptions { eras, name: "fixture".into(), ..FixtureOptions::default() });
    serve(fixture.router()).await + "/mcp"
}

/// Any router on a free port of loopback.
#[allow(clippy::disallowed_methods, reason = "a server of a test ends with its runtime")]
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

pub(crate) fn http(name: &str, url: impl Into<String>) -> ServerConfig {
    ServerConfig { call_timeout_seconds: 5, ..ServerConfig::new(name, Transport::http(url)) }
}

/// A shell script that speaks over standard input and output.
pub(crate) fn script(name: &str, script: &str) -> ServerConfig {
    let config = ServerConfig::new(name, Transport::stdio("sh", ["-c", script]));
    ServerConfig { call_timeout_seconds: 5, start_timeout_seconds: 5, ..config }
}

pub(crate) fn no_capabilities() -> Value {
    Value::Object(Map::new())
}
