//! Two experiments side by side.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_eval::compare::{ChangedCase, MetricComparison, Question};
use mizzen_eval::experiment::{Experiment, State as ExperimentState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{number, optional};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Params;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ComparisonParams {
    /// Id of the experiment that is compared with.
    a: String,
    /// Id of the experiment that is judged.
    b: String,
    /// Error rate over all evaluators together; 0.05 when absent.
    #[serde(default)]
    alpha: Option<String>,
    /// How much worse B may be and still count as no worse.
    #[serde(default)]
    margin: Option<String>,
}

/// A against B, evaluator by evaluator.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparisonView {
    a: Experiment,
    b: Experiment,
    alpha: f64,
    margin: Option<f64>,
    metrics: Vec<MetricComparison>,
    /// The most changed first.
    changed: Vec<ChangedCase>,
    changed_total: u64,
}

/// Compare two experiments
#[utoipa::path(get, path = "/api/v1/experiments/compare", tag = "evaluation", operation_id = "compare_experiments", params(ComparisonParams),
    responses((status = 200, body = ComparisonView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn compare(
    State(app): State<Arc<App>>,
    Params(params): Params<ComparisonParams>,
) -> Result<Json<ComparisonView>, ApiError> {
    let question = Question {
        alpha: number("alpha", params.alpha.as_deref(), 0.05)?,
        margin: optional("margin", params.margin.as_deref())?,
    };
    for id in [&params.a, &params.b] {
        if app.state.eval.experiment(id).await?.state == ExperimentState::Running {
            let message = format!("experiment `{id}` still runs; compare it when it is finished");
            return Err(ApiError::Refused { status: http::StatusCode::CONFLICT, code: "running", message });
        }
    }
    let (a, b, comparison) = app.state.eval.compare(&params.a, &params.b, question).await?;
    Ok(Json(ComparisonView {
        a,
        b,
        alpha: comparison.alpha,
        margin: comparison.margin,
        metrics: comparison.metrics,
        changed: comparison.changed,
        changed_total: comparison.changed_total,
    }))
}
