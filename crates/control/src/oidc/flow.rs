//! The two steps: sending a browser to the provider, and taking what it brings back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mizzen_model::percent::{encode, encode_pairs};
use mizzen_model::permission::Role;
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::error::Chain;
use mizzen_runtime::secret::Secret;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::config::{OidcConfig, OidcConfigError};
use super::pending::{self, Pending};
use super::{OidcError, SIGN_IN_TTL};
use crate::Control;
use crate::environment::Environment;
use crate::sign_in::{self, SessionCookie};
use crate::token::{self, TokenHash};
use crate::tokens::{Claims, Expected, Issuer, IssuerConfig, Metadata, TokenError, post_form};

const STATE_PREFIX: &str = "mzo_";
const BROWSER_PREFIX: &str = "mzb_";
const RETURN_BYTES_MAX: usize = 512;

/// One configured login. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Oidc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: OidcConfig,
    roles: Vec<(Role, Vec<String>)>,
    secret: Option<Secret>,
    issuer: Issuer,
    client_ids: [String; 1],
    control: Control,
}

/// Where a browser goes, and what it keeps.
#[derive(Debug, Clone)]
pub struct Started {
    /// At the provider.
    pub location: String,
    /// For a cookie that only the callback is sent.
    pub browser: Secret,
}

/// What a browser brought back from the provider.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub code: Option<String>,
    pub state: Option<String>,
    pub error: Option<String>,
    /// Who answered (RFC 9207).
    pub issuer: Option<String>,
    /// The cookie of [`Started::browser`].
    pub browser: Option<String>,
}

/// What a code is exchanged for.
struct Tokens {
    id: String,
    access: Option<Secret>,
}

/// Somebody is signed in.
#[derive(Debug, Clone)]
pub struct Finished {
    pub cookie: SessionCookie,
    /// A path of this server.
    pub return_to: String,
}

impl Oidc {
    /// Asks nobody yet. `None` where no issuer is configured.
    ///
    /// # Errors
    /// When the section is not right, or its secret is not where it says.
    pub fn new(
        config: &OidcConfig,
        control: &Control,
        environment: &Environment,
        client: HttpClient,
    ) -> Result<Option<Self>, OidcConfigError> {
        if !config.is_on() {
            return Ok(None);
        }
        let roles = config.read_roles()?;
        let secret = config.secret(environment)?;
        let clock = control.0.clock.clone();
        let issuer = Issuer::new(IssuerConfig::new(&config.issuer), client, clock).map_err(OidcConfigError::Address)?;
        let client_ids = [config.client_id.clone()];
        let inner = Inner { config: config.clone(), roles, secret, issuer, client_ids, control: control.clone() };
        Ok(Some(Self(Arc::new(inner))))
    }

    /// What the button says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    #[must_use]
    pub fn issuer(&self) -> &str {
        self.0.issuer.issuer()
    }

