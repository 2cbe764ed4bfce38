//! Where the doors and the tool servers meet: what a door may ask of a configured server, whatever protocol that
//! server speaks and however it is reached.
//!
//! The doors own the client's era, the servers' side owns the server's. Between them stands one neutral form: a
//! request with its raw parameters, what the server sends meanwhile, and one reply. The doors do all bridging:
//!
//! | server \ client | stateful | stateless |
//! |---|---|---|
//! | stateful | [`FromServer::Request`] goes to the client | the call is parked, the client is told `input_required` |
//! | stateless | [`Reply::InputRequired`] becomes requests to the client | it passes, `requestState` wrapped |

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use mizzen_governance::request::ToolFacts;
use mizzen_model::asked::Taint;
use mizzen_model::id::Digest;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::servers::profile::Shown;

/// How a protocol revision keeps what belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// `initialize`, then a session: revisions up to 2025-11-25.
    Stateful,
    /// Every request says all there is to know: 2026-07-28.
    Stateless,
}

/// What servers offer lists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListKind {
    Tools,
    Prompts,
    Resources,
    ResourceTemplates,
}

impl ListKind {
    pub const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::ResourceTemplates];

    /// The method that lists.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::ResourceTemplates => "resources/templates/list",
        }
    }

    /// The member of the result that holds the list.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
        }
    }

    /// The member of `ServerCapabilities` that says that there are such things.
    #[must_use]
    pub const fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources | Self::ResourceTemplates => "resources",
        }
    }

    /// The member of a definition that the server knows it by.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::ResourceTemplates => "uriTemplate",
        }
    }
}

/// The configured servers, grouped into views. Read on every request: must not block.
pub trait Directory: fmt::Debug + Send + Sync {
    /// The view of a profile, or with `None` of all servers. `None` when there is no such profile.
    fn view(&self, profile: Option<&str>) -> Option<Arc<View>>;

    /// Changes whenever any view may have changed, by configuration or because a server announced that one of its
    /// lists did; what is received is no more than that.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// Servers behind one address, in the order in which they are listed.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The profile's name; empty for the view of all servers.
    pub name: String,
    pub members: Vec<Member>,
}

/// One server of a view.
#[derive(Debug, Clone)]
pub struct Member {
    pub upstream: Arc<dyn Upstream>,
    pub names: Names,
    /// What of the server the view shows, by the server's own names.
    pub shown: Shown,
}

/// What tools and prompts are called on the client's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// `server__tool`: the same whoever else is in the view.
    #[default]
    Prefixed,
    /// As the server has them. Two servers with one name: neither is offered, and both are reported.
    Plain,
}

/// One configured tool server. Connects when first asked, and again when the connection was lost.
pub trait Upstream: fmt::Debug + Send + Sync {
    /// As configured: unique, `[a-z0-9-]`, at most 40 characters, without `__`.
    fn name(&self) -> &str;

    /// The most time that a call may take, as configured.
    fn time_max(&self) -> Duration;

    /// What results about `key` of this server bring into a run, as configured.
    fn touches(&self, kind: ListKind, key: &str) -> Taint;

    /// What the server says of itself; kept while connected. Without instructions while nobody has approved those that it has.
    fn about(&self) -> BoxFuture<'_, Result<Arc<About>, UpstreamError>>;

    /// A whole list, all pages, in the server's order; empty when the server does not claim the capability. Kept until the
    /// server says that it changed, or its `ttlMs` is over.
    fn list(&self, kind: ListKind) -> BoxFuture<'_, Result<Arc<Listing>, UpstreamError>>;

    /// The keys of what it offered when it was last asked, whether it can be reached now or not.
    fn remembered(&self, kind: ListKind) -> Vec<String>;

    /// A session in which a client's requests go to the server. The same `client.owner` gets the same session as
    /// long as its capabilities stay; a stateless server needs none and this is cheap.
    fn session(&self, client: Arc<ClientContext>) -> BoxFuture<'_, Result<Arc<dyn Session>, UpstreamError>>;

