//! Pausing and stopping agents.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::pauses::{Pause, PauseKind, Reach};
use mizzen_control::sign_in::Session;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// Whom a pause reaches.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseScope {
    /// `agent`, `team` or `all`.
    kind: String,
    /// Of the agent or team.
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseView {
    id: String,
    scope: PauseScope,
    /// `pause`, or `stop`, which also ended what was in flight.
    kind: &'static str,
    reason: String,
    by: String,
    at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseList {
    items: Vec<PauseView>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseRequest {
    scope: PauseScope,
    /// `pause` or `stop`.
    kind: String,
    reason: String,
}

/// List pauses
#[utoipa::path(get, path = "/api/v1/pauses", tag = "pauses", operation_id = "list_pauses",
    responses((status = 200, body = PauseList), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<PauseList> {
    Json(PauseList { items: app.state.control.pauses().list().into_iter().map(view).collect() })
}

/// Pause or stop
#[utoipa::path(post, path = "/api/v1/pauses", tag = "pauses", operation_id = "make_pause", request_body = PauseRequest,
    responses((status = 201, body = PauseView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn make(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<PauseRequest>,
) -> Result<(StatusCode, Json<PauseView>), ApiError> {
    let name = request.scope.name.unwrap_or_default();
    let reach = Reach::from_parts(&request.scope.kind, name);
    let reach = reach.ok_or_else(|| ApiError::unknown("scope", &request.scope.kind, &["agent", "team", "all"]))?;
    let kinds = [PauseKind::Pause, PauseKind::Stop];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == request.kind);
    let kind = kind.ok_or_else(|| ApiError::unknown("kind", &request.kind, &kinds.map(PauseKind::as_str)))?;
    let pause = app.state.control.pauses().pause(reach, kind, &request.reason, &session.name).await?;
    Ok((StatusCode::CREATED, Json(view(pause))))
}

/// Let an agent, a team or all go on
#[utoipa::path(delete, path = "/api/v1/pauses/{id}", tag = "pauses", operation_id = "resume", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    let resumed = app.state.control.pauses().resume(&id, &session.name).await?;
    resumed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| ApiError::not_found("pause", id))
}

fn view(pause: Pause) -> PauseView {
    let scope = PauseScope { kind: pause.reach.kind().to_owned(), name: pause.reach.name().map(str::to_owned) };
    PauseView { id: pause.id, scope, kind: pause.kind.as_str(), reason: pause.reason, by: pause.by, at: pause.at }
}
