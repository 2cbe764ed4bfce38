//! Trace files of other tools, as OTLP requests; also the logs that an OpenTelemetry Collector writes between them.
//!
//! The format is recognised from the content: Jaeger JSON (`{"data": [{"traceID", "spans", "processes"}]}`, or
//! the traces alone), OTLP JSON (`resourceSpans`, or a bare resource or span), Tempo (`batches`), and what the
//! console exporter of the Python SDK prints. A file may hold several documents, one a line or not.

use std::collections::VecDeque;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use serde_json::{Map, Value};

use crate::decode::{DecodeError, from_json, without_halves};

mod console;
mod jaeger;

/// Spans or log records in one returned request at most, but for a single trace or document that has more.
const REQUEST_ITEMS_MAX: usize = 2_000;
/// Likewise its bytes: some records hold whole conversations, and the way in takes no request of more than 64 MiB.
const REQUEST_BYTES_MAX: usize = 16 << 20;

/// How files that are no text begin.
const COMPRESSED: [(&[u8], &str); 2] = [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd")];

/// Why a file cannot be imported. Lines and columns count from 1.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("file is empty")]
    Empty,
    #[error("file is compressed with {0}; give what is in it")]
    Compressed(&'static str),
    #[error("file is not valid JSON at line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error(
        "document at line {line} is no trace that Mizzen knows: expected Jaeger `data`, OTLP `resourceSpans`, \
         Tempo `batches`, or one span"
    )]
    UnknownShape { line: usize },
    #[error("document at line {line} holds `{key}`; only {taken} can be imported here")]
    NotTaken { line: usize, key: &'static str, taken: &'static str },
    #[error("document at line {line} is not valid OTLP")]
    Otlp { line: usize, source: DecodeError },
    #[error("document at line {line}: {place} {reason}")]
    Field { line: usize, place: String, reason: String },
}

impl ImportError {
    /// The line of the document that the error is about, from 1.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        match self {
            Self::Empty | Self::Compressed(_) => None,
            Self::Syntax { line, .. }
            | Self::UnknownShape { line }
            | Self::NotTaken { line, .. }
            | Self::Otlp { line, .. }
            | Self::Field { line, .. } => Some(*line),
        }
    }
}

/// A field that is not as its format wants it; the caller adds the line.
#[derive(Debug)]
struct FieldError {
    place: String,
    reason: String,
}

