//! The doors of the tool gateway.
//!
//! `doors` says which address is which door, `pipeline` is the life of a message. `session` holds what stateful clients
//! left here, `parked` the calls that wait for a stateless client's answer; `bridge` speaks between the eras, `tasks` are the
//! calls that go on after their answer, `listening` brings news, `recording` makes a span of each call.

mod bridge;
mod config;
mod doors;
mod exchange;
mod listening;
mod lists;
mod methods;
mod metrics;
mod parked;
mod pipeline;
mod recording;
mod refusal;
mod session;
mod state;
mod stream;
mod tasks;
mod tokens;
mod trace;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mizzen_control::Control;
use mizzen_control::origin::Allowed;
use mizzen_control::secrets::SecretsError;
use mizzen_model::span::SpanRecord;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::{TaskGroup, TaskKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::config::{DoorLimits, DoorTimeouts, GatewayConfig, ResourceConfig, SecretsConfig};
use self::metrics::GatewayMetrics;
use self::parked::ParkedCalls;
use self::pipeline::Searches;
pub use self::pipeline::TokenCheck;
use self::session::Sessions;
use self::tasks::questions::Questions;
pub use self::tokens::{IssuerTokens, ResourceError};
use crate::seam::Directory;
use crate::signing::Signer;

/// What the gateway is made of.
#[derive(Debug)]
pub struct GatewayParts {
    pub config: GatewayConfig,
    pub directory: Arc<dyn Directory>,
    pub control: Control,
    /// One record for each call; when it is full, the record is shed and counted, and the call goes on.
    pub records: mpsc::Sender<SpanRecord>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tasks: TaskGroup,
    /// Hosts and origins that are ours.
    pub allowed: Allowed,
    /// The same on every node, so that what one signed another takes.
    pub signer: Signer,
    /// Checks tokens where `resource` is configured.
    pub tokens: Option<Arc<dyn TokenCheck>>,
}

/// The gateway. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

/// What every message reads.
#[derive(Debug)]
struct Inner {
    config: GatewayConfig,
    directory: Arc<dyn Directory>,
    control: Control,
    records: mpsc::Sender<SpanRecord>,
    clock: Clock,
    metrics: GatewayMetrics,
    limits: Limits,
    secrets: Searches,
    allowed: Allowed,
    signer: Signer,
    tokens: Option<Arc<dyn TokenCheck>>,
    sessions: Sessions,
    parked: ParkedCalls,
    /// What stateful servers ask in the middle of tasks whose clients poll.
    questions: Questions,
    /// Streams of news of each caller.
    streams: Mutex<HashMap<String, u64>>,
    /// Ends the streams when the gateway is drained.
    draining: CancellationToken,
    tasks: TaskGroup,
}

/// Limits that count what they refuse.
#[derive(Debug)]
struct Limits {
    body_bytes: Limit,
    result_bytes: Limit,
    calls: Limit,
    streams: Limit,
    streams_per_caller: Limit,
    rounds: Limit,
    subscriptions: Limit,
}

impl Gateway {
    /// Starts the task that ends what nobody uses.
    ///
    /// # Errors
    /// When nobody could look for secrets.
    pub fn new(parts: GatewayParts) -> Result<Self, SecretsError> {
        let secrets = Searches::new(parts.config.secrets, &parts.metrics)?;
        let max = parts.config.limits;
        let limit = |name, max| Limit::new(&parts.metrics, name, max);
        let limits = Limits {
            body_bytes: limit("mcp_body_bytes", max.body_bytes_max),
            result_bytes: limit("mcp_result_bytes", max.result_bytes_max),
            calls: limit("mcp_calls_in_flight", max.calls_in_flight_max),
            streams: limit("mcp_streams", max.streams_max),
            streams_per_caller: limit("mcp_streams_per_caller", max.streams_per_caller_max),
            rounds: limit("mcp_rounds", u64::from(max.rounds_max)),
            subscriptions: limit("mcp_subscriptions", max.subscriptions_max as u64),
        };
        let inner = Arc::new(Inner {
            sessions: Sessions::new(&parts.metrics, &max),
            parked: ParkedCalls::new(&parts.metrics, &max),
            questions: Questions::new(&parts.metrics, &max),
            streams: Mutex::default(),
            metrics: GatewayMetrics::new(&parts.metrics),
            limits,
            secrets,
            config: parts.config,
            directory: parts.directory,
            control: parts.control,
            records: parts.records,
            clock: parts.clock,
            allowed: parts.allowed,
            signer: parts.signer,
            tokens: parts.tokens,
            draining: parts.tasks.cancelled(),
            tasks: parts.tasks.clone(),
        });
        let sweeper = Arc::clone(&inner);
        parts.tasks.spawn(TaskKind::ToolSessionSweep, |_| session::keep_swept(sweeper));
        let sweeper = Arc::clone(&inner);
        parts.tasks.spawn(TaskKind::ToolSessionSweep, |_| parked::keep_swept(sweeper));
        Ok(Self(inner))
    }
}

/// The doors: `/mcp`, `/mcp/{profile}` and what clients are told of their authorization, and nothing else.
pub fn router(gateway: Gateway) -> axum::Router {
    doors::router(gateway.0)
}
