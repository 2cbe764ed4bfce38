//! The tool servers behind the gateway: child processes and HTTP servers, of both eras, each for itself.
//!
//! * [`server`]: one server: connections, lists, status
//! * `negotiate`: which era it speaks, by what it does
//! * `connection`, `line`, `hub`: requests, what comes meanwhile, and what belongs to none
//! * `pipe`, `http`: the two transports
//!
//! A server that is slow, floods or lies harms its own calls only.

mod attempts;
mod connection;
mod followers;
mod following;
mod http;
mod hub;
mod levels;
mod line;
mod negotiate;
mod offered;
mod pipe;
pub mod server;
mod shared;
mod sse;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use mizzen_control::audit::{AuditError, Kind, Who};
use mizzen_model::id::Digest;
use mizzen_runtime::task::{BoxError, TaskKind};
use mizzen_store::StoreError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::server::{Server, State, Status};
pub use self::shared::Shared;
use crate::pins::{self, ApproveError, Pins};
use crate::seam::{Directory, Member, Names, View};
use crate::servers::{ChangeError, Configured, Profile, ServerConfig, Shown, ToolServers};

/// How often sessions are swept, old lists read again, and other nodes' changes looked for.
const TEND_EVERY: Duration = Duration::from_secs(5);
/// Servers that are connected at a time after a start.
const CONNECTING_MAX: usize = 4;

/// All configured servers. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Upstreams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    configuration: ToolServers,
    shared: Arc<Shared>,
    current: RwLock<Arc<Current>>,
    changed: watch::Sender<u64>,
}

/// The servers and views of one configuration.
#[derive(Debug, Default)]
struct Current {
    servers: BTreeMap<String, Server>,
    all: Arc<View>,
    profiles: HashMap<String, Arc<View>>,
}

impl Upstreams {
    /// Starts with what is configured, and follows its changes.
    #[must_use]
    pub fn start(configuration: ToolServers, shared: Shared) -> Self {
        let (changed, _) = watch::channel(0);
        let tasks = shared.tasks.clone();
        let inner = Inner { configuration, shared: Arc::new(shared), current: RwLock::default(), changed };
        let upstreams = Self(Arc::new(inner));
        upstreams.apply();
        let following = upstreams.clone();
        tasks.spawn(TaskKind::ToolServer, |drain| following.follow(drain));
        let tending = upstreams.clone();
        tasks.spawn(TaskKind::ToolSessionSweep, |_| tending.tend());
        upstreams
    }

