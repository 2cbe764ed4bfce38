//! What operators and programs ask: is it alive, what does it count, what does it speak.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};

/// What this server is and where else it listens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct About {
    version: &'static str,
    /// URL of the OTLP receiver that speaks HTTP.
    otlp_http: String,
    /// URL of the OTLP receiver that speaks gRPC.
    otlp_grpc: String,
}

/// Version and other addresses of this server
#[utoipa::path(get, path = "/api/v1/about", tag = "system", operation_id = "get_about",
    responses((status = 200, body = About), (status = 401, body = ErrorBody)))]
pub(crate) async fn about(State(app): State<Arc<App>>) -> Json<About> {
    let config = &app.state.config;
    Json(About {
        version: env!("CARGO_PKG_VERSION"),
        otlp_http: config.otlp_http.clone(),
        otlp_grpc: config.otlp_grpc.clone(),
    })
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "system", operation_id = "get_openapi",
    responses((status = 200, description = "the OpenAPI document", content_type = "application/json")))]
pub(crate) async fn openapi() -> Result<Response, ApiError> {
    let text = crate::openapi::document().map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Metrics of this process, for Prometheus
///
/// Needs no sign-in when the port is on loopback; elsewhere a viewer.
#[utoipa::path(get, path = "/metrics", tag = "system", operation_id = "get_metrics",
    responses((status = 200, description = "text exposition format 0.0.4", content_type = "text/plain"),
        (status = 401, body = ErrorBody)))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, mizzen_runtime::metrics::CONTENT_TYPE)], app.state.metrics.render())
}

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "system", operation_id = "get_healthz", responses((status = 200, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process takes work
///
/// Answers 503, and says why, once it is stopping, and while the write-ahead log, the audit log or the control database
/// cannot be written: a load balancer then sends nobody here. Whether they can is tried, at most once a second.
#[utoipa::path(get, path = "/readyz", tag = "system", operation_id = "get_readyz",
    responses((status = 200, content_type = "text/plain"), (status = 503, content_type = "text/plain")))]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Cow<'static, str>) {
    if app.state.tasks.cancelled().is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into());
    }
    match app.readiness.check(&app.state).await {
        Ok(()) => (StatusCode::OK, "ready\n".into()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n").into()),
    }
}
