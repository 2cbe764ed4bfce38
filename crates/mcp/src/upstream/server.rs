//! One configured server: its connections, its lists, and how it is.

mod lists;
mod pinned;
mod session;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mizzen_model::asked::Taint;
use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::LimitReached;
use mizzen_runtime::metrics::Counter;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::Instant;

use self::lists::Lists;
use self::session::ClientSession;
use super::attempts::Attempts;
use super::connection::Connection;
use super::http::Endpoint;
use super::hub::Hub;
use super::levels::Levels;
use super::line::{Line, Link};
use super::negotiate::{self, Introduction};
use super::offered::Offered;
use super::pipe::{Pipe, Stderr};
use super::shared::{Place, Places, Shared};
use crate::pins::kind::DefinitionKind;
use crate::seam::{About, ClientContext, Era, ListKind, Listing, Owner, Session, Upstream, UpstreamError};
use crate::servers::{PinRule, ServerConfig, Transport};

/// A session of its own that nobody used for so long is ended.
const SESSION_IDLE: Duration = Duration::from_secs(600);
/// Sessions of one owner, whose clients differ in what they can be asked; the one that was idle longest makes way.
const OWN_MAX: usize = 8;
/// What a client can be asked. Without one of these, sessions need not be its own.
const ASKABLE: [&str; 3] = ["sampling", "elicitation", "roots"];

/// How a server is, for people.
#[derive(Debug, Clone, Default)]
pub struct Status {
    pub state: State,
    /// Why it fails.
    pub fault: Option<String>,
    pub about: Option<Arc<About>>,
    pub downgraded: Option<String>,
    pub last_seen_at: Option<Timestamp>,
}

/// See [`Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Idle,
    Connecting,
    Ready,
    Failing,
}

impl State {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Ready => "ready",
            Self::Failing => "failing",
        }
    }
}

/// See the module. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Server(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) config: Arc<ServerConfig>,
    pub(super) shared: Arc<Shared>,
    pub(super) changed: watch::Sender<u64>,
    stderr: Stderr,
    /// The connection that all clients share that can be asked nothing.
    common: Mutex<Option<Arc<Connection>>>,
    connecting: Attempts<Arc<Connection>>,
    own: Mutex<HashMap<Owner, Vec<Arc<Own>>>>,
    pub(super) lists: Lists,
    /// Of the common connection.
    pub(super) levels: Levels,
    status: Mutex<Status>,
    processes: Places,
    sessions: Places,
}

/// The session of one client.
#[derive(Debug)]
struct Own {
    introduction: Introduction,
    connection: AsyncMutex<Option<Arc<Connection>>>,
    used_at: Mutex<Instant>,
}

impl Server {
    pub(super) fn new(config: Arc<ServerConfig>, shared: Arc<Shared>, changed: watch::Sender<u64>) -> Self {
        Self(Arc::new(Inner {
            config,
            shared,
            changed,
            stderr: Stderr::default(),
            common: Mutex::default(),
            connecting: Attempts::new(|_| true),
            own: Mutex::default(),
            lists: Lists::default(),
            levels: Levels::default(),
            status: Mutex::default(),
            processes: Places::default(),
            sessions: Places::default(),
        }))
    }

    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.0.config
    }

    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status().clone()
    }

    /// The last lines that its process wrote to standard error.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        self.0.stderr.lines()
    }

    /// Processes and sessions now.
    #[must_use]
    pub fn in_use(&self) -> (u32, u32) {
        (self.0.processes.taken(), self.0.sessions.taken())
    }

    /// Asks the server again what it offers, over a connection that is begun for it: a process that runs does not know what its
    /// program has become.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn refresh(&self) -> Result<(), UpstreamError> {
        self.0.retire();
        ListKind::ALL.into_iter().for_each(|kind| self.0.lists.invalidate(kind));
        self.list(ListKind::Tools).await?;
        // What else is pinned, so that a person sees it before the first agent does. A server may claim prompts and have no list.
        self.about().await?;
        let (Ok(_) | Err(_)) = self.list(ListKind::Prompts).await;
        Ok(())
    }

    /// Ends sessions that nobody uses, and reads again what is old.
    pub(super) async fn tend(&self) {
        let idle = |own: &Arc<Own>| {
            let is_busy =
                own.connection.try_lock().map_or(true, |connection| connection.as_ref().is_some_and(|c| !c.is_idle()));
            !is_busy && own.used_at().elapsed() > SESSION_IDLE
        };
        self.0.own().retain(|_, of_owner| {
            of_owner.retain(|own| !idle(own));
            !of_owner.is_empty()
        });
        let is_ready = self.0.status().state == State::Ready;
        if is_ready && self.0.lists.is_old(ListKind::Tools, self.0.refresh_every()) {
            self.0.lists.invalidate(ListKind::Tools);
            let (Ok(_) | Err(_)) = self.list(ListKind::Tools).await;
        }
    }

    /// Gives up all connections: the configuration changed, or the server was removed.
    pub(super) fn close(&self) {
        self.0.own().clear();
        *self.0.kept() = None;
    }
}

