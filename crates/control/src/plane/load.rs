//! Reads a snapshot from the database.

use std::collections::{BTreeMap, HashMap};

use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::{Store, StoreError};
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

use crate::api_tokens;
use crate::providers::{self, Vault};
use crate::snapshot::{KeyIdentity, Snapshot};
use crate::token::TokenHash;

/// Counts every change of keys, tokens and providers.
pub(super) async fn revision(pool: &AnyPool) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT revision FROM control_revision WHERE id = 1").fetch_one(pool).await?;
    Ok(row.try_get(0)?)
}

/// The revision is read first: a change in between is then seen as a newer revision, and read again.
pub(super) async fn snapshot(store: &Store, vault: &Vault, clock: &Clock) -> Result<Snapshot, StoreError> {
    let revision = revision(store.pool()).await?;
    let rows = sqlx::query(
        "SELECT hash, key_id, name, agent, team, run_id, agent_digest, minted_by, expires_at FROM control_keys",
    );
    let rows = rows.fetch_all(store.pool()).await?;
    let keys = rows.iter().filter_map(|row| decode_key(row).transpose()).collect::<Result<HashMap<_, _>, _>>()?;
    let providers: BTreeMap<_, _> =
        providers::load(store).await?.into_iter().map(|stored| (stored.name.clone(), vault.resolve(&stored))).collect();
    let tokens = api_tokens::load(store.pool()).await?;
    Ok(Snapshot { revision, keys, tokens, providers, clock: clock.clone(), audit: None })
}

/// A row that no Mizzen wrote opens nothing.
fn decode_key(row: &AnyRow) -> Result<Option<(TokenHash, KeyIdentity)>, sqlx::Error> {
    let run_id = row.try_get::<Option<String>, _>("run_id")?.map(|id| id.parse()).transpose();
    let agent_digest = row.try_get::<Option<String>, _>("agent_digest")?.map(|digest| digest.parse()).transpose();
    let hash = TokenHash::from_text(row.try_get("hash")?);
    let (Some(hash), Ok(run_id), Ok(agent_digest)) = (hash, run_id, agent_digest) else {
        tracing::error!("a row of `control_keys` is damaged and was ignored");
        return Ok(None);
    };
    let identity = KeyIdentity {
        key_id: row.try_get("key_id")?,
        caller: row.try_get("name")?,
        agent: row.try_get("agent")?,
        team: row.try_get("team")?,
        agent_digest,
        minted_by: row.try_get("minted_by")?,
        run_id,
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_unix_nanos),
    };
    Ok(Some((hash, identity)))
}
