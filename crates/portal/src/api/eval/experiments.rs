//! Experiments.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_eval::experiment::Experiment;
use mizzen_eval::experiment::cases::{CaseResult, by_case};
use mizzen_eval::experiment::request::ExperimentRequest;
use mizzen_model::permission::Verdict;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::run::blocking;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, PageParams, Params, limit, next_cursor};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

/// Experiments, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExperimentList {
    items: Vec<Experiment>,
    next_cursor: Option<String>,
}

/// Scores by case, those that need a person first: the lowest mean, then what failed, then what was not evaluated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseResultList {
    items: Vec<CaseResult>,
    next_cursor: Option<String>,
}

/// Which cases; what is absent does not restrict.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CaseParams {
    evaluator: Option<String>,
    /// Cases with a trial of this verdict.
    verdict: Option<String>,
    /// `need`: those first that need a person. `time`: in the order in which the runs were made, as a sequence takes them.
    order: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
}

/// List experiments, newest first
#[utoipa::path(get, path = "/api/v1/experiments", tag = "evaluation", operation_id = "list_experiments", params(PageParams),
    responses((status = 200, body = ExperimentList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<PageParams>,
) -> Result<Json<ExperimentList>, ApiError> {
    let limit = limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let found = app.state.eval.experiments(params.cursor.as_deref(), limit).await?;
    Ok(Json(ExperimentList { items: found.items, next_cursor: found.next_cursor }))
}

/// Start an experiment
///
/// It scores the final runs of a selection and goes on by itself; ask for it again to see how far it is.
#[utoipa::path(post, path = "/api/v1/experiments", tag = "evaluation", operation_id = "start_experiment", request_body = ExperimentRequest,
    responses((status = 202, body = Experiment), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<ExperimentRequest>,
) -> Result<(StatusCode, Json<Experiment>), ApiError> {
    let begun = app.state.eval.create_experiment(request, &session.name).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// An experiment with its aggregates
#[utoipa::path(get, path = "/api/v1/experiments/{id}", tag = "evaluation", operation_id = "get_experiment", params(("id" = String, Path)),
    responses((status = 200, body = Experiment), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Json<Experiment>, ApiError> {
    Ok(Json(app.state.eval.experiment(&id).await?))
}

/// Delete an experiment with its scores
///
/// Evidence that it gave stays, and so does the look at the lineage that it took.
#[utoipa::path(delete, path = "/api/v1/experiments/{id}", tag = "evaluation", operation_id = "delete_experiment", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove(State(app): State<Arc<App>>, Named(id): Named<String>) -> Result<StatusCode, ApiError> {
    let was_there = app.state.eval.delete_experiment(&id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("experiment", id)) }
}

/// Scores of an experiment by case
#[utoipa::path(get, path = "/api/v1/experiments/{id}/cases", tag = "evaluation", operation_id = "list_case_results",
    params(("id" = String, Path), CaseParams),
    responses((status = 200, body = CaseResultList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn cases(
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    Params(params): Params<CaseParams>,
) -> Result<Json<CaseResultList>, ApiError> {
    let page = PageParams { cursor: params.cursor, limit: params.limit };
    let (from, limit) = page.window(LIMIT_DEFAULT, LIMIT_MAX)?;
    let verdict = params.verdict.filter(|text| !text.is_empty()).map(|text| {
        let known: Vec<&str> = Verdict::ALL.iter().map(|verdict| verdict.as_str()).collect();
        text.parse::<Verdict>().map_err(|_| ApiError::unknown("verdict", &text, &known))
    });
    let verdict = verdict.transpose()?;
    let is_by_time = match params.order.as_deref() {
        None | Some("" | "need") => false,
        Some("time") => true,
        Some(other) => return Err(ApiError::unknown("order", other, &["need", "time"])),
    };
    let evaluator = params.evaluator.filter(|text| !text.is_empty());
    let experiment = app.state.eval.experiment(&id).await?;
    let scores = app.state.eval.scores(&experiment).await?;
    let wanted = move |case: &CaseResult| {
        evaluator.as_ref().is_none_or(|name| case.evaluator == *name)
            && verdict.is_none_or(|verdict| case.runs.iter().any(|run| run.verdict == Some(verdict)))
    };
    let (total, items) = blocking(move || {
        let mut cases: Vec<CaseResult> = by_case(&scores).into_iter().filter(wanted).collect();
        if is_by_time {
            // Experiments read the newest run first.
            cases.reverse();
        } else {
            cases.sort_by(|a, b| {
                need(a).partial_cmp(&need(b)).unwrap_or(Ordering::Equal).then_with(|| a.case.cmp(&b.case))
            });
        }
        (cases.len(), cases.into_iter().skip(from).take(limit).collect::<Vec<_>>())
    })
    .await?;
    Ok(Json(CaseResultList { next_cursor: next_cursor(from, items.len(), total), items }))
}

/// How urgently a case needs a person; less is more.
fn need(case: &CaseResult) -> f64 {
    let failed = || case.runs.iter().any(|run| run.status == "failed");
    match case.mean {
        Some(mean) => mean.min(1e12),
        None if failed() => 1e13,
        None => 1e14,
    }
}
