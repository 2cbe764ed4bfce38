//! The sections of the configuration file, with their defaults in one place.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use mizzen_catalog::config::CatalogConfig;
use mizzen_control::audit::AuditConfig;
use mizzen_control::config::PermissionConfig;
use mizzen_control::oidc::OidcConfig;
use mizzen_llm::gateway::GatewayConfig;
use mizzen_mcp::servers::{Profile, ServerConfig};
use mizzen_model::price::Price;
use mizzen_telemetry::capture::CaptureConfig;
use mizzen_telemetry::otlp::DoorLimits;
use serde::{Deserialize, Serialize};

/// Everything `mizzen up` can be told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    /// Portal, API and gateway.
    pub(crate) listen: SocketAddr,
    pub(crate) otlp_grpc_listen: SocketAddr,
    pub(crate) otlp_http_listen: SocketAddr,
    /// Host names, beside loopback, under which a browser may reach the portal.
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) tls: Tls,
    pub(crate) log: Log,
    pub(crate) store: Store,
    pub(crate) telemetry: Telemetry,
    /// Bounds of the OTLP receivers.
    pub(crate) otlp: DoorLimits,
    pub(crate) query: Query,
    pub(crate) capture: CaptureConfig,
    pub(crate) catalog: CatalogConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) permission: PermissionConfig,
    /// The doors of the tool gateway.
    pub(crate) tools: mizzen_mcp::GatewayConfig,
    /// Tool servers behind the tool gateway, beside those that are added while it runs.
    pub(crate) tool_server: Vec<ServerConfig>,
    /// Curated views of the tool servers.
    pub(crate) tool_profile: Vec<Profile>,
    pub(crate) audit: AuditConfig,
    /// Signing in to the portal with a login of somebody else.
    pub(crate) oidc: OidcConfig,
    /// Prices that go before the built-in table.
    pub(crate) price: Vec<Price>,
}

/// PEM files; both or none. Empty: plain HTTP.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// `text` or `json`.
    pub(crate) format: String,
    /// Levels by module, as `RUST_LOG` has them.
    pub(crate) filter: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    /// `postgres://…`; empty: SQLite in the data folder.
    pub(crate) url: String,
    /// `s3://bucket/prefix`; empty: a folder in the data folder.
    pub(crate) objects: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Telemetry {
    /// Spans older than this are dropped, whole segments at a time; 0 keeps them.
    pub(crate) retention_days: u32,
    /// The oldest segments are dropped above this size; 0 sets no limit.
    pub(crate) retention_bytes: u64,
    /// A run whose root has ended is final after so long without a new span.
    pub(crate) final_after_seconds: u64,
    /// A run without a root is final after so long without a new span.
    pub(crate) idle_after_seconds: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Query {
    pub(crate) memory_bytes_max: usize,
    pub(crate) time_seconds_max: u64,
    pub(crate) rows_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            data_dir: PathBuf::from("mizzen-data"),
            listen: loopback(7600),
            otlp_grpc_listen: loopback(4317),
            otlp_http_listen: loopback(4318),
            allowed_hosts: Vec::new(),
            tls: Tls::default(),
            log: Log::default(),
            store: Store::default(),
            telemetry: Telemetry::default(),
            otlp: DoorLimits::default(),
            query: Query::default(),
            capture: CaptureConfig::default(),
            catalog: CatalogConfig::default(),
            gateway: GatewayConfig::default(),
            permission: PermissionConfig::default(),
            tools: mizzen_mcp::GatewayConfig::default(),
            tool_server: Vec::new(),
            tool_profile: Vec::new(),
            audit: AuditConfig::default(),
            oidc: OidcConfig::default(),
            price: Vec::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text".to_owned(), filter: "info".to_owned() }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { retention_days: 30, retention_bytes: 0, final_after_seconds: 10, idle_after_seconds: 60 }
    }
}

impl Default for Query {
    fn default() -> Self {
        Self { memory_bytes_max: 256 << 20, time_seconds_max: 30, rows_max: 10_000 }
    }
}
