//! Not worse by more than a margin, and the same within a margin. Higher is better throughout; differences are A − B with
//! A the new system and B what it is measured against. A margin is positive and in the unit of the scores.

use super::clusters::Clustered;
use super::mean::cluster_proportion;
use super::paired::mean_difference;
use super::proportion::{check_counts, clopper_pearson, wilson};
use super::special::{boundary, normal_cdf, normal_quantile, t_cdf};
use super::{Interval, Method, Side, StatsError, check_alpha, check_range};

/// A test against a margin, by confidence bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarginTest {
    /// Of the difference, at twice the test's alpha: each limit is a one-sided bound at alpha.
    pub interval: Interval,
    pub margin: f64,
    /// The smallest alpha at which the claim would be shown, where the method has one.
    pub p_value: Option<f64>,
    /// `Some(true)`: shown at alpha. `Some(false)`: its opposite is shown at alpha. `None`: not yet known.
    pub holds: Option<bool>,
}

/// Is A no worse than B by `margin`? H0: difference ≤ −margin, on paired clustered differences
/// ([`mean_difference`]; Miller, arXiv 2411.00640; margins: Wellek 2010).
///
/// `bounds` as in [`mean_difference`]; without them and without variation the p-value is 0 or 1.
///
/// # Errors
/// As [`mean_difference`], an alpha of 0.5 or more, or a margin that is not positive.
pub fn non_inferior(
    data: &Clustered,
    bounds: Option<(f64, f64)>,
    margin: f64,
    alpha: f64,
) -> Result<MarginTest, StatsError> {
    check_margin(margin, alpha)?;
    let interval = mean_difference(data, bounds, 2.0 * alpha)?;
    let p_value = Some(p_above(data, bounds, -margin));
    Ok(MarginTest { interval, margin, p_value, holds: above(&interval, margin) })
}

/// Are A and B the same within `margin`? Two one-sided tests (Schuirmann 1987): the interval at 2·alpha must lie
/// inside ±margin.
///
/// # Errors
/// As [`non_inferior`].
pub fn equivalent(
    data: &Clustered,
    bounds: Option<(f64, f64)>,
    margin: f64,
    alpha: f64,
) -> Result<MarginTest, StatsError> {
    check_margin(margin, alpha)?;
    let interval = mean_difference(data, bounds, 2.0 * alpha)?;
    let p_value = Some(p_below(data, bounds, margin).max(p_above(data, bounds, -margin)));
    Ok(MarginTest { interval, margin, p_value, holds: inside(&interval, margin) })
}

/// The difference of two independent rates by Newcombe's hybrid of score intervals (Statistics in Medicine 17:873,
/// 1998, method 10): [`difference`] of two Wilson intervals.
///
/// # Errors
/// No trials on a side, more successes than trials, or an alpha that is none.
pub fn newcombe(a: (u64, u64), b: (u64, u64), alpha: f64) -> Result<Interval, StatsError> {
    Ok(difference(&wilson(a.0, a.1, alpha, Side::Both)?, &wilson(b.0, b.1, alpha, Side::Both)?))
}

/// The difference A − B of two independent estimates from their intervals, which must have the same alpha ("MOVER":
/// Zou and Donner, Statistics in Medicine 27:1693, 2008). Lower limit d − √((a − a_lower)² + (b_upper − b)²), the upper
/// alike. Also for intervals that know clusters.
#[must_use]
pub fn difference(a: &Interval, b: &Interval) -> Interval {
    let estimate = a.estimate - b.estimate;
    let lower = estimate - (a.estimate - a.lower).hypot(b.upper - b.estimate);
    let upper = estimate + (a.upper - a.estimate).hypot(b.estimate - b.lower);
    Interval { estimate, lower, upper, alpha: a.alpha.max(b.alpha), method: Method::Newcombe }
}

/// The score interval of the difference of two independent rates, (successes, trials) each: all δ that the test of
/// Miettinen and Nurminen (Statistics in Medicine 4:213, 1985) does not reject, with their factor N/(N−1).
///
/// # Errors
/// No trials on a side, more successes than trials, or an alpha that is none.
pub fn score_difference(a: (u64, u64), b: (u64, u64), alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    let test = ScoreTest::new(a, b)?;
    let z = -normal_quantile(alpha / 2.0);
    let limit = |end: f64| {
        if test.statistic(end).abs() > z {
            boundary(end, test.estimate(), |delta| test.statistic(delta).abs() <= z)
        } else {
            end
        }
    };
    let (lower, upper) = (limit(-1.0), limit(1.0));
    Ok(Interval { estimate: test.estimate(), lower, upper, alpha, method: Method::Score })
}

/// Is rate A no worse than an independent rate B by `margin`? The score test of Farrington and Manning (Statistics in
/// Medicine 9:1447, 1990) with the interval that belongs to it, [`score_difference`].
///
/// # Errors
/// As [`score_difference`], an alpha of 0.5 or more, or a margin that is not positive.
pub fn non_inferior_rates(a: (u64, u64), b: (u64, u64), margin: f64, alpha: f64) -> Result<MarginTest, StatsError> {
    check_margin(margin, alpha)?;
    let interval = score_difference(a, b, 2.0 * alpha)?;
    let p_value = Some(1.0 - normal_cdf(ScoreTest::new(a, b)?.statistic(-margin)));
    Ok(MarginTest { interval, margin, p_value, holds: above(&interval, margin) })
}

