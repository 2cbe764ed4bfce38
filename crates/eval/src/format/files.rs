//! Any file that holds trials, recognised from its content.

use std::io::Read;

use mizzen_model::time::Timestamp;
use serde_json::Value;

use super::inspect::{self, InspectError};
use super::{Reading, tau};
use crate::trial::{TraceFileError, TraceReader};

/// Bytes of one file at most.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// Why a file gives no trials.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("failed to read it")]
    Io(#[from] std::io::Error),
    #[error("it is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    Trace(#[from] TraceFileError),
    #[error("not a log of Inspect that Mizzen reads")]
    Inspect(#[from] InspectError),
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Trace,
    Tau,
    Inspect,
}

/// Reads files of any kind.
#[derive(Debug)]
pub struct FileReader {
    traces: TraceReader,
}

impl FileReader {
    /// # Errors
    /// When the built-in price table is broken.
    pub fn new(received_at: Timestamp) -> Result<Self, FileError> {
        Ok(Self { traces: TraceReader::new(received_at)? })
    }

    /// # Errors
    /// When the file as a whole is of no use; trials that are malformed are problems of the reading.
    pub fn read(&self, content: &[u8]) -> Result<(FileKind, Reading), FileError> {
        if content.starts_with(b"PK\x03\x04") || content.starts_with(b"PK\x05\x06") {
            return Ok((FileKind::Inspect, inspect::read_archive(content)?));
        }
        match kind(content) {
            FileKind::Trace => {
                let trials = self.traces.read(content)?;
                Ok((FileKind::Trace, Reading { trials, problems: Vec::new() }))
            }
            // Both are one document; a syntax error is told by the reader of traces, which knows lines.
            kind => match serde_json::from_slice::<Value>(content) {
                Ok(document) if tau::is_tau(&document) => Ok((kind, tau::read(&document))),
                Ok(document) if inspect::is_log(&document) => Ok((kind, inspect::read_json(&document))),
                _ => {
                    let trials = self.traces.read(content)?;
                    Ok((FileKind::Trace, Reading { trials, problems: Vec::new() }))
                }
            },
        }
    }
}

/// A guess from the first keys, so that a trace need not be parsed twice.
fn kind(content: &[u8]) -> FileKind {
    let start = String::from_utf8_lossy(&content[..content.len().min(64 << 10)]);
    let has = |key: &str| start.contains(key);
    let is_trace = ["\"resourceSpans\"", "\"resource_spans\"", "\"traceID\"", "\"batches\"", "\"traceId\""];
    if is_trace.iter().any(|key| has(key)) {
        FileKind::Trace
    } else if has("\"task_id\"") && start.trim_start().starts_with('[') {
        FileKind::Tau
    } else if has("\"eval\"") {
        FileKind::Inspect
    } else if start.trim_start().starts_with('[') {
        FileKind::Tau
    } else {
        FileKind::Trace
    }
}

/// Reads all of `source`, within the limit.
///
/// # Errors
/// When reading fails or the limit is reached.
pub fn read_limited(source: impl Read) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    source.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX { Err(FileError::TooLarge) } else { Ok(content) }
}
