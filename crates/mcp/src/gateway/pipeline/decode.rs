//! What a client sent, and in which era it speaks.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mizzen_control::KeyIdentity;
use mizzen_runtime::lanes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Identified;
use crate::federation::capabilities::TASKS;
use crate::gateway::Inner;
use crate::gateway::bridge::is_log_level;
use crate::gateway::metrics::Counted;
use crate::gateway::refusal::Refusal;
use crate::gateway::session::{ClientSession, InFlight};
use crate::seam::{ClientAnswer, ClientContext, Era, Owner, View};
use crate::wire::headers::{self, PROTOCOL_VERSION, SESSION_ID};
use crate::wire::json::{self, Members};
use crate::wire::message::{self, Message};
use crate::wire::revision::{self, STATELESS, SUPPORTED};
use crate::wire::rpc::{
    HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, LIMIT, PARSE_ERROR, RpcError,
    UNSUPPORTED_VERSION, shown,
};

pub(in crate::gateway) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(super) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(super) const META_INFO: &str = "io.modelcontextprotocol/clientInfo";
const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// A request of a known caller, decoded.
#[derive(Debug)]
pub(in crate::gateway) struct Incoming {
    pub(in crate::gateway) gateway: Arc<Inner>,
    pub(in crate::gateway) caller: Arc<KeyIdentity>,
    pub(in crate::gateway) profile: String,
    pub(in crate::gateway) view: Arc<View>,
    pub(in crate::gateway) client: Client,
    pub(in crate::gateway) id: Box<RawValue>,
    pub(in crate::gateway) method: String,
    /// Without `_meta`.
    pub(in crate::gateway) params: Members,
    pub(in crate::gateway) meta: Members,
    pub(in crate::gateway) headers: HeaderMap,
    pub(in crate::gateway) in_flight: Option<InFlight>,
    /// The place among the calls in flight; a stream that only waits gives it back.
    pub(in crate::gateway) counted: Option<Counted>,
}

/// The client, in its era.
#[derive(Debug, Clone)]
pub(in crate::gateway) enum Client {
    Stateful(Arc<ClientSession>),
    Stateless(Stateless),
}

/// A client that says who it is with every request.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Stateless {
    pub(in crate::gateway) context: Arc<ClientContext>,
    pub(in crate::gateway) log_level: Option<String>,
}

impl Client {
    pub(in crate::gateway) fn era(&self) -> Era {
        self.context().era
    }

    pub(in crate::gateway) fn context(&self) -> &Arc<ClientContext> {
        match self {
            Self::Stateful(session) => &session.context,
            Self::Stateless(stateless) => &stateless.context,
        }
    }

    pub(in crate::gateway) fn revision(&self) -> &'static str {
        match self {
            Self::Stateful(session) => session.revision,
            Self::Stateless(_) => STATELESS,
        }
    }

    pub(in crate::gateway) fn log_level(&self) -> Option<String> {
        match self {
            Self::Stateful(session) => session.log_level(),
            Self::Stateless(stateless) => stateless.log_level.clone(),
        }
    }

    pub(in crate::gateway) fn can(&self, capability: &str) -> bool {
        self.context().capabilities.contains_key(capability)
    }

    pub(in crate::gateway) fn has_tasks(&self) -> bool {
        self.context().capabilities.get("extensions").is_some_and(|extensions| extensions.get(TASKS).is_some())
    }
}

/// What came.
#[derive(Debug)]
pub(in crate::gateway) enum Decoded {
    Request(Incoming),
    /// `initialize` of a stateful client.
    Initialize(Box<Identified>, Box<RawValue>, Members),
    /// A notification of a client with a session.
    Notification(Identified, Arc<ClientSession>, String, Members),
    /// What a client with a session answers to a request of a server.
    Answered(Identified, Arc<ClientSession>, String, ClientAnswer),
    /// There is nothing to answer.
    Accepted,
}

