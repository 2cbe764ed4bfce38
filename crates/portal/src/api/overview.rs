//! The first page: what happened in the last day, and what needs a look.

mod day;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_control::keys::KeyInfo;
use mizzen_model::run::{JUDGE_CALLER, RunSummary};
use mizzen_model::step::Outcome;
use mizzen_model::time::Timestamp;
use mizzen_telemetry::{Page, RunFilter};
use serde::Serialize;
use utoipa::ToSchema;

use super::agents::{self, AgentView};
use super::providers::{self, ProviderView};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};

pub(crate) use day::LastDay;
use day::{Hour, Totals, last_day};

const FAILURES: u32 = 25;
const RECENT: u32 = 8;
const AGENTS: usize = 5;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    totals_24h: Totals,
    /// The last 24 hours, oldest first; the last one is not over.
    hours: Vec<Hour>,
    /// Runs that failed last.
    failures: Vec<RunSummary>,
    recent: Vec<RunSummary>,
    /// The agents that were seen last.
    agents: Vec<AgentView>,
    ingest: Ingest,
    setup: Setup,
}

/// What came in since this server started, and what is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ingest {
    spans_received: u64,
    /// Items that can never be stored; their senders were told.
    rejected: u64,
    /// Records of the gateway that were given up because storage did not take them.
    shed: u64,
    /// Requests that were told to come again later, because storage took nothing more at that moment.
    turned_away: u64,
    last_received_at: Option<Timestamp>,
    segments: u64,
    wal_bytes: u64,
    /// Why storage does not work at the moment; `null` when it does.
    failing: Option<String>,
}

/// How far this server is set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Setup {
    providers: Vec<ProviderView>,
    /// The providers whose keys the configured upstreams are called with.
    providers_wanted: Vec<String>,
    /// Keys of agents.
    keys: usize,
}

/// The last day at a glance
#[utoipa::path(get, path = "/api/v1/overview", tag = "overview", operation_id = "get_overview",
    responses((status = 200, body = Overview), (status = 401, body = ErrorBody)))]
pub(crate) async fn overview(State(app): State<Arc<App>>) -> Result<Json<Overview>, ApiError> {
    let day = last_day(&app).await?;
    let failed = RunFilter { outcome: Some(Outcome::Error), ..RunFilter::default() };
    let agents = app.state.telemetry.agents().await;
    Ok(Json(Overview {
        totals_24h: day.totals.clone(),
        hours: day.hours.clone(),
        failures: latest(&app, failed, FAILURES).await?,
        recent: latest(&app, RunFilter::default(), RECENT).await?,
        agents: agents.into_iter().take(AGENTS).map(agents::view).collect(),
        ingest: ingest(&app),
        setup: setup(&app).await?,
    }))
}

async fn latest(app: &App, filter: RunFilter, limit: u32) -> Result<Vec<RunSummary>, ApiError> {
    Ok(app.state.telemetry.runs(&filter, &Page { cursor: None, limit }).await?.items)
}

fn ingest(app: &App) -> Ingest {
    let health = app.state.telemetry.health();
    Ingest {
        spans_received: health.spans_received,
        rejected: health.rejected,
        shed: health.shed,
        turned_away: health.turned_away,
        last_received_at: health.last_received_at,
        segments: health.segments,
        wal_bytes: health.wal_bytes,
        failing: health.failing,
    }
}

async fn setup(app: &App) -> Result<Setup, ApiError> {
    let providers = app.state.control.providers().list().await?.into_iter().map(providers::view).collect();
    let providers_wanted = app.state.config.providers_wanted.clone();
    // The judge's key is ours, and no agent has it.
    let is_agents = |key: &&KeyInfo| key.name != JUDGE_CALLER;
    let keys = app.state.control.keys().list().await?.iter().filter(is_agents).count();
    Ok(Setup { providers, providers_wanted, keys })
}
