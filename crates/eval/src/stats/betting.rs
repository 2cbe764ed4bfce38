//! Scores in a known range, looked at whenever one likes: betting confidence sequences and tests (Waudby-Smith and Ramdas,
//! JRSS-B 86:1, 2024, arXiv 2010.09686). Nothing is assumed of the distribution but its range, and that the mean given
//! the past is constant.
//!
//! For differences of paired scores the range is (−1, 1). For clustered runs one observation is one finished cluster.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::state::{FormatVersion, exact, exact_all};
use super::{Interval, Method, StatsError, check_alpha, check_range};

/// No bet risks more than this share of the capital, so that it never is ruined by one observation.
const STAKE_MAX: f64 = 0.5;
/// Grid points of a new sequence.
const GRID: usize = 512;

/// A confidence sequence for a mean, as a grid of supposed means with the capital won against each.
///
/// Observing costs O(grid) and the state is about 21 kB of JSON, so that a monitor can store it and go on after a restart.
/// Limits are grid points, rounded outwards: the grid costs width (at most one cell a side; cells are narrower towards
/// the ends of the range, 0.3 % of it in the middle), never coverage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BettingSequence {
    version: FormatVersion<1>,
    #[serde(with = "exact")]
    alpha: f64,
    #[serde(with = "exact")]
    low: f64,
    #[serde(with = "exact")]
    high: f64,
    n: u64,
    #[serde(with = "exact")]
    sum: f64,
    /// Σ (x_i − μ̂_i)², each with the mean then known.
    #[serde(with = "exact")]
    squares: f64,
    /// ln of the capital won by betting on more than the grid's mean, and on less.
    #[serde(with = "exact_all")]
    ln_more: Vec<f64>,
    #[serde(with = "exact_all")]
    ln_less: Vec<f64>,
}

impl BettingSequence {
    /// For scores in [0, 1].
    ///
    /// # Errors
    /// An alpha that is none.
    pub fn new(alpha: f64) -> Result<Self, StatsError> {
        Self::for_range(alpha, 0.0, 1.0)
    }

    /// For differences of paired scores that each lie in [0, 1].
    ///
    /// # Errors
    /// An alpha that is none.
    pub fn paired(alpha: f64) -> Result<Self, StatsError> {
        Self::for_range(alpha, -1.0, 1.0)
    }

    /// For observations in `low..=high`.
    ///
    /// # Errors
    /// An alpha that is none, or a range that is empty or not finite.
    pub fn for_range(alpha: f64, low: f64, high: f64) -> Result<Self, StatsError> {
        check_alpha(alpha)?;
        super::check_finite(&[low, high])?;
        check_range("the width of the range", high - low, f64::MIN_POSITIVE, f64::MAX)?;
        let (ln_more, ln_less) = (vec![0.0; GRID - 1], vec![0.0; GRID - 1]);
        Ok(Self { version: FormatVersion, alpha, low, high, n: 0, sum: 0.0, squares: 0.0, ln_more, ln_less })
    }

    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The grid point in (0, 1): sin² spaces as the standard error of a rate does, finer towards the ends.
    fn grid(&self, index: usize) -> f64 {
        let angle = (index + 1) as f64 / (self.ln_more.len() + 1) as f64 * std::f64::consts::FRAC_PI_2;
        angle.sin().powi(2)
    }

    fn in_units(&self, x: f64) -> f64 {
        self.low + x * (self.high - self.low)
    }

    /// # Errors
    /// A value outside the range, or not a number; the state is then unchanged.
    pub fn observe(&mut self, value: f64) -> Result<(), StatsError> {
        check_range("an observation", value, self.low, self.high)?;
        let x = (value - self.low) / (self.high - self.low);
        let stake = self.next_stake();
        for index in 0..self.ln_more.len() {
            let (more, less) = pay(stake, self.grid(index), x);
            self.ln_more[index] += more;
            self.ln_less[index] += less;
        }
        self.n += 1;
        self.settle(x);
        Ok(())
    }

    /// What the next stake will know of this observation.
    fn settle(&mut self, x: f64) {
        self.sum += x;
        let mean = (0.5 + self.sum) / (self.n as f64 + 1.0);
        self.squares += (x - mean).powi(2);
    }

    /// Observations one after the other.
    ///
    /// # Errors
    /// As [`BettingSequence::observe`]; those before the bad one have then been observed.
    pub fn observe_all(&mut self, values: &[f64]) -> Result<(), StatsError> {
        values.iter().try_for_each(|value| self.observe(*value))
    }

