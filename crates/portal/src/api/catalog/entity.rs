//! One entity: what is known of it, and taking it away.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_catalog::EntityRef;
use mizzen_catalog::plane::Actor;
use mizzen_catalog::query::{Origin, StatusItem, Stored};
use mizzen_catalog::relation::Relation;
use mizzen_catalog::version::VersionHead;
use mizzen_catalog::{compat, validate};
use mizzen_control::sign_in::Session;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Named;

/// Everything that is kept of an entity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogEntity {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    uid: String,
    etag: String,
    /// `agent`, `tool_server`, `tool`, `model`, `pool`, `eval_set`, `prompt`, `skill`, `caller`, or the kind.
    class: String,
    /// `declared` or `discovered`.
    #[schema(value_type = String)]
    origin: Origin,
    /// As it was declared.
    #[schema(value_type = Object)]
    entity: Map<String, Value>,
    /// A text that can be applied again.
    yaml: String,
    /// `null` for what is not reviewed.
    version: Option<VersionHead>,
    relations: Vec<CatalogRelation>,
    status_items: Vec<CatalogStatus>,
    /// What is allowed and hardly meant.
    warnings: Vec<String>,
    /// Where it was read, `url:…` or `file:…`.
    locations: Vec<String>,
    /// Its location holds it no longer.
    is_orphan: bool,
    /// Whether there are pages under `…/docs`.
    has_docs: bool,
    /// The foreign format that it was written in.
    format: Option<String>,
    applied_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// In traffic.
    last_seen: Option<Timestamp>,
}

/// One direction of a relation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogRelation {
    /// For example `ownedBy`.
    r#type: String,
    #[schema(value_type = String)]
    target_ref: EntityRef,
    /// Whether the catalog has the target.
    exists: bool,
}

/// What the catalog has to say about an entity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogStatus {
    r#type: String,
    /// `info`, `warning` or `error`.
    level: String,
    message: String,
}

impl CatalogEntity {
    fn of(stored: Stored, has_docs: bool) -> Self {
        let yaml = stored.entity.to_yaml();
        let warnings = validate::warnings(&stored.entity).into_iter().map(|fault| fault.message).collect();
        let dangling = stored.dangling;
        let relation = |Relation { kind, target_ref }: Relation| {
            let exists = !dangling.contains(&target_ref);
            CatalogRelation { r#type: kind, target_ref, exists }
        };
        let status = |item: StatusItem| CatalogStatus { r#type: item.kind, level: item.level, message: item.message };
        Self {
            reference: stored.reference,
            uid: stored.uid,
            etag: stored.etag,
            class: stored.class,
            origin: stored.origin,
            format: stored.entity.annotation(compat::FORMAT).map(str::to_owned),
            entity: stored.entity.into_document(),
            yaml,
            version: stored.version,
            relations: stored.relations.into_iter().map(relation).collect(),
            status_items: stored.status_items.into_iter().map(status).collect(),
            warnings,
            locations: [stored.location, stored.origin_location].into_iter().flatten().fold(
                Vec::new(),
                |mut all, one| {
                    if !all.contains(&one) {
                        all.push(one);
                    }
                    all
                },
            ),
            is_orphan: stored.is_orphan,
            has_docs,
            applied_by: stored.applied_by,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            last_seen: stored.last_seen,
        }
    }
}

/// One entity
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}", tag = "catalog", operation_id = "get_entity",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogEntity), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(parts): Named<(String, String, String)>,
) -> Result<Json<CatalogEntity>, ApiError> {
    let reference = reference(&parts);
    let stored = app.state.catalog.get(&reference).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found("entity", &reference))?;
    let has_docs = app.state.documentation.has(&stored.reference).await?;
    Ok(Json(CatalogEntity::of(stored, has_docs)))
}

/// Take an entity away
///
/// What was decided about its versions is kept. What a location holds comes back when the location is read again.
#[utoipa::path(delete, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}", tag = "catalog", operation_id = "delete_entity",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(parts): Named<(String, String, String)>,
) -> Result<StatusCode, ApiError> {
    app.state.catalog.delete(&reference(&parts), &actor(&session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The entity that the path of a route names.
pub(super) fn reference((kind, namespace, name): &(String, String, String)) -> EntityRef {
    EntityRef::new(kind, namespace, name)
}

/// Who the catalog writes down for somebody who is signed in.
pub(crate) fn actor(session: &Session) -> Actor {
    Actor::person(&session.name, session.role)
}
