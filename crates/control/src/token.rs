//! Random tokens, and the hashes that are stored in their place.
//!
//! Tokens carry 256 random bits, so a plain SHA-256 protects them at rest: there is nothing to guess, and no
//! reason for a slow hash on the path of every call. They are found by their hash; how long a comparison of
//! hashes takes tells nothing about a token that would produce one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

const RANDOM_BYTES: usize = 32;
/// Longer than any token of ours; what is longer is not hashed.
const TOKEN_BYTES_MAX: usize = 128;

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}

/// `prefix` and 43 characters of base64url (RFC 4648, section 5).
pub(crate) fn mint(prefix: &str) -> Result<Secret, NoRandomness> {
    let random = random::<RANDOM_BYTES>()?;
    Ok(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random))))
}

/// A short random id that is no secret.
pub(crate) fn mint_id(prefix: &str) -> Result<String, NoRandomness> {
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<9>()?)))
}

/// As [`mint_id`], of things of which there are many: ids of about the same time begin alike, so that what is written together
/// lies together in an index.
pub(crate) fn mint_id_at(prefix: &str, at: Timestamp) -> Result<String, NoRandomness> {
    let millis = (at.unix_nanos() / 1_000_000).to_be_bytes();
    let mut bytes = [0; 15];
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6..].copy_from_slice(&random::<9>()?);
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    /// `None` when `token` lacks `prefix` or is too long to be one of ours.
    pub(crate) fn of(prefix: &str, token: &str) -> Option<Self> {
        let ours = token.starts_with(prefix) && token.len() <= TOKEN_BYTES_MAX;
        ours.then(|| Self(Sha256::digest(token).into()))
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// For the few tokens that are compared rather than looked up.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenHash, mint};

    #[test]
    fn tokens_are_long_differ_and_are_found_by_a_hash_that_survives_its_text() {
        let (one, other) = (mint("mzk_").unwrap(), mint("mzk_").unwrap());
        assert_eq!(one.expose().len(), 4 + 43);
        assert_ne!(one.expose(), other.expose());
        let hash = TokenHash::of("mzk_", one.expose()).unwrap();
        assert_eq!(TokenHash::from_text(&hash.to_string()), Some(hash));
        assert!(!hash.to_string().contains(one.expose()));
        assert!(!hash.matches(&TokenHash::of("mzk_", other.expose()).unwrap()));
    }

    #[test]
    fn what_is_no_token_of_the_kind_has_no_hash() {
        assert_eq!(TokenHash::of("mzk_", "sk-123"), None);
        assert_eq!(TokenHash::of("mzk_", &format!("mzk_{}", "a".repeat(1 << 20))), None);
    }
}
