//! Signing in with somebody else's login: OpenID Connect, authorization code flow with PKCE (RFC 7636), state and nonce.
//!
//! A sign-in belongs to the browser that began it: a random value in its cookie, of which only the hash is kept here, is
//! what the nonce and the code verifier are made from. A state works once, within [`SIGN_IN_TTL`].

mod config;
mod flow;
mod pending;

use mizzen_store::{Migration, StoreError};

pub use self::config::{OidcConfig, OidcConfigError};
pub use self::flow::{Answer, Finished, Oidc, Started};
use crate::sign_in::{ADMIN_NAME, SignInError};
use crate::token::NoRandomness;
use crate::tokens::TokenError;

/// How long a person may take at the provider.
pub const SIGN_IN_TTL: std::time::Duration = std::time::Duration::from_secs(600);

/// To be given to `Store::open` beside those of the plane.
pub const MIGRATIONS: &[Migration] = &[Migration {
    plane: "oidc",
    version: 1,
    sql: "
CREATE TABLE oidc_sign_ins (
    hash TEXT PRIMARY KEY,
    browser TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    return_to TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
",
}];

/// Why somebody could not sign in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    #[error("this sign-in was begun in another browser, was finished before, or took too long; sign in again")]
    State,
    #[error("the provider refused the sign-in: {0}")]
    Refused(String),
    #[error("the provider did not exchange the code: {0}")]
    Exchange(String),
    #[error("the provider's token is not to be believed")]
    Token(#[source] TokenError),
    #[error("the provider cannot be asked")]
    Unavailable(#[source] TokenError),
    #[error("`{name}` is known to the provider and has no role here; `oidc.roles` gives roles by the claim `{claim}`")]
    NoRole { name: String, claim: String },
    #[error(
        "the provider calls this person `{ADMIN_NAME}`, who is who has the administration token here; \
         name another claim in `oidc.name_claim`"
    )]
    Reserved,
    #[error(
        "the provider gives this person a name that is empty or has control or invisible characters, which others could not \
         tell from another name; mend it there (the claim `{claim}`), or name another claim in `oidc.name_claim`"
    )]
    Name { claim: String },
    #[error("too many sign-ins are under way; try again in a minute")]
    Busy,
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OidcError {
    /// Stable, for pages and for the audit log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::State => "oidc_state",
            Self::Refused(_) | Self::Reserved | Self::Name { .. } => "oidc_refused",
            Self::Exchange(_) | Self::Token(_) => "oidc_token",
            Self::NoRole { .. } => "oidc_no_role",
            Self::Unavailable(_) | Self::Busy => "oidc_unavailable",
            Self::SignIn(_) | Self::Random(_) | Self::Store(_) => "oidc_failed",
        }
    }
}

impl From<TokenError> for OidcError {
    fn from(error: TokenError) -> Self {
        if error.is_unavailable() { Self::Unavailable(error) } else { Self::Token(error) }
    }
}

#[cfg(test)]
mod tests;
