//! Models as discovered from traffic, with their prices.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_telemetry::ModelSummary;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::ErrorBody;

/// What one model was asked, over all calls that are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelView {
    model: String,
    provider: Option<String>,
    calls: u64,
    errors: u64,
    usage: Usage,
    /// An estimate from the price table.
    cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    unpriced_calls: u64,
    /// `null` when the price is not known.
    price: Option<PriceView>,
    agents: Vec<String>,
    last_seen_at: Timestamp,
    /// Durations of its calls, estimated within 4.5 %.
    p50_duration_ns: Option<i64>,
    p95_duration_ns: Option<i64>,
}

/// US dollars per million tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PriceView {
    input: f64,
    output: f64,
    /// The day on which the price was read.
    as_of: String,
    /// Where it was read; empty when it comes from the configuration.
    source: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    items: Vec<ModelView>,
}

/// List models
#[utoipa::path(get, path = "/api/v1/models", tag = "models", operation_id = "list_models",
    responses((status = 200, body = ModelList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<ModelList> {
    let models = app.state.telemetry.models().await;
    Json(ModelList { items: models.into_iter().map(|totals| view(&app, totals)).collect() })
}

fn view(app: &App, totals: ModelSummary) -> ModelView {
    let price = app.state.prices.price(&totals.model).map(|price| PriceView {
        input: price.input,
        output: price.output,
        as_of: price.as_of.clone(),
        source: price.source.clone(),
    });
    ModelView {
        model: totals.model,
        provider: totals.provider,
        calls: totals.calls,
        errors: totals.errors,
        usage: totals.usage,
        cost_usd: totals.cost_usd,
        unpriced_calls: totals.unpriced_calls,
        price,
        agents: totals.agents,
        last_seen_at: totals.last_seen_at,
        p50_duration_ns: totals.p50_duration_ns,
        p95_duration_ns: totals.p95_duration_ns,
    }
}
