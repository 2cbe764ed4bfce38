use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_runtime::listen::Peer;
use mizzen_runtime::metrics::Metrics;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tower::ServiceExt as _;

use super::status::{RetryInfo, RpcStatus};
use super::{Authenticate, Denied, DoorLimits, Ingest, Receiver, grpc_router, http_router};
use crate::decode::{Encoding, decode_traces, encode};
use crate::origin::Origin;
use crate::{Incoming, IngestError, Receipt};

const JSON: &str = include_str!("../../fixtures/dialects/genai_current.json");
const KEY: &str = "Bearer mzk_right";

/// Remembers what came, and answers as it is told.
#[derive(Clone)]
struct Double {
    seen: Arc<Mutex<Vec<usize>>>,
    answer: Result<Receipt, IngestError>,
}

impl Double {
    fn answering(answer: Result<Receipt, IngestError>) -> Self {
        Self { seen: Arc::default(), answer }
    }
    fn note(&self, items: usize) -> Result<Receipt, IngestError> {
        self.seen.lock().unwrap().push(items);
        self.answer.clone()
    }
}

impl Ingest for Double {
    async fn traces(
        &self,
        request: Incoming<ExportTraceServiceRequest>,
        origin: Origin,
    ) -> Result<Receipt, IngestError> {
        let request = match request {
            Incoming::Decoded(request) => request,
            Incoming::Encoded(wire) => decode_traces(&wire, Encoding::Protobuf)?,
        };
        assert_eq!(origin.caller.as_deref(), Some("tester"));
        let spans = request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum();
        self.note(spans)
    }
    async fn logs(&self, request: ExportLogsServiceRequest, _: Digest, _: Origin) -> Result<Receipt, IngestError> {
        self.note(request.resource_logs.len())
    }
    async fn metrics(
        &self,
        request: ExportMetricsServiceRequest,
        _: Digest,
        _: Origin,
    ) -> Result<Receipt, IngestError> {
        self.note(request.resource_metrics.len())
    }
}

fn receiver(double: &Double, limits: &DoorLimits) -> (Receiver<Double>, Metrics) {
    let authenticate: Authenticate = Arc::new(|headers, _| match headers.get("authorization") {
        Some(key) if key == KEY => {
            Ok(Origin { caller: Some("tester".into()), ..Origin::unknown(Timestamp::default()) })
        }
        Some(_) => Err(Denied::Forbidden("key is not for this door".into())),
        None => Err(Denied::Unauthenticated("a key is needed".into())),
    });
    let metrics = Metrics::new();
    (Receiver::new(double.clone(), authenticate, metrics.clone(), limits), metrics)
}

fn with_peer(router: Router) -> Router {
    router.layer(Extension(Peer(SocketAddr::from(([127, 0, 0, 1], 9)))))
}

type Headers = &'static [(&'static str, &'static str)];

struct Call<'a> {
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Vec<u8>,
    key: Option<&'a str>,
}

impl Default for Call<'_> {
    fn default() -> Self {
        Self { path: "/v1/traces", headers: &[("content-type", "application/json")], body: JSON.into(), key: Some(KEY) }
    }
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Bytes,
}

async fn call(double: &Double, call: Call<'_>) -> Answer {
    let limits = DoorLimits { body_bytes_max: 100_000, message_bytes_max: 200_000, ..DoorLimits::default() };
    send(with_peer(http_router(receiver(double, &limits).0)), call).await
}

