//! Values that come in clusters: several trials of one case share the case, so they say less than as many cases would.

use std::collections::HashMap;

use super::StatsError;

/// One cluster, summarised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cluster {
    /// As the caller numbered it.
    pub label: u32,
    pub size: u64,
    pub mean: f64,
    /// Sum of squared deviations from the cluster's mean.
    pub within_squares: f64,
}

impl Cluster {
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.mean * self.size as f64
    }
}

/// Finite values grouped by cluster, in order of label. The input of every function that knows clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustered {
    clusters: Vec<Cluster>,
    n: u64,
    mean: f64,
}

impl Clustered {
    /// Groups (cluster label, value) rows. Rows of a cluster need not be adjacent; the order of rows changes nothing
    /// but rounding. Missing values are left out by the caller, and a cluster without values does not exist.
    ///
    /// # Errors
    /// No rows, or a value that is not finite.
    pub fn new(rows: &[(u32, f64)]) -> Result<Self, StatsError> {
        if rows.is_empty() {
            return Err(StatsError::Empty);
        }
        if let Some(index) = rows.iter().position(|(_, value)| !value.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        let (labels, places) = place(rows);
        let mut clusters: Vec<Cluster> =
            labels.into_iter().map(|label| Cluster { label, size: 0, mean: 0.0, within_squares: 0.0 }).collect();
        // Welford, per cluster: one pass, and no cancellation of large sums of squares.
        for (place, (_, value)) in places.into_iter().zip(rows) {
            let cluster = &mut clusters[place as usize];
            cluster.size += 1;
            let before = value - cluster.mean;
            cluster.mean += before / cluster.size as f64;
            cluster.within_squares += before * (value - cluster.mean);
        }
        Ok(Self::from_clusters(clusters, rows.len() as u64))
    }

    /// Every value its own cluster.
    ///
    /// # Errors
    /// No values, or one that is not finite.
    pub fn independent(values: &[f64]) -> Result<Self, StatsError> {
        super::check_finite(values)?;
        if values.is_empty() {
            return Err(StatsError::Empty);
        }
        let single =
            |(index, value): (usize, &f64)| Cluster { label: index as u32, size: 1, mean: *value, within_squares: 0.0 };
        Ok(Self::from_clusters(values.iter().enumerate().map(single).collect(), values.len() as u64))
    }

    /// `clusters` clusters of `size` equal values: what a plan supposes.
    ///
    /// # Errors
    /// No clusters, no values in them, or a value that is not finite.
    pub fn uniform(clusters: usize, size: u64, value: f64) -> Result<Self, StatsError> {
        if clusters == 0 || size == 0 {
            return Err(StatsError::Empty);
        }
        super::check_finite(&[value])?;
        let one = |label: usize| Cluster { label: label as u32, size, mean: value, within_squares: 0.0 };
        Ok(Self::from_clusters((0..clusters).map(one).collect(), clusters as u64 * size))
    }

    fn from_clusters(clusters: Vec<Cluster>, n: u64) -> Self {
        let mean = clusters.iter().map(Cluster::sum).sum::<f64>() / n as f64;
        Self { clusters, n, mean }
    }

    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// Observations.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The mean over observations: a cluster counts by its size.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Sum of all values.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.mean * self.n as f64
    }

    /// Sum of squared deviations from the overall mean.
    #[must_use]
    pub fn total_squares(&self) -> f64 {
        self.within_squares() + self.between_squares()
    }

    pub(super) fn within_squares(&self) -> f64 {
        self.clusters.iter().map(|cluster| cluster.within_squares).sum()
    }

    pub(super) fn between_squares(&self) -> f64 {
        self.clusters.iter().map(|cluster| cluster.size as f64 * (cluster.mean - self.mean).powi(2)).sum()
    }

    /// The standard error as if every value were independent: √(s²/n). `None` below two values.
    #[must_use]
    pub fn naive_standard_error(&self) -> Option<f64> {
        (self.n > 1).then(|| (self.total_squares() / (self.n - 1) as f64 / self.n as f64).sqrt())
    }

    /// The cluster-robust standard error √(C/(C−1) · Σ_c (Σ_i (x_ci − x̄))²) / n, as inspect-ai's `stderr(cluster)`
    /// (Liang and Zeger 1986; Miller, arXiv 2411.00640, without the factor C/(C−1)). `None` below two clusters.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        let count = self.clusters.len();
        if count < 2 {
            return None;
        }
        let squares: f64 =
            self.clusters.iter().map(|cluster| (cluster.size as f64 * (cluster.mean - self.mean)).powi(2)).sum();
        Some((squares * count as f64 / (count - 1) as f64).sqrt() / self.n as f64)
    }

    /// Intraclass correlation by one-way analysis of variance, (MSB − MSW)/(MSB + (k₀ − 1)·MSW) with k₀ the size for
    /// unequal clusters (Donner 1986). May be negative. `None` when it is not defined: one cluster, no
    /// repeats, or no variation at all.
    #[must_use]
    pub fn intraclass_correlation(&self) -> Option<f64> {
        let (count, n) = (self.clusters.len() as f64, self.n as f64);
        if self.clusters.len() < 2 || self.n as usize == self.clusters.len() {
            return None;
        }
        let between = self.between_squares() / (count - 1.0);
        let within = self.within_squares() / (n - count);
        let sizes: f64 = self.clusters.iter().map(|cluster| (cluster.size as f64).powi(2)).sum();
        let typical = (n - sizes / n) / (count - 1.0);
        let denominator = between + (typical - 1.0) * within;
        (denominator > 0.0).then(|| (between - within) / denominator)
    }

    /// How many times larger the variance is than that of independent values, (clustered SE / naive SE)² with the
    /// naive one on n (Kish 1965). `None` below two clusters or without variation.
    #[must_use]
    pub fn design_effect(&self) -> Option<f64> {
        let naive = self.naive_standard_error()?;
        let clustered = self.standard_error()?;
        (naive > 0.0).then(|| (clustered / naive).powi(2))
    }
}

/// The design effect that `trials` of each case have at intraclass correlation `icc`: 1 + (trials − 1)·icc (Kish 1965).
#[must_use]
pub fn planned_design_effect(trials: f64, icc: f64) -> f64 {
    1.0 + (trials - 1.0) * icc
}

/// The labels in order, and for each row the place of its label among them.
fn place(rows: &[(u32, f64)]) -> (Vec<u32>, Vec<u32>) {
    let largest = rows.iter().map(|row| row.0).max().unwrap_or(0) as usize;
    if largest <= rows.len().saturating_mul(4) {
        // Labels are as good as dense: a table is faster than any map.
        const ABSENT: u32 = u32::MAX;
        let mut table = vec![ABSENT; largest + 1];
        rows.iter().for_each(|row| table[row.0 as usize] = 0);
        let mut labels = Vec::new();
        for (label, slot) in table.iter_mut().enumerate().filter(|(_, slot)| **slot != ABSENT) {
            *slot = labels.len() as u32;
            labels.push(label as u32);
        }
        let places = rows.iter().map(|row| table[row.0 as usize]).collect();
        return (labels, places);
    }
    let mut labels: Vec<u32> = rows.iter().map(|row| row.0).collect();
    labels.sort_unstable();
    labels.dedup();
    let table: HashMap<u32, u32> = labels.iter().enumerate().map(|(place, label)| (*label, place as u32)).collect();
    let places = rows.iter().map(|row| table[&row.0]).collect();
    (labels, places)
}
