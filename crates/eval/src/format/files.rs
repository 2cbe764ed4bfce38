//! Any file that holds trials, recognised from its content.

use std::io::Read;

use mizzen_model::time::Timestamp;
use mizzen_telemetry::row::SpanRow;
use serde_json::Value;

use super::inspect::{self, InspectError};
use super::{Reading, tau};
use crate::trial::{Grouping, TraceFileError, TraceReader, Trial, trials};

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
    grouping: Grouping,
    /// Spans of sessions, which may go on in the next file.
    open: Vec<SpanRow>,
}

impl FileReader {
    /// # Errors
    /// When the built-in price table is broken.
    pub fn new(received_at: Timestamp, grouping: Grouping) -> Result<Self, FileError> {
        Ok(Self { traces: TraceReader::new(received_at)?, grouping, open: Vec::new() })
    }

    /// The trials of a file; with [`Grouping::Session`], those of traces come from [`Self::finish`].
    ///
    /// # Errors
    /// When the file as a whole is of no use; trials that are malformed are problems of the reading.
    pub fn read(&mut self, content: &[u8]) -> Result<(FileKind, Reading), FileError> {
        if content.starts_with(b"PK\x03\x04") || content.starts_with(b"PK\x05\x06") {
            return Ok((FileKind::Inspect, inspect::read_archive(content)?));
        }
        let kind = kind(content);
        if kind != FileKind::Trace {
            // Both are one document; a syntax error is told by the reader of traces, which knows lines.
            match serde_json::from_slice::<Value>(content) {
                Ok(document) if tau::is_tau(&document) => return Ok((FileKind::Tau, tau::read(&document))),
                Ok(document) if inspect::is_log(&document) => {
                    return Ok((FileKind::Inspect, inspect::read_json(&document)));
                }
                _ => {}
            }
        }
        let rows = self.traces.rows(content)?;
        if self.grouping == Grouping::Session {
            self.open.extend(rows);
            return Ok((FileKind::Trace, Reading::default()));
        }
        Ok((FileKind::Trace, Reading { trials: trials(rows, self.grouping), problems: Vec::new() }))
    }

    /// The trials that had to wait for the last file.
    #[must_use]
    pub fn finish(self) -> Vec<Trial> {
        trials(self.open, self.grouping)
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
