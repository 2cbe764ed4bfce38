//! The administrator's token: a file that only who may read the data folder can read.

use mizzen_runtime::secret::Secret;
use mizzen_store::{DataDir, Store};

use super::{ADMIN_PREFIX, ADMIN_TOKEN_FILE, session};
use crate::plane::OpenError;
use crate::token::{self, TokenHash};

#[derive(Debug)]
pub(crate) struct AdminToken {
    secret: Secret,
    hash: TokenHash,
}

impl AdminToken {
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Compared by hash in constant time: neither content nor length of the token can be timed.
    pub(super) fn is(&self, token: &str) -> bool {
        TokenHash::of(ADMIN_PREFIX, token).is_some_and(|hash| hash.matches(&self.hash))
    }
}

/// Reads the token; the first start makes it. So does the start after the file was removed, which is how a token
/// is replaced: what the old one opened ends with it.
pub(crate) async fn open(store: &Store, data_dir: &DataDir) -> Result<AdminToken, OpenError> {
    let secret = match data_dir.read_private(ADMIN_TOKEN_FILE)? {
        Some(content) => {
            let text = String::from_utf8(content).map_err(|_| damaged())?;
            Secret::new(text.trim())
        }
        None => {
            // Another node's sessions in a shared database are not this token's.
            if !store.is_postgres() {
                session::delete_all(store).await?;
            }
            let secret = token::mint(ADMIN_PREFIX)?;
            data_dir.write_private(ADMIN_TOKEN_FILE, format!("{}\n", secret.expose()).as_bytes())?;
            secret
        }
    };
    let hash = TokenHash::of(ADMIN_PREFIX, secret.expose()).filter(|_| is_long_enough(&secret)).ok_or_else(damaged)?;
    Ok(AdminToken { secret, hash })
}

/// A file that was cut short must not become a token that can be guessed.
fn is_long_enough(secret: &Secret) -> bool {
    const CHARACTERS_MIN: usize = 32;
    secret.expose().len() >= ADMIN_PREFIX.len() + CHARACTERS_MIN
}

fn damaged() -> OpenError {
    OpenError::AdminToken { file: ADMIN_TOKEN_FILE.to_owned() }
}
