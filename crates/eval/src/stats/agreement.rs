//! How far raters agree beyond chance: two raters ([`kappa`]), or any number with missing ratings ([`krippendorff`]).

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::bootstrap::quantile;
use super::special::normal_quantile;
use super::{Interval, Method, StatsError, check_alpha};

/// Resamplings for a bootstrap interval of a coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicates {
    pub count: u32,
    pub seed: u64,
}

impl Default for Replicates {
    fn default() -> Self {
        Self { count: 2_000, seed: 1 }
    }
}

/// Cohen's κ of two raters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kappa {
    /// With the asymptotic interval (Fleiss, Cohen and Everitt, Psych. Bulletin 72:323, 1969).
    pub asymptotic: Interval,
    /// The same estimate with percentile limits over resampled units; better below some 50 units.
    pub bootstrap: Interval,
    /// The share on which they agree, chance or not.
    pub observed: f64,
}

/// (observed − expected)/(1 − expected) agreement over units that both have labelled, labels as small numbers (Cohen, Educ.
/// Psych. Measurement 20:37, 1960). `None` when both only ever use one label, the same: then chance explains all.
///
/// Units must be independent. Limits are kept in [−1, 1]. Resamplings in which κ is undefined are left out.
///
/// # Errors
/// No units, fewer than 100 replicates, or an alpha that is none.
pub fn kappa(pairs: &[(u32, u32)], alpha: f64, replicates: Replicates) -> Result<Option<Kappa>, StatsError> {
    check_alpha(alpha)?;
    check_replicates(replicates)?;
    if pairs.is_empty() {
        return Err(StatsError::Empty);
    }
    let mut cells: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    for pair in pairs {
        *cells.entry(*pair).or_default() += 1.0 / pairs.len() as f64;
    }
    let Some(table) = AgreementTable::new(&cells) else { return Ok(None) };
    let (estimate, observed) = (table.kappa(), table.observed);
    let half = -normal_quantile(alpha / 2.0) * table.standard_error(&cells, pairs.len() as f64);
    let resampled = bootstrap(pairs.len(), replicates, |units| {
        let mut cells: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for unit in units {
            *cells.entry(pairs[*unit]).or_default() += 1.0 / units.len() as f64;
        }
        Some(AgreementTable::new(&cells)?.kappa())
    });
    let asymptotic = clamped(estimate, estimate - half, estimate + half, alpha, Method::Asymptotic);
    let bootstrap = percentile(estimate, resampled, alpha);
    Ok(Some(Kappa { asymptotic, bootstrap, observed }))
}

struct AgreementTable {
    rows: BTreeMap<u32, f64>,
    columns: BTreeMap<u32, f64>,
    observed: f64,
    expected: f64,
}

impl AgreementTable {
    fn new(cells: &BTreeMap<(u32, u32), f64>) -> Option<Self> {
        let (mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new());
        for ((row, column), share) in cells {
            *rows.entry(*row).or_default() += share;
            *columns.entry(*column).or_default() += share;
        }
        let observed = cells.iter().filter(|((row, column), _)| row == column).map(|cell| cell.1).sum();
        let expected = rows.iter().map(|(label, share): (_, &f64)| share * of(&columns, *label)).sum::<f64>();
        (expected < 1.0 - 1e-12).then_some(Self { rows, columns, observed, expected })
    }

    fn kappa(&self) -> f64 {
        (self.observed - self.expected) / (1.0 - self.expected)
    }

    fn standard_error(&self, cells: &BTreeMap<(u32, u32), f64>, n: f64) -> f64 {
        let kappa = self.kappa();
        let rest = 1.0 - kappa;
        let term = |((row, column), share): (&(u32, u32), &f64)| {
            if row == column {
                let marginal = of(&self.rows, *row) + of(&self.columns, *row);
                share * (1.0 - marginal * rest).powi(2)
            } else {
                share * (rest * (of(&self.columns, *row) + of(&self.rows, *column))).powi(2)
            }
        };
        let terms: f64 = cells.iter().map(term).sum();
        let centre = (kappa - self.expected * rest).powi(2);
        ((terms - centre).max(0.0) / n).sqrt() / (1.0 - self.expected)
    }
}

fn of(shares: &BTreeMap<u32, f64>, label: u32) -> f64 {
    shares.get(&label).copied().unwrap_or(0.0)
}

/// How far apart two ratings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal or not.
    Nominal,
    /// By ranks: how many ratings lie between.
    Ordinal,
    /// By squared difference.
    Interval,
}

