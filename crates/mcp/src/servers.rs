//! Which tool servers there are and how they are grouped: configuration, kept or declared in the file.
//!
//! * [`config`]: one server, [`profile`]: a curated view
//! * [`ToolServers`]: what is in force; changes hold at once, on every node
//!
//! What the configuration file declares goes before what is kept under the same name, and is not changed over the API.

pub mod check;
pub mod config;
pub mod profile;
mod schema;
mod stored;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use mizzen_control::audit::AuditError;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::{Store, StoreError};
use tokio::sync::{Mutex, watch};

pub use self::check::ConfigError;
pub use mizzen_model::permission::PinRule;

pub use self::config::{Credential, Protocol, ServerConfig, ToolSetting, Transport};
pub use self::profile::{NameStyle, Profile, ProfileServer, Shown};
pub use self::schema::MIGRATIONS;

pub const SERVERS_MAX: usize = 1_000;
pub const PROFILES_MAX: usize = 1_000;

/// Who wrote what is in the configuration file.
const DECLARED_BY: &str = "mizzen.toml";

/// Something configured, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    pub value: Arc<T>,
    /// By the configuration file: read-only.
    pub declared: bool,
    /// `None` for what is declared.
    pub updated_at: Option<Timestamp>,
    pub updated_by: String,
}

/// One state of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    pub servers: BTreeMap<String, Entry<ServerConfig>>,
    pub profiles: BTreeMap<String, Entry<Profile>>,
}

/// What the configuration file says.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    pub servers: Vec<ServerConfig>,
    pub profiles: Vec<Profile>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("`{0}` is declared in the configuration file; change it there")]
    Declared(String),
    #[error("there are {max} {what} already, and no more may be added")]
    TooMany { what: &'static str, max: usize },
    #[error("the profile names the tool server `{0}`, which is not there")]
    UnknownServer(String),
    #[error("the tool server `{server}` is part of the profile `{profile}`; take it out there first")]
    InUse { server: String, profile: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was changed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("it is removed, but the audit log did not take the entry about it")]
    NotWritten(#[source] AuditError),
}

/// The configuration in force. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct ToolServers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    declared: Configured,
    configured: RwLock<Arc<Configured>>,
    /// Held while something is written and published: an older reading must not replace a newer one.
    writing: Mutex<()>,
    changed: watch::Sender<u64>,
}

impl ToolServers {
    /// # Errors
    /// When the declared configuration is unfit, or the database does not answer.
    pub async fn open(store: Store, clock: Clock, declared: Declared) -> Result<Self, ChangeError> {
        let declared = check_declared(declared)?;
        let configured = RwLock::new(Arc::new(stored::load(&store, &declared).await?));
        let (changed, _) = watch::channel(0);
        Ok(Self(Arc::new(Inner { store, clock, declared, configured, writing: Mutex::new(()), changed })))
    }

