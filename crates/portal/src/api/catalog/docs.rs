//! Documentation of entities.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use mizzen_catalog::EntityRef;
use mizzen_catalog::docs::markdown::Heading;
use mizzen_catalog::docs::plane::{DocsError, Shown};
use mizzen_catalog::docs::site::Item;
use mizzen_catalog::template::files::{FileText, Files, FilesLimits};
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entity::actor;
use super::templates::view::wire;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// A page beside this one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogDocumentLink {
    title: String,
    path: String,
}

/// A page of documentation as safe HTML.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogDocument {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    /// Name of the whole.
    site: String,
    path: String,
    title: String,
    html: String,
    toc: Vec<Heading>,
    navigation: Vec<Item>,
    previous: Option<CatalogDocumentLink>,
    next: Option<CatalogDocumentLink>,
    source_url: Option<String>,
    updated_at: Timestamp,
}

/// A folder with `mkdocs.yml`, pages and images.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogDocumentsRequest {
    files: Vec<FileText>,
    /// Where the pages can be read as sources.
    source_url: Option<String>,
}

/// What was taken in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogDocumentsTaken {
    pages: usize,
    /// Images.
    files: usize,
    #[schema(value_type = String)]
    digest: Digest,
}

type Entity = (String, String, String);
type InEntity = (String, String, String, String);

fn reference((kind, namespace, name): &Entity) -> EntityRef {
    EntityRef::new(kind, namespace, name)
}

/// The first page of an entity's documentation
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", tag = "catalog",
    operation_id = "catalog_docs", params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogDocument), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn first(
    State(app): State<Arc<App>>,
    Named(entity): Named<Entity>,
) -> Result<Json<CatalogDocument>, ApiError> {
    show(&app, reference(&entity), None).await
}

/// A page of an entity's documentation
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs/{path}", tag = "catalog",
    operation_id = "catalog_docs_page",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path), ("path" = String, Path)),
    responses((status = 200, body = CatalogDocument), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name, path)): Named<InEntity>,
) -> Result<Json<CatalogDocument>, ApiError> {
    show(&app, EntityRef::new(&kind, &namespace, &name), Some(&path)).await
}

async fn show(app: &App, reference: EntityRef, path: Option<&str>) -> Result<Json<CatalogDocument>, ApiError> {
    let Shown { site, path, title, rendered, navigation, previous, next, source_url, updated_at } =
        app.state.documentation.page(&reference, path).await?;
    let link = |(title, path)| CatalogDocumentLink { title, path };
    Ok(Json(CatalogDocument {
        reference,
        site,
        path,
        title,
        html: rendered.html,
        toc: rendered.toc,
        navigation,
        previous: previous.map(link),
        next: next.map(link),
        source_url,
        updated_at,
    }))
}

/// An image of an entity's documentation
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs-files/{path}", tag = "catalog",
    operation_id = "catalog_docs_file",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path), ("path" = String, Path)),
    responses((status = 200, description = "The image"), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn file(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name, path)): Named<InEntity>,
) -> Result<Response, ApiError> {
    let (media, bytes) = app.state.documentation.image(&EntityRef::new(&kind, &namespace, &name), &path).await?;
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "private, max-age=300"),
    ];
    Ok((headers, bytes).into_response())
}

/// Replace an entity's documentation
#[utoipa::path(put, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", tag = "catalog",
    operation_id = "put_catalog_docs", request_body = CatalogDocumentsRequest,
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogDocumentsTaken), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(entity): Named<Entity>,
    Body(request): Body<CatalogDocumentsRequest>,
) -> Result<Json<CatalogDocumentsTaken>, ApiError> {
    let reference = reference(&entity);
    let files = Files::from_texts(request.files, FilesLimits::DOCUMENTATION).map_err(wire)?;
    let (documentation, source_url) = (&app.state.documentation, request.source_url.as_deref());
    let (site, digest) = documentation.put(&reference, &files, source_url, &actor(&session)).await?;
    Ok(Json(CatalogDocumentsTaken { pages: site.pages.len(), files: site.images.len(), digest }))
}

/// Take an entity's documentation away
#[utoipa::path(delete, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/docs", tag = "catalog",
    operation_id = "delete_catalog_docs",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(entity): Named<Entity>,
) -> Result<StatusCode, ApiError> {
    app.state.documentation.remove(&reference(&entity), &actor(&session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<DocsError> for ApiError {
    fn from(error: DocsError) -> Self {
        let missing = |message: String| Self::Refused { status: StatusCode::NOT_FOUND, code: "not_found", message };
        match error {
            DocsError::NoSite(_) | DocsError::NoPage { .. } => missing(error.to_string()),
            DocsError::Problems(problems) => {
                Self::Problems { code: "docs_invalid", message: error_text(&problems), problems }
            }
            DocsError::SourceUrl => Self::Field { field: "source_url", message: error.to_string() },
            DocsError::Catalog(error) => error.into(),
            DocsError::Store(_) | DocsError::Damaged { .. } | DocsError::Ended => Self::internal(error),
        }
    }
}

pub(super) fn error_text(problems: &[mizzen_control::policies::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
