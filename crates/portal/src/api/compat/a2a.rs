//! Agent cards of A2A: those of approved agents, unchanged, so that their signatures hold.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use mizzen_catalog::compat::{a2a, name};
use mizzen_catalog::plane::CatalogError;
use mizzen_catalog::reference::DEFAULT_NAMESPACE;
use mizzen_catalog::version::Version;
use mizzen_catalog::{Catalog, EntityRef};
use mizzen_model::id::Digest;
use serde::Deserialize;

use super::problem::{self, Problem};
use super::reader::{self, Reader, Visible, of_kind};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Named, Params};

/// Agents that are looked through for the one card of an installation.
const AGENTS_MAX: u32 = 1_000;

/// Which card.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CardQuery {
    /// Name of an agent, as its card or the catalog has it, or its reference; without it, the only one that has a card.
    agent: Option<String>,
    include_unapproved: Option<bool>,
}

/// The card of an agent at the address where clients of A2A look for one.
pub(crate) async fn well_known(
    State(app): State<Arc<App>>,
    reader: Reader,
    headers: HeaderMap,
    problem::Params(query): problem::Params<CardQuery>,
) -> Result<Response, Problem> {
    let sees_all = reader.sees_all(query.include_unapproved);
    let catalog = &app.state.catalog;
    let found = match query.agent.as_deref() {
        Some(name) => {
            let given = EntityRef::parse(name, Some("component"), DEFAULT_NAMESPACE).ok();
            let named = EntityRef::new("component", DEFAULT_NAMESPACE, &name::of(name));
            let mut found = None;
            for reference in given.into_iter().chain([named]) {
                found = match found {
                    None => card(catalog, &reference, sees_all).await?,
                    some => some,
                };
            }
            found
        }
        None => only(catalog, sees_all).await?,
    };
    let what = || match query.agent.as_deref() {
        Some(agent) => Problem::not_found("agent card", agent),
        None => Problem::not_found("single agent with an approved version to show; say which one with", "agent"),
    };
    found.map(|(card, _)| answer(&card, &headers, reader.cache(catalog))).ok_or_else(what)
}

/// The card of an agent
#[utoipa::path(get, path = "/api/v1/catalog/entities/{kind}/{namespace}/{name}/agent-card.json", tag = "catalog",
    operation_id = "get_agent_card",
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path),
        ("include_unapproved" = Option<bool>, Query, description = "The newest version, whether approved or not.")),
    responses((status = 200, description = "An A2A agent card.", body = serde_json::Value),
        (status = 304, description = "It is the one of `If-None-Match`."),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn of_entity(
    State(app): State<Arc<App>>,
    reader: Reader,
    headers: HeaderMap,
    Named((kind, namespace, name)): Named<(String, String, String)>,
    Params(query): Params<CardQuery>,
) -> Result<Response, ApiError> {
    let reference = EntityRef::new(&kind, &namespace, &name);
    let catalog = &app.state.catalog;
    let found = card(catalog, &reference, reader.sees_all(query.include_unapproved)).await?;
    let missing = || ApiError::not_found("agent card of an approved version of", &reference);
    found.map(|(card, _)| answer(&card, &headers, reader.cache(catalog))).ok_or_else(missing)
}

async fn card(
    catalog: &Catalog,
    reference: &EntityRef,
    sees_all: bool,
) -> Result<Option<(String, Version)>, CatalogError> {
    if catalog.get(reference).await?.is_none() {
        return Ok(None);
    }
    let versions = catalog.versions(reference).await?;
    let newest = reader::newest(&versions, sees_all);
    let card = newest.and_then(|version| Some((a2a::document(&version.entity)?, version.clone())));
    Ok(card.map(|(card, version)| (card.to_string(), version)))
}

/// The card of the only agent that has one.
async fn only(catalog: &Catalog, sees_all: bool) -> Result<Option<(String, Version)>, Problem> {
    let mut found = None;
    let mut agents = catalog.references(&of_kind("component", "ai-agent"), None, AGENTS_MAX).await?;
    let visible = Visible::to(catalog, sees_all);
    agents.retain(|reference| visible.has(reference));
    for reference in agents {
        let Some(next) = card(catalog, &reference, sees_all).await? else { continue };
        if let Some((_, first)) = &found {
            let first: &Version = first;
            return Err(Problem::conflict(format!(
                "several agents have a card; name one of them, for example `?agent={}` or `?agent={}`",
                first.reference.name(),
                reference.name(),
            )));
        }
        found = Some(next);
    }
    Ok(found)
}

fn answer(card: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    let tag = format!("\"{}\"", Digest::of(card.as_bytes()));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|value| value.split(',')).any(|value| {
        let value = value.trim();
        value == "*" || value.trim_start_matches("W/") == tag
    });
    let about = [(header::ETAG, tag), (header::CACHE_CONTROL, cache.to_owned())];
    if is_known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, "application/json")], card.to_owned()).into_response()
}
