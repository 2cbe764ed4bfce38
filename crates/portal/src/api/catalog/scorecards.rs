//! Scorecards: of one agent, of all as a heat map, and the checks in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use mizzen_catalog::EntityRef;
use mizzen_catalog::facts::{FACTS, FactOrigin, FactValue, KnownFact};
use mizzen_catalog::query::Stored;
use mizzen_catalog::scorecard::board::{Asked, Board, By, DAYS_MAX};
use mizzen_catalog::scorecard::card::{SeenFact, says};
use mizzen_catalog::scorecard::files::Rules;
use mizzen_catalog::scorecard::plane::is_agent;
use mizzen_catalog::scorecard::{
    Card, Check, CheckResult, CheckState, Counts, Exemption, Level, Moment, ScorecardError,
};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Params;

const DAYS_DEFAULT: u32 = 30;
const NO_LEVEL: &str = "none";

/// An agent's scorecard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogScorecard {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    /// Only agents have one.
    has_scorecard: bool,
    /// `null`: not even known.
    level: Option<Level>,
    computed_at: Option<Timestamp>,
    passed: u32,
    failed: u32,
    no_evidence: u32,
    exempt: u32,
    not_applicable: u32,
    next: Option<CatalogNextCheck>,
    levels: Vec<CatalogLevelProgress>,
    checks: Vec<CatalogCheckResult>,
    /// Moments at which it said something else, and one a day; oldest first.
    history: Vec<CatalogScoreMoment>,
    /// Why scorecard files of the organisation are not in force.
    problems: Vec<String>,
}

/// What to do next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogNextCheck {
    id: String,
    level: Level,
    title: String,
    state: CheckState,
    fix: String,
}

/// How much of one level is reached.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogLevelProgress {
    level: Level,
    passed: u32,
    /// Checks that are about this agent.
    of: u32,
    /// With all levels below.
    reached: bool,
}

/// One check and what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogCheckResult {
    id: String,
    level: Level,
    title: String,
    state: CheckState,
    /// Whether it is about this agent; if not, it counts for nothing.
    applies: bool,
    /// An organisation's own.
    own: bool,
    when: Option<String>,
    expr: String,
    why: String,
    fix: String,
    reason: String,
    facts: Vec<CatalogFact>,
    /// Facts that nobody could give.
    missing: Vec<String>,
    since: Timestamp,
    exemption: Option<Exemption>,
}

/// A fact as a check saw it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogFact {
    name: String,
    says: &'static str,
    /// A boolean, a number, a text or a list of texts.
    #[schema(value_type = serde_json::Value)]
    value: FactValue,
    source: FactOrigin,
    as_of: Timestamp,
}

/// A moment of a scorecard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogScoreMoment {
    at: Timestamp,
    level: Option<Level>,
    passed: u32,
    failed: u32,
    no_evidence: u32,
    exempt: u32,
}

