//! Whether work can be taken: what has to be on disk before an answer is tried, each time somebody asks.
//!
//! What failed a moment ago says little: where nobody is sent any more, nothing would ever be written again that works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mizzen_control::audit::JOURNAL_FOLDER;
use mizzen_runtime::error::Chain;
use mizzen_store::data_dir::DataDirError;
use mizzen_store::{DataDir, StoreError};
use tokio::sync::{Mutex, Semaphore};

use crate::state::PortalState;

/// How long an answer counts: whoever asks more often makes nobody write more often.
const KEPT: Duration = Duration::from_secs(1);
/// What takes longer does not work.
const DISK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the store waits for a connection and for another writer of SQLite's file.
const FILE_TIMEOUT: Duration = Duration::from_secs(16);
/// A server on the network takes its writers beside each other. Who asks gets an answer within two seconds.
const SERVER_TIMEOUT: Duration = Duration::from_millis(1_500);
/// What is on disk before a sender or an upstream hears of it.
const FOLDERS: [(&str, &str); 2] = [("wal", "the write-ahead log"), (JOURNAL_FOLDER, "the audit log")];

type Verdict = Result<(), String>;

#[derive(Debug)]
pub(crate) struct Readiness {
    /// Held while it is tried: who asks meanwhile gets the same answer.
    last: Mutex<Option<(Instant, Verdict)>>,
    /// A disk that hangs holds one thread, however often it is asked for.
    disk: Arc<Semaphore>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self { last: Mutex::default(), disk: Arc::new(Semaphore::new(1)) }
    }
}

impl Readiness {
    /// `Err` says what cannot be written, and why; without paths, for anybody may ask.
    pub(crate) async fn check(&self, state: &PortalState) -> Verdict {
        let mut last = self.last.lock().await;
        if let Some((at, verdict)) = last.as_ref()
            && at.elapsed() < KEPT
        {
            return verdict.clone();
        }
        let (disk, database) = tokio::join!(self.disk(state), database(state));
        let problems: Vec<String> = disk.into_iter().chain(database).collect();
        let verdict = if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) };
        match (last.as_ref().map(|(_, verdict)| verdict), &verdict) {
            (Some(Err(_)), Ok(())) => tracing::info!("ready again: everything can be written"),
            (None | Some(Ok(())), Err(why)) => tracing::error!(why, "not ready"),
            _ => {}
        }
        *last = Some((Instant::now(), verdict.clone()));
        verdict
    }

    async fn disk(&self, state: &PortalState) -> Vec<String> {
        if state.telemetry.is_log_stopped() {
            return vec!["the write-ahead log takes nothing since a sync failed; it goes on by itself once its disk takes a new file".to_owned()];
        }
        let hangs = || vec!["the disk of the data folder does not answer".to_owned()];
        let tried = async {
            // Who asked before and hung up may have left it being tried.
            let permit = Arc::clone(&self.disk).acquire_owned().await.ok()?;
            let data_dir = state.data_dir.clone();
            let tried = tokio::task::spawn_blocking(move || {
                let _until_done = permit;
                try_folders(&data_dir)
            });
            tried.await.ok()
        };
        tokio::time::timeout(DISK_TIMEOUT, tried).await.ok().flatten().unwrap_or_else(hangs)
    }
}

fn try_folders(data_dir: &DataDir) -> Vec<String> {
    let problem = |(folder, what): &(&str, &str)| {
        let error = data_dir.check_writable(folder).err()?;
        tracing::debug!(error = %Chain(&error), "a folder takes no files");
        let why = match error {
            DataDirError::Full { .. } => "no space is left on its disk",
            DataDirError::ReadOnly { .. } => "its folder is read-only",
            _ => "its disk does not work",
        };
        Some(format!("{what} cannot be written: {why}"))
    };
    FOLDERS.iter().filter_map(problem).collect()
}

async fn database(state: &PortalState) -> Option<String> {
    let timeout = if state.store.is_postgres() { SERVER_TIMEOUT } else { FILE_TIMEOUT };
    match tokio::time::timeout(timeout, state.store.check_writable()).await {
        // Somebody else has the lock: it is being written.
        Ok(Ok(()) | Err(StoreError::Busy(_))) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the control database does not answer".to_owned()),
    }
}
