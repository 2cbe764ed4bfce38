//! Opens the catalog. Its truth is in the database: nothing here holds a copy of it but [`Approved`], which the doors read.

mod error;

use std::sync::Arc;
use std::time::Duration;

use mizzen_control::Control;
use mizzen_control::audit::Who;
use mizzen_model::permission::Role;
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use mizzen_store::Store;
use tokio::sync::{Mutex, watch};

pub use self::error::CatalogError;
use crate::approve::{self, Approved};
use crate::config::CatalogConfig;
use crate::locations::{self, Location};
use crate::storage::uses;

/// How long an approval may take to arrive here that another node made, or that could not be published when it was made.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

/// What the catalog works with.
#[derive(Debug)]
pub struct Parts {
    pub store: Store,
    /// Every change is written down there.
    pub control: Control,
    /// Reads locations.
    pub client: HttpClient,
    pub clock: Clock,
    pub config: CatalogConfig,
}

/// The catalog. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Catalog(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) control: Control,
    pub(crate) client: HttpClient,
    pub(crate) clock: Clock,
    pub(crate) config: CatalogConfig,
    approved: watch::Sender<Arc<Approved>>,
    /// Held while versions are read and published: otherwise an older reading could replace a newer one.
    publishing: Mutex<()>,
}

/// Who changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// For example `user:default/ann`, or `location:url:https://… (added by user:default/ann)` for what reads by itself.
    pub reference: String,
    /// Of a person.
    pub role: Option<Role>,
}

fn added_by(who: &str) -> String {
    format!(" (added by {who})")
}

impl Actor {
    /// Somebody who signed in.
    #[must_use]
    pub fn person(name: &str, role: Role) -> Self {
        Self { reference: format!("user:default/{name}"), role: Some(role) }
    }

    /// A part of Mizzen that acts by itself.
    #[must_use]
    pub fn system(name: impl Into<String>) -> Self {
        Self { reference: name.into(), role: None }
    }

    /// What reads a location. Whoever added that chose what it reads, and is named with it.
    pub(crate) fn location(location: &Location) -> Self {
        Self::system(format!("location:{}{}", location.reference(), added_by(&location.added_by)))
    }

    /// Whether what was done by `by` is of this person's making: done by them, or read from a location that they added.
    pub(crate) fn is_maker(who: &str, by: &str) -> bool {
        by == who || by.starts_with("location:") && by.ends_with(&added_by(who))
    }

    pub(crate) fn who(&self) -> Who {
        Who { role: self.role, ..Who::named(self.reference.clone()) }
    }
}

impl Catalog {
    /// Opens the catalog, with the configured locations.
    ///
    /// # Errors
    /// When the database cannot be read, or the configuration names what is no location.
    pub async fn open(parts: Parts) -> Result<Self, CatalogError> {
        let Parts { store, control, client, clock, config } = parts;
        approve::steps::name_agents(&store).await?;
        uses::make_kept_follow(&store).await?;
        let approved = watch::Sender::new(Arc::new(approve::load(&store).await?));
        let inner = Inner { store, control, client, clock, config, approved, publishing: Mutex::new(()) };
        let catalog = Self(Arc::new(inner));
        locations::configure(&catalog).await?;
        Ok(catalog)
    }

    /// Starts the work that goes on beside requests: reading locations, and following what is approved.
    pub fn start(&self, tasks: &TaskGroup) {
        let catalog = self.clone();
        tasks.spawn(TaskKind::CatalogLocations, |_| locations::keep_read(catalog));
        // A single node needs it too: a change may be made and its publication fail, or be cancelled with its request.
        let catalog = self.clone();
        tasks.spawn(TaskKind::SnapshotRefresh, |_| catalog.keep_refreshed());
    }

    #[must_use]
    pub fn config(&self) -> &CatalogConfig {
        &self.0.config
    }

    /// What of every reviewed entity may be used. It is there when a change of a version returns.
    #[must_use]
    pub fn approved(&self) -> watch::Receiver<Arc<Approved>> {
        self.0.approved.subscribe()
    }

    /// Publishes what was changed since the last time, if anything.
    ///
    /// # Errors
    /// When the database does not answer; what was published stays.
    pub async fn refresh(&self) -> Result<(), CatalogError> {
        let newest = approve::revision(&self.0.store).await?;
        if newest == self.0.approved.borrow().revision {
            return Ok(());
        }
        self.publish().await
    }

    pub(crate) async fn publish(&self) -> Result<(), CatalogError> {
        let _one_at_a_time = self.0.publishing.lock().await;
        let approved = approve::load(&self.0.store).await?;
        self.0.approved.send_replace(Arc::new(approved));
        Ok(())
    }

    async fn keep_refreshed(self) -> Result<(), BoxError> {
        loop {
            tokio::time::sleep(REFRESH_INTERVAL).await;
            if let Err(error) = self.refresh().await {
                tracing::warn!(error = %Chain(&error), "the approvals of the catalog could not be read");
            }
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }
}

#[cfg(test)]
pub(crate) mod tests;
