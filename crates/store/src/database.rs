//! The control database: SQLite in the data folder, or PostgreSQL by URL.
//!
//! Planes write one portable subset of SQL: columns of `TEXT`, `BIGINT` and `DOUBLE PRECISION`; placeholders
//! `$1`, `$2`…; upserts by `ON CONFLICT`; `CAST(SUM(…) AS BIGINT)`, because PostgreSQL sums integers to a type
//! that the common driver cannot carry; [`NullableDouble`] for a number that may be absent. A column that is compared by order or
//! prefix is declared `COLLATE "C"`: by code point on both. Instants are nanoseconds since the Unix epoch in a `BIGINT`.

mod double;
mod sqlite;

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Transaction};

pub use self::double::NullableDouble;
pub use self::sqlite::FILE as SQLITE_FILE;
use crate::data_dir::DataDir;
use crate::error::StoreError;
use crate::migrate::{self, Migration};

/// How long a caller waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections to PostgreSQL for each node; its default allows 100 in all.
const POSTGRES_CONNECTIONS_MAX: u32 = 10;

/// Which database, and where.
#[derive(Clone)]
pub struct StoreConfig {
    /// `postgres://…`; `None` for SQLite in the data folder.
    pub url: Option<String>,
    pub data_dir: DataDir,
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        let url = self.url.as_ref().map(|_| "[redacted]");
        f.debug_struct("StoreConfig").field("url", &url).field("data_dir", &self.data_dir).finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// The open database. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    /// Where changes begin. For SQLite one connection of its own: its pages stay in memory from one change to the next, where
    /// connections that take turns each forget theirs whenever another one has written, and who waits for it does so in a queue.
    writer: AnyPool,
    backend: Backend,
    /// Keeps the folder locked for as long as its database is open.
    _data_dir: DataDir,
}

impl Store {
    /// Connects, and brings the tables of all planes up to date.
    ///
    /// # Errors
    /// When the database does not answer, was written by a newer Mizzen, or a migration fails.
    pub async fn open(config: &StoreConfig, migrations: &[Migration]) -> Result<Self, StoreError> {
        install_default_drivers();
        let (pool, writer, backend) = match &config.url {
            None => {
                let (pool, writer) = sqlite::connect(&config.data_dir).await?;
                (pool, writer, Backend::Sqlite)
            }
            Some(url) => {
                let pool = connect_postgres(url).await?;
                (pool.clone(), pool, Backend::Postgres)
            }
        };
        let store = Self { pool, writer, backend, _data_dir: config.data_dir.clone() };
        migrate::run(&store, migrations).await?;
        Ok(store)
    }

    #[must_use]
    pub const fn pool(&self) -> &AnyPool {
        &self.pool
    }

    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.backend == Backend::Postgres
    }

    pub(crate) const fn backend(&self) -> Backend {
        self.backend
    }

    /// Begins a transaction that will write.
    ///
    /// SQLite must take its write lock at the start: a transaction that first reads and later writes is refused
    /// at once, without waiting, when another has written in between.
    ///
    /// # Errors
    /// When there is no connection, or other changes took longer than 5 seconds.
    pub async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        match self.backend {
            Backend::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| match error {
                // Nothing is wrong with the database: other changes had its only writer.
                sqlx::Error::PoolTimedOut => StoreError::Busy(error),
                error => error.into(),
            }),
            Backend::Postgres => Ok(self.writer.begin().await?),
        }
    }

    /// `(…), (…)`: the places of so many rows of values in a statement that has no other places. SQLite's have no numbers: it
    /// finds each number by walking over those before it.
    #[must_use]
    pub fn values(&self, rows: usize, columns: usize) -> String {
        let place = |at: usize| match self.backend {
            Backend::Sqlite => "?".to_owned(),
            Backend::Postgres => format!("${}", at + 1),
        };
        let row = |row: usize| (row * columns..(row + 1) * columns).map(place).collect::<Vec<_>>().join(", ");
        (0..rows).map(|at| format!("({})", row(at))).collect::<Vec<_>>().join(", ")
    }

    /// Tries whether a change can be committed, with one that leaves nothing behind.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        // Of one and the same row PostgreSQL would have every node wait for the slowest.
        let number = if self.is_postgres() { "pg_backend_pid()" } else { "0" };
        let mut change = self.begin().await?;
        for sql in [
            format!("INSERT INTO mizzen_migrations (plane, version, digest) VALUES ('', {number}, '')"),
            format!("DELETE FROM mizzen_migrations WHERE plane = '' AND version = {number}"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *change).await?;
        }
        Ok(change.commit().await?)
    }

    /// Writes a consistent copy of the SQLite database to a new file (mode 0600), while others read and write.
    ///
    /// # Errors
    /// When `path` exists, the disk is full, or the database is PostgreSQL.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        if self.is_postgres() {
            return Err(StoreError::BackupOfPostgres);
        }
        // `VACUUM INTO` accepts an empty file, and only we can say with which mode it is made.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        made.map_err(|source| StoreError::BackupFile { path: path.to_owned(), source })?;
        let copied = sqlx::query("VACUUM INTO $1").bind(path.display().to_string()).execute(&self.pool).await;
        if copied.is_err() {
            // Half a copy must not be taken for one; that it cannot be removed is no worse than the error itself.
            let (Ok(()) | Err(_)) = std::fs::remove_file(path);
        }
        copied?;
        Ok(())
    }

    /// Closes all connections after their statements.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }
}

/// Whether the URL is one of PostgreSQL that can be connected to, without connecting.
///
/// # Errors
/// When it is not.
pub fn check(url: &str) -> Result<(), StoreError> {
    let scheme = url.split_once("://").map_or(url, |(scheme, _)| scheme);
    if !matches!(scheme, "postgres" | "postgresql") {
        // What is no scheme may be anything, a password too.
        let shown = scheme.chars().take(20).take_while(char::is_ascii_alphanumeric).collect();
        return Err(StoreError::UnknownDatabase(shown));
    }
    url.parse::<PgConnectOptions>().map(drop).map_err(StoreError::Address)
}

async fn connect_postgres(url: &str) -> Result<AnyPool, StoreError> {
    check(url)?;
    // As for SQLite: a refused password is told at once and as what it is.
    AnyConnection::connect(url).await?.close().await?;
    let options = AnyPoolOptions::new().max_connections(POSTGRES_CONNECTIONS_MAX).acquire_timeout(ACQUIRE_TIMEOUT);
    Ok(options.connect(url).await?)
}

#[cfg(test)]
mod tests;
