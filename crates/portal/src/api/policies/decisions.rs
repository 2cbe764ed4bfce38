//! What was decided, and why.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_control::policies::Policies;
use mizzen_control::policies::decisions::record::{ArgumentsKept, DecisionDocument};
use mizzen_control::policies::decisions::{DecisionFilter, KeptDecision};
use mizzen_control::policies::impact::Standing;
use mizzen_control::sign_in::Session;
use mizzen_model::asked::{Action, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Effect, Mode, Role};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Named, Params, limit};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecisionParams {
    agent: Option<String>,
    caller: Option<String>,
    /// `allow`, `deny` or `needs_approval`.
    effect: Option<String>,
    /// `observe` or `enforce`.
    mode: Option<String>,
    /// `true`: only calls that did not go on; `false`: only those that did.
    enforced: Option<String>,
    /// For example `tools:call`.
    action: Option<String>,
    /// For example `tool:helm/helm_uninstall`; a `*` at its end stands for anything.
    resource: Option<String>,
    /// The stable code of a refusal.
    code: Option<String>,
    run: Option<String>,
    /// RFC 3339.
    since: Option<String>,
    /// RFC 3339, exclusive.
    until: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
}

/// Decisions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionList {
    items: Vec<DecisionView>,
    next_cursor: Option<String>,
}

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionView {
    id: String,
    at: Timestamp,
    run_id: Option<String>,
    trace_id: Option<String>,
    span_id: Option<String>,
    agent: Option<String>,
    team: Option<String>,
    caller: String,
    #[schema(value_type = Option<String>)]
    agent_digest: Option<Digest>,
    action: String,
    resource: String,
    server: Option<String>,
    tool: Option<String>,
    effect: Effect,
    mode: Mode,
    /// Whether the call was kept from going on, or is held. A held call that went out after a yes has a second decision, which is
    /// not enforced.
    enforced: bool,
    code: Option<String>,
    /// The held call, here and where it went out after a yes.
    approval: Option<String>,
    policies: Vec<String>,
    #[schema(value_type = String)]
    policy_set: Digest,
    reason: String,
}

/// A decision with what it was made on, and what would be decided now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionDetail {
    #[serde(flatten)]
    item: DecisionView,
    #[schema(value_type = Object)]
    arguments: serde_json::Value,
    /// `whole`, `redacted`, `hash` or `none`; `hidden` from who is no approver.
    arguments_kept: String,
    /// For approvers.
    arguments_hash: Option<String>,
    #[schema(value_type = Option<String>)]
    tool_digest: Option<Digest>,
    pinned: bool,
    read_only: bool,
    taint: Taint,
    touches: Taint,
    evidence: Vec<EvidenceView>,
    #[schema(value_type = Object)]
    obligations: serde_json::Value,
    /// What the set in force would say to the same question; null when it cannot be asked again.
    now: Option<NowView>,
    /// Why it cannot be asked again.
    not_replayed: Option<&'static str>,
    /// The policies that decided, as they are now.
    sources: Vec<SourceView>,
}

/// Evidence that was in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    metric: String,
    lower: f64,
    clusters: u64,
    alpha: f64,
    as_of: Timestamp,
}

/// What would be decided now, with the evidence in force and the state of the version as they are; budgets as if they were full.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NowView {
    effect: Effect,
    mode: Mode,
    reason: String,
    policies: Vec<String>,
    #[schema(value_type = String)]
    policy_set: Digest,
    /// Whether effect or enforcement differ from what was decided.
    differs: bool,
}

/// A policy's text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// As decisions name it.
    name: String,
    /// The Cedar that it is; null when it is no longer in force.
    text: Option<String>,
}

