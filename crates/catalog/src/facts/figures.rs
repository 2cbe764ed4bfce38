//! The numbers of an agent that people see first. An estimate carries its interval.

use mizzen_model::estimate::Estimate;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// One day of runs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CatalogRunDay)]
pub struct RunDay {
    /// As `2026-11-24`.
    pub day: String,
    pub runs: u64,
    pub ok: u64,
    pub errors: u64,
    pub cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    pub unpriced_calls: u64,
}

/// What the runs of the last days took.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CatalogRunFigures)]
pub struct RunFigures {
    pub n: u64,
    pub days: u32,
    /// There were more; these are the newest.
    pub newest_only: bool,
    pub success: Option<Estimate>,
    /// `outcome`: of the runs that said how they ended, those that did not fail. Otherwise an evaluator with its version.
    pub success_from: String,
    pub error_rate: Option<Estimate>,
    pub p50_duration_ms: Option<f64>,
    pub p95_duration_ms: Option<f64>,
    /// Of runs whose calls all had a price.
    pub cost_per_run_usd: Option<Estimate>,
    pub cost_per_success_usd: Option<f64>,
    pub cost_usd: Option<f64>,
    pub unpriced_calls: u64,
    /// Oldest first.
    pub trend: Vec<RunDay>,
}

/// What exactly runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogRunning)]
pub struct Running {
    pub digest: String,
    /// That its runs named in these days.
    pub digests_seen: u32,
}

/// A model or a tool, granted or used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogGranted)]
pub struct Granted {
    pub name: String,
    /// `None`: no boundary names the agent.
    pub granted: Option<bool>,
    pub used: bool,
    /// At the gateway within 30 days; `None` where the gateway does not see it.
    pub calls: Option<u64>,
    pub denied: Option<u64>,
}

/// A budget of money.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CatalogBudgetFigures)]
pub struct BudgetFigures {
    pub name: String,
    pub mode: String,
    pub window: String,
    pub limit_usd: f64,
    /// With what is reserved by calls in flight.
    pub spent_usd: f64,
    pub left_usd: f64,
    pub ends_at: Option<Timestamp>,
}

/// A boundary that names the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogBoundaryFigures)]
pub struct BoundaryFigures {
    pub name: String,
    pub mode: String,
}

/// Why the agent does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogPaused)]
pub struct Paused {
    /// `pause` or `stop`.
    pub kind: String,
    /// `agent`, `team` or `all`.
    pub reach: String,
    pub by: String,
    pub at: Timestamp,
    pub reason: Option<String>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    pub runs: Option<RunFigures>,
    pub running: Option<Running>,
    pub last_seen_at: Option<Timestamp>,
    pub models: Vec<Granted>,
    pub tools: Vec<Granted>,
    pub tools_granted: Option<u32>,
    pub tools_used: u32,
    pub tools_unused: Option<u32>,
    pub budget: Option<BudgetFigures>,
    pub boundary: Option<BoundaryFigures>,
    pub paused: Option<Paused>,
    pub denied: u64,
    pub held: u64,
    pub monitors: u32,
    pub alarms: u32,
}

/// What the planes tell of an agent: for checks, and for people.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    pub facts: super::Facts,
    pub figures: Figures,
}
