//! One process to a database: a session of PostgreSQL holds an advisory lock for as long as the process lives.
//!
//! Planes keep in memory what they write, and tidy up at their start after the process before: a second process would revoke the
//! keys of the first one and end its experiments. SQLite needs nothing here, because the data folder is locked.
//!
//! The lock is of `mizzen up`, not of every [`Store`](crate::Store): whatever else opens the database goes on working.

use std::time::Duration;

use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::database::{self, StoreConfig};
use crate::error::StoreError;

/// Any fixed number will do. The schema's own number is added: one database may have several Mizzens, each with a schema.
const LOCK: i64 = 0x6d7a_0000_0000_0000;
/// How often the session is looked at.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// How long the server may take for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The session of a process that has just ended may take a moment to end too.
const TRIES: u32 = 10;
const TRY_PAUSE: Duration = Duration::from_millis(300);
/// Between attempts to get a lost session back.
const REGAIN_PAUSE: Duration = Duration::from_secs(1);

/// The server notices within about a minute that the machine of a session is gone, instead of after hours.
const KEEP_ALIVE: &str = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

const TRY: &str = "SELECT pg_try_advisory_lock(CAST($1 AS BIGINT)
    + COALESCE((SELECT CAST(oid AS BIGINT) FROM pg_namespace WHERE nspname = current_schema()), 0)) AS is_held,
    pg_backend_pid() AS session, CAST(current_database() AS TEXT) AS database";

const HOLDER: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND CAST(classid AS BIGINT) * 4294967296 + CAST(objid AS BIGINT) = CAST($1 AS BIGINT)
    + COALESCE((SELECT CAST(oid AS BIGINT) FROM pg_namespace WHERE nspname = current_schema()), 0)";

/// The database is this process's until this is dropped.
#[derive(Debug)]
pub struct Claim {
    config: StoreConfig,
    /// `None` with SQLite.
    held: Option<Held>,
}

/// The session that holds the lock, and its number in the server.
#[derive(Debug)]
struct Held {
    /// `None` while a new one is wanted.
    connection: Option<AnyConnection>,
    session: i32,
}

impl Claim {
    /// Takes the database. To be called before it is opened, so that nobody migrates what another one uses.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; else when it does not answer.
    pub async fn take(config: &StoreConfig) -> Result<Self, StoreError> {
        let held = match &config.url {
            None => None,
            Some(url) => Some(Held::take(url).await?),
        };
        Ok(Self { config: config.clone(), held })
    }

    /// Waits until the claim is lost for good, and says why: forever, if all goes well.
    pub async fn lost(&mut self) -> StoreError {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if let Err(error) = self.check().await {
                return error;
            }
        }
    }

    async fn check(&mut self) -> Result<(), StoreError> {
        let Some(held) = &mut self.held else { return Ok(()) };
        if let Some(connection) = &mut held.connection
            && matches!(tokio::time::timeout(ANSWER_TIMEOUT, connection.ping()).await, Ok(Ok(())))
        {
            return Ok(());
        }
        tracing::warn!("the session that keeps other processes off the control database was lost; a new one is needed");
        self.regain().await
    }

    /// Takes the lock again. As long as the database does not answer, nobody can start on it, and calls that do not need it
    /// are served; once it does, whoever has the lock goes on, and the other must end.
    async fn regain(&mut self) -> Result<(), StoreError> {
        let (Some(held), Some(url)) = (&mut self.held, &self.config.url) else { return Ok(()) };
        // A session that was only slow would keep the lock from the new one for ever.
        held.connection = None;
        loop {
            match Held::take(url).await {
                Ok(again) => {
                    tracing::info!("the control database is this process's again");
                    *held = again;
                    return Ok(());
                }
                // The server has not noticed yet that our old session is gone, or the lock was let go just now.
                Err(StoreError::InUse { session, .. }) if session.is_none_or(|session| session == held.session) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(REGAIN_PAUSE).await;
        }
    }
}

impl Held {
    async fn take(url: &str) -> Result<Self, StoreError> {
        database::check(url)?;
        install_default_drivers();
        let taken = tokio::time::timeout(ANSWER_TIMEOUT, Self::try_often(url)).await;
        taken.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)))
    }

    async fn try_often(url: &str) -> Result<Self, StoreError> {
        let mut connection = AnyConnection::connect(url).await?;
        sqlx::raw_sql(KEEP_ALIVE).execute(&mut connection).await?;
        let mut tries = 1;
        loop {
            let row = sqlx::query(TRY).bind(LOCK).fetch_one(&mut connection).await?;
            if row.try_get("is_held")? {
                return Ok(Self { session: row.try_get("session")?, connection: Some(connection) });
            }
            if tries == TRIES {
                let holder = sqlx::query(HOLDER).bind(LOCK).fetch_optional(&mut connection).await?;
                let session = holder.map(|row| row.try_get("pid")).transpose()?;
                return Err(StoreError::InUse { database: row.try_get("database")?, session });
            }
            tries += 1;
            tokio::time::sleep(TRY_PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests;
