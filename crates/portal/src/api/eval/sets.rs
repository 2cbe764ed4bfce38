//! Eval sets.

use std::sync::Arc;

use axum::extract::{FromRequest as _, Request, State};
use axum::{Extension, Json};
use bytes::Bytes;
use mizzen_control::sign_in::Session;
use mizzen_eval::golden::{SetVersion, StoredSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::api::run::find;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, Params};

/// The newest version of every set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvalSetList {
    items: Vec<SetVersion>,
}

/// A version of a set, case by case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvalSetDetail {
    #[serde(flatten)]
    version: SetVersion,
    versions: Vec<SetVersion>,
    items: Vec<EvalCaseView>,
}

/// A case with what is expected of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvalCaseView {
    case: String,
    /// The run that it was made from.
    golden_run_id: Option<String>,
    turns: Vec<ExpectedTurnView>,
    rubrics: Vec<String>,
}

/// From what a user says to the expected answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExpectedTurnView {
    user: String,
    tool_calls: Vec<ExpectedCallView>,
    response: Option<String>,
}

/// An expected tool call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExpectedCallView {
    name: String,
    #[schema(value_type = Object)]
    arguments: Value,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadParams {
    /// Name of the set; by default the one that the file gives it.
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct VersionParams {
    /// The newest when absent.
    version: Option<String>,
}

/// A run to be marked as golden.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenRequest {
    run_id: String,
    /// Id of the case; by default the run's.
    case: Option<String>,
}

/// List eval sets
#[utoipa::path(get, path = "/api/v1/eval-sets", tag = "evaluation", operation_id = "list_eval_sets",
    responses((status = 200, body = EvalSetList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<EvalSetList>, ApiError> {
    Ok(Json(EvalSetList { items: app.state.eval.eval_sets().await? }))
}

/// An eval set with its cases
#[utoipa::path(get, path = "/api/v1/eval-sets/{name}", tag = "evaluation", operation_id = "get_eval_set",
    params(("name" = String, Path), VersionParams),
    responses((status = 200, body = EvalSetDetail), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Params(params): Params<VersionParams>,
) -> Result<Json<EvalSetDetail>, ApiError> {
    let version = params.version.filter(|text| !text.is_empty()).map(|text| {
        text.parse().map_err(|_| ApiError::Field { field: "version", message: format!("`{text}` is not a number") })
    });
    let stored = app.state.eval.eval_set(&name, version.transpose()?).await?;
    Ok(Json(view(stored)))
}

/// Upload an eval set
///
/// An ADK EvalSet or `.test.json`. The same content as the newest version makes no new one.
#[utoipa::path(post, path = "/api/v1/eval-sets", tag = "evaluation", operation_id = "upload_eval_set", params(UploadParams),
    request_body(content = String, content_type = "application/json"),
    responses((status = 200, body = SetVersion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 413, body = ErrorBody)))]
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Params(params): Params<UploadParams>,
    request: Request,
) -> Result<Json<SetVersion>, ApiError> {
    let content = Bytes::from_request(request, &()).await.map_err(|error| ApiError::Refused {
        status: error.status(),
        code: "body",
        message: error.body_text(),
    })?;
    let name = params.name.as_deref().filter(|name| !name.is_empty());
    Ok(Json(app.state.eval.upload_set(name, &content, &session.name).await?))
}

/// Mark a run as golden
///
/// What the run did becomes what is expected of a case; the set is made when there is none of this name.
#[utoipa::path(post, path = "/api/v1/eval-sets/{name}/cases", tag = "evaluation", operation_id = "mark_golden",
    params(("name" = String, Path)), request_body = GoldenRequest,
    responses((status = 200, body = SetVersion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn mark(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(request): Body<GoldenRequest>,
) -> Result<Json<SetVersion>, ApiError> {
    let run = find(&app, &request.run_id).await?;
    let case = request.case.filter(|case| !case.is_empty());
    Ok(Json(app.state.eval.mark_golden(&name, &run, case, &session.name).await?))
}

/// Take a case out of an eval set
///
/// It makes a new version; the older ones keep the case.
#[utoipa::path(delete, path = "/api/v1/eval-sets/{name}/cases/{case}", tag = "evaluation", operation_id = "remove_eval_case",
    params(("name" = String, Path), ("case" = String, Path)),
    responses((status = 200, body = SetVersion), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn remove_case(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((name, case)): Named<(String, String)>,
) -> Result<Json<SetVersion>, ApiError> {
    Ok(Json(app.state.eval.remove_case(&name, &case, &session.name).await?))
}

fn view(stored: StoredSet) -> EvalSetDetail {
    let golden = |case: &str| stored.golden_runs.iter().find(|(of, _)| of == case).map(|(_, run)| run.clone());
    let items = stored.set.cases.iter().map(|case| EvalCaseView {
        case: case.id.clone(),
        golden_run_id: golden(&case.id),
        turns: case.turns.iter().map(turn).collect(),
        rubrics: case.rubrics.clone(),
    });
    EvalSetDetail { items: items.collect(), version: stored.version, versions: stored.versions }
}

fn turn(turn: &mizzen_eval::set::ExpectedTurn) -> ExpectedTurnView {
    let call = |call: &mizzen_eval::set::ExpectedCall| ExpectedCallView {
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    };
    ExpectedTurnView {
        user: turn.user.clone(),
        tool_calls: turn.tool_calls.iter().map(call).collect(),
        response: turn.response.clone(),
    }
}