    /// Ends the sessions of `owner`, for example because the client ended its own.
    fn end_sessions(&self, owner: &Owner);
}

/// What a server says of itself: not to be believed, only to be passed on.
#[derive(Debug, Clone)]
pub struct About {
    pub era: Era,
    /// The negotiated revision, such as `2025-11-25`.
    pub version: String,
    /// `Implementation`.
    pub server_info: Option<Box<RawValue>>,
    /// `ServerCapabilities`, as it came.
    pub capabilities: Map<String, Value>,
    pub instructions: Option<String>,
    /// `stdio` or `http`.
    pub transport: &'static str,
}

/// A whole list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub items: Vec<Definition>,
    /// As the server said, when it did.
    pub ttl_ms: Option<u64>,
}

/// One tool, prompt, resource or template.
#[derive(Debug, Clone)]
pub struct Definition {
    /// By [`ListKind::key`].
    pub key: String,
    /// The whole object as it came.
    pub raw: Arc<RawValue>,
    /// For tools and prompts: its digest, whether that is the approved one, and whether the approved one only reads.
    pub facts: ToolFacts,
    /// Of a tool whose calls are tasks and nothing else.
    pub requires_task: bool,
    /// Why it must be neither listed nor called, for example because it changed since it was approved.
    pub withheld: Option<String>,
}

/// From the least to the most severe (RFC 5424).
pub const LOG_LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// Whose session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The client has a session of its own with us.
    Session(Arc<str>),
    /// The client has none: requests of one credential share sessions. What is here names the credential.
    Pool(Arc<str>),
}

/// The client on whose behalf a session speaks. Never its credential.
#[derive(Debug, Clone)]
pub struct ClientContext {
    pub owner: Owner,
    pub era: Era,
    /// `Implementation`, as the client gave it.
    pub info: Option<Box<RawValue>>,
    /// `ClientCapabilities`, already in the words that both eras have: `roots`, `sampling`, `elicitation`,
    /// `experimental`, `extensions`; what the door cannot bridge is left out.
    pub capabilities: Map<String, Value>,
}

/// One request to a server.
#[derive(Debug)]
pub struct Call {
    pub method: String,
    /// As the client sent them, `name` being the server's own. Members of `_meta` that belong to the hop are taken
    /// out (`progressToken`, `io.modelcontextprotocol/…`), `traceparent` is set; everything else is untouched.
    pub params: Option<Box<RawValue>>,
    /// The client wants progress: the server is given a token of the session's own choice. Notifications of
    /// progress come as the server sent them; the door puts the client's token in.
    pub progress: bool,
    /// The least severe log message that the client wants during this call; a stateful server knows the level that
    /// `logging/setLevel` set and ignores this.
    pub log_level: Option<String>,
    /// Over a connection on which the server offers another one nothing is sent.
    pub permitted: Option<Permitted>,
}

/// The definition that a call was permitted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    pub kind: ListKind,
    /// Among what is pinned: see [`crate::pins::kind`].
    pub key: String,
    pub digest: Digest,
}

