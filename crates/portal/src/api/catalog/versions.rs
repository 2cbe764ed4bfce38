//! Versions of an entity, and what is decided about them.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_catalog::EntityRef;
use mizzen_catalog::version::{Transition, Version, VersionState};
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entity::{actor, reference};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

const STEPS: &[&str] = &["submit", "approve", "reject", "deprecate", "retire"];

/// The content of an entity at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogVersion {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    tag: String,
    #[schema(value_type = String)]
    digest: Digest,
    state: VersionState,
    /// Whether the catalog shows this one: it was applied last.
    is_current: bool,
    applied_at: Option<Timestamp>,
    applied_by: Option<String>,
    /// Oldest first.
    history: Vec<CatalogTransition>,
    /// A text that can be applied again.
    yaml: String,
}

/// One step of a version's way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTransition {
    to: VersionState,
    by: String,
    at: Timestamp,
    reason: Option<String>,
}

/// Versions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogVersions {
    items: Vec<CatalogVersion>,
}

/// What is decided about a version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CatalogStep {
    /// Why; needed to reject.
    reason: Option<String>,
    /// What was on the screen: when the tag has another content by now, nothing is decided.
    digest: Option<String>,
}

impl CatalogVersion {
    fn of(version: Version, current: Option<&Digest>) -> Self {
        let first = version.history.first();
        let step = |Transition { to, by, at, reason }| CatalogTransition { to, by, at, reason };
        Self {
            is_current: current == Some(&version.digest),
            applied_at: first.map(|first| first.at),
            applied_by: first.map(|first| first.by.clone()),
            yaml: version.entity.to_yaml(),
            history: version.history.into_iter().map(step).collect(),
            reference: version.reference,
            tag: version.tag,
            digest: version.digest,
            state: version.state,
        }
    }
}

/// The versions of an entity
///
/// Those of a deleted entity too: what was decided is kept.
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions", tag = "catalog", operation_id = "list_versions",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogVersions), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Named(parts): Named<(String, String, String)>,
) -> Result<Json<CatalogVersions>, ApiError> {
    let reference = reference(&parts);
    let versions = app.state.catalog.versions(&reference).await?;
    let current = current(&app, &reference).await?;
    if versions.is_empty() && current.is_none() {
        return Err(ApiError::not_found("entity", &reference));
    }
    let items = versions.into_iter().map(|version| CatalogVersion::of(version, current.as_ref())).collect();
    Ok(Json(CatalogVersions { items }))
}

/// One version
///
/// By its tag or digest.
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}", tag = "catalog",
    operation_id = "get_version",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = CatalogVersion), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name, version)): Named<(String, String, String, String)>,
) -> Result<Json<CatalogVersion>, ApiError> {
    let reference = EntityRef::new(&kind, &namespace, &name);
    let found = app.state.catalog.find_version(&reference, &version).await?;
    let current = current(&app, &reference).await?;
    Ok(Json(CatalogVersion::of(found, current.as_ref())))
}

/// Submit a version for review
#[utoipa::path(post, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}/submit", tag = "catalog",
    operation_id = "submit_version", request_body = CatalogStep,
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = CatalogVersion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((kind, namespace, name, version)): Named<(String, String, String, String)>,
    Body(step): Body<CatalogStep>,
) -> Result<Json<CatalogVersion>, ApiError> {
    take(&app, &session, &EntityRef::new(&kind, &namespace, &name), &version, "submit", step).await
}

/// Approve, reject, deprecate or retire a version
///
/// What is approved is its digest. Of two who decide at once the second gets a conflict that says what was decided and by whom.
#[utoipa::path(post, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/versions/{version}/{step}", tag = "catalog",
    operation_id = "decide_version", request_body = CatalogStep,
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path),
        ("step" = String, Path, description = "`approve`, `reject`, `deprecate` or `retire`")),
    responses((status = 200, body = CatalogVersion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((kind, namespace, name, version, verb)): Named<(String, String, String, String, String)>,
    Body(step): Body<CatalogStep>,
) -> Result<Json<CatalogVersion>, ApiError> {
    take(&app, &session, &EntityRef::new(&kind, &namespace, &name), &version, &verb, step).await
}

async fn take(
    app: &App,
    session: &Session,
    reference: &EntityRef,
    name: &str,
    verb: &str,
    step: CatalogStep,
) -> Result<Json<CatalogVersion>, ApiError> {
    let (catalog, by, reason) = (&app.state.catalog, actor(session), step.reason.as_deref());
    // From here on the digest is meant: the tag could get another content between the look and the step.
    let name = match step.digest.as_deref() {
        Some(seen) => on_screen(app, reference, name, seen).await?,
        None => name.to_owned(),
    };
    let to = match verb {
        "submit" => VersionState::Pending,
        "approve" => VersionState::Approved,
        "reject" => VersionState::Rejected,
        "deprecate" => VersionState::Deprecated,
        "retire" => VersionState::Retired,
        other => return Err(ApiError::unknown("step", other, STEPS)),
    };
    let version = catalog.decide(reference, &name, to, &by, reason).await?;
    let current = current(app, reference).await?;
    Ok(Json(CatalogVersion::of(version, current.as_ref())))
}

/// The digest that was seen, when the name still stands for it.
async fn on_screen(app: &App, reference: &EntityRef, name: &str, seen: &str) -> Result<String, ApiError> {
    let found = app.state.catalog.find_version(reference, name).await?;
    if found.digest.as_str() == seen {
        return Ok(seen.to_owned());
    }
    Err(ApiError::Refused {
        status: http::StatusCode::CONFLICT,
        code: "changed",
        message: format!(
            "version `{name}` of `{reference}` has another content by now, {}; look at it first",
            found.digest
        ),
    })
}

async fn current(app: &App, reference: &EntityRef) -> Result<Option<Digest>, ApiError> {
    Ok(app.state.catalog.get(reference).await?.map(|stored| stored.digest))
}
