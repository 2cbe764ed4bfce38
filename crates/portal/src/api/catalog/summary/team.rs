//! A team with everything it owns, and a system with everything that is part of it.

use std::collections::{BTreeMap, HashMap};

use mizzen_catalog::EntityRef;
use mizzen_catalog::observed::Subject;
use mizzen_catalog::query::{Order, Predicate, Query, Stored};
use mizzen_catalog::scorecard::board::LevelCounts;
use mizzen_catalog::scorecard::{Level, own};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ApiError;

/// Entities that are listed one by one.
const ITEMS_MAX: u32 = 500;

/// What belongs together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTeamSummary {
    /// Entities by kind: `agent`, `model`, … or the kind as written, in lower case.
    owned: BTreeMap<String, u32>,
    /// There are more entities than were counted.
    truncated: bool,
    agents: u32,
    /// The lowest of its agents.
    level: Option<Level>,
    levels: LevelCounts,
    /// Of its agents' kept runs, an estimate from the price table.
    cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    unpriced_calls: u64,
    members: i64,
    items: Vec<CatalogOwned>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogOwned {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    title: String,
    kind: String,
    level: Option<Level>,
}

pub(super) async fn read(app: &App, stored: &Stored) -> Result<CatalogTeamSummary, ApiError> {
    let relation = if stored.reference.kind() == "system" { "partof" } else { "ownedby" };
    let query = Query {
        predicate: Predicate::Equals(format!("relations.{relation}"), stored.reference.to_string()),
        order: vec![Order { key: "metadata.name".to_owned(), descending: false }],
        limit: ITEMS_MAX,
        count: false,
        relations: false,
        ..Query::default()
    };
    let page = app.state.catalog.query(&query).await?;
    let mut summary = CatalogTeamSummary {
        owned: BTreeMap::new(),
        truncated: page.next.is_some(),
        agents: 0,
        level: None,
        levels: LevelCounts::default(),
        cost_usd: None,
        unpriced_calls: 0,
        members: own::members(stored),
        items: Vec::with_capacity(page.items.len()),
    };
    let traffic = app.state.telemetry.agents().await;
    let costs: HashMap<String, (Option<f64>, u64)> =
        traffic.into_iter().map(|agent| (agent.agent.to_lowercase(), (agent.cost_usd, agent.unpriced_calls))).collect();
    let mut lowest: Option<Option<Level>> = None;
    for owned in page.items {
        let kind = if owned.class.is_empty() { owned.reference.kind().to_owned() } else { owned.class.clone() };
        *summary.owned.entry(kind.clone()).or_default() += 1;
        let level = level(&owned);
        if owned.class == "agent" {
            summary.agents += 1;
            summary.levels.add(level);
            lowest = Some(lowest.map_or(level, |lowest| lowest.min(level)));
            let name = Subject::of(&owned.entity).map(|subject| subject.name.to_lowercase());
            let (cost, unpriced) = name.and_then(|name| costs.get(&name).copied()).unwrap_or_default();
            summary.cost_usd = cost.map(|cost| summary.cost_usd.unwrap_or_default() + cost).or(summary.cost_usd);
            summary.unpriced_calls += unpriced;
        }
        let title = owned.entity.title().to_owned();
        summary.items.push(CatalogOwned { reference: owned.reference, title, kind, level });
    }
    summary.level = lowest.flatten();
    Ok(summary)
}

/// As the last round marked it.
fn level(stored: &Stored) -> Option<Level> {
    let place = usize::from(stored.level?).checked_sub(1)?;
    Level::ALL.get(place).copied()
}
