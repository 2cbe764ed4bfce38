//! Budgets, and what is left of them.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::budgets::{AccountView as Account, BOUNDARY_PREFIX, Budget, Limits, Per, Unit, Window};
use mizzen_control::sign_in::Session;
use mizzen_model::permission::Mode;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, PageParams, Params, next_cursor};

const LIMIT_DEFAULT: u32 = 200;
const LIMIT_MAX: u32 = 500;
/// Accounts of a budget that are shown.
const ACCOUNTS_SHOWN: usize = 20;

/// Upper limits; what is absent does not limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BudgetLimits {
    cost_usd: Option<f64>,
    tokens: Option<u64>,
    calls: Option<u64>,
    /// Time that calls take.
    seconds: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetView {
    name: String,
    /// `set`, or `boundary`.
    origin: &'static str,
    /// Whose calls count; `*` stands for any characters.
    agent: Option<String>,
    team: Option<String>,
    /// Who shares an account: `everyone`, `agent`, `team`, `session` (the header `mizzen-session` of model calls, the MCP session of
    /// tool calls; without one, the run) or `run` (without one, the key).
    per: &'static str,
    mode: Mode,
    /// `hour`, `day`, `week`, `seconds` or `whole`.
    window: &'static str,
    window_seconds: Option<u64>,
    set_by: Option<String>,
    set_at: Option<Timestamp>,
    limits: BudgetLimits,
    /// Of the window now, fullest first.
    accounts: Vec<BudgetAccount>,
    /// So many more accounts there are.
    accounts_more: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetAccount {
    subject: String,
    starts_at: Option<Timestamp>,
    resets_at: Option<Timestamp>,
    exhausted: bool,
    limits: Vec<BudgetUnit>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetUnit {
    /// `cost_usd`, `tokens`, `calls` or `seconds`.
    unit: &'static str,
    limit: f64,
    spent: f64,
    /// Handed out to calls in flight.
    reserved: f64,
    left: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BudgetList {
    items: Vec<BudgetView>,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetRequest {
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    team: Option<String>,
    /// `agent` by default; the others are `everyone`, `team`, `session` and `run`.
    #[serde(default)]
    per: Option<String>,
    /// `enforce` by default.
    #[serde(default)]
    mode: Option<String>,
    /// `day` by default; the others are `hour`, `week`, `whole` and `seconds`.
    #[serde(default)]
    window: Option<String>,
    /// How long a window of `seconds` is.
    #[serde(default)]
    window_seconds: Option<u64>,
    limits: BudgetLimits,
}

/// List budgets
#[utoipa::path(get, path = "/api/v1/budgets", tag = "budgets", operation_id = "list_budgets", params(PageParams),
    responses((status = 200, body = BudgetList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(page): Params<PageParams>,
) -> Result<Json<BudgetList>, ApiError> {
    let (from, limit) = page.window(LIMIT_DEFAULT, LIMIT_MAX)?;
    let budgets = app.state.control.budgets();
    let set = budgets.list().into_iter().map(|set| (set.budget, Some((set.set_by, set.set_at))));
    let all: Vec<_> = set.chain(budgets.of_boundaries().into_iter().map(|budget| (budget, None))).collect();
    let total = all.len();
    let shown: Vec<_> = all.into_iter().skip(from).take(limit).collect();
    let accounts = budgets.accounts_of(&shown.iter().map(|(budget, _)| budget).collect::<Vec<_>>()).await?;
    let with_accounts = shown.into_iter().zip(accounts);
    let items: Vec<_> = with_accounts.map(|((budget, set), accounts)| view(&budget, set, accounts)).collect();
    let next_cursor = next_cursor(from, items.len(), total);
    Ok(Json(BudgetList { items, next_cursor }))
}

/// Set a budget
///
/// What was spent under the name stays spent.
#[utoipa::path(put, path = "/api/v1/budgets/{name}", tag = "budgets", operation_id = "put_budget", params(("name" = String, Path)),
    request_body = BudgetRequest,
    responses((status = 200, body = BudgetView), (status = 201, body = BudgetView), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(request): Body<BudgetRequest>,
) -> Result<(StatusCode, Json<BudgetView>), ApiError> {
    let budget = budget(name, request)?;
    let is_new = app.state.control.budgets().set(budget.clone(), &session.name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let set = Some((session.name, app.state.clock.now()));
    let accounts = app.state.control.budgets().accounts(&budget).await?;
    Ok((status, Json(view(&budget, set, accounts))))
}

/// Remove a budget
#[utoipa::path(delete, path = "/api/v1/budgets/{name}", tag = "budgets", operation_id = "delete_budget", params(("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
) -> Result<StatusCode, ApiError> {
    let was_there = app.state.control.budgets().remove(&name, &session.name).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("budget", name)) }
}

fn budget(name: String, request: BudgetRequest) -> Result<Budget, ApiError> {
    let per = request.per.as_deref().unwrap_or("agent");
    let per = Per::ALL.into_iter().find(|known| known.as_str() == per);
    let per = per.ok_or_else(|| {
        ApiError::unknown("per", request.per.as_deref().unwrap_or_default(), &Per::ALL.map(Per::as_str))
    })?;
    let mode = request.mode.as_deref().unwrap_or(Mode::Enforce.as_str());
    let mode = mode.parse().map_err(|_| ApiError::unknown("mode", mode, &["enforce", "observe"]))?;
    let window = match (request.window.as_deref(), request.window_seconds) {
        (None | Some("day"), None) => Window::Day,
        (Some("hour"), None) => Window::Hour,
        (Some("week"), None) => Window::Week,
        (Some("whole"), None) => Window::Whole,
        (None | Some("seconds"), Some(seconds)) => Window::Seconds(seconds),
        (Some("seconds"), None) => return Err(ApiError::Invalid("`seconds` needs `window_seconds`".to_owned())),
        (Some(known @ ("day" | "hour" | "week" | "whole")), Some(_)) => {
            return Err(ApiError::Invalid(format!("`window_seconds` belongs to `seconds`, not to `{known}`")));
        }
        (Some(other), _) => {
            let known = ["hour", "day", "week", "whole", "seconds (how many is said by `window_seconds`)"];
            return Err(ApiError::unknown("window", other, &known));
        }
    };
    let limits = Limits {
        calls: request.limits.calls,
        tokens: request.limits.tokens,
        cost_nano_usd: request.limits.cost_usd.map(|usd| whole("limits.cost_usd", usd, 1e9)).transpose()?,
        duration_ms: request.limits.seconds.map(|seconds| whole("limits.seconds", seconds, 1e3)).transpose()?,
    };
    Ok(Budget { name, agent: request.agent, team: request.team, named: None, per, window, mode, limits })
}

/// `number` in units of which `scale` make one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
fn whole(field: &'static str, number: f64, scale: f64) -> Result<u64, ApiError> {
    let scaled = (number * scale).round();
    if !(0.0..=9e15).contains(&scaled) {
        let message = format!("must be a number from 0 to {}", 9e15 / scale);
        return Err(ApiError::Field { field, message });
    }
    Ok(scaled as u64)
}

fn view(budget: &Budget, set: Option<(String, Timestamp)>, accounts: Vec<Account>) -> BudgetView {
    let (window, window_seconds) = match budget.window {
        Window::Hour => ("hour", Some(3_600)),
        Window::Day => ("day", Some(86_400)),
        Window::Week => ("week", Some(604_800)),
        Window::Seconds(seconds) => ("seconds", Some(seconds)),
        Window::Whole => ("whole", None),
    };
    let (set_by, set_at) = set.unzip();
    BudgetView {
        name: budget.name.clone(),
        origin: if budget.name.starts_with(BOUNDARY_PREFIX) { "boundary" } else { "set" },
        agent: budget.named.as_ref().map_or_else(|| budget.agent.clone(), |named| joined(&named.agents)),
        team: budget.named.as_ref().map_or_else(|| budget.team.clone(), |named| joined(&named.teams)),
        per: budget.per.as_str(),
        mode: budget.mode,
        window,
        window_seconds,
        set_by,
        set_at,
        limits: BudgetLimits {
            cost_usd: budget.limits.cost_nano_usd.map(|nanos| shown(Unit::NanoUsd, nanos)),
            tokens: budget.limits.tokens,
            calls: budget.limits.calls,
            seconds: budget.limits.duration_ms.map(|millis| shown(Unit::Milliseconds, millis)),
        },
        accounts_more: accounts.len().saturating_sub(ACCOUNTS_SHOWN) as u64,
        accounts: accounts.into_iter().take(ACCOUNTS_SHOWN).map(|account| account_view(budget, account)).collect(),
    }
}

fn joined(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

fn account_view(budget: &Budget, account: Account) -> BudgetAccount {
    let mut limits = Vec::new();
    let mut exhausted = false;
    for unit in Unit::ALL {
        let Some(limit) = budget.limits.of(unit) else { continue };
        let (spent, reserved) = (account.spent.of(unit), account.reserved.of(unit));
        let left = limit.saturating_sub(spent).saturating_sub(reserved);
        exhausted |= left == 0;
        let name = match unit {
            Unit::Calls => "calls",
            Unit::Tokens => "tokens",
            Unit::NanoUsd => "cost_usd",
            Unit::Milliseconds => "seconds",
        };
        limits.push(BudgetUnit {
            unit: name,
            limit: shown(unit, limit),
            spent: shown(unit, spent),
            reserved: shown(unit, reserved),
            left: shown(unit, left),
        });
    }
    let (starts_at, resets_at) = account.window.unzip();
    BudgetAccount { subject: account.subject, starts_at, resets_at, exhausted, limits }
}

#[allow(clippy::cast_precision_loss, reason = "far below where a double is not exact")]
fn shown(unit: Unit, amount: u64) -> f64 {
    match unit {
        Unit::Calls | Unit::Tokens => amount as f64,
        Unit::NanoUsd => amount as f64 / 1e9,
        Unit::Milliseconds => amount as f64 / 1e3,
    }
}