/// Are two independent rates the same within `margin`? Two one-sided score tests.
///
/// # Errors
/// As [`non_inferior_rates`].
pub fn equivalent_rates(a: (u64, u64), b: (u64, u64), margin: f64, alpha: f64) -> Result<MarginTest, StatsError> {
    check_margin(margin, alpha)?;
    let interval = score_difference(a, b, 2.0 * alpha)?;
    let test = ScoreTest::new(a, b)?;
    let p_value = (1.0 - normal_cdf(test.statistic(-margin))).max(normal_cdf(test.statistic(margin)));
    Ok(MarginTest { interval, margin, p_value: Some(p_value), holds: inside(&interval, margin) })
}

/// Is the clustered rate of an agent no worse by `margin` than a baseline that was recorded as counts (successes,
/// trials), for example the human process that it replaces?
///
/// [`difference`] of [`cluster_proportion`] and Clopper-Pearson: the baseline's own uncertainty is part of the answer,
/// and no baseline is so large that it counts as known. The baseline's trials are taken as independent.
///
/// # Errors
/// A score outside [0, 1], counts that are none, an alpha of 0.5 or more, or a margin that is not positive.
pub fn non_inferior_to_baseline(
    agent: &Clustered,
    baseline: (u64, u64),
    margin: f64,
    alpha: f64,
) -> Result<MarginTest, StatsError> {
    check_margin(margin, alpha)?;
    let ours = cluster_proportion(agent, 2.0 * alpha, Side::Both)?;
    let theirs = clopper_pearson(baseline.0, baseline.1, 2.0 * alpha, Side::Both)?;
    let interval = difference(&ours, &theirs);
    Ok(MarginTest { interval, margin, p_value: None, holds: above(&interval, margin) })
}

fn check_margin(margin: f64, alpha: f64) -> Result<(), StatsError> {
    check_range("alpha", alpha, f64::MIN_POSITIVE, 0.5 - f64::EPSILON)?;
    check_range("the margin", margin, f64::MIN_POSITIVE, f64::MAX)
}

fn above(interval: &Interval, margin: f64) -> Option<bool> {
    if interval.lower > -margin {
        Some(true)
    } else if interval.upper < -margin {
        Some(false)
    } else {
        None
    }
}

fn inside(interval: &Interval, margin: f64) -> Option<bool> {
    if interval.lower > -margin && interval.upper < margin {
        Some(true)
    } else if interval.upper < -margin || interval.lower > margin {
        Some(false)
    } else {
        None
    }
}

/// The smallest alpha at which the lower bound lies above `limit`.
fn p_above(data: &Clustered, bounds: Option<(f64, f64)>, limit: f64) -> f64 {
    let (count, mean) = (data.clusters().len() as f64, data.mean());
    let by_variation = match data.standard_error() {
        Some(error) if error > 0.0 => 1.0 - t_cdf((mean - limit) / error, count - 1.0),
        _ => f64::from(mean <= limit),
    };
    let Some((low, _)) = bounds else { return by_variation };
    // Clusters unlike those seen, at the low end, would have to be this common.
    let share = if mean > low { ((mean - limit) / (mean - low)).clamp(0.0, 1.0) } else { 0.0 };
    by_variation.max((1.0 - share).powf(count))
}

/// The smallest alpha at which the upper bound lies below `limit`.
fn p_below(data: &Clustered, bounds: Option<(f64, f64)>, limit: f64) -> f64 {
    let (count, mean) = (data.clusters().len() as f64, data.mean());
    let by_variation = match data.standard_error() {
        Some(error) if error > 0.0 => t_cdf((mean - limit) / error, count - 1.0),
        _ => f64::from(mean >= limit),
    };
    let Some((_, high)) = bounds else { return by_variation };
    let share = if mean < high { ((limit - mean) / (high - mean)).clamp(0.0, 1.0) } else { 0.0 };
    by_variation.max((1.0 - share).powf(count))
}

struct ScoreTest {
    a: (f64, f64),
    b: (f64, f64),
}

impl ScoreTest {
    fn new(a: (u64, u64), b: (u64, u64)) -> Result<Self, StatsError> {
        check_counts(a.0, a.1)?;
        check_counts(b.0, b.1)?;
        Ok(Self { a: (a.0 as f64, a.1 as f64), b: (b.0 as f64, b.1 as f64) })
    }

    fn estimate(&self) -> f64 {
        self.a.0 / self.a.1 - self.b.0 / self.b.1
    }

    /// z at a supposed difference; 0 where the variance vanishes at the estimate itself.
    fn statistic(&self, delta: f64) -> f64 {
        let distance = self.estimate() - delta;
        if distance == 0.0 {
            return 0.0;
        }
        let rate_b = self.constrained(delta);
        let rate_a = (rate_b + delta).clamp(0.0, 1.0);
        let n = self.a.1 + self.b.1;
        let variance = rate_a * (1.0 - rate_a) / self.a.1 + rate_b * (1.0 - rate_b) / self.b.1;
        distance / (variance * n / (n - 1.0)).sqrt()
    }

    /// B's most likely rate when A's is `delta` more: the root of the score, which falls.
    fn constrained(&self, delta: f64) -> f64 {
        let term = |hits: f64, rate: f64| if hits > 0.0 { hits / rate } else { 0.0 };
        let score = |rate: f64| {
            let other = rate + delta;
            term(self.a.0, other) - term(self.a.1 - self.a.0, 1.0 - other) + term(self.b.0, rate)
                - term(self.b.1 - self.b.0, 1.0 - rate)
        };
        boundary((-delta).max(0.0), (1.0 - delta).min(1.0), |rate| score(rate) <= 0.0)
    }
}
