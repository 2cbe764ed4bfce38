//! Held calls: what waits for a person, and the person's answer.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_control::approvals::{Before, HeldCall, HeldFilter, HeldState, Shown};
use mizzen_control::sign_in::Session;
use mizzen_model::asked::Taint;
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{self, Body, Named, Params};

/// A call that waits for a person, or did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalView {
    id: String,
    /// `waiting`, `approved`, `denied`, `expired`, `used` or `stopped`.
    state: &'static str,
    agent: Option<String>,
    team: Option<String>,
    caller: String,
    run_id: Option<String>,
    session: Option<String>,
    action: String,
    resource: String,
    server: Option<String>,
    tool: Option<String>,
    /// For approvers: as they were sent, or the beginning of them as text.
    arguments: Option<Value>,
    /// `whole`, `cut`, `hidden` or `none`.
    arguments_shown: &'static str,
    /// For approvers.
    arguments_digest: Option<String>,
    /// What the run had touched before.
    taint: Taint,
    policies: Vec<String>,
    reason: String,
    decision_id: String,
    created_at: Timestamp,
    /// Until when it waits, or the approved call may come.
    expires_at: Timestamp,
    decided_at: Option<Timestamp>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
}

/// A held call, with what its run did before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalDetail {
    #[serde(flatten)]
    item: ApprovalView,
    /// The last ten decisions of the run before the call was held, newest first; of its key where it is in no run.
    history: Vec<Before>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalList {
    items: Vec<ApprovalView>,
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalParams {
    /// `waiting`, `approved`, `denied`, `expired`, `used` or `stopped`.
    state: Option<String>,
    agent: Option<String>,
    run: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
}

/// Why, for who reads the log.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AnswerRequest {
    reason: Option<String>,
}

/// List held calls
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", operation_id = "list_approvals", params(ApprovalParams),
    responses((status = 200, body = ApprovalList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Params(params): Params<ApprovalParams>,
) -> Result<Json<ApprovalList>, ApiError> {
    let limit = page::limit(params.limit.as_deref(), 50, 200)?;
    let filter = HeldFilter {
        state: params.state.as_deref().map(state).transpose()?,
        agent: params.agent,
        run_id: params.run,
        before: params.cursor.as_deref().map(cursor).transpose()?,
        // One more tells whether there is a next page.
        limit: limit + 1,
    };
    let mut calls = app.state.control.approvals().list(&filter).await.map_err(ApiError::internal)?;
    let has_more = calls.len() > limit as usize;
    calls.truncate(limit as usize);
    let last = calls.last().filter(|_| has_more);
    let next_cursor = last.map(|call| format!("{}.{}", call.requested_at.unix_nanos(), call.id));
    Ok(Json(ApprovalList { items: calls.into_iter().map(|call| view(call, session.role)).collect(), next_cursor }))
}

/// One held call
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "approvals", operation_id = "get_approval", params(("id" = String, Path)),
    responses((status = 200, body = ApprovalDetail), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<Json<ApprovalDetail>, ApiError> {
    let approvals = app.state.control.approvals();
    let call = approvals.get(&id).await.map_err(ApiError::internal)?;
    let call = call.ok_or_else(|| ApiError::not_found("held call", &id))?;
    let mut history = approvals.history(&call).await.map_err(ApiError::internal)?;
    if session.role < Role::Approver {
        history = history.into_iter().map(Before::without_arguments).collect();
    }
    Ok(Json(ApprovalDetail { item: view(call, session.role), history }))
}

/// Let a held call go out, once
#[utoipa::path(post, path = "/api/v1/approvals/{id}/approve", tag = "approvals", operation_id = "approve_call",
    params(("id" = String, Path)), request_body = AnswerRequest,
    responses((status = 200, body = ApprovalView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
    Body(request): Body<AnswerRequest>,
) -> Result<Json<ApprovalView>, ApiError> {
    answer(&app, &session, &id, true, request).await
}

/// Refuse a held call
#[utoipa::path(post, path = "/api/v1/approvals/{id}/deny", tag = "approvals", operation_id = "deny_call",
    params(("id" = String, Path)), request_body = AnswerRequest,
    responses((status = 200, body = ApprovalView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn deny(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
    Body(request): Body<AnswerRequest>,
) -> Result<Json<ApprovalView>, ApiError> {
    answer(&app, &session, &id, false, request).await
}

async fn answer(
    app: &App,
    session: &Session,
    id: &str,
    yes: bool,
    request: AnswerRequest,
) -> Result<Json<ApprovalView>, ApiError> {
    let reason = request.reason.as_deref().filter(|reason| !reason.trim().is_empty());
    let call = app.state.control.approvals().answer(id, yes, session, reason).await?;
    Ok(Json(view(call, session.role)))
}

fn state(name: &str) -> Result<HeldState, ApiError> {
    let known = HeldState::ALL.map(HeldState::as_str);
    HeldState::from_name(name).ok_or_else(|| ApiError::unknown("state", name, &known))
}

/// The instant and the id of the last call of the page before.
fn cursor(text: &str) -> Result<(Timestamp, String), ApiError> {
    let parts = text.split_once('.').and_then(|(nanos, id)| Some((nanos.parse().ok()?, id.to_owned())));
    let (nanos, id) = parts.ok_or_else(|| ApiError::Field {
        field: "cursor",
        message: "must be the `next_cursor` of the page before".to_owned(),
    })?;
    Ok((Timestamp::from_unix_nanos(nanos), id))
}

/// Arguments are content: they are for who answers.
pub(crate) fn view(call: HeldCall, role: Role) -> ApprovalView {
    let may_see = role >= Role::Approver;
    let arguments = call.arguments().filter(|_| may_see);
    let is_hidden = !may_see && call.arguments_shown != Shown::Nothing;
    ApprovalView {
        id: call.id,
        state: call.state.as_str(),
        agent: call.agent,
        team: call.team,
        caller: call.caller,
        run_id: call.run_id,
        session: call.session,
        tool: call.resource.starts_with("tool:").then_some(call.name),
        action: call.action,
        resource: call.resource,
        server: call.server,
        arguments,
        arguments_shown: if is_hidden { Shown::Hidden.as_str() } else { call.arguments_shown.as_str() },
        arguments_digest: may_see.then_some(call.arguments_hash),
        taint: call.taint,
        policies: call.policies,
        reason: call.reason,
        decision_id: call.decision_id,
        created_at: call.requested_at,
        expires_at: call.expires_at,
        decided_at: call.answered_at,
        decided_by: call.answered_by,
        decision_reason: call.answer_reason,
    }
}
