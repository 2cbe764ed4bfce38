//! Human labels.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_eval::label::Label;
use mizzen_model::run::RunSummary;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::run::find;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, Params, limit};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;
/// What is labelled when nobody says what.
const METRIC_DEFAULT: &str = "success";

/// Runs that nobody labelled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelQueue {
    items: Vec<QueuedRun>,
    /// Runs that somebody labelled.
    labelled: u64,
    metric: String,
}

/// A run that waits for a label.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuedRun {
    run: RunSummary,
}

/// Labels, newest first, with those that are history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelList {
    items: Vec<Label>,
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueParams {
    /// `success` when absent.
    metric: Option<String>,
    agent: Option<String>,
    limit: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct LabelParams {
    run_id: Option<String>,
    metric: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
}

/// What somebody says of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelRequest {
    /// From 0 (bad) to 1 (good).
    value: f64,
    note: Option<String>,
}

/// The newest final runs that nobody labelled
#[utoipa::path(get, path = "/api/v1/labels/queue", tag = "evaluation", operation_id = "list_unlabelled_runs", params(QueueParams),
    responses((status = 200, body = LabelQueue), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn queue(
    State(app): State<Arc<App>>,
    Params(params): Params<QueueParams>,
) -> Result<Json<LabelQueue>, ApiError> {
    let limit = limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let metric = params.metric.filter(|metric| !metric.is_empty()).unwrap_or_else(|| METRIC_DEFAULT.to_owned());
    let agent = params.agent.filter(|agent| !agent.is_empty());
    let (runs, labelled) = app.state.eval.label_queue(&metric, agent, limit as usize).await?;
    let items = runs.into_iter().map(|run| QueuedRun { run }).collect();
    Ok(Json(LabelQueue { items, labelled, metric }))
}

/// List labels, newest first
#[utoipa::path(get, path = "/api/v1/labels", tag = "evaluation", operation_id = "list_labels", params(LabelParams),
    responses((status = 200, body = LabelList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<LabelParams>,
) -> Result<Json<LabelList>, ApiError> {
    let limit = limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let LabelParams { run_id, metric, cursor, .. } = params;
    let found = app.state.eval.labels(run_id.as_deref(), metric.as_deref(), cursor.as_deref(), limit).await?;
    Ok(Json(LabelList { items: found.items, next_cursor: found.next_cursor }))
}

/// Label a run
///
/// A newer label of the same person takes the place of theirs; the older one stays as history.
#[utoipa::path(put, path = "/api/v1/runs/{run_id}/labels/{metric}", tag = "evaluation", operation_id = "label_run",
    params(("run_id" = String, Path), ("metric" = String, Path)), request_body = LabelRequest,
    responses((status = 200, body = Label), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((run_id, metric)): Named<(String, String)>,
    Body(request): Body<LabelRequest>,
) -> Result<Json<Label>, ApiError> {
    let run = find(&app, &run_id).await?;
    let note = request.note.filter(|note| !note.is_empty());
    Ok(Json(app.state.eval.label(&run, &metric, request.value, note, &session.name).await?))
}

/// Withdraw one's own label
#[utoipa::path(delete, path = "/api/v1/runs/{run_id}/labels/{metric}", tag = "evaluation", operation_id = "withdraw_label",
    params(("run_id" = String, Path), ("metric" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((run_id, metric)): Named<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let was_there = app.state.eval.withdraw_label(&run_id, &metric, &session.name).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("label of yours on", run_id)) }
}
