//! OTLP over gRPC. The messages are taken as bytes, so that what is malformed is refused in our words: the
//! generated services would answer `INTERNAL`, and would not be counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderValue};
use mizzen_runtime::listen::Peer;
use prost::Message;
use tonic::codec::{BufferSettings, Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use super::http_door::success_message;
use super::status::RpcStatus;
use super::{Denied, Failure, Ingest, Receiver, Signal};
use crate::decode::Encoding;
use crate::origin::Origin;

const GRPC_STATUS: &str = "grpc-status";

/// The `Export` methods of the three collector services.
pub fn grpc_router<I: Ingest>(receiver: Receiver<I>) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let handler = move |State(receiver): State<Receiver<I>>, request: Request| handle(receiver, signal, request);
        router = router.route(path(signal), post(handler));
    }
    let unknown = || async { into_axum(Status::unimplemented("no such method; OTLP has `Export` only").into_http()) };
    router.fallback(unknown).with_state(receiver)
}

const fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    }
}

async fn handle<I: Ingest>(receiver: Receiver<I>, signal: Signal, request: Request) -> Response {
    let origin = match identify(&receiver, &request) {
        Ok(origin) => origin,
        Err(failure) => {
            receiver.count("grpc", signal, Err(&failure));
            return into_axum(status_of(&failure).into_http());
        }
    };
    let (parts, body) = request.into_parts();
    let held = receiver.held.open();
    // Tonic would read it without a bound in time, and know nothing of other requests.
    let body = match receiver.read(&parts.headers, body, &receiver.message_bytes, &held).await {
        Ok(body) => body,
        Err(failure) => {
            receiver.count("grpc", signal, Err(&failure));
            return into_axum(status_of(&failure).into_http());
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    let max = usize::try_from(receiver.message_bytes.max()).unwrap_or(usize::MAX);
    let mut grpc = tonic::server::Grpc::new(RawCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(max);
    let arrived = Arc::new(AtomicBool::new(false));
    let (inner, mark) = (receiver.clone(), Arc::clone(&arrived));
    let service = tower::service_fn(move |message: tonic::Request<Bytes>| {
        mark.store(true, Ordering::Relaxed);
        export(inner.clone(), signal, message.into_inner(), origin.clone())
    });
    let response = into_axum(grpc.unary(service, request).await);
    if arrived.load(Ordering::Relaxed) {
        return response;
    }
    let failure = unread(&receiver, response.headers());
    receiver.count("grpc", signal, Err(&failure));
    into_axum(status_of(&failure).into_http())
}

/// Why tonic did not get as far as a message. For one above the limit it says `OUT_OF_RANGE`, which OTLP tells
/// its senders to retry, for ever.
fn unread<I: Ingest>(receiver: &Receiver<I>, headers: &HeaderMap) -> Failure {
    let says = |code: Code| headers.get(GRPC_STATUS) == Some(&HeaderValue::from(code as i32));
    if says(Code::OutOfRange) || says(Code::ResourceExhausted) {
        return Failure::TooLarge(receiver.message_bytes.refuse(receiver.message_bytes.max() + 1));
    }
    if says(Code::Unimplemented) {
        return Failure::Unsupported("message encoding must be `gzip`, `zstd` or none".to_owned());
    }
    Failure::Body("body is not one gRPC message in the encoding it states".to_owned())
}

fn identify<I: Ingest>(receiver: &Receiver<I>, request: &Request) -> Result<Origin, Failure> {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return Err(Failure::Denied(Denied::Forbidden("peer address is unknown".to_owned())));
    };
    Ok((receiver.authenticate)(request.headers(), peer)?)
}

async fn export<I: Ingest>(
    receiver: Receiver<I>,
    signal: Signal,
    message: Bytes,
    origin: Origin,
) -> Result<tonic::Response<Bytes>, Status> {
    let held = receiver.held.open();
    let result = match held.grow_to(message.len()).and_then(|()| receiver.slot()) {
        Ok(_slot) => receiver.export(signal, Encoding::Protobuf, message, origin).await,
        Err(failure) => Err(failure),
    };
    receiver.count("grpc", signal, result.as_ref().map(|_| ()));
    match result {
        Ok(receipt) => Ok(tonic::Response::new(success_message(signal, &receipt).into())),
        Err(failure) => Err(status_of(&failure)),
    }
}

fn status_of(failure: &Failure) -> Status {
    let rpc = RpcStatus::of(failure);
    if rpc.details.is_empty() {
        return Status::new(failure.grpc_code(), rpc.message);
    }
    let details = rpc.encode_to_vec().into();
    Status::with_details(failure.grpc_code(), rpc.message, details)
}

fn into_axum(response: http::Response<tonic::body::Body>) -> Response {
    response.map(Body::new)
}

/// Hands messages through undecoded.
#[derive(Debug, Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}