    #[must_use]
    pub fn configuration(&self) -> &ToolServers {
        &self.0.configuration
    }

    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.0.shared.pins
    }

    /// The server of a name, when it is configured and enabled.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<Server> {
        self.current().servers.get(name).cloned()
    }

    /// See [`ToolServers::put_server`]; it is in the audit log before it counts.
    ///
    /// # Errors
    /// As there.
    pub async fn put_server(&self, config: ServerConfig, by: &str) -> Result<(), ChangeError> {
        let entry = self.changed(Kind::ToolServerChanged, by, format!("tool_server:{}", config.name), "set");
        self.0.configuration.put_server(config, by, entry).await?;
        self.apply();
        Ok(())
    }

    /// Forgets a server and what was approved of it; `false` when there was none. It is written down afterwards: it only narrows,
    /// and a log that fails must keep nobody from taking a server away.
    ///
    /// # Errors
    /// See [`ToolServers::remove_server`]. When the audit log does not take it: then it is removed.
    pub async fn remove_server(&self, name: &str, by: &str) -> Result<bool, ChangeError> {
        let removed = self.0.configuration.remove_server(name).await?;
        self.apply();
        let forgotten = self.pins().forget(name).await;
        if removed {
            let entry = self.changed(Kind::ToolServerChanged, by, format!("tool_server:{name}"), "removed");
            entry.await.map_err(ChangeError::NotWritten)?;
        }
        forgotten?;
        Ok(removed)
    }

    /// See [`ToolServers::put_profile`]; it is in the audit log before it counts.
    ///
    /// # Errors
    /// As there.
    pub async fn put_profile(&self, profile: Profile, by: &str) -> Result<(), ChangeError> {
        let entry = self.changed(Kind::ToolServerChanged, by, format!("tool_profile:{}", profile.name), "set");
        self.0.configuration.put_profile(profile, by, entry).await?;
        self.apply();
        Ok(())
    }

    /// See [`ToolServers::remove_profile`]; it is written down afterwards, as the removal of a server is.
    ///
    /// # Errors
    /// As there. When the audit log does not take it: then it is removed.
    pub async fn remove_profile(&self, name: &str, by: &str) -> Result<bool, ChangeError> {
        let removed = self.0.configuration.remove_profile(name).await?;
        self.apply();
        if removed {
            let entry = self.changed(Kind::ToolServerChanged, by, format!("tool_profile:{name}"), "removed");
            entry.await.map_err(ChangeError::NotWritten)?;
        }
        Ok(removed)
    }

    /// See [`Pins::approve`]; it is in the audit log before it counts.
    ///
    /// # Errors
    /// As there.
    pub async fn approve(&self, server: &str, tool: &str, digest: &Digest, by: &str) -> Result<(), ApproveError> {
        let details = [("what", "pinned"), ("digest", digest.as_str())];
        let (audit, resource) = (self.0.shared.control.audit(), pins::kind::resource(server, tool));
        let entry = audit.changed(Kind::Pin, Who::user(by), resource, &details);
        self.pins().approve(server, tool, digest, by, entry).await
    }

    /// See [`Pins::withdraw`]. It is written down afterwards: it only narrows.
    ///
    /// # Errors
    /// When the database fails: then it is not withdrawn. When the audit log does not take it: then it is.
    pub async fn withdraw(&self, server: &str, tool: &str, by: &str) -> Result<bool, ApproveError> {
        let withdrawn = self.pins().withdraw(server, tool).await?;
        if withdrawn {
            let entry = self.changed(Kind::Pin, by, pins::kind::resource(server, tool), "withdrawn");
            entry.await.map_err(ApproveError::NotWritten)?;
        }
        Ok(withdrawn)
    }

    async fn changed(&self, kind: Kind, by: &str, resource: String, what: &str) -> Result<(), AuditError> {
        self.0.shared.control.audit().changed(kind, Who::user(by), resource, &[("what", what)]).await
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Servers whose configuration stays keep their connections. Those that are left over are returned.
    fn rebuild(&self) -> Vec<Server> {
        let configured = self.0.configuration.configured();
        let before = self.current();
        let enabled = configured.servers.values().filter(|entry| entry.value.enabled);
        let servers: BTreeMap<String, Server> = enabled
            .map(|entry| {
                let kept = before.servers.get(&entry.value.name).filter(|server| server.config() == &entry.value);
                let made = || Server::new(Arc::clone(&entry.value), Arc::clone(&self.0.shared), self.0.changed.clone());
                (entry.value.name.clone(), kept.cloned().unwrap_or_else(made))
            })
            .collect();
        let left = before
            .servers
            .iter()
            .filter(|(name, server)| servers.get(*name).is_none_or(|now| now.config() != server.config()));
        let left = left.map(|(_, server)| server.clone()).collect();
        let current = Arc::new(views(&configured, servers).sharing(&before));
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        self.0.changed.send_modify(|revision| *revision += 1);
        left
    }

    /// Takes what is configured into force; what that leaves to do goes on beside.
    fn apply(&self) {
        let left = self.rebuild();
        let upstreams = self.clone();
        self.0.shared.tasks.spawn(TaskKind::ToolServer, |drain| async move {
            for server in left {
                server.close();
            }
            tokio::select! {
                () = upstreams.connect() => {}
                () = drain.cancelled() => {}
            }
            Ok(())
        });
    }

    async fn follow(self, drain: CancellationToken) -> Result<(), BoxError> {
        let mut configuration = self.0.configuration.changed();
        let mut pins = self.pins().changed();
        loop {
            tokio::select! {
                changed = configuration.changed() => {
                    changed?;
                    self.apply();
                }
                changed = pins.changed() => {
                    changed?;
                    self.0.changed.send_modify(|revision| *revision += 1);
                }
                () = drain.cancelled() => break,
            }
        }
        for server in self.current().servers.values() {
            server.close();
        }
        Ok(())
    }

    /// Asks every server what it offers, so that people see it before the first agent comes.
    async fn connect(&self) {
        let servers: Vec<Server> = self.current().servers.values().cloned().collect();
        futures::stream::iter(servers)
            .for_each_concurrent(CONNECTING_MAX, |server| async move {
                if server.status().state == State::Idle {
                    let (Ok(()) | Err(_)) = server.refresh().await;
                }
            })
            .await;
    }

    async fn tend(self) -> Result<(), BoxError> {
        let mut revision = None;
        loop {
            tokio::time::sleep(TEND_EVERY).await;
            if let Err(error) = self.follow_others(&mut revision).await {
                tracing::warn!(%error, "the configuration of tool servers was not read again");
            }
            let servers: Vec<Server> = self.current().servers.values().cloned().collect();
            futures::stream::iter(servers)
                .for_each_concurrent(CONNECTING_MAX, |server| async move { server.tend().await })
                .await;
        }
    }

    async fn follow_others(&self, revision: &mut Option<i64>) -> Result<(), StoreError> {
        let now = self.0.configuration.revision().await?;
        if revision.is_some_and(|before| before != now) {
            self.0.configuration.refresh().await?;
            self.pins().refresh().await?;
        }
        *revision = Some(now);
        Ok(())
    }
}

