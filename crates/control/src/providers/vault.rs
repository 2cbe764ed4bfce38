//! Encryption at rest: XChaCha20-Poly1305 under a key that lies in the data folder, beside the database.
//!
//! It protects copies of the database (backups, PostgreSQL and who administers it), not against who can read the
//! data folder. The provider's name is authenticated too, so that one row's secret cannot be moved to another.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use mizzen_runtime::secret::Secret;
use mizzen_store::DataDir;
use mizzen_store::data_dir::DataDirError;

use super::{ProviderError, Resolved, SecretError, Stored};
use crate::environment::Environment;
use crate::token::{self, NoRandomness};

/// The file in the data folder that holds the key; a backup without it cannot use the keys of providers.
pub const FILE: &str = "secret.key";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Before the ciphertext, so that another method can follow one day.
const VERSION: &str = "1.";

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(
        "`{}` must hold {KEY_BYTES} bytes in base64; restore it from a backup, or remove it and enter the keys of providers again",
        .0.display()
    )]
    Key(std::path::PathBuf),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

pub(crate) struct Vault {
    cipher: XChaCha20Poly1305,
    environment: Environment,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// The first start makes the key.
    pub(crate) fn open(data_dir: &DataDir, environment: Environment) -> Result<Self, VaultError> {
        let key: [u8; KEY_BYTES] = match data_dir.read_private(FILE)? {
            Some(content) => STANDARD
                .decode(content.trim_ascii())
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| VaultError::Key(data_dir.join(FILE)))?,
            None => {
                let key = token::random()?;
                data_dir.write_private(FILE, format!("{}\n", STANDARD.encode(key)).as_bytes())?;
                key
            }
        };
        Ok(Self { cipher: XChaCha20Poly1305::new(&Key::from(key)), environment })
    }

    /// A nonce of 192 random bits never repeats in practice, so none has to be remembered.
    pub(super) fn encrypt(&self, provider: &str, secret: &Secret) -> Result<String, ProviderError> {
        let nonce: [u8; NONCE_BYTES] = token::random()?;
        let aad = authenticated(provider);
        let payload = Payload { msg: secret.expose().as_bytes(), aad: aad.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| ProviderError::NotEncrypted(provider.to_owned()))?;
        Ok(format!("{VERSION}{}", STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    pub(crate) fn resolve(&self, stored: &Stored) -> Resolved {
        let provider = || stored.name.clone();
        if let Some(variable) = &stored.variable {
            return match self.environment.get(variable) {
                Some(value) => Resolved::Ready(Secret::new(value)),
                None => {
                    Resolved::Faulty(SecretError::VariableNotSet { provider: provider(), variable: variable.clone() })
                }
            };
        }
        let secret = stored.ciphertext.as_deref().and_then(|ciphertext| self.decrypt(&stored.name, ciphertext));
        secret.map_or_else(|| Resolved::Faulty(SecretError::NotDecrypted { provider: provider() }), Resolved::Ready)
    }

    fn decrypt(&self, provider: &str, ciphertext: &str) -> Option<Secret> {
        let bytes = STANDARD.decode(ciphertext.strip_prefix(VERSION)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let aad = authenticated(provider);
        let payload = Payload { msg: sealed, aad: aad.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(plain).ok().map(Secret::new)
    }
}

fn authenticated(provider: &str) -> String {
    format!("mizzen provider key {provider}")
}
