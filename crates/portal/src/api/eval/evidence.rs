//! Evidence.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_eval::evidence::Published;
use mizzen_model::id::{Digest, IdError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Params;

/// Evidence, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceList {
    items: Vec<Published>,
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
    let wrong = |error: IdError| ApiError::Field { field: "digest", message: error.to_string() };
    let digest = params.digest.filter(|text| !text.is_empty()).map(|text| text.parse::<Digest>().map_err(wrong));
    let agent = params.agent.filter(|agent| !agent.is_empty());
    let items = app.state.eval.evidence(digest.transpose()?.as_ref(), agent.as_deref()).await?;
    Ok(Json(EvidenceList { items }))
}