impl Current {
    /// A view that shows what it showed stays the one that it was: whoever follows it begins nothing anew.
    fn sharing(mut self, before: &Self) -> Self {
        let servers = &self.servers;
        let is_kept = |name: &str| {
            servers.get(name).zip(before.servers.get(name)).is_some_and(|(now, before)| now.config() == before.config())
        };
        let keep = |now: &mut Arc<View>, before: Option<&Arc<View>>| {
            let same = |(now, before): (&Member, &Member)| {
                let name = now.upstream.name();
                name == before.upstream.name()
                    && now.names == before.names
                    && now.shown == before.shown
                    && is_kept(name)
            };
            let is_same = |before: &&Arc<View>| {
                now.members.len() == before.members.len() && now.members.iter().zip(&before.members).all(same)
            };
            if let Some(before) = before.filter(is_same) {
                *now = Arc::clone(before);
            }
        };
        keep(&mut self.all, Some(&before.all));
        self.profiles.iter_mut().for_each(|(name, now)| keep(now, before.profiles.get(name)));
        self
    }
}

fn views(configured: &Configured, servers: BTreeMap<String, Server>) -> Current {
    let member = |server: &Server, names, shown| Member { upstream: Arc::new(server.clone()), names, shown };
    let all = servers.values().map(|server| member(server, Names::Prefixed, Shown::all())).collect();
    let profiles = configured.profiles.values().map(|entry| {
        let profile = &entry.value;
        let members = profile
            .servers
            .iter()
            .filter_map(|part| Some(member(servers.get(&part.server)?, profile.names.into(), Shown::from(part))));
        (profile.name.clone(), Arc::new(View { name: profile.name.clone(), members: members.collect() }))
    });
    let profiles = profiles.collect();
    Current { all: Arc::new(View { name: String::new(), members: all }), profiles, servers }
}

impl Directory for Upstreams {
    fn view(&self, profile: Option<&str>) -> Option<Arc<View>> {
        let current = self.current();
        match profile {
            None => Some(Arc::clone(&current.all)),
            Some(name) => current.profiles.get(name).cloned(),
        }
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }
}
