//! A tool server without a protocol: what it has and how it answers is said by the test.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mizzen_governance::request::ToolFacts;
use mizzen_mcp::seam::{
    About, Call, ClientContext, Definition, Directory, Era, FromServer, Interest, ListKind, Listing, Member, Names,
    Owner, Reply, Session, Upstream, UpstreamError, View,
};
use mizzen_mcp::servers::Shown;
use mizzen_model::asked::Taint;
use mizzen_model::id::Digest;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

type Handler = dyn Fn(String, Value, mpsc::Sender<FromServer>) -> BoxFuture<'static, Reply> + Send + Sync;

pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// A result that is text.
pub(crate) fn said(text: &str) -> Reply {
    Reply::Complete(raw(&json!({ "content": [{ "type": "text", "text": text }] })))
}

pub(crate) struct Double {
    name: String,
    era: Era,
    lists: Mutex<HashMap<ListKind, Arc<Listing>>>,
    handler: Box<Handler>,
    /// Methods and parameters as they came.
    pub(crate) calls: Mutex<Vec<(String, Value)>>,
    pub(crate) contexts: Mutex<Vec<Arc<ClientContext>>>,
    pub(crate) ended: Mutex<Vec<Owner>>,
    pub(crate) interests: Mutex<Vec<Interest>>,
    pub(crate) news: Mutex<Option<mpsc::Sender<FromServer>>>,
    pub(crate) cancelled: AtomicU64,
    pub(crate) away: AtomicBool,
    /// Its lists never come.
    pub(crate) hangs: AtomicBool,
    /// The lists that it was asked for.
    pub(crate) lists_asked: Mutex<Vec<ListKind>>,
    /// The thread on which it was last asked what it is.
    pub(crate) asked_about_on: Mutex<String>,
    /// What its results bring into a run.
    pub(crate) touches: Mutex<Taint>,
    /// What a call may take.
    pub(crate) time_max: Mutex<Duration>,
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Double {
    /// Where the newest who listens to the server's news hears them, once somebody does.
    pub(crate) async fn listener(&self) -> mpsc::Sender<FromServer> {
        loop {
            if let Some(news) = self.news.lock().unwrap().clone() {
                return news;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn new<F, Fut>(name: &str, era: Era, handler: F) -> Arc<Self>
    where
        F: Fn(String, Value, mpsc::Sender<FromServer>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Reply> + Send + 'static,
    {
        let handler = move |method, params, events| handler(method, params, events).boxed();
        Arc::new(Self {
            name: name.to_owned(),
            era,
            lists: Mutex::default(),
            handler: Box::new(handler),
            calls: Mutex::default(),
            contexts: Mutex::default(),
            ended: Mutex::default(),
            interests: Mutex::default(),
            news: Mutex::default(),
            cancelled: AtomicU64::new(0),
            away: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            lists_asked: Mutex::default(),
            asked_about_on: Mutex::default(),
            touches: Mutex::default(),
            time_max: Mutex::new(Duration::from_secs(60)),
        })
    }

    /// Answers every tool call with its own name and the tool's.
    pub(crate) fn plain(name: &'static str, era: Era, tools: &[&str]) -> Arc<Self> {
        let double = Self::new(name, era, move |_, params: Value, _| async move {
            said(&format!("{name}:{}", params["name"].as_str().or(params["uri"].as_str()).unwrap_or("?")))
        });
        double.has(
            ListKind::Tools,
            tools.iter().map(|tool| json!({ "name": tool, "inputSchema": { "type": "object" } })),
        );
        double
    }

    pub(crate) fn has(&self, kind: ListKind, items: impl IntoIterator<Item = Value>) {
        let define = |value: Value| Definition {
            key: value[kind.key()].as_str().unwrap().to_owned(),
            raw: raw(&value).into(),
            facts: ToolFacts { digest: Some(Digest::of(value.to_string().as_bytes())), pinned: true, read_only: false },
            requires_task: value["execution"]["taskSupport"] == "required",
            withheld: None,
        };
        let listing = Listing { items: items.into_iter().map(define).collect(), ttl_ms: None };
        self.lists.lock().unwrap().insert(kind, Arc::new(listing));
    }

    pub(crate) fn withhold(&self, tool: &str, reason: &str) {
        let mut lists = self.lists.lock().unwrap();
        let mut listing = (**lists.get(&ListKind::Tools).unwrap()).clone();
        for item in listing.items.iter_mut().filter(|item| item.key == tool) {
            item.withheld = Some(reason.to_owned());
        }
        lists.insert(ListKind::Tools, Arc::new(listing));
    }

    pub(crate) fn last_call(&self) -> (String, Value) {
        self.calls.lock().unwrap().last().cloned().expect("the server was called")
    }

    fn makes_tasks(&self) -> bool {
        let lists = self.lists.lock().unwrap();
        let tools = lists.get(&ListKind::Tools);
        tools.is_some_and(|tools| tools.items.iter().any(|tool| tool.raw.get().contains("taskSupport")))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    fn reach(&self) -> Result<(), UpstreamError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(UpstreamError::Unreachable { server: self.name.clone(), reason: "connection refused".into() });
        }
        Ok(())
    }
}

/// The name the trait is implemented for: sessions keep their server.
#[derive(Debug, Clone)]
pub(crate) struct Server(pub(crate) Arc<Double>);

impl Upstream for Server {
    fn time_max(&self) -> Duration {
        *self.0.time_max.lock().unwrap()
    }

    fn name(&self) -> &str {
        &self.0.name
    }

    fn touches(&self, _: ListKind, _: &str) -> Taint {
        *self.0.touches.lock().unwrap()
    }

    fn about(&self) -> BoxFuture<'_, Result<Arc<About>, UpstreamError>> {
        async move {
            self.0.reach()?;
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            *self.0.asked_about_on.lock().unwrap() = thread;
            let mut capabilities =
                Map::from_iter([("logging".to_owned(), json!({})), ("completions".to_owned(), json!({}))]);
            for kind in self.0.lists.lock().unwrap().keys() {
                let name = kind.method().split('/').next().unwrap();
                capabilities.insert(name.to_owned(), json!({ "subscribe": true }));
            }
            match self.0.era {
                Era::Stateless => {
                    capabilities.insert("extensions".into(), json!({ "io.modelcontextprotocol/tasks": {} }));
                }
                Era::Stateful if self.0.makes_tasks() => {
                    let tasks = json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } });
                    capabilities.insert("tasks".into(), tasks);
                }
                Era::Stateful => {}
            }
            Ok(Arc::new(About {
                era: self.0.era,
                version: "2025-11-25".into(),
                server_info: Some(raw(&json!({ "name": self.0.name, "version": "9", "x-theirs": true }))),
                capabilities,
                instructions: Some(format!("how to use {}", self.0.name)),
                transport: "http",
            }))
        }
        .boxed()
    }

