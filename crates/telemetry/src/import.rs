//! Trace files of other tools, as OTLP requests.
//!
//! The format is recognised from the content: Jaeger JSON (`{"data": [{"traceID", "spans", "processes"}]}`, or
//! the traces alone), OTLP JSON (`resourceSpans`, or a bare resource or span), Tempo (`batches`), and what the
//! console exporter of the Python SDK prints. A file may hold several documents, one a line or not.

use std::collections::VecDeque;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use serde_json::{Map, Value};

use crate::decode::{DecodeError, from_json};

mod console;
mod jaeger;

/// Spans in one returned request at most, but for a single trace or document that has more.
const REQUEST_SPANS_MAX: usize = 2_000;

/// Why a file cannot be imported. Lines and columns count from 1.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("file is empty")]
    Empty,
    #[error("file is not valid JSON at line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error(
        "document at line {line} is no trace that Mizzen knows: expected Jaeger `data`, OTLP `resourceSpans`, \
         Tempo `batches`, or one span"
    )]
    UnknownShape { line: usize },
    #[error("document at line {line} holds `{key}`; `import` takes traces only")]
    NotTraces { line: usize, key: &'static str },
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
            Self::Empty => None,
            Self::Syntax { line, .. }
            | Self::UnknownShape { line }
            | Self::NotTraces { line, .. }
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

/// Reads a whole file. Spans keep their order.
///
/// # Errors
/// At the first document that is malformed or of an unknown shape; nothing is returned then.
pub fn read(file: &[u8]) -> Result<Vec<ExportTraceServiceRequest>, ImportError> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut documents = serde_json::Deserializer::from_slice(file).into_iter::<Value>();
    let mut lines = Lines { file, line: 1, counted: 0 };
    let mut batches = Batches::default();
    loop {
        let line = lines.of_next(documents.byte_offset());
        match documents.next() {
            None => break,
            Some(Ok(document)) => read_document(document, line, &mut batches)?,
            Some(Err(error)) => return Err(ImportError::Syntax { line: error.line(), column: error.column() }),
        }
    }
    let requests = batches.finish();
    if requests.is_empty() { Err(ImportError::Empty) } else { Ok(requests) }
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

/// Lists, such as an array of traces, are taken apart; they nest no deeper than JSON may.
fn read_document(document: Value, line: usize, batches: &mut Batches) -> Result<(), ImportError> {
    let mut open = VecDeque::from([document]);
    while let Some(document) = open.pop_front() {
        match document {
            Value::Array(items) => {
                for (index, item) in items.into_iter().enumerate() {
                    open.insert(index, item);
                }
            }
            Value::Object(map) => batches.add(read_object(map, line)?),
            _ => return Err(ImportError::UnknownShape { line }),
        }
    }
    Ok(())
}

fn read_object(mut map: Map<String, Value>, line: usize) -> Result<Vec<ResourceSpans>, ImportError> {
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
    for key in ["resourceLogs", "resourceMetrics"] {
        if map.contains_key(key) {
            return Err(ImportError::NotTraces { line, key });
        }
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

/// Gathers small documents into requests of a useful size.
#[derive(Debug, Default)]
struct Batches {
    done: Vec<ExportTraceServiceRequest>,
    open: Vec<ResourceSpans>,
    open_spans: usize,
}

impl Batches {
    fn add(&mut self, resources: Vec<ResourceSpans>) {
        let spans: usize =
            resources.iter().flat_map(|resource| &resource.scope_spans).map(|scope| scope.spans.len()).sum();
        if self.open_spans > 0 && self.open_spans + spans > REQUEST_SPANS_MAX {
            self.close();
        }
        self.open_spans += spans;
        self.open.extend(resources);
    }

    fn close(&mut self) {
        self.done.push(ExportTraceServiceRequest { resource_spans: std::mem::take(&mut self.open) });
        self.open_spans = 0;
    }

    fn finish(mut self) -> Vec<ExportTraceServiceRequest> {
        if !self.open.is_empty() {
            self.close();
        }
        self.done
    }
}

#[cfg(test)]
mod tests;
