//! API tokens: what programs, and people from elsewhere than a browser, show to this API.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::api_tokens::{ApiTokenInfo, NewApiToken};
use mizzen_control::audit::Kind;
use mizzen_control::sign_in::Session;
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// A token, without the token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiTokenView {
    id: String,
    /// Who acts with it, as decisions and the audit log name them.
    name: String,
    role: Role,
    created_by: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_four: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiTokenList {
    items: Vec<ApiTokenView>,
}

/// What a new token is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiTokenRequest {
    /// Who will act with it.
    name: String,
    /// `viewer`, `developer`, `approver` or `administrator`.
    role: String,
    /// Without it the token does not expire.
    ttl_seconds: Option<u64>,
}

/// The only time the token itself is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct MintedApiToken {
    token: String,
    info: ApiTokenView,
}

/// List API tokens
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    responses((status = 200, body = ApiTokenList), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<ApiTokenList>, ApiError> {
    let tokens = app.state.control.api_tokens().list().await?;
    Ok(Json(ApiTokenList { items: tokens.into_iter().map(view).collect() }))
}

/// Make an API token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", operation_id = "mint_token", request_body = ApiTokenRequest,
    responses((status = 200, body = MintedApiToken), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn mint(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<ApiTokenRequest>,
) -> Result<Json<MintedApiToken>, ApiError> {
    let new = NewApiToken {
        name: request.name,
        role: super::session::parse_role(&request.role)?,
        created_by: session.name.clone(),
        ttl: request.ttl_seconds.map(Duration::from_secs),
    };
    let tokens = app.state.control.api_tokens();
    let (info, token) = tokens.mint(new).await?;
    let what = format!("token:{}:{}:{}", info.id, info.role, info.name);
    // Nobody knows the token yet: what is not written down goes again.
    if let Err(error) = app.record(&session, Kind::TokenCreated, &what).await {
        tokens.revoke(&info.id).await?;
        return Err(error);
    }
    Ok(Json(MintedApiToken { token: token.expose().to_owned(), info: view(info) }))
}

/// Revoke an API token
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "revoke_token", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    let tokens = app.state.control.api_tokens();
    if !tokens.contains(&id).await? {
        return Err(ApiError::not_found("API token", id));
    }
    app.record(&session, Kind::TokenRevoked, &format!("token:{id}")).await?;
    let was_there = tokens.revoke(&id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("API token", id)) }
}

fn view(info: ApiTokenInfo) -> ApiTokenView {
    ApiTokenView {
        id: info.id,
        name: info.name,
        role: info.role,
        created_by: info.created_by,
        created_at: info.created_at,
        expires_at: info.expires_at,
        last_four: info.last_four,
    }
}
