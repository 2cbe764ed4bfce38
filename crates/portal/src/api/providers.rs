//! Keys of model providers. They go in and are never shown again.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::audit::Kind;
use mizzen_control::providers::{ProviderInfo, ProviderKey, ProviderOrigin};
use mizzen_control::sign_in::Session;
use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// A provider whose key is known.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderView {
    name: String,
    /// `stored`, or `env:` and the name of the environment variable.
    origin: String,
    created_at: Timestamp,
    /// Why the key cannot be used.
    fault: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderList {
    items: Vec<ProviderView>,
}

/// A key, or the environment variable of the server that holds it: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderRequest {
    key: Option<String>,
    env: Option<String>,
}

/// List providers
#[utoipa::path(get, path = "/api/v1/providers", tag = "providers", operation_id = "list_providers",
    responses((status = 200, body = ProviderList), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<ProviderList>, ApiError> {
    let providers = app.state.control.providers().list().await?;
    Ok(Json(ProviderList { items: providers.into_iter().map(view).collect() }))
}

/// Keep the key of a provider
#[utoipa::path(put, path = "/api/v1/providers/{name}", tag = "providers", operation_id = "put_provider", params(("name" = String, Path)),
    request_body = ProviderRequest,
    responses((status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(request): Body<ProviderRequest>,
) -> Result<StatusCode, ApiError> {
    let key = match (request.key, request.env) {
        (Some(key), None) => ProviderKey::Secret(Secret::new(key)),
        (None, Some(variable)) => ProviderKey::Environment(variable),
        _ => return Err(ApiError::Invalid("give either `key` or `env`".to_owned())),
    };
    let providers = app.state.control.providers();
    providers.check(&name, &key)?;
    app.record(&session, Kind::ProviderKeyChanged, &format!("provider:{name}")).await?;
    providers.put(&name, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget the key of a provider
#[utoipa::path(delete, path = "/api/v1/providers/{name}", tag = "providers", operation_id = "delete_provider", params(("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
) -> Result<StatusCode, ApiError> {
    let providers = app.state.control.providers();
    if !providers.list().await?.iter().any(|provider| provider.name == name) {
        return Err(ApiError::not_found("provider", name));
    }
    app.record(&session, Kind::ProviderKeyChanged, &format!("provider:{name}")).await?;
    let was_there = providers.remove(&name).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("provider", name)) }
}

pub(crate) fn view(info: ProviderInfo) -> ProviderView {
    let origin = match info.origin {
        ProviderOrigin::Stored => "stored".to_owned(),
        ProviderOrigin::Environment { variable } => format!("env:{variable}"),
    };
    let fault = info.fault.map(|fault| fault.to_string());
    ProviderView { name: info.name, origin, created_at: info.created_at, fault }
}