/// Every check in force, and every fact there can be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogCheckList {
    items: Vec<CatalogCheck>,
    facts: Vec<KnownFact>,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogCheck {
    id: String,
    level: Level,
    title: String,
    when: Option<String>,
    expr: String,
    why: String,
    fix: String,
    own: bool,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScorecardParams {
    /// Whether the card is made anew.
    refresh: Option<bool>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct BoardParams {
    /// `team` (default) or `agent`.
    by: Option<String>,
    /// Only agents of this owner, as `group:default/platform`.
    owner: Option<String>,
    /// Only agents that have come exactly so far: `none`, `known`, `controlled`, `proven` or `trusted`.
    level: Option<String>,
    /// Days of the trend, at most 365.
    days: Option<u32>,
}

/// The scorecard of an agent
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/scorecard", tag = "catalog",
    operation_id = "get_catalog_scorecard", params(ScorecardParams),
    responses((status = 200, body = CatalogScorecard), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn card(
    State(app): State<Arc<App>>,
    Path((kind, namespace, name)): Path<(String, String, String)>,
    Params(params): Params<ScorecardParams>,
) -> Result<Json<CatalogScorecard>, ApiError> {
    let stored = find(&app, &kind, &namespace, &name).await?;
    let scorecards = &app.state.scorecards;
    let card = match params.refresh {
        Some(true) => scorecards.fresh(&stored).await?,
        _ => scorecards.card(&stored).await?,
    };
    let history = scorecards.history(&stored.reference).await?;
    let problems = scorecards.problems().iter().map(ToString::to_string).collect();
    Ok(Json(view(&stored, card.as_ref(), &scorecards.rules(), history, problems)))
}

/// Scorecards of all agents as a heat map
#[utoipa::path(get, path = "/api/v1/catalog/scorecards", tag = "catalog", operation_id = "get_catalog_scorecards",
    params(BoardParams),
    responses((status = 200, body = Board), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn board(
    State(app): State<Arc<App>>,
    Params(params): Params<BoardParams>,
) -> Result<Json<Board>, ApiError> {
    let by = match params.by.as_deref().filter(|by| !by.is_empty()) {
        None | Some("team") => By::Team,
        Some("agent") => By::Agent,
        Some(other) => return Err(ApiError::unknown("by", other, &["team", "agent"])),
    };
    let owner = match params.owner.filter(|owner| !owner.is_empty()) {
        Some(owner) => {
            let wrong = |error: mizzen_catalog::reference::RefError| ApiError::Field {
                field: "owner",
                message: error.to_string(),
            };
            Some(EntityRef::parse(&owner, Some("group"), "default").map_err(wrong)?.to_string())
        }
        None => None,
    };
    let level = params.level.as_deref().filter(|level| !level.is_empty()).map(level).transpose()?;
    let days = params.days.unwrap_or(DAYS_DEFAULT).clamp(1, DAYS_MAX);
    Ok(Json(app.state.scorecards.board(&Asked { by, owner, level, days }).await?))
}

/// The checks of scorecards
#[utoipa::path(get, path = "/api/v1/catalog/checks", tag = "catalog", operation_id = "list_catalog_checks",
    responses((status = 200, body = CatalogCheckList), (status = 401, body = ErrorBody)))]
pub(crate) async fn checks(State(app): State<Arc<App>>) -> Json<CatalogCheckList> {
    let rules = app.state.scorecards.rules();
    Json(CatalogCheckList { items: rules.checks().iter().map(check).collect(), facts: FACTS.to_vec() })
}

/// # Errors
/// When there is none.
pub(crate) async fn find(app: &App, kind: &str, namespace: &str, name: &str) -> Result<Stored, ApiError> {
    let reference = EntityRef::new(kind, namespace, name);
    let found = app.state.catalog.get(&reference).await?;
    found.ok_or_else(|| ApiError::not_found("entity", reference))
}

fn level(text: &str) -> Result<Option<Level>, ApiError> {
    if text == NO_LEVEL {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let known: Vec<&str> = std::iter::once(NO_LEVEL).chain(Level::ALL.iter().map(|level| level.as_str())).collect();
        ApiError::unknown("level", text, &known)
    })
}

fn check(check: &Check) -> CatalogCheck {
    CatalogCheck {
        id: check.id.clone(),
        level: check.level,
        title: check.title.clone(),
        when: check.when.as_ref().map(|when| when.text().to_owned()),
        expr: check.expr.text().to_owned(),
        why: check.why.clone(),
        fix: check.fix.clone(),
        own: check.own,
    }
}

fn view(
    stored: &Stored,
    card: Option<&Card>,
    rules: &Rules,
    history: Vec<Moment>,
    problems: Vec<String>,
) -> CatalogScorecard {
    let counts = card.map(Card::counts).unwrap_or_default();
    let Counts { passed, failed, no_evidence, exempt, not_applicable } = counts;
    CatalogScorecard {
        reference: stored.reference.clone(),
        has_scorecard: is_agent(stored),
        level: card.and_then(|card| card.level),
        computed_at: card.map(|card| card.computed_at),
        passed,
        failed,
        no_evidence,
        exempt,
        not_applicable,
        next: card.and_then(|card| next(card, rules)),
        levels: card.map(progress).unwrap_or_default(),
        checks: card.map(|card| results(card, rules)).unwrap_or_default(),
        history: history.into_iter().map(moment).collect(),
        problems,
    }
}

pub(crate) fn next(card: &Card, rules: &Rules) -> Option<CatalogNextCheck> {
    // A check that was taken out since the card was made is not what to do next.
    let result = card.next()?;
    let check = rules.check(&result.id)?;
    Some(CatalogNextCheck {
        id: check.id.clone(),
        level: check.level,
        title: check.title.clone(),
        state: result.state,
        fix: check.fix.clone(),
    })
}

fn progress(card: &Card) -> Vec<CatalogLevelProgress> {
    let of = |level: Level| {
        let about = || card.checks.iter().filter(move |check| check.level == level && check.applies);
        let passed = about().filter(|check| check.state == CheckState::Pass).count();
        CatalogLevelProgress {
            level,
            passed: u32::try_from(passed).unwrap_or(u32::MAX),
            of: u32::try_from(about().count()).unwrap_or(u32::MAX),
            reached: card.level.is_some_and(|reached| reached >= level),
        }
    };
    Level::ALL.into_iter().map(of).collect()
}

fn results(card: &Card, rules: &Rules) -> Vec<CatalogCheckResult> {
    let shown = |result: &CheckResult| Some(result_view(result, rules.check(&result.id)?));
    card.checks.iter().filter_map(shown).collect()
}

fn result_view(result: &CheckResult, check: &Check) -> CatalogCheckResult {
    CatalogCheckResult {
        id: result.id.clone(),
        level: result.level,
        title: check.title.clone(),
        state: result.state,
        applies: result.applies,
        own: check.own,
        when: check.when.as_ref().map(|when| when.text().to_owned()),
        expr: check.expr.text().to_owned(),
        why: check.why.clone(),
        fix: check.fix.clone(),
        reason: result.reason.clone(),
        facts: result.facts.iter().map(fact).collect(),
        missing: result.missing.clone(),
        since: result.since,
        exemption: result.exemption.clone(),
    }
}

fn fact(fact: &SeenFact) -> CatalogFact {
    CatalogFact {
        name: fact.name.clone(),
        says: says(&fact.name).unwrap_or_default(),
        value: fact.value.clone(),
        source: fact.source,
        as_of: fact.as_of,
    }
}

fn moment(moment: Moment) -> CatalogScoreMoment {
    let Counts { passed, failed, no_evidence, exempt, .. } = moment.counts;
    CatalogScoreMoment { at: moment.at, level: moment.level, passed, failed, no_evidence, exempt }
}

impl From<ScorecardError> for ApiError {
    fn from(error: ScorecardError) -> Self {
        match error {
            ScorecardError::Catalog(error) => error.into(),
            error @ (ScorecardError::Facts(_) | ScorecardError::Files(_)) => Self::internal(error),
        }
    }
}
