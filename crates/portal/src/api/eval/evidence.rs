//! Evidence.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_control::evidence::Withdrawal;
use mizzen_control::sign_in::Session;
use mizzen_eval::evidence::Published;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Params, agent_digest};

/// Evidence, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceList {
    items: Vec<EvidenceItem>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceItem {
    #[serde(flatten)]
    published: Published,
    /// The metric with what a rule must name besides: `contains@1 evaluator=sha256:… set=sha256:…`.
    rule_metric: String,
    /// Who took it out of force, or a newer measurement of the same.
    withdrawn: Option<EvidenceWithdrawal>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceWithdrawal {
    by: String,
    at: Timestamp,
    reason: String,
}

impl From<Withdrawal> for EvidenceWithdrawal {
    fn from(Withdrawal { by, at, reason, .. }: Withdrawal) -> Self {
        Self { by, at, reason }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawRequest {
    /// An agent digest.
    #[schema(value_type = Digest)]
    subject: String,
    /// `rule_metric` of what is in force.
    metric: String,
    reason: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EvidenceParams {
    /// An agent digest.
    digest: Option<String>,
    agent: Option<String>,
}

/// List evidence, newest first
#[utoipa::path(get, path = "/api/v1/evidence", tag = "evaluation", operation_id = "list_evidence", params(EvidenceParams),
    responses((status = 200, body = EvidenceList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<EvidenceParams>,
) -> Result<Json<EvidenceList>, ApiError> {
    let digest = params.digest.filter(|text| !text.is_empty()).map(|text| agent_digest("digest", &text));
    let agent = params.agent.filter(|agent| !agent.is_empty());
    let items = app.state.eval.evidence(digest.transpose()?.as_ref(), agent.as_deref()).await?;
    let view = |published: Published| {
        let evidence = published.evidence();
        let withdrawn = app.state.control.evidence().withdrawal_of(&evidence).map(EvidenceWithdrawal::from);
        EvidenceItem { published, rule_metric: evidence.metric, withdrawn }
    };
    Ok(Json(EvidenceList { items: items.into_iter().map(view).collect() }))
}

/// Take evidence out of force
///
/// Neither it nor an older measurement of the same metric and digest comes into force again; a later one does.
#[utoipa::path(post, path = "/api/v1/evidence/withdraw", tag = "evaluation", operation_id = "withdraw_evidence",
    request_body = WithdrawRequest,
    responses((status = 200, body = EvidenceWithdrawal), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(WithdrawRequest { subject, metric, reason }): Body<WithdrawRequest>,
) -> Result<Json<EvidenceWithdrawal>, ApiError> {
    let subject = agent_digest("subject", &subject)?;
    let withdrawal = app.state.control.evidence().withdraw(&subject, &metric, &reason, &session.name).await?;
    Ok(Json(withdrawal.into()))
}