async fn send(router: Router, call: Call<'_>) -> Answer {
    let mut request = Request::post(call.path);
    for (name, value) in call.headers {
        request = request.header(*name, *value);
    }
    if let Some(key) = call.key {
        request = request.header("authorization", key);
    }
    let response = router.oneshot(request.body(Body::from(call.body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn request() -> ExportTraceServiceRequest {
    decode_traces(JSON.as_bytes(), Encoding::Json).unwrap()
}

fn ok() -> Double {
    Double::answering(Ok(Receipt { accepted: 5, ..Receipt::default() }))
}

#[tokio::test]
async fn both_encodings_and_all_compressions_arrive_and_are_answered_alike() {
    let protobuf = encode(&request());
    let zstd = zstd::encode_all(&protobuf[..], 3).unwrap();
    let cases: [(Headers, Vec<u8>); 7] = [
        (&[("content-type", "application/json; charset=utf-8")], JSON.into()),
        (&[("content-type", "application/json"), ("content-encoding", "gzip")], gzip(JSON.as_bytes())),
        (&[("content-type", "application/x-protobuf")], protobuf.clone()),
        (&[("content-type", "application/x-protobuf"), ("content-encoding", "gzip")], gzip(&protobuf)),
        (&[("content-type", "application/x-protobuf"), ("content-encoding", "zstd")], zstd.clone()),
        (&[("content-type", "application/x-protobuf"), ("content-encoding", "Zstd")], zstd),
        (&[("content-type", "application/json"), ("content-encoding", " GZIP")], gzip(JSON.as_bytes())),
    ];
    for (headers, body) in cases {
        let double = ok();
        let answer = call(&double, Call { headers, body, ..Call::default() }).await;
        assert_eq!((answer.status, double.seen.lock().unwrap().as_slice()), (StatusCode::OK, &[5][..]), "{headers:?}");
        let content_type = answer.headers["content-type"].to_str().unwrap();
        assert!(headers[0].1.starts_with(content_type));
        assert_eq!(answer.body.as_ref(), if content_type == "application/json" { &b"{}"[..] } else { b"" });
    }
    for path in ["/v1/logs", "/v1/metrics"] {
        let answer = call(&ok(), Call { path, body: b"{}".to_vec(), ..Call::default() }).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn partial_success_is_said_in_either_encoding() {
    let double = Double::answering(Ok(Receipt { accepted: 3, rejected: 2, message: "2 spans refused".into() }));
    let answer = call(&double, Call::default()).await;
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let partial = serde_json::json!({ "errorMessage": "2 spans refused", "rejectedSpans": "2" });
    assert_eq!(said, serde_json::json!({ "partialSuccess": partial }));
    let headers: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];
    let answer = call(&double, Call { headers, body: encode(&request()), ..Call::default() }).await;
    let partial = ExportTraceServiceResponse::decode(answer.body).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (2, "2 spans refused"));
}

#[tokio::test]
async fn refusals_have_the_status_and_body_that_the_specification_wants() {
    let json: &[(&str, &str)] = &[("content-type", "application/json")];
    let cases = [
        (Call { body: b"{ oops".to_vec(), ..Call::default() }, 400),
        (Call { headers: &[("content-type", "text/plain")], ..Call::default() }, 415),
        (Call { headers: &[("content-type", "application/json"), ("content-encoding", "br")], ..Call::default() }, 415),
        (
            Call { headers: &[("content-type", "application/json"), ("content-encoding", "gzip")], ..Call::default() },
            400,
        ),
        (Call { headers: json, body: vec![b' '; 100_001], ..Call::default() }, 413),
        (
            Call {
                headers: &[("content-type", "application/json"), ("content-length", "1000000000")],
                ..Call::default()
            },
            413,
        ),
        (Call { key: None, ..Call::default() }, 401),
        (Call { key: Some("Bearer wrong"), ..Call::default() }, 403),
    ];
    for (refused, expected) in cases {
        let double = ok();
        let label = format!("{:?} {:?}", refused.headers, refused.key);
        let answer = call(&double, refused).await;
        assert_eq!(answer.status.as_u16(), expected, "{label}");
        assert!(double.seen.lock().unwrap().is_empty() && !answer.headers.contains_key("retry-after"), "{label}");
        if answer.headers["content-type"] == "application/json" {
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(body["code"].is_i64() && body["message"].is_string(), "{label}");
        } else {
            assert!(!RpcStatus::decode(answer.body).unwrap().message.is_empty(), "{label}");
        }
    }
}

#[tokio::test]
async fn zip_bombs_are_refused_whatever_would_come_out() {
    let bomb = vec![b' '; 10_000_000];
    let bodies = [("gzip", gzip(&bomb)), ("zstd", zstd::encode_all(&bomb[..], 1).unwrap())];
    for (encoding, body) in bodies {
        assert!(body.len() < 100_000, "{}", body.len());
        let headers: &[(&str, &str)] = &[("content-type", "application/json"), ("content-encoding", encoding)];
        let answer = call(&ok(), Call { headers, body, ..Call::default() }).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{encoding}");
    }
}

#[tokio::test]
async fn what_may_be_retried_says_when() {
    for (error, status, retry_after) in [
        (IngestError::Overloaded, StatusCode::TOO_MANY_REQUESTS, "1"),
        (IngestError::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "5"),
        (IngestError::Stopping, StatusCode::SERVICE_UNAVAILABLE, "5"),
    ] {
        let answer = call(&Double::answering(Err(error)), Call::default()).await;
        assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (status, retry_after));
    }
    let answer = call(&Double::answering(Err(IngestError::TooLarge { max: 1 })), Call::default()).await;
    assert_eq!((answer.status, answer.headers.get("retry-after")), (StatusCode::PAYLOAD_TOO_LARGE, None));
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_again_and_all_is_counted() {
    let limits = DoorLimits { concurrent_max: 0, ..DoorLimits::default() };
    let (receiver, metrics) = receiver(&ok(), &limits);
    let answer = send(with_peer(http_router(receiver.clone())), Call::default()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    let rendered = metrics.render();
    assert!(rendered.contains(r#"outcome="busy""#), "{rendered}");
    assert!(rendered.contains(r#"mizzen_limit_refusals_total{limit="otlp_concurrent_requests"} 1"#), "{rendered}");
}

/// A body that begins and never ends.
fn stalled(bytes: usize) -> Body {
    let begin = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b' '; bytes]))]);
    Body::from_stream(futures::StreamExt::chain(begin, futures::stream::pending()))
}

fn stalled_request(path: &str, content_type: &str, bytes: usize) -> Request<Body> {
    let request = Request::post(path).header("authorization", KEY).header("content-type", content_type);
    request.body(stalled(bytes)).unwrap()
}

#[tokio::test]
async fn what_all_bodies_hold_together_is_bounded_and_given_back() {
    let limits =
        DoorLimits { body_bytes_max: 100_000, message_bytes_max: 100_000, held_bytes_max: 0, ..DoorLimits::default() };
    let (receiver, metrics) = receiver(&ok(), &limits);
    let router = with_peer(http_router(receiver));
    let request = || stalled_request("/v1/traces", "application/json", 99_000);
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(router.clone().oneshot(request()))).collect();
    for one in &mut waiting {
        assert!(futures::FutureExt::now_or_never(one).is_none());
    }
    let third = router.clone().oneshot(request()).await.unwrap();
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(metrics.render().contains(r#"mizzen_limit_refusals_total{limit="otlp_held_bytes"} 1"#));
    let inflated = gzip(&[b' '; 90_000]);
    let headers: Headers = &[("content-type", "application/json"), ("content-encoding", "gzip")];
    let bomb = send(router.clone(), Call { headers, body: inflated, ..Call::default() }).await;
    assert_eq!(bomb.status, StatusCode::TOO_MANY_REQUESTS, "what comes out of a body counts");
    drop(waiting);
    assert_eq!(send(router, Call::default()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let limits = DoorLimits { body_seconds_max: 0, ..DoorLimits::default() };
    let (receiver, metrics) = receiver(&ok(), &limits);
    let request = stalled_request("/v1/traces", "application/json", 10);
    let answer = with_peer(http_router(receiver.clone())).oneshot(request).await.unwrap();
    assert_eq!(
        (answer.status(), answer.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::SERVICE_UNAVAILABLE, "5")
    );
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let request = stalled_request(path, "application/grpc", 10);
    let answer = with_peer(grpc_router(receiver)).oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "14");
    assert!(metrics.render().contains(r#"mizzen_limit_refusals_total{limit="otlp_body_seconds"} 2"#));
}

async fn grpc(
    double: &Double,
    request: ExportTraceServiceRequest,
    key: Option<&'static str>,
) -> Result<ExportTraceServiceResponse, tonic::Status> {
    let limits = DoorLimits { message_bytes_max: 200_000, ..DoorLimits::default() };
    let router = with_peer(grpc_router(receiver(double, &limits).0));
    let mut client = TraceServiceClient::new(router).send_compressed(CompressionEncoding::Zstd);
    let mut request = tonic::Request::new(request);
    if let Some(key) = key {
        request.metadata_mut().insert("authorization", key.parse().unwrap());
    }
    client.export(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn the_generated_client_is_served_over_grpc() {
    let double = Double::answering(Ok(Receipt { accepted: 3, rejected: 2, message: "2 spans refused".into() }));
    let answer = grpc(&double, request(), Some(KEY)).await.unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 2);
    assert_eq!(double.seen.lock().unwrap().as_slice(), [5]);
    assert!(grpc(&ok(), request(), Some(KEY)).await.unwrap().partial_success.is_none());
}

#[tokio::test]
async fn grpc_refusals_have_the_codes_that_senders_act_on() {
    let code = |result: Result<ExportTraceServiceResponse, tonic::Status>| result.unwrap_err().code();
    assert_eq!(code(grpc(&ok(), request(), None).await), Code::Unauthenticated);
    assert_eq!(code(grpc(&ok(), request(), Some("Bearer wrong")).await), Code::PermissionDenied);

    let mut large = request();
    large.resource_spans[0].schema_url = " ".repeat(300_000);
    let limits = DoorLimits { message_bytes_max: 200_000, ..DoorLimits::default() };
    let (receiver, metrics) = receiver(&ok(), &limits);
    for compression in [None, Some(CompressionEncoding::Gzip)] {
        let mut client = TraceServiceClient::new(with_peer(grpc_router(receiver.clone())));
        if let Some(compression) = compression {
            client = client.send_compressed(compression);
        }
        let mut request = tonic::Request::new(large.clone());
        request.metadata_mut().insert("authorization", KEY.parse().unwrap());
        let status = client.export(request).await.unwrap_err();
        assert_eq!((status.code(), status.details().is_empty()), (Code::ResourceExhausted, true), "{status:?}");
    }
    let rendered = metrics.render();
    assert!(rendered.contains("mizzen_limit_refusals_total{limit=\"otlp_message_bytes\"} 2"), "{rendered}");

    let status = grpc(&Double::answering(Err(IngestError::Unavailable)), request(), Some(KEY)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let delay = RetryInfo::decode(&details[0].value[..]).unwrap().retry_delay.unwrap();
    assert_eq!((delay.seconds, delay.nanos), (5, 0));
    let status = grpc(&Double::answering(Err(IngestError::Overloaded)), request(), Some(KEY)).await.unwrap_err();
    assert_eq!((status.code(), status.details().is_empty()), (Code::ResourceExhausted, false));
}

#[tokio::test]
async fn a_malformed_grpc_message_is_the_senders_fault_and_an_unknown_method_is_named() {
    let (receiver, metrics) = receiver(&ok(), &DoorLimits::default());
    let router = with_peer(grpc_router(receiver));
    let framed = b"\0\0\0\0\x03\xff\xff\xff".to_vec();
    let headers: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let answer = send(router.clone(), Call { path, headers, body: framed, key: Some(KEY) }).await;
    assert_eq!(answer.headers["grpc-status"], "3");
    assert!(metrics.render().contains(r#"outcome="bad_protobuf""#));
    let answer = send(router, Call { path: "/no.such/Method", headers, body: vec![], key: Some(KEY) }).await;
    assert_eq!(answer.headers["grpc-status"], "12");
}
