//! Access tokens of the authorization servers that the configuration names.

use futures::future::BoxFuture;
use mizzen_control::KeyIdentity;
use mizzen_control::snapshot::TOKEN_KEY_PREFIX;
use mizzen_control::tokens::{Claims, Expected, Issuer, IssuerConfig, TokenError};
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;

use super::config::ResourceConfig;
use super::pipeline::TokenCheck;

/// Takes tokens of any of the issuers.
#[derive(Debug)]
pub struct IssuerTokens {
    issuers: Vec<Issuer>,
    /// That a token must have.
    scopes: Vec<String>,
}

impl IssuerTokens {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When the address of an issuer is neither https nor on loopback.
    pub fn new(resource: &ResourceConfig, client: &HttpClient, clock: &Clock) -> Result<Self, Box<TokenError>> {
        let issuer =
            |issuer: &String| Issuer::new(IssuerConfig::new(issuer), client.clone(), clock.clone()).map_err(Box::new);
        let issuers = resource.issuers.iter().map(issuer).collect::<Result<_, _>>()?;
        Ok(Self { issuers, scopes: resource.scopes.clone() })
    }
}

impl TokenCheck for IssuerTokens {
    fn check<'a>(&'a self, token: &'a str, audiences: &'a [String]) -> BoxFuture<'a, Result<KeyIdentity, String>> {
        Box::pin(async move {
            let expected = Expected { audiences, scopes: &self.scopes, nonce: None };
            let mut why = "no authorization server is configured".to_owned();
            for issuer in &self.issuers {
                match issuer.verify(token, &expected).await {
                    Ok(claims) => return Ok(identity(claims)),
                    Err(error) => why = error.to_string(),
                }
            }
            Err(why)
        })
    }
}

/// A token says who calls, and for itself nothing about an agent's digest. The name of its credential cannot be that of
/// a Mizzen key.
fn identity(claims: Claims) -> KeyIdentity {
    KeyIdentity {
        key_id: format!("{TOKEN_KEY_PREFIX}{}", claims.person()),
        caller: claims.subject,
        agent: claims.client,
        team: None,
        agent_digest: None,
        minted_by: None,
        run_id: None,
        expires_at: Some(claims.expires_at),
    }
}
