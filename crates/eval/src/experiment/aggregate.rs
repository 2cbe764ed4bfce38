//! What the scores of one evaluator come to, with intervals by case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::metric::Metric;
use crate::estimate::{self, Estimate};
use crate::score::EvaluatorId;
use crate::stats::bootstrap::Resampling;
use crate::stats::{Clustered, Interval, Side, StatsError, mean, repeated};

/// Largest k of pass^k that is told.
const PASS_HAT_MAX: u64 = 8;
/// Above this many cases pass^k is not resampled: nobody repeats that many cases, and it would take minutes.
const PASS_HAT_CASES_MAX: usize = 20_000;

/// What one evaluator says of all trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Aggregate {
    pub evaluator: EvaluatorId,
    /// What a score counts; `null` for scores in [0, 1].
    pub unit: Option<String>,
    /// The score from which (of what counts: up to which) a trial passes.
    pub threshold: Option<f64>,
    pub scored: u64,
    /// The trial or the case lacked what the evaluator needs: not 0.
    pub not_evaluated: u64,
    /// The evaluator itself failed.
    pub failed: u64,
    /// Trials whose verdict is pass; `null` without verdicts.
    pub passed: Option<u64>,
    pub mean: Option<Estimate>,
    pub pass_rate: Option<Estimate>,
    /// That all of k trials of a case pass.
    pub pass_hat: Vec<PassHat>,
    /// Intraclass correlation: how much trials of one case resemble each other.
    pub icc: Option<f64>,
    pub design_effect: Option<f64>,
    /// Why there were no scores.
    pub reasons: Vec<Reason>,
}

/// pass^k with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PassHat {
    pub k: u64,
    pub estimate: Estimate,
}

/// Why trials have no score, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    pub reason: String,
    pub count: u64,
}

impl Aggregate {
    /// # Errors
    /// When `alpha` is none.
    pub fn of(metric: &Metric, alpha: f64) -> Result<Self, StatsError> {
        crate::stats::proportion::zero_events_upper(1, alpha)?;
        let values = metric.values().ok();
        let passes = metric.passes();
        let passed = passes.as_ref().map(|passes| passes.iter().filter(|(_, pass)| *pass == 1.0).count() as u64);
        let pass_rate = passes.map(|passes| rate(&passes, alpha)).transpose()?;
        let mut reasons: Vec<Reason> =
            metric.reasons.iter().map(|(reason, count)| Reason { reason: reason.clone(), count: *count }).collect();
        reasons.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        Ok(Self {
            evaluator: metric.evaluator.clone(),
            unit: metric.unit.clone(),
            threshold: None,
            scored: metric.rows.len() as u64,
            not_evaluated: metric.not_evaluated,
            failed: metric.failed,
            passed,
            mean: values.as_ref().map(|values| mean_of(values, metric.unit.is_none(), alpha)).transpose()?,
            pass_rate,
            pass_hat: pass_hat(metric, alpha)?,
            icc: values.as_ref().and_then(Clustered::intraclass_correlation),
            design_effect: values.as_ref().and_then(Clustered::design_effect),
            reasons,
        })
    }
}

/// The share of successes among clustered trials.
pub(crate) fn rate(successes: &[(u32, f64)], alpha: f64) -> Result<Estimate, StatsError> {
    let data = Clustered::new(successes)?;
    let interval = mean::cluster_proportion(&data, alpha, Side::Both)?;
    Ok(estimate::of(&interval, data.n(), data.clusters().len() as u64))
}

/// The mean of clustered scores over trials, whether they are bounded or not.
pub(crate) fn mean_of(data: &Clustered, is_unit_interval: bool, alpha: f64) -> Result<Estimate, StatsError> {
    let interval = if is_unit_interval && is_bounded(data) {
        mean::cluster_proportion(data, alpha, Side::Both)
    } else {
        mean::cluster_t(data, alpha)
    };
    told(interval, data, is_unit_interval, alpha)
}

/// The same over cases, each of which weighs as much as any other.
pub(crate) fn mean_over_cases(data: &Clustered, is_unit_interval: bool, alpha: f64) -> Result<Estimate, StatsError> {
    let interval = if is_unit_interval && is_bounded(data) {
        mean::mean_over_clusters(data, alpha)
    } else {
        let means: Vec<f64> = data.clusters().iter().map(|cluster| cluster.mean).collect();
        mean::cluster_t(&Clustered::independent(&means)?, alpha)
    };
    told(interval, data, is_unit_interval, alpha)
}

fn is_bounded(data: &Clustered) -> bool {
    data.clusters().iter().all(|cluster| (0.0..=1.0).contains(&cluster.mean))
}

fn told(
    interval: Result<Interval, StatsError>,
    data: &Clustered,
    is_unit_interval: bool,
    alpha: f64,
) -> Result<Estimate, StatsError> {
    let (n, clusters) = (data.n(), data.clusters().len() as u64);
    match interval {
        Ok(interval) if is_unit_interval => Ok(estimate::of(&interval, n, clusters)),
        Ok(interval) => Ok(estimate::of_amount(&interval, n, clusters)),
        Err(StatsError::TooFew { .. }) => {
            let note = "one case says nothing about how much cases differ";
            Ok(Estimate::without_interval(data.mean(), alpha, n, clusters, note))
        }
        Err(error) => Err(error),
    }
}

fn pass_hat(metric: &Metric, alpha: f64) -> Result<Vec<PassHat>, StatsError> {
    let counts = metric.case_counts();
    let most = counts.iter().map(|case| case.trials).max().unwrap_or(0);
    if most < 2 || counts.len() > PASS_HAT_CASES_MAX {
        return Ok(Vec::new());
    }
    let mut told = Vec::new();
    for k in 1..=most.min(PASS_HAT_MAX) {
        let Some(rate) = repeated::mean_pass_hat_k(&counts, k, alpha, Resampling::SHARES)? else { continue };
        let n = counts.iter().filter(|case| case.trials >= k).map(|case| case.trials).sum();
        let estimate = match rate.interval {
            Some(interval) => estimate::of(&interval, n, rate.cases as u64),
            None => {
                Estimate::without_interval(rate.estimate, alpha, n, rate.cases as u64, "too few cases for an interval")
            }
        };
        told.push(PassHat { k, estimate });
    }
    Ok(told)
}
