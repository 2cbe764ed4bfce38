//! What a token says, compared with what it must say (RFC 7519, section 4.1; OpenID Connect Core 1.0, section
//! 3.1.3.7; RFC 9068, section 4).

use std::collections::BTreeSet;

use mizzen_model::time::Timestamp;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use super::{LEEWAY_SECONDS, TokenError};

/// What a token must say to be of use here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// One of these must be among the audiences of the token.
    pub audiences: &'a [String],
    /// All of these must be among its scopes.
    pub scopes: &'a [String],
    /// Of the sign-in that the token was asked for.
    pub nonce: Option<&'a str>,
}

/// What a token says whose signature was right.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    pub issuer: String,
    /// Stable name of the person or program at this issuer.
    pub subject: String,
    pub audiences: Vec<String>,
    pub expires_at: Timestamp,
    pub scopes: BTreeSet<String>,
    /// Everything, for claims that only one issuer knows.
    pub all: Map<String, Value>,
}

impl Claims {
    /// Reads and compares; the signature was checked before.
    pub(super) fn check(
        all: Map<String, Value>,
        issuer: &str,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Self, TokenError> {
        if text(&all, "iss")? != issuer {
            return Err(TokenError::Issuer(issuer.to_owned()));
        }
        let audiences = list(&all, "aud")?;
        if !audiences.iter().any(|audience| expected.audiences.contains(audience)) {
            return Err(TokenError::Audience(expected.audiences.join("` or `")));
        }
        let expires = seconds(&all, "exp")?.ok_or(TokenError::Claim("exp"))?;
        let now_seconds = now.unix_nanos() / 1_000_000_000;
        if expires.saturating_add(LEEWAY_SECONDS) <= now_seconds {
            return Err(TokenError::Expired);
        }
        for claim in ["nbf", "iat"] {
            if seconds(&all, claim)?.is_some_and(|from| from.saturating_sub(LEEWAY_SECONDS) > now_seconds) {
                return Err(TokenError::NotYet);
            }
        }
        if let Some(nonce) = expected.nonce {
            let is_same = text(&all, "nonce").is_ok_and(|told| told.as_bytes().ct_eq(nonce.as_bytes()).into());
            if !is_same {
                return Err(TokenError::Nonce);
            }
        }
        // A token for several that was given to somebody else is not for us.
        let client = optional(&all, "azp").or_else(|| optional(&all, "client_id"));
        if expected.nonce.is_some() && client.is_some_and(|client| !expected.audiences.contains(&client)) {
            return Err(TokenError::Audience(expected.audiences.join("` or `")));
        }
        let scopes = scopes(&all);
        if let Some(missing) = expected.scopes.iter().find(|scope| !scopes.contains(*scope)) {
            return Err(TokenError::Scope(missing.clone()));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: text(&all, "sub")?.to_owned(),
            audiences,
            expires_at: Timestamp::from_unix_nanos(expires.saturating_mul(1_000_000_000)),
            scopes,
            all,
        })
    }

    /// Whom it names, and nobody at another issuer: `issuer#subject`.
    #[must_use]
    pub fn person(&self) -> String {
        format!("{}#{}", self.issuer, self.subject)
    }

    /// The texts of a claim: itself, or each item of a list. Dots lead into objects, as in `realm_access.roles`; a
    /// claim whose own name has dots is found too.
    #[must_use]
    pub fn texts(&self, claim: &str) -> Vec<&str> {
        let by_path = || {
            let mut parts = claim.split('.');
            let first = parts.next().and_then(|first| self.all.get(first));
            parts.fold(first, |value, part| value?.get(part))
        };
        match self.all.get(claim).or_else(by_path) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

fn text<'a>(all: &'a Map<String, Value>, claim: &'static str) -> Result<&'a str, TokenError> {
    let text = all.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or(TokenError::Claim(claim))
}

fn optional(all: &Map<String, Value>, claim: &str) -> Option<String> {
    all.get(claim).and_then(Value::as_str).map(str::to_owned)
}

fn list(all: &Map<String, Value>, claim: &'static str) -> Result<Vec<String>, TokenError> {
    match all.get(claim) {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(items)) => {
            let items: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            items.ok_or(TokenError::Claim(claim))
        }
        _ => Err(TokenError::Claim(claim)),
    }
}

/// Seconds since 1970; some issuers write them with a fraction.
fn seconds(all: &Map<String, Value>, claim: &'static str) -> Result<Option<i64>, TokenError> {
    let Some(value) = all.get(claim) else { return Ok(None) };
    let whole = value.as_i64();
    #[allow(clippy::cast_possible_truncation, reason = "the range is checked, the fraction is not needed")]
    let rounded = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).map(|seconds| seconds as i64);
    whole.or(rounded).map(Some).ok_or(TokenError::Claim(claim))
}

/// `scope` (RFC 8693, section 4.2), or `scp` as some write it.
fn scopes(all: &Map<String, Value>) -> BTreeSet<String> {
    let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let read = |claim: &str| match all.get(claim) {
        Some(Value::String(text)) => words(text),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    ["scope", "scp"].into_iter().flat_map(read).collect()
}
