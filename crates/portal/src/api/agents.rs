//! Agents as discovered from traffic.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_telemetry::AgentSummary;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ErrorBody;

/// What one agent did, over all runs that are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentView {
    agent: String,
    runs: u64,
    /// Runs that failed.
    errors: u64,
    last_seen_at: Timestamp,
    models: Vec<String>,
    tools: Vec<String>,
    usage: Usage,
    /// An estimate from the price table.
    cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    unpriced_calls: u64,
    /// Durations of its runs, estimated within 4.5 %.
    p50_duration_ns: Option<i64>,
    p95_duration_ns: Option<i64>,
    /// Seen in traffic, not registered.
    discovered: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentList {
    items: Vec<AgentView>,
}

/// List agents
#[utoipa::path(get, path = "/api/v1/agents", tag = "agents", operation_id = "list_agents",
    responses((status = 200, body = AgentList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<AgentList> {
    let agents = app.state.telemetry.agents().await;
    Json(AgentList { items: agents.into_iter().map(view).collect() })
}

pub(crate) fn view(totals: AgentSummary) -> AgentView {
    AgentView {
        agent: totals.agent,
        runs: totals.runs,
        errors: totals.errors,
        last_seen_at: totals.last_seen_at,
        models: totals.models,
        tools: totals.tools,
        usage: totals.usage,
        cost_usd: totals.cost_usd,
        unpriced_calls: totals.unpriced_calls,
        p50_duration_ns: totals.p50_duration_ns,
        p95_duration_ns: totals.p95_duration_ns,
        discovered: true,
    }
}
