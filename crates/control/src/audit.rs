//! The audit log: who did what, with which permission, in a form that others can check without trusting us.
//!
//! ```text
//! append ─► queue ─► group ─► journal, one fdatasync ─► acknowledged ─► tiles ─► signed checkpoint ─► witnesses
//! ```
//!
//! The log's folder `audit` is a C2SP tlog-tiles log: `checkpoint`, `tile/…`, `tile/entries/…`. Whoever has a copy and
//! the public key can check all of it. Beside it lies `audit-journal`, which holds what is acknowledged and not yet
//! published, and the newest signed checkpoint; and `audit.key`, with which the log signs.
//!
//! * [`entry`]: what is written down
//! * [`note`]: signed checkpoints and keys
//! * [`files`]: names in the log's folder
//! * [`read`]: entries, and the files themselves; [`proof`]: that an entry is in the log
//! * [`witness`]: others who sign that the log only grew
//! * [`verify`]: what somebody else does with a copy and the public key

mod commit;
pub mod entry;
pub mod files;
mod journal;
pub mod note;
pub mod proof;
mod prune;
pub mod read;
mod refusals;
mod secret;
mod tree;
pub mod verify;
pub mod witness;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use mizzen_store::DataDir;
use mizzen_store::data_dir::DataDirError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::commit::Writer;
use self::entry::EntryError;
pub use self::entry::{AuditEntry, Kind, Who};
use self::note::{NoteError, VerifierKey};
pub use self::secret::FILE as AUDIT_KEY_FILE;
pub use self::tree::Published;
use self::witness::{Witness, WitnessConfig, WitnessError};
use crate::token::NoRandomness;

/// The log's folder in the data folder.
pub const FOLDER: &str = "audit";
/// The folder of what is not published yet, beside it.
pub const JOURNAL_FOLDER: &str = "audit-journal";
/// What [`Durability::Window`] promises.
pub const WINDOW: Duration = Duration::from_millis(10);
/// How long a new entry waits for the next checkpoint at most, when all goes well.
pub const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
/// How often old content is looked for.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3_600);
/// A disk that takes longer is no disk to wait for.
const APPEND_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for a change, which may hold the database's write lock meanwhile: well below what others wait for that.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the log is to do beside taking entries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// The content of older entries is removed; 0 keeps it. Their hashes always stay.
    pub retention_days: u32,
    /// Who is asked to cosign checkpoints.
    pub witnesses: Vec<WitnessConfig>,
}

impl AuditConfig {
    /// Whether it can be used as it is written. No witness is asked.
    ///
    /// # Errors
    /// When a witness is not configured rightly.
    pub fn check(&self) -> Result<(), WitnessError> {
        self.witnesses().map(drop)
    }

    fn witnesses(&self) -> Result<Vec<Witness>, WitnessError> {
        if self.witnesses.len() > witness::WITNESSES_MAX {
            return Err(WitnessError::TooMany);
        }
        self.witnesses.iter().map(Witness::new).collect()
    }
}

/// When an append returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the entry is on disk. For calls that can change something, for changes and for refusals.
    Durable,
    /// At once, if the log works and keeps up: then the entry is on disk within [`WINDOW`]. Otherwise as `Durable`.
    Window,
}

/// What an append says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's place in the log; `None` when it is not on disk yet.
    pub index: Option<u64>,
}

/// Why the log cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error("the audit log cannot keep up: too many entries wait to be written")]
    Busy,
    #[error("the audit log did not take the entry within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("the audit log could not be written: {0}")]
    NotWritten(String),
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("`{}` is not as it was written; restore it from a backup", file.display())]
    Key { file: PathBuf },
    #[error("`{}` is there, but the key that signs it, `{}`, is not; restore the key from a backup, or move the folder away to begin a new log", folder.display(), AUDIT_KEY_FILE)]
    KeyMissing { folder: PathBuf },
    #[error("the audit log is gone, but its key `{}` is there; restore `{FOLDER}` from a backup, or remove the key to begin a new log", file.display())]
    LogMissing { file: PathBuf },
    #[error("`{}` was written by a newer Mizzen; start that one", file.display())]
    Newer { file: PathBuf },
    #[error("`{}` is missing or damaged; `mizzen audit verify` tells more", file.display())]
    Missing { file: PathBuf },
    #[error("`{}` is not signed by the key of this log", file.display())]
    Foreign { file: PathBuf },
    #[error(
        "`{}` does not hold the {signed} entries that were signed: it was rolled back, cut or changed; restore it from a backup",
        folder.display()
    )]
    RolledBack { folder: PathBuf, signed: u64 },
    #[error("`{}` holds acknowledged entries and is damaged; restore it from a backup", file.display())]
    Journal { file: PathBuf },
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl AuditError {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

/// What the log did since it was opened, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditStatus {
    /// Entries on disk.
    pub size: u64,
    pub published: u64,
    /// Groups written, each with one `fdatasync`.
    pub groups: u64,
    /// Entries that nobody was told are lost, and are: a window that the disk broke.
    pub lost: u64,
    /// Why the last group could not be written, if it could not.
    pub failure: Option<String>,
}

/// The log. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct AuditLog(Arc<Writer>);

impl AuditLog {
    /// Opens the log in the data folder; the first start makes it, with a key of its own. What was acknowledged and
    /// not published before the last end is published now.
    ///
    /// # Errors
    /// When its files cannot be read or written, are not what was signed, or a newer Mizzen wrote them.
    pub fn open(data_dir: &DataDir, clock: Clock) -> Result<Self, AuditError> {
        Ok(Self(Arc::new(commit::open(data_dir, clock)?)))
    }

