//! Golden paths: what there is to start from, and what was made.

mod error;
pub(crate) mod updates;
pub(crate) mod view;

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_catalog::EntityRef;
use mizzen_catalog::template::files::{FileText, Files, FilesLimits};
use mizzen_catalog::template::plane::Target;
use mizzen_control::audit::Kind;
use mizzen_control::sign_in::Session;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use self::view::{CatalogTemplate, CatalogTemplateDetail, CatalogTemplateList, CatalogTemplateMade, made, wire};
use super::entity::actor;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

const TARGETS: &[&str] = &["download", "project"];

/// Answers to the questions of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogTemplateRequest {
    #[serde(default)]
    #[schema(value_type = Object)]
    values: Map<String, Value>,
    /// `download`, or `project` for the server's folder of projects.
    target: Option<String>,
}

/// The folder of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogTemplateFiles {
    files: Vec<FileText>,
    /// The version stays a draft, whose files may still be replaced. Otherwise it is submitted for review with them.
    #[serde(default)]
    draft: bool,
}

pub(super) type Name = (String, String);

pub(super) fn template((namespace, name): &Name) -> EntityRef {
    EntityRef::new("template", namespace, name)
}

/// List templates
#[utoipa::path(get, path = "/api/v1/catalog/templates", tag = "catalog", operation_id = "list_templates",
    responses((status = 200, body = CatalogTemplateList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<CatalogTemplateList>, ApiError> {
    let listed = app.state.templates.list().await?;
    let items = listed.iter().map(CatalogTemplate::of).collect();
    Ok(Json(CatalogTemplateList { items, projects: app.state.templates.has_projects() }))
}

/// One template with its questions and steps
#[utoipa::path(get, path = "/api/v1/catalog/templates/{namespace}/{name}", tag = "catalog", operation_id = "get_template",
    params(("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogTemplateDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(name): Named<Name>,
) -> Result<Json<CatalogTemplateDetail>, ApiError> {
    let listed = app.state.templates.get(&template(&name)).await?;
    Ok(Json(CatalogTemplateDetail::of(&listed, app.state.templates.has_projects())))
}

/// Keep the files of a template
#[utoipa::path(put, path = "/api/v1/catalog/templates/{namespace}/{name}", tag = "catalog", operation_id = "put_template_files",
    request_body = CatalogTemplateFiles, params(("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogTemplateDetail), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<Name>,
    Body(request): Body<CatalogTemplateFiles>,
) -> Result<Json<CatalogTemplateDetail>, ApiError> {
    let reference = template(&name);
    let files = Files::from_texts(request.files, FilesLimits::TEMPLATE).map_err(wire)?;
    app.state.templates.put(&reference, files, &actor(&session), request.draft).await?;
    let listed = app.state.templates.get(&reference).await?;
    Ok(Json(CatalogTemplateDetail::of(&listed, app.state.templates.has_projects())))
}

/// Show what a template would make
#[utoipa::path(post, path = "/api/v1/catalog/templates/{namespace}/{name}/dry-run", tag = "catalog",
    operation_id = "dry_run_template", request_body = CatalogTemplateRequest,
    params(("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogTemplateMade), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(crate) async fn dry_run(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<Name>,
    Body(request): Body<CatalogTemplateRequest>,
) -> Result<Json<CatalogTemplateMade>, ApiError> {
    let target = target(request.target.as_deref())?;
    let outcome = app.state.templates.dry_run(&template(&name), request.values, &actor(&session), target).await?;
    made(outcome, None)
}

/// Make something from a template
#[utoipa::path(post, path = "/api/v1/catalog/templates/{namespace}/{name}/run", tag = "catalog",
    operation_id = "run_template", request_body = CatalogTemplateRequest,
    params(("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogTemplateMade), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<Name>,
    Body(request): Body<CatalogTemplateRequest>,
) -> Result<Json<CatalogTemplateMade>, ApiError> {
    let target = target(request.target.as_deref())?;
    let reference = template(&name);
    let (templates, by) = (&app.state.templates, actor(&session));
    templates.dry_run(&reference, request.values.clone(), &by, target).await?;
    app.record(&session, Kind::CatalogChanged, &format!("run of {reference}")).await?;
    let outcome = templates.run(&reference, request.values, &by, target).await?;
    made(outcome, Some(target))
}

fn target(text: Option<&str>) -> Result<Target, ApiError> {
    match text {
        None | Some("download") => Ok(Target::Download),
        Some("project") => Ok(Target::Project),
        Some(other) => Err(ApiError::unknown("target", other, TARGETS)),
    }
}
