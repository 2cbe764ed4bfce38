//! Which era a server speaks: found out by what it does, not by what it says.
//!
//! The newest era first: `server/discover`, and then one list that only a server of that era can answer rightly. A server
//! that claims it and does not keep to it is spoken to in the older one, and that is recorded.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::line::{Fault, Framing, Line, Link, Outgoing, framing};
use super::wire::{self, Outcome};
use crate::seam::{About, Era, UpstreamError};
use crate::servers::Protocol;
use crate::wire::rpc::UNSUPPORTED_VERSION;

pub(super) const STATELESS: &str = "2026-07-28";
/// Newest first; the first is what we ask for.
const STATEFUL: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// A server of the older era may leave a question before `initialize` unanswered.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const META: &str = "io.modelcontextprotocol/";

/// Who speaks, as a server is told.
#[derive(Debug, Clone)]
pub(super) struct Introduction {
    pub(super) info: Value,
    pub(super) capabilities: Map<String, Value>,
}

impl Introduction {
    /// The gateway itself, which can be asked nothing.
    pub(super) fn own() -> Self {
        Self { info: json!({ "name": "mizzen", "version": env!("CARGO_PKG_VERSION") }), capabilities: Map::new() }
    }

    /// The members of `_meta` that a stateless request needs.
    pub(super) fn meta(&self) -> Map<String, Value> {
        let mut meta = Map::new();
        meta.insert(format!("{META}protocolVersion"), STATELESS.into());
        meta.insert(format!("{META}clientInfo"), self.info.clone());
        meta.insert(format!("{META}clientCapabilities"), Value::Object(self.capabilities.clone()));
        meta
    }
}

/// What was agreed.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) about: Arc<About>,
    pub(super) framing: Framing,
    /// What the server claimed and did not keep.
    pub(super) downgraded: Option<String>,
}

