//! A backup while the server runs: one tar stream that `mizzen restore` unpacks into an empty data folder.

mod snapshot;
mod tar_stream;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use mizzen_control::audit::Kind;
use mizzen_control::sign_in::Session;
use mizzen_runtime::task::TaskKind;
use tokio::sync::mpsc;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use snapshot::Snapshot;
use tar_stream::{TarError, TarStream};

/// First entry of every backup: its name says what it is, its content which version of the format.
const MARKER: &str = "mizzen-backup";
const FORMAT: &str = "1\n";
/// Chunks that wait for a slow reader; each is at most what object storage hands out at once.
const CHUNKS_MAX: usize = 8;

/// Back up everything
///
/// A tar archive of the control database, the key that encrypts providers' keys, and all segments, as of one
/// instant. Whoever holds it holds the prompts and the providers' keys. The administration token and the
/// sessions are not part of it.
#[utoipa::path(get, path = "/api/v1/backup", tag = "system", operation_id = "make_backup",
    responses((status = 200, description = "the archive", content_type = "application/x-tar"),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn backup(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
) -> Result<Response, ApiError> {
    let running = Arc::clone(&app.backups).try_acquire_owned().map_err(|_| ApiError::Refused {
        status: StatusCode::CONFLICT,
        code: "busy",
        message: "another backup is being made; wait for its end".to_owned(),
    })?;
    let snapshot = Snapshot::take(&app.state).await?;
    if let Err(error) = app.record(&session, Kind::BackupMade, "backup").await {
        snapshot.remove().await;
        return Err(error);
    }
    let (sender, mut chunks) = mpsc::channel(CHUNKS_MAX);
    app.state.tasks.spawn(TaskKind::Backup, |_| async move {
        let mut archive = TarStream::new(sender);
        let written = write(&snapshot, &mut archive).await;
        snapshot.remove().await;
        drop(running);
        if let Err(error) = written {
            // The reader must see that this is not the end.
            archive.fail(&error).await;
            return Err(error.into());
        }
        Ok(())
    });
    let body = Body::from_stream(stream::poll_fn(move |context| chunks.poll_recv(context)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"mizzen-backup.tar\"")),
    ];
    Ok((headers, body).into_response())
}

async fn write(snapshot: &Snapshot, archive: &mut TarStream) -> Result<(), TarError> {
    archive.file(MARKER, FORMAT.into()).await?;
    snapshot.write(archive).await?;
    archive.finish().await
}
