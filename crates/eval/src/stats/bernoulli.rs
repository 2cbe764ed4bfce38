//! Success or failure, looked at whenever one likes: the beta-mixture e-process and the confidence sequence that it makes.
//!
//! One observation is one independent unit. Several trials of a case are not: turn each finished case into one score with
//! [`super::accumulate`] and use [`super::betting`].

use serde::{Deserialize, Serialize};

use super::special::{beta_tails, boundary, ln_beta};
use super::state::{FormatVersion, exact};
use super::{Interval, Method, StatsError, check_alpha};

/// The state: two counts. Observing is O(1).
///
/// Every interval holds at once: the chance that the truth is ever outside, at any of infinitely many looks, is at most
/// alpha (Robbins 1970; Ville 1939; Howard, Ramdas, McAuliffe and Sekhon, arXiv 1810.08240). The price is an interval
/// 1.9 times as wide as Wilson's at 1,000 runs.
///
/// The rate is supposed constant. When it drifts, the interval is of no particular rate; see `docs/statistics.md`, and
/// [`super::detector`] for noticing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BernoulliSequence {
    version: FormatVersion<1>,
    #[serde(with = "exact")]
    alpha: f64,
    #[serde(with = "exact")]
    prior_successes: f64,
    #[serde(with = "exact")]
    prior_failures: f64,
    successes: u64,
    failures: u64,
}

impl BernoulliSequence {
    /// With the mixture Beta(½, ½), which is good for rates near 0 and 1.
    ///
    /// # Errors
    /// An alpha that is none.
    pub fn new(alpha: f64) -> Result<Self, StatsError> {
        Self::with_mixture(alpha, 0.5, 0.5)
    }

    /// With a mixture Beta(successes, failures). It says at which rates the interval is to be narrow, never whether
    /// it is valid.
    ///
    /// # Errors
    /// An alpha that is none, or a parameter that is not positive.
    pub fn with_mixture(alpha: f64, successes: f64, failures: f64) -> Result<Self, StatsError> {
        check_alpha(alpha)?;
        super::check_range("a mixture parameter", successes, f64::MIN_POSITIVE, 1e9)?;
        super::check_range("a mixture parameter", failures, f64::MIN_POSITIVE, 1e9)?;
        let version = FormatVersion;
        let (prior_successes, prior_failures) = (successes, failures);
        Ok(Self { version, alpha, prior_successes, prior_failures, successes: 0, failures: 0 })
    }

    pub fn observe(&mut self, success: bool) {
        self.observe_counts(u64::from(success), u64::from(!success));
    }

    /// Many at once; the order within them does not matter.
    pub fn observe_counts(&mut self, successes: u64, failures: u64) {
        self.successes += successes;
        self.failures += failures;
    }

    #[must_use]
    pub fn n(&self) -> u64 {
        self.successes + self.failures
    }

    #[must_use]
    pub fn successes(&self) -> u64 {
        self.successes
    }

    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    fn posterior(&self) -> (f64, f64) {
        (self.prior_successes + self.successes as f64, self.prior_failures + self.failures as f64)
    }

    fn ln_likelihood(&self, rate: f64) -> f64 {
        let hit = if self.successes == 0 { 0.0 } else { self.successes as f64 * rate.ln() };
        let miss = if self.failures == 0 { 0.0 } else { self.failures as f64 * (-rate).ln_1p() };
        hit + miss
    }

    /// ln of [`BernoulliSequence::e_value`], which does not overflow.
    #[must_use]
    pub fn ln_e_value(&self, rate: f64) -> f64 {
        let (a, b) = self.posterior();
        ln_beta(a, b) - ln_beta(self.prior_successes, self.prior_failures) - self.ln_likelihood(rate)
    }

    /// The e-process against "the rate is `rate`": B(s+a, f+b)/B(a, b)/(rate^s·(1−rate)^f). 1 before any observation.
    #[must_use]
    pub fn e_value(&self, rate: f64) -> f64 {
        self.ln_e_value(rate).exp()
    }

    /// The e-process against "the rate is at most `rate`": large when the rate is above. The mixture is cut off below
    /// `rate`, so that every bet is on more; then it is a test supermartingale for every smaller rate too, also for one that
    /// changes but never exceeds `rate`.
    #[must_use]
    pub fn e_value_above(&self, rate: f64) -> f64 {
        if rate >= 1.0 {
            return 1.0;
        }
        let (a, b) = self.posterior();
        let cut = beta_tails(a, b, rate).1.ln() - beta_tails(self.prior_successes, self.prior_failures, rate).1.ln();
        (self.ln_e_value(rate) + cut).exp()
    }

    /// The e-process against "the rate is at least `rate`": large when the rate is below.
    #[must_use]
    pub fn e_value_below(&self, rate: f64) -> f64 {
        if rate <= 0.0 {
            return 1.0;
        }
        let (a, b) = self.posterior();
        let cut = beta_tails(a, b, rate).0.ln() - beta_tails(self.prior_successes, self.prior_failures, rate).0.ln();
        (self.ln_e_value(rate) + cut).exp()
    }

    /// All rates with an e-value below 1/alpha. `None` before the first observation.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        if self.n() == 0 {
            return None;
        }
        let estimate = self.successes as f64 / self.n() as f64;
        let keeps = |rate: f64| self.ln_e_value(rate) < -self.alpha.ln();
        let lower = if self.successes == 0 { 0.0 } else { boundary(0.0, estimate, keeps) };
        let upper = if self.failures == 0 { 1.0 } else { boundary(1.0, estimate, keeps) };
        Some(Interval { estimate, lower, upper, alpha: self.alpha, method: Method::BetaMixture })
    }
}
