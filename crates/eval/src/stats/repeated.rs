//! Several trials of each case: the chance that at least one of k passes, and that all k pass.

use super::bootstrap::{Resampling, cluster_bootstrap};
use super::mean::{cluster_proportion, mean_over_clusters};
use super::proportion::check_counts;
use super::{Clustered, Interval, Side, StatsError};

/// Trials of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseCounts {
    pub trials: u64,
    pub successes: u64,
}

/// A statistic over cases.
#[derive(Debug, Clone, PartialEq)]
pub struct PassRate {
    pub k: u64,
    pub estimate: f64,
    /// `None` with a single case and k above 1.
    pub interval: Option<Interval>,
    /// Cases with at least k trials, which the estimate rests on.
    pub cases: usize,
    /// Cases with fewer than k trials, left out.
    pub skipped: usize,
}

/// 1 − C(n−c, k)/C(n, k): the unbiased estimate that at least one of k trials passes (Chen et al., arXiv 2107.03374).
/// `None` when there are fewer than k trials, or k is 0.
#[must_use]
pub fn pass_at_k(case: CaseCounts, k: u64) -> Option<f64> {
    let failures = case.trials.checked_sub(case.successes)?;
    Some(1.0 - share_of_draws(failures, case.trials, k)?)
}

/// C(c, k)/C(n, k): the unbiased estimate that all of k trials pass (Yao et al., arXiv 2406.12045). Not (c/n)^k, which is
/// too high. `None` when there are fewer than k trials, or k is 0.
#[must_use]
pub fn pass_hat_k(case: CaseCounts, k: u64) -> Option<f64> {
    case.trials.checked_sub(case.successes)?;
    share_of_draws(case.successes, case.trials, k)
}

/// The probability that k draws without replacement from n all fall among `marked`.
fn share_of_draws(marked: u64, n: u64, k: u64) -> Option<f64> {
    if k == 0 || n < k {
        return None;
    }
    if marked < k {
        return Some(0.0);
    }
    Some((0..k).map(|drawn| (marked - drawn) as f64 / (n - drawn) as f64).product())
}

/// The mean of [`pass_at_k`] over cases, with an interval; `None` when no case has k trials.
///
/// # Errors
/// More successes than trials, an alpha that is none, or too few replicates.
pub fn mean_pass_at_k(
    cases: &[CaseCounts],
    k: u64,
    alpha: f64,
    resampling: Resampling,
) -> Result<Option<PassRate>, StatsError> {
    over_cases(cases, k, alpha, resampling, pass_at_k)
}

/// The mean of [`pass_hat_k`] over cases, with an interval; `None` when no case has k trials.
///
/// # Errors
/// More successes than trials, an alpha that is none, or too few replicates.
pub fn mean_pass_hat_k(
    cases: &[CaseCounts],
    k: u64,
    alpha: f64,
    resampling: Resampling,
) -> Result<Option<PassRate>, StatsError> {
    over_cases(cases, k, alpha, resampling, pass_hat_k)
}

/// The cases are the clusters, so the interval resamples cases. When all have the same value there is nothing to
/// resample: then it is the exact interval over cases ([`cluster_proportion`] with one value per case). With k = 1 it is the rate
/// itself, over cases ([`mean_over_clusters`]).
fn over_cases(
    cases: &[CaseCounts],
    k: u64,
    alpha: f64,
    resampling: Resampling,
    statistic: fn(CaseCounts, u64) -> Option<f64>,
) -> Result<Option<PassRate>, StatsError> {
    for case in cases {
        check_counts(case.successes, case.trials.max(1))?;
    }
    let values: Vec<f64> = cases.iter().filter_map(|case| statistic(*case, k)).collect();
    if values.is_empty() {
        super::check_alpha(alpha)?;
        return Ok(None);
    }
    let data = Clustered::independent(&values)?;
    let same = values.iter().all(|value| *value == values[0]);
    let interval = match values.len() {
        _ if k == 1 => Some(mean_over_clusters(&trials(cases)?, alpha)?),
        1 => None,
        _ if same => Some(cluster_proportion(&data, alpha, Side::Both)?),
        _ => Some(cluster_bootstrap(&data, alpha, resampling)?),
    };
    let clamp = |interval: Interval| Interval {
        lower: interval.lower.clamp(0.0, 1.0),
        upper: interval.upper.clamp(0.0, 1.0),
        ..interval
    };
    Ok(Some(PassRate {
        k,
        estimate: data.mean(),
        interval: interval.map(clamp),
        cases: values.len(),
        skipped: cases.len() - values.len(),
    }))
}

fn trials(cases: &[CaseCounts]) -> Result<Clustered, StatsError> {
    let rows = (0..).zip(cases).flat_map(|(label, case)| {
        (0..case.trials).map(move |trial| (label, f64::from(u8::from(trial < case.successes))))
    });
    Clustered::new(&rows.collect::<Vec<_>>())
}
