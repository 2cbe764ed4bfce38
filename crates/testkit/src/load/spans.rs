//! OTLP trace exports over HTTP with protobuf, as an SDK sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Quantiles;
use crate::otlp::{Runs, SPANS_PER_RUN};
use crate::request::Connection;

/// Which runs are sent where. The bytes depend on `seed`, `start_unix_nanos`, `runs` and `runs_per_request` only.
#[derive(Debug, Clone)]
pub struct SpanLoad {
    /// `http://host:port`, without a path.
    pub url: String,
    pub seed: u64,
    pub start_unix_nanos: u64,
    pub runs: u64,
    /// 25 runs are 500 spans: about what the batch processor of an SDK sends at once.
    pub runs_per_request: u64,
    /// For `Authorization: Bearer`; empty for none.
    pub key: String,
}

impl SpanLoad {
    #[must_use]
    pub fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            seed: 1,
            start_unix_nanos: 1_763_800_000_000_000_000,
            runs: 100,
            runs_per_request: 25,
            key: String::new(),
        }
    }
}

/// What the receiver said.
#[derive(Debug, Clone, Serialize)]
pub struct SpanReport {
    /// Acknowledged, less those rejected in partial successes.
    pub spans: u64,
    pub rejected: u64,
    pub requests: u64,
    /// Requests that were never acknowledged.
    pub failed: u64,
    /// Of the bodies, before any compression.
    pub bytes: usize,
    pub seconds: f64,
    pub latency: Quantiles,
    pub first_error: Option<String>,
}

#[derive(Default)]
struct Tally {
    spans: u64,
    rejected: u64,
    requests: u64,
    failed: u64,
    bytes: usize,
    latencies: Vec<u64>,
    first_error: Option<String>,
}

/// Sends all runs over `connections` connections, in order, retrying what the receiver asks to have again.
///
/// # Errors
/// When no connection can be opened.
pub async fn export(load: &SpanLoad, connections: usize) -> Result<SpanReport> {
    let source = Arc::new(Source {
        runs: Mutex::new(Runs::new(load.seed, load.start_unix_nanos)),
        left: AtomicU64::new(load.runs),
        runs_per_request: load.runs_per_request.max(1),
    });
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (load, source) = (load.clone(), Arc::clone(&source));
        workers.spawn(async move { work(&load, &source).await });
    }
    let mut all = Tally::default();
    while let Some(tally) = workers.join_next().await {
        let tally = tally.context("a load worker panicked")??;
        all.spans += tally.spans;
        all.rejected += tally.rejected;
        all.requests += tally.requests;
        all.failed += tally.failed;
        all.bytes += tally.bytes;
        all.latencies.extend(tally.latencies);
        all.first_error = all.first_error.or(tally.first_error);
    }
    Ok(SpanReport {
        spans: all.spans,
        rejected: all.rejected,
        requests: all.requests,
        failed: all.failed,
        bytes: all.bytes,
        seconds: start.elapsed().as_secs_f64(),
        latency: Quantiles::of(all.latencies),
        first_error: all.first_error,
    })
}

struct Source {
    runs: Mutex<Runs>,
    left: AtomicU64,
    runs_per_request: u64,
}

impl Source {
    /// The next body and its number of spans.
    async fn next(&self) -> Option<(Bytes, u64)> {
        let mut runs = self.runs.lock().await;
        let count = self.left.load(Relaxed).min(self.runs_per_request);
        self.left.fetch_sub(count, Relaxed);
        if count == 0 {
            return None;
        }
        let request = runs.request(usize::try_from(count).ok()?);
        Some((Bytes::from(request.encode_to_vec()), count * SPANS_PER_RUN as u64))
    }
}

async fn work(load: &SpanLoad, source: &Source) -> Result<Tally> {
    const ATTEMPTS_MAX: u32 = 8;
    let mut tally = Tally::default();
    let mut connection = Connection::open(&load.url).await?;
    while let Some((body, spans)) = source.next().await {
        tally.requests += 1;
        tally.bytes += body.len();
        let mut attempt = 1;
        loop {
            let started = Instant::now();
            let sent = send(&mut connection, load, body.clone()).await;
            if connection.is_closed() {
                connection = Connection::open(&load.url).await?;
            }
            match sent {
                Ok(rejected) => {
                    tally.latencies.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
                    tally.rejected += rejected;
                    tally.spans += spans.saturating_sub(rejected);
                    break;
                }
                Err(error) => {
                    tally.first_error.get_or_insert_with(|| format!("{error:#}"));
                    if attempt == ATTEMPTS_MAX {
                        tally.failed += 1;
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
                    attempt += 1;
                }
            }
        }
    }
    Ok(tally)
}

/// Returns the number of rejected spans of an acknowledged request.
async fn send(connection: &mut Connection, load: &SpanLoad, body: Bytes) -> Result<u64> {
    let authorization = format!("Bearer {}", load.key);
    let headers = [("content-type", "application/x-protobuf"), ("authorization", authorization.as_str())];
    let used = if load.key.is_empty() { &headers[..1] } else { &headers[..] };
    let response = connection.send(Method::POST, &format!("{}/v1/traces", load.url), used, body).await?;
    let status = response.status();
    let body = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
    anyhow::ensure!(status.is_success(), "status {}: {}", status.as_u16(), String::from_utf8_lossy(&body));
    // Not every receiver answers with the message of the specification; no message means that nothing was rejected.
    let partial = ExportTraceServiceResponse::decode(body).ok().and_then(|answer| answer.partial_success);
    Ok(partial.map_or(0, |partial| partial.rejected_spans.max(0).cast_unsigned()))
}
