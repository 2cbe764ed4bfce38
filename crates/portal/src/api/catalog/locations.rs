//! Places that hold documents and are read again and again.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_catalog::locations::{Location, LocationKind};
use mizzen_control::sign_in::Session;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entity::actor;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogLocation {
    id: String,
    /// `url` or `file`.
    r#type: LocationKind,
    target: String,
    /// From the configuration file; it cannot be removed here.
    configured: bool,
    added_by: String,
    added_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogLocationList {
    items: Vec<CatalogLocation>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogLocationRequest {
    /// `url` or `file`.
    r#type: String,
    /// An `http` or `https` address, or a path below the configured folder.
    target: String,
}

/// List locations
#[utoipa::path(get, path = "/api/v1/catalog/locations", tag = "catalog", operation_id = "list_catalog_locations",
    responses((status = 200, body = CatalogLocationList), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<CatalogLocationList>, ApiError> {
    let items = app.state.catalog.locations().await?.into_iter().map(view).collect();
    Ok(Json(CatalogLocationList { items }))
}

/// Add a location
///
/// It is read within seconds, and again at intervals.
#[utoipa::path(post, path = "/api/v1/catalog/locations", tag = "catalog", operation_id = "add_catalog_location",
    request_body = CatalogLocationRequest,
    responses((status = 201, body = CatalogLocation), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<CatalogLocationRequest>,
) -> Result<(StatusCode, Json<CatalogLocation>), ApiError> {
    let kind = LocationKind::parse(&request.r#type)
        .map_err(|_| ApiError::unknown("type", &request.r#type, &["url", "file"]))?;
    let by = actor(&session);
    let location = app.state.catalog.add_location(kind, &request.target, &by).await?;
    Ok((StatusCode::CREATED, Json(view(location))))
}

/// Remove a location
///
/// Its entities stay, as orphans.
#[utoipa::path(delete, path = "/api/v1/catalog/locations/{id}", tag = "catalog", operation_id = "remove_catalog_location",
    params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    app.state.catalog.remove_location(&id, &actor(&session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read a location soon
#[utoipa::path(post, path = "/api/v1/catalog/locations/{id}/refresh", tag = "catalog", operation_id = "refresh_catalog_location",
    params(("id" = String, Path)),
    responses((status = 202), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn refresh(State(app): State<Arc<App>>, Named(id): Named<String>) -> Result<StatusCode, ApiError> {
    app.state.catalog.refresh_location(&id).await?;
    Ok(StatusCode::ACCEPTED)
}

fn view(location: Location) -> CatalogLocation {
    CatalogLocation {
        id: location.id,
        r#type: location.kind,
        target: location.target,
        configured: location.is_configured,
        added_by: location.added_by,
        added_at: location.added_at,
    }
}
