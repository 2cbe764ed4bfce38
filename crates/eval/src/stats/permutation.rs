//! Tests by re-randomising: no distribution is assumed, only that under "no difference" labels could have been swapped.

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::clusters::Clustered;
use super::{Alternative, StatsError, check_finite};

/// Up to this many clusters all sign patterns are tried.
const EXACT_CLUSTERS_MAX: usize = 18;

/// A p-value and how it was got.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationTest {
    /// Mean difference A − B.
    pub statistic: f64,
    pub p_value: f64,
    /// All permutations, not a sample of them.
    pub exact: bool,
    pub permutations: u64,
}

/// Paired test by flipping signs (Fisher 1935): under "no difference" each cluster's difference is as likely negative.
///
/// Differences of one cluster flip together. Exact up to 18 clusters, else `permutations` drawn with `seed`, and then
/// p = (1 + as extreme)/(1 + permutations), which is never 0 and valid (Phipson and Smyth 2010). Ties count as
/// extreme. Zero differences change nothing.
///
/// # Errors
/// Fewer than 100 permutations when a sample is drawn.
pub fn sign_flip(
    data: &Clustered,
    alternative: Alternative,
    permutations: u64,
    seed: u64,
) -> Result<PermutationTest, StatsError> {
    let sums: Vec<f64> = data.clusters().iter().map(super::clusters::Cluster::sum).filter(|sum| *sum != 0.0).collect();
    let observed: f64 = sums.iter().sum();
    // Sums in another order round differently: what is equal but for that is a tie.
    let slack = 1e-12 * sums.iter().map(|sum| sum.abs()).sum::<f64>();
    let extreme = |sum: f64| as_extreme(sum, observed, slack, alternative);
    let statistic = data.mean();
    if sums.len() <= EXACT_CLUSTERS_MAX {
        let all = 1_u64 << sums.len();
        let flipped = |pattern: u64| -> f64 {
            sums.iter().enumerate().map(|(index, sum)| if pattern >> index & 1 == 1 { -sum } else { *sum }).sum()
        };
        let count = (0..all).filter(|pattern| extreme(flipped(*pattern))).count();
        return Ok(PermutationTest { statistic, p_value: count as f64 / all as f64, exact: true, permutations: all });
    }
    check_permutations(permutations)?;
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut draw = || {
        let mut total = 0.0;
        for chunk in sums.chunks(64) {
            let mut bits = rng.next_u64();
            for sum in chunk {
                total += if bits & 1 == 1 { -sum } else { *sum };
                bits >>= 1;
            }
        }
        total
    };
    let count = (0..permutations).filter(|_| extreme(draw())).count();
    Ok(sampled(statistic, count, permutations))
}

/// Values of one stratum (for example one difficulty, one tool) under A and under B.
#[derive(Debug, Clone, PartialEq)]
pub struct Stratum {
    pub a: Vec<f64>,
    pub b: Vec<f64>,
}

/// Unpaired test within strata: labels are shuffled inside each stratum only, so that a different mix of strata is not
/// taken for a difference. The statistic is the mean of the strata's differences, weighted by a·b/(a+b) (Mantel-Haenszel
/// weights; van Elteren 1960). Strata that one side lacks carry nothing. Values must be independent: with repeated
/// trials pass one mean per case.
///
/// # Errors
/// No stratum with both sides, a value that is not finite, or fewer than 100 permutations.
pub fn stratified(
    strata: &[Stratum],
    alternative: Alternative,
    permutations: u64,
    seed: u64,
) -> Result<PermutationTest, StatsError> {
    check_permutations(permutations)?;
    let mut pools: Vec<Pool> = Vec::new();
    for stratum in strata {
        check_finite(&stratum.a)?;
        check_finite(&stratum.b)?;
        if !stratum.a.is_empty() && !stratum.b.is_empty() {
            pools.push(Pool { values: [&stratum.a[..], &stratum.b[..]].concat(), a: stratum.a.len() });
        }
    }
    if pools.is_empty() {
        return Err(StatsError::Empty);
    }
    let weight: f64 = pools.iter().map(Pool::weight).sum();
    let statistic = |pools: &[Pool]| pools.iter().map(|pool| pool.weight() * pool.difference()).sum::<f64>() / weight;
    let observed = statistic(&pools);
    let largest = pools.iter().flat_map(|pool| &pool.values).fold(0.0, |most: f64, value| most.max(value.abs()));
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut count = 0;
    for _ in 0..permutations {
        pools.iter_mut().for_each(|pool| pool.shuffle(&mut rng));
        count += usize::from(as_extreme(statistic(&pools), observed, 1e-12 * largest, alternative));
    }
    Ok(sampled(observed, count, permutations))
}

struct Pool {
    values: Vec<f64>,
    /// The first so many are A's.
    a: usize,
}

impl Pool {
    fn weight(&self) -> f64 {
        let (a, b) = (self.a as f64, (self.values.len() - self.a) as f64);
        a * b / (a + b)
    }

    fn difference(&self) -> f64 {
        let (a, b) = self.values.split_at(self.a);
        a.iter().sum::<f64>() / a.len() as f64 - b.iter().sum::<f64>() / b.len() as f64
    }

    /// Fisher-Yates, only as far as A's part.
    fn shuffle(&mut self, rng: &mut Pcg64) {
        for index in 0..self.a {
            let other = rng.random_range(index..self.values.len());
            self.values.swap(index, other);
        }
    }
}

fn as_extreme(value: f64, observed: f64, slack: f64, alternative: Alternative) -> bool {
    match alternative {
        Alternative::TwoSided => value.abs() >= observed.abs() - slack,
        Alternative::Greater => value >= observed - slack,
        Alternative::Less => value <= observed + slack,
    }
}

fn check_permutations(permutations: u64) -> Result<(), StatsError> {
    if permutations < 100 {
        return Err(StatsError::TooFew { what: "permutations", needed: 100, got: permutations as usize });
    }
    Ok(())
}

fn sampled(statistic: f64, count: usize, permutations: u64) -> PermutationTest {
    let p_value = (1 + count) as f64 / (1 + permutations) as f64;
    PermutationTest { statistic, p_value, exact: false, permutations }
}
