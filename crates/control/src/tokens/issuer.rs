//! One issuer: its metadata and keys, fetched when needed and kept.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;
use serde_json::Value;
use tokio::sync::Mutex;

use super::claims::{Claims, Expected};
use super::keys::{self, KeySet};
use super::{TokenError, fetch};

/// Keys older than this are fetched again before they are believed.
const KEYS_MAX_AGE: Duration = Duration::from_secs(3_600);
/// Tokens that name unknown keys cause no more fetches than one in this time.
const FETCH_INTERVAL: Duration = Duration::from_secs(10);

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Exactly as tokens have it in `iss`.
    pub issuer: String,
    /// Where its keys are; by default its metadata say so.
    pub jwks_uri: Option<String>,
}

impl IssuerConfig {
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), jwks_uri: None }
    }
}

/// What an issuer says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub jwks_uri: String,
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: Option<String>,
    /// Where it tells of a person what the ID token leaves out.
    pub userinfo_endpoint: Option<String>,
    /// How clients may show who they are at the token endpoint.
    pub token_auth_methods: Vec<String>,
    /// Whether it names itself in the answer to an authorization request (RFC 9207).
    pub says_issuer: bool,
}

/// Verifies the tokens of one issuer. Cheap to clone; clones share what was fetched.
#[derive(Debug, Clone)]
pub struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: IssuerConfig,
    client: HttpClient,
    clock: Clock,
    /// Read without waiting: a token that names an unknown key must not hold up those that name a known one.
    fetched: ArcSwap<Fetched>,
    /// Held while the issuer is asked, so that it is asked once.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Fetched {
    keys: KeySet,
    at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Kept {
    metadata: Option<Metadata>,
    /// Of the last attempt, which may have failed.
    tried_at: Option<Timestamp>,
}

impl Issuer {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When an address is neither https nor on loopback.
    pub fn new(config: IssuerConfig, client: HttpClient, clock: Clock) -> Result<Self, TokenError> {
        fetch::check_address(&config.issuer)?;
        config.jwks_uri.as_deref().map(fetch::check_address).transpose()?;
        Ok(Self(Arc::new(Inner { config, client, clock, fetched: ArcSwap::default(), kept: Mutex::default() })))
    }

    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.config.issuer
    }

    pub(crate) fn client(&self) -> &HttpClient {
        &self.0.client
    }

    /// What the issuer says of itself.
    ///
    /// # Errors
    /// When it cannot be asked, or names itself otherwise.
    pub async fn metadata(&self) -> Result<Metadata, TokenError> {
        let mut kept = self.0.kept.lock().await;
        self.0.metadata(&mut kept).await
    }

    /// Whether `token` is signed by this issuer and says what is expected; what it says.
    ///
    /// # Errors
    /// When it is not or does not, or the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str, expected: &Expected<'_>) -> Result<Claims, TokenError> {
        let signed = keys::read_header(token)?;
        let keys = self.0.keys_with(&signed).await?;
        let unknown = || TokenError::UnknownKey { issuer: self.0.config.issuer.clone() };
        let claims = keys::open(token, &signed, keys.keys.find(&signed).ok_or_else(unknown)?)?;
        Claims::check(claims, &self.0.config.issuer, expected, self.0.clock.now())
    }

    /// What `endpoint` tells of the person whom `claims` name, added to them (OpenID Connect Core 1.0, section 5.3). What
    /// the signed token says stays.
    ///
    /// # Errors
    /// When the issuer cannot be asked, or tells of somebody else.
    pub(crate) async fn add_user_info(
        &self,
        claims: &mut Claims,
        endpoint: &str,
        access_token: &str,
    ) -> Result<(), TokenError> {
        let told = fetch::get(&self.0.client, &self.0.config.issuer, endpoint, Some(access_token)).await?;
        let Some(Value::Object(told)) = told else { return Ok(()) };
        if told.get("sub").and_then(Value::as_str) != Some(claims.subject.as_str()) {
            return Err(TokenError::Claim("sub"));
        }
        for (name, value) in told {
            claims.all.entry(name).or_insert(value);
        }
        Ok(())
    }
}

