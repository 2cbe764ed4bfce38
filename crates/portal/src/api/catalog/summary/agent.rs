//! An agent: what runs, what it may and does use, how that goes, and what it costs.

use mizzen_catalog::facts::Figures;
use mizzen_catalog::facts::figures::{BoundaryFigures, BudgetFigures, Granted, Paused, RunFigures};
use mizzen_catalog::query::Stored;
use mizzen_catalog::scorecard::own;
use mizzen_catalog::version::VersionState;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ApiError;

/// What one must know of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogAgentSummary {
    /// How far it acts by itself, 0 to 4.
    autonomy: Option<i64>,
    risk_tier: Option<String>,
    runbook: Option<String>,
    running: Option<CatalogRunningVersion>,
    models: Vec<Granted>,
    tools: Vec<Granted>,
    /// `null`: no boundary names it.
    tools_granted: Option<u32>,
    tools_used: u32,
    tools_unused: Option<u32>,
    runs: Option<RunFigures>,
    budget: Option<BudgetFigures>,
    boundary: Option<BoundaryFigures>,
    paused: Option<Paused>,
    /// Within 30 days.
    denied: u64,
    /// For a person, within 30 days.
    held: u64,
    monitors: u32,
    /// Monitors that raised an alarm within 30 days.
    alarms: u32,
}

/// What exactly runs, and whether somebody applied that.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogRunningVersion {
    digest: String,
    /// `null`: no version has this digest.
    tag: Option<String>,
    state: Option<VersionState>,
    digests_seen: u32,
}

/// With when it was last seen.
pub(super) async fn read(app: &App, stored: &Stored) -> Result<(CatalogAgentSummary, Option<Timestamp>), ApiError> {
    let figures: Figures = app.state.scorecards.seen(stored).await?.figures;
    let running = match &figures.running {
        Some(running) => {
            let versions = app.state.catalog.versions(&stored.reference).await?;
            let names = |version: &&mizzen_catalog::version::Version| {
                let of_code = version.entity.text(&["spec", "agent", "digest"]);
                version.digest.as_str() == running.digest || of_code == Some(running.digest.as_str())
            };
            // Two versions may name one image: what may be used goes before what may not.
            let version = versions.iter().filter(names).max_by_key(|version| version.state.is_usable());
            Some(CatalogRunningVersion {
                digest: running.digest.clone(),
                tag: version.map(|version| version.tag.clone()),
                state: version.map(|version| version.state),
                digests_seen: running.digests_seen,
            })
        }
        None => None,
    };
    let entity = &stored.entity;
    let text = |name: &str| entity.text(&["spec", "agent", name]).map(str::to_owned);
    let summary = CatalogAgentSummary {
        autonomy: own::autonomy(entity),
        risk_tier: text("riskTier"),
        runbook: text("runbook"),
        running,
        models: figures.models,
        tools: figures.tools,
        tools_granted: figures.tools_granted,
        tools_used: figures.tools_used,
        tools_unused: figures.tools_unused,
        runs: figures.runs,
        budget: figures.budget,
        boundary: figures.boundary,
        paused: figures.paused,
        denied: figures.denied,
        held: figures.held,
        monitors: figures.monitors,
        alarms: figures.alarms,
    };
    Ok((summary, figures.last_seen_at))
}
