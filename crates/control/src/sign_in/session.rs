//! The statements behind links and sessions.

use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use mizzen_store::{Store, StoreError};
use sqlx::Row as _;

use super::{LINK_TTL, Session, later};
use crate::plane::Inner;
use crate::token::TokenHash;

pub(super) struct Found {
    pub(super) role: String,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) subject: Option<String>,
}

pub(super) async fn insert_link(inner: &Inner, hash: TokenHash, role: Role, name: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO control_links (hash, role, name, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(hash.to_string())
        .bind(role.as_str())
        .bind(name)
        .bind(later(inner.clock.now(), LINK_TTL).unix_nanos())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

/// Reading and deleting are one statement, so that a link works once even when it is opened twice at a time.
pub(super) async fn take_link(inner: &Inner, hash: TokenHash) -> Result<Option<(String, String)>, StoreError> {
    let taken = sqlx::query("DELETE FROM control_links WHERE hash = $1 AND expires_at > $2 RETURNING role, name")
        .bind(hash.to_string())
        .bind(inner.clock.now().unix_nanos())
        .fetch_optional(inner.store.pool())
        .await?;
    taken.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

pub(super) async fn insert(
    inner: &Inner,
    hash: TokenHash,
    session: &Session,
    created_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO control_sessions (hash, role, name, created_at, expires_at, subject) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(hash.to_string())
    .bind(session.role.as_str())
    .bind(&session.name)
    .bind(created_at.unix_nanos())
    .bind(session.expires_at.map(Timestamp::unix_nanos))
    .bind(&session.subject)
    .execute(inner.store.pool())
    .await?;
    Ok(())
}

pub(super) async fn find(inner: &Inner, hash: TokenHash) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query("SELECT role, name, created_at, expires_at, subject FROM control_sessions WHERE hash = $1")
        .bind(hash.to_string())
        .fetch_optional(inner.store.pool())
        .await?;
    let decode = |row: sqlx::any::AnyRow| {
        Ok(Found {
            role: row.try_get(0)?,
            name: row.try_get(1)?,
            created_at: Timestamp::from_unix_nanos(row.try_get(2)?),
            expires_at: Timestamp::from_unix_nanos(row.try_get(3)?),
            subject: row.try_get(4)?,
        })
    };
    row.map(decode).transpose()
}

pub(super) async fn prolong(inner: &Inner, hash: TokenHash, expires_at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE control_sessions SET expires_at = $2 WHERE hash = $1")
        .bind(hash.to_string())
        .bind(expires_at.unix_nanos())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

pub(super) async fn delete(inner: &Inner, hash: TokenHash) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM control_sessions WHERE hash = $1")
        .bind(hash.to_string())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

pub(super) async fn delete_all(store: &Store) -> Result<(), StoreError> {
    sqlx::raw_sql("DELETE FROM control_sessions; DELETE FROM control_links").execute(store.pool()).await?;
    Ok(())
}

pub(super) async fn delete_expired(inner: &Inner) -> Result<(), StoreError> {
    let now = inner.clock.now().unix_nanos();
    let pool = inner.store.pool();
    sqlx::query("DELETE FROM control_sessions WHERE expires_at <= $1").bind(now).execute(pool).await?;
    sqlx::query("DELETE FROM control_links WHERE expires_at <= $1").bind(now).execute(pool).await?;
    Ok(())
}