impl Identified {
    pub(in crate::gateway) async fn decode(mut self) -> Result<Decoded, Refusal> {
        let body = self.read().await?;
        let depth_max = self.gateway.config.limits.body_depth_max;
        let message = lanes::beside(body.len(), move || message::decode(&body, depth_max))
            .await
            .map_err(|_| {
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR, "the message could not be read")
            })?
            .map_err(|bad| Refusal::of(StatusCode::BAD_REQUEST, bad.id.as_deref(), bad.error))?;
        if self.speaks_stateless(&message) { self.stateless(message) } else { self.stateful(message) }
    }

    async fn read(&mut self) -> Result<bytes::Bytes, Refusal> {
        let limit = &self.gateway.limits.body_bytes;
        let bytes_max = usize::try_from(limit.max()).unwrap_or(usize::MAX);
        let body = std::mem::replace(&mut self.body, Body::empty());
        let collected = Limited::new(body, bytes_max).collect();
        match tokio::time::timeout(self.gateway.config.timeouts.request(), collected).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let message = limit.refuse(limit.max().saturating_add(1)).to_string();
                Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, LIMIT, message))
            }
            Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, PARSE_ERROR, "the body did not come whole")),
            Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, LIMIT, "the body did not come in time")),
        }
    }

    /// By its header field or its body; both are then checked to agree.
    fn speaks_stateless(&self, message: &Message) -> bool {
        let said = headers::field(&self.parts.headers, PROTOCOL_VERSION).ok().flatten();
        let in_body = match message {
            Message::Request { params, .. } | Message::Notification { params, .. } => {
                params.get("_meta").is_some_and(|meta| meta.get().contains(META_VERSION))
            }
            Message::Response { .. } => false,
        };
        said == Some(STATELESS) || in_body
    }

    fn stateless(self, message: Message) -> Result<Decoded, Refusal> {
        let (id, method, mut params) = match message {
            Message::Request { id, method, params } => (id, method, params),
            // Closing the stream is the only thing that such a client has to say besides requests.
            Message::Notification { .. } => return Ok(Decoded::Accepted),
            Message::Response { .. } => {
                let error = RpcError::new(INVALID_REQUEST, "clients of this revision send no answers");
                return Err(Refusal::of(StatusCode::BAD_REQUEST, None, error));
            }
        };
        let bad = |error: RpcError| {
            if error.code == HEADER_MISMATCH {
                self.gateway.refused("header_mismatch", Some(&self.caller));
            }
            Refusal::of(StatusCode::BAD_REQUEST, Some(&id), error)
        };
        let meta = params.swap_remove("_meta").and_then(|meta| json::members(&meta)).unwrap_or_default();
        check_revision(&self.parts.headers, &meta).map_err(bad)?;
        headers::check(&self.parts.headers, &method, &params)
            .map_err(|disagreement| bad(RpcError::new(HEADER_MISMATCH, format!("header mismatch: {disagreement}"))))?;
        let Some(context) = introduced(&meta, &self.caller.key_id) else {
            return Err(bad(RpcError::new(INVALID_PARAMS, format!("`_meta` lacks `{META_CAPABILITIES}`"))));
        };
        let log_level = log_level(&meta).map_err(bad)?;
        let client = Client::Stateless(Stateless { context: Arc::new(context), log_level });
        Ok(Decoded::Request(self.incoming(client, id, method, params, meta)))
    }

    fn stateful(self, message: Message) -> Result<Decoded, Refusal> {
        let id = match &message {
            Message::Request { id, .. } => Some(id.clone()),
            _ => None,
        };
        let refuse = |status, code, text: &str| Refusal::of(status, id.as_deref(), RpcError::new(code, text));
        let message = match message {
            Message::Request { id, method, params } if method == "initialize" => {
                return Ok(Decoded::Initialize(Box::new(self), id, params));
            }
            other => other,
        };
        let said = headers::field(&self.parts.headers, PROTOCOL_VERSION)
            .map_err(|text| refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, &text))?;
        if let Some(said) = said.filter(|said| revision::era(said).is_none()) {
            return Err(Refusal::of(StatusCode::BAD_REQUEST, id.as_deref(), unsupported(said)));
        }
        let session = self.session().map_err(|(status, text)| refuse(status, INVALID_REQUEST, text))?;
        Ok(match message {
            Message::Request { id, method, mut params } => {
                let meta = params.swap_remove("_meta").and_then(|meta| json::members(&meta)).unwrap_or_default();
                let in_flight = session.enter(id.get()).ok_or_else(|| {
                    let message = "a request with this `id` is being answered in this session; no two may have one";
                    refuse(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
                })?;
                let mut incoming = self.incoming(Client::Stateful(session), id, method, params, meta);
                incoming.in_flight = Some(in_flight);
                Decoded::Request(incoming)
            }
            Message::Notification { method, params } => Decoded::Notification(self, session, method, params),
            Message::Response { id, answer } => Decoded::Answered(self, session, id, answer),
        })
    }

    /// The session that the request names: of this caller, at this door.
    pub(in crate::gateway) fn session(&self) -> Result<Arc<ClientSession>, (StatusCode, &'static str)> {
        const MISSING: &str = "the field `Mcp-Session-Id` is missing; begin with `initialize`";
        let id = headers::field(&self.parts.headers, SESSION_ID).ok().flatten();
        let id = id.ok_or((StatusCode::BAD_REQUEST, MISSING))?;
        let now = self.gateway.clock.now();
        let found = self.gateway.sessions.find(id, &self.caller.key_id, &self.profile, now);
        found.ok_or((StatusCode::NOT_FOUND, "there is no such session; begin with `initialize`"))
    }

    pub(in crate::gateway) fn incoming(
        self,
        client: Client,
        id: Box<RawValue>,
        method: String,
        params: Members,
        meta: Members,
    ) -> Incoming {
        Incoming {
            gateway: self.gateway,
            caller: self.caller,
            profile: self.profile,
            view: self.view,
            client,
            id,
            method,
            params,
            meta,
            headers: self.parts.headers,
            in_flight: None,
            counted: Some(self.counted),
        }
    }
}

