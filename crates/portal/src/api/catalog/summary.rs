//! What one must know of an entity within five seconds.

mod agent;
mod others;
mod team;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use mizzen_catalog::EntityRef;
use mizzen_catalog::observed::Subject;
use mizzen_catalog::query::{Origin, Stored};
use mizzen_catalog::scorecard::{Counts, Level, own};
use mizzen_catalog::version::VersionState;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use self::agent::CatalogAgentSummary;
use self::others::{CatalogModelSummary, CatalogToolServerSummary, CatalogToolSummary};
use self::team::CatalogTeamSummary;
use super::scorecards::{CatalogNextCheck, find, next};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};

/// The head of an entity's page. Of the last five members at most one is there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogSummary {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    title: String,
    /// `agent`, `model`, `tool_server`, `tool`, `caller`, `team`, `system` or `other`.
    kind: &'static str,
    origin: Origin,
    purpose: Option<String>,
    lifecycle: Option<String>,
    owner: Option<CatalogOwner>,
    /// Where somebody is to be called.
    on_call: Option<String>,
    version: Option<CatalogVersionHead>,
    last_seen_at: Option<Timestamp>,
    score: Option<CatalogScore>,
    agent: Option<CatalogAgentSummary>,
    model: Option<CatalogModelSummary>,
    tool_server: Option<CatalogToolServerSummary>,
    tool: Option<CatalogToolSummary>,
    /// Of a team what it owns, of a system what is part of it.
    team: Option<CatalogTeamSummary>,
}

/// Who owns it, as its document says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogOwner {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    title: String,
    /// Whether that is in the catalog.
    exists: bool,
}

/// The version that was applied last.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogVersionHead {
    tag: String,
    #[schema(value_type = String)]
    digest: Digest,
    state: VersionState,
}

/// Its scorecard in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogScore {
    level: Option<Level>,
    passed: u32,
    failed: u32,
    no_evidence: u32,
    exempt: u32,
    computed_at: Timestamp,
    next: Option<CatalogNextCheck>,
}

/// The head of an entity's page
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/summary", tag = "catalog",
    operation_id = "get_catalog_summary",
    responses((status = 200, body = CatalogSummary), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn summary(
    State(app): State<Arc<App>>,
    Path((kind, namespace, name)): Path<(String, String, String)>,
) -> Result<Json<CatalogSummary>, ApiError> {
    let stored = find(&app, &kind, &namespace, &name).await?;
    let mut summary = head(&app, &stored).await?;
    let name = Subject::of(&stored.entity).map_or_else(|| stored.entity.name().to_owned(), |subject| subject.name);
    match summary.kind {
        "agent" => {
            let (agent, last_seen_at) = agent::read(&app, &stored).await?;
            summary.last_seen_at = last_seen_at.max(summary.last_seen_at);
            summary.agent = Some(agent);
            summary.score = score(&app, &stored).await?;
        }
        "model" => summary.model = Some(others::model(&app, &name).await),
        "tool_server" => summary.tool_server = Some(others::tool_server(&app, &stored, &name).await?),
        "tool" => summary.tool = others::tool(&app, &stored, &name).await?,
        "team" | "system" => summary.team = Some(team::read(&app, &stored).await?),
        _ => {}
    }
    Ok(Json(summary))
}

async fn head(app: &App, stored: &Stored) -> Result<CatalogSummary, ApiError> {
    let entity = &stored.entity;
    let owner = own::owner(&app.state.catalog, stored).await?;
    let text = |path: &[&str]| entity.text(path).map(str::to_owned);
    let version = stored.version.as_ref();
    Ok(CatalogSummary {
        reference: stored.reference.clone(),
        title: entity.title().to_owned(),
        kind: kind(stored),
        origin: stored.origin,
        purpose: text(&["spec", "agent", "purpose"]).or_else(|| text(&["metadata", "description"])),
        lifecycle: text(&["spec", "lifecycle"]),
        on_call: own::contact(entity, owner.as_ref()),
        owner: own::owner_ref(stored).map(|reference| CatalogOwner {
            title: owner.as_ref().map_or_else(|| reference.name().to_owned(), |owner| owner.entity.title().to_owned()),
            exists: owner.is_some(),
            reference,
        }),
        version: version.map(|version| CatalogVersionHead {
            tag: version.tag.clone(),
            digest: version.digest.clone(),
            state: version.state,
        }),
        last_seen_at: stored.last_seen,
        score: None,
        agent: None,
        model: None,
        tool_server: None,
        tool: None,
        team: None,
    })
}

fn kind(stored: &Stored) -> &'static str {
    match (stored.class.as_str(), stored.reference.kind()) {
        ("agent", _) => "agent",
        ("model", _) => "model",
        ("tool_server", _) => "tool_server",
        ("tool", _) => "tool",
        ("caller", _) => "caller",
        (_, "group") => "team",
        (_, "system") => "system",
        _ => "other",
    }
}

async fn score(app: &App, stored: &Stored) -> Result<Option<CatalogScore>, ApiError> {
    let Some(card) = app.state.scorecards.card(stored).await? else { return Ok(None) };
    let Counts { passed, failed, no_evidence, exempt, .. } = card.counts();
    let next = next(&card, &app.state.scorecards.rules());
    Ok(Some(CatalogScore {
        level: card.level,
        passed,
        failed,
        no_evidence,
        exempt,
        computed_at: card.computed_at,
        next,
    }))
}