/// Krippendorff's α (Content Analysis, 2004; Hayes and Krippendorff 2007): 1 − observed/expected disagreement.
///
/// `units` are rows, one rating per rater, `None` where missing. Units with fewer than two ratings cannot disagree and are
/// left out. Percentile limits over resampled units; resamplings in which all ratings are equal are left out. `None`
/// when all ratings are equal (nothing to agree about), or no unit has two.
///
/// # Errors
/// No units, a rating that is not finite, fewer than 100 replicates, or an alpha that is none.
pub fn krippendorff(
    units: &[Vec<Option<f64>>],
    scale: Scale,
    alpha: f64,
    replicates: Replicates,
) -> Result<Option<Interval>, StatsError> {
    check_alpha(alpha)?;
    check_replicates(replicates)?;
    if units.is_empty() {
        return Err(StatsError::Empty);
    }
    let mut rated: Vec<Vec<f64>> = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let ratings: Vec<f64> = unit.iter().flatten().copied().collect();
        if ratings.iter().any(|rating| !rating.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        if ratings.len() > 1 {
            rated.push(ratings);
        }
    }
    let every: Vec<usize> = (0..rated.len()).collect();
    let Some(estimate) = coefficient(&rated, &every, scale) else { return Ok(None) };
    let resampled = bootstrap(rated.len(), replicates, |chosen| coefficient(&rated, chosen, scale));
    Ok(Some(percentile(estimate, resampled, alpha)))
}

fn coefficient(rated: &[Vec<f64>], chosen: &[usize], scale: Scale) -> Option<f64> {
    // Disagreement among values is 2·(m·Σx² − (Σx)²) on an interval scale; ordinal is the same on mid-ranks, and nominal
    // counts pairs that differ. So no table of all pairs of values is needed.
    let mut all: Vec<f64> = chosen.iter().flat_map(|unit| rated[*unit].iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    let distances = |values: &mut Vec<f64>| -> f64 {
        match scale {
            Scale::Nominal => {
                values.sort_by(f64::total_cmp);
                let same: f64 =
                    values.chunk_by(|left, right| left == right).map(|run| (run.len() as f64).powi(2)).sum();
                (values.len() as f64).powi(2) - same
            }
            Scale::Ordinal | Scale::Interval => {
                let count = values.len() as f64;
                let centre = values.iter().sum::<f64>() / count;
                2.0 * count * values.iter().map(|value| (value - centre).powi(2)).sum::<f64>()
            }
        }
    };
    let rank = |value: f64| {
        if scale != Scale::Ordinal {
            return value;
        }
        let below = all.partition_point(|other| *other < value) as f64;
        let up_to = all.partition_point(|other| *other <= value) as f64;
        0.5 * (below + up_to)
    };
    let mut observed = 0.0;
    for unit in chosen {
        let mut values: Vec<f64> = rated[*unit].iter().map(|value| rank(*value)).collect();
        observed += distances(&mut values) / (values.len() - 1) as f64;
    }
    let mut ranks: Vec<f64> = all.iter().map(|value| rank(*value)).collect();
    let expected = distances(&mut ranks) / (all.len().max(2) - 1) as f64;
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

fn check_replicates(replicates: Replicates) -> Result<(), StatsError> {
    if replicates.count < 100 {
        return Err(StatsError::TooFew { what: "replicates", needed: 100, got: replicates.count as usize });
    }
    Ok(())
}

fn bootstrap(units: usize, replicates: Replicates, statistic: impl Fn(&[usize]) -> Option<f64>) -> Vec<f64> {
    let mut rng = Pcg64::seed_from_u64(replicates.seed);
    let mut chosen = vec![0; units];
    let mut values = Vec::with_capacity(replicates.count as usize);
    for _ in 0..replicates.count {
        chosen.iter_mut().for_each(|unit| *unit = rng.random_range(0..units));
        values.extend(statistic(&chosen));
    }
    values
}

fn percentile(estimate: f64, mut values: Vec<f64>, alpha: f64) -> Interval {
    if values.is_empty() {
        return clamped(estimate, -1.0, 1.0, alpha, Method::Bootstrap);
    }
    let (lower, upper) = (quantile(&mut values, alpha / 2.0), quantile(&mut values, 1.0 - alpha / 2.0));
    clamped(estimate, lower, upper, alpha, Method::Bootstrap)
}

fn clamped(estimate: f64, lower: f64, upper: f64, alpha: f64, method: Method) -> Interval {
    // α can lie below −1 with few units; the interval then reaches down to it.
    let (lower, upper) = (lower.max(-1.0).min(estimate), upper.min(1.0).max(estimate));
    Interval { estimate, lower, upper, alpha, method }
}
