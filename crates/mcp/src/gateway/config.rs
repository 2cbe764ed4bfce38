//! Configuration of the tool gateway's doors.

use std::time::Duration;

use mizzen_control::secrets::SecretsAction;
use serde::{Deserialize, Serialize};

/// The section `tools` of the configuration file.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    pub limits: DoorLimits,
    pub timeouts: DoorTimeouts,
    pub secrets: SecretsConfig,
    /// The address under which clients know this server, such as `https://mizzen.example.com`, where tokens of an
    /// authorization server are taken; without it only Mizzen's own keys are.
    pub resource: Option<ResourceConfig>,
}

/// What becomes of secrets in what passes.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsConfig {
    /// In what a tool server answers to a call, a task's result included.
    pub answers: SecretsAction,
    /// In the arguments of a call, before it is decided about.
    pub arguments: SecretsAction,
}

/// As a resource server (RFC 9728): whose tokens are taken.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceConfig {
    /// Of this server as clients know it; a token must name it, or a door below it, as its audience.
    pub url: String,
    /// Authorization servers, as clients are told.
    pub issuers: Vec<String>,
    /// That a token must have.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Claims that may name the agent; of those with one text the first counts. A token that has none is refused: no boundary could
    /// name its caller.
    #[serde(default = "ResourceConfig::agent_claims_default")]
    pub agent_claims: Vec<String>,
    /// The claim that names the team, in tokens that have it; several teams are none.
    #[serde(default)]
    pub team_claim: Option<String>,
}

impl ResourceConfig {
    /// As most issuers have it (RFC 9068, OpenID Connect), Okta, and Entra in tokens of version 1.
    #[must_use]
    pub fn agent_claims_default() -> Vec<String> {
        ["azp", "client_id", "cid", "appid"].map(str::to_owned).into()
    }
}

/// Bounds of the doors. Reaching one is refused, counted and visible in `/metrics`.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoorLimits {
    /// Of one message from a client.
    pub body_bytes_max: u64,
    /// Of values within values in a message.
    pub body_depth_max: usize,
    /// Of what a tool server's answer may take on its way to a client.
    pub result_bytes_max: u64,
    pub calls_in_flight_max: u64,
    pub sessions_max: u64,
    /// Of one caller. Clients often never end theirs: the one that was idle longest makes way.
    pub sessions_per_caller_max: u64,
    /// Streams that wait for news, of all callers.
    pub streams_max: u64,
    pub streams_per_caller_max: u64,
    /// Calls that wait for a stateless client to answer a stateful server's question; and as many tasks.
    pub parked_max: u64,
    /// Of one caller, of each of the two: others find a place too.
    pub parked_per_caller_max: u64,
    /// Rows of one page of a list.
    pub page_rows_max: usize,
    /// Times that one call may ask its client something.
    pub rounds_max: u32,
    /// Resources that one session or stream follows.
    pub subscriptions_max: usize,
    /// Of arguments or a result, as recorded.
    pub record_bytes_max: usize,
    /// Events of one session's streams that are kept for a client whose connection broke; the oldest make way.
    pub kept_events_per_session_max: usize,
    pub kept_bytes_per_session_max: u64,
    /// Of all sessions. Those of one caller hold no more of it than they leave free for others.
    pub kept_bytes_max: u64,
    /// Tasks of one session that it can list; the oldest make way.
    pub tasks_per_session_max: u64,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            body_depth_max: 64,
            result_bytes_max: 16 << 20,
            calls_in_flight_max: 2048,
            sessions_max: 20_000,
            sessions_per_caller_max: 2_000,
            streams_max: 10_000,
            streams_per_caller_max: 2_000,
            parked_max: 1_000,
            parked_per_caller_max: 200,
            page_rows_max: 500,
            rounds_max: 8,
            subscriptions_max: 256,
            record_bytes_max: 256 << 10,
            kept_events_per_session_max: 256,
            kept_bytes_per_session_max: 4 << 20,
            kept_bytes_max: 128 << 20,
            tasks_per_session_max: 1_000,
        }
    }
}

/// How long the parts of a call may take.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DoorTimeouts {
    /// For the client to send its message.
    pub request_seconds: u64,
    /// For one tool server to tell what it has; a list goes on without those that take longer.
    pub list_seconds: u64,
    /// For a person to answer a held call while the client waits; asking again later finds the answer.
    pub approval_seconds: u64,
    /// For the client to answer a question of a tool server.
    pub answer_seconds: u64,
    /// After which a session that nobody uses ends.
    pub session_idle_seconds: u64,
    /// Between signs of life on a stream.
    pub keep_alive_seconds: u64,
    /// After which a call that is not done is answered with a stream.
    pub stream_after_millis: u64,
    /// The same for a stateful client, which can come back for a stream when its connection breaks.
    pub resumable_after_millis: u64,
    /// For a client whose connection broke to come back for its stream; after that its call is cancelled.
    pub resume_seconds: u64,
}

impl Default for DoorTimeouts {
    fn default() -> Self {
        Self {
            request_seconds: 30,
            list_seconds: 10,
            approval_seconds: 300,
            answer_seconds: 300,
            session_idle_seconds: 3600,
            keep_alive_seconds: 15,
            stream_after_millis: 2000,
            resumable_after_millis: 50,
            resume_seconds: 120,
        }
    }
}

impl DoorTimeouts {
    pub(super) const fn request(&self) -> Duration {
        Duration::from_secs(self.request_seconds)
    }
    pub(super) const fn list(&self) -> Duration {
        Duration::from_secs(self.list_seconds)
    }
    pub(super) const fn approval(&self) -> Duration {
        Duration::from_secs(self.approval_seconds)
    }
    pub(super) const fn answer(&self) -> Duration {
        Duration::from_secs(self.answer_seconds)
    }
    pub(super) const fn session_idle(&self) -> Duration {
        Duration::from_secs(self.session_idle_seconds)
    }
    pub(super) const fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds)
    }
    pub(super) const fn stream_after(&self) -> Duration {
        Duration::from_millis(self.stream_after_millis)
    }
    pub(super) const fn resumable_after(&self) -> Duration {
        Duration::from_millis(self.resumable_after_millis)
    }
    pub(super) const fn resume(&self) -> Duration {
        Duration::from_secs(self.resume_seconds)
    }
}
