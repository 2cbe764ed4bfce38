//! Keys of model providers: encrypted at rest, or left in an environment variable. Never shown again.

mod vault;

use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use mizzen_store::{Store, StoreError};
use sqlx::Row as _;

pub(crate) use self::vault::Vault;
pub use self::vault::{FILE as SECRET_KEY_FILE, VaultError};
use crate::plane::Inner;
use crate::token::NoRandomness;

pub const NAME_BYTES_MAX: usize = 64;
/// Of a provider's key; the longest known (a service account in JSON) has about 2,400.
pub const SECRET_BYTES_MAX: usize = 16 << 10;
pub const PROVIDERS_MAX: usize = 1_000;

/// Where a provider's key comes from.
#[derive(Debug, Clone)]
pub enum ProviderKey {
    /// Kept here, encrypted.
    Secret(Secret),
    /// The name of an environment variable of the process, read at every start.
    Environment(String),
}

/// Where a provider's key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderOrigin {
    Stored,
    Environment { variable: String },
}

/// What may be told about a provider's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    pub name: String,
    pub origin: ProviderOrigin,
    pub created_at: Timestamp,
    /// Why the key cannot be used, if it cannot.
    pub fault: Option<SecretError>,
}

/// Why the key of a provider that is known cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("the key of provider `{provider}` is in the environment variable `{variable}`, which is not set")]
    VariableNotSet { provider: String, variable: String },
    #[error(
        "the key of provider `{provider}` cannot be decrypted: it was changed, or encrypted with another `secret.key`; \
         enter it again with `mizzen keys add {provider}`"
    )]
    NotDecrypted { provider: String },
}

/// Why a provider's key could not be kept, listed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("`{0}` is no name for a provider; use up to {NAME_BYTES_MAX} of `a-z`, `0-9`, `-`, `_` and `.`")]
    Name(String),
    #[error("`{0}` is no name of an environment variable")]
    Variable(String),
    #[error("the key of provider `{0}` must be 1 to {SECRET_BYTES_MAX} printable ASCII characters without spaces")]
    Secret(String),
    #[error("there are {PROVIDERS_MAX} providers, and no more may be added")]
    TooMany,
    #[error("the key of provider `{0}` could not be encrypted")]
    NotEncrypted(String),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) name: String,
    ciphertext: Option<String>,
    variable: Option<String>,
    created_at: Timestamp,
}

/// A provider's key as the doors use it.
#[derive(Debug)]
pub(crate) enum Resolved {
    Ready(Secret),
    Faulty(SecretError),
}

/// The keys of providers; from [`crate::Control::providers`].
#[derive(Debug)]
pub struct Providers<'a>(pub(crate) &'a Inner);

impl Providers<'_> {
    /// Keeps the key of the provider `name`, replacing the one there was. Calls use it when this returns.
    ///
    /// # Errors
    /// As [`Self::check`], and when the database fails.
    pub async fn put(&self, name: &str, key: ProviderKey) -> Result<(), ProviderError> {
        self.check(name, &key)?;
        let (ciphertext, variable) = match key {
            ProviderKey::Secret(secret) => (Some(self.0.vault.encrypt(name, &secret)?), None),
            ProviderKey::Environment(variable) => (None, Some(variable)),
        };
        let stored = Stored { name: name.to_owned(), ciphertext, variable, created_at: self.0.clock.now() };
        upsert(self.0, &stored).await?;
        Ok(self.0.publish().await?)
    }

    /// Whether a key may be kept.
    ///
    /// # Errors
    /// When the name, the variable or the key is unfit, or there are too many.
    pub fn check(&self, name: &str, key: &ProviderKey) -> Result<(), ProviderError> {
        check_name(name)?;
        let snapshot = self.0.snapshot();
        if !snapshot.providers.contains_key(name) && snapshot.providers.len() >= PROVIDERS_MAX {
            return Err(ProviderError::TooMany);
        }
        match key {
            ProviderKey::Secret(secret) => check_secret(name, secret),
            ProviderKey::Environment(variable) => check_variable(variable),
        }
    }

    /// All providers that have a key, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<ProviderInfo>, ProviderError> {
        let inform = |stored: Stored| {
            let fault = match self.0.vault.resolve(&stored) {
                Resolved::Ready(_) => None,
                Resolved::Faulty(fault) => Some(fault),
            };
            let origin = match stored.variable {
                Some(variable) => ProviderOrigin::Environment { variable },
                None => ProviderOrigin::Stored,
            };
            ProviderInfo { name: stored.name, origin, created_at: stored.created_at, fault }
        };
        Ok(load(&self.0.store).await?.into_iter().map(inform).collect())
    }

    /// Forgets the key of the provider `name`; `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove(&self, name: &str) -> Result<bool, ProviderError> {
        let removed = delete(self.0, name).await?;
        self.0.publish().await?;
        Ok(removed)
    }

    /// The key to send to the provider `name`, from the snapshot: no I/O.
    ///
    /// # Errors
    /// When there is one and it cannot be used.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        self.0.snapshot().provider_secret(name)
    }
}

pub(crate) async fn load(store: &Store) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query("SELECT name, ciphertext, variable, created_at FROM control_providers ORDER BY name");
    let rows = rows.fetch_all(store.pool()).await?;
    let decode = |row: &sqlx::any::AnyRow| {
        Ok(Stored {
            name: row.try_get("name")?,
            ciphertext: row.try_get("ciphertext")?,
            variable: row.try_get("variable")?,
            created_at: Timestamp::from_unix_nanos(row.try_get("created_at")?),
        })
    };
    Ok(rows.iter().map(decode).collect::<Result<_, sqlx::Error>>()?)
}

async fn upsert(inner: &Inner, stored: &Stored) -> Result<(), StoreError> {
    let mut change = inner.begin_change().await?;
    sqlx::query(
        "INSERT INTO control_providers (name, ciphertext, variable, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET
             ciphertext = excluded.ciphertext, variable = excluded.variable, created_at = excluded.created_at",
    )
    .bind(&stored.name)
    .bind(&stored.ciphertext)
    .bind(&stored.variable)
    .bind(stored.created_at.unix_nanos())
    .execute(&mut *change)
    .await?;
    Ok(change.commit().await?)
}

async fn delete(inner: &Inner, name: &str) -> Result<bool, StoreError> {
    let mut change = inner.begin_change().await?;
    let done = sqlx::query("DELETE FROM control_providers WHERE name = $1").bind(name).execute(&mut *change).await?;
    change.commit().await?;
    Ok(done.rows_affected() > 0)
}

fn check_name(name: &str) -> Result<(), ProviderError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let fit = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain);
    if fit { Ok(()) } else { Err(ProviderError::Name(name.chars().take(NAME_BYTES_MAX).collect())) }
}

/// It becomes a header of a request, so it must be one.
fn check_secret(name: &str, secret: &Secret) -> Result<(), ProviderError> {
    let text = secret.expose();
    let fit = (1..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fit { Ok(()) } else { Err(ProviderError::Secret(name.to_owned())) }
}

/// A name that is none is not told in full: it may be a key that was entered in the wrong place.
fn check_variable(variable: &str) -> Result<(), ProviderError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fit = !variable.is_empty()
        && variable.len() <= NAME_BYTES_MAX
        && variable.bytes().all(plain)
        && !variable.starts_with(|first: char| first.is_ascii_digit());
    if fit { Ok(()) } else { Err(ProviderError::Variable(variable.chars().take(4).chain("…".chars()).collect())) }
}

#[cfg(test)]
mod tests;
