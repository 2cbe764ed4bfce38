//! Tokens that others signed: ID tokens of people who sign in, access tokens that agents bring to a door.
//!
//! An [`Issuer`] knows where the keys are (OpenID Connect Discovery 1.0, or RFC 8414), keeps them, and fetches them
//! again when a token names one that it does not know. [`Issuer::verify`] believes nothing that is not signed by one
//! of these keys, with an algorithm that only the issuer can sign with.
//!
//! ```ignore
//! let issuer = Issuer::new(IssuerConfig::new("https://login.example.com"), client, clock)?;
//! let expected = Expected { audiences: &["https://mizzen.example.com/mcp".into()], scopes: &["tools".into()], nonce: None };
//! let claims = issuer.verify(bearer, &expected).await?;
//! ```

mod claims;
mod fetch;
mod issuer;
mod keys;

use mizzen_runtime::client::ClientError;

pub use self::claims::{Claims, Expected};
pub(crate) use self::fetch::{check_address, post_form};
pub use self::issuer::{Issuer, IssuerConfig, Metadata};
pub use self::keys::issuer_of;

/// Longer than any token in use; what is longer is not read.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// How far the issuer's clock may be from ours.
pub const LEEWAY_SECONDS: i64 = 60;

/// Why a token opens nothing. The messages name no part of the token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("this is no signed token")]
    Malformed,
    #[error(
        "the token is signed with `{0}`, which is not accepted: only the issuer's own key pair proves that it signed"
    )]
    Algorithm(String),
    #[error("the token names a key that `{issuer}` does not publish")]
    UnknownKey { issuer: String },
    #[error("the signature of the token is wrong")]
    Signature,
    #[error("the token was issued by somebody else than `{0}`")]
    Issuer(String),
    #[error("the token is for another audience; ask for one for `{0}`")]
    Audience(String),
    #[error("the token has expired; get a new one")]
    Expired,
    #[error("the token is not valid yet; are the clocks right?")]
    NotYet,
    #[error("the token says no `{0}`, or says it wrongly")]
    Claim(&'static str),
    #[error("the token names no agent: it has none of the claims {0}; have its issuer add one, or name another")]
    Agent(String),
    #[error("the token belongs to another sign-in")]
    Nonce,
    #[error("the token lacks the scope `{0}`")]
    Scope(String),
    #[error("the issuer `{issuer}` cannot be asked: {message}")]
    Unavailable {
        issuer: String,
        message: String,
        #[source]
        source: Option<Box<ClientError>>,
    },
    #[error("`{0}` must be an https address; plain http is for loopback only")]
    Address(String),
}

impl TokenError {
    /// Whether it may work later: the fault is not the token's.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Address(_))
    }

    /// Stable, for programs and for the audit log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm(_) => "token_algorithm",
            Self::UnknownKey { .. } => "token_key_unknown",
            Self::Signature => "token_signature",
            Self::Issuer(_) => "token_issuer",
            Self::Audience(_) => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet_valid",
            Self::Claim(_) => "token_claim",
            Self::Agent(_) => "token_agent",
            Self::Nonce => "token_nonce",
            Self::Scope(_) => "insufficient_scope",
            Self::Unavailable { .. } | Self::Address(_) => "issuer_unavailable",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
