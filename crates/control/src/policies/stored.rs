//! The policies in the database: what is current, and every version there was.

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_store::{Store, StoreError};
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{PolicyKind, Version, VersionState};

/// Versions that a history tells; older ones stay in the database.
const HISTORY_MAX: i64 = 50;

/// A current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) kind: PolicyKind,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) digest: Digest,
    pub(crate) text: String,
    pub(crate) changed_by: String,
    pub(crate) changed_at: Timestamp,
    pub(crate) reason: String,
}

/// All current versions, and the revision of the set that they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredSet {
    pub(crate) revision: i64,
    pub(crate) policies: Vec<Stored>,
}

/// What becomes the newest version of a policy.
#[derive(Debug)]
pub(crate) struct NewVersion<'a> {
    pub(crate) kind: PolicyKind,
    pub(crate) name: &'a str,
    /// `None`: the policy is deleted.
    pub(crate) text: Option<&'a str>,
    pub(crate) by: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) reason: &'a str,
}

pub(crate) async fn revision(store: &Store) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT revision FROM control_policy_revision WHERE id = 1").fetch_one(store.pool()).await?;
    Ok(row.try_get(0)?)
}

/// The revision is read first: a change in between makes the set newer than it says, and it is then read again.
pub(crate) async fn load(store: &Store) -> Result<StoredSet, StoreError> {
    let revision = revision(store).await?;
    let rows = sqlx::query(
        "SELECT kind, name, version, digest, document, changed_by, changed_at, reason
         FROM control_policies WHERE state = 'current' ORDER BY kind, name",
    )
    .fetch_all(store.pool())
    .await?;
    let policies = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(StoredSet { revision, policies })
}

/// The newest versions of one policy, deletions too, newest first.
pub(crate) async fn history(store: &Store, kind: PolicyKind, name: &str) -> Result<Vec<Version>, StoreError> {
    let rows = sqlx::query(
        "SELECT version, state, digest, document, changed_by, changed_at, reason
         FROM control_policies WHERE kind = $1 AND name = $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(kind.as_str())
    .bind(name)
    .bind(HISTORY_MAX)
    .fetch_all(store.pool())
    .await?;
    Ok(rows.iter().map(decode_version).collect::<Result<_, _>>()?)
}

/// Makes `new` the newest version, unless the set is no longer of revision `seen`: then nothing is changed and the answer
/// is `None`. Otherwise it is the number of the version.
pub(crate) async fn change(
    change: &mut Transaction<'static, Any>,
    seen: i64,
    new: &NewVersion<'_>,
) -> Result<Option<i64>, StoreError> {
    let counted =
        sqlx::query("UPDATE control_policy_revision SET revision = revision + 1 WHERE id = 1 AND revision = $1")
            .bind(seen)
            .execute(&mut **change)
            .await?;
    if counted.rows_affected() == 0 {
        return Ok(None);
    }
    let newest = sqlx::query("SELECT MAX(version) FROM control_policies WHERE kind = $1 AND name = $2")
        .bind(new.kind.as_str())
        .bind(new.name)
        .fetch_one(&mut **change)
        .await?;
    let version = newest.try_get::<Option<i64>, _>(0)?.unwrap_or(0) + 1;
    sqlx::query("UPDATE control_policies SET state = 'replaced' WHERE kind = $1 AND name = $2 AND state = 'current'")
        .bind(new.kind.as_str())
        .bind(new.name)
        .execute(&mut **change)
        .await?;
    let state = if new.text.is_some() { VersionState::Current } else { VersionState::Deleted };
    let digest = new.text.map(|text| Digest::of(text.as_bytes()).to_string()).unwrap_or_default();
    sqlx::query(
        "INSERT INTO control_policies
         (kind, name, version, state, digest, document, changed_by, changed_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.kind.as_str())
    .bind(new.name)
    .bind(version)
    .bind(state.as_str())
    .bind(digest)
    .bind(new.text.unwrap_or_default())
    .bind(new.by)
    .bind(new.at.unix_nanos())
    .bind(new.reason)
    .execute(&mut **change)
    .await?;
    Ok(Some(version))
}

fn decode(row: &AnyRow) -> Result<Stored, sqlx::Error> {
    let text: String = row.try_get("document")?;
    Ok(Stored {
        kind: kind(row)?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        // Over the bytes, not what the row says: a row that was changed by hand is another version.
        digest: Digest::of(text.as_bytes()),
        text,
        changed_by: row.try_get("changed_by")?,
        changed_at: Timestamp::from_unix_nanos(row.try_get("changed_at")?),
        reason: row.try_get("reason")?,
    })
}

/// A kind that this release does not know must not be left out of the set: it may be the one that forbids.
fn kind(row: &AnyRow) -> Result<PolicyKind, sqlx::Error> {
    row.try_get::<String, _>("kind")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn decode_version(row: &AnyRow) -> Result<Version, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let state: VersionState = state.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let text: String = row.try_get("document")?;
    let kept = state != VersionState::Deleted;
    Ok(Version {
        version: row.try_get("version")?,
        state,
        digest: kept.then(|| Digest::of(text.as_bytes())),
        text: kept.then_some(text),
        changed_by: row.try_get("changed_by")?,
        changed_at: Timestamp::from_unix_nanos(row.try_get("changed_at")?),
        reason: row.try_get("reason")?,
    })
}
