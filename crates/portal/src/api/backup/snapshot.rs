//! The state of one instant, held still while it is sent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryStreamExt as _;
use http::StatusCode;
use mizzen_control::audit::files::CHECKPOINT;
use mizzen_control::audit::{AUDIT_KEY_FILE, FOLDER as AUDIT};
use mizzen_store::StoreError;
use mizzen_telemetry::{Signal, TableSnapshot};
use object_store::{ObjectStoreExt as _, path::Path as ObjectPath};
use tokio::fs;
use tokio_util::io::ReaderStream;

use super::tar_stream::{TarError, TarStream};
use crate::error::ApiError;
use crate::state::PortalState;

/// Names within the archive are those of the data folder.
const DATABASE: &str = "mizzen.db";
const LOG: &str = "wal";
const SEGMENTS: &str = "segments";
/// Small files that a restored folder needs. The administration token is made anew by its first start.
const FILES: [&str; 3] = ["format", "secret.key", AUDIT_KEY_FILE];
/// Where copies rest while they are sent.
const COPIES: &str = "backup";
/// A flush or a merge may come in between; this often that is tried again.
const ATTEMPTS_MAX: u32 = 10;
/// Time for a change of segments that is in the database already to be seen by readers too.
const SETTLE: Duration = Duration::from_millis(100);

/// A consistent copy. The files of segments stay for as long as it is held.
pub(super) struct Snapshot {
    state: PortalState,
    copies: PathBuf,
    segments: Vec<TableSnapshot>,
    /// Files of the audit log as of its checkpoint, by name.
    audit: Vec<String>,
}

impl Snapshot {
    /// Copies database and log, and holds the segments.
    ///
    /// # Errors
    /// When the disk fails, or the control database is PostgreSQL, which has tools of its own.
    pub(super) async fn take(state: &PortalState) -> Result<Self, ApiError> {
        // Not needed for a whole backup, but what is in segments is smaller and need not be replayed.
        state.telemetry.flush().await?;
        let copies = state.data_dir.join(COPIES);
        // What was acknowledged is part of the copy. Its files never change, but for the checkpoint, which is copied.
        let (checkpoint, audit) = state.control.audit().files_of_copy().await?;
        for _ in 0..ATTEMPTS_MAX {
            let held = segments(state).await;
            let snapshot = Self { state: state.clone(), copies: copies.clone(), segments: held, audit: audit.clone() };
            snapshot.remove().await;
            state.data_dir.folder(COPIES).map_err(ApiError::internal)?;
            state.store.backup_to(&copies.join(DATABASE)).await.map_err(refused)?;
            fs::write(copies.join(CHECKPOINT), &checkpoint).await.map_err(ApiError::internal)?;
            let is_whole = snapshot.copy_log().await.map_err(ApiError::internal)?;
            tokio::time::sleep(SETTLE).await;
            // The database names the segments, and the log holds what is in none of them: all three fit together
            // when no segment came or went while the others were copied.
            if is_whole && snapshot.paths() == paths(&segments(state).await) {
                return Ok(snapshot);
            }
            snapshot.remove().await;
        }
        Err(ApiError::Refused {
            status: StatusCode::CONFLICT,
            code: "busy",
            message: "storage is changing too fast to be copied; try again".to_owned(),
        })
    }

    /// Copies the write-ahead log; `false` when a file of it has gone meanwhile. A record that is being written may
    /// be cut off in the copy: nobody was told yet that it is safe.
    async fn copy_log(&self) -> std::io::Result<bool> {
        let (from, to) = (self.state.data_dir.join(LOG), self.copies.join(LOG));
        fs::create_dir(&to).await?;
        for name in names(&from).await? {
            match fs::copy(from.join(&name), to.join(&name)).await {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    pub(super) async fn write(&self, archive: &mut TarStream) -> Result<(), TarError> {
        for name in FILES {
            write_file(archive, name, &self.state.data_dir.join(name)).await?;
        }
        write_file(archive, DATABASE, &self.copies.join(DATABASE)).await?;
        let log = self.copies.join(LOG);
        for name in names(&log).await.map_err(|error| unreadable(LOG, error))? {
            write_file(archive, &format!("{LOG}/{name}"), &log.join(&name)).await?;
        }
        write_file(archive, &format!("{AUDIT}/{CHECKPOINT}"), &self.copies.join(CHECKPOINT)).await?;
        for file in &self.audit {
            self.write_audit(archive, file).await?;
        }
        for path in self.paths() {
            let name = format!("{SEGMENTS}/{path}");
            let content = |source| TarError::Content { name: name.clone(), source };
            let object = self.state.objects.get(&ObjectPath::from(path)).await.map_err(content)?;
            archive.stream(&name, object.meta.size, object.into_stream()).await?;
        }
        Ok(())
    }

    /// A partial tile may have made way for the full one since: the verifier takes it as well.
    async fn write_audit(&self, archive: &mut TarStream, file: &str) -> Result<(), TarError> {
        let folder = self.state.data_dir.join(AUDIT);
        let full = file.split_once(".p/").map_or(file, |(full, _)| full);
        let name = if fs::try_exists(folder.join(file)).await.unwrap_or(false) { file } else { full };
        write_file(archive, &format!("{AUDIT}/{name}"), &folder.join(name)).await
    }

    fn paths(&self) -> Vec<String> {
        paths(&self.segments)
    }

    /// Removes the copies, also those of a backup that was cut short. What cannot be removed now is so by the next.
    pub(super) async fn remove(&self) {
        match fs::remove_dir_all(&self.copies).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "copies of a backup are left in the data folder");
            }
            _ => {}
        }
    }
}

async fn segments(state: &PortalState) -> Vec<TableSnapshot> {
    let mut tables = vec![];
    for signal in [Signal::Spans, Signal::Logs, Signal::Metrics] {
        tables.push(state.telemetry.table(signal).await);
    }
    tables
}

fn paths(tables: &[TableSnapshot]) -> Vec<String> {
    let segments = tables.iter().flat_map(|table| &table.segments);
    let mut paths: Vec<String> = segments.map(|segment| segment.path.clone()).collect();
    paths.sort_unstable();
    paths
}

/// Names of the plain files of a folder, in order.
async fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut entries = fs::read_dir(folder).await?;
    let mut names = vec![];
    while let Some(entry) = entries.next_entry().await? {
        if entry.file_type().await?.is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort_unstable();
    Ok(names)
}

async fn write_file(archive: &mut TarStream, name: &str, path: &Path) -> Result<(), TarError> {
    let opened = async {
        let file = fs::File::open(path).await?;
        let bytes = file.metadata().await?.len();
        Ok((file, bytes))
    };
    let (file, bytes) = opened.await.map_err(|error| unreadable(name, error))?;
    archive.stream(name, bytes, ReaderStream::new(file).map_err(generic)).await
}

fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::BackupOfPostgres => {
            ApiError::Refused { status: StatusCode::CONFLICT, code: "postgres", message: error.to_string() }
        }
        _ => ApiError::internal(error),
    }
}

fn generic(error: std::io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "data folder", source: error.into() }
}

fn unreadable(name: &str, error: std::io::Error) -> TarError {
    TarError::Content { name: name.to_owned(), source: generic(error) }
}