/// Whether to ask on, in the older era.
enum Probe {
    Stateless(Discovered),
    /// With what it claimed, if it claimed the newer one.
    Older(Option<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovered {
    #[serde(default)]
    result_type: Option<String>,
    supported_versions: Vec<String>,
    capabilities: Map<String, Value>,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(rename = "_meta", default)]
    meta: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    protocol_version: String,
    capabilities: Map<String, Value>,
    #[serde(default)]
    server_info: Option<Box<RawValue>>,
    #[serde(default)]
    instructions: Option<String>,
}

/// Agrees with a server over `line`. `reopen` gives a new line where a server did not survive a question it does not know.
pub(super) async fn agree(
    line: &mut Line,
    wanted: Protocol,
    introduction: &Introduction,
    timeout: Duration,
    reopen: impl Fn() -> Result<Line, UpstreamError>,
) -> Result<Agreed, UpstreamError> {
    let transport = match line.link {
        Link::Pipe(_) => "stdio",
        Link::Http(_) => "http",
    };
    let downgraded = match wanted {
        Protocol::Stateful => None,
        Protocol::Auto | Protocol::Stateless => match probe(line, introduction, timeout).await? {
            Probe::Stateless(discovered) => {
                let framing = framing(Era::Stateless, STATELESS, None);
                return Ok(Agreed {
                    about: Arc::new(about_stateless(discovered, transport)),
                    framing,
                    downgraded: None,
                });
            }
            Probe::Older(claim) if wanted == Protocol::Stateless => {
                let claim = claim.unwrap_or_else(|| format!("it does not speak {STATELESS}"));
                return Err(line.protocol(claim));
            }
            Probe::Older(claim) => claim,
        },
    };
    if !line.is_alive() {
        *line = reopen()?;
    }
    let (about, framing) = initialize(line, introduction, timeout, transport).await?;
    if let Some(claim) = &downgraded {
        tracing::warn!(server = line.server, version = about.version, "{claim}; it is spoken to in the older protocol");
    }
    Ok(Agreed { about: Arc::new(about), framing, downgraded })
}

async fn probe(line: &Line, introduction: &Introduction, timeout: Duration) -> Result<Probe, UpstreamError> {
    let outcome = match ask(line, "server/discover", introduction, timeout.min(PROBE_TIMEOUT)).await {
        Ok(outcome) => outcome,
        // Silence, a closed pipe or another status than 200 is how older servers say no.
        Err(UpstreamError::Timeout { .. } | UpstreamError::Lost { .. } | UpstreamError::Protocol { .. }) => {
            return Ok(Probe::Older(None));
        }
        Err(error) => return Err(error),
    };
    let result = match &outcome {
        Outcome::Result(result) => result,
        Outcome::Error(_) => {
            let error = outcome.error().filter(|error| error.code == UNSUPPORTED_VERSION);
            let supported = error.and_then(|error| error.data?.get("supported").cloned());
            let knows = |version: &Value| version.as_str().is_some_and(|version| STATEFUL.contains(&version));
            return match supported.as_ref().and_then(Value::as_array) {
                Some(versions) if !versions.iter().any(knows) => {
                    Err(line.protocol("it speaks no version of the protocol that Mizzen knows"))
                }
                _ => Ok(Probe::Older(None)),
            };
        }
    };
    let Ok(discovered) = serde_json::from_str::<Discovered>(result.get()) else {
        return Ok(Probe::Older(Some(format!(
            "it answered `server/discover` with something that {STATELESS} does not know"
        ))));
    };
    if !discovered.supported_versions.iter().any(|version| version == STATELESS) {
        return Ok(Probe::Older(None));
    }
    if discovered.result_type.as_deref() != Some("complete") {
        return Ok(Probe::Older(Some(format!("it claims {STATELESS}, but its results have no `resultType`"))));
    }
    verify(line, introduction, timeout, discovered).await
}

/// What it claims must hold where it is cheap to see: in a list.
async fn verify(
    line: &Line,
    introduction: &Introduction,
    timeout: Duration,
    discovered: Discovered,
) -> Result<Probe, UpstreamError> {
    let lists = [("tools", "tools/list"), ("prompts", "prompts/list"), ("resources", "resources/list")];
    let Some((member, method)) = lists.into_iter().find(|(name, _)| discovered.capabilities.contains_key(*name)) else {
        return Ok(Probe::Stateless(discovered));
    };
    let problem = match ask(line, method, introduction, timeout).await {
        Ok(Outcome::Result(result)) => {
            let result: Map<String, Value> = serde_json::from_str(result.get()).unwrap_or_default();
            let is_complete = result.get("resultType").and_then(Value::as_str) == Some("complete");
            let is_list = result.get(member).is_some_and(Value::is_array);
            if is_complete && is_list {
                return Ok(Probe::Stateless(discovered));
            }
            format!("its answer to `{method}` is none of that version")
        }
        Ok(Outcome::Error(_)) => format!("it refuses `{method}` without a session"),
        Err(UpstreamError::Timeout { .. } | UpstreamError::Lost { .. } | UpstreamError::Protocol { .. }) => {
            format!("it does not answer `{method}` without a session")
        }
        Err(error) => return Err(error),
    };
    Ok(Probe::Older(Some(format!("it claims {STATELESS}, but {problem}"))))
}

/// One stateless question.
async fn ask(
    line: &Line,
    method: &str,
    introduction: &Introduction,
    timeout: Duration,
) -> Result<Outcome, UpstreamError> {
    let params = wire::raw(&json!({ "_meta": introduction.meta() }));
    let framing = framing(Era::Stateless, STATELESS, None);
    let request =
        Outgoing { id: line.next_id(), method, params: Some(&params), headers: HeaderMap::new(), is_listening: false };
    let asking = async {
        match line.open(&framing, request).await {
            Ok(mut source) => source.outcome(line, timeout).await,
            Err(Fault::SessionGone) => Err(line.protocol("it answered with HTTP 404")),
            Err(Fault::Error(error)) => Err(error),
        }
    };
    let late = || UpstreamError::Timeout { server: line.server.clone(), seconds: timeout.as_secs() };
    tokio::time::timeout(timeout, asking).await.unwrap_or_else(|_| Err(late()))
}

fn about_stateless(discovered: Discovered, transport: &'static str) -> About {
    let info = discovered.meta.and_then(|meta| meta.get(&format!("{META}serverInfo")).cloned());
    About {
        era: Era::Stateless,
        version: STATELESS.to_owned(),
        server_info: info.map(|info| wire::raw(&info)),
        capabilities: discovered.capabilities,
        instructions: discovered.instructions,
        transport,
    }
}

async fn initialize(
    line: &Line,
    introduction: &Introduction,
    timeout: Duration,
    transport: &'static str,
) -> Result<(About, Framing), UpstreamError> {
    let params = wire::raw(&json!({
        "protocolVersion": STATEFUL[0],
        "capabilities": introduction.capabilities,
        "clientInfo": introduction.info,
    }));
    let asking = async {
        let (session, mut source) = line.initialize(&params).await.map_err(|fault| plain(line, fault))?;
        Ok::<_, UpstreamError>((session, source.outcome(line, timeout).await?))
    };
    let late = || UpstreamError::Timeout { server: line.server.clone(), seconds: timeout.as_secs() };
    let (session, outcome) = tokio::time::timeout(timeout, asking).await.unwrap_or_else(|_| Err(late()))?;
    let Outcome::Result(result) = &outcome else {
        let told = outcome.error().map(|error| error.message).unwrap_or_default();
        tracing::debug!(server = line.server, told, "a tool server refused `initialize`");
        return Err(line.protocol("it refused `initialize`"));
    };
    let initialized: Initialized = serde_json::from_str(result.get())
        .map_err(|_| line.protocol("its answer to `initialize` lacks the version or the capabilities"))?;
    let version = initialized.protocol_version;
    if !STATEFUL.contains(&version.as_str()) {
        let shown: String = version.chars().take(20).collect();
        return Err(
            line.protocol(format!("it answered `initialize` with the version `{shown}`, which has no `initialize`"))
        );
    }
    let framing = framing(Era::Stateful, &version, session);
    line.notify(&framing, "notifications/initialized", None).await.map_err(|fault| plain(line, fault))?;
    let about = About {
        era: Era::Stateful,
        version,
        server_info: initialized.server_info,
        capabilities: initialized.capabilities,
        instructions: initialized.instructions,
        transport,
    };
    Ok((about, framing))
}

fn plain(line: &Line, fault: Fault) -> UpstreamError {
    match fault {
        Fault::SessionGone => line.protocol("it forgot the session it had just begun"),
        Fault::Error(error) => error,
    }
}
