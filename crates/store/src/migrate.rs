//! Tables: each plane owns its own as a numbered list of steps; all of them are applied here, in one transaction.

use std::collections::BTreeMap;

use mizzen_model::id::Digest;
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use crate::database::{Backend, Store};
use crate::error::StoreError;

/// One step of one plane's tables. Once released it is never changed: a change is a further step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Who owns the tables; their names begin with it.
    pub plane: &'static str,
    /// 1, 2, 3…
    pub version: u32,
    /// Statements in the portable subset (see [`crate::database`]), separated by `;`.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS mizzen_migrations (
    plane TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (plane, version)
)";

/// Any fixed number will do: nodes that start together on one PostgreSQL migrate one after another.
const POSTGRES_LOCK: i64 = 0x6d69_7a7a_656e;

/// Digests of what was applied, by plane and version.
type Applied = BTreeMap<(String, i64), String>;

pub(crate) async fn run(store: &Store, migrations: &[Migration]) -> Result<(), StoreError> {
    let known = check_order(migrations)?;
    let mut transaction = store.begin().await?;
    if store.backend() == Backend::Postgres {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(POSTGRES_LOCK).execute(&mut *transaction).await?;
        // That a table is there already is no news.
        sqlx::raw_sql("SET LOCAL client_min_messages = warning").execute(&mut *transaction).await?;
    }
    sqlx::raw_sql(TABLE).execute(&mut *transaction).await?;
    let applied = load_applied(&mut transaction).await?;
    refuse_newer(&applied, &known)?;
    let is_new = applied.is_empty();
    for migration in migrations {
        let digest = Digest::of(migration.sql.as_bytes());
        match applied.get(&(migration.plane.to_owned(), i64::from(migration.version))) {
            Some(applied) if applied == digest.as_str() => {}
            Some(_) => {
                let Migration { plane, version, .. } = *migration;
                return Err(StoreError::MigrationChanged { plane, version });
            }
            None => {
                apply(&mut transaction, store.backend(), migration, &digest).await?;
                let Migration { plane, version, .. } = *migration;
                // What a new database is made of is no news.
                match is_new {
                    true => tracing::debug!(plane, version, "migrated"),
                    false => tracing::info!(plane, version, "migrated"),
                }
            }
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// The newest version of each plane.
fn check_order(migrations: &[Migration]) -> Result<BTreeMap<&'static str, u32>, StoreError> {
    let mut newest = BTreeMap::new();
    for &Migration { plane, version, .. } in migrations {
        let newest = newest.entry(plane).or_insert(0);
        let expected = *newest + 1;
        if version != expected {
            return Err(StoreError::MigrationOrder { plane, version, expected });
        }
        *newest = version;
    }
    Ok(newest)
}

async fn load_applied(transaction: &mut Transaction<'static, Any>) -> Result<Applied, StoreError> {
    let rows =
        sqlx::query("SELECT plane, version, digest FROM mizzen_migrations").fetch_all(&mut **transaction).await?;
    let decode = |row: &sqlx::any::AnyRow| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
    Ok(rows.iter().map(decode).collect::<Result<Applied, sqlx::Error>>()?)
}

/// A plane that this program does not know at all was also written by a newer one.
fn refuse_newer(applied: &Applied, known: &BTreeMap<&'static str, u32>) -> Result<(), StoreError> {
    for (plane, found) in applied.keys() {
        let known = known.get(plane.as_str()).copied().unwrap_or(0);
        if *found > i64::from(known) {
            return Err(StoreError::Newer { plane: plane.clone(), found: *found, known });
        }
    }
    Ok(())
}

async fn apply(
    transaction: &mut Transaction<'static, Any>,
    store: Backend,
    migration: &Migration,
    digest: &Digest,
) -> Result<(), StoreError> {
    let Migration { plane, version, sql } = *migration;
    let failed = |error: sqlx::Error| StoreError::Migration { plane, version, source: Box::new(error.into()) };
    let statements = match store {
        // By code point: PostgreSQL calls that "C", whatever the database sorts by; SQLite knows nothing else unless told to.
        Backend::Sqlite => sql.replace(" COLLATE \"C\"", ""),
        Backend::Postgres => sql.to_owned(),
    };
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut **transaction).await.map_err(failed)?;
    sqlx::query("INSERT INTO mizzen_migrations (plane, version, digest) VALUES ($1, $2, $3)")
        .bind(plane)
        .bind(i64::from(version))
        .bind(digest.as_str())
        .execute(&mut **transaction)
        .await
        .map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests;
