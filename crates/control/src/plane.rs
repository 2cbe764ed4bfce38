//! Opens the plane, and keeps its snapshot true.

mod load;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use mizzen_store::data_dir::DataDirError;
use mizzen_store::{DataDir, Store, StoreError};
use sqlx::{Any, Transaction};
use tokio::sync::Mutex;

use crate::audit::{AuditError, AuditLog};
use crate::environment::Environment;
use crate::gate::Gate;
use crate::keys::{self, Keys};
use crate::providers::{Providers, Vault, VaultError};
use crate::responses::{self, Responses};
use crate::sign_in::{self, AdminToken, SignIn};
use crate::snapshot::Snapshot;
use crate::token::NoRandomness;

/// How long a key that was revoked on one node may still open a door of another.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);
/// Expiry is checked when a thing is used; this only keeps the tables small.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Why the plane could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error("`{file}` holds no token; remove it, and the next start makes a new one")]
    AdminToken { file: String },
}

/// The plane. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Control(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) vault: Vault,
    pub(crate) admin: AdminToken,
    pub(crate) audit: AuditLog,
    snapshot: ArcSwap<Snapshot>,
    /// Held while a snapshot is read and published: otherwise an older reading could replace a newer one. Doors
    /// never wait for it.
    publishing: Mutex<()>,
}

impl Control {
    /// Opens the plane. The first start makes the files `admin-token` and `secret.key` (mode 0600).
    ///
    /// # Errors
    /// When the database or the data folder cannot be used. A provider's key that cannot be decrypted is no
    /// error here: it is told when that provider is used.
    pub async fn open(
        store: Store,
        data_dir: &DataDir,
        clock: Clock,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let vault = Vault::open(data_dir, environment)?;
        let admin = sign_in::open_admin_token(&store, data_dir).await?;
        let audit = open_audit(data_dir, &clock).await?;
        let snapshot = load::snapshot(&store, &vault, &clock).await?;
        let snapshot = ArcSwap::from_pointee(Snapshot { audit: Some(audit.clone()), ..snapshot });
        Ok(Self(Arc::new(Inner { store, clock, vault, admin, audit, snapshot, publishing: Mutex::new(()) })))
    }

    /// The newest state, for one request. Lock-free.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        Keys(&self.0)
    }

    #[must_use]
    pub fn providers(&self) -> Providers<'_> {
        Providers(&self.0)
    }

    #[must_use]
    pub fn sign_in(&self) -> SignIn<'_> {
        SignIn(&self.0)
    }

    #[must_use]
    pub fn responses(&self) -> Responses<'_> {
        Responses(&self.0)
    }

    /// Where it is written down.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.0.audit
    }

    /// Where doors ask whether a call may go out.
    #[must_use]
    pub fn gate(&self) -> Gate<'_> {
        Gate(&self.0)
    }

    /// Publishes what another node changed, if anything.
    ///
    /// # Errors
    /// When the database does not answer; the last snapshot stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        if load::revision(self.0.store.pool()).await? == self.0.snapshot.load().revision {
            return Ok(());
        }
        self.0.publish().await
    }

    /// Removes what expired.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        sign_in::sweep(&self.0).await?;
        responses::sweep(&self.0).await?;
        keys::sweep(&self.0).await
    }

    /// Starts the work that goes on beside requests: removing what expired, and on PostgreSQL, where other nodes
    /// write too, following their changes.
    pub fn start(&self, tasks: &TaskGroup) {
        let control = self.clone();
        tasks.spawn(TaskKind::SessionSweep, |_| control.keep_swept());
        let audit = self.0.audit.clone();
        tasks.spawn(TaskKind::AuditWriter, |cancel| audit.keep_published(cancel));
        if self.0.store.is_postgres() {
            let control = self.clone();
            tasks.spawn(TaskKind::SnapshotRefresh, |_| control.keep_refreshed());
        }
    }

    async fn keep_swept(self) -> Result<(), BoxError> {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            log_failure("sweep", self.sweep().await);
        }
    }

    async fn keep_refreshed(self) -> Result<(), BoxError> {
        loop {
            tokio::time::sleep(REFRESH_INTERVAL).await;
            log_failure("refresh", self.refresh().await);
        }
    }
}

/// Many small files are read and synced.
async fn open_audit(data_dir: &DataDir, clock: &Clock) -> Result<AuditLog, OpenError> {
    let (data_dir, clock) = (data_dir.clone(), clock.clone());
    let opened = tokio::task::spawn_blocking(move || AuditLog::open(&data_dir, clock)).await;
    Ok(opened.map_err(|error| AuditError::NotWritten(error.to_string()))??)
}

/// It is tried again at the next turn.
fn log_failure(what: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(error = %Chain(&error), "the {what} of the control state failed");
    }
}

impl Inner {
    /// Reads the state anew and publishes it; called after every change.
    pub(crate) async fn publish(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.publishing.lock().await;
        let snapshot = load::snapshot(&self.store, &self.vault, &self.clock).await?;
        self.snapshot.store(Arc::new(Snapshot { audit: Some(self.audit.clone()), ..snapshot }));
        Ok(())
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Begins a change of keys or providers: other nodes see by the revision that they must read again.
    pub(crate) async fn begin_change(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut change = self.store.begin().await?;
        let next = "UPDATE control_revision SET revision = revision + 1 WHERE id = 1";
        sqlx::query(next).execute(&mut *change).await?;
        Ok(change)
    }
}

#[cfg(test)]
pub(crate) mod tests;
