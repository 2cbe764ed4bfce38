//! Intervals as the API and the command line show them.

pub use mizzen_model::estimate::Estimate;

use crate::stats::Interval;

/// What an interval says, over so many observations in so many independent clusters.
#[must_use]
pub fn of(interval: &Interval, n: u64, clusters: u64) -> Estimate {
    Estimate {
        value: interval.estimate,
        lower: Some(interval.lower),
        upper: Some(interval.upper),
        confidence: 1.0 - interval.alpha,
        method: interval.method.as_str().to_owned(),
        n,
        clusters,
        note: None,
    }
}