impl Inner {
    /// The keys; fetched when there are none, when they are old, and when they lack the one that is asked for.
    async fn keys_with(&self, signed: &keys::Signed) -> Result<Arc<Fetched>, TokenError> {
        let is_enough =
            |fetched: &Fetched| self.is_younger(fetched.at, KEYS_MAX_AGE) && fetched.keys.find(signed).is_some();
        let fetched = self.fetched.load_full();
        if is_enough(&fetched) {
            return Ok(fetched);
        }
        let mut kept = self.kept.lock().await;
        let fetched = self.fetched.load_full();
        if is_enough(&fetched) {
            return Ok(fetched);
        }
        if self.is_younger(kept.tried_at, FETCH_INTERVAL) {
            if self.is_younger(fetched.at, KEYS_MAX_AGE) {
                return Ok(fetched);
            }
            return Err(fetch::unavailable(&self.config.issuer, "its keys could not be had a moment ago".into(), None));
        }
        kept.tried_at = Some(self.clock.now());
        let fetched = Arc::new(Fetched { keys: self.fetch_keys(&mut kept).await?, at: Some(self.clock.now()) });
        self.fetched.store(Arc::clone(&fetched));
        Ok(fetched)
    }

    fn is_younger(&self, instant: Option<Timestamp>, than: Duration) -> bool {
        let nanos = i64::try_from(than.as_nanos()).unwrap_or(i64::MAX);
        instant.is_some_and(|instant| self.clock.now().nanos_since(instant) < nanos)
    }

    async fn fetch_keys(&self, kept: &mut Kept) -> Result<KeySet, TokenError> {
        // The place of the keys may have changed with them.
        kept.metadata = None;
        let address = match &self.config.jwks_uri {
            Some(address) => address.clone(),
            None => self.metadata(kept).await?.jwks_uri,
        };
        let document = fetch::get(&self.client, &self.config.issuer, &address, None).await?;
        let keys = document.as_ref().and_then(KeySet::parse);
        keys.ok_or_else(|| fetch::unavailable(&self.config.issuer, "it publishes no key set".to_owned(), None))
    }

    async fn metadata(&self, kept: &mut Kept) -> Result<Metadata, TokenError> {
        if let Some(metadata) = &kept.metadata {
            return Ok(metadata.clone());
        }
        for address in metadata_addresses(&self.config.issuer) {
            let Some(document) = fetch::get(&self.client, &self.config.issuer, &address, None).await? else { continue };
            let metadata = self.read_metadata(&document)?;
            kept.metadata = Some(metadata.clone());
            return Ok(metadata);
        }
        Err(fetch::unavailable(&self.config.issuer, "it publishes no metadata".to_owned(), None))
    }

    fn read_metadata(&self, document: &Value) -> Result<Metadata, TokenError> {
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
        // Otherwise one issuer could pass for another (OpenID Connect Discovery 1.0, section 4.3).
        if text("issuer").as_deref() != Some(self.config.issuer.as_str()) {
            return Err(TokenError::Issuer(self.config.issuer.clone()));
        }
        let endpoint =
            |name: &str| text(name).map(|address| fetch::check_address(&address).map(|_| address)).transpose();
        let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let methods = methods.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        let no_keys = || fetch::unavailable(&self.config.issuer, "its metadata name no keys".to_owned(), None);
        Ok(Metadata {
            jwks_uri: endpoint("jwks_uri")?.ok_or_else(no_keys)?,
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            userinfo_endpoint: endpoint("userinfo_endpoint")?,
            token_auth_methods: methods.collect(),
            says_issuer: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        })
    }
}

/// OpenID Connect puts the well-known part behind the issuer's path, RFC 8414 before it.
fn metadata_addresses(issuer: &str) -> Vec<String> {
    let issuer = issuer.trim_end_matches('/');
    let mut addresses = vec![format!("{issuer}/.well-known/openid-configuration")];
    let path_at = issuer.find("://").and_then(|scheme| issuer[scheme + 3..].find('/').map(|path| scheme + 3 + path));
    let (host, path) = issuer.split_at(path_at.unwrap_or(issuer.len()));
    addresses.push(format!("{host}/.well-known/oauth-authorization-server{path}"));
    addresses
}
