//! Access tokens of the authorization servers that the configuration names.

use futures::future::BoxFuture;
use mizzen_control::KeyIdentity;
use mizzen_control::snapshot::TOKEN_KEY_PREFIX;
use mizzen_control::tokens::{Claims, Expected, Issuer, IssuerConfig, TokenError, issuer_of};
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;

use super::config::ResourceConfig;
use super::pipeline::TokenCheck;

/// Takes tokens of any of the issuers.
#[derive(Debug)]
pub struct IssuerTokens {
    issuers: Vec<Issuer>,
    resource: ResourceConfig,
}

/// Why no token could ever be taken.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    #[error(transparent)]
    Issuer(#[from] Box<TokenError>),
    #[error(
        "`issuers` names nobody, so that every token would be refused; name the authorization server, or leave out `tools.resource`"
    )]
    NoIssuer,
    #[error(
        "`agent_claims` names no claim, so that every token would be refused; name the claim that names the agent, or leave it out for \
         the usual ones"
    )]
    NoAgentClaim,
}

impl IssuerTokens {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When the address of an issuer is neither https nor on loopback, or every token would be refused.
    pub fn new(resource: &ResourceConfig, client: &HttpClient, clock: &Clock) -> Result<Self, ResourceError> {
        if resource.issuers.is_empty() {
            return Err(ResourceError::NoIssuer);
        }
        if resource.agent_claims.iter().all(String::is_empty) {
            return Err(ResourceError::NoAgentClaim);
        }
        let issuer =
            |issuer: &String| Issuer::new(IssuerConfig::new(issuer), client.clone(), clock.clone()).map_err(Box::new);
        let issuers = resource.issuers.iter().map(issuer).collect::<Result<_, _>>()?;
        Ok(Self { issuers, resource: resource.clone() })
    }

    /// The one that `token` says it is of: the others know nothing of it, and their reasons would hide the real one.
    fn issuer_of(&self, token: &str) -> Result<&Issuer, TokenError> {
        let named = issuer_of(token)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.issuer() == named);
        issuer.ok_or_else(|| TokenError::Issuer(self.resource.issuers.join("` or `")))
    }
}

impl TokenCheck for IssuerTokens {
    fn check<'a>(&'a self, token: &'a str, audiences: &'a [String]) -> BoxFuture<'a, Result<KeyIdentity, TokenError>> {
        Box::pin(async move {
            let expected = Expected { audiences, scopes: &self.resource.scopes, nonce: None };
            let claims = self.issuer_of(token)?.verify(token, &expected).await?;
            identity(&self.resource, claims)
        })
    }
}

/// A token says who calls, and for itself nothing about an agent's digest. The name of its credential cannot be that of
/// a Mizzen key.
fn identity(resource: &ResourceConfig, claims: Claims) -> Result<KeyIdentity, TokenError> {
    let named = |claim: &String| match claims.texts(claim).as_slice() {
        [name] if !name.is_empty() => Some((*name).to_owned()),
        _ => None,
    };
    let agent = resource.agent_claims.iter().find_map(named);
    let agent = agent.ok_or_else(|| TokenError::Agent(format!("`{}`", resource.agent_claims.join("`, `"))))?;
    Ok(KeyIdentity {
        key_id: format!("{TOKEN_KEY_PREFIX}{}", claims.person()),
        agent: Some(agent),
        team: resource.team_claim.as_ref().and_then(named),
        caller: claims.subject,
        agent_digest: None,
        minted_by: None,
        run_id: None,
        expires_at: Some(claims.expires_at),
    })
}

#[cfg(test)]
mod tests;
