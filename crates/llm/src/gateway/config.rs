//! What an operator may say about the gateway. Every key has a default.

use std::collections::BTreeMap;
use std::time::Duration;

use mizzen_control::secrets::SecretsAction;
use mizzen_runtime::secret::Secret;
use serde::{Deserialize, Serialize};

use super::GatewayError;
use super::guardrails::{self, GuardrailConfig};
use crate::routing::Routes;
use crate::wire::Protocol;
use crate::wire::content::ContentLimits;

/// The gateway: where calls go, how long they may take, how much is read and kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Naming one replaces both defaults, so that nothing reaches a provider that is not written down.
    #[serde(rename = "upstream")]
    pub upstreams: Vec<UpstreamConfig>,
    pub timeouts: Timeouts,
    pub retries: Retries,
    pub limits: GatewayLimits,
    pub permission: PermissionConfig,
    /// What is done about secrets in what leaves.
    pub secrets: SecretsConfig,
    /// Programs and services that are asked about requests and answers, in this order.
    #[serde(rename = "guardrail")]
    pub guardrails: Vec<GuardrailConfig>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            upstreams: vec![
                UpstreamConfig::new("openai", Protocol::OpenAi, "https://api.openai.com/v1"),
                UpstreamConfig::new("anthropic", Protocol::Anthropic, "https://api.anthropic.com"),
            ],
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            limits: GatewayLimits::default(),
            permission: PermissionConfig::default(),
            secrets: SecretsConfig::default(),
            guardrails: Vec::new(),
        }
    }
}

impl GatewayConfig {
    /// Whether it can be used as it is written. No upstream is asked.
    ///
    /// # Errors
    /// When an upstream, a guardrail or a timeout cannot be what it should be.
    pub fn check(&self) -> Result<(), GatewayError> {
        Routes::new(&self.upstreams)?;
        guardrails::check(&self.guardrails)?;
        self.timeouts.zero().map_or(Ok(()), |key| Err(GatewayError::Timeout(key)))
    }
}

/// What is looked for in requests, and what then.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsConfig {
    pub action: SecretsAction,
}

/// What the gateway does about decisions and budgets beside asking for them.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionConfig {
    /// How long a held call waits for a person before the client is told that it is held. Asking again goes on
    /// waiting.
    pub held_seconds_max: u64,
    /// Tokens that are put aside for an answer when neither the client nor the table of models bounds it.
    pub output_tokens_assumed: u64,
}

impl Default for PermissionConfig {
    fn default() -> Self {
        Self { held_seconds_max: 120, output_tokens_assumed: 16_384 }
    }
}

impl PermissionConfig {
    pub(super) const fn held_max(&self) -> Duration {
        Duration::from_secs(self.held_seconds_max)
    }
}

/// One place that serves models.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// `name/model` in a request chooses this upstream.
    pub name: String,
    pub protocol: Protocol,
    /// For `openai` up to and with `/v1`, for `anthropic` without it, as their SDKs have it.
    pub base_url: String,
    /// The provider in Mizzen's keys whose key is sent; without it none is.
    #[serde(default)]
    pub key: Option<String>,
    /// Names of models, with `*` for any rest; the longest that fits a request wins.
    #[serde(default = "every_model")]
    pub models: Vec<String>,
    /// Sent with every call, over what the client sent. Values are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Whether to ask for the usage of a stream when the client does not. Switch it off for servers that
    /// refuse `stream_options`.
    #[serde(default = "yes")]
    pub stream_usage: bool,
}

impl UpstreamConfig {
    /// An upstream for every model of `protocol`, with the key of the provider of the same name.
    #[must_use]
    pub fn new(name: &str, protocol: Protocol, base_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            protocol,
            base_url: base_url.to_owned(),
            key: Some(name.to_owned()),
            models: every_model(),
            headers: BTreeMap::new(),
            stream_usage: true,
        }
    }
}

fn every_model() -> Vec<String> {
    vec!["*".to_owned()]
}

const fn yes() -> bool {
    true
}

/// How long the parts of a call may take. Connecting is bounded by the HTTP client.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For the client to send its request.
    pub request_seconds: u64,
    /// From the call to the head of the answer. A call that does not stream has its head when it is done.
    pub first_byte_seconds: u64,
    /// Between two chunks of the answer.
    pub idle_seconds: u64,
    /// Of the whole call, retries included.
    pub total_seconds: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { request_seconds: 60, first_byte_seconds: 600, idle_seconds: 300, total_seconds: 3600 }
    }
}

impl Timeouts {
    /// The key of one that would end every call before it began.
    fn zero(&self) -> Option<&'static str> {
        let all = [
            ("request_seconds", self.request_seconds),
            ("first_byte_seconds", self.first_byte_seconds),
            ("idle_seconds", self.idle_seconds),
            ("total_seconds", self.total_seconds),
        ];
        all.into_iter().find(|(_, seconds)| *seconds == 0).map(|(key, _)| key)
    }

    pub(super) const fn request(&self) -> Duration {
        Duration::from_secs(self.request_seconds)
    }
    pub(super) const fn first_byte(&self) -> Duration {
        Duration::from_secs(self.first_byte_seconds)
    }
    pub(super) const fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }
    pub(super) const fn total(&self) -> Duration {
        Duration::from_secs(self.total_seconds)
    }
}

/// When a call is tried again: only before a byte of its answer was handed on.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retries {
    /// Of one call, the first included; 1 leaves retrying to the client.
    pub attempts_max: u32,
    /// An upstream that asks to wait longer is not waited for: its answer goes to the client.
    pub wait_seconds_max: u64,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts_max: 3, wait_seconds_max: 5 }
    }
}

/// Bounds of one gateway.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayLimits {
    /// Of one request.
    pub body_bytes_max: usize,
    pub calls_in_flight_max: u64,
    /// Of a body, request or answer, that is read for the record; larger ones leave a record without content.
    pub record_body_bytes_max: usize,
    /// Of one content attribute of a record; above it the oldest messages are left out.
    pub record_content_bytes_max: usize,
    /// Of one string in it; above it the end is cut.
    pub record_string_bytes_max: usize,
    /// Of all copies that wait to be recorded; above it records are shed and counted.
    pub record_queue_bytes_max: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            calls_in_flight_max: 4096,
            record_body_bytes_max: 4 << 20,
            record_content_bytes_max: 1 << 20,
            record_string_bytes_max: 256 << 10,
            record_queue_bytes_max: 32 << 20,
        }
    }
}

impl GatewayLimits {
    pub(super) const fn content(&self) -> ContentLimits {
        ContentLimits {
            attribute_bytes_max: self.record_content_bytes_max,
            string_bytes_max: self.record_string_bytes_max,
        }
    }
}
