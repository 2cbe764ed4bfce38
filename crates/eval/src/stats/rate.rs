//! Events per exposure: incidents per run, per hour, per million tokens.

use super::proportion::clopper_pearson;
use super::special::{binomial_at_least, binomial_at_most, gamma_quantile};
use super::{Interval, Method, Side, StatsError, check_alpha, check_range};

/// The exact interval of a Poisson rate (Garwood, Biometrika 28:437, 1936): χ² quantiles, 2·events degrees of freedom below
/// and 2·events + 2 above. The unit is events per unit of `exposure`. Without events the lower limit is 0; the upper is
/// −ln(alpha)/exposure one-sided.
///
/// Assumes that events come independently; incidents that come in bursts make it too narrow.
///
/// # Errors
/// An exposure that is not positive and finite, or an alpha that is none.
pub fn garwood(events: u64, exposure: f64, alpha: f64, side: Side) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    check_range("the exposure", exposure, f64::MIN_POSITIVE, f64::MAX)?;
    let (below, above) = side.tails(alpha);
    let count = events as f64;
    let lower = if events == 0 || below == 0.0 { 0.0 } else { gamma_quantile(count, below, false) };
    // A one-sided lower bound says nothing above; the largest number keeps the limits finite.
    let upper = if above == 0.0 { f64::MAX } else { gamma_quantile(count + 1.0, above, true) / exposure };
    Ok(Interval { estimate: count / exposure, lower: lower / exposure, upper, alpha, method: Method::Garwood })
}

/// The ratio of two Poisson rates, A to B.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// `None` when B had no events.
    pub ratio: Option<f64>,
    pub lower: f64,
    /// `None`: unbounded, B had no events.
    pub upper: Option<f64>,
    pub alpha: f64,
    /// Two-sided, of equal rates: twice the smaller exact tail, which agrees with the interval.
    pub p_value: f64,
    /// One-sided, against "A's rate is lower".
    pub p_value_less: f64,
}

/// Exact and conditional: given the total, A's events are binomial with p = rA·tA/(rA·tA + rB·tB) (Przyborowski and Wilenski
/// 1940), so Clopper-Pearson's limits for p become limits of the ratio. No events at all: 0 to unbounded, p = 1.
///
/// # Errors
/// An exposure that is not positive and finite, or an alpha that is none.
pub fn rate_ratio(a: (u64, f64), b: (u64, f64), alpha: f64) -> Result<RateRatio, StatsError> {
    check_alpha(alpha)?;
    check_range("the exposure", a.1, f64::MIN_POSITIVE, f64::MAX)?;
    check_range("the exposure", b.1, f64::MIN_POSITIVE, f64::MAX)?;
    let total = a.0 + b.0;
    if total == 0 {
        return Ok(RateRatio { ratio: None, lower: 0.0, upper: None, alpha, p_value: 1.0, p_value_less: 1.0 });
    }
    let share = clopper_pearson(a.0, total, alpha, Side::Both)?;
    let as_ratio = |p: f64| p / (1.0 - p) * (b.1 / a.1);
    let equal = a.1 / (a.1 + b.1);
    let less = binomial_at_most(total, a.0, equal);
    let more = binomial_at_least(total, a.0, equal);
    Ok(RateRatio {
        ratio: (b.0 > 0).then(|| as_ratio(share.estimate)),
        lower: as_ratio(share.lower),
        upper: (b.0 > 0).then(|| as_ratio(share.upper)),
        alpha,
        p_value: (2.0 * less.min(more)).min(1.0),
        p_value_less: less,
    })
}
