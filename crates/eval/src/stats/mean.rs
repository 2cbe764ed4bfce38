//! Means of values that come in clusters, with an interval.

use super::clusters::{Cluster, Clustered};
use super::proportion::clopper_pearson_effective;
use super::special::t_quantile;
use super::{Interval, Method, Side, StatsError, check_alpha, check_range};

/// x̄ ± t(n−1)·s/√n, as if every value were independent. For comparison with [`cluster_t`]; too narrow when trials
/// repeat cases.
///
/// # Errors
/// Fewer than two values, or an alpha that is none.
pub fn naive_t(data: &Clustered, alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    let Some(error) = data.naive_standard_error() else {
        return Err(StatsError::TooFew { what: "values", needed: 2, got: data.n() as usize });
    };
    Ok(symmetric(data.mean(), error, data.n() - 1, alpha, Method::MeanT))
}

/// What [`naive_t`] says of the same `n` values at `alpha`, from what it said at another.
///
/// # Errors
/// Fewer than two values, or an alpha that is none.
pub fn naive_t_at(known: &Interval, n: u64, alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    check_alpha(known.alpha)?;
    if n < 2 {
        return Err(StatsError::TooFew { what: "values", needed: 2, got: n as usize });
    }
    let error = (known.upper - known.estimate) / -t_quantile(known.alpha / 2.0, (n - 1) as f64);
    Ok(symmetric(known.estimate, error, n - 1, alpha, Method::MeanT))
}

/// x̄ ± t(C−1)·SE with the cluster-robust standard error ([`Clustered::standard_error`]; inspect-ai's
/// `ci(method="t", cluster=…)`).
///
/// Assumes independent clusters, and enough of them (some 20) for their sums to be nearly normal. When every cluster
/// has the same mean the interval has no width, which is a statement about the sample and not about the
/// truth: for scores in [0, 1] [`cluster_proportion`], for others [`cluster_t_bounded`] does not do that.
///
/// # Errors
/// Fewer than two clusters, or an alpha that is none.
pub fn cluster_t(data: &Clustered, alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    let count = data.clusters().len();
    let Some(error) = data.standard_error() else {
        return Err(StatsError::TooFew { what: "clusters", needed: 2, got: count });
    };
    Ok(symmetric(data.mean(), error, count as u64 - 1, alpha, Method::ClusterT))
}

fn symmetric(estimate: f64, error: f64, freedom: u64, alpha: f64, method: Method) -> Interval {
    let half = -t_quantile(alpha / 2.0, freedom as f64) * error;
    Interval { estimate, lower: estimate - half, upper: estimate + half, alpha, method }
}

/// [`cluster_t`] for values known to lie in `low..=high`, kept honest when (nearly) all clusters agree.
///
/// A sample of C clusters cannot exclude that one of every few more would have differed: clusters unlike those seen may
/// have any share ε up to 1 − (alpha/2)^(1/C) (the exact zero-event bound), and lie at either end of the range. The
/// interval is never narrower than that: x̄ − ε(x̄ − low) to x̄ + ε(high − x̄). One cluster: the t part is left
/// out. The estimate is x̄.
///
/// # Errors
/// A value outside the range, or an alpha that is none.
pub fn cluster_t_bounded(data: &Clustered, low: f64, high: f64, alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    check_means(data, low, high)?;
    let count = data.clusters().len();
    let unseen = -((alpha / 2.0).ln() / count as f64).exp_m1();
    let mean = data.mean();
    let mut interval = if count > 1 {
        cluster_t(data, alpha)?
    } else {
        Interval { estimate: mean, lower: mean, upper: mean, alpha, method: Method::ClusterT }
    };
    interval.lower = interval.lower.min(mean - unseen * (mean - low)).max(low);
    interval.upper = interval.upper.max(mean + unseen * (high - mean)).min(high);
    Ok(interval)
}

/// With room for the rounding of a mean.
fn check_means(data: &Clustered, low: f64, high: f64) -> Result<(), StatsError> {
    let slack = 1e-12 * (high - low);
    data.clusters().iter().try_for_each(|cluster| {
        check_range("a cluster's mean", cluster.mean, low - slack, high + slack).map_err(|_| StatsError::Range {
            what: "a cluster's mean",
            low,
            high,
            value: cluster.mean,
        })
    })
}

