//! Chat calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::Quantiles;
use crate::random::Random;
use crate::request::Connection;

/// What is sent, again and again.
#[derive(Debug, Clone)]
pub struct CallLoad {
    /// `http://host:port`, without a path.
    pub url: String,
    pub path: String,
    pub model: String,
    /// For `Authorization: Bearer`; empty for none.
    pub key: String,
    pub stream: bool,
    pub max_tokens: u32,
    /// Bytes of each request's body.
    pub body_bytes: usize,
    /// Stop after so many requests, however much time is left.
    pub requests_max: usize,
}

impl CallLoad {
    /// 2 KB chat calls without a stream.
    #[must_use]
    pub fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            path: "/v1/chat/completions".to_owned(),
            model: "sim-1".to_owned(),
            key: String::new(),
            stream: false,
            max_tokens: 512,
            body_bytes: 2048,
            requests_max: usize::MAX,
        }
    }

    /// Different conversations behind one system prompt, as a router's traffic is: enough of them that none is always
    /// in a processor's cache, few enough that making them costs nothing.
    fn bodies(&self) -> Vec<Bytes> {
        const CONVERSATIONS: u64 = 256;
        let system = "You answer questions about orders, deliveries and refunds of a small shop. ".repeat(5);
        let body = |seed| {
            let mut random = Random::new(seed);
            let mut user = format!("Question {seed}: ");
            let mut body = json!({
                "model": self.model, "max_tokens": self.max_tokens, "stream": self.stream,
                "messages": [{"role": "system", "content": system}, {"role": "user", "content": ""}],
            });
            let frame_bytes = body.to_string().len();
            while frame_bytes + user.len() < self.body_bytes {
                user.push_str(&format!("{:05x} ", random.next_u64() >> 44));
            }
            body["messages"][1]["content"] = json!(user);
            Bytes::from(body.to_string())
        };
        (0..CONVERSATIONS).map(body).collect()
    }
}

/// What came back.
#[derive(Debug, Clone, Serialize)]
pub struct CallReport {
    pub requests: usize,
    /// Answers other than 200, and answers that broke off. Their latencies are not in the quantiles.
    pub errors: usize,
    pub seconds: f64,
    pub requests_per_second: f64,
    /// Server-sent events, `[DONE]` included.
    pub chunks: usize,
    pub latency: Quantiles,
    /// Until the first byte of the answer's body.
    pub first_byte: Quantiles,
    /// The first error, for the person who reads the table.
    pub first_error: Option<String>,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<u64>,
    first_bytes: Vec<u64>,
    chunks: usize,
    errors: usize,
    first_error: Option<String>,
}

/// Drives the load from `connections` connections for `duration`.
///
/// # Errors
/// When no connection can be opened.
pub async fn call(load: &CallLoad, connections: usize, duration: Duration) -> Result<CallReport> {
    let bodies: Arc<[Bytes]> = load.bodies().into();
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let deadline = start + duration;
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (load, bodies, next) = (load.clone(), Arc::clone(&bodies), Arc::clone(&next));
        workers.spawn(async move { work(&load, &bodies, &next, deadline).await });
    }
    let mut all = Tally::default();
    while let Some(tally) = workers.join_next().await {
        let tally = tally.context("a load worker panicked")??;
        all.latencies.extend(tally.latencies);
        all.first_bytes.extend(tally.first_bytes);
        all.chunks += tally.chunks;
        all.errors += tally.errors;
        all.first_error = all.first_error.or(tally.first_error);
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(CallReport {
        requests: all.latencies.len(),
        errors: all.errors,
        seconds,
        requests_per_second: all.latencies.len() as f64 / seconds,
        chunks: all.chunks,
        latency: Quantiles::of(all.latencies),
        first_byte: Quantiles::of(all.first_bytes),
        first_error: all.first_error,
    })
}

async fn work(load: &CallLoad, bodies: &[Bytes], next: &AtomicUsize, deadline: Instant) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut connection = Connection::open(&load.url).await?;
    loop {
        let index = next.fetch_add(1, Relaxed);
        if index >= load.requests_max || Instant::now() >= deadline {
            return Ok(tally);
        }
        let started = Instant::now();
        match one(&mut connection, load, bodies[index % bodies.len()].clone(), &mut tally).await {
            Ok(first_byte) => {
                tally.latencies.push(micros(started.elapsed()));
                tally.first_bytes.push(micros(first_byte - started));
            }
            Err(error) => {
                tally.errors += 1;
                tally.first_error.get_or_insert_with(|| format!("{error:#}"));
                // A server that refuses everything must not be hammered as fast as it refuses.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        if connection.is_closed() {
            connection = Connection::open(&load.url).await?;
        }
    }
}

/// Returns when the first byte came.
async fn one(connection: &mut Connection, load: &CallLoad, body: Bytes, tally: &mut Tally) -> Result<Instant> {
    let authorization = format!("Bearer {}", load.key);
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    let used = if load.key.is_empty() { &headers[..1] } else { &headers[..] };
    let url = format!("{}{}", load.url, load.path);
    let response = connection.send(Method::POST, &url, used, body).await?;
    let status = response.status();
    let mut body = response.into_body();
    let mut first_byte = None;
    let mut bytes = 0;
    let mut start_of_answer = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.context("the answer broke off")?.into_data() else { continue };
        first_byte.get_or_insert_with(Instant::now);
        bytes += data.len();
        if start_of_answer.len() < 200 {
            start_of_answer.extend_from_slice(&data[..data.len().min(200)]);
        }
        if load.stream {
            tally.chunks += data.windows(2).filter(|pair| pair == b"\n\n").count();
        }
    }
    let said = String::from_utf8_lossy(&start_of_answer);
    ensure!(status.is_success() && bytes > 0, "status {}: {said}", status.as_u16());
    first_byte.context("the answer has no body")
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