    /// Begins a sign-in. `callback` is the address at which the browser reaches this server's callback, `return_to` the
    /// page it came for.
    ///
    /// # Errors
    /// When the provider cannot be asked, or too many sign-ins are under way.
    pub async fn start(&self, callback: &str, return_to: Option<&str>) -> Result<Started, OidcError> {
        let metadata = self.0.issuer.metadata().await?;
        let endpoint =
            metadata.authorization_endpoint.as_deref().ok_or_else(|| no_endpoint("authorization endpoint"))?;
        let (state, browser) = (token::mint(STATE_PREFIX)?, token::mint(BROWSER_PREFIX)?);
        let configured = Some(self.0.config.redirect_url.as_str()).filter(|url| !url.is_empty());
        let pending = Pending {
            browser: hash(BROWSER_PREFIX, browser.expose())?.to_string(),
            redirect_uri: configured.unwrap_or(callback).to_owned(),
            return_to: return_to.filter(|path| is_own_path(path)).unwrap_or("/").to_owned(),
        };
        let inner = &self.0.control.0;
        let now = inner.clock.now();
        let nanos = i64::try_from(SIGN_IN_TTL.as_nanos()).unwrap_or(i64::MAX);
        let state_hash = hash(STATE_PREFIX, state.expose())?;
        if !pending::insert(&inner.store, state_hash, &pending, now, now.plus_nanos(nanos)).await? {
            return Err(OidcError::Busy);
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(derived("verifier", browser.expose())));
        let scope = ["openid"].into_iter().chain(self.0.config.scopes.iter().map(String::as_str));
        let query = encode_pairs([
            ("response_type", "code"),
            ("client_id", self.0.config.client_id.as_str()),
            ("redirect_uri", pending.redirect_uri.as_str()),
            ("scope", scope.collect::<Vec<_>>().join(" ").as_str()),
            ("state", state.expose()),
            ("nonce", derived("nonce", browser.expose()).as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok(Started { location: format!("{endpoint}{joint}{query}"), browser })
    }

    /// Ends a sign-in: the person has a session afterwards.
    ///
    /// # Errors
    /// When anything about the answer is not as it was begun, or the person has no role.
    pub async fn finish(&self, answer: &Answer) -> Result<Finished, OidcError> {
        let inner = &self.0.control.0;
        let state = answer.state.as_deref().and_then(|state| TokenHash::of(STATE_PREFIX, state));
        let state = state.ok_or(OidcError::State)?;
        // Taken before anything else is looked at: whatever comes of it, it does not work again.
        let pending = pending::take(&inner.store, state, inner.clock.now()).await?.ok_or(OidcError::State)?;
        let browser = answer.browser.as_deref().ok_or(OidcError::State)?;
        let kept = TokenHash::from_text(&pending.browser).ok_or(OidcError::State)?;
        if !TokenHash::of(BROWSER_PREFIX, browser).is_some_and(|hash| hash.matches(&kept)) {
            return Err(OidcError::State);
        }
        let metadata = self.0.issuer.metadata().await?;
        let is_other = answer.issuer.as_deref().is_some_and(|issuer| issuer != self.issuer());
        if is_other || (metadata.says_issuer && answer.issuer.is_none()) {
            return Err(OidcError::Refused("another issuer answered".to_owned()));
        }
        if let Some(error) = &answer.error {
            return Err(OidcError::Refused(plain(error)));
        }
        let code = answer.code.as_deref().ok_or_else(|| OidcError::Refused("no code came".to_owned()))?;
        let tokens = self.exchange(&metadata, code, &pending.redirect_uri, browser).await?;
        let nonce = derived("nonce", browser);
        let expected = Expected { audiences: &self.0.client_ids, scopes: &[], nonce: Some(&nonce) };
        let mut claims = self.0.issuer.verify(&tokens.id, &expected).await?;
        self.complete(&mut claims, &metadata, tokens.access.as_ref()).await?;
        let name = self.0.config.name_of(&claims);
        if sign_in::is_reserved(&name) {
            return Err(OidcError::Reserved);
        }
        if !sign_in::is_name(&name) {
            return Err(OidcError::Name { claim: self.0.config.name_claim.clone() });
        }
        let claim = || self.0.config.role_claim.clone();
        let role = self.0.config.role_of(&self.0.roles, &claims);
        let role = role.ok_or_else(|| OidcError::NoRole { name: name.clone(), claim: claim() })?;
        let cookie = self.0.control.sign_in().start(role, name, Some(claims.person())).await?;
        Ok(Finished { cookie, return_to: pending.return_to })
    }

    /// Asks for what the ID token does not say: with a code, a provider may tell what the scopes ask for at its `UserInfo`
    /// endpoint alone (OpenID Connect Core 1.0, section 5.4). One that cannot be asked keeps nobody out: fewer claims
    /// only lower the role.
    ///
    /// # Errors
    /// When it tells of somebody else.
    async fn complete(
        &self,
        claims: &mut Claims,
        metadata: &Metadata,
        access_token: Option<&Secret>,
    ) -> Result<(), OidcError> {
        let config = &self.0.config;
        let is_told = |claim: &str| !claims.texts(claim).is_empty();
        if is_told(&config.role_claim) && is_told(&config.name_claim) {
            return Ok(());
        }
        if let (Some(endpoint), Some(token)) = (&metadata.userinfo_endpoint, access_token) {
            match self.0.issuer.add_user_info(claims, endpoint, token.expose()).await {
                Ok(()) => {}
                Err(error @ (TokenError::Unavailable { .. } | TokenError::Address(_))) => {
                    tracing::warn!(error = %Chain(&error), "the UserInfo endpoint told nothing; the ID token counts");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The tokens for a code (OpenID Connect Core 1.0, section 3.1.3).
    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        redirect_uri: &str,
        browser: &str,
    ) -> Result<Tokens, OidcError> {
        let endpoint = metadata.token_endpoint.as_deref().ok_or_else(|| no_endpoint("token endpoint"))?;
        let id = self.0.config.client_id.as_str();
        let verifier = derived("verifier", browser);
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier.as_str()),
        ];
        let methods = &metadata.token_auth_methods;
        // Basic is what a provider takes that says nothing (OpenID Connect Discovery 1.0, section 3).
        let is_basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        let authorization = match &self.0.secret {
            Some(secret) if is_basic => {
                let both = format!("{}:{}", encode(id), encode(secret.expose()));
                Some(format!("Basic {}", STANDARD.encode(both)))
            }
            Some(secret) => {
                pairs.extend([("client_id", id), ("client_secret", secret.expose())]);
                None
            }
            None => {
                pairs.push(("client_id", id));
                None
            }
        };
        let client = self.0.issuer.client();
        let (status, body) = post_form(client, self.issuer(), endpoint, authorization, encode_pairs(pairs)).await?;
        if status >= 500 {
            let (issuer, message) = (self.issuer().to_owned(), format!("it answers with status {status}"));
            return Err(TokenError::Unavailable { issuer, message, source: None }.into());
        }
        if status != 200 {
            let error = body.get("error").and_then(Value::as_str).map_or_else(|| format!("status {status}"), plain);
            return Err(OidcError::Exchange(error));
        }
        let token = |name: &str| body.get(name).and_then(Value::as_str);
        let id = token("id_token").ok_or_else(|| OidcError::Exchange("it gave no ID token".to_owned()))?;
        Ok(Tokens { id: id.to_owned(), access: token("access_token").map(Secret::new) })
    }
}

fn hash(prefix: &str, token: &str) -> Result<TokenHash, OidcError> {
    TokenHash::of(prefix, token).ok_or(OidcError::State)
}

/// What goes to the provider, made from what only the browser knows: one does not tell the other.
fn derived(purpose: &str, browser: &str) -> String {
    let digest =
        Sha256::new().chain_update("mizzen oidc ").chain_update(purpose).chain_update([0]).chain_update(browser);
    URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// A path of this server and of no other: browsers take `//host` and `/\host` for one.
fn is_own_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    path.len() <= RETURN_BYTES_MAX
        && bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && !path.contains(|c: char| c.is_control() || c == '\\')
}

/// Words of the provider, short and without control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}

fn no_endpoint(what: &str) -> OidcError {
    OidcError::Exchange(format!("it publishes no {what}"))
}