/// An interval for the mean of clustered scores in [0, 1] (a rate, when they are 0 and 1) that also holds near the ends.
///
/// Clopper and Pearson's limits for the effective number of trials n* = n / deff · (t(n−1)/t(C−1))² (Korn and Graubard,
/// Survey Methodology 24:193, 1998). Clopper-Pearson and not Wilson, because its coverage is a guarantee once n* is
/// right. What the design effect of a sample with next to no failures says is mostly luck (with none it is 0/0), so it
/// is estimated with two clusters of typical size added, one of only successes and one of only failures, and never taken
/// below 1: with no failures at all n* is the number of clusters, which is the only count then known to be
/// independent, and with many failures the two added clusters do not matter. With clusters of one value this is
/// exactly [`super::proportion::clopper_pearson`]. One cluster counts as one trial.
///
/// # Errors
/// A value outside [0, 1] (seen in a cluster's mean), or an alpha that is none.
pub fn cluster_proportion(data: &Clustered, alpha: f64, side: Side) -> Result<Interval, StatsError> {
    let effective = effective_trials(data, alpha)?;
    let mean = data.mean().clamp(0.0, 1.0);
    let interval = clopper_pearson_effective(mean * effective, effective, alpha, side)?;
    Ok(Interval { estimate: mean, method: Method::ClusterProportion, ..interval })
}

/// As [`cluster_proportion`], of the mean over clusters: each weighs the same, however many trials it has. Then n is the
/// number of clusters times the harmonic mean of their sizes, which is what trials that do not resemble each other would be worth.
/// With clusters of one size it is [`cluster_proportion`].
///
/// # Errors
/// As [`cluster_proportion`].
pub fn mean_over_clusters(data: &Clustered, alpha: f64) -> Result<Interval, StatsError> {
    let clusters = data.clusters();
    let size = clusters.len() as f64 / clusters.iter().map(|cluster| 1.0 / cluster.size as f64).sum::<f64>();
    let effective = effective(data, |_| size, alpha)?;
    let mean = clusters.iter().map(|cluster| cluster.mean).sum::<f64>() / clusters.len() as f64;
    let mean = mean.clamp(0.0, 1.0);
    let interval = clopper_pearson_effective(mean * effective, effective, alpha, Side::Both)?;
    Ok(Interval { estimate: mean, method: Method::ClusterProportion, ..interval })
}

/// The number of independent trials that say as much as these clustered ones; see [`cluster_proportion`].
///
/// # Errors
/// A cluster's mean outside [0, 1], or an alpha that is none.
pub fn effective_trials(data: &Clustered, alpha: f64) -> Result<f64, StatsError> {
    effective(data, |cluster| cluster.size as f64, alpha)
}

/// The same with clusters that weigh as much as clusters of this size.
fn effective(data: &Clustered, size: impl Fn(&Cluster) -> f64, alpha: f64) -> Result<f64, StatsError> {
    check_alpha(alpha)?;
    check_means(data, 0.0, 1.0)?;
    let clusters = data.clusters();
    let count = clusters.len();
    if count == 1 {
        return Ok(1.0);
    }
    let n = clusters.iter().map(&size).sum::<f64>();
    let typical = n / count as f64;
    let total = n + 2.0 * typical;
    let mean = (clusters.iter().map(|cluster| size(cluster) * cluster.mean).sum::<f64>() + typical) / total;
    let deviation = |cluster: &Cluster| (size(cluster) * (cluster.mean - mean)).powi(2);
    let added = (typical * (1.0 - mean)).powi(2) + (typical * mean).powi(2);
    let squares = clusters.iter().map(deviation).sum::<f64>() + added;
    let effect = (squares / (total * mean * (1.0 - mean))).max(1.0);
    let few = t_quantile(alpha / 2.0, n - 1.0) / t_quantile(alpha / 2.0, count as f64 - 1.0);
    Ok(n / effect * few.powi(2))
}

/// The lower bound of [`cluster_proportion`] when all of `clusters` clusters of `size` trials are successes, without making them:
/// the design effect is then the size, so that n* is the number of clusters but for the degrees of freedom.
///
/// # Errors
/// No clusters, no trials in them, or an alpha that is none.
pub fn all_pass_lower(clusters: u64, size: u64, alpha: f64) -> Result<f64, StatsError> {
    check_alpha(alpha)?;
    if clusters == 0 || size == 0 {
        return Err(StatsError::Empty);
    }
    let (count, n) = (clusters as f64, clusters as f64 * size as f64);
    let few = if clusters == 1 { 1.0 } else { t_quantile(alpha / 2.0, n - 1.0) / t_quantile(alpha / 2.0, count - 1.0) };
    let effective = count * few.powi(2);
    Ok(clopper_pearson_effective(effective, effective, alpha, Side::Lower)?.lower)
}
