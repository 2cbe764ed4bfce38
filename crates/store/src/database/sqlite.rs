//! SQLite in the data folder.

use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mizzen_model::percent;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection as _};

use super::ACQUIRE_TIMEOUT;
use crate::data_dir::DataDir;
use crate::error::StoreError;

/// The name of the database in the data folder, and of its copy in a backup.
pub const FILE: &str = "mizzen.db";
/// Each connection is a thread. These read, and make changes of one statement.
pub(super) const CONNECTIONS_MAX: u32 = 4;
/// How long a change waits for those before it; as long as `busy_timeout` waits for other processes.
const WRITER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages that the connection for changes keeps, in KiB: what changes all the time, the ends of tables and the upper parts of indexes.
const WRITER_CACHE_KIB: u32 = 8 << 10;

/// * `WAL`: readers and the writer do not wait for each other.
/// * `synchronous=FULL`: a commit is synced before it is answered. `NORMAL` would lose the last commits with the
///   power, and here are revoked keys and spent links, which must not come back. Writes are rare enough to pay.
/// * `secure_delete`: what is deleted is overwritten, because titles of runs are content and deleting means gone.
/// * `busy_timeout`: wait for another writer instead of failing.
/// * `journal_size_limit`: one large transaction must not leave a large log behind for good.
/// * `temp_store`: what undoes a statement of many rows is kept in memory, not in a file that is written for nothing.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                       PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
                       PRAGMA journal_size_limit = 1048576;";

/// The connections that read, and the one that changes begin on.
pub(super) async fn connect(data_dir: &DataDir) -> Result<(AnyPool, AnyPool), StoreError> {
    let path = data_dir.join(FILE);
    // SQLite gives its log the mode of the database, so the mode is settled before SQLite makes either.
    let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    made.map_err(sqlx::Error::Io)?;
    let url = url(&path);
    // A pool tries again until its timeout, and then tells of nothing else. The first connection tells what is wrong.
    let mut first = AnyConnection::connect(&url).await?;
    sqlx::raw_sql(PRAGMAS).execute(&mut first).await?;
    first.close().await?;
    let readers = pool(&url, CONNECTIONS_MAX, ACQUIRE_TIMEOUT, PRAGMAS.to_owned()).await?;
    let pragmas = format!("{PRAGMAS} PRAGMA cache_size = -{WRITER_CACHE_KIB};");
    let writer = pool(&url, 1, WRITER_TIMEOUT, pragmas).await?;
    Ok((readers, writer))
}

/// A change that SQLite itself rolled back, because the disk was full, leaves a connection that takes itself for being in one, and
/// begins no other: it makes way for a new one.
async fn is_usable(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // A change that was dropped is rolled back by now.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn pool(url: &str, connections: u32, timeout: Duration, pragmas: String) -> Result<AnyPool, StoreError> {
    let pragmas: Arc<str> = pragmas.into();
    let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(timeout);
    let options = options.test_before_acquire(false).before_acquire(|connection, _| Box::pin(is_usable(connection)));
    let options = options.after_connect(move |connection, _| {
        let pragmas = AssertSqlSafe(Arc::clone(&pragmas));
        Box::pin(async move { sqlx::raw_sql(pragmas).execute(connection).await.map(|_| ()) })
    });
    Ok(options.connect(url).await?)
}

/// The path as an URL: whatever is not plain is percent-encoded, so that a `?` in a folder's name stays a name.
fn url(path: &Path) -> String {
    format!("sqlite://{}", percent::encode_path(path.as_os_str().as_bytes()))
}
