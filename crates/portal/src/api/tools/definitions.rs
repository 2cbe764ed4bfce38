//! What the tools of a server say, now and when it was approved.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_mcp::pins::diff::{self, Change};
use mizzen_mcp::pins::finding::Finding;
use mizzen_mcp::pins::{Known, Withheld};
use mizzen_mcp::servers::ServerConfig;
use mizzen_model::asked::Taint;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::by;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// One tool of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolDefinition {
    tool: String,
    title: Option<String>,
    /// `pinned`, `withheld`, or `gone` when the server does not offer it any more.
    state: &'static str,
    withheld: Option<Withheld>,
    /// As the server has it now.
    digest: Option<Digest>,
    pin: Option<PinView>,
    /// As the approved definition says.
    read_only: bool,
    findings: Vec<Finding>,
    touches: Taint,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
    #[schema(value_type = Object)]
    current: Option<Arc<Map<String, Value>>>,
    #[schema(value_type = Object)]
    pinned: Option<Arc<Map<String, Value>>>,
    /// From the pinned definition to the current one.
    changes: Vec<Change>,
}

/// What was approved, by whom and when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PinView {
    digest: Digest,
    /// `first sight`: nobody had seen anything else.
    approved_by: String,
    approved_at: Timestamp,
}

/// The digest of what the person looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinRequest {
    digest: Digest,
}

pub(super) fn view(config: &ServerConfig, tool: &str, known: Known) -> ToolDefinition {
    let withheld = known.withheld().filter(|_| !known.gone);
    let state = match (known.gone, &withheld) {
        (true, _) => "gone",
        (false, Some(_)) => "withheld",
        (false, None) => "pinned",
    };
    let read_only = known.facts().read_only;
    let (pinned, pin) = match known.pin {
        Some(pin) => {
            let view = PinView { digest: pin.digest, approved_by: pin.approved_by, approved_at: pin.approved_at };
            (Some(pin.definition), Some(view))
        }
        None => (None, None),
    };
    let current = (!known.gone).then_some(known.definition);
    let changes = pinned.as_ref().zip(current.as_ref()).map(|(pinned, current)| diff::changes(pinned, current));
    let title = current.as_ref().or(pinned.as_ref()).and_then(|definition| definition.get("title"));
    ToolDefinition {
        tool: tool.to_owned(),
        title: title.and_then(Value::as_str).map(str::to_owned),
        state,
        withheld,
        digest: (!known.gone).then_some(known.digest),
        pin,
        read_only,
        findings: known.findings,
        touches: config.touches(tool),
        first_seen_at: known.first_seen_at,
        last_seen_at: known.last_seen_at,
        changes: changes.unwrap_or_default(),
        current,
        pinned,
    }
}

/// Approve a tool's definition
///
/// The digest is that of the definition that the person looked at; when the server has another one by now, nothing is approved.
#[utoipa::path(post, path = "/api/v1/tool-servers/{name}/tools/{tool}/pin", tag = "tools", operation_id = "pin_tool",
    params(("name" = String, Path), ("tool" = String, Path)), request_body = PinRequest,
    responses((status = 200, body = ToolDefinition), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn pin(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((name, tool)): Named<(String, String)>,
    Body(request): Body<PinRequest>,
) -> Result<Json<ToolDefinition>, ApiError> {
    app.state.tools.approve(&name, &tool, &request.digest, by(&session)).await?;
    let configured = app.state.tools.configuration().configured();
    let entry = configured.servers.get(&name).ok_or_else(|| ApiError::not_found("tool server", &name))?;
    let known = app.state.tools.pins().known(&name, &tool).ok_or_else(|| ApiError::not_found("tool", &tool))?;
    Ok(Json(view(&entry.value, &tool, known)))
}

/// Take an approval back
///
/// The tool is withheld until its definition is approved again.
#[utoipa::path(delete, path = "/api/v1/tool-servers/{name}/tools/{tool}/pin", tag = "tools", operation_id = "unpin_tool",
    params(("name" = String, Path), ("tool" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn unpin(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((name, tool)): Named<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let was_there = app.state.tools.withdraw(&name, &tool, by(&session)).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("pinned tool", tool)) }
}