/// The revision, in the body and in the header field, must be there, be one, and be ours.
fn check_revision(headers: &HeaderMap, meta: &Members) -> Result<(), RpcError> {
    let mismatch = |text: String| RpcError::new(HEADER_MISMATCH, format!("header mismatch: {text}"));
    let in_header = headers::field(headers, PROTOCOL_VERSION).map_err(mismatch)?;
    let Some(in_body) = json::member_text(meta, META_VERSION) else {
        return Err(RpcError::invalid_params(format!("`_meta` lacks `{META_VERSION}`")));
    };
    match in_header {
        None => Err(mismatch("the field `MCP-Protocol-Version` is missing".to_owned())),
        Some(said) if said != in_body => {
            Err(mismatch(format!("`MCP-Protocol-Version` says `{}`, the body `{}`", shown(said), shown(&in_body))))
        }
        Some(STATELESS) => Ok(()),
        Some(said) => Err(unsupported(said)),
    }
}

fn unsupported(requested: &str) -> RpcError {
    RpcError::new(UNSUPPORTED_VERSION, "unsupported protocol version")
        .with_data(json!({ "supported": SUPPORTED, "requested": shown(requested) }))
}

/// What a stateless client says of itself; `None` without its capabilities.
pub(super) fn introduced(meta: &Members, key_id: &str) -> Option<ClientContext> {
    let capabilities = serde_json::from_str(meta.get(META_CAPABILITIES)?.get()).ok()?;
    Some(ClientContext {
        owner: Owner::Pool(key_id.into()),
        era: Era::Stateless,
        info: meta.get(META_INFO).cloned(),
        capabilities: bridged(capabilities, Era::Stateless),
    })
}

/// The log level of a request. A server is told no other words in its place.
fn log_level(meta: &Members) -> Result<Option<String>, RpcError> {
    let Some(raw) = meta.get(META_LOG_LEVEL) else { return Ok(None) };
    let level = json::text(raw).filter(|level| is_log_level(level));
    level.map(Some).ok_or_else(|| RpcError::invalid_params(format!("`{META_LOG_LEVEL}` is no log level")))
}

/// The client's capabilities as a tool server may rely on them through this gateway.
pub(in crate::gateway) fn bridged(capabilities: Map<String, Value>, era: Era) -> Map<String, Value> {
    const KNOWN: [&str; 5] = ["roots", "sampling", "elicitation", "experimental", "extensions"];
    let mut bridged: Map<String, Value> =
        capabilities.into_iter().filter(|(name, value)| KNOWN.contains(&name.as_str()) && value.is_object()).collect();
    if let (Era::Stateful, Some(extensions)) = (era, bridged.get_mut("extensions").and_then(Value::as_object_mut)) {
        extensions.shift_remove(TASKS);
    }
    bridged
}