impl Inner {
    pub(super) fn refresh_every(&self) -> Duration {
        Duration::from_secs(self.config.refresh_seconds)
    }

    pub(super) fn pin_rule(&self) -> PinRule {
        self.config.pin.unwrap_or(self.shared.pin)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> MutexGuard<'_, HashMap<Owner, Vec<Arc<Own>>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of those who can be asked nothing; opened when there is none, not more often than patience allows, and
    /// also when whoever asked is gone meanwhile: a server that hangs must be known to hang.
    pub(super) async fn common(self: &Arc<Self>) -> Result<Arc<Connection>, UpstreamError> {
        if let Some(connection) = self.kept().as_ref().filter(|connection| connection.is_alive()) {
            return Ok(Arc::clone(connection));
        }
        let server = Arc::clone(self);
        self.connecting.attempt(&self.shared.tasks, || server.open()).await.outcome()
    }

    async fn open(self: Arc<Self>) -> Result<Arc<Connection>, UpstreamError> {
        // Whoever asked may have seen the connection before this one.
        if let Some(connection) = self.kept().as_ref().filter(|connection| connection.is_alive()) {
            return Ok(Arc::clone(connection));
        }
        *self.kept() = None;
        self.status().state = State::Connecting;
        match self.connect(Introduction::own(), Some(self.shared.unaddressed())).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *self.kept() = Some(Arc::clone(&connection));
                self.connected(&connection);
                Ok(connection)
            }
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        self.common.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What all share is begun anew when it is next needed; calls that are under way end where they are.
    fn retire(&self) {
        if let Some(connection) = self.kept().take() {
            connection.retire();
        }
    }

    fn connected(self: &Arc<Self>, connection: &Arc<Connection>) {
        *self.status() = Status {
            state: State::Ready,
            fault: None,
            about: Some(Arc::clone(&connection.about)),
            downgraded: connection.downgraded.clone(),
            last_seen_at: Some(self.shared.clock.now()),
        };
        ListKind::ALL.into_iter().for_each(|kind| self.lists.begin_anew(kind));
        session::watch_lists(self, connection);
    }

    pub(super) fn failed(&self, error: &UpstreamError) {
        let mut status = self.status();
        if status.state != State::Failing {
            tracing::warn!(server = self.config.name, %error, "a tool server fails");
        }
        status.state = State::Failing;
        status.fault = Some(error.to_string());
    }

    pub(super) fn seen(&self) {
        self.status().last_seen_at = Some(self.shared.clock.now());
    }

    /// `unaddressed` is of a connection that clients share.
    async fn connect(
        self: &Arc<Self>,
        introduction: Introduction,
        unaddressed: Option<Counter>,
    ) -> Result<Connection, UpstreamError> {
        let place = self.place()?;
        let offered: Arc<Offered> = Arc::default();
        let (weak, is_own, its_own) = (Arc::downgrade(self), unaddressed.is_none(), Arc::clone(&offered));
        let on_change = move |kind| {
            // What all share is read again as the kept lists are.
            if is_own {
                its_own.forget(kind);
            }
            if let Some(server) = weak.upgrade() {
                server.lists.announce(kind);
                server.changed.send_modify(|revision| *revision += 1);
            }
        };
        let hub = Arc::new(Hub::new(unaddressed, on_change));
        let open = || -> Result<Line, UpstreamError> {
            let link = match &self.config.transport {
                Transport::Stdio { .. } => Link::Pipe(Pipe::start(&self.shared, &self.config, &hub, &self.stderr)?),
                Transport::Http { .. } => Link::Http(Arc::new(Endpoint::new(&self.shared, &self.config)?)),
            };
            Ok(Line::new(&self.config.name, link, Arc::clone(&hub)))
        };
        let mut line = open()?;
        let timeout = Duration::from_secs(self.config.start_timeout_seconds);
        let agreed = negotiate::agree(&mut line, self.config.protocol, &introduction, timeout, open).await?;
        let timeout = Duration::from_secs(self.config.call_timeout_seconds);
        Ok(Connection::new(line, agreed, introduction, offered, &self.shared, timeout, place))
    }

    /// Room for one more; whoever has been idle longest makes it.
    fn place(&self) -> Result<Place, UpstreamError> {
        let (places, name, max) = match self.config.transport {
            Transport::Stdio { .. } => (&self.processes, "mcp_processes", self.config.processes_max),
            Transport::Http { .. } => (&self.sessions, "mcp_upstream_sessions", self.config.sessions_max),
        };
        if let Some(place) = places.take(max) {
            return Ok(place);
        }
        self.evict();
        places.take(max).ok_or_else(|| {
            let limit: LimitReached = self.shared.limit(name, max.into(), u64::from(max) + 1);
            UpstreamError::Limit { server: self.config.name.clone(), limit }
        })
    }

    fn evict(&self) {
        let mut own = self.own();
        let is_idle = |own: &Arc<Own>| {
            own.connection.try_lock().is_ok_and(|connection| connection.as_ref().is_some_and(|c| c.is_idle()))
        };
        let oldest = own.values().flatten().filter(|own| is_idle(own)).min_by_key(|own| own.used_at()).cloned();
        if let Some(oldest) = oldest {
            own.values_mut().for_each(|of_owner| of_owner.retain(|own| !Arc::ptr_eq(own, &oldest)));
        }
    }

    /// The session of one client that a stateful server may ask something.
    async fn own_connection(self: &Arc<Self>, own: &Own) -> Result<Arc<Connection>, UpstreamError> {
        *own.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let mut kept = own.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.is_alive()) {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.connect(own.introduction.clone(), None).await?);
        *kept = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Where the session of `owner` is kept: another one for other capabilities, so that two clients of one key do not take
    /// each other's away.
    fn own_of(&self, owner: &Owner, introduction: &Introduction) -> Arc<Own> {
        let mut owned = self.own();
        let of_owner = owned.entry(owner.clone()).or_default();
        if let Some(own) = of_owner.iter().find(|own| own.introduction.capabilities == introduction.capabilities) {
            return Arc::clone(own);
        }
        if of_owner.len() >= OWN_MAX
            && let Some((oldest, _)) = of_owner.iter().enumerate().min_by_key(|(_, own)| own.used_at())
        {
            of_owner.swap_remove(oldest);
        }
        let used_at = Mutex::new(Instant::now());
        let introduction = introduction.clone();
        let own = Arc::new(Own { introduction, connection: AsyncMutex::default(), used_at });
        of_owner.push(Arc::clone(&own));
        own
    }
}

impl Own {
    fn used_at(&self) -> Instant {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client, as the server is told.
fn introduction(client: &ClientContext) -> Introduction {
    let info = client.info.as_ref().and_then(|info| serde_json::from_str(info.get()).ok());
    Introduction { info: info.unwrap_or_else(|| Introduction::own().info), capabilities: client.capabilities.clone() }
}

impl Upstream for Server {
    fn time_max(&self) -> Duration {
        Duration::from_secs(self.0.config.call_timeout_seconds)
    }

    fn name(&self) -> &str {
        &self.0.config.name
    }

    fn touches(&self, kind: ListKind, key: &str) -> Taint {
        if kind == ListKind::Tools { self.0.config.touches(key) } else { self.0.config.touches }
    }

    fn about(&self) -> BoxFuture<'_, Result<Arc<About>, UpstreamError>> {
        pinned::about(&self.0).boxed()
    }

    fn list(&self, kind: ListKind) -> BoxFuture<'_, Result<Arc<Listing>, UpstreamError>> {
        lists::list(&self.0, kind).boxed()
    }

    fn remembered(&self, kind: ListKind) -> Vec<String> {
        match kind {
            ListKind::Tools => self.0.shared.pins.offered(&self.0.config.name, DefinitionKind::Tool),
            ListKind::Prompts => self.0.shared.pins.offered(&self.0.config.name, DefinitionKind::Prompt),
            ListKind::Resources | ListKind::ResourceTemplates => self.0.lists.remembered(kind),
        }
    }

    fn session(&self, client: Arc<ClientContext>) -> BoxFuture<'_, Result<Arc<dyn Session>, UpstreamError>> {
        async move {
            let common = self.0.common().await?;
            let is_askable = ASKABLE.iter().any(|name| client.capabilities.contains_key(*name));
            let introduction = introduction(&client);
            let is_own = is_askable && common.about.era == Era::Stateful;
            let own = is_own.then(|| self.0.own_of(&client.owner, &introduction));
            let (server, owner) = (Arc::clone(&self.0), client.owner.clone());
            let session = ClientSession { server, introduction, owner, own };
            Ok(Arc::new(session) as Arc<dyn Session>)
        }
        .boxed()
    }

    fn end_sessions(&self, owner: &Owner) {
        self.0.levels.forget(owner);
        self.0.own().remove(owner);
    }
}
