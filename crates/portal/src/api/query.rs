//! SQL over runs, steps, spans, logs and metrics: read-only, bounded by the query plane.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Body;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryRequest {
    /// One SELECT over the tables `runs`, `steps`, `spans`, `logs` and `metrics`.
    sql: String,
}

/// Rows in the order of `columns`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryView {
    columns: Vec<ColumnView>,
    rows: Vec<Vec<serde_json::Value>>,
    /// Whether there were more rows than are given.
    truncated: bool,
    elapsed_ms: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnView {
    name: String,
    /// `text`, `integer`, `double`, `boolean`, `timestamp`, `list`, `object`, or the engine's name.
    r#type: String,
}

/// Run a query
#[utoipa::path(post, path = "/api/v1/query", tag = "query", operation_id = "run_query", request_body = QueryRequest,
    responses((status = 200, body = QueryView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    Body(request): Body<QueryRequest>,
) -> Result<Json<QueryView>, ApiError> {
    let result = app.state.query.run(&request.sql).await?;
    let columns = result.columns.into_iter().map(|column| ColumnView { name: column.name, r#type: column.kind });
    Ok(Json(QueryView {
        columns: columns.collect(),
        rows: result.rows,
        truncated: result.truncated,
        elapsed_ms: result.elapsed_ms,
    }))
}
