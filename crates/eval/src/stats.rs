//! Statistics: pure functions over numbers, each documented with its primary source.
//!
//! Nothing here knows a run, reads a clock or does I/O; what is random takes a seed. Alpha is always the total error
//! rate of what is asked for: a two-sided interval leaves alpha/2 on each side, a one-sided bound spends all of it on one.
//!
//! Looked at once, at a size that was fixed before:
//! * [`proportion`]: rates of independent trials
//! * [`clusters`]: values that come in clusters (trials of one case), and what that costs
//! * [`mean`]: means of clustered values, and rates that stay honest when every trial of a cluster agrees
//! * [`bootstrap`]: resampling of whole clusters
//! * [`repeated`]: pass@k and pass^k
//! * [`paired`]: two systems on the same cases
//! * [`permutation`]: tests by re-randomising
//! * [`margin`]: not worse by more than a margin, the same within a margin
//! * [`rate`]: events per exposure
//! * [`power`]: how many cases and trials a claim needs
//! * [`judge`]: what a fallible judge's verdicts say about the truth
//! * [`agreement`]: how far raters agree
//! * [`multiple`]: several questions at once
//!
//! Looked at whenever one likes:
//! * [`bernoulli`]: success or failure
//! * [`betting`]: scores in [0, 1], also paired
//! * [`detector`]: has it become worse?
//! * [`evalue`]: combining e-values
//! * [`accumulate`]: clusters that are still growing

pub mod accumulate;
pub mod agreement;
pub mod bernoulli;
pub mod betting;
pub mod bootstrap;
pub mod clusters;
pub mod detector;
pub mod evalue;
pub mod judge;
pub mod margin;
pub mod mean;
pub mod multiple;
pub mod paired;
pub mod permutation;
pub mod power;
pub mod proportion;
pub mod rate;
pub mod repeated;
mod special;
mod state;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use clusters::Clustered;

/// An estimate with the interval that belongs to it. Limits are finite and `lower <= upper`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub estimate: f64,
    pub lower: f64,
    pub upper: f64,
    /// Total error rate: the truth lies outside with at most (exact methods) or about (others) this probability.
    pub alpha: f64,
    pub method: Method,
}

impl Interval {
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    #[must_use]
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

/// How an interval was made. The serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Wilson,
    ClopperPearson,
    Jeffreys,
    /// Normal theory, every value its own cluster.
    MeanT,
    ClusterT,
    ClusterBootstrap,
    ClusterProportion,
    PairedT,
    /// The same of bounded differences, never narrower than what clusters that were not seen allow.
    PairedTBounded,
    Newcombe,
    Score,
    Garwood,
    ConditionalBinomial,
    RoganGladen,
    PredictionPowered,
    Asymptotic,
    Bootstrap,
    BetaMixture,
    Betting,
}

impl Method {
    /// The serialised name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::ClopperPearson => "clopper_pearson",
            Self::Jeffreys => "jeffreys",
            Self::MeanT => "mean_t",
            Self::ClusterT => "cluster_t",
            Self::ClusterBootstrap => "cluster_bootstrap",
            Self::ClusterProportion => "cluster_proportion",
            Self::PairedT => "paired_t",
            Self::PairedTBounded => "paired_t_bounded",
            Self::Newcombe => "newcombe",
            Self::Score => "score",
            Self::Garwood => "garwood",
            Self::ConditionalBinomial => "conditional_binomial",
            Self::RoganGladen => "rogan_gladen",
            Self::PredictionPowered => "prediction_powered",
            Self::Asymptotic => "asymptotic",
            Self::Bootstrap => "bootstrap",
            Self::BetaMixture => "beta_mixture",
            Self::Betting => "betting",
        }
    }

    /// Whether the interval may be looked at after every observation without losing its error rate.
    #[must_use]
    pub fn is_anytime_valid(self) -> bool {
        matches!(self, Self::BetaMixture | Self::Betting)
    }
}

/// Which side of an interval is meant to hold. The other limit of a one-sided interval is the end of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Both,
    /// Only the lower limit is a bound, at the full alpha.
    Lower,
    /// Only the upper limit is a bound, at the full alpha.
    Upper,
}

impl Side {
    /// Error left below and above.
    fn tails(self, alpha: f64) -> (f64, f64) {
        match self {
            Self::Both => (alpha / 2.0, alpha / 2.0),
            Self::Lower => (alpha, 0.0),
            Self::Upper => (0.0, alpha),
        }
    }
}

/// The direction a one-sided test looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alternative {
    TwoSided,
    Greater,
    Less,
}

/// Why a statistic cannot be computed. The caller's input is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    #[error("there are no observations")]
    Empty,
    #[error("alpha must lie between 0 and 1, got {0}")]
    Alpha(f64),
    #[error("observation {index} is not a finite number")]
    NotFinite { index: usize },
    #[error("{successes} successes cannot come from {trials} trials")]
    Counts { successes: u64, trials: u64 },
    #[error("{what} must lie in {low} to {high}, got {value}")]
    Range { what: &'static str, low: f64, high: f64, value: f64 },
    #[error("needs at least {needed} {what}, got {got}")]
    TooFew { what: &'static str, needed: usize, got: usize },
    #[error("{what} have different lengths: {left} and {right}")]
    Lengths { what: &'static str, left: usize, right: usize },
    #[error("the judge is no better than chance: sensitivity {sensitivity} and specificity {specificity}")]
    UninformativeJudge { sensitivity: f64, specificity: f64 },
    #[error("state has format version {found}, this build reads {known}")]
    StateVersion { found: u32, known: u32 },
}

pub(crate) fn check_alpha(alpha: f64) -> Result<(), StatsError> {
    if alpha > 0.0 && alpha < 1.0 { Ok(()) } else { Err(StatsError::Alpha(alpha)) }
}

pub(crate) fn check_range(what: &'static str, value: f64, low: f64, high: f64) -> Result<(), StatsError> {
    if value >= low && value <= high { Ok(()) } else { Err(StatsError::Range { what, low, high, value }) }
}

pub(crate) fn check_finite(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { index }),
        None => Ok(()),
    }
}