impl FieldError {
    fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// What a file holds.
#[derive(Debug)]
pub struct Contents {
    pub traces: Vec<ExportTraceServiceRequest>,
    pub logs: Vec<ExportLogsServiceRequest>,
    /// Documents of metrics, which are left out.
    pub metrics: usize,
}

/// Reads a whole file of traces. Spans keep their order.
///
/// # Errors
/// At the first document that is malformed or of an unknown shape, and when one holds no traces; nothing is returned then.
pub fn read(file: &[u8]) -> Result<Vec<ExportTraceServiceRequest>, ImportError> {
    let found = Found::read(file)?;
    if let Some((line, key)) = found.first_logs.or(found.first_metrics) {
        return Err(ImportError::NotTaken { line, key, taken: "traces" });
    }
    let traces = found.contents().traces;
    if traces.is_empty() { Err(ImportError::Empty) } else { Ok(traces) }
}

/// Reads a whole file of traces and logs. Spans and log records keep their order.
///
/// # Errors
/// At the first document that is malformed or of an unknown shape, and when there is nothing but metrics.
pub fn read_all(file: &[u8]) -> Result<Contents, ImportError> {
    let found = Found::read(file)?;
    let first_metrics = found.first_metrics;
    let contents = found.contents();
    match first_metrics {
        _ if !contents.traces.is_empty() || !contents.logs.is_empty() => Ok(contents),
        Some((line, key)) => Err(ImportError::NotTaken { line, key, taken: "traces and logs" }),
        None => Err(ImportError::Empty),
    }
}

/// The line of a document, and what it holds.
type Place = (usize, &'static str);

#[derive(Debug, Default)]
struct Found {
    spans: Batches<ResourceSpans>,
    logs: Batches<ResourceLogs>,
    metrics: usize,
    first_logs: Option<Place>,
    first_metrics: Option<Place>,
}

impl Found {
    fn read(file: &[u8]) -> Result<Self, ImportError> {
        if let Some((_, with)) = COMPRESSED.iter().find(|(start, _)| file.starts_with(start)) {
            return Err(ImportError::Compressed(with));
        }
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        match Self::read_json(file) {
            Err(error @ ImportError::Syntax { .. }) => match without_halves(file) {
                Some(mended) => Self::read_json(&mended),
                None => Err(error),
            },
            read => read,
        }
    }

    fn read_json(file: &[u8]) -> Result<Self, ImportError> {
        let mut documents = serde_json::Deserializer::from_slice(file).into_iter::<Value>();
        let mut lines = Lines { file, line: 1, counted: 0 };
        let mut found = Self::default();
        loop {
            let line = lines.of_next(documents.byte_offset());
            match documents.next() {
                None => return Ok(found),
                Some(Ok(document)) => found.document(document, line)?,
                Some(Err(error)) => return Err(ImportError::Syntax { line: error.line(), column: error.column() }),
            }
        }
    }

    /// Lists, such as an array of traces, are taken apart; they nest no deeper than JSON may.
    fn document(&mut self, document: Value, line: usize) -> Result<(), ImportError> {
        let mut open = VecDeque::from([document]);
        while let Some(document) = open.pop_front() {
            match document {
                Value::Array(items) => {
                    for (index, item) in items.into_iter().enumerate() {
                        open.insert(index, item);
                    }
                }
                Value::Object(map) => self.object(map, line)?,
                _ => return Err(ImportError::UnknownShape { line }),
            }
        }
        Ok(())
    }

    /// A document may hold several signals; where it has traces, nothing else about it is remarkable.
    fn object(&mut self, mut map: Map<String, Value>, line: usize) -> Result<(), ImportError> {
        let has_traces = has(&map, &["resourceSpans", "resource_spans", "batches", "data", "trace"]);
        let mut has_others = false;
        for key in ["resourceMetrics", "resource_metrics"] {
            let Some(metrics) = map.remove(key) else { continue };
            has_others = true;
            let is_empty = metrics.as_array().is_some_and(Vec::is_empty);
            if !has_traces {
                self.first_metrics.get_or_insert((line, key));
            }
            self.metrics += usize::from(!has_traces || !is_empty);
        }
        for key in ["resourceLogs", "resource_logs"] {
            let Some(logs) = map.remove(key) else { continue };
            has_others = true;
            if !has_traces {
                self.first_logs.get_or_insert((line, key));
            }
            self.take_logs(key, logs).map_err(|source| ImportError::Otlp { line, source })?;
        }
        if has_others && !has_traces {
            return Ok(());
        }
        let resources = read_traces(map, line)?;
        let scopes = resources.iter().flat_map(|resource| &resource.scope_spans);
        let spans = scopes.map(|scope| scope.spans.len()).sum();
        self.spans.add(resources, spans);
        Ok(())
    }

    fn take_logs(&mut self, key: &str, logs: Value) -> Result<(), DecodeError> {
        let alone = Map::from_iter([(key.to_owned(), logs)]);
        let request: ExportLogsServiceRequest = from_json(Value::Object(alone))?;
        let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let records = scopes.map(|scope| scope.log_records.len()).sum();
        self.logs.add(request.resource_logs, records);
        Ok(())
    }

    fn contents(self) -> Contents {
        let traces = self.spans.finish().into_iter();
        let logs = self.logs.finish().into_iter();
        Contents {
            traces: traces.map(|resource_spans| ExportTraceServiceRequest { resource_spans }).collect(),
            logs: logs.map(|resource_logs| ExportLogsServiceRequest { resource_logs }).collect(),
            metrics: self.metrics,
        }
    }
}

/// Where documents start, counted along: a file may have a document on each of its million lines.
struct Lines<'a> {
    file: &'a [u8],
    line: usize,
    /// Bytes whose line ends are counted.
    counted: usize,
}

impl Lines<'_> {
    /// The line on which the next document after `offset` starts; offsets never fall.
    fn of_next(&mut self, offset: usize) -> usize {
        let blank = self.file[offset..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let start = offset + blank;
        self.line += memchr::memchr_iter(b'\n', &self.file[self.counted..start]).count();
        self.counted = start;
        self.line
    }
}

fn read_traces(mut map: Map<String, Value>, line: usize) -> Result<Vec<ResourceSpans>, ImportError> {
    let field = |error: FieldError| ImportError::Field { line, place: error.place, reason: error.reason };
    let otlp = |source| ImportError::Otlp { line, source };
    if let Some(Value::Array(traces)) = map.remove("data") {
        return jaeger::traces(&traces).map_err(field);
    }
    if map.contains_key("spans") && map.contains_key("processes") {
        return jaeger::traces(&[Value::Object(map)]).map_err(field);
    }
    if let Some(Value::Object(inner)) = map.remove("trace") {
        map = inner;
    }
    if let Some(batches) = map.remove("batches") {
        map.insert("resourceSpans".to_owned(), batches);
    }
    if has(&map, &["resourceSpans", "resource_spans"]) {
        let request: ExportTraceServiceRequest = from_json(Value::Object(map)).map_err(otlp)?;
        return Ok(request.resource_spans);
    }
    if has(&map, &["scopeSpans", "scope_spans", "instrumentationLibrarySpans"]) {
        return from_json(Value::Object(map)).map(|resource| vec![resource]).map_err(otlp);
    }
    if has(&map, &["traceId", "trace_id"]) && has(&map, &["spanId", "span_id"]) {
        let wrapped = serde_json::json!({ "scopeSpans": [{ "spans": [map] }] });
        return from_json(wrapped).map(|resource| vec![resource]).map_err(otlp);
    }
    if map.contains_key("context") && map.contains_key("start_time") {
        return console::span(&map).map(|resource| vec![resource]).map_err(field);
    }
    Err(ImportError::UnknownShape { line })
}

fn has(map: &Map<String, Value>, keys: &[&str]) -> bool {
    keys.iter().any(|key| map.contains_key(*key))
}

/// `text` as `length` bytes, with zeros on the left when it has fewer digits.
fn hex_bytes(text: &str, length: usize) -> Result<Vec<u8>, String> {
    if text.is_empty() || text.len() > 2 * length {
        return Err(format!("must be 1 to {} hexadecimal digits", 2 * length));
    }
    let padded = format!("{text:0>width$}", width = 2 * length);
    let digits: Option<Vec<u32>> = padded.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.ok_or_else(|| "has a character that is not a hexadecimal digit".to_owned())?;
    Ok(digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect())
}

/// Gathers what small documents hold into requests of a useful size.
#[derive(Debug)]
struct Batches<R> {
    done: Vec<Vec<R>>,
    open: Vec<R>,
    open_items: usize,
    open_bytes: usize,
}

impl<R> Default for Batches<R> {
    fn default() -> Self {
        Self { done: Vec::new(), open: Vec::new(), open_items: 0, open_bytes: 0 }
    }
}

impl<R: prost::Message> Batches<R> {
    /// `resources` hold so many `items`.
    fn add(&mut self, resources: Vec<R>, items: usize) {
        let bytes: usize = resources.iter().map(R::encoded_len).sum();
        let is_full = self.open_items + items > REQUEST_ITEMS_MAX || self.open_bytes + bytes > REQUEST_BYTES_MAX;
        if self.open_items > 0 && is_full {
            self.close();
        }
        self.open_items += items;
        self.open_bytes += bytes;
        self.open.extend(resources);
    }

    fn close(&mut self) {
        self.done.push(std::mem::take(&mut self.open));
        (self.open_items, self.open_bytes) = (0, 0);
    }

    fn finish(mut self) -> Vec<Vec<R>> {
        if !self.open.is_empty() {
            self.close();
        }
        self.done
    }
}

#[cfg(test)]
mod tests;