    /// The predictable plug-in stake √(2 ln(2/alpha) / (σ̂² t ln(1+t))), from the past only.
    fn next_stake(&self) -> f64 {
        let t = self.n as f64 + 1.0;
        let variance = (0.25 + self.squares) / t;
        (2.0 * (2.0 / self.alpha).ln() / (variance * t * t.ln_1p())).sqrt()
    }

    /// All means against which neither side has won 2/alpha (hedged capital, half on each side). `None` before the first
    /// observation.
    ///
    /// The capital for more falls as the supposed mean grows, the other rises; so what is kept is an interval. When
    /// nothing is kept (the mean cannot have been constant), both limits are the estimate.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        if self.n == 0 {
            return None;
        }
        let won = (2.0 / self.alpha).ln();
        let lower = self.ln_more.iter().rposition(|capital| *capital >= won).map_or(0.0, |index| self.grid(index));
        let upper = self.ln_less.iter().position(|capital| *capital >= won).map_or(1.0, |index| self.grid(index));
        let estimate = self.in_units(self.sum / self.n as f64);
        let (lower, upper) = (self.in_units(lower).min(estimate), self.in_units(upper).max(estimate));
        Some(Interval { estimate, lower, upper, alpha: self.alpha, method: Method::Betting })
    }
}

/// ln of what a stake on more, and one on less, than `mean` pays at `x`.
fn pay(stake: f64, mean: f64, x: f64) -> (f64, f64) {
    let more = stake.min(STAKE_MAX / mean) * (x - mean);
    let less = -stake.min(STAKE_MAX / (1.0 - mean)) * (x - mean);
    (more.ln_1p(), less.ln_1p())
}

/// Which mean is to be refuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hypothesis {
    /// "The mean is at most the threshold": a large e-value shows that it is above.
    AtMost,
    /// "The mean is at least the threshold": a large e-value shows that it is below.
    AtLeast,
}

/// Bets of a fixed spread of sizes against one threshold, in equal parts: the e-process of a sequential gate or monitor.
///
/// Σ_j w_j ∏_i (1 + λ_j·(x_i − threshold)). The sizes run over all that cannot lose more than everything, so no size needs to
/// be guessed. Valid for clustered, drifting or adversarial scores as long as each one's mean given the past obeys the
/// hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BettingTest {
    version: FormatVersion<1>,
    hypothesis: Hypothesis,
    #[serde(with = "exact")]
    low: f64,
    #[serde(with = "exact")]
    high: f64,
    #[serde(with = "exact")]
    threshold: f64,
    n: u64,
    #[serde(with = "exact_all")]
    ln_capital: Vec<f64>,
    /// The largest e-value so far, which a test may also rest on (Ville).
    #[serde(with = "exact")]
    ln_highest: f64,
}

impl BettingTest {
    /// For observations in `low..=high`.
    ///
    /// # Errors
    /// A threshold that is not inside the range.
    pub fn new(hypothesis: Hypothesis, threshold: f64, low: f64, high: f64) -> Result<Self, StatsError> {
        super::check_finite(&[low, high, threshold])?;
        if threshold <= low || threshold >= high {
            return Err(StatsError::Range { what: "the threshold", low, high, value: threshold });
        }
        let ln_capital = vec![0.0; super::detector::BETS];
        Ok(Self { version: FormatVersion, hypothesis, low, high, threshold, n: 0, ln_capital, ln_highest: 0.0 })
    }

    /// # Errors
    /// A value outside the range, or not a number; the state is then unchanged.
    pub fn observe(&mut self, value: f64) -> Result<(), StatsError> {
        check_range("an observation", value, self.low, self.high)?;
        let width = self.high - self.low;
        let (x, mean) = ((value - self.low) / width, (self.threshold - self.low) / width);
        for (index, capital) in self.ln_capital.iter_mut().enumerate() {
            *capital += super::detector::bet(self.hypothesis, mean, index, x).ln();
        }
        self.n += 1;
        self.ln_highest = self.ln_highest.max(self.ln_e_value());
        Ok(())
    }

    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    /// ln of the e-value, which does not overflow.
    #[must_use]
    pub fn ln_e_value(&self) -> f64 {
        let most = self.ln_capital.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.ln_capital.iter().map(|capital| (capital - most).exp()).sum();
        most + (sum / self.ln_capital.len() as f64).ln()
    }

    /// The e-value now. 1 before any observation.
    #[must_use]
    pub fn e_value(&self) -> f64 {
        self.ln_e_value().exp()
    }

    /// Whether the hypothesis was refuted at `alpha` at any time so far.
    #[must_use]
    pub fn rejects(&self, alpha: f64) -> bool {
        self.ln_highest >= -alpha.ln()
    }
}
