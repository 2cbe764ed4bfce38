//! Whether work can be taken: what has to be on disk before an answer is tried, each time somebody asks and at intervals for
//! `/metrics`.
//!
//! What failed a moment ago says little: where nobody is sent any more, nothing would ever be written again that works.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mizzen_control::audit::JOURNAL_FOLDER;
use mizzen_runtime::error::Chain;
use mizzen_runtime::metrics::{Gauge, Metrics};
use mizzen_runtime::task::TaskKind;
use mizzen_store::data_dir::DataDirError;
use mizzen_store::{DataDir, StoreError};
use tokio::sync::{Mutex, Semaphore};

use crate::app::App;
use crate::state::PortalState;

const INTERVAL: Duration = Duration::from_secs(15);

/// How long an answer counts: whoever asks more often makes nobody write more often.
const KEPT: Duration = Duration::from_secs(1);
/// What takes longer does not work.
const DISK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the store waits for a connection and for another writer of SQLite's file.
const FILE_TIMEOUT: Duration = Duration::from_secs(16);
/// A server on the network takes its writers beside each other. Who asks gets an answer within two seconds.
const SERVER_TIMEOUT: Duration = Duration::from_millis(1_500);
/// What is on disk before a sender or an upstream hears of it: its folder, what people call it, and its name in metrics.
const FOLDERS: [(&str, &str, &str); 2] =
    [("wal", "the write-ahead log", "write_ahead_log"), (JOURNAL_FOLDER, "the audit log", "audit_log")];
const DATABASE: &str = "control_database";

type Verdict = Result<(), String>;

/// What cannot be written, by its name in metrics, and why.
type Problem = (&'static str, String);

#[derive(Debug)]
pub(crate) struct Readiness {
    /// Held while it is tried: who asks meanwhile gets the same answer.
    last: Mutex<Option<(Instant, Verdict)>>,
    /// A disk that hangs holds one thread, however often it is asked for.
    disk: Arc<Semaphore>,
    writable: [(&'static str, Gauge); 3],
}

impl Readiness {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let help = "Whether what must be on disk before an answer could be written at the last look, which is tried every 15 seconds.";
        let [(_, _, wal), (_, _, audit_log)] = FOLDERS;
        let writable =
            [DATABASE, audit_log, wal].map(|what| (what, metrics.gauge("mizzen_writable", help, &[("what", what)])));
        writable.iter().for_each(|(_, gauge)| gauge.set(1));
        Self { last: Mutex::default(), disk: Arc::new(Semaphore::new(1)), writable }
    }

    /// `Err` says what cannot be written, and why; without paths, for anybody may ask.
    pub(crate) async fn check(&self, state: &PortalState) -> Verdict {
        let mut last = self.last.lock().await;
        if let Some((at, verdict)) = last.as_ref()
            && at.elapsed() < KEPT
        {
            return verdict.clone();
        }
        let (disk, database) = tokio::join!(self.disk(state), database(state));
        let problems: Vec<Problem> = disk.into_iter().chain(database.map(|why| (DATABASE, why))).collect();
        self.tell(&problems, state.control.audit().status().failure.is_none());
        let why: Vec<String> = problems.into_iter().map(|(_, why)| why).collect();
        let verdict = if why.is_empty() { Ok(()) } else { Err(why.join("; ")) };
        match (last.as_ref().map(|(_, verdict)| verdict), &verdict) {
            (Some(Err(_)), Ok(())) => tracing::info!("ready again: everything can be written"),
            (None | Some(Ok(())), Err(why)) => tracing::error!(why, "not ready"),
            _ => {}
        }
        *last = Some((Instant::now(), verdict.clone()));
        verdict
    }

    /// The audit log may fail on the file that it writes where others can be made.
    fn tell(&self, problems: &[Problem], audit_works: bool) {
        let [_, (_, _, audit_log)] = FOLDERS;
        for (what, gauge) in &self.writable {
            let works = problems.iter().all(|(problem, _)| problem != what);
            gauge.set((works && (audit_works || *what != audit_log)).into());
        }
    }

    async fn disk(&self, state: &PortalState) -> Vec<Problem> {
        let mut problems = self.folders(state).await;
        if state.telemetry.is_log_stopped() {
            let [(_, _, wal), _] = FOLDERS;
            let why = "the write-ahead log takes nothing since a sync failed; it goes on by itself once its disk takes a new file";
            problems.retain(|(what, _)| *what != wal);
            problems.insert(0, (wal, why.to_owned()));
        }
        problems
    }

    async fn folders(&self, state: &PortalState) -> Vec<Problem> {
        let hangs =
            || FOLDERS.map(|(_, title, what)| (what, format!("{title} cannot be written: its disk does not answer")));
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
        tokio::time::timeout(DISK_TIMEOUT, tried).await.ok().flatten().unwrap_or_else(|| hangs().into())
    }
}

/// Looks at intervals, so that `/metrics` tells it also where nobody asks.
pub(crate) fn watch(app: Arc<App>) {
    let tasks = app.state.tasks.clone();
    tasks.spawn(TaskKind::Watch, |_| async move {
        loop {
            app.readiness.check(&app.state).await.ok();
            tokio::time::sleep(INTERVAL).await;
        }
    });
}

fn try_folders(data_dir: &DataDir) -> Vec<Problem> {
    let problem = |&(folder, title, what): &(&str, &str, &'static str)| {
        let error = data_dir.check_writable(folder).err()?;
        tracing::debug!(error = %Chain(&error), "a folder takes no files");
        let why = match error {
            DataDirError::Full { .. } => "no space is left on its disk",
            DataDirError::ReadOnly { .. } => "its folder is read-only",
            _ => "its disk does not work",
        };
        Some((what, format!("{title} cannot be written: {why}")))
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
