//! Who calls.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use futures::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use mizzen_control::KeyIdentity;
use mizzen_control::audit::{Kind, Who};
use mizzen_control::origin::{self, OriginError};
use mizzen_control::tokens::TokenError;
use mizzen_runtime::listen::host_asked;

use super::decode::Incoming;
use crate::gateway::Inner;
use crate::gateway::metrics::Counted;
use crate::gateway::refusal::Refusal;
use crate::seam::View;
use crate::wire::rpc::{INVALID_REQUEST, LIMIT, REFUSED};

/// An issuer whose keys could not be had is asked again after that.
const ISSUER_AGAIN_SECONDS: &str = "10";

/// Checks tokens of an authorization server.
pub trait TokenCheck: fmt::Debug + Send + Sync {
    /// Who `token` names, when it is valid and meant for one of `audiences`. `Err` says why not, for the caller.
    fn check<'a>(&'a self, token: &'a str, audiences: &'a [String]) -> BoxFuture<'a, Result<KeyIdentity, TokenError>>;
}

/// A message at a door, whose sender is unknown.
#[derive(Debug)]
pub(in crate::gateway) struct Received {
    pub(in crate::gateway) gateway: Arc<Inner>,
    /// As in the address; `None` at the door of all servers.
    pub(in crate::gateway) profile: Option<String>,
}

/// A message of a known caller, at a door that there is; its body is unread.
#[derive(Debug)]
pub(in crate::gateway) struct Identified {
    pub(in crate::gateway) gateway: Arc<Inner>,
    pub(in crate::gateway) caller: Arc<KeyIdentity>,
    pub(in crate::gateway) profile: String,
    pub(in crate::gateway) view: Arc<View>,
    pub(in crate::gateway) parts: Parts,
    pub(in crate::gateway) body: Body,
    pub(in crate::gateway) counted: Counted,
}

impl Received {
    /// The key is checked before a byte of the body is read, and the page before the key.
    pub(in crate::gateway) async fn identify(self, request: Request<Body>) -> Result<Identified, Refusal> {
        let Self { gateway, profile } = self;
        let (parts, body) = request.into_parts();
        check_origin(&gateway, &parts)?;
        let counted = Counted::enter(&gateway.metrics.in_flight);
        let calls = u64::try_from(gateway.metrics.in_flight.get()).unwrap_or(0);
        if let Err(limit) = gateway.limits.calls.check(calls) {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                LIMIT,
                format!("{limit}; try again in a moment"),
            ));
        }
        let caller = gateway.caller(&parts.headers, profile.as_deref()).await?;
        let Some(view) = gateway.directory.view(profile.as_deref()) else {
            gateway.refused("profile_unknown", Some(&caller));
            let message = format!("there is no profile `{}`", profile.unwrap_or_default());
            return Err(Refusal::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message));
        };
        let profile = profile.unwrap_or_default();
        Ok(Identified { gateway, caller: Arc::new(caller), profile, view, parts, body, counted })
    }
}

/// A page of another site must not reach tools with what a browser has, nor a name that was made to point here.
pub(in crate::gateway) fn check_origin(gateway: &Inner, parts: &Parts) -> Result<(), Refusal> {
    let host = host_asked(&parts.uri, &parts.headers);
    let origin = match parts.headers.get(header::ORIGIN) {
        None => None,
        Some(value) => Some(value.to_str().unwrap_or("unreadable")),
    };
    origin::check(host, origin, &gateway.allowed).map_err(|error| {
        gateway.metrics.foreign_origin.inc();
        let is_origin = matches!(error, OriginError::Origin(_));
        gateway.refused(if is_origin { "origin_refused" } else { "host_refused" }, None);
        Refusal::new(StatusCode::FORBIDDEN, INVALID_REQUEST, error.to_string())
    })
}

