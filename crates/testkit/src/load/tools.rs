//! Tool calls in sessions of MCP's revision 2025-11-25, which every gateway speaks.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::Quantiles;
use crate::request::Connection;

const REVISION: &str = "2025-11-25";

/// What is called, again and again.
#[derive(Debug, Clone)]
pub struct ToolLoad {
    /// `http://host:port/path`.
    pub url: String,
    pub tool: String,
    /// For `Authorization: Bearer`; empty for none.
    pub key: String,
    /// Calls of one session; then the worker opens another, and says goodbye to every second one only, as clients do.
    pub calls_per_session: usize,
    /// Stop after so many calls, however much time is left.
    pub calls_max: usize,
}

/// What came back.
#[derive(Debug, Clone, Serialize)]
pub struct ToolReport {
    pub calls: usize,
    pub sessions: usize,
    pub errors: usize,
    pub seconds: f64,
    pub calls_per_second: f64,
    pub latency: Quantiles,
    pub first_error: Option<String>,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<u64>,
    sessions: usize,
    errors: usize,
    first_error: Option<String>,
}

/// Drives the load from `connections` connections, each with one session at a time, for `duration`.
///
/// # Errors
/// When no connection can be opened.
pub async fn call_tools(load: &ToolLoad, connections: usize, duration: Duration) -> Result<ToolReport> {
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let load = ToolLoad { calls_max: load.calls_max.div_ceil(connections), ..load.clone() };
        workers.spawn(async move { work(&load, start + duration).await });
    }
    let mut all = Tally::default();
    while let Some(tally) = workers.join_next().await {
        let tally = tally.context("a load worker panicked")??;
        all.latencies.extend(tally.latencies);
        all.sessions += tally.sessions;
        all.errors += tally.errors;
        all.first_error = all.first_error.or(tally.first_error);
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(ToolReport {
        calls: all.latencies.len(),
        sessions: all.sessions,
        errors: all.errors,
        seconds,
        calls_per_second: all.latencies.len() as f64 / seconds,
        latency: Quantiles::of(all.latencies),
        first_error: all.first_error,
    })
}

async fn work(load: &ToolLoad, deadline: Instant) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut connection = Connection::open(&load.url).await?;
    while tally.latencies.len() + tally.errors < load.calls_max && Instant::now() < deadline {
        if connection.is_closed() {
            connection = Connection::open(&load.url).await?;
        }
        if let Err(error) = session(&mut connection, load, deadline, &mut tally).await {
            tally.errors += 1;
            tally.first_error.get_or_insert_with(|| format!("{error:#}"));
            // A server that refuses everything must not be hammered as fast as it refuses.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(tally)
}

async fn session(connection: &mut Connection, load: &ToolLoad, deadline: Instant, tally: &mut Tally) -> Result<()> {
    let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": REVISION,
        "capabilities": {}, "clientInfo": { "name": "mizzen-load", "version": "1" } } });
    let (session, _) = post(connection, load, None, &initialize).await?;
    let session = session.as_deref();
    post(connection, load, session, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
    tally.sessions += 1;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": load.tool, "arguments": {} } });
    for _ in 0..load.calls_per_session {
        if tally.latencies.len() + tally.errors >= load.calls_max || Instant::now() >= deadline {
            break;
        }
        let started = Instant::now();
        let (_, said) = post(connection, load, session, &call).await?;
        ensure!(said.contains("\"content\"") && !said.contains("\"isError\":true"), "the call answered {said}");
        tally.latencies.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    if let Some(session) = session.filter(|_| tally.sessions.is_multiple_of(2)) {
        send(connection, load, Method::DELETE, Some(session), Bytes::new()).await?;
    }
    Ok(())
}

/// The session that the answer names, and its text.
async fn post(
    connection: &mut Connection,
    load: &ToolLoad,
    session: Option<&str>,
    message: &serde_json::Value,
) -> Result<(Option<String>, String)> {
    let (head, text) = send(connection, load, Method::POST, session, Bytes::from(message.to_string())).await?;
    ensure!(head.status.is_success(), "{} answered {}: {text}", message["method"], head.status);
    let named = head.headers.get("mcp-session-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok((named, text))
}

async fn send(
    connection: &mut Connection,
    load: &ToolLoad,
    method: Method,
    session: Option<&str>,
    body: Bytes,
) -> Result<(http::response::Parts, String)> {
    let authorization = format!("Bearer {}", load.key);
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", REVISION),
    ];
    headers.extend(session.map(|session| ("mcp-session-id", session)));
    if !load.key.is_empty() {
        headers.push(("authorization", authorization.as_str()));
    }
    let response = connection.send(method, &load.url, &headers, body).await?;
    let (head, mut body) = response.into_parts();
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.context("the answer broke off")?.into_data() {
            text.extend_from_slice(&data);
        }
    }
    Ok((head, String::from_utf8_lossy(&text).into_owned()))
}
