//! Bytes of an OTLP request to its types and back: protobuf, and the JSON mapping of protobuf.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde::de::DeserializeOwned;

pub(crate) mod borrowed;
mod fields;
mod lenient;

pub(crate) use fields::NotPlain;
pub(crate) use lenient::{canonical, without_halves};

/// How a request body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// Why a body is not an OTLP request. None of the texts carries content of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("body is not an OTLP protobuf message: {reason}")]
    Protobuf { reason: String },
    /// Protobuf strings must be UTF-8, and a request with one that is not is refused as a whole: which
    /// span it belongs to is not known at this level, and guessing characters would change content.
    #[error("body has a string that is not UTF-8, in {place}")]
    NotUtf8 { place: String },
    #[error("body is not valid JSON at line {line}, column {column}")]
    JsonSyntax { line: usize, column: usize },
    #[error("body is JSON but not an OTLP request: {reason}")]
    JsonShape { reason: String },
}

impl DecodeError {
    /// A stable word for counters.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Protobuf { .. } => "bad_protobuf",
            Self::NotUtf8 { .. } => "bad_utf8",
            Self::JsonSyntax { .. } | Self::JsonShape { .. } => "bad_json",
        }
    }
}

/// Decodes the body of `/v1/traces`.
///
/// # Errors
/// When the body is malformed; unknown fields are no error in either encoding.
pub fn decode_traces(body: &[u8], encoding: Encoding) -> Result<ExportTraceServiceRequest, DecodeError> {
    decode(body, encoding)
}

/// Decodes the body of `/v1/logs`.
///
/// # Errors
/// As [`decode_traces`].
pub fn decode_logs(body: &[u8], encoding: Encoding) -> Result<ExportLogsServiceRequest, DecodeError> {
    decode(body, encoding)
}

/// Decodes the body of `/v1/metrics`.
///
/// # Errors
/// As [`decode_traces`].
pub fn decode_metrics(body: &[u8], encoding: Encoding) -> Result<ExportMetricsServiceRequest, DecodeError> {
    decode(body, encoding)
}

/// The protobuf bytes of a request, as the write-ahead log keeps it.
#[must_use]
pub fn encode<M: Message>(request: &M) -> Vec<u8> {
    request.encode_to_vec()
}

fn decode<M: Message + Default + DeserializeOwned>(body: &[u8], encoding: Encoding) -> Result<M, DecodeError> {
    match encoding {
        Encoding::Protobuf => M::decode(body).map_err(|error| protobuf_error(&error)),
        Encoding::Json => decode_json(body),
    }
}

pub(crate) fn protobuf_error(error: &prost::DecodeError) -> DecodeError {
    let reason = error.to_string();
    let reason = reason.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&reason);
    match reason.split_once(": invalid string value") {
        Some((place, _)) => DecodeError::NotUtf8 { place: place.to_owned() },
        None => DecodeError::Protobuf { reason: reason.to_owned() },
    }
}

/// Strict OTLP JSON first, because nearly everybody sends it; what that refuses, or may silently skip,
/// is read again with the tolerance of [`lenient`].
fn decode_json<M: DeserializeOwned>(body: &[u8]) -> Result<M, DecodeError> {
    // Reading strictly would take a list for the fields of a message in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(DecodeError::JsonShape { reason: "a request should be an object, not a list".to_owned() });
    }
    if !lenient::has_proto_names(body)
        && let Ok(request) = serde_json::from_slice(body)
    {
        return Ok(request);
    }
    let value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => match lenient::without_halves(body) {
            Some(mended) => return decode_json(&mended),
            None => return Err(DecodeError::JsonSyntax { line: error.line(), column: error.column() }),
        },
    };
    from_json(value)
}

/// An OTLP message from JSON that may use any of the spellings [`lenient`] knows.
pub(crate) fn from_json<M: DeserializeOwned>(value: serde_json::Value) -> Result<M, DecodeError> {
    serde_json::from_value(canonical(value)).map_err(|error| DecodeError::JsonShape { reason: shape_reason(&error) })
}

/// serde quotes the offending value, which may be content; only what it expected is passed on.
fn shape_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.contains("invalid character") || text.contains("odd number of digits") {
        return "an id should be hexadecimal".to_owned();
    }
    match text.rsplit_once("expected ") {
        Some((_, expected)) => format!("a field should be {expected}"),
        None if text.starts_with("missing field") => text,
        None => "a field has a value of the wrong form".to_owned(),
    }
}

#[cfg(test)]
mod tests;
