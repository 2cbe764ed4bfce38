//! The gateway for model calls: OpenAI's and Anthropic's doors in front of any configured upstream.
//!
//! `doors` says which address is which door, `pipeline` is the life of a call, `passing` the doors without a
//! model call. `permission` asks the gate, `rates` and `reservation` say what a call takes from a budget,
//! `guardrails` look at what leaves and what comes back. `call` speaks to the upstream, `relay` hands the answer on, `recording` and
//! `tap` keep a copy, and `recorder` makes a span of it.

mod call;
mod config;
mod doors;
mod guardrails;
mod headers;
mod metrics;
mod passing;
mod permission;
mod pipeline;
mod rates;
mod recorder;
mod recording;
mod refusal;
mod relay;
mod reservation;
mod secrets;
mod tap;
mod trace;

use std::sync::Arc;

use mizzen_control::secrets::{Place, Secrets, SecretsError};
use mizzen_control::{Control, KeyIdentity};
use mizzen_model::price::PriceTable;
use mizzen_model::span::SpanRecord;
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::secret::Secret;
use mizzen_runtime::task::{TaskGroup, TaskKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::config::{
    GatewayConfig, GatewayLimits, PermissionConfig, Retries, SecretsConfig, Timeouts, UpstreamConfig,
};
use self::guardrails::Guardrails;
pub use self::guardrails::{GuardrailConfig, GuardrailError, OnFailure, PROGRAM_PATH, When};
use self::metrics::GatewayMetrics;
use self::rates::Rates;
use self::recorder::Recorder;
use self::recording::Sink;
use self::refusal::{Reason, Refusal};
use self::relay::Pace;
use self::reservation::Background;
use crate::routing::{Routes, Upstream, UpstreamError};

/// The gateway. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Inner>);

/// What every call reads.
#[derive(Debug)]
struct Inner {
    config: GatewayConfig,
    routes: Routes,
    limits: Limits,
    control: Control,
    client: HttpClient,
    clock: Clock,
    metrics: GatewayMetrics,
    sink: Arc<Sink>,
    rates: Arc<Rates>,
    background: Arc<Background>,
    secrets: Arc<Secrets>,
    guardrails: Guardrails,
    ending: CancellationToken,
}

/// What a gateway is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    pub control: Control,
    pub client: HttpClient,
    /// Each finished call is one record here; when it is full, the record is dropped and counted in
    /// `mizzen_gateway_records_shed_total`, and the call goes on.
    pub records: mpsc::Sender<SpanRecord>,
    pub clock: Clock,
    /// What calls cost, for budgets.
    pub prices: PriceTable,
    pub registry: &'a Metrics,
    pub tasks: &'a TaskGroup,
}

/// Why a gateway cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(transparent)]
    Guardrail(#[from] GuardrailError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("`timeouts.{0}` must be at least 1: at 0 every call would end before it began")]
    Timeout(&'static str),
}

/// Limits that count what they refuse.
#[derive(Debug)]
struct Limits {
    body_bytes: Limit,
    calls: Limit,
}

impl Gateway {
    /// Starts the task that records.
    ///
    /// # Errors
    /// When an upstream or a guardrail cannot be used as it is configured.
    pub fn new(config: GatewayConfig, parts: Parts<'_>) -> Result<Self, GatewayError> {
        let Parts { control, client, records, clock, prices, registry, tasks } = parts;
        config.check()?;
        let routes = Routes::new(&config.upstreams)?;
        let metrics = GatewayMetrics::new(registry);
        let (sink, copies) = Sink::new(config.limits.record_queue_bytes_max, metrics.clone());
        let sink = Arc::new(sink);
        let guardrails = Guardrails::new(&config.guardrails, records.clone(), clock.clone(), metrics.clone())?;
        let secrets = Arc::new(Secrets::new(config.secrets.action, Place::MODELS, registry)?);
        let rates = Arc::new(Rates::new(prices, config.permission.output_tokens_assumed));
        let recorder = Recorder {
            copies,
            sink: Arc::clone(&sink),
            records,
            limits: config.limits.content(),
            secrets: Arc::clone(&secrets),
            control: control.clone(),
            metrics: metrics.clone(),
            registry: registry.clone(),
        };
        tasks.spawn(TaskKind::Recorder, |cancel| async move {
            recorder.run(cancel).await;
            Ok(())
        });
        let limits = Limits {
            body_bytes: Limit::new(registry, "gateway_body_bytes", config.limits.body_bytes_max as u64),
            calls: Limit::new(registry, "gateway_calls_in_flight", config.limits.calls_in_flight_max),
        };
        let background = Arc::new(Background::new(registry));
        let sweeper = Arc::clone(&background);
        tasks.spawn(TaskKind::BackgroundSweep, |_| sweeper.keep_swept());
        Ok(Self(Arc::new(Inner {
            config,
            routes,
            limits,
            control,
            client,
            clock,
            metrics,
            sink,
            rates,
            background,
            secrets,
            guardrails,
            ending: CancellationToken::new(),
        })))
    }

    /// Ends the calls that are still under way: their clients are told, and what came of them is recorded.
    pub fn end_calls(&self) {
        self.0.ending.cancel();
    }
}

/// The doors: `/v1/…` and `/anthropic/…`, and nothing else.
pub fn router(gateway: Gateway) -> axum::Router {
    doors::router(gateway.0)
}

impl Inner {
    fn pace(&self, started: std::time::Instant) -> Pace {
        let deadline = tokio::time::Instant::from_std(started) + self.config.timeouts.total();
        Pace { idle: self.config.timeouts.idle(), deadline }
    }

    /// The key to send upstream; `None` when the upstream takes none.
    fn provider_key(&self, upstream: &Upstream) -> Result<Option<Secret>, Refusal> {
        let Some(provider) = &upstream.key else { return Ok(None) };
        match self.control.snapshot().provider_secret(provider) {
            Ok(Some(secret)) => Ok(Some(secret)),
            Ok(None) => Err(Refusal::new(
                Reason::NoProviderKey,
                format!(
                    "upstream `{}` has no key yet; add it with `mizzen keys add {provider}` or in the portal",
                    upstream.name
                ),
            )),
            Err(error) => Err(Refusal::new(Reason::NoProviderKey, error.to_string())),
        }
    }

    /// The upstream that keeps the response `id`, when it is this caller's.
    async fn owned_by(&self, id: &str, caller: &KeyIdentity) -> Result<Option<String>, Refusal> {
        let owner = self.control.responses().owner(id).await.map_err(|error| self.unowned(&error))?;
        Ok(owner.filter(|owner| owner.caller == caller.caller).map(|owner| owner.upstream))
    }

    async fn forget(&self, id: &str) -> Result<(), Refusal> {
        self.control.responses().forget(id).await.map_err(|error| self.unowned(&error))
    }

    /// Nothing is allowed because something failed.
    fn unowned(&self, error: &mizzen_control::responses::ResponseError) -> Refusal {
        tracing::warn!(error = %mizzen_runtime::error::Chain(error), "the owner of a response could not be read");
        Refusal::new(Reason::Internal, "the owner of the response could not be read; try again")
    }
}
