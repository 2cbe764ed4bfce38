//! Virtual keys: they name a caller to the model gateway, the tool gateway and the OTLP doors, and open nothing else.

use std::time::Duration;

use mizzen_model::id::{Digest, IdError, RunId};
use mizzen_model::run::JUDGE_CALLER;
use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use mizzen_store::StoreError;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::plane::Inner;
use crate::token::{self, NoRandomness, TokenHash};

pub(crate) const PREFIX: &str = "mzk_";

/// Every key is held in memory on every node.
pub const KEYS_MAX: i64 = 100_000;
/// Of the name of a key, and of its agent.
pub const NAME_BYTES_MAX: usize = 128;
/// Expired keys stay listed this long, so that "it worked yesterday" can be answered.
pub(crate) const EXPIRED_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a new key says about its holder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewKey {
    /// Who calls; two keys of one name are the same caller.
    pub name: String,
    pub agent: Option<String>,
    /// Whose agent it is: budgets and pauses reach all agents of a team.
    pub team: Option<String>,
    pub run_id: Option<RunId>,
    /// What exactly carries the key; without it no evidence counts.
    pub agent_digest: Option<Digest>,
    /// The person who has it made; may be asked to let somebody else approve its calls.
    pub minted_by: Option<String>,
    /// `None`: until revoked.
    pub ttl: Option<Duration>,
}

/// What may be told about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub id: String,
    pub name: String,
    pub agent: Option<String>,
    pub team: Option<String>,
    pub run_id: Option<RunId>,
    pub agent_digest: Option<Digest>,
    pub minted_by: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// The end of the key, to tell it from others.
    pub last_four: String,
}

impl KeyInfo {
    /// Whether it opens anything at this instant.
    #[must_use]
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.expires_at.is_none_or(|expiry| expiry > at)
    }
}

/// Why a key could not be made, listed, extended or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the {what} of a key must be 1 to {NAME_BYTES_MAX} bytes without control characters")]
    Name { what: &'static str },
    #[error("`{JUDGE_CALLER}` is Mizzen's own; give the key another name")]
    Reserved,
    #[error("there are {KEYS_MAX} keys, and no more may be made; revoke some with `mizzen keys revoke`")]
    TooMany,
    #[error("the key `{id}` is damaged in the database; revoke it")]
    Damaged {
        id: String,
        #[source]
        source: IdError,
    },
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What [`decode`] reads, and which rows.
macro_rules! select_keys {
    ($which:literal) => {
        concat!(
            "SELECT key_id, name, agent, team, run_id, agent_digest, minted_by, last_four, created_at, expires_at
             FROM control_keys ",
            $which
        )
    };
}

/// The keys of callers; from [`crate::Control::keys`].
#[derive(Debug)]
pub struct Keys<'a>(pub(crate) &'a Inner);

