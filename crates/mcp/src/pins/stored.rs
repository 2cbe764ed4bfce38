//! Definitions and pins in the control database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_store::{Store, StoreError};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Known, Pinned, Tools};

type Change = Transaction<'static, Any>;

/// What one observation or approval changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) seen: Vec<(String, Known)>,
    pub(super) pinned: Vec<(String, Known)>,
    pub(super) unpinned: Vec<String>,
    pub(super) gone: Vec<String>,
    /// Without a pin.
    pub(super) forgotten: BTreeSet<String>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.seen.is_empty()
            && self.pinned.is_empty()
            && self.unpinned.is_empty()
            && self.gone.is_empty()
            && self.forgotten.is_empty()
    }
}

/// All tools of all servers.
pub(super) async fn load(store: &Store) -> Result<BTreeMap<String, Tools>, StoreError> {
    let mut servers: BTreeMap<String, Tools> = BTreeMap::new();
    let select =
        "SELECT server, tool, digest, definition, findings, first_seen_at, last_seen_at, gone FROM mcp_definitions";
    for row in sqlx::query(select).fetch_all(store.pool()).await? {
        let (server, tool) = names(&row)?;
        let (digest, definition) = definition(&row)?;
        let known = Known {
            digest,
            definition,
            first_seen_at: Timestamp::from_unix_nanos(row.try_get("first_seen_at")?),
            last_seen_at: Timestamp::from_unix_nanos(row.try_get("last_seen_at")?),
            gone: row.try_get::<i64, _>("gone")? != 0,
            pin: None,
            findings: serde_json::from_str(row.try_get("findings")?)
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        };
        servers.entry(server).or_default().insert(tool, known);
    }
    let select = "SELECT server, tool, digest, definition, approved_by, approved_at FROM mcp_pins";
    for row in sqlx::query(select).fetch_all(store.pool()).await? {
        let (server, tool) = names(&row)?;
        let (digest, definition) = definition(&row)?;
        let approved_by = row.try_get("approved_by")?;
        let approved_at = Timestamp::from_unix_nanos(row.try_get("approved_at")?);
        if let Some(known) = servers.get_mut(&server).and_then(|tools| tools.get_mut(&tool)) {
            known.pin = Some(Pinned { digest, definition, approved_by, approved_at });
        }
    }
    Ok(servers)
}

pub(super) async fn write(store: &Store, server: &str, changes: &Changes) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    Ok(prepare(store, server, changes).await?.commit().await?)
}

/// What is not committed is rolled back.
pub(super) async fn prepare(store: &Store, server: &str, changes: &Changes) -> Result<Change, StoreError> {
    let mut change = begin(store).await?;
    for (tool, known) in &changes.seen {
        sqlx::query(
            "INSERT INTO mcp_definitions (server, tool, digest, definition, findings, first_seen_at, last_seen_at, gone)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
             ON CONFLICT (server, tool) DO UPDATE SET digest = excluded.digest, definition = excluded.definition,
                 findings = excluded.findings, last_seen_at = excluded.last_seen_at, gone = 0",
        )
        .bind(server)
        .bind(tool)
        .bind(known.digest.as_str())
        .bind(text(&known.definition))
        .bind(serde_json::to_string(&known.findings).map_err(|error| sqlx::Error::Encode(Box::new(error)))?)
        .bind(known.first_seen_at.unix_nanos())
        .bind(known.last_seen_at.unix_nanos())
        .execute(&mut *change)
        .await?;
    }
    for tool in &changes.gone {
        let gone = "UPDATE mcp_definitions SET gone = 1 WHERE server = $1 AND tool = $2";
        sqlx::query(gone).bind(server).bind(tool).execute(&mut *change).await?;
    }
    for tool in &changes.forgotten {
        let forget = "DELETE FROM mcp_definitions WHERE server = $1 AND tool = $2";
        sqlx::query(forget).bind(server).bind(tool).execute(&mut *change).await?;
    }
    for tool in &changes.unpinned {
        let unpin = "DELETE FROM mcp_pins WHERE server = $1 AND tool = $2";
        sqlx::query(unpin).bind(server).bind(tool).execute(&mut *change).await?;
    }
    for (tool, known) in &changes.pinned {
        put_pin(&mut change, server, tool, known).await?;
    }
    Ok(change)
}

pub(super) async fn forget(store: &Store, server: &str) -> Result<(), StoreError> {
    let mut change = begin(store).await?;
    for delete in ["DELETE FROM mcp_definitions WHERE server = $1", "DELETE FROM mcp_pins WHERE server = $1"] {
        sqlx::query(delete).bind(server).execute(&mut *change).await?;
    }
    Ok(change.commit().await?)
}

async fn put_pin(change: &mut Change, server: &str, tool: &str, known: &Known) -> Result<(), StoreError> {
    let Some(pin) = &known.pin else { return Ok(()) };
    sqlx::query(
        "INSERT INTO mcp_pins (server, tool, digest, definition, approved_by, approved_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (server, tool) DO UPDATE SET digest = excluded.digest, definition = excluded.definition,
             approved_by = excluded.approved_by, approved_at = excluded.approved_at",
    )
    .bind(server)
    .bind(tool)
    .bind(pin.digest.as_str())
    .bind(text(&pin.definition))
    .bind(&pin.approved_by)
    .bind(pin.approved_at.unix_nanos())
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Other nodes see by the revision that they must read again.
async fn begin(store: &Store) -> Result<Change, StoreError> {
    let mut change = store.begin().await?;
    sqlx::query("UPDATE mcp_revision SET revision = revision + 1 WHERE id = 1").execute(&mut *change).await?;
    Ok(change)
}

fn names(row: &AnyRow) -> Result<(String, String), sqlx::Error> {
    Ok((row.try_get("server")?, row.try_get("tool")?))
}

/// A row that cannot be read is told, not skipped: a pin that went missing would let a changed tool pass as a new one.
fn definition(row: &AnyRow) -> Result<(Digest, Arc<Map<String, Value>>), sqlx::Error> {
    let digest: String = row.try_get("digest")?;
    let digest = digest.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let text: String = row.try_get("definition")?;
    let definition = serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok((digest, Arc::new(definition)))
}

fn text(definition: &Map<String, Value>) -> String {
    Value::Object(definition.clone()).to_string()
}
