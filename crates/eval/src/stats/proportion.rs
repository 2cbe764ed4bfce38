//! Rates of independent trials: successes out of trials.
//!
//! Trials of one case are not independent; [`super::mean::cluster_proportion`] is for them.

use super::special::{beta_quantile, beta_quantile_upper, normal_quantile};
use super::{Interval, Method, Side, StatsError, check_alpha, check_range};

pub(crate) fn check_counts(successes: u64, trials: u64) -> Result<(), StatsError> {
    if trials == 0 {
        Err(StatsError::Empty)
    } else if successes > trials {
        Err(StatsError::Counts { successes, trials })
    } else {
        Ok(())
    }
}

/// Wilson's score interval (Wilson 1927, JASA 22:209): all p with |p̂ − p| ≤ z·√(p(1−p)/n).
///
/// Close to nominal coverage on average, not a guarantee: for p near 0 or 1 single values of p fall below. With
/// no successes the lower limit is 0, with only successes the upper is 1.
///
/// # Errors
/// No trials, more successes than trials, or an alpha that is none.
pub fn wilson(successes: u64, trials: u64, alpha: f64, side: Side) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    check_counts(successes, trials)?;
    let (below, above) = side.tails(alpha);
    let (hits, n) = (successes as f64, trials as f64);
    let limit = |tail: f64, sign: f64| {
        let z = -normal_quantile(tail);
        let squared = z * z;
        let half = z * (hits * (n - hits) / n + squared / 4.0).sqrt();
        ((hits + squared / 2.0 + sign * half) / (n + squared)).clamp(0.0, 1.0)
    };
    let lower = if below == 0.0 || successes == 0 { 0.0 } else { limit(below, -1.0) };
    let upper = if above == 0.0 || successes == trials { 1.0 } else { limit(above, 1.0) };
    Ok(Interval { estimate: hits / n, lower, upper, alpha, method: Method::Wilson })
}

/// Clopper and Pearson's interval (Biometrika 26:404, 1934): the limits are the p at which the observed count or a more
/// extreme one has exactly the probability of the tail. Covers at least 1 − alpha for every p and n; wider for it.
///
/// # Errors
/// No trials, more successes than trials, or an alpha that is none.
pub fn clopper_pearson(successes: u64, trials: u64, alpha: f64, side: Side) -> Result<Interval, StatsError> {
    check_counts(successes, trials)?;
    let (hits, n) = (successes as f64, trials as f64);
    let mut interval = clopper_pearson_effective(hits, n, alpha, side)?;
    interval.estimate = hits / n;
    Ok(interval)
}

/// The same with counts that need not be whole, for effective sample sizes.
pub(super) fn clopper_pearson_effective(hits: f64, n: f64, alpha: f64, side: Side) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    let (below, above) = side.tails(alpha);
    let lower = if hits <= 0.0 { 0.0 } else { beta_quantile(hits, n - hits + 1.0, below) };
    let upper = if hits >= n { 1.0 } else { beta_quantile_upper(hits + 1.0, n - hits, above) };
    Ok(Interval { estimate: hits / n, lower, upper, alpha, method: Method::ClopperPearson })
}

/// The equal-tailed posterior interval under Jeffreys' prior Beta(½, ½); with no (only) successes the lower (upper)
/// limit is 0 (1), as in Brown, Cai and DasGupta (Statistical Science 16:101, 2001).
///
/// # Errors
/// No trials, more successes than trials, or an alpha that is none.
pub fn jeffreys(successes: u64, trials: u64, alpha: f64, side: Side) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    check_counts(successes, trials)?;
    let (below, above) = side.tails(alpha);
    let (hits, n) = (successes as f64, trials as f64);
    let (a, b) = (hits + 0.5, n - hits + 0.5);
    let lower = if successes == 0 { 0.0 } else { beta_quantile(a, b, below) };
    let upper = if successes == trials { 1.0 } else { beta_quantile_upper(a, b, above) };
    // One-sided at a large alpha the posterior quantile can pass p̂.
    let estimate = hits / n;
    Ok(Interval { estimate, lower: lower.min(estimate), upper: upper.max(estimate), alpha, method: Method::Jeffreys })
}

/// The exact upper bound of the rate of an event that was never seen in `trials`: 1 − alpha^(1/n), about 3/n at
/// 95 % (the "rule of three"; Hanley and Lippman-Hand, JAMA 249:1743, 1983).
///
/// # Errors
/// No trials, or an alpha that is none.
pub fn zero_events_upper(trials: u64, alpha: f64) -> Result<f64, StatsError> {
    check_alpha(alpha)?;
    check_counts(0, trials)?;
    Ok(-(alpha.ln() / trials as f64).exp_m1())
}

/// How many trials must all pass before a one-sided bound of `method` reaches `threshold`: the smallest size at
/// which a gate `p >= threshold` can pass at all.
///
/// Clopper-Pearson: ⌈ln alpha / ln θ⌉. Wilson: n/(n+z²) ≥ θ. Jeffreys: by search. Other methods have no such number:
/// `None`. Thresholds of 0 need one trial, of 1 can never be proven: `None`.
///
/// # Errors
/// An alpha that is none, or a threshold outside [0, 1].
pub fn trials_all_pass(threshold: f64, alpha: f64, method: Method) -> Result<Option<u64>, StatsError> {
    check_alpha(alpha)?;
    check_range("threshold", threshold, 0.0, 1.0)?;
    if threshold >= 1.0 {
        return Ok(None);
    }
    let bound: fn(u64, u64, f64, Side) -> Result<Interval, StatsError> = match method {
        Method::ClopperPearson => clopper_pearson,
        Method::Wilson => wilson,
        Method::Jeffreys => jeffreys,
        _ => return Ok(None),
    };
    // The lower bound of n out of n grows with n: double, then halve.
    let reaches = |n: u64| bound(n, n, alpha, Side::Lower).map(|interval| interval.lower >= threshold);
    let mut high = 1_u64;
    while !reaches(high)? {
        if high > 1 << 50 {
            return Ok(None);
        }
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(Some(high))
}
