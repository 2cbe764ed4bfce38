//! What depends on what around one entity, and what breaks if it goes.

mod recent;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::EntityRef;
use mizzen_catalog::query::{Direction as Along, EDGES_MAX, Origin, Stored, Walk};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::run::blocking;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::graph::entities::{About, CatalogGraph, Neighbourhood};
use crate::graph::impact::{CatalogImpact, Impact};
use crate::graph::reach::{Direction, Link};
use crate::page::{Named, Params};

pub(crate) use self::recent::RecentRuns;

const DEPTH_DEFAULT: u32 = 2;
/// More steps in one picture show nothing that a person could follow.
const DRAWN_DEPTH_MAX: u32 = 3;
/// An owner that stands for nobody: foreign formats have none, and Backstage asks for one.
const UNOWNED: &str = mizzen_catalog::compat::UNOWNED;
const LEVELS: [&str; 4] = ["known", "controlled", "proven", "trusted"];

/// How far to look, and which way.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatalogGraphParams {
    /// Steps from the entity, 1 to 3; 2 when not given.
    depth: Option<String>,
    /// `down`: what it depends on, `up`: what depends on it, `both` when not given.
    direction: Option<String>,
}

impl CatalogGraphParams {
    fn depth(&self) -> Result<u32, ApiError> {
        let Some(text) = &self.depth else { return Ok(DEPTH_DEFAULT) };
        let number = text.parse().ok().filter(|number| (1..=DRAWN_DEPTH_MAX).contains(number));
        number.ok_or_else(|| ApiError::Field {
            field: "depth",
            message: format!("must be a number from 1 to {DRAWN_DEPTH_MAX}, not `{text}`"),
        })
    }

    fn direction(&self) -> Result<Direction, ApiError> {
        let Some(text) = &self.direction else { return Ok(Direction::Both) };
        let found = Direction::ALL.into_iter().find(|direction| direction.as_str() == text);
        let known = Direction::ALL.map(Direction::as_str);
        found.ok_or_else(|| ApiError::unknown("direction", text, &known))
    }
}

/// What depends on what around an entity, laid out
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/graph", tag = "catalog", operation_id = "get_catalog_graph",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path), CatalogGraphParams),
    responses((status = 200, body = CatalogGraph), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn graph(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name)): Named<(String, String, String)>,
    Params(params): Params<CatalogGraphParams>,
) -> Result<Json<CatalogGraph>, ApiError> {
    let (depth, direction) = (params.depth()?, params.direction()?);
    let root = EntityRef::new(&kind, &namespace, &name);
    let found = links(&app, &root, depth, direction).await?;
    let around = blocking(move || Neighbourhood::around(root, &found.links, depth, direction)).await?;
    let about = about(&app, &around.entities()).await?;
    exists(&about, &around.root)?;
    blocking(move || around.draw(&about, found.is_cut)).await.map(Json)
}

/// What breaks if an entity goes
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/impact", tag = "catalog", operation_id = "get_catalog_impact",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogImpact), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn impact(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name)): Named<(String, String, String)>,
) -> Result<Json<CatalogImpact>, ApiError> {
    let root = EntityRef::new(&kind, &namespace, &name);
    let known = about(&app, std::slice::from_ref(&root)).await?;
    let agent = known.get(&root).ok_or_else(|| ApiError::not_found("entity", &root))?.agent.clone();
    let dependents = app.state.catalog.dependents_of(&root).await?;
    let runs = recent::runs(&app).await?;
    let impact = blocking(move || Impact::of(root, agent.as_ref(), dependents, &runs)).await?;
    let about = about(&app, &impact.shown()).await?;
    Ok(Json(impact.tell(&about)))
}

struct Found {
    links: Vec<Link>,
    is_cut: bool,
}

/// The dependencies on the asked sides. Each side is walked by itself: whatever else uses the same model is no neighbour.
async fn links(app: &App, root: &EntityRef, depth: u32, direction: Direction) -> Result<Found, ApiError> {
    let mut found = Found { links: vec![], is_cut: false };
    for along in ways(root, direction) {
        let walk = Walk { depth, edges_max: EDGES_MAX, ..along };
        let related = app.state.catalog.relations_of(root, &walk).await?;
        found.is_cut |= related.is_cut;
        let links = related
            .edges
            .into_iter()
            .filter_map(|edge| Link::of(root, (edge.from, edge.to), &edge.kind, (edge.provenance, edge.calls)));
        found.links.extend(links);
    }
    // What both walks found counts once.
    found.links.sort_by(|a, b| (&a.from, &a.to, &a.relation).cmp(&(&b.from, &b.to, &b.relation)));
    found.links.dedup();
    Ok(found)
}

/// A team needs nothing, and what it owns needs it.
fn ways(root: &EntityRef, direction: Direction) -> Vec<Walk> {
    let is_owner = matches!(root.kind(), "group" | "user");
    let down = (!is_owner && direction != Direction::Up).then(|| Walk::new(1, Along::Needs));
    let owned = ["ownedBy", "dependsOn", "consumesApi"].map(str::to_owned).to_vec();
    let up = match (direction, is_owner) {
        (Direction::Down, _) => None,
        (_, true) => Some(Walk { kinds: owned, ..Walk::new(1, Along::In) }),
        (_, false) => Some(Walk::new(1, Along::NeededBy)),
    };
    down.into_iter().chain(up).collect()
}

async fn about(app: &App, references: &[EntityRef]) -> Result<BTreeMap<EntityRef, About>, ApiError> {
    let stored = app.state.catalog.by_refs(references).await?;
    Ok(stored.into_iter().flatten().map(|stored| (stored.reference.clone(), about_one(&stored))).collect())
}

fn about_one(stored: &Stored) -> About {
    let entity = &stored.entity;
    let owner = entity.text(&["spec", "owner"]).filter(|owner| *owner != UNOWNED);
    let owner = owner.and_then(|owner| EntityRef::parse(owner, Some("group"), entity.namespace()).ok());
    let level = stored.level.and_then(|level| LEVELS.get(usize::from(level).checked_sub(1)?));
    let agent = || entity.annotation("mizzen.dev/agent").unwrap_or_else(|| entity.name()).to_owned();
    About {
        title: entity.title().to_owned(),
        entity_type: entity.spec_type().map(str::to_owned),
        owner: owner.map(|owner| owner.to_string()),
        level: level.map(|level| (*level).to_owned()),
        is_discovered: stored.origin == Origin::Discovered,
        agent: (stored.class == "agent").then(agent),
    }
}

fn exists(about: &BTreeMap<EntityRef, About>, root: &EntityRef) -> Result<(), ApiError> {
    if about.contains_key(root) { Ok(()) } else { Err(ApiError::not_found("entity", root)) }
}
