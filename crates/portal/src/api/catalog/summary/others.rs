//! Models, tool servers and tools.

use mizzen_catalog::EntityRef;
use mizzen_catalog::query::{Direction, Stored, Walk};
use mizzen_eval::estimate::{self, Estimate};
use mizzen_eval::stats::Side;
use mizzen_eval::stats::proportion::clopper_pearson;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ApiError;

const ALPHA: f64 = 0.05;

/// What one must know of a model: over all calls that are kept.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct CatalogModelSummary {
    provider: Option<String>,
    calls: u64,
    error_rate: Option<Estimate>,
    /// Estimated within 4.5 %.
    p50_duration_ms: Option<f64>,
    p95_duration_ms: Option<f64>,
    cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    unpriced_calls: u64,
    price: Option<CatalogModelPrice>,
    /// As traffic names them, most calls first.
    agents: Vec<String>,
}

/// US dollars per million tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogModelPrice {
    input: f64,
    output: f64,
    /// The day on which it was read.
    as_of: String,
}

/// What one must know of a tool server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogToolServerSummary {
    /// `idle`, `connecting`, `ready` or `failing`; `null`: it is not behind the tool gateway.
    state: Option<&'static str>,
    fault: Option<String>,
    tools: usize,
    withheld: usize,
    /// Tools whose definition is not the approved one.
    changed: usize,
    /// Whose agents use it, as traffic shows.
    agents: Vec<String>,
}

/// What one must know of a tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogToolSummary {
    server: String,
    /// Of its definition.
    #[schema(value_type = String)]
    digest: Digest,
    pinned: bool,
    changed: bool,
    read_only: bool,
    /// Why it is neither listed nor called.
    withheld: Option<String>,
    /// The server offers it no more.
    gone: bool,
    last_seen_at: Timestamp,
    agents: Vec<String>,
}

pub(super) async fn model(app: &App, name: &str) -> CatalogModelSummary {
    let models = app.state.telemetry.models().await;
    let price = app.state.prices.price(name).map(|price| CatalogModelPrice {
        input: price.input,
        output: price.output,
        as_of: price.as_of.clone(),
    });
    let Some(seen) = models.into_iter().find(|model| model.model.eq_ignore_ascii_case(name)) else {
        return CatalogModelSummary { price, ..CatalogModelSummary::default() };
    };
    let ms = |nanos: i64| nanos as f64 / 1e6;
    CatalogModelSummary {
        provider: seen.provider,
        calls: seen.calls,
        error_rate: rate(seen.errors, seen.calls),
        p50_duration_ms: seen.p50_duration_ns.map(ms),
        p95_duration_ms: seen.p95_duration_ns.map(ms),
        cost_usd: seen.cost_usd,
        unpriced_calls: seen.unpriced_calls,
        price,
        agents: seen.agents,
    }
}

fn rate(errors: u64, calls: u64) -> Option<Estimate> {
    let interval = clopper_pearson(errors, calls, ALPHA, Side::Both).ok()?;
    let note = Some("as if every call were independent".to_owned());
    Some(Estimate { note, ..estimate::of(&interval, calls, calls) })
}

pub(super) async fn tool_server(app: &App, stored: &Stored, name: &str) -> Result<CatalogToolServerSummary, ApiError> {
    let tools = &app.state.tools;
    let known = tools.pins().of(name);
    let (offered, withheld) = tools.pins().count(name);
    let is_changed = |known: &&mizzen_mcp::pins::Known| {
        !known.gone && known.pin.as_ref().is_some_and(|pin| pin.digest != known.digest)
    };
    let status = tools.server(name).map(|server| server.status());
    Ok(CatalogToolServerSummary {
        state: status.as_ref().map(|status| status.state.as_str()),
        fault: status.and_then(|status| status.fault),
        tools: offered,
        withheld,
        changed: known.values().filter(is_changed).count(),
        // Through its tools: agents call those.
        agents: agents(app, &stored.reference, 2).await?,
    })
}

pub(super) async fn tool(app: &App, stored: &Stored, name: &str) -> Result<Option<CatalogToolSummary>, ApiError> {
    let Some((server, tool)) = name.split_once('/') else { return Ok(None) };
    let Some(known) = app.state.tools.pins().of(server).remove(tool) else { return Ok(None) };
    Ok(Some(CatalogToolSummary {
        server: server.to_owned(),
        pinned: known.pin.is_some(),
        changed: known.pin.as_ref().is_some_and(|pin| pin.digest != known.digest),
        read_only: known.facts().read_only,
        withheld: known.withheld().map(|withheld| withheld.detail),
        gone: known.gone,
        last_seen_at: known.last_seen_at,
        agents: agents(app, &stored.reference, 1).await?,
        digest: known.digest,
    }))
}

/// Who uses an entity, over so many steps.
async fn agents(app: &App, reference: &EntityRef, depth: u32) -> Result<Vec<String>, ApiError> {
    let related = app.state.catalog.relations_of(reference, &Walk::new(depth, Direction::In)).await?;
    let mut users: Vec<EntityRef> = related.edges.into_iter().map(|edge| edge.from).collect();
    users.sort();
    users.dedup();
    let found = app.state.catalog.by_refs(&users).await?;
    let is_agent = |stored: &Stored| stored.class == "agent";
    Ok(found.into_iter().flatten().filter(is_agent).map(|stored| stored.entity.title().to_owned()).collect())
}
