//! The statements behind sign-ins that are under way. States and browsers are kept as hashes.

use mizzen_model::time::Timestamp;
use mizzen_store::{Store, StoreError};
use sqlx::Row as _;

use crate::token::TokenHash;

/// Sign-ins under way; anybody may begin one.
const PENDING_MAX: i64 = 10_000;

pub(super) struct Pending {
    pub(super) browser: String,
    pub(super) redirect_uri: String,
    pub(super) return_to: String,
}

/// `false` when there are too many.
pub(super) async fn insert(
    store: &Store,
    state: TokenHash,
    pending: &Pending,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let pool = store.pool();
    sqlx::query("DELETE FROM oidc_sign_ins WHERE expires_at <= $1").bind(now.unix_nanos()).execute(pool).await?;
    let count: i64 = sqlx::query("SELECT COUNT(*) FROM oidc_sign_ins").fetch_one(pool).await?.try_get(0)?;
    if count >= PENDING_MAX {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO oidc_sign_ins (hash, browser, redirect_uri, return_to, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(state.to_string())
    .bind(&pending.browser)
    .bind(&pending.redirect_uri)
    .bind(&pending.return_to)
    .bind(expires_at.unix_nanos())
    .execute(pool)
    .await?;
    Ok(true)
}

/// Reading and deleting are one statement: a state works once, also when it comes twice at a time.
pub(super) async fn take(store: &Store, state: TokenHash, now: Timestamp) -> Result<Option<Pending>, StoreError> {
    let taken = sqlx::query(
        "DELETE FROM oidc_sign_ins WHERE hash = $1 AND expires_at > $2 RETURNING browser, redirect_uri, return_to",
    )
    .bind(state.to_string())
    .bind(now.unix_nanos())
    .fetch_optional(store.pool())
    .await?;
    let decode = |row: sqlx::any::AnyRow| {
        Ok(Pending { browser: row.try_get(0)?, redirect_uri: row.try_get(1)?, return_to: row.try_get(2)? })
    };
    taken.map(decode).transpose()
}
