//! The doors: one port for people and agents' model calls, two for OTLP.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::middleware;
use http::{HeaderMap, header};
use mizzen_catalog::docs::plane::Documentation;
use mizzen_control::Control;
use mizzen_control::origin::Allowed;
use mizzen_mcp::gateway::{IssuerTokens, TokenCheck};
use mizzen_mcp::signing::Signer;
use mizzen_portal::{PortalConfig, PortalState};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::lanes::{self, Lanes};
use mizzen_runtime::listen::{self, ListenLimits};
use mizzen_runtime::task::TaskGroup;
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::otlp::{self, Authenticate, Denied, Receiver};
use tokio::net::TcpListener;

use super::planes::Planes;
use crate::config::Config;

const KEY_MISSING: &str = "a key is needed from outside this machine: make one with `mizzen keys create`, send it as `authorization: Bearer …`";
const KEY_UNKNOWN: &str = "this key is unknown, expired or revoked; `mizzen keys create` makes another";

/// Where the doors are, as bound.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(super) struct Addresses {
    pub(super) portal: SocketAddr,
    pub(super) otlp_grpc: SocketAddr,
    pub(super) otlp_http: SocketAddr,
}

#[derive(Debug)]
pub(super) struct Doors {
    pub(super) addresses: Addresses,
    pub(super) tasks: TaskGroup,
    /// What calls left to do, and connections that they opened, are on them until everything is drained.
    pub(super) lanes: Lanes,
}

/// Says that a port is taken before anything is made or changed in the data folder.
pub(super) fn check_ports(config: &Config) -> anyhow::Result<()> {
    bind(config).map(drop)
}

fn bind(config: &Config) -> anyhow::Result<[TcpListener; 3]> {
    Ok([
        listen::bind("--listen", config.listen)?,
        listen::bind("--otlp-grpc-listen", config.otlp_grpc_listen)?,
        listen::bind("--otlp-http-listen", config.otlp_http_listen)?,
    ])
}

/// Binds every port before the first one serves, so that a busy port is told before anything has come in.
pub(super) async fn open(config: &Config, planes: &Planes) -> anyhow::Result<Doors> {
    let [portal, otlp_grpc, otlp_http] = bind(config)?;
    let addresses = Addresses {
        portal: portal.local_addr()?,
        otlp_grpc: otlp_grpc.local_addr()?,
        otlp_http: otlp_http.local_addr()?,
    };
    let tls = config.tls.files()?.map(|(certificate, key)| listen::tls_config(certificate, key));
    let tls = tls.transpose().context("`tls`")?;
    let tasks = TaskGroup::new();
    let authenticate = authenticate(&planes.control, &planes.clock);
    let limits = |name| ListenLimits::new(&planes.metrics, name);
    let receiver = Receiver::new(planes.telemetry.clone(), authenticate, planes.metrics.clone(), &config.otlp);
    let grpc = otlp::grpc_router(receiver.clone());
    let http = otlp::http_router(receiver);
    // What people ask for may take long, and must not hold up the calls of agents.
    let people = mizzen_portal::router(portal_state(config, planes, &addresses, &tasks)?);
    let calls = mizzen_llm::gateway::router(planes.gateway.clone())
        .merge(mizzen_mcp::router(tool_gateway(config, planes, &addresses, &tasks)?));
    let all = calls.merge(people.layer(middleware::from_fn(lanes::at_home)));
    listen::serve(otlp_grpc, tls.clone(), grpc, &tasks, limits("otlp_grpc_connections"));
    listen::serve(otlp_http, tls.clone(), http, &tasks, limits("otlp_http_connections"));
    let started = Lanes::start().context("failed to start the threads that serve connections")?;
    listen::serve_on(&started, portal, tls, all, &tasks, limits("portal_connections"));
    Ok(Doors { addresses, tasks, lanes: started })
}