/// A client's way to one server. Many requests may run at once.
pub trait Session: fmt::Debug + Send + Sync {
    /// Sends one request and waits for its reply. What the server sends that belongs to this request goes to
    /// `events` in its order and before the reply; where the transport does not tell (stdio), it belongs to the only
    /// request in flight of this session, and a session whose client may be asked something has only one in flight.
    /// When `events` is full this waits: a client that reads slowly slows its own call and no other.
    ///
    /// When `cancel` is cancelled or the future is dropped, the server is told in its era's way.
    fn request(
        &self,
        call: Call,
        events: mpsc::Sender<FromServer>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<Reply, UpstreamError>>;

    /// Sends a notification, such as `notifications/roots/list_changed`. A stateless server has none to take: then
    /// this does nothing.
    fn notify(&self, method: &str, params: Option<Box<RawValue>>) -> BoxFuture<'_, Result<(), UpstreamError>>;

    /// Hands on what the server sends outside any request, until `cancel` or until the connection is lost.
    /// A stateful server is subscribed to each resource for the time being; a stateless one is sent
    /// `subscriptions/listen`. Log messages and requests come too when `interest.unsolicited`.
    fn listen(
        &self,
        interest: Interest,
        events: mpsc::Sender<FromServer>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<(), UpstreamError>>;
}

/// What to listen for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    pub lists: Vec<ListKind>,
    /// Resources by URI, as the server knows them.
    pub resources: Vec<String>,
    pub unsolicited: bool,
}

/// How a task of 2025-11-25 stands, said by its server unasked. Over a connection that clients share it comes to everyone whose
/// interest is `unsolicited`: whose the task is, only the door knows.
pub const TASK_STATUS: &str = "notifications/tasks/status";

/// What a server sends besides replies.
#[derive(Debug)]
pub enum FromServer {
    Notification {
        method: String,
        params: Option<Box<RawValue>>,
    },
    /// `sampling/createMessage`, `elicitation/create`, `roots/list`; `ping` is answered by the server's side. When
    /// `answer` is dropped the server gets an error.
    Request {
        method: String,
        params: Option<Box<RawValue>>,
        answer: oneshot::Sender<ClientAnswer>,
    },
}

/// What the client said to a server's request: a result, or a JSON-RPC error object.
pub type ClientAnswer = Result<Box<RawValue>, Box<RawValue>>;

/// How a server replied.
#[derive(Debug)]
pub enum Reply {
    /// The result as it came, of any `resultType` but `input_required`.
    Complete(Box<RawValue>),
    /// The result as it came; `resultType` is `input_required`. Only from stateless servers.
    InputRequired(Box<RawValue>),
    /// The JSON-RPC error object as it came.
    Error(Box<RawValue>),
}

/// Why there is no reply. Messages name the server and what to do, and carry no content.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    #[error("the tool server `{server}` cannot be reached: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("the tool server `{server}` refused our credential; store a new one with `mizzen keys add`")]
    Credential { server: String },
    #[error(
        "the tool server `{server}` wants a credential, and none is configured; store one with `mizzen keys add`, and name it with \
         `mizzen tools add {server} --address URL --secret NAME`"
    )]
    NoCredential { server: String },
    #[error("the tool server `{server}` did not answer within {seconds} s")]
    Timeout { server: String, seconds: u64 },
    #[error(
        "the tool server `{server}` takes one call at a time of a client that it may ask something, and an earlier one was not \
         over within {seconds} s; answer its question or cancel it, and try again"
    )]
    Busy { server: String, seconds: u64 },
    #[error("the connection to the tool server `{server}` was lost during the call; whether it was done is not known")]
    Lost { server: String },
    #[error("the tool server `{server}` broke the protocol: {reason}")]
    Protocol { server: String, reason: String },
    #[error("the tool server `{server}`: {limit}{}", way_out(limit))]
    Limit { server: String, limit: mizzen_runtime::limit::LimitReached },
    /// Nothing was sent.
    #[error("{reason}")]
    Changed { reason: String },
    #[error("the call was cancelled")]
    Cancelled,
}

/// The key of the server's configuration that sets a limit.
fn way_out(limit: &mizzen_runtime::limit::LimitReached) -> &'static str {
    match limit.name {
        "mcp_message_bytes" => "; ask for less, or let an administrator raise the server's `result_bytes_max`",
        "mcp_processes" => "; try again later, or let an administrator raise the server's `processes_max`",
        "mcp_upstream_sessions" => "; try again later, or let an administrator raise the server's `sessions_max`",
        _ => "",
    }
}

impl UpstreamError {
    /// A stable code for records and clients.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::Credential { .. } | Self::NoCredential { .. } => "upstream_credential",
            Self::Timeout { .. } => "upstream_timeout",
            Self::Busy { .. } => "upstream_busy",
            Self::Lost { .. } => "upstream_lost",
            Self::Protocol { .. } => "upstream_protocol",
            Self::Limit { .. } => "upstream_limit",
            Self::Changed { .. } => "definition_changed",
            Self::Cancelled => "cancelled",
        }
    }
}
