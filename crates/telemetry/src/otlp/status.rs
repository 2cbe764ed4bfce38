//! `google.rpc.Status`, the body of every OTLP error (google/rpc/status.proto, error_details.proto).

use std::time::Duration;

use prost::Message;
use tonic::Code;

use super::{Denied, Failure, OVERLOADED_RETRY, UNAVAILABLE_RETRY};
use crate::IngestError;

const RETRY_INFO_TYPE: &str = "type.googleapis.com/google.rpc.RetryInfo";

#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Detail {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Delay {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl RpcStatus {
    pub(super) fn of(failure: &Failure) -> Self {
        let details = failure.retry_after().map(|after| {
            let seconds = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
            let nanos = i32::try_from(after.subsec_nanos()).unwrap_or(0);
            let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
            Detail { type_url: RETRY_INFO_TYPE.to_owned(), value: info.encode_to_vec() }
        });
        Self { code: failure.grpc_code() as i32, message: failure.to_string(), details: details.into_iter().collect() }
    }
}

impl Failure {
    /// Codes that OTLP lets a sender retry are used only for what may be retried: a message that is too
    /// large is `RESOURCE_EXHAUSTED` without `RetryInfo`, which means never.
    pub(super) const fn grpc_code(&self) -> Code {
        match self {
            Self::Denied(Denied::Unauthenticated(_)) => Code::Unauthenticated,
            Self::Denied(Denied::Forbidden(_)) => Code::PermissionDenied,
            Self::TooLarge(_) | Self::Busy | Self::Ingest(IngestError::TooLarge { .. } | IngestError::Overloaded) => {
                Code::ResourceExhausted
            }
            Self::Ingest(IngestError::Unavailable | IngestError::Stopping)
            | Self::Interrupted
            | Self::TooSlow { .. } => Code::Unavailable,
            Self::Unsupported(_) | Self::Body(_) | Self::Decode(_) | Self::Ingest(IngestError::Malformed(_)) => {
                Code::InvalidArgument
            }
        }
    }

    /// When to send the same again; `None` for never.
    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy | Self::Ingest(IngestError::Overloaded) => Some(OVERLOADED_RETRY),
            Self::Ingest(IngestError::Unavailable | IngestError::Stopping)
            | Self::Interrupted
            | Self::TooSlow { .. } => Some(UNAVAILABLE_RETRY),
            _ => None,
        }
    }
}