    fn list(&self, kind: ListKind) -> BoxFuture<'_, Result<Arc<Listing>, UpstreamError>> {
        async move {
            self.0.reach()?;
            self.0.lists_asked.lock().unwrap().push(kind);
            if self.0.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            Ok(self.0.lists.lock().unwrap().get(&kind).cloned().unwrap_or_default())
        }
        .boxed()
    }

    fn remembered(&self, kind: ListKind) -> Vec<String> {
        let lists = self.0.lists.lock().unwrap();
        lists.get(&kind).into_iter().flat_map(|list| list.items.iter().map(|item| item.key.clone())).collect()
    }

    fn session(&self, client: Arc<ClientContext>) -> BoxFuture<'_, Result<Arc<dyn Session>, UpstreamError>> {
        async move {
            self.0.reach()?;
            self.0.contexts.lock().unwrap().push(client);
            Ok(Arc::new(self.clone()) as Arc<dyn Session>)
        }
        .boxed()
    }

    fn end_sessions(&self, owner: &Owner) {
        self.0.ended.lock().unwrap().push(owner.clone());
    }
}

struct OnDrop<'a>(&'a Double, bool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Session for Server {
    fn request(
        &self,
        call: Call,
        events: mpsc::Sender<FromServer>,
        _: CancellationToken,
    ) -> BoxFuture<'_, Result<Reply, UpstreamError>> {
        async move {
            let params = call.params.map_or(Value::Null, |params| serde_json::from_str(params.get()).unwrap());
            self.0.calls.lock().unwrap().push((call.method.clone(), params.clone()));
            let mut guard = OnDrop(&self.0, false);
            let reply = (self.0.handler)(call.method, params, events).await;
            guard.1 = true;
            Ok(reply)
        }
        .boxed()
    }

    fn notify(&self, method: &str, _: Option<Box<RawValue>>) -> BoxFuture<'_, Result<(), UpstreamError>> {
        self.0.calls.lock().unwrap().push((method.to_owned(), Value::Null));
        async { Ok(()) }.boxed()
    }

    fn listen(
        &self,
        interest: Interest,
        events: mpsc::Sender<FromServer>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<(), UpstreamError>> {
        self.0.interests.lock().unwrap().push(interest);
        *self.0.news.lock().unwrap() = Some(events);
        async move {
            cancel.cancelled().await;
            Ok(())
        }
        .boxed()
    }
}

/// Views by profile; `""` is the one of all servers.
#[derive(Debug)]
pub(crate) struct Views {
    views: Mutex<HashMap<String, Arc<View>>>,
    changed: watch::Sender<u64>,
}

impl Views {
    /// All servers, prefixed; and the profile `plain` with their own names.
    pub(crate) fn of(doubles: &[Arc<Double>]) -> Arc<Self> {
        let views = Self { views: Mutex::default(), changed: watch::Sender::new(0) };
        views.set("", doubles, Names::Prefixed);
        views.set("plain", doubles, Names::Plain);
        Arc::new(views)
    }

    pub(crate) fn set(&self, name: &str, doubles: &[Arc<Double>], names: Names) {
        let member = |double: &Arc<Double>| Member {
            upstream: Arc::new(Server(Arc::clone(double))),
            names,
            shown: Shown::all(),
        };
        self.put(View { name: name.to_owned(), members: doubles.iter().map(member).collect() });
    }

    pub(crate) fn put(&self, view: View) {
        self.views.lock().unwrap().insert(view.name.clone(), Arc::new(view));
        self.announce();
    }

    pub(crate) fn remove(&self, name: &str) {
        self.views.lock().unwrap().remove(name);
        self.announce();
    }

    pub(crate) fn announce(&self) {
        self.changed.send_modify(|revision| *revision += 1);
    }
}

impl Directory for Views {
    fn view(&self, profile: Option<&str>) -> Option<Arc<View>> {
        self.views.lock().unwrap().get(profile.unwrap_or("")).cloned()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
