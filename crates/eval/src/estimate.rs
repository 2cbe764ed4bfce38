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

/// As [`of`], of money, time or a count: these are never below nothing, whatever the formula for their mean allows.
#[must_use]
pub fn of_amount(interval: &Interval, n: u64, clusters: u64) -> Estimate {
    let lower = interval.lower.max(interval.estimate.min(0.0));
    of(&Interval { lower, ..*interval }, n, clusters)
}

#[cfg(test)]
mod tests {
    use super::{of, of_amount};
    use crate::stats::{Interval, Method};

    #[test]
    fn an_amount_is_never_below_nothing_and_what_is_below_nothing_is_no_amount() {
        let around = |estimate: f64| Interval {
            estimate,
            lower: estimate - 1.0,
            upper: estimate + 1.0,
            alpha: 0.05,
            method: Method::ClusterT,
        };
        let lower = |estimate| of_amount(&around(estimate), 9, 3).lower;
        assert_eq!((lower(0.5), lower(3.0), lower(-2.0)), (Some(0.0), Some(2.0), Some(-2.0)));
        assert_eq!(of_amount(&around(0.5), 9, 3).upper, Some(1.5));
        assert_eq!(of(&around(0.5), 9, 3).lower, Some(-0.5));
    }
}
