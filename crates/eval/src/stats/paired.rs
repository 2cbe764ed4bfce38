//! Two systems on the same cases: what differs case by case says more than two averages.

use std::collections::BTreeMap;

use super::clusters::Clustered;
use super::mean::{cluster_t, cluster_t_bounded};
use super::special::{binomial_at_least, binomial_at_most, binomial_ln_pmf};
use super::{Interval, Method, StatsError, check_alpha};

/// Differences A − B per case, of the cases that both have.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedCases {
    /// Case label and difference of the case's mean scores, in order of label.
    pub differences: Vec<(u32, f64)>,
    pub only_a: usize,
    pub only_b: usize,
}

impl PairedCases {
    /// Pairs (case, value) rows by case; several trials of a case count as their mean. Cases that one side lacks are
    /// counted and left out: that is unbiased only when what is missing does not depend on the outcome.
    ///
    /// # Errors
    /// No rows on a side, a value that is not finite, or no case in common.
    pub fn new(a: &[(u32, f64)], b: &[(u32, f64)]) -> Result<Self, StatsError> {
        let means = |rows| -> Result<BTreeMap<u32, f64>, StatsError> {
            Ok(Clustered::new(rows)?.clusters().iter().map(|cluster| (cluster.label, cluster.mean)).collect())
        };
        let (a, b) = (means(a)?, means(b)?);
        let differences: Vec<(u32, f64)> =
            a.iter().filter_map(|(case, mean)| Some((*case, mean - b.get(case)?))).collect();
        if differences.is_empty() {
            return Err(StatsError::Empty);
        }
        let shared = differences.len();
        Ok(Self { differences, only_a: a.len() - shared, only_b: b.len() - shared })
    }

    /// Each case its own cluster.
    ///
    /// # Errors
    /// Never, once built by [`PairedCases::new`].
    pub fn clustered(&self) -> Result<Clustered, StatsError> {
        Clustered::new(&self.differences)
    }

    /// Cases grouped further, for example by the document they are about; `group` maps a case to its cluster.
    ///
    /// # Errors
    /// Never, once built by [`PairedCases::new`].
    pub fn clustered_by(&self, group: impl Fn(u32) -> u32) -> Result<Clustered, StatsError> {
        let rows: Vec<(u32, f64)> = self.differences.iter().map(|(case, value)| (group(*case), *value)).collect();
        Clustered::new(&rows)
    }
}

/// The mean difference d̄ ± t(C−1)·SE over clusters of differences (Miller, arXiv 2411.00640, section 4, as a cluster-robust
/// interval). `bounds` are the least and largest possible difference, (−1, 1) for scores in [0, 1]: with them the interval
/// keeps a width when all differences are equal ([`cluster_t_bounded`]), without them it does not.
///
/// # Errors
/// Fewer than two clusters when there are no bounds, a difference outside the bounds, or an alpha that is none.
pub fn mean_difference(data: &Clustered, bounds: Option<(f64, f64)>, alpha: f64) -> Result<Interval, StatsError> {
    let (interval, method) = match bounds {
        Some((low, high)) => (cluster_t_bounded(data, low, high, alpha)?, Method::PairedTBounded),
        None => (cluster_t(data, alpha)?, Method::PairedT),
    };
    Ok(Interval { method, ..interval })
}

/// McNemar's test of equal success rates on pairs of one trial each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Two-sided exact: min(1, 2·P(X ≤ min(b, c))), X ~ Binomial(b + c, ½).
    pub exact: f64,
    /// Two-sided mid-p: the exact value less P(X = min(b, c)). Closer to the nominal level, no guarantee.
    pub mid: f64,
    /// One-sided exact, against "A is better": P(X ≥ b).
    pub a_better: f64,
    /// One-sided exact, against "B is better": P(X ≥ c).
    pub b_better: f64,
}

/// `only_a` pairs where only A succeeded, `only_b` where only B did (McNemar 1947; Fagerland, Lydersen and Laake 2013 for
/// mid-p). Pairs that agree do not enter. No pair that differs: all p-values are 1.
#[must_use]
pub fn mcnemar(only_a: u64, only_b: u64) -> McNemar {
    let n = only_a + only_b;
    if n == 0 {
        return McNemar { exact: 1.0, mid: 1.0, a_better: 1.0, b_better: 1.0 };
    }
    let fewer = only_a.min(only_b);
    let tail = binomial_at_most(n, fewer, 0.5);
    let exact = (2.0 * tail).min(1.0);
    let point = binomial_ln_pmf(n, fewer, 0.5).exp();
    // With b = c the two tails share their point in the middle.
    let mid = if only_a == only_b { 1.0 - 0.5 * point } else { 2.0 * tail - point };
    McNemar {
        exact,
        mid: mid.min(1.0),
        a_better: binomial_at_least(n, only_a, 0.5),
        b_better: binomial_at_least(n, only_b, 0.5),
    }
}

/// Tango's score interval for the difference of paired rates (Statistics in Medicine 17:891, 1998): all δ that the score
/// test does not reject. `both`, `only_a`, `only_b` and `neither` count pairs of one trial each.
///
/// Holds near 0 and 1 and with no pair that differs, where the t interval does not.
///
/// # Errors
/// No pairs, or an alpha that is none.
pub fn tango(both: u64, only_a: u64, only_b: u64, neither: u64, alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    let n = (both + only_a + only_b + neither) as f64;
    if n == 0.0 {
        return Err(StatsError::Empty);
    }
    let (b, c) = (only_a as f64, only_b as f64);
    let estimate = (b - c) / n;
    let z = -super::special::normal_quantile(alpha / 2.0);
    let rejects = |delta: f64| {
        let linear = (2.0 * n - b + c) * delta - b - c;
        let root = (linear * linear - 8.0 * n * (-c * delta * (1.0 - delta))).max(0.0).sqrt();
        let discordant = ((root - linear) / (4.0 * n)).max(0.0);
        let variance = n * (2.0 * discordant + delta * (1.0 - delta));
        (b - c - n * delta).abs() > z * variance.max(0.0).sqrt()
    };
    let limit = |end: f64| {
        if rejects(end) { super::special::boundary(end, estimate, |delta| !rejects(delta)) } else { end }
    };
    Ok(Interval { estimate, lower: limit(-1.0), upper: limit(1.0), alpha, method: Method::Score })
}