impl Keys<'_> {
    /// Makes a key, which is told here and never again. It works on this node when this returns.
    ///
    /// # Errors
    /// When a name is unfit or Mizzen's own, there are too many keys, or the database fails.
    pub async fn mint(&self, new: NewKey) -> Result<(KeyInfo, Secret), KeyError> {
        // What a judge asks is left out of what is judged: whoever had its name would never be.
        if new.name.trim().eq_ignore_ascii_case(JUDGE_CALLER) {
            return Err(KeyError::Reserved);
        }
        self.make(new).await
    }

    /// Makes the key that Mizzen's own judges ask models with.
    ///
    /// # Errors
    /// When there are too many keys, or the database fails.
    pub async fn mint_for_judges(&self) -> Result<Secret, KeyError> {
        let (_, key) = self.make(NewKey { name: JUDGE_CALLER.to_owned(), ..NewKey::default() }).await?;
        Ok(key)
    }

    async fn make(&self, new: NewKey) -> Result<(KeyInfo, Secret), KeyError> {
        check_name("name", &new.name)?;
        new.agent.as_deref().map(|agent| check_name("agent", agent)).transpose()?;
        new.team.as_deref().map(|team| check_name("team", team)).transpose()?;
        let key = token::mint(PREFIX)?;
        let created_at = self.0.clock.now();
        let ttl_nanos = new.ttl.map(|ttl| i64::try_from(ttl.as_nanos()).unwrap_or(i64::MAX));
        let info = KeyInfo {
            id: token::mint_id("key_")?,
            name: new.name,
            agent: new.agent,
            team: new.team,
            run_id: new.run_id,
            agent_digest: new.agent_digest,
            minted_by: new.minted_by,
            created_at,
            expires_at: ttl_nanos.map(|nanos| created_at.plus_nanos(nanos)),
            last_four: last_four(key.expose()),
        };
        if self.count().await? >= KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        self.insert(&info, &key).await?;
        self.0.publish().await?;
        Ok((info, key))
    }

    /// All keys, newest first, also those that expired lately.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<KeyInfo>, KeyError> {
        let all = sqlx::query(select_keys!("ORDER BY created_at DESC, key_id")).fetch_all(self.0.store.pool()).await;
        all.map_err(StoreError::from)?.iter().map(decode).collect()
    }

    /// The key of this id, also when it expired lately.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, id: &str) -> Result<Option<KeyInfo>, KeyError> {
        let found = sqlx::query(select_keys!("WHERE key_id = $1")).bind(id).fetch_optional(self.0.store.pool()).await;
        found.map_err(StoreError::from)?.as_ref().map(decode).transpose()
    }

    /// Lets a key live until `until`, unless it lives longer anyway. `None` when there is none that is valid: what was
    /// revoked or has expired opens nothing again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn extend(&self, id: &str, until: Timestamp) -> Result<Option<KeyInfo>, KeyError> {
        let now = self.0.clock.now();
        self.set_expiry(id, until, now).await?;
        self.0.publish().await?;
        Ok(self.find(id).await?.filter(|key| key.is_valid(now)))
    }

    /// Takes a key back; `false` when there was none. It opens nothing on this node when this returns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke(&self, id: &str) -> Result<bool, KeyError> {
        let removed = self.delete(id).await?;
        self.0.publish().await?;
        Ok(removed)
    }

    async fn count(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM control_keys").fetch_one(self.0.store.pool()).await?;
        Ok(row.try_get(0)?)
    }

    async fn insert(&self, info: &KeyInfo, key: &Secret) -> Result<(), StoreError> {
        let hash = TokenHash::of(PREFIX, key.expose()).map(|hash| hash.to_string());
        let mut change = self.0.begin_change().await?;
        sqlx::query(
            "INSERT INTO control_keys
                 (key_id, hash, name, agent, run_id, last_four, created_at, expires_at, team, agent_digest, minted_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&info.id)
        .bind(hash)
        .bind(&info.name)
        .bind(&info.agent)
        .bind(info.run_id.as_ref().map(RunId::as_str))
        .bind(&info.last_four)
        .bind(info.created_at.unix_nanos())
        .bind(info.expires_at.map(Timestamp::unix_nanos))
        .bind(&info.team)
        .bind(info.agent_digest.as_ref().map(Digest::as_str))
        .bind(&info.minted_by)
        .execute(&mut *change)
        .await?;
        Ok(change.commit().await?)
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let mut change = self.0.begin_change().await?;
        let done = sqlx::query("DELETE FROM control_keys WHERE key_id = $1").bind(id).execute(&mut *change).await?;
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Moves the end of a key that is valid `now` further away, never nearer.
    async fn set_expiry(&self, id: &str, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.0.begin_change().await?;
        let sql = "UPDATE control_keys SET expires_at = $1 WHERE key_id = $2 AND expires_at > $3 AND expires_at < $4";
        let until = until.unix_nanos();
        let update = sqlx::query(sql).bind(until).bind(id).bind(now.unix_nanos()).bind(until);
        update.execute(&mut *change).await?;
        Ok(change.commit().await?)
    }
}

pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    let kept = i64::try_from(EXPIRED_KEPT.as_nanos()).unwrap_or(i64::MAX);
    // Expired keys open nothing, so no node needs a new snapshot for this.
    sqlx::query("DELETE FROM control_keys WHERE expires_at < $1")
        .bind(inner.clock.now().plus_nanos(-kept).unix_nanos())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

fn check_name(what: &'static str, name: &str) -> Result<(), KeyError> {
    let fit = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
    if fit { Ok(()) } else { Err(KeyError::Name { what }) }
}

/// Keys are ASCII, so bytes are characters.
pub(crate) fn last_four(key: &str) -> String {
    key.get(key.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

fn decode(row: &AnyRow) -> Result<KeyInfo, KeyError> {
    let (mut info, run_id, agent_digest) = columns(row).map_err(StoreError::from)?;
    let damaged = |source| KeyError::Damaged { id: info.id.clone(), source };
    let run_id = run_id.map(|id| id.parse()).transpose().map_err(damaged)?;
    let agent_digest = agent_digest.map(|digest| digest.parse()).transpose().map_err(damaged)?;
    (info.run_id, info.agent_digest) = (run_id, agent_digest);
    Ok(info)
}

/// What a row holds, and its ids as text: the run, and the agent's digest.
fn columns(row: &AnyRow) -> Result<(KeyInfo, Option<String>, Option<String>), sqlx::Error> {
    let info = KeyInfo {
        id: row.try_get("key_id")?,
        name: row.try_get("name")?,
        agent: row.try_get("agent")?,
        team: row.try_get("team")?,
        run_id: None,
        agent_digest: None,
        minted_by: row.try_get("minted_by")?,
        created_at: Timestamp::from_unix_nanos(row.try_get("created_at")?),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_unix_nanos),
        last_four: row.try_get("last_four")?,
    };
    Ok((info, row.try_get("run_id")?, row.try_get("agent_digest")?))
}

#[cfg(test)]
mod tests;