    #[must_use]
    pub fn configured(&self) -> Arc<Configured> {
        Arc::clone(&self.0.configured.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes with every change of the configuration.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Keeps a server, replacing the one of its name. `entry` writes that down: it is awaited when nothing else speaks against
    /// the change, and before it counts.
    ///
    /// # Errors
    /// When it is unfit, declared in the file, one too many, cannot be written, or `entry` fails: then nothing is changed.
    pub async fn put_server(
        &self,
        config: ServerConfig,
        by: &str,
        entry: impl Future<Output = Result<(), AuditError>>,
    ) -> Result<(), ChangeError> {
        check::server(&config)?;
        let _one_at_a_time = self.0.writing.lock().await;
        let configured = self.configured();
        self.check_free(&configured.servers, &config.name, "tool servers", SERVERS_MAX)?;
        let (store, now) = (&self.0.store, self.0.clock.now());
        let change = stored::put(store, stored::SERVERS, &config.name, &config, now, by).await?;
        self.commit(change, entry).await
    }

    /// Forgets a server; `false` when there was none.
    ///
    /// # Errors
    /// When it is declared in the file or part of a profile, or the database fails.
    pub async fn remove_server(&self, name: &str) -> Result<bool, ChangeError> {
        let _one_at_a_time = self.0.writing.lock().await;
        let configured = self.configured();
        check_kept(&configured.servers, name)?;
        let uses = |entry: &&Entry<Profile>| entry.value.servers.iter().any(|member| member.server == name);
        if let Some(profile) = configured.profiles.values().find(uses) {
            return Err(ChangeError::InUse { server: name.to_owned(), profile: profile.value.name.clone() });
        }
        let removed = stored::remove(&self.0.store, stored::SERVERS, name).await?;
        self.publish().await?;
        Ok(removed)
    }

    /// Keeps a profile, replacing the one of its name; `entry` as in [`Self::put_server`].
    ///
    /// # Errors
    /// When it is unfit, declared in the file, names a server that is not there, is one too many, cannot be written, or `entry`
    /// fails: then nothing is changed.
    pub async fn put_profile(
        &self,
        profile: Profile,
        by: &str,
        entry: impl Future<Output = Result<(), AuditError>>,
    ) -> Result<(), ChangeError> {
        check::profile(&profile)?;
        let _one_at_a_time = self.0.writing.lock().await;
        let configured = self.configured();
        self.check_free(&configured.profiles, &profile.name, "profiles", PROFILES_MAX)?;
        check_members(&configured, &profile)?;
        let (store, now) = (&self.0.store, self.0.clock.now());
        let change = stored::put(store, stored::PROFILES, &profile.name, &profile, now, by).await?;
        self.commit(change, entry).await
    }

    /// Forgets a profile; `false` when there was none.
    ///
    /// # Errors
    /// When it is declared in the file, or the database fails.
    pub async fn remove_profile(&self, name: &str) -> Result<bool, ChangeError> {
        let _one_at_a_time = self.0.writing.lock().await;
        check_kept(&self.configured().profiles, name)?;
        let removed = stored::remove(&self.0.store, stored::PROFILES, name).await?;
        self.publish().await?;
        Ok(removed)
    }

    /// Reads what another node wrote.
    ///
    /// # Errors
    /// When the database fails; what was in force stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.writing.lock().await;
        self.publish().await
    }

    /// A number that every change of configuration or pins raises, on any node.
    pub(crate) async fn revision(&self) -> Result<i64, StoreError> {
        stored::revision(&self.0.store).await
    }

    fn check_free<T>(
        &self,
        there: &BTreeMap<String, Entry<T>>,
        name: &str,
        what: &'static str,
        max: usize,
    ) -> Result<(), ChangeError> {
        check_kept(there, name)?;
        if there.contains_key(name) || there.len() < max { Ok(()) } else { Err(ChangeError::TooMany { what, max }) }
    }

    /// The entry comes first: a change that the log does not take is rolled back.
    async fn commit(
        &self,
        change: stored::Change,
        entry: impl Future<Output = Result<(), AuditError>>,
    ) -> Result<(), ChangeError> {
        entry.await?;
        change.commit().await.map_err(StoreError::from)?;
        Ok(self.publish().await?)
    }

    async fn publish(&self) -> Result<(), StoreError> {
        let next = Arc::new(stored::load(&self.0.store, &self.0.declared).await?);
        let mut configured = self.0.configured.write().unwrap_or_else(PoisonError::into_inner);
        let is_change = *configured != next;
        *configured = next;
        drop(configured);
        if is_change {
            self.0.changed.send_modify(|revision| *revision += 1);
        }
        Ok(())
    }
}

fn check_kept<T>(there: &BTreeMap<String, Entry<T>>, name: &str) -> Result<(), ChangeError> {
    match there.get(name) {
        Some(entry) if entry.declared => Err(ChangeError::Declared(name.to_owned())),
        _ => Ok(()),
    }
}

fn check_members(configured: &Configured, profile: &Profile) -> Result<(), ChangeError> {
    match profile.servers.iter().find(|member| !configured.servers.contains_key(&member.server)) {
        Some(member) => Err(ChangeError::UnknownServer(member.server.clone())),
        None => Ok(()),
    }
}

/// Profiles of the file may name servers that are kept: whether those are there is seen when they are asked for.
fn check_declared(declared: Declared) -> Result<Configured, ChangeError> {
    let mut configured = Configured::default();
    for server in declared.servers {
        check::server(&server)?;
        configured.servers.insert(server.name.clone(), of_file(server));
    }
    for profile in declared.profiles {
        check::profile(&profile)?;
        configured.profiles.insert(profile.name.clone(), of_file(profile));
    }
    Ok(configured)
}

fn of_file<T>(value: T) -> Entry<T> {
    Entry { value: Arc::new(value), declared: true, updated_at: None, updated_by: DECLARED_BY.to_owned() }
}

#[cfg(test)]
mod tests;
