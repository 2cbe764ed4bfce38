//! Who may use a stored response of the Responses API, and which upstream keeps it.

use std::time::Duration;

use mizzen_store::StoreError;
use sqlx::Row as _;

use crate::plane::Inner;

/// Providers keep a stored response for 30 days; so long it must be known whose it is.
pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
pub const RESPONSE_ID_BYTES_MAX: usize = 256;

/// Why an ownership could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    #[error("the id of a response must be 1 to {RESPONSE_ID_BYTES_MAX} bytes, got {got}")]
    Id { got: usize },
    #[error("the response `{0}` is another caller's")]
    Taken(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose a response is, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub caller: String,
    /// The name of the upstream that made it.
    pub upstream: String,
}

/// Ownership of stored responses; from [`crate::Control::responses`].
#[derive(Debug)]
pub struct Responses<'a>(pub(crate) &'a Inner);

impl Responses<'_> {
    /// Remembers that `caller` owns the response. Saying so again prolongs it.
    ///
    /// # Errors
    /// When somebody else owns it: an upstream that repeats an id cannot hand one caller's response to another.
    pub async fn own(&self, response_id: &str, caller: &str, upstream: &str) -> Result<(), ResponseError> {
        if response_id.is_empty() || response_id.len() > RESPONSE_ID_BYTES_MAX {
            return Err(ResponseError::Id { got: response_id.len() });
        }
        if self.upsert(response_id, caller, upstream).await? {
            Ok(())
        } else {
            Err(ResponseError::Taken(response_id.to_owned()))
        }
    }

    /// Whose the response is; `None` when it is nobody's, or was forgotten.
    ///
    /// # Errors
    /// When the database fails: the response must not be handed out then.
    pub async fn owner(&self, response_id: &str) -> Result<Option<Owner>, ResponseError> {
        Ok(self.select(response_id).await?)
    }

    /// Forgets a response that its owner deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&self, response_id: &str) -> Result<(), ResponseError> {
        Ok(self.delete(response_id).await?)
    }

    /// Whether the row is the caller's now.
    async fn upsert(&self, response_id: &str, caller: &str, upstream: &str) -> Result<bool, StoreError> {
        let now = self.0.clock.now();
        let expires_at = now.plus_nanos(i64::try_from(RETENTION.as_nanos()).unwrap_or(i64::MAX));
        let done = sqlx::query(
            "INSERT INTO control_responses (response_id, caller, upstream, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (response_id) DO UPDATE SET
                 caller = excluded.caller, upstream = excluded.upstream, expires_at = excluded.expires_at
             WHERE control_responses.caller = excluded.caller OR control_responses.expires_at <= $5",
        )
        .bind(response_id)
        .bind(caller)
        .bind(upstream)
        .bind(expires_at.unix_nanos())
        .bind(now.unix_nanos())
        .execute(self.0.store.pool())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn select(&self, response_id: &str) -> Result<Option<Owner>, StoreError> {
        let row =
            sqlx::query("SELECT caller, upstream FROM control_responses WHERE response_id = $1 AND expires_at > $2")
                .bind(response_id)
                .bind(self.0.clock.now().unix_nanos())
                .fetch_optional(self.0.store.pool())
                .await?;
        row.map(|row| Ok(Owner { caller: row.try_get(0)?, upstream: row.try_get(1)? })).transpose()
    }

    async fn delete(&self, response_id: &str) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM control_responses WHERE response_id = $1");
        statement.bind(response_id).execute(self.0.store.pool()).await?;
        Ok(())
    }
}

pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM control_responses WHERE expires_at <= $1")
        .bind(inner.clock.now().unix_nanos())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
