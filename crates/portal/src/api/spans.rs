//! The spans of a run, and one of them in full.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_model::id::SpanId;
use mizzen_telemetry::Columns;
use mizzen_telemetry::story::content;
use serde::Serialize;
use utoipa::ToSchema;

use super::run::{blocking, find};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Named, PageParams, Params, next_cursor};
use crate::view::span_detail::SpanDetail;
use crate::view::spans::{OpenRun, SpanView};

const SPANS_DEFAULT: u32 = 500;
const SPANS_MAX: u32 = 2_000;

/// A page of spans in depth-first order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanPage {
    items: Vec<SpanView>,
    total: usize,
    next_cursor: Option<String>,
}

/// List the spans of a run, depth-first
///
/// `cursor` is the place of the first span in that order, so that a view of 100,000 spans may ask for any part.
#[utoipa::path(get, path = "/api/v1/runs/{run_id}/spans", tag = "runs", operation_id = "list_run_spans", params(("run_id" = String, Path), PageParams),
    responses((status = 200, body = SpanPage), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<SpanPage>, ApiError> {
    let (from, limit) = page.window(SPANS_DEFAULT, SPANS_MAX)?;
    let run = open(&app, &id).await?;
    let items = run.page(from, limit);
    Ok(Json(SpanPage { next_cursor: next_cursor(from, items.len(), run.total()), total: run.total(), items }))
}

/// A span with its content
#[utoipa::path(get, path = "/api/v1/runs/{run_id}/spans/{span_id}", tag = "runs", operation_id = "get_span",
    params(("run_id" = String, Path), ("span_id" = String, Path)),
    responses((status = 200, body = SpanDetail), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named((id, span)): Named<(String, String)>,
) -> Result<Json<SpanDetail>, ApiError> {
    let span_id: SpanId = span
        .parse()
        .map_err(|error: mizzen_model::id::IdError| ApiError::Field { field: "span_id", message: error.to_string() })?;
    let summary = find(&app, &id).await?;
    let telemetry = &app.state.telemetry;
    let row = telemetry.span(&summary.run_id, span_id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("span", span))?;
    let mut logs = telemetry.run_logs(&summary.run_id).await?;
    logs.retain(|log| log.span_id == Some(span_id));
    blocking(move || SpanDetail::of(&row, content(&row, &logs))).await.map(Json)
}

/// The order of a run's spans, from the page before when nothing has come since.
async fn open(app: &App, id: &str) -> Result<Arc<OpenRun>, ApiError> {
    let summary = find(app, id).await?;
    if let Some(run) = app.open_runs.get(&summary) {
        return Ok(run);
    }
    let rows = app.state.telemetry.run_spans(&summary.run_id, Columns::Heads).await?;
    let started_at = summary.started_at;
    let run = blocking(move || {
        let heads = rows.into_iter().map(|row| row.head).collect();
        Arc::new(OpenRun::new(started_at, heads))
    })
    .await?;
    app.open_runs.put(&summary, &run);
    Ok(run)
}
