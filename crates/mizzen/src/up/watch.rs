//! What alerts are made of: which binary this is, and whether what must be written can be.

use std::time::Duration;

use mizzen_control::audit::{AuditLog, JOURNAL_FOLDER};
use mizzen_runtime::metrics::{Gauge, Metrics};
use mizzen_runtime::task::{TaskGroup, TaskKind};
use mizzen_store::{DataDir, Store, StoreError};
use mizzen_telemetry::Telemetry;
use tokio::task::JoinHandle;

use super::planes::Planes;

const INTERVAL: Duration = Duration::from_secs(15);
/// What takes longer does not work; longer than the store waits for a connection.
const TIMEOUT: Duration = Duration::from_secs(16);
const WAL_FOLDER: &str = "wal";
/// What a release or an image sets when it is built.
const REVISION: Option<&str> = option_env!("MIZZEN_REVISION");

/// Starts to watch.
pub(super) fn start(planes: &Planes) {
    let build = [("version", env!("CARGO_PKG_VERSION")), ("revision", REVISION.unwrap_or("unknown"))];
    planes.metrics.gauge("mizzen_build_info", "Always 1; which binary runs.", &build).set(1);
    let watch = Watch {
        store: planes.store.clone(),
        audit: planes.control.audit().clone(),
        telemetry: planes.telemetry.clone(),
        data_dir: planes.data_dir.clone(),
        writable: Writable::new(&planes.metrics),
    };
    watch.start(&planes.tasks);
}

/// The last look, 1 or 0 each. `/readyz` tries the same.
#[derive(Debug)]
struct Writable {
    database: Gauge,
    audit_log: Gauge,
    wal: Gauge,
}

impl Writable {
    fn new(metrics: &Metrics) -> Self {
        let help = "Whether what must be on disk before an answer could be written at the last look, every 15 seconds; not ready where one is 0.";
        let gauge = |what| {
            let gauge = metrics.gauge("mizzen_writable", help, &[("what", what)]);
            gauge.set(1);
            gauge
        };
        Self { database: gauge("control_database"), audit_log: gauge("audit_log"), wal: gauge("write_ahead_log") }
    }
}

struct Watch {
    store: Store,
    audit: AuditLog,
    telemetry: Telemetry,
    data_dir: DataDir,
    writable: Writable,
}

impl Watch {
    fn start(self, tasks: &TaskGroup) {
        tasks.spawn(TaskKind::Watch, |_| async move {
            let mut trying = None;
            loop {
                self.look(&mut trying).await;
                tokio::time::sleep(INTERVAL).await;
            }
        });
    }

    async fn look(&self, trying: &mut Option<JoinHandle<[bool; 2]>>) {
        let (database, [audit_log, wal]) = tokio::join!(is_writable(&self.store), self.take_files(trying));
        self.writable.database.set(database.into());
        self.writable.audit_log.set((audit_log && self.audit.status().failure.is_none()).into());
        self.writable.wal.set((wal && !self.telemetry.is_log_stopped()).into());
    }

    /// Whether these folders do. A disk that hangs holds one thread, however often it is looked at.
    async fn take_files(&self, trying: &mut Option<JoinHandle<[bool; 2]>>) -> [bool; 2] {
        let data_dir = self.data_dir.clone();
        let tried = trying.get_or_insert_with(|| {
            let try_folder = move |folder| data_dir.check_writable(folder).is_ok();
            tokio::task::spawn_blocking(move || [JOURNAL_FOLDER, WAL_FOLDER].map(try_folder))
        });
        let Ok(done) = tokio::time::timeout(TIMEOUT, tried).await else { return [false; 2] };
        *trying = None;
        done.unwrap_or([false; 2])
    }
}

async fn is_writable(store: &Store) -> bool {
    // Somebody else has the lock: it is being written.
    matches!(tokio::time::timeout(TIMEOUT, store.check_writable()).await, Ok(Ok(()) | Err(StoreError::Busy(_))))
}

#[cfg(test)]
mod tests {
    use super::is_writable;

    #[tokio::test]
    async fn a_database_that_takes_nothing_is_told() {
        for test in mizzen_store::testing::stores(&[]).await {
            assert!(is_writable(&test.store).await, "{}", test.name);
            test.store.close().await;
            assert!(!is_writable(&test.store).await, "{}", test.name);
        }
    }
}
