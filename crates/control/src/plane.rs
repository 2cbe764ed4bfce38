//! Opens the plane, and keeps its snapshot true.

mod load;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mizzen_governance::PolicySet;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use mizzen_store::data_dir::DataDirError;
use mizzen_store::{DataDir, Store, StoreError};
use sqlx::{Any, Transaction};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::api_tokens::{self, ApiTokens};
use crate::approvals::{self, Approvals};
use crate::audit::{AuditError, AuditLog};
use crate::budgets::{self, Budget, Budgets};
use crate::config::PermissionSettings;
use crate::environment::Environment;
use crate::evidence::EvidenceInForce;
use crate::gate::{Gate, Memory, Recorded};
use crate::keys::{self, Keys};
use crate::pauses::{PauseKind, Pauses};
use crate::policies::{self, Policies};
use crate::providers::{Providers, Vault, VaultError};
use crate::responses::{self, Responses};
use crate::sign_in::{self, AdminToken, SignIn};
use crate::snapshot::Snapshot;
use crate::token::NoRandomness;
use crate::versions::Versions;
use crate::{remembered, taint};

/// How long a key that was revoked on one node may still open a door of another.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);
/// How long more of a budget than a small part is kept that no call in flight has reserved.
const SETTLE_INTERVAL: Duration = Duration::from_millis(250);
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
    /// The policies in force. Replaced as a whole by who publishes them; every decision reads it once.
    pub(crate) policy_set: ArcSwap<PolicySet>,
    pub(crate) memory: Memory,
    pub(crate) policies: policies::State,
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
        let policy_set = ArcSwap::from_pointee(PolicySet::empty());
        let memory = Memory::new(remembered::load(store.pool()).await?, taint::load(store.pool()).await?);
        let policies = policies::State::new();
        let publishing = Mutex::new(());
        let inner = Inner { store, clock, vault, admin, audit, snapshot, policy_set, memory, policies, publishing };
        Ok(Self(Arc::new(inner)))
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
    pub fn api_tokens(&self) -> ApiTokens<'_> {
        ApiTokens(&self.0)
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

    /// The policies in force, and how they change.
    #[must_use]
    pub fn policies(&self) -> Policies<'_> {
        Policies(&self.0)
    }

    /// Where doors ask whether a call may go out.
    #[must_use]
    pub fn gate(&self) -> Gate<'_> {
        Gate(&self.0)
    }

    #[must_use]
    pub fn budgets(&self) -> Budgets<'_> {
        Budgets(&self.0)
    }

    #[must_use]
    pub fn approvals(&self) -> Approvals<'_> {
        Approvals(&self.0)
    }

    #[must_use]
    pub fn evidence(&self) -> EvidenceInForce<'_> {
        EvidenceInForce(&self.0)
    }

    #[must_use]
    pub fn versions(&self) -> Versions<'_> {
        Versions(&self.0)
    }

    #[must_use]
    pub fn pauses(&self) -> Pauses<'_> {
        Pauses(&self.0)
    }

    /// Decisions with what they were made on, for who keeps them beside their runs; given once. When nobody takes them, or
    /// slowly, they are shed and counted: the audit log is the durable record.
    #[must_use]
    pub fn decisions(&self) -> Option<mpsc::Receiver<Recorded>> {
        self.0.memory.take_decisions()
    }

    /// Says what was configured; to be called once, before anything is asked. `false` when it came too late.
    pub fn configure(&self, settings: PermissionSettings) -> bool {
        self.0.memory.configure(settings)
    }

    /// Puts policies in force, and the budgets of their boundaries with them.
    pub fn publish_policies(&self, policies: Arc<PolicySet>) {
        let budgets = policies.boundaries().iter().flat_map(|boundary| Budget::of_boundary(boundary));
        self.0.memory.publish_boundary_budgets(budgets.collect());
        self.0.policy_set.store(policies);
    }

    /// Publishes what another node changed, if anything.
    ///
    /// # Errors
    /// When the database does not answer; the last snapshot stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        if remembered::revision(self.0.store.pool()).await? != self.0.memory.remembered().revision {
            self.0.publish_remembered().await?;
        }
        self.policies().refresh().await?;
        if load::revision(self.0.store.pool()).await? != self.0.snapshot.load().revision {
            self.0.publish().await?;
        }
        Ok(())
    }

    /// Removes what expired: what fails is logged, and keeps nothing else from being removed.
    pub async fn sweep(&self) {
        let inner = &self.0;
        log_failure("sweep of sessions", sign_in::sweep(inner).await);
        log_failure("sweep of responses", responses::sweep(inner).await);
        log_failure("sweep of accounts", budgets::sweep(inner).await);
        log_failure("sweep of held calls", approvals::sweep(inner).await);
        log_failure("sweep of taint", taint::sweep(inner).await);
        log_failure("sweep of decisions", policies::decisions::sweep(inner).await);
        log_failure("sweep of API tokens", api_tokens::sweep(inner).await);
        log_failure("sweep of keys", keys::sweep(inner).await);
    }

    /// Starts the work that goes on beside requests: removing what expired, and on PostgreSQL, where other nodes
    /// write too, following their changes.
    pub fn start(&self, tasks: &TaskGroup) {
        // Whoever watches finds them at zero before the first call.
        self.0.memory.measures();
        let control = self.clone();
        tasks.spawn(TaskKind::SessionSweep, |_| control.keep_swept());
        let inner = Arc::clone(&self.0);
        tasks.spawn(TaskKind::Approvals, |_| approvals::keep_followed(inner));
        let inner = Arc::clone(&self.0);
        tasks.spawn(TaskKind::Approvals, |_| approvals::keep_notified(inner));
        let control = self.clone();
        tasks.spawn(TaskKind::LeaseSweep, |cancel| control.keep_settled(cancel));
        let audit = self.0.audit.clone();
        tasks.spawn(TaskKind::AuditWriter, |cancel| audit.keep_published(cancel));
        if self.0.store.is_postgres() {
            self.0.memory.is_fresh_now();
            let control = self.clone();
            tasks.spawn(TaskKind::SnapshotRefresh, |_| control.keep_refreshed());
        }
        let control = self.clone();
        tasks.spawn(TaskKind::PolicyFolder, |_| policies::follow(control));
    }

    async fn keep_swept(self) -> Result<(), BoxError> {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            self.sweep().await;
        }
    }

    async fn keep_refreshed(self) -> Result<(), BoxError> {
        loop {
            tokio::time::sleep(REFRESH_INTERVAL).await;
            let refreshed = self.refresh().await;
            if refreshed.is_ok() {
                self.0.memory.is_fresh_now();
            }
            log_failure("refresh", refreshed);
        }
    }

    /// Writes what budgets are owed, gives back the blocks that nobody uses, and at the end all of them.
    async fn keep_settled(self, cancel: CancellationToken) -> Result<(), BoxError> {
        let ledger = &self.0.memory.ledger;
        while !cancel.is_cancelled() {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = ledger.something_is_owed() => {}
                () = tokio::time::sleep(SETTLE_INTERVAL) => {}
            }
            log_failure("settling of budgets", ledger.flush(&self.0).await);
        }
        Ok(ledger.give_back(&self.0, None).await?)
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

    /// Reads pauses, budgets and evidence anew and publishes them; called after every change. Ends what a new stop reaches,
    /// and gives back blocks of budgets that were changed.
    pub(crate) async fn publish_remembered(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.publishing.lock().await;
        let remembered = remembered::load(self.store.pool()).await?;
        let before = self.memory.publish(remembered);
        let now = self.memory.remembered();
        for pause in now.pauses.iter().filter(|pause| pause.kind == PauseKind::Stop && !before.pauses.contains(pause)) {
            self.memory.stops.stop(&pause.reach);
            self.memory.measures().stopped.inc();
        }
        if before.pauses != now.pauses {
            self.memory.pauses_changed.send_modify(|count| *count += 1);
        }
        let changed = before.budgets.iter().filter(|set| !now.budgets.contains(set));
        let changed: Vec<String> = changed.map(|set| set.budget.name.clone()).collect();
        if !changed.is_empty() {
            // What cannot be given back now is due at the next turn.
            log_failure("return of changed budgets", self.memory.ledger.give_back(self, Some(&changed)).await);
        }
        Ok(())
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Begins a change of keys, tokens or providers: other nodes see by the revision that they must read again.
    pub(crate) async fn begin_change(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut change = self.store.begin().await?;
        let next = "UPDATE control_revision SET revision = revision + 1 WHERE id = 1";
        sqlx::query(next).execute(&mut *change).await?;
        Ok(change)
    }
}

#[cfg(test)]
pub(crate) mod tests;
