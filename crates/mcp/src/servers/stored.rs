//! Configurations in the control database.

use std::collections::BTreeMap;
use std::sync::Arc;

use mizzen_model::time::Timestamp;
use mizzen_store::{Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::{Configured, Entry};

/// A table of one kind of thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table(&'static str);

/// Not in force before it is committed.
pub(super) type Change = Transaction<'static, Any>;

pub(super) const SERVERS: Table = Table("mcp_servers");
pub(super) const PROFILES: Table = Table("mcp_profiles");

/// What is kept, below what is declared.
pub(super) async fn load(store: &Store, declared: &Configured) -> Result<Configured, StoreError> {
    let mut configured = Configured { servers: rows(store, SERVERS).await?, profiles: rows(store, PROFILES).await? };
    configured.servers.extend(declared.servers.clone());
    configured.profiles.extend(declared.profiles.clone());
    Ok(configured)
}

async fn rows<T: DeserializeOwned>(store: &Store, table: Table) -> Result<BTreeMap<String, Entry<T>>, StoreError> {
    let select = AssertSqlSafe(format!("SELECT name, config, updated_at, updated_by FROM {}", table.0));
    let mut entries = BTreeMap::new();
    for row in sqlx::query(select).fetch_all(store.pool()).await? {
        let name: String = row.try_get("name")?;
        let text: String = row.try_get("config")?;
        let value = match serde_json::from_str(&text) {
            Ok(value) => Arc::new(value),
            Err(error) => {
                // Not there is less than it was: nothing is allowed by it.
                tracing::error!(table = table.0, name, %error, "cannot read what is kept; it is left out");
                continue;
            }
        };
        let updated_at = Some(Timestamp::from_unix_nanos(row.try_get("updated_at")?));
        entries.insert(name, Entry { value, declared: false, updated_at, updated_by: row.try_get("updated_by")? });
    }
    Ok(entries)
}

pub(super) async fn put(
    store: &Store,
    table: Table,
    name: &str,
    value: &impl Serialize,
    at: Timestamp,
    by: &str,
) -> Result<Change, StoreError> {
    let text = serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let mut change = begin(store).await?;
    let upsert = format!(
        "INSERT INTO {} (name, config, updated_at, updated_by) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET config = excluded.config, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by",
        table.0
    );
    let upsert = sqlx::query(AssertSqlSafe(upsert)).bind(name).bind(text).bind(at.unix_nanos()).bind(by);
    upsert.execute(&mut *change).await?;
    Ok(change)
}

pub(super) async fn remove(store: &Store, table: Table, name: &str) -> Result<bool, StoreError> {
    let mut change = begin(store).await?;
    let delete = AssertSqlSafe(format!("DELETE FROM {} WHERE name = $1", table.0));
    let done = sqlx::query(delete).bind(name).execute(&mut *change).await?;
    change.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// The number that every change of this plane raises.
pub(super) async fn revision(store: &Store) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT revision FROM mcp_revision WHERE id = 1").fetch_one(store.pool()).await?;
    Ok(row.try_get("revision")?)
}

async fn begin(store: &Store) -> Result<Change, StoreError> {
    let mut change = store.begin().await?;
    sqlx::query("UPDATE mcp_revision SET revision = revision + 1 WHERE id = 1").execute(&mut *change).await?;
    Ok(change)
}
