//! Virtual keys: what an agent is given instead of a provider's key.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_catalog::plane::CatalogError;
use mizzen_control::audit::{Kind, Who};
use mizzen_control::keys::NewKey;
use mizzen_control::sign_in::Session;
use mizzen_model::id::{Digest, RunId};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, agent_digest};

/// A key, without the key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    id: String,
    name: String,
    agent: Option<String>,
    team: Option<String>,
    run_id: Option<RunId>,
    agent_digest: Option<Digest>,
    minted_by: Option<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_four: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    items: Vec<KeyView>,
}

/// What a new key is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    name: String,
    /// The agent that will carry it.
    agent: Option<String>,
    /// Whose agent that is.
    team: Option<String>,
    /// What exactly will carry it, for example `sha256:…` of an image; evidence is about a digest.
    agent_digest: Option<String>,
    /// The tag or the digest of a version of the agent in the catalog: the key is bound to that version's digest.
    version: Option<String>,
    /// Everything done with it belongs to this run.
    run_id: Option<String>,
    /// Without it the key does not expire.
    ttl_seconds: Option<u64>,
}

/// How long a key is to live from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyExtension {
    ttl_seconds: u64,
}

/// The only time the key itself is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct MintedKey {
    key: String,
    info: KeyView,
}

/// List keys
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", operation_id = "list_keys",
    responses((status = 200, body = KeyList), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<KeyList>, ApiError> {
    let keys = app.state.control.keys().list().await?;
    Ok(Json(KeyList { items: keys.into_iter().map(view).collect() }))
}

/// Make a key
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", operation_id = "mint_key", request_body = KeyRequest,
    responses((status = 200, body = MintedKey), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn mint(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<KeyRequest>,
) -> Result<Json<MintedKey>, ApiError> {
    let agent_digest = match (&request.version, request.agent_digest) {
        (None, digest) => digest.map(|text| agent_digest("agent_digest", &text)).transpose()?,
        (Some(version), None) => Some(version_digest(&app, request.agent.as_deref(), version).await?),
        (Some(_), Some(_)) => {
            let message = "the version has a digest of its own; give one of `version` and `agent_digest`".to_owned();
            return Err(ApiError::Field { field: "version", message });
        }
    };
    if request.ttl_seconds == Some(0) {
        let message = "a key that lives for 0 seconds opens nothing; leave it out for one without an end".to_owned();
        return Err(ApiError::Field { field: "ttl_seconds", message });
    }
    let new = NewKey {
        name: request.name,
        agent: request.agent,
        team: request.team,
        agent_digest,
        minted_by: Some(session.name.clone()),
        run_id: request.run_id.map(|id| super::run::parse_run_id(&id)).transpose()?,
        ttl: request.ttl_seconds.map(Duration::from_secs),
    };
    let (info, key) = app.state.control.keys().mint(new).await?;
    // Nobody knows the key yet: what is not written down goes again.
    if let Err(error) = app.record(&session, Kind::KeyCreated, &format!("key:{}", info.id)).await {
        app.state.control.keys().revoke(&info.id).await?;
        return Err(error);
    }
    Ok(Json(MintedKey { key: key.expose().to_owned(), info: view(info) }))
}

/// Let a key live longer
///
/// It never lives shorter for it, and a key without an end keeps having none. What was revoked or has expired cannot be
/// extended.
#[utoipa::path(post, path = "/api/v1/keys/{id}/extend", tag = "keys", operation_id = "extend_key",
    params(("id" = String, Path)), request_body = KeyExtension,
    responses((status = 200, body = KeyView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn extend(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
    Body(request): Body<KeyExtension>,
) -> Result<Json<KeyView>, ApiError> {
    let (keys, now) = (app.state.control.keys(), app.state.clock.now());
    let key = keys.find(&id).await?.ok_or_else(|| ApiError::not_found("key", &id))?;
    let expired = || ApiError::Refused {
        status: StatusCode::CONFLICT,
        code: "expired",
        message: format!("the key `{id}` has expired and opens nothing again; make a new one"),
    };
    if !key.is_valid(now) {
        return Err(expired());
    }
    let ttl = Duration::from_secs(request.ttl_seconds);
    let until = now.plus_nanos(i64::try_from(ttl.as_nanos()).unwrap_or(i64::MAX));
    if key.expires_at.is_none_or(|end| end >= until) {
        return Ok(Json(view(key)));
    }
    let (who, resource) = (Who::person(&session.name, session.role), format!("key:{id}"));
    let details = [("extended_until", until.to_string())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    app.state.control.audit().changed(Kind::KeyExtended, who, resource, &details).await?;
    Ok(Json(view(keys.extend(&id, until).await?.ok_or_else(expired)?)))
}

/// Revoke a key
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "revoke_key", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    if app.state.control.keys().find(&id).await?.is_none() {
        return Err(ApiError::not_found("key", id));
    }
    app.record(&session, Kind::KeyRevoked, &format!("key:{id}")).await?;
    let was_there = app.state.control.keys().revoke(&id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("key", id)) }
}

/// Of the version that the catalog has under this name. Whether it may act is for the boundaries to say.
async fn version_digest(app: &App, agent: Option<&str>, version: &str) -> Result<Digest, ApiError> {
    let wrong = |message: String| ApiError::Field { field: "version", message };
    let agent = agent.ok_or_else(|| wrong("a version is one of an agent; say which by `agent`".to_owned()))?;
    let approved = Arc::clone(&app.state.catalog.approved().borrow());
    let (reference, _) = approved
        .of_agent(agent)
        .ok_or_else(|| wrong(format!("the catalog has no agent `{agent}`; `mizzen apply` its description first")))?;
    let found = app.state.catalog.find_version(reference, version).await.map_err(|error| match error {
        CatalogError::NoVersion { .. } => wrong(error.to_string()),
        error => error.into(),
    });
    Ok(found?.digest)
}

fn view(info: mizzen_control::keys::KeyInfo) -> KeyView {
    KeyView {
        id: info.id,
        name: info.name,
        agent: info.agent,
        team: info.team,
        run_id: info.run_id,
        agent_digest: info.agent_digest,
        minted_by: info.minted_by,
        created_at: info.created_at,
        expires_at: info.expires_at,
        last_four: info.last_four,
    }
}
