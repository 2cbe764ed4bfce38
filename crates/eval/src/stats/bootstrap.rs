//! Resampling of whole clusters, for means whose distribution nobody wants to assume.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::clusters::Clustered;
use super::mean::cluster_t;
use super::special::{normal_cdf, normal_quantile};
use super::{Interval, Method, StatsError, check_alpha};

/// How to resample. Cost is clusters × replicates, rows do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// At least 1,000 for limits worth printing.
    pub replicates: u32,
    /// The same seed gives the same limits.
    pub seed: u64,
    pub kind: BootstrapKind,
}

impl Resampling {
    /// For shares that many clusters have none of, such as pass^k: there the studentised limits run off to 0 and 1.
    pub const SHARES: Self = Self { replicates: 2_000, seed: 1, kind: BootstrapKind::BiasCorrected };
}

impl Default for Resampling {
    fn default() -> Self {
        Self { replicates: 2_000, seed: 1, kind: BootstrapKind::Studentised }
    }
}

/// Which limits are read off the resampled means (Efron and Tibshirani 1993; Cameron, Gelbach and Miller 2008 for
/// clusters). Measured coverage is in `docs/statistics.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootstrapKind {
    /// Quantiles of the means themselves: too narrow with few clusters.
    Percentile,
    /// Corrected for bias and skewness (Efron, JASA 82:171, 1987), acceleration by jackknife over clusters.
    BiasCorrected,
    /// Quantiles of (mean* − mean)/SE*, each replicate with its own cluster-robust standard error.
    Studentised,
}

/// The mean over observations with limits from resampled clusters.
///
/// Every cluster the same mean: nothing to resample, the interval has no width; see
/// [`super::mean::cluster_t_bounded`]. Replicates without variation are left out by the studentised kind; when more
/// than half are (nearly all clusters agree), it falls back to [`cluster_t`], and the method says so.
///
/// # Errors
/// Fewer than two clusters, fewer than 100 replicates, or an alpha that is none.
pub fn cluster_bootstrap(data: &Clustered, alpha: f64, resampling: Resampling) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    let count = data.clusters().len();
    if count < 2 {
        return Err(StatsError::TooFew { what: "clusters", needed: 2, got: count });
    }
    if resampling.replicates < 100 {
        return Err(StatsError::TooFew { what: "replicates", needed: 100, got: resampling.replicates as usize });
    }
    let sample = Sample::of(data);
    let mut replicates = sample.replicates(resampling);
    let estimate = data.mean();
    let (lower, upper) = match resampling.kind {
        BootstrapKind::Percentile => {
            let mut shifts: Vec<f64> = replicates.iter().map(|replicate| replicate.shift).collect();
            (quantile(&mut shifts, alpha / 2.0), quantile(&mut shifts, 1.0 - alpha / 2.0))
        }
        BootstrapKind::BiasCorrected => sample.bias_corrected(&replicates, alpha),
        BootstrapKind::Studentised => {
            replicates.retain(|replicate| replicate.error > 0.0);
            let Some(error) = data.standard_error().filter(|_| replicates.len() * 2 > resampling.replicates as usize)
            else {
                return cluster_t(data, alpha);
            };
            let mut ratios: Vec<f64> = replicates.iter().map(|replicate| replicate.shift / replicate.error).collect();
            (-error * quantile(&mut ratios, 1.0 - alpha / 2.0), -error * quantile(&mut ratios, alpha / 2.0))
        }
    };
    // With few clusters the quantiles can pass the mean; the interval contains its estimate in any case.
    let (lower, upper) = (lower.min(0.0), upper.max(0.0));
    Ok(Interval { estimate, lower: estimate + lower, upper: estimate + upper, alpha, method: Method::ClusterBootstrap })
}

/// What resampling needs of a cluster: its size and how far its sum is from what the mean says.
struct Sample {
    clusters: Vec<(f64, f64)>,
}

struct Replicate {
    /// Resampled mean less the mean.
    shift: f64,
    error: f64,
}

impl Sample {
    fn of(data: &Clustered) -> Self {
        let centred = |cluster: &super::clusters::Cluster| {
            let size = cluster.size as f64;
            (size, size * (cluster.mean - data.mean()))
        };
        Self { clusters: data.clusters().iter().map(centred).collect() }
    }

    fn replicates(&self, resampling: Resampling) -> Vec<Replicate> {
        let mut rng = Pcg64::seed_from_u64(resampling.seed);
        let count = self.clusters.len();
        let one = |rng: &mut Pcg64| {
            let (mut n, mut sum, mut sizes, mut cross, mut squares) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for _ in 0..count {
                let (size, residual) = self.clusters[rng.random_range(0..count)];
                n += size;
                sum += residual;
                sizes += size * size;
                cross += size * residual;
                squares += residual * residual;
            }
            let shift = sum / n;
            let spread = (squares - 2.0 * shift * cross + shift * shift * sizes).max(0.0);
            // What is left of the cancellation when all resampled clusters agree is rounding, not spread.
            let spread = if spread <= 1e-12 * squares { 0.0 } else { spread };
            Replicate { shift, error: (spread * count as f64 / (count as f64 - 1.0)).sqrt() / n }
        };
        (0..resampling.replicates).map(|_| one(&mut rng)).collect()
    }

    fn bias_corrected(&self, replicates: &[Replicate], alpha: f64) -> (f64, f64) {
        let n: f64 = self.clusters.iter().map(|cluster| cluster.0).sum();
        let mut shifts: Vec<f64> = replicates.iter().map(|replicate| replicate.shift).collect();
        // Ties count half: with few distinct means they are many.
        let below: f64 = shifts.iter().map(|shift| f64::from(*shift < 0.0) + 0.5 * f64::from(*shift == 0.0)).sum();
        let share = (below / shifts.len() as f64).clamp(1e-6, 1.0 - 1e-6);
        let bias = normal_quantile(share);
        let influence: Vec<f64> = self.clusters.iter().map(|(size, residual)| residual / (n - size)).collect();
        let centre = influence.iter().sum::<f64>() / influence.len() as f64;
        let (cubes, squares) = influence.iter().fold((0.0, 0.0), |(cubes, squares), value| {
            (cubes + (value - centre).powi(3), squares + (value - centre).powi(2))
        });
        let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
        let level = |z: f64| normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
        let z = normal_quantile(alpha / 2.0);
        (quantile(&mut shifts, level(z)), quantile(&mut shifts, level(-z)))
    }
}

/// The quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan), as numpy's.
pub(super) fn quantile(values: &mut [f64], level: f64) -> f64 {
    let position = level.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let index = position.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(index, f64::total_cmp);
    let low = *low;
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    if next.is_finite() { low + (position - index as f64) * (next - low) } else { low }
}
