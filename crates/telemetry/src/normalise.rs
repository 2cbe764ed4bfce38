//! Every dialect of GenAI telemetry becomes the same rows.
//!
//! The attributes of a span are written as JSON, and the [facts](facts::Facts) that the columns need are picked out of
//! all of them; the names of all dialects are one table in [`keys`]. What a span means is decided in
//! [`kind`], how tokens of each dialect become [`Usage`](mizzen_model::usage::Usage) in [`tokens`].
//!
//! Refused, with a count and a message: spans with an invalid trace or span id, without a start time, or
//! that start more than an hour after they were received. Adjusted, with a count: an end before the start
//! or far in the future (the duration becomes zero or is cut), and whatever exceeds [`Limits`].

use std::collections::HashMap;

use mizzen_model::price::PriceTable;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use crate::decode::borrowed::{self, Span};
use crate::decode::{DecodeError, Encoding, NotPlain, decode_logs, decode_metrics, decode_traces};
use crate::origin::Origin;
use crate::row::{LogRow, MetricRow, SpanRow};

mod facts;
mod intern;
mod json;
mod keys;
mod kind;
mod limits;
mod logs;
mod metrics;
mod outcome;
mod sampling;
mod shared;
mod spans;
mod tokens;

pub use keys::{CONTENT_KEYS, CONTENT_PREFIXES, is_content_event, is_content_key, is_unknown_gen_ai};
pub(crate) use keys::{is_agent_key, may_name_agent};
pub(crate) use kind::{agent_in_name, model_of_parameters};
pub use limits::Limits;

/// Rows of one request, and what could not become one.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised<T> {
    pub rows: Vec<T>,
    /// Items refused; the sender must not retry them.
    pub rejected: u64,
    /// Items kept with something cut or clamped.
    pub adjusted: u64,
    /// For the sender's `partial_success.error_message`; empty when all went well.
    pub message: String,
}

/// Turns OTLP requests into rows. Stateless between requests, cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Normaliser {
    prices: PriceTable,
    limits: Limits,
    keys: keys::KeyTable,
}

impl Normaliser {
    #[must_use]
    pub fn new(prices: PriceTable, limits: Limits) -> Self {
        Self { prices, limits, keys: keys::table() }
    }

    /// Rows of a trace request, in the order they came.
    #[must_use]
    pub fn spans(&self, request: &ExportTraceServiceRequest, origin: &Origin) -> Normalised<SpanRow> {
        let Ok(normalised) = spans::rows(self, &borrowed::views(request), Span::view, origin);
        normalised
    }

    /// As [`Normaliser::spans`], of a request in protobuf, which is not taken apart first.
    ///
    /// # Errors
    /// When it is none.
    pub fn encoded_spans(&self, request: &[u8], origin: &Origin) -> Result<Normalised<SpanRow>, DecodeError> {
        let plain = borrowed::resource_spans(request).and_then(|spans| spans::rows(self, &spans, Span::read, origin));
        match plain {
            Ok(normalised) => Ok(normalised),
            Err(NotPlain) => Ok(self.spans(&decode_traces(request, Encoding::Protobuf)?, origin)),
        }
    }

    /// Rows of a logs request, in the order they came. A log record without a usable trace id is kept.
    #[must_use]
    pub fn logs(&self, request: &ExportLogsServiceRequest, origin: &Origin) -> Normalised<LogRow> {
        logs::rows(self, request, origin)
    }

    /// As [`Normaliser::logs`], of a request in protobuf.
    ///
    /// # Errors
    /// When it is none.
    pub fn encoded_logs(&self, request: &[u8], origin: &Origin) -> Result<Normalised<LogRow>, DecodeError> {
        Ok(self.logs(&decode_logs(request, Encoding::Protobuf)?, origin))
    }

    /// One row for each data point, in the order they came.
    #[must_use]
    pub fn metrics(&self, request: &ExportMetricsServiceRequest, origin: &Origin) -> Normalised<MetricRow> {
        metrics::rows(self, request, origin)
    }

    /// As [`Normaliser::metrics`], of a request in protobuf.
    ///
    /// # Errors
    /// When it is none.
    pub fn encoded_metrics(&self, request: &[u8], origin: &Origin) -> Result<Normalised<MetricRow>, DecodeError> {
        Ok(self.metrics(&decode_metrics(request, Encoding::Protobuf)?, origin))
    }
}

/// What happened to the items of one request that is worth telling its sender.
#[derive(Debug, Default)]
struct Remarks {
    refused: HashMap<&'static str, u64>,
    changed: HashMap<&'static str, u64>,
}

impl Remarks {
    fn refuse(&mut self, why: &'static str) {
        *self.refused.entry(why).or_default() += 1;
    }

    fn change(&mut self, what: &'static str) {
        *self.changed.entry(what).or_default() += 1;
    }

    fn finish<T>(self, noun: &str, rows: Vec<T>) -> Normalised<T> {
        let rejected = self.refused.values().sum();
        let adjusted = self.changed.values().sum();
        let counted = |n: u64| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
        let mut sentences: Vec<String> =
            self.refused.into_iter().map(|(why, n)| format!("{} refused: {why}", counted(n))).collect();
        sentences.extend(self.changed.into_iter().map(|(what, n)| format!("{} adjusted: {what}", counted(n))));
        sentences.sort_unstable();
        Normalised { rows, rejected, adjusted, message: sentences.join("; ") }
    }
}

#[cfg(test)]
mod tests;
