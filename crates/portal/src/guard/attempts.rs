//! How often a wrong credential may be tried.

use std::sync::{Mutex, PoisonError};

use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::Metrics;

use crate::error::ApiError;

/// Failed sign-ins within one window, over all peers: behind a proxy they all have one address.
const FAILURES_MAX: u64 = 20;
const WINDOW_NS: i64 = 60_000_000_000;

/// Counts failed sign-ins in windows of a minute. Tokens and links are far too long to be guessed; this
/// keeps somebody who tries all the same from doing so unseen and at full speed. Sessions and bearer
/// tokens that are valid are not touched by it.
#[derive(Debug)]
pub(crate) struct Attempts {
    limit: Limit,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    started_at: Timestamp,
    failures: u64,
}

impl Attempts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let limit = Limit::new(metrics, "sign_in_failures_per_minute", FAILURES_MAX);
        Self { limit, window: Mutex::default() }
    }

    /// Whether one more may be tried.
    ///
    /// # Errors
    /// When this minute had too many failures.
    pub(crate) fn admit(&self, now: Timestamp) -> Result<(), ApiError> {
        let window = self.current(now);
        let left_ns = WINDOW_NS - now.nanos_since(window.0);
        self.limit.check(window.1 + 1).map_err(|_| ApiError::TooManyAttempts {
            retry_after_seconds: u64::try_from(left_ns / 1_000_000_000).unwrap_or(0) + 1,
        })
    }

    pub(crate) fn failed(&self, now: Timestamp) {
        self.current(now);
        self.window.lock().unwrap_or_else(PoisonError::into_inner).failures += 1;
    }

    fn current(&self, now: Timestamp) -> (Timestamp, u64) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.failures == 0 || now.nanos_since(window.started_at) >= WINDOW_NS {
            *window = Window { started_at: now, failures: 0 };
        }
        (window.started_at, window.failures)
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::time::Timestamp;
    use mizzen_runtime::metrics::Metrics;

    use super::{Attempts, FAILURES_MAX, WINDOW_NS};

    #[test]
    fn after_too_many_failures_one_waits_for_the_next_minute() {
        let metrics = Metrics::new();
        let attempts = Attempts::new(&metrics);
        let start = Timestamp::from_unix_nanos(1_000);
        for _ in 0..FAILURES_MAX {
            assert!(attempts.admit(start).is_ok());
            attempts.failed(start);
        }
        assert!(attempts.admit(start.plus_nanos(WINDOW_NS - 1)).is_err());
        assert!(metrics.render().contains("mizzen_limit_refusals_total{limit=\"sign_in_failures_per_minute\"} 1\n"));
        assert!(attempts.admit(start.plus_nanos(WINDOW_NS)).is_ok());
    }
}