/// List decisions, newest first
#[utoipa::path(get, path = "/api/v1/decisions", tag = "permission", operation_id = "list_decisions", params(DecisionParams),
    responses((status = 200, body = DecisionList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<DecisionParams>,
) -> Result<Json<DecisionList>, ApiError> {
    let limit = limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let cursor = given(&params.cursor);
    let page = app.state.control.policies().decisions(&filter(&params)?, cursor.as_deref(), limit).await?;
    let items = page.items.iter().map(|kept| Ok(view(kept, read(kept)?))).collect::<Result<_, ApiError>>()?;
    Ok(Json(DecisionList { items, next_cursor: page.next_cursor }))
}

/// A decision, explained
#[utoipa::path(get, path = "/api/v1/decisions/{id}", tag = "permission", operation_id = "explain_decision", params(("id" = String, Path)),
    responses((status = 200, body = DecisionDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<Json<DecisionDetail>, ApiError> {
    let policies = app.state.control.policies();
    let kept = policies.decision(&id).await.map_err(ApiError::internal)?;
    let kept = kept.ok_or_else(|| ApiError::not_found("decision", id))?;
    let detail = explain(&kept, read(&kept)?, &policies);
    Ok(Json(if session.role >= Role::Approver { detail } else { detail.without_arguments() }))
}

impl DecisionDetail {
    /// Arguments are content: they are for who answers held calls, here as there.
    fn without_arguments(self) -> Self {
        let is_hidden = self.arguments_kept != kept_word(ArgumentsKept::None);
        let arguments_kept = if is_hidden { "hidden".to_owned() } else { self.arguments_kept };
        Self { arguments: serde_json::Value::Null, arguments_kept, arguments_hash: None, ..self }
    }
}

fn explain(kept: &KeptDecision, document: DecisionDocument, policies: &Policies<'_>) -> DecisionDetail {
    // Not whether it went on: a call that went out after a yes was held.
    let then = Standing::of(document.decision.effect, document.decision.mode);
    let (again, published) = (policies.ask_now(&document), policies.published());
    let not_replayed = again.as_ref().err().map(|why| why.as_str());
    let now = again.ok().map(|outcome| NowView {
        effect: outcome.effect,
        mode: outcome.mode,
        differs: then != Standing::of(outcome.effect, outcome.mode),
        reason: outcome.reason,
        policies: outcome.policies,
        policy_set: published.set.digest().clone(),
    });
    let named = document
        .decision
        .policies
        .iter()
        .map(|name| SourceView { name: name.clone(), text: published.cedar_by_id(name) });
    let evidence = document.evidence.iter().map(|evidence| EvidenceView {
        metric: evidence.metric.clone(),
        lower: evidence.lower,
        clusters: evidence.clusters,
        alpha: evidence.alpha,
        as_of: evidence.as_of,
    });
    DecisionDetail {
        sources: named.collect(),
        evidence: evidence.collect(),
        arguments: document.arguments.clone().unwrap_or_default(),
        arguments_kept: kept_word(document.arguments_kept).to_owned(),
        arguments_hash: document.arguments_hash.clone(),
        tool_digest: document.tool.digest.clone(),
        pinned: document.tool.pinned,
        read_only: document.tool.read_only,
        taint: document.taint,
        touches: document.touches,
        obligations: serde_json::to_value(&document.obligations).unwrap_or_default(),
        now,
        not_replayed,
        item: view(kept, document),
    }
}

const fn kept_word(kept: ArgumentsKept) -> &'static str {
    match kept {
        ArgumentsKept::None => "none",
        ArgumentsKept::Whole => "whole",
        ArgumentsKept::Redacted => "redacted",
        ArgumentsKept::Hash => "hash",
    }
}

fn read(kept: &KeptDecision) -> Result<DecisionDocument, ApiError> {
    kept.read().map_err(ApiError::internal)
}

fn view(kept: &KeptDecision, document: DecisionDocument) -> DecisionView {
    let is_tool = document.resource.kind == mizzen_model::asked::ResourceKind::Tool;
    let decision = document.decision;
    DecisionView {
        id: decision.id,
        at: decision.at,
        run_id: kept.run_id.clone(),
        trace_id: document.trace_id.map(|id| id.to_string()),
        span_id: document.span_id.map(|id| id.to_string()),
        agent: document.agent,
        team: document.team,
        caller: decision.caller.reference,
        agent_digest: decision.caller.agent_digest,
        action: decision.action,
        resource: decision.resource,
        server: document.resource.server,
        tool: is_tool.then_some(document.resource.name),
        effect: decision.effect,
        mode: decision.mode,
        enforced: document.enforced,
        code: document.code,
        approval: document.approval,
        policies: decision.policies,
        policy_set: decision.policy_set,
        reason: decision.reason,
    }
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn filter(params: &DecisionParams) -> Result<DecisionFilter, ApiError> {
    let effects: Vec<&str> = Effect::ALL.iter().map(|effect| effect.as_str()).collect();
    let actions: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    Ok(DecisionFilter {
        run_id: given(&params.run),
        agent: given(&params.agent),
        caller: given(&params.caller),
        action: known("action", given(&params.action), &actions)?,
        resource: given(&params.resource),
        effect: known("effect", given(&params.effect), &effects)?,
        mode: known("mode", given(&params.mode), &["observe", "enforce"])?,
        enforced: known("enforced", given(&params.enforced), &["true", "false"])?.map(|text| text == "true"),
        code: given(&params.code),
        since: instant("since", given(&params.since))?,
        until: instant("until", given(&params.until))?,
    })
}

fn known(field: &'static str, text: Option<String>, known: &[&str]) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if !known.contains(&text.as_str()) => Err(ApiError::unknown(field, &text, known)),
        text => Ok(text),
    }
}

fn instant(field: &'static str, text: Option<String>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |_| ApiError::Field {
        field,
        message: format!("`{text}` is no instant of RFC 3339, such as 2026-11-22T10:00:00Z"),
    };
    text.parse().map(Some).map_err(wrong)
}
