//! Monitors.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_eval::monitor::request::MonitorRequest;
use mizzen_eval::monitor::{Alarm, MonitorView, Point};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonitorList {
    items: Vec<MonitorView>,
}

/// A monitor with its chart.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonitorDetail {
    #[serde(flatten)]
    monitor: MonitorView,
    /// Thinned evenly; the newest and every alarm are among them.
    points: Vec<Point>,
    alarms: Vec<Alarm>,
}

/// List monitors
#[utoipa::path(get, path = "/api/v1/monitors", tag = "evaluation", operation_id = "list_monitors",
    responses((status = 200, body = MonitorList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<MonitorList>, ApiError> {
    Ok(Json(MonitorList { items: app.state.eval.monitors().await? }))
}

/// Make a monitor
#[utoipa::path(post, path = "/api/v1/monitors", tag = "evaluation", operation_id = "make_monitor", request_body = MonitorRequest,
    responses((status = 200, body = MonitorView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn make(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<MonitorRequest>,
) -> Result<Json<MonitorView>, ApiError> {
    Ok(Json(app.state.eval.create_monitor(&request, &session.name).await?))
}

/// A monitor with its chart
#[utoipa::path(get, path = "/api/v1/monitors/{id}", tag = "evaluation", operation_id = "get_monitor", params(("id" = String, Path)),
    responses((status = 200, body = MonitorDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Json<MonitorDetail>, ApiError> {
    let (monitor, points, alarms) = app.state.eval.monitor(&id).await?;
    Ok(Json(MonitorDetail { monitor, points, alarms }))
}

/// Delete a monitor
#[utoipa::path(delete, path = "/api/v1/monitors/{id}", tag = "evaluation", operation_id = "delete_monitor", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove(State(app): State<Arc<App>>, Named(id): Named<String>) -> Result<StatusCode, ApiError> {
    let was_there = app.state.eval.delete_monitor(&id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("monitor", id)) }
}
