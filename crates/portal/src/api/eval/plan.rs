//! How many cases a claim needs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_eval::plan::{Plan, PlanRequest};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Body;

/// Plan cases and trials
///
/// How many a claim needs; what is not given is taken from an experiment or a baseline, where one is named.
#[utoipa::path(post, path = "/api/v1/plan", tag = "evaluation", operation_id = "plan_evaluation", request_body = PlanRequest,
    responses((status = 200, body = Plan), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn plan(
    State(app): State<Arc<App>>,
    Body(request): Body<PlanRequest>,
) -> Result<Json<Plan>, ApiError> {
    Ok(Json(app.state.eval.plan(request).await?))
}
