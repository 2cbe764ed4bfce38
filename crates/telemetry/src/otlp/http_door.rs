//! OTLP over HTTP, protobuf and JSON. The answer is written as the request was.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use mizzen_runtime::listen::Peer;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use serde_json::json;

use super::body::{self, Compression};
use super::status::RpcStatus;
use super::{Denied, Failure, Ingest, Receiver, Signal};
use crate::decode::Encoding;
use crate::{IngestError, Receipt};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The routes `/v1/traces`, `/v1/logs` and `/v1/metrics`.
pub fn http_router<I: Ingest>(receiver: Receiver<I>) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let handler = move |State(receiver): State<Receiver<I>>, request: Request| handle(receiver, signal, request);
        router = router.route(&format!("/v1/{}", signal.name()), post(handler));
    }
    router.with_state(receiver)
}

async fn handle<I: Ingest>(receiver: Receiver<I>, signal: Signal, request: Request) -> Response {
    let encoding = encoding(request.headers());
    // What cannot be read as either is answered in protobuf, the protocol's default.
    let answer_in = *encoding.as_ref().unwrap_or(&Encoding::Protobuf);
    let result = match encoding {
        Ok(encoding) => receive(&receiver, signal, encoding, request).await,
        Err(failure) => Err(failure),
    };
    receiver.count("http", signal, result.as_ref().map(|_| ()));
    match result {
        Ok(receipt) => success(signal, answer_in, &receipt),
        Err(failure) => refusal(answer_in, &failure),
    }
}

async fn receive<I: Ingest>(
    receiver: &Receiver<I>,
    signal: Signal,
    encoding: Encoding,
    request: Request,
) -> Result<Receipt, Failure> {
    let (parts, body) = request.into_parts();
    let compression = Compression::of(&parts.headers)?;
    let Some(Peer(peer)) = parts.extensions.get::<Peer>().copied() else {
        return Err(Failure::Denied(Denied::Forbidden("peer address is unknown".to_owned())));
    };
    let origin = (receiver.authenticate)(&parts.headers, peer)?;
    let held = Arc::new(receiver.held.open());
    let body = receiver.read(&parts.headers, body, &receiver.body_bytes, &held).await?;
    let _slot = receiver.slot()?;
    let message = body::decompress(body, compression, &receiver.message_bytes, &held).await?;
    receiver.export(signal, encoding, message, origin).await
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Failure> {
    let stated = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    match stated.split(';').next().unwrap_or("").trim().to_ascii_lowercase().as_str() {
        PROTOBUF | "application/protobuf" => Ok(Encoding::Protobuf),
        JSON => Ok(Encoding::Json),
        _ => Err(Failure::Unsupported(format!("content type must be `{PROTOBUF}` or `{JSON}`"))),
    }
}

fn success(signal: Signal, encoding: Encoding, receipt: &Receipt) -> Response {
    let body = match encoding {
        Encoding::Protobuf => success_message(signal, receipt),
        Encoding::Json => success_json(signal, receipt),
    };
    response(StatusCode::OK, encoding, body)
}

/// `Export…ServiceResponse` in protobuf; `partial_success` is absent when there is nothing to say.
pub(super) fn success_message(signal: Signal, receipt: &Receipt) -> Vec<u8> {
    let rejected = i64::try_from(receipt.rejected).unwrap_or(i64::MAX);
    let partial = receipt.rejected > 0 || !receipt.message.is_empty();
    let error_message = receipt.message.clone();
    match signal {
        Signal::Traces => {
            let partial_success =
                partial.then_some(ExportTracePartialSuccess { rejected_spans: rejected, error_message });
            ExportTraceServiceResponse { partial_success }.encode_to_vec()
        }
        Signal::Logs => {
            let partial_success =
                partial.then_some(ExportLogsPartialSuccess { rejected_log_records: rejected, error_message });
            ExportLogsServiceResponse { partial_success }.encode_to_vec()
        }
        Signal::Metrics => {
            let partial_success =
                partial.then_some(ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message });
            ExportMetricsServiceResponse { partial_success }.encode_to_vec()
        }
    }
}

fn success_json(signal: Signal, receipt: &Receipt) -> Vec<u8> {
    if receipt.rejected == 0 && receipt.message.is_empty() {
        return b"{}".to_vec();
    }
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
    };
    // 64-bit numbers are strings in the JSON mapping of protobuf.
    let body = json!({ "partialSuccess": { rejected: receipt.rejected.to_string(), "errorMessage": receipt.message } });
    body.to_string().into_bytes()
}

fn refusal(encoding: Encoding, failure: &Failure) -> Response {
    let status = match failure {
        Failure::Denied(Denied::Unauthenticated(_)) => StatusCode::UNAUTHORIZED,
        Failure::Denied(Denied::Forbidden(_)) => StatusCode::FORBIDDEN,
        Failure::TooLarge(_) | Failure::Ingest(IngestError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Failure::Body(_) | Failure::Decode(_) | Failure::Ingest(IngestError::Malformed(_)) => StatusCode::BAD_REQUEST,
        Failure::Busy | Failure::Ingest(IngestError::Overloaded) => StatusCode::TOO_MANY_REQUESTS,
        Failure::Ingest(IngestError::Unavailable | IngestError::Stopping)
        | Failure::Interrupted
        | Failure::TooSlow { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    let rpc = RpcStatus::of(failure);
    let body = match encoding {
        Encoding::Protobuf => rpc.encode_to_vec(),
        Encoding::Json => json!({ "code": rpc.code, "message": rpc.message }).to_string().into_bytes(),
    };
    let mut response = response(status, encoding, body);
    if let Some(after) = failure.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    response
}

fn response(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let content_type = match encoding {
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
