//! Baselines: the people's own work.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_eval::baseline::{AspectComparison, Baseline, BaselineRecord};
use mizzen_eval::plane::AspectNames;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::number;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, Params};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BaselineList {
    items: Vec<Baseline>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BaselineComparisonParams {
    /// Id of the experiment that is compared.
    experiment: String,
    /// The evaluator whose scores say success; `task_success` when absent.
    #[serde(default)]
    evaluator: Option<String>,
    /// The evaluator that counts safety events; `denied_actions` when absent.
    #[serde(default)]
    safety_evaluator: Option<String>,
    /// How far below the people's rate is still acceptable; 0.02 when absent.
    #[serde(default)]
    margin: Option<String>,
    /// Error rate of each aspect; 0.05 when absent.
    #[serde(default)]
    alpha: Option<String>,
}

/// People and agent, aspect by aspect.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BaselineComparison {
    baseline: Baseline,
    experiment: String,
    rows: Vec<AspectComparison>,
}

/// List baselines
#[utoipa::path(get, path = "/api/v1/baselines", tag = "evaluation", operation_id = "list_baselines",
    responses((status = 200, body = BaselineList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<BaselineList>, ApiError> {
    Ok(Json(BaselineList { items: app.state.eval.baselines().await? }))
}

/// Record a baseline
///
/// Counts, or labelled cases. One of the same name is replaced.
#[utoipa::path(put, path = "/api/v1/baselines/{name}", tag = "evaluation", operation_id = "record_baseline",
    params(("name" = String, Path)), request_body = BaselineRecord,
    responses((status = 200, body = Baseline), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn record(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(record): Body<BaselineRecord>,
) -> Result<Json<Baseline>, ApiError> {
    Ok(Json(app.state.eval.record_baseline(&name, &record, &session.name).await?))
}

/// Forget a baseline
#[utoipa::path(delete, path = "/api/v1/baselines/{name}", tag = "evaluation", operation_id = "delete_baseline", params(("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove(State(app): State<Arc<App>>, Named(name): Named<String>) -> Result<StatusCode, ApiError> {
    let was_there = app.state.eval.delete_baseline(&name).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("baseline", name)) }
}

/// Compare an experiment with a baseline
#[utoipa::path(get, path = "/api/v1/baselines/{name}/comparison", tag = "evaluation", operation_id = "compare_with_baseline",
    params(("name" = String, Path), BaselineComparisonParams),
    responses((status = 200, body = BaselineComparison), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn compare(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Params(params): Params<BaselineComparisonParams>,
) -> Result<Json<BaselineComparison>, ApiError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (success, safety) = (given(&params.evaluator), given(&params.safety_evaluator));
    let names = AspectNames { success: success.as_deref(), safety: safety.as_deref() };
    let numbers = (number("margin", params.margin.as_deref(), 0.02)?, number("alpha", params.alpha.as_deref(), 0.05)?);
    let eval = &app.state.eval;
    let (baseline, rows) = eval.compare_with_baseline(&name, &params.experiment, names, numbers).await?;
    Ok(Json(BaselineComparison { baseline, experiment: params.experiment, rows }))
}