impl Inner {
    /// Writes down that something was refused before it was a question for policies.
    pub(in crate::gateway) fn refused(&self, code: &'static str, caller: Option<&KeyIdentity>) {
        let known =
            |caller: &KeyIdentity| Who { key_id: Some(caller.key_id.clone()), ..Who::from(&caller.as_caller()) };
        self.control.audit().refused(Kind::DoorRefused, "gateway", code, caller.map(known).unwrap_or_default());
    }

    async fn caller(&self, headers: &HeaderMap, profile: Option<&str>) -> Result<KeyIdentity, Refusal> {
        let Some(token) = bearer(headers) else {
            let why = "a key is missing; send a Mizzen key (`mzk_…`) as `Authorization: Bearer`, made in the portal under \
                       Settings, Agent keys, or by `mizzen keys create`";
            return Err(self.challenge(StatusCode::UNAUTHORIZED, profile, None, why));
        };
        // Each kind of credential is asked about where it belongs: what is no key of ours is no unknown key.
        match (&self.tokens, &self.config.resource) {
            (Some(tokens), Some(resource)) if !token.starts_with("mzk_") => {
                // A token for one profile opens that profile, a token for the server every door.
                let audiences = [resource.url.clone(), door_url(&resource.url, None), door_url(&resource.url, profile)];
                tokens.check(token, &audiences).await.map_err(|error| self.token_refused(profile, &error))
            }
            _ => {
                let why = "this key is unknown, revoked or expired; `mizzen keys create` makes another";
                let found = self.control.snapshot().identify(token);
                found.ok_or_else(|| self.challenge(StatusCode::UNAUTHORIZED, profile, Some("invalid_token"), why))
            }
        }
    }

    /// What a client does next depends on it: it gets another token, asks for more scopes, or comes again with this one.
    fn token_refused(&self, profile: Option<&str>, error: &TokenError) -> Refusal {
        let why = error.to_string();
        if error.is_unavailable() {
            self.refused("issuer_unavailable", None);
            return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, REFUSED, why)
                .with_field(header::RETRY_AFTER, ISSUER_AGAIN_SECONDS);
        }
        self.refused("token_refused", None);
        match error {
            TokenError::Scope(_) => self.challenge(StatusCode::FORBIDDEN, profile, Some("insufficient_scope"), &why),
            _ => self.challenge(StatusCode::UNAUTHORIZED, profile, Some("invalid_token"), &why),
        }
    }

    /// RFC 6750, section 3, and RFC 9728, section 5.1.
    fn challenge(&self, status: StatusCode, profile: Option<&str>, error: Option<&str>, message: &str) -> Refusal {
        self.metrics.unauthenticated.inc();
        let mut challenge = "Bearer".to_owned();
        let mut separator = " ";
        if let Some(resource) = &self.config.resource {
            let base = resource.url.trim_end_matches('/');
            let door = profile.map_or_else(|| "/mcp".to_owned(), |profile| format!("/mcp/{profile}"));
            challenge += &format!("{separator}resource_metadata=\"{base}/.well-known/oauth-protected-resource{door}\"");
            separator = ", ";
            if !resource.scopes.is_empty() {
                challenge += &format!("{separator}scope=\"{}\"", resource.scopes.join(" "));
            }
        }
        if let Some(error) = error {
            challenge += &format!("{separator}error=\"{error}\"");
        }
        Refusal::new(status, INVALID_REQUEST, message).with_field(header::WWW_AUTHENTICATE, &challenge)
    }
}

impl Incoming {
    /// Whether who began a stream may still have it: the key is neither revoked nor expired, the token not expired.
    pub(in crate::gateway) fn may_stay(&self) -> bool {
        let Some(token) = bearer(&self.headers).filter(|token| token.starts_with("mzk_")) else {
            return self.caller.expires_at.is_none_or(|at| at > self.gateway.clock.now());
        };
        self.gateway.control.snapshot().identify(token).is_some()
    }
}

/// The address of a door as clients know it.
pub(in crate::gateway) fn door_url(base: &str, profile: Option<&str>) -> String {
    let base = base.trim_end_matches('/');
    profile.map_or_else(|| format!("{base}/mcp"), |profile| format!("{base}/mcp/{profile}"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}
