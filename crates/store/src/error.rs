//! What can go wrong with the control database, told by what a person can do about it.

/// Why the control state could not be read or changed. After an error, nothing of the change was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the disk of the control database is full; free some space")]
    Full(#[source] sqlx::Error),
    #[error("the control database is read-only; check the owner and mount of the data folder")]
    ReadOnly(#[source] sqlx::Error),
    #[error("the control database stayed locked by another writer; try again")]
    Busy(#[source] sqlx::Error),
    #[error(
        "the PostgreSQL database `{database}` is in use by another Mizzen{}; stop that one, or give this one a database \
         or schema of its own with `store.url`",
        session.map(|session| format!(" (session {session})")).unwrap_or_default()
    )]
    InUse {
        database: String,
        /// The process id of its session in the server, as in `pg_stat_activity`.
        session: Option<i32>,
    },
    #[error("the control database does not answer; check that it runs and that its URL is right")]
    Unavailable(#[source] sqlx::Error),
    #[error("the control database is damaged; restore a backup with `mizzen restore`")]
    Damaged(#[source] sqlx::Error),
    #[error("the control database refused a statement")]
    Sql(#[source] sqlx::Error),
    #[error("the address of the control database cannot be used; it is `postgres://user:password@host:port/database`")]
    Address(#[source] sqlx::Error),
    #[error("unknown kind of database `{0}`; use `postgres://…`, or no URL for SQLite in the data folder")]
    UnknownDatabase(String),
    #[error(
        "the control database has version {found} of `{plane}`, but this Mizzen knows up to {known}; \
         start the newer Mizzen that wrote it, or restore a backup made before"
    )]
    Newer { plane: String, found: i64, known: u32 },
    #[error("migration {version} of `{plane}` was changed after it was applied; a change needs a new version")]
    MigrationChanged { plane: &'static str, version: u32 },
    #[error("the migrations of `{plane}` must be numbered 1, 2, 3 and so on; found {version} where {expected} belongs")]
    MigrationOrder { plane: &'static str, version: u32, expected: u32 },
    #[error("migration {version} of `{plane}` failed; nothing was changed")]
    Migration {
        plane: &'static str,
        version: u32,
        #[source]
        source: Box<StoreError>,
    },
    #[error(
        "a backup holds only SQLite still, not PostgreSQL; stop Mizzen, then take `pg_dump` of the database, `format`, \
         `secret.key`, `audit.key`, `audit/`, `audit-journal/` and `wal/` of the data folder, and the segments (`segments/` there, or the bucket)"
    )]
    BackupOfPostgres,
    #[error("cannot write the copy of the control database to `{}`", path.display())]
    BackupFile {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed a little later without anybody's help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_))
    }

    const fn outage(&self) -> Option<Outage> {
        match self {
            Self::Full(_) => Some(Outage::Full),
            Self::ReadOnly(_) => Some(Outage::ReadOnly),
            error if error.is_transient() => Some(Outage::Away),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        match (&error, code.as_deref()) {
            (sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_), _) => Self::Unavailable(error),
            (_, Some(code)) => Self::of_code(code)(error),
            _ => Self::Sql(error),
        }
    }
}

/// What keeps the control database from working until somebody or something else has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It does not answer at the moment.
    Away,
    Full,
    ReadOnly,
}

/// The outage of the control database that is behind `error`.
#[must_use]
pub fn outage(error: &(dyn std::error::Error + 'static)) -> Option<Outage> {
    let mut causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.find_map(|cause| match (cause.downcast_ref::<StoreError>(), cause.downcast_ref::<sqlx::Error>()) {
        (Some(error), _) => error.outage(),
        (_, Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_))) => Some(Outage::Away),
        (_, Some(error)) => {
            let code = error.as_database_error().and_then(|error| error.code())?;
            StoreError::of_code(&code)(sqlx::Error::RowNotFound).outage()
        }
        (None, None) => None,
    })
}

impl StoreError {
    /// SQLite tells (extended) result codes as decimal numbers, PostgreSQL five-character SQLSTATEs.
    fn of_code(code: &str) -> fn(sqlx::Error) -> Self {
        if code.len() == 5 {
            return match code {
                "53100" => Self::Full,
                "25006" => Self::ReadOnly,
                // serialization_failure, deadlock_detected, lock_not_available
                "40001" | "40P01" | "55P03" => Self::Busy,
                // too_many_connections, then shutdowns, then connection exceptions
                "53300" | "57P01" | "57P02" | "57P03" => Self::Unavailable,
                _ if code.starts_with("08") => Self::Unavailable,
                _ => Self::Sql,
            };
        }
        // The primary code is the low byte of the extended one (https://sqlite.org/rescode.html).
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => Self::Busy,
            Ok(8) => Self::ReadOnly,
            Ok(10 | 14) => Self::Unavailable,
            Ok(11 | 26) => Self::Damaged,
            Ok(13) => Self::Full,
            _ => Self::Sql,
        }
    }
}