    /// Writes an entry down.
    ///
    /// # Errors
    /// When it is not, or may not be, on disk: then what it speaks of must not happen.
    pub async fn append(&self, entry: AuditEntry, durability: Durability) -> Result<Receipt, AuditError> {
        self.append_within(entry, durability, APPEND_TIMEOUT).await
    }

    async fn append_within(
        &self,
        entry: AuditEntry,
        durability: Durability,
        limit: Duration,
    ) -> Result<Receipt, AuditError> {
        let bytes = entry.encode()?;
        let Some(done) = self.0.enqueue(bytes, durability)? else { return Ok(Receipt { index: None }) };
        wait(done, limit).await
    }

    /// Writes down what `by` changes; it is on disk when this returns. To be called before the change is in force, or can be
    /// rolled back; only what narrows, such as a pause, may come first.
    ///
    /// # Errors
    /// When the entry is not on disk.
    pub async fn changed(
        &self,
        kind: Kind,
        by: Who,
        resource: String,
        details: &[(&str, &str)],
    ) -> Result<(), AuditError> {
        let mut entry = AuditEntry::new(self.now(), kind, by);
        entry.resource = Some(resource);
        for (name, value) in details {
            entry = entry.with(name, *value);
        }
        self.append_within(entry, Durability::Durable, CHANGE_TIMEOUT).await.map(|_| ())
    }

    /// For [`AuditEntry::arguments`]: equal arguments have equal hashes, and who does not have the log's secret
    /// cannot try out which arguments they are of.
    #[must_use]
    pub fn hash_arguments(&self, arguments: &Value) -> Option<String> {
        self.0.key.hash_arguments(arguments)
    }

    /// The time, for entries.
    #[must_use]
    pub fn now(&self) -> mizzen_model::time::Timestamp {
        self.0.clock.now()
    }

    /// The public key, as a verifier needs it.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        self.0.key.verifier()
    }

    /// The newest checkpoint; of size 0 and unsigned before the first.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.0.published.load_full()
    }

    /// The log's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    #[must_use]
    pub fn status(&self) -> AuditStatus {
        self.0.status()
    }

    /// Publishes everything that was appended before, and says what is published then.
    ///
    /// # Errors
    /// When the files cannot be written; what was published before stays.
    pub async fn publish(&self) -> Result<Arc<Published>, AuditError> {
        let writer = Arc::clone(&self.0);
        let published = tokio::task::spawn_blocking(move || {
            writer.settle();
            writer.publish()
        });
        let published = published.await;
        published.map_err(|error| AuditError::NotWritten(error.to_string()))?
    }
}

impl AuditLog {
    /// Starts the work that `config` asks for: asking witnesses, and removing old content.
    ///
    /// # Errors
    /// When a witness is not configured rightly.
    pub fn start(&self, config: &AuditConfig, client: HttpClient, tasks: &TaskGroup) -> Result<(), WitnessError> {
        let (witnesses, log) = (config.witnesses()?, self.clone());
        if !witnesses.is_empty() {
            tasks.spawn(TaskKind::Witnessing, |_| log.keep_witnessed(witnesses, client));
        }
        if config.retention_days > 0 {
            let (log, days) = (self.clone(), config.retention_days);
            tasks.spawn(TaskKind::Retention, move |_| log.keep_pruned(days));
        }
        Ok(())
    }

    async fn keep_pruned(self, days: u32) -> Result<(), BoxError> {
        const DAY_NANOS: i64 = 24 * 3_600 * 1_000_000_000;
        loop {
            let before = self.now().plus_nanos(-DAY_NANOS.saturating_mul(i64::from(days)));
            if let Err(error) = self.prune(before).await {
                tracing::error!(error = %Chain(&error), "old content of the audit log could not be removed");
            }
            tokio::time::sleep(PRUNE_INTERVAL).await;
        }
    }

    /// Publishes in steps of [`PUBLISH_INTERVAL`] until cancelled, and once more then.
    pub(crate) async fn keep_published(self, cancel: CancellationToken) -> Result<(), BoxError> {
        loop {
            let is_over = cancel.run_until_cancelled(tokio::time::sleep(PUBLISH_INTERVAL)).await.is_none();
            self.write_counted(self.now());
            let published = self.publish().await;
            if is_over {
                // What could not be published is in the journal, and is published at the next start.
                return published.map(|_| ()).map_err(Into::into);
            }
            if let Err(error) = published {
                tracing::error!(error = %Chain(&error), "the audit log could not publish a checkpoint");
            }
        }
    }
}

#[cfg(test)]
impl AuditLog {
    /// From now on the disk takes nothing more, or everything again.
    pub(crate) fn break_disk(&self, broken: bool) {
        self.0.set_fault(broken.then_some(journal::Fault::Write));
    }

    /// The disk answers nobody until this is dropped.
    pub(crate) fn stall_disk(&self) -> impl Sized {
        self.0.stall()
    }
}

async fn wait(done: oneshot::Receiver<Result<u64, String>>, limit: Duration) -> Result<Receipt, AuditError> {
    match tokio::time::timeout(limit, done).await {
        Err(_) => Err(AuditError::TimedOut(limit)),
        Ok(Ok(Ok(index))) => Ok(Receipt { index: Some(index) }),
        Ok(Ok(Err(cause))) => Err(AuditError::NotWritten(cause)),
        Ok(Err(_)) => Err(AuditError::NotWritten("its writer ended".to_owned())),
    }
}

/// A counter that is only looked at.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
