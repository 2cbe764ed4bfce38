//! Who we are to a server. What agents hold is never passed on.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use mizzen_model::percent;
use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::seam::UpstreamError;
use crate::servers::Credential;
use crate::upstream::shared::Shared;

const TOKEN_BYTES_MAX: usize = 64 << 10;
const TOKEN_TIMEOUT: Duration = Duration::from_secs(15);
/// When the authorization server does not say.
const TOKEN_LIFE_SECONDS: u64 = 300;
/// A token is renewed so long before its end, or a fifth of its life when that is less.
const RENEW_BEFORE_SECONDS: u64 = 60;

/// The credential of one server, with the token it was last exchanged for.
#[derive(Debug)]
pub(super) struct Credentials {
    credential: Option<Credential>,
    /// RFC 8707, when the configuration names none.
    resource: String,
    token: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    secret: Secret,
    renew_at: Timestamp,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: Secret,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Credentials {
    pub(super) fn new(credential: Option<Credential>, url: &str) -> Self {
        let resource = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        Self { credential, resource, token: Mutex::new(None) }
    }

    pub(super) const fn is_given(&self) -> bool {
        self.credential.is_some()
    }

    /// The header to send.
    pub(super) async fn header(
        &self,
        shared: &Shared,
        server: &str,
    ) -> Result<Option<(HeaderName, HeaderValue)>, UpstreamError> {
        let (name, prefix, secret) = match &self.credential {
            None => return Ok(None),
            Some(Credential::Header { header, prefix, secret }) => {
                (header.as_str(), prefix.as_str(), shared.secret(server, secret)?)
            }
            Some(Credential::Oauth { .. }) => ("authorization", "Bearer ", self.token(shared, server).await?),
        };
        let unfit = || UpstreamError::Credential { server: server.to_owned() };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose())).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }

    /// Forgets the token, so that the next request gets another; `false` when there is none to get.
    pub(super) async fn renew(&self) -> bool {
        matches!(self.credential, Some(Credential::Oauth { .. })) && self.token.lock().await.take().is_some()
    }

    /// One exchange at a time: the others wait for its token.
    async fn token(&self, shared: &Shared, server: &str) -> Result<Secret, UpstreamError> {
        let mut kept = self.token.lock().await;
        let now = shared.clock.now();
        if let Some(token) = kept.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.secret.clone());
        }
        let response = self.exchange(shared, server).await?;
        let life = response.expires_in.unwrap_or(TOKEN_LIFE_SECONDS);
        let usable = life.saturating_sub(RENEW_BEFORE_SECONDS.min(life / 5));
        let renew_at = now.plus_nanos(i64::try_from(Duration::from_secs(usable).as_nanos()).unwrap_or(i64::MAX));
        *kept = Some(Token { secret: response.access_token.clone(), renew_at });
        Ok(response.access_token)
    }

    /// RFC 6749, section 4.4.2, with the client's credentials in the header (section 2.3.1).
    async fn exchange(&self, shared: &Shared, server: &str) -> Result<TokenResponse, UpstreamError> {
        let unreachable =
            |reason: &str| UpstreamError::Unreachable { server: server.to_owned(), reason: reason.to_owned() };
        let Some(Credential::Oauth { token_url, client_id, secret, scope, resource }) = &self.credential else {
            return Err(unreachable("it has no OAuth credential"));
        };
        let secret = shared.secret(server, secret)?;
        let basic = STANDARD.encode(format!("{}:{}", form(client_id), form(secret.expose())));
        let mut body =
            format!("grant_type=client_credentials&resource={}", form(resource.as_ref().unwrap_or(&self.resource)));
        if let Some(scope) = scope {
            body.push_str(&format!("&scope={}", form(scope)));
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, format!("Basic {basic}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| unreachable("its authorization server's address is no URL"))?;
        let asking = async {
            let response =
                shared.http.send(request).await.map_err(|_| unreachable("its authorization server does not answer"))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), TOKEN_BYTES_MAX).collect().await;
            let body = body.map_err(|_| unreachable("its authorization server broke off"))?.to_bytes();
            if !status.is_success() {
                // The body may quote what was sent.
                tracing::warn!(server, %status, "the authorization server refused us");
                return Err(UpstreamError::Credential { server: server.to_owned() });
            }
            serde_json::from_slice(&body).map_err(|_| unreachable("its authorization server answered with no token"))
        };
        let response: TokenResponse = tokio::time::timeout(TOKEN_TIMEOUT, asking)
            .await
            .map_err(|_| unreachable("its authorization server does not answer"))??;
        if !response.token_type.eq_ignore_ascii_case("bearer") {
            return Err(unreachable("its authorization server gives tokens of another kind than `Bearer`"));
        }
        Ok(response)
    }
}

/// `application/x-www-form-urlencoded`.
fn form(text: &str) -> String {
    percent::encode(text).replace("%20", "+")
}
