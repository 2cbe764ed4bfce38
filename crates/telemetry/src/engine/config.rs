//! Settings of telemetry.

use std::time::Duration;

/// When runs end, when rows are written, how long they stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// A run whose root ended is final when nothing came for this long.
    pub final_after: Duration,
    /// A run without a root is final when nothing came for this long.
    pub idle_after: Duration,
    /// Rows in memory are written as a segment when they take this much. They may take a quarter more for a while, and those
    /// that are on their way to disk as much again.
    pub flush_bytes: usize,
    /// Rows in memory are written as a segment after this time.
    pub flush_after: Duration,
    /// Telemetry that came in longer ago is removed; for ever when absent.
    pub retention_age: Option<Duration>,
    /// The oldest telemetry is removed when segments take more bytes than this; no bound when absent.
    pub retention_bytes: Option<u64>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            final_after: Duration::from_secs(10),
            idle_after: Duration::from_secs(60),
            flush_bytes: 10 * 1024 * 1024,
            flush_after: Duration::from_secs(10),
            retention_age: None,
            retention_bytes: None,
        }
    }
}

impl TelemetryConfig {
    /// Rows in memory beyond this stop the intake until some are written.
    pub(crate) const fn memory_bytes_max(&self) -> usize {
        self.flush_bytes.saturating_add(self.flush_bytes / 4)
    }
}

/// A time span as differences of timestamps have it.
pub(crate) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
