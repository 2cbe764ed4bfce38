//! Files of traces and logs from other tools.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use bytes::Bytes;
use http::StatusCode;
use mizzen_model::id::{Digest, RunId, TraceId};
use mizzen_telemetry::decode::encode;
use mizzen_telemetry::import::read_all;
use mizzen_telemetry::origin::Origin;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use serde::Serialize;
use utoipa::ToSchema;

use super::run::blocking;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};

/// The attribute by which a span names its run.
const RUN_ID: &str = "mizzen.run.id";

/// What became of a file.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// Spans that were taken.
    spans: u64,
    /// Spans that were not.
    rejected: u64,
    /// The runs that the spans belong to.
    runs: BTreeSet<String>,
    /// Log records that were taken too, what was left out, and why spans were not taken; empty when there is nothing to say.
    message: String,
}

/// Import a file of traces
///
/// Jaeger JSON, OTLP JSON, JSONL of it, and Tempo batches are told apart by their content. Between traces a file may
/// hold OTLP logs, which are taken too, and OTLP metrics, which are left out.
#[utoipa::path(post, path = "/api/v1/import", tag = "import", operation_id = "import_traces",
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 200, body = ImportView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 413, body = ErrorBody)))]
pub(crate) async fn import(State(app): State<Arc<App>>, request: Request) -> Result<Json<ImportView>, ApiError> {
    let file = body(&app, request).await?;
    let contents = blocking(move || read_all(&file)).await?.map_err(|error| ApiError::Invalid(error.to_string()))?;
    let mut view = ImportView::default();
    let mut refused = String::new();
    for request in contents.traces {
        let runs = run_ids(&request);
        let origin = Origin::unknown(app.state.clock.now());
        let receipt = app.state.telemetry.ingest_traces(request, origin).await?;
        view.spans += receipt.accepted;
        view.rejected += receipt.rejected;
        view.runs.extend(runs);
        if !receipt.message.is_empty() {
            refused = receipt.message;
        }
    }
    let mut logs = 0;
    for request in contents.logs {
        let origin = Origin::unknown(app.state.clock.now());
        // Spans are known again, log records are not: a file that is sent again because half of it failed counts once.
        let digest = Digest::of(&encode(&request));
        logs += app.state.telemetry.ingest_logs_as_sent(request, digest, origin).await?.accepted;
    }
    view.message = message(refused, logs, contents.metrics);
    Ok(Json(view))
}

/// What is to say beside the counts of spans.
fn message(refused: String, logs: u64, metrics: usize) -> String {
    let logs = (logs > 0).then(|| format!("log records taken: {logs}"));
    let metrics = (metrics > 0).then(|| format!("documents of metrics left out: {metrics}"));
    let refused = Some(refused).filter(|refused| !refused.is_empty());
    [refused, logs, metrics].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The whole file, unless it is larger than the limit.
async fn body(app: &App, request: Request) -> Result<Bytes, ApiError> {
    let limited = Bytes::from_request(request, &()).await;
    limited.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => app.import_bytes.refuse(app.import_bytes.max() + 1).into(),
        status => ApiError::Refused { status, code: "body", message: error.body_text() },
    })
}

/// The runs that telemetry will put the spans into: the one they name, else their trace.
fn run_ids(request: &ExportTraceServiceRequest) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for resource in &request.resource_spans {
        let of_resource = resource.resource.as_ref().and_then(|resource| named_run(&resource.attributes));
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let named = named_run(&span.attributes).or_else(|| of_resource.clone());
            let trace = || TraceId::from_bytes(&span.trace_id).map(RunId::from);
            ids.extend(named.or_else(trace).map(String::from));
        }
    }
    ids
}

fn named_run(attributes: &[KeyValue]) -> Option<RunId> {
    let named = attributes.iter().find(|attribute| attribute.key == RUN_ID)?;
    match named.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => text.parse().ok(),
        _ => None,
    }
}
