//! What the portal works with.

use std::sync::Arc;

use mizzen_catalog::Catalog;
use mizzen_catalog::docs::plane::Documentation;
use mizzen_catalog::scorecard::Scorecards;
use mizzen_catalog::template::plane::Templates;
use mizzen_control::Control;
use mizzen_control::oidc::Oidc;
use mizzen_control::origin::Allowed;
use mizzen_eval::plane::Eval;
use mizzen_mcp::upstream::Upstreams;
use mizzen_model::price::PriceTable;
use mizzen_query::query::Query;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store};
use mizzen_telemetry::Telemetry;
use object_store::ObjectStore;

/// The planes and tools that the binary hands to the portal.
#[derive(Debug, Clone)]
pub struct PortalState {
    pub control: Control,
    pub catalog: Catalog,
    pub documentation: Documentation,
    pub templates: Templates,
    pub scorecards: Scorecards,
    pub telemetry: Telemetry,
    pub query: Query,
    pub eval: Eval,
    pub tools: Upstreams,
    /// To show what a model costs.
    pub prices: PriceTable,
    /// For backups only.
    pub store: Store,
    /// For backups only.
    pub objects: Arc<dyn ObjectStore>,
    /// For backups only.
    pub data_dir: DataDir,
    pub metrics: Metrics,
    pub clock: Clock,
    pub tasks: TaskGroup,
    /// The login of somebody else, where one is configured.
    pub oidc: Option<Oidc>,
    pub config: PortalConfig,
}

/// How the portal is reached.
#[derive(Debug, Clone, Default)]
pub struct PortalConfig {
    /// Hosts and origins, beside loopback, under which a browser may reach the portal.
    pub allowed: Allowed,
    /// Whether the listener is bound to loopback. `/metrics` then needs no sign-in, as every Prometheus
    /// expects; it holds counts and no content. Elsewhere it needs the administration token.
    pub is_loopback: bool,
    /// Whether browsers reach it by TLS; the session cookie then never goes over plain HTTP.
    pub is_tls: bool,
    /// URLs of the OTLP receivers, told to `mizzen run`.
    pub otlp_http: String,
    pub otlp_grpc: String,
    /// The providers whose keys the upstreams of the LLM gateway are called with.
    pub providers_wanted: Vec<String>,
}
