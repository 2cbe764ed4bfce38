//! A provider that answers as it was told and remembers what it was asked.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::BodyExt as _;
use mizzen_runtime::listen::{ListenLimits, bind, serve};
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use tokio::sync::Notify;
use tokio::time::Sleep;

/// What the upstream was sent.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: http::Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// One scripted answer: a head, and steps of a body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    steps: VecDeque<Step>,
    head_after: Duration,
}

#[derive(Debug, Clone)]
enum Step {
    Chunk(Bytes),
    Wait(Duration),
    Stall,
    Die,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            steps: VecDeque::new(),
            head_after: Duration::ZERO,
        }
    }
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::new(status, "application/json").chunk(body)
    }
    /// A stream of one chunk for each event.
    pub(crate) fn events(stream: &str) -> Self {
        stream.split_inclusive("\n\n").fold(Self::new(200, "text/event-stream; charset=utf-8"), Self::chunk)
    }
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
    pub(crate) fn chunk(mut self, bytes: &str) -> Self {
        self.steps.push_back(Step::Chunk(Bytes::copy_from_slice(bytes.as_bytes())));
        self
    }
    pub(crate) fn wait(mut self, for_: Duration) -> Self {
        self.steps.push_back(Step::Wait(for_));
        self
    }
    /// Sends nothing more and keeps the connection.
    pub(crate) fn stall(mut self) -> Self {
        self.steps.push_back(Step::Stall);
        self
    }
    /// Closes the connection without an end.
    pub(crate) fn die(mut self) -> Self {
        self.steps.push_back(Step::Die);
        self
    }
    pub(crate) const fn head_after(mut self, wait: Duration) -> Self {
        self.head_after = wait;
        self
    }
}

#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
    hung_up: Notify,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    script: Arc<Script>,
    pub(crate) base_url: String,
    pub(crate) port: u16,
    _tasks: TaskGroup,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let script = Arc::new(Script::default());
        let listener = bind("fake", "127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let tasks = TaskGroup::new();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        serve(listener, None, router, &tasks, ListenLimits::new(&Metrics::new(), "fake_connections"));
        Self { script, base_url: format!("http://127.0.0.1:{port}"), port, _tasks: tasks }
    }

    /// Adds an answer to the script; without one left the fake answers 599.
    pub(crate) fn will(&self, answer: Answer) -> &Self {
        self.script.answers.lock().unwrap().push_back(answer);
        self
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().expect("the upstream was called")
    }

    /// Waits until somebody hung up on a stalled answer.
    pub(crate) async fn saw_hang_up(&self) {
        let seen = tokio::time::timeout(Duration::from_secs(5), self.script.hung_up.notified()).await;
        seen.expect("the upstream's side of the call was dropped");
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    script.asked.lock().unwrap().push(Asked { method: parts.method, uri: parts.uri, headers: parts.headers, body });
    let next = script.answers.lock().unwrap().pop_front();
    let next = next.unwrap_or_else(|| Answer::json(599, r#"{"error":{"message":"no answer scripted"}}"#));
    let watch = Watch { script: Arc::clone(&script), armed: true };
    if !next.head_after.is_zero() {
        tokio::time::sleep(next.head_after).await;
    }
    let mut response = Response::builder().status(next.status);
    for (name, value) in &next.headers {
        response = response.header(*name, value);
    }
    if next.steps.len() == 1
        && let Some(Step::Chunk(bytes)) = next.steps.front()
    {
        watch.disarm();
        return response.body(Body::from(bytes.clone())).unwrap();
    }
    response.body(Body::new(Scripted { steps: next.steps, timer: None, watch })).unwrap()
}

/// Tells when an answer was dropped before its end.
struct Watch {
    script: Arc<Script>,
    armed: bool,
}

impl Watch {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.armed {
            self.script.hung_up.notify_one();
        }
    }
}

struct Scripted {
    steps: VecDeque<Step>,
    timer: Option<Pin<Box<Sleep>>>,
    watch: Watch,
}

impl http_body::Body for Scripted {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        loop {
            if let Some(timer) = &mut self.timer {
                std::task::ready!(timer.as_mut().poll(context));
                self.timer = None;
            }
            match self.steps.front().cloned() {
                Some(Step::Stall) => return Poll::Pending,
                Some(Step::Wait(wait)) => {
                    self.timer = Some(Box::pin(tokio::time::sleep(wait)));
                    self.steps.pop_front();
                }
                Some(Step::Chunk(bytes)) => {
                    self.steps.pop_front();
                    // A pause makes one write of each chunk.
                    self.timer = Some(Box::pin(tokio::time::sleep(Duration::from_millis(1))));
                    return Poll::Ready(Some(Ok(http_body::Frame::data(bytes))));
                }
                Some(Step::Die) => return Poll::Ready(Some(Err(std::io::Error::other("died")))),
                None => {
                    self.watch.armed = false;
                    return Poll::Ready(None);
                }
            }
        }
    }
}
