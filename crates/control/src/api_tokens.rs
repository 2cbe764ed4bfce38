//! API tokens: what programs, and people from elsewhere than a browser, show to the portal's API. Each has a name, which stands
//! in decisions and in the audit log, and one role. They open no door of the gateways, and become no session of a browser.

use std::collections::HashMap;
use std::time::Duration;

use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use mizzen_store::StoreError;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

use crate::keys::{EXPIRED_KEPT, last_four};
use crate::plane::Inner;
use crate::sign_in::{self, NAME_BYTES_MAX, Session};
use crate::token::{self, NoRandomness, TokenHash};

/// What every API token begins with.
pub const PREFIX: &str = "mzt_";
/// Every token is held in memory on every node.
pub const TOKENS_MAX: i64 = 10_000;

/// What a new token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    /// Who acts with it; two tokens of one name are the same person.
    pub name: String,
    pub role: Role,
    pub created_by: String,
    /// `None`: until revoked.
    pub ttl: Option<Duration>,
}

/// What may be told about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiTokenInfo {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// The end of the token, to tell it from others.
    pub last_four: String,
}

/// Why a token could not be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum ApiTokenError {
    #[error("the name of a token must be 1 to {NAME_BYTES_MAX} bytes without control or invisible characters")]
    Name,
    #[error("`{}` is who has the administration token; call this one after who will carry it", sign_in::ADMIN_NAME)]
    Reserved,
    #[error("there are {TOKENS_MAX} API tokens, and no more may be made; revoke some with `mizzen tokens revoke`")]
    TooMany,
    #[error("the API token `{0}` is damaged in the database; revoke it")]
    Damaged(String),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// From [`crate::Control::api_tokens`].
#[derive(Debug)]
pub struct ApiTokens<'a>(pub(crate) &'a Inner);

impl ApiTokens<'_> {
    /// Makes a token, which is told here and never again. It works on this node when this returns.
    ///
    /// # Errors
    /// When the name is unfit or the administration token's, there are too many tokens, or the database fails.
    pub async fn mint(&self, new: NewApiToken) -> Result<(ApiTokenInfo, Secret), ApiTokenError> {
        if !sign_in::is_name(&new.name) {
            return Err(ApiTokenError::Name);
        }
        if sign_in::is_reserved(&new.name) {
            return Err(ApiTokenError::Reserved);
        }
        let token = token::mint(PREFIX)?;
        let created_at = self.0.clock.now();
        let ttl_nanos = new.ttl.map(|ttl| i64::try_from(ttl.as_nanos()).unwrap_or(i64::MAX));
        let info = ApiTokenInfo {
            id: token::mint_id("tok_")?,
            name: new.name,
            role: new.role,
            created_by: new.created_by,
            created_at,
            expires_at: ttl_nanos.map(|nanos| created_at.plus_nanos(nanos)),
            last_four: last_four(token.expose()),
        };
        if self.count().await? >= TOKENS_MAX {
            return Err(ApiTokenError::TooMany);
        }
        self.insert(&info, &token).await?;
        self.0.publish().await?;
        Ok((info, token))
    }

    /// All tokens, newest first, also those that expired lately.
    ///
    /// # Errors
    /// When the database fails, or a role in it is none.
    pub async fn list(&self) -> Result<Vec<ApiTokenInfo>, ApiTokenError> {
        let rows = sqlx::query(
            "SELECT token_id, name, role, created_by, created_at, expires_at, last_four FROM control_api_tokens
             ORDER BY created_at DESC, token_id",
        )
        .fetch_all(self.0.store.pool())
        .await
        .map_err(StoreError::from)?;
        rows.iter().map(decode).collect()
    }

    /// Whether there is a token of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contains(&self, id: &str) -> Result<bool, ApiTokenError> {
        let found = sqlx::query("SELECT 1 FROM control_api_tokens WHERE token_id = $1")
            .bind(id)
            .fetch_optional(self.0.store.pool());
        Ok(found.await.map_err(StoreError::from)?.is_some())
    }

    /// Takes a token back; `false` when there was none. It opens nothing on this node when this returns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke(&self, id: &str) -> Result<bool, ApiTokenError> {
        let removed = self.delete(id).await?;
        self.0.publish().await?;
        Ok(removed)
    }

    async fn count(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM control_api_tokens").fetch_one(self.0.store.pool()).await?;
        Ok(row.try_get(0)?)
    }

    async fn insert(&self, info: &ApiTokenInfo, token: &Secret) -> Result<(), StoreError> {
        let mut change = self.0.begin_change().await?;
        sqlx::query(
            "INSERT INTO control_api_tokens (token_id, hash, name, role, created_by, created_at, expires_at, last_four)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&info.id)
        .bind(TokenHash::of(PREFIX, token.expose()).map(|hash| hash.to_string()))
        .bind(&info.name)
        .bind(info.role.as_str())
        .bind(&info.created_by)
        .bind(info.created_at.unix_nanos())
        .bind(info.expires_at.map(Timestamp::unix_nanos))
        .bind(&info.last_four)
        .execute(&mut *change)
        .await?;
        Ok(change.commit().await?)
    }

    async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let mut change = self.0.begin_change().await?;
        let gone = sqlx::query("DELETE FROM control_api_tokens WHERE token_id = $1").bind(id);
        let done = gone.execute(&mut *change).await?;
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Whom each token names, for the snapshot. A row that no Mizzen wrote opens nothing.
pub(crate) async fn load(pool: &AnyPool) -> Result<HashMap<TokenHash, Session>, StoreError> {
    let rows = sqlx::query("SELECT hash, name, role, expires_at FROM control_api_tokens").fetch_all(pool).await?;
    let mut tokens = HashMap::with_capacity(rows.len());
    for row in &rows {
        let hash = TokenHash::from_text(row.try_get("hash")?);
        let role = row.try_get::<String, _>("role")?.parse();
        let (Some(hash), Ok(role)) = (hash, role) else {
            tracing::error!("a row of `control_api_tokens` is damaged and was ignored");
            continue;
        };
        let expires_at = row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_unix_nanos);
        tokens.insert(hash, Session { role, name: row.try_get("name")?, expires_at, subject: None });
    }
    Ok(tokens)
}

pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    let kept = i64::try_from(EXPIRED_KEPT.as_nanos()).unwrap_or(i64::MAX);
    // Expired tokens open nothing, so no node needs a new snapshot for this.
    sqlx::query("DELETE FROM control_api_tokens WHERE expires_at < $1")
        .bind(inner.clock.now().plus_nanos(-kept).unix_nanos())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

fn decode(row: &AnyRow) -> Result<ApiTokenInfo, ApiTokenError> {
    let read = || -> Result<_, sqlx::Error> {
        let id: String = row.try_get("token_id")?;
        Ok((id, row.try_get::<String, _>("role")?))
    };
    let (id, role) = read().map_err(StoreError::from)?;
    let role = role.parse().map_err(|_| ApiTokenError::Damaged(id.clone()))?;
    let rest = || -> Result<ApiTokenInfo, sqlx::Error> {
        Ok(ApiTokenInfo {
            id,
            role,
            name: row.try_get("name")?,
            created_by: row.try_get("created_by")?,
            created_at: Timestamp::from_unix_nanos(row.try_get("created_at")?),
            expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_unix_nanos),
            last_four: row.try_get("last_four")?,
        })
    };
    Ok(rest().map_err(StoreError::from)?)
}

#[cfg(test)]
mod tests;