/// Its drain ends its streams, so it is one of the doors.
fn tool_gateway(
    config: &Config,
    planes: &Planes,
    addresses: &Addresses,
    tasks: &TaskGroup,
) -> anyhow::Result<mizzen_mcp::Gateway> {
    let names = config.allowed_hosts.iter().cloned().chain(non_loopback(addresses.portal));
    // Nodes share the key that the secrets in their database are encrypted with.
    let secret = planes.data_dir.path().join(mizzen_control::providers::SECRET_KEY_FILE);
    let secret = std::fs::read(&secret).with_context(|| format!("failed to read `{}`", secret.display()))?;
    let gateway = mizzen_mcp::Gateway::new(mizzen_mcp::GatewayParts {
        config: config.tools.clone(),
        directory: Arc::new(planes.tools.clone()),
        control: planes.control.clone(),
        records: planes.telemetry.records(),
        clock: planes.clock.clone(),
        metrics: planes.metrics.clone(),
        tasks: tasks.clone(),
        allowed: Allowed::new(names).context("`allowed_hosts`")?,
        signer: Signer::derived(&secret),
        tokens: resource_tokens(config, planes)?,
    });
    gateway.context("`tools.secrets`")
}

/// Checks the tokens of the authorization servers of `tools.resource`, where that is configured.
fn resource_tokens(config: &Config, planes: &Planes) -> anyhow::Result<Option<Arc<dyn TokenCheck>>> {
    let Some(resource) = &config.tools.resource else { return Ok(None) };
    let client = HttpClient::new(ClientConfig::default()).context("failed to set up the HTTP client")?;
    let tokens = IssuerTokens::new(resource, &client, &planes.clock).context("`tools.resource`")?;
    Ok(Some(Arc::new(tokens)))
}

fn portal_state(
    config: &Config,
    planes: &Planes,
    addresses: &Addresses,
    tasks: &TaskGroup,
) -> anyhow::Result<PortalState> {
    let is_tls = !config.tls.certificate.as_os_str().is_empty();
    let scheme = if is_tls { "https" } else { "http" };
    let names = config.allowed_hosts.iter().cloned().chain(non_loopback(addresses.portal));
    Ok(PortalState {
        control: planes.control.clone(),
        catalog: planes.catalog.clone(),
        documentation: Documentation::new(planes.catalog.clone()),
        templates: planes.templates.clone(),
        scorecards: planes.scorecards.clone(),
        telemetry: planes.telemetry.clone(),
        query: planes.query.clone(),
        eval: planes.eval.clone(),
        tools: planes.tools.clone(),
        store: planes.store.clone(),
        objects: Arc::clone(&planes.objects),
        data_dir: planes.data_dir.clone(),
        metrics: planes.metrics.clone(),
        clock: planes.clock.clone(),
        tasks: tasks.clone(),
        prices: planes.prices.clone(),
        oidc: planes.oidc.clone(),
        config: PortalConfig {
            allowed: Allowed::new(names).context("`allowed_hosts`")?,
            is_loopback: addresses.portal.ip().is_loopback(),
            is_tls,
            otlp_http: format!("{scheme}://{}", addresses.otlp_http),
            otlp_grpc: format!("{scheme}://{}", addresses.otlp_grpc),
            providers_wanted: config.gateway.upstreams.iter().filter_map(|upstream| upstream.key.clone()).collect(),
        },
    })
}

/// Whoever binds to an address of the network means to be reached by it.
fn non_loopback(address: SocketAddr) -> Option<String> {
    let ip = address.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then(|| ip.to_string())
}

/// OTLP on loopback needs no key, and then nobody knows who sends; a key that is presented must be right.
fn authenticate(control: &Control, clock: &Clock) -> Authenticate {
    let (control, clock) = (control.clone(), clock.clone());
    Arc::new(move |headers: &HeaderMap, peer: SocketAddr| {
        let received_at = clock.now();
        let Some(key) = bearer(headers) else {
            return if peer.ip().is_loopback() {
                Ok(Origin::anonymous(received_at))
            } else {
                Err(Denied::Unauthenticated(KEY_MISSING.to_owned()))
            };
        };
        let identity = control.snapshot().identify(key).ok_or(Denied::Unauthenticated(KEY_UNKNOWN.to_owned()))?;
        Ok(Origin {
            caller: Some(identity.caller.into()),
            run_id: identity.run_id.map(|run| run.as_str().into()),
            agent: identity.agent.map(Into::into),
            agent_digest: identity.agent_digest,
            ..Origin::anonymous(received_at)
        })
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
