//! What a tool server is configured with.

use std::collections::BTreeMap;

use mizzen_model::asked::Taint;
use mizzen_model::permission::PinRule;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One tool server: how it is reached, what its results bring into a run, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Unique; `[a-z0-9-]`, at most 40 characters. Over the API the path says it.
    #[serde(default)]
    pub name: String,
    pub transport: Transport,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How tools seen for the first time become pinned; as `permission.pin` says when absent.
    #[serde(default)]
    pub pin: Option<PinRule>,
    #[serde(default)]
    pub protocol: Protocol,
    /// What the results of its tools bring into a run, where `tools` says nothing else.
    #[serde(default)]
    pub touches: Taint,
    #[serde(default)]
    pub tools: BTreeMap<String, ToolSetting>,
    #[serde(default = "call_timeout_seconds")]
    pub call_timeout_seconds: u64,
    /// For starting the process or connecting, and for the first exchange.
    #[serde(default = "start_timeout_seconds")]
    pub start_timeout_seconds: u64,
    /// Child processes at a time; each client that a server may ask something has one of its own.
    #[serde(default = "processes_max")]
    pub processes_max: u32,
    /// Sessions at a time over HTTP.
    #[serde(default = "sessions_max")]
    pub sessions_max: u32,
    #[serde(default = "result_bytes_max")]
    pub result_bytes_max: u64,
    /// How often definitions are read again though the server announced no change.
    #[serde(default = "refresh_seconds")]
    pub refresh_seconds: u64,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transport {
    /// A child process that speaks over its standard input and output.
    Stdio {
        command: String,
        #[serde(default)]
        args: Vec<String>,
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// Variables whose values are secrets, by the name under which `mizzen keys add` stored them.
        #[serde(default)]
        env_secrets: BTreeMap<String, String>,
        /// Variables that are taken over from the environment of Mizzen; no other is.
        #[serde(default = "env_inherit")]
        env_inherit: Vec<String>,
        #[serde(default)]
        cwd: Option<String>,
    },
    /// Streamable HTTP.
    Http {
        url: String,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        credential: Option<Credential>,
    },
}

/// What opens a server for us. Agents never see it, and what they hold is never passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credential {
    /// A header with a stored secret.
    Header {
        #[serde(default = "authorization")]
        header: String,
        #[serde(default = "bearer")]
        prefix: String,
        /// The name under which `mizzen keys add` stored the secret.
        secret: String,
    },
    /// OAuth 2.1 client credentials (RFC 6749, section 4.4).
    Oauth {
        token_url: String,
        client_id: String,
        /// The name under which `mizzen keys add` stored the client's secret.
        secret: String,
        #[serde(default)]
        scope: Option<String>,
        /// RFC 8707; the server's own URL when absent.
        #[serde(default)]
        resource: Option<String>,
    },
}

/// What is known of one tool beside its definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSetting {
    pub touches: Taint,
}

/// Which era of the protocol a server is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The newest that it proves to speak.
    #[default]
    Auto,
    Stateful,
    Stateless,
}

impl ServerConfig {
    /// A configuration with the defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, transport: Transport) -> Self {
        Self {
            name: name.into(),
            transport,
            enabled: true,
            pin: None,
            protocol: Protocol::Auto,
            touches: Taint::default(),
            tools: BTreeMap::new(),
            call_timeout_seconds: call_timeout_seconds(),
            start_timeout_seconds: start_timeout_seconds(),
            processes_max: processes_max(),
            sessions_max: sessions_max(),
            result_bytes_max: result_bytes_max(),
            refresh_seconds: refresh_seconds(),
        }
    }

    /// What results of `tool` bring into a run.
    #[must_use]
    pub fn touches(&self, tool: &str) -> Taint {
        self.tools.get(tool).map_or(self.touches, |setting| setting.touches)
    }

    /// Where it is, for people: a command line without its environment, or a URL without its query.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.transport {
            Transport::Stdio { command, args, .. } => {
                std::iter::once(command.as_str()).chain(args.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
            }
            Transport::Http { url, .. } => url.split('?').next().unwrap_or_default().to_owned(),
        }
    }
}

impl Transport {
    /// `stdio` or `http`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Stdio { .. } => "stdio",
            Self::Http { .. } => "http",
        }
    }

    /// A child process with these arguments and nothing of our environment but where programs and homes are.
    #[must_use]
    pub fn stdio(command: impl Into<String>, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Stdio {
            command: command.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            env_secrets: BTreeMap::new(),
            env_inherit: env_inherit(),
            cwd: None,
        }
    }

    /// Streamable HTTP without a credential.
    #[must_use]
    pub fn http(url: impl Into<String>) -> Self {
        Self::Http { url: url.into(), headers: BTreeMap::new(), credential: None }
    }
}

const fn yes() -> bool {
    true
}

const fn call_timeout_seconds() -> u64 {
    60
}

const fn start_timeout_seconds() -> u64 {
    20
}

const fn processes_max() -> u32 {
    8
}

const fn sessions_max() -> u32 {
    1_024
}

const fn result_bytes_max() -> u64 {
    16 << 20
}

const fn refresh_seconds() -> u64 {
    300
}

fn env_inherit() -> Vec<String> {
    ["PATH", "HOME"].map(str::to_owned).to_vec()
}

fn authorization() -> String {
    "Authorization".to_owned()
}

fn bearer() -> String {
    "Bearer ".to_owned()
}
