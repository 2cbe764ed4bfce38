//! Load on loopback: a fixed number of connections, each sending its next request when the last one was answered, for
//! a bounded time. Latencies are kept exactly, not in buckets.

mod calls;
mod spans;
mod tools;

use serde::Serialize;

pub use calls::{CallLoad, CallReport, call};
pub use spans::{SpanLoad, SpanReport, export};
pub use tools::{ToolLoad, ToolReport, call_tools};

/// Order statistics in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Quantiles {
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl Quantiles {
    /// Nearest rank; all zero for no values.
    #[must_use]
    pub fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let rank = |share: f64| {
            let index = (share * micros.len() as f64).ceil() as usize;
            micros.get(index.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { p50_us: rank(0.50), p95_us: rank(0.95), p99_us: rank(0.99), max_us: rank(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CallLoad, Quantiles, SpanLoad, call, export};
    use crate::fake_provider::FakeProvider;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let quantiles = Quantiles::of((1..=100).rev().collect());
        assert_eq!((quantiles.p50_us, quantiles.p95_us, quantiles.p99_us, quantiles.max_us), (50, 95, 99, 100));
        assert_eq!(Quantiles::of(Vec::new()).max_us, 0);
    }

    #[tokio::test]
    async fn streams_are_counted_to_their_end() {
        let fake = FakeProvider::start().await.unwrap();
        let load = CallLoad { stream: true, requests_max: 6, ..CallLoad::to(&fake.url()) };
        let report = call(&load, 2, Duration::from_secs(20)).await.unwrap();
        assert_eq!((report.requests, report.errors, report.chunks), (6, 0, 36), "3 pieces, stop, usage, end");
        assert!(report.first_byte.p50_us <= report.latency.p50_us);
        assert!(fake.seen()[0].body.len() > 2000);
    }

    #[tokio::test]
    async fn every_span_is_sent_once() {
        let fake = FakeProvider::start().await.unwrap();
        let load = SpanLoad { runs: 7, runs_per_request: 2, ..SpanLoad::to(&fake.url()) };
        let report = export(&load, 2).await.unwrap();
        assert_eq!((report.spans, report.requests, report.failed), (140, 4, 0));
        assert_eq!(fake.seen().iter().map(|seen| seen.body.len()).sum::<usize>(), report.bytes);
    }
}
