//! Has it become worse? e-detectors for a change whose time nobody knows (Shin, Ramdas and Rinaldo, New England J.
//! Statistics in Data Science 2:229, 2024, arXiv 2203.03532).

use serde::{Deserialize, Serialize};

use super::betting::Hypothesis;
use super::state::{FormatVersion, exact, exact_all};
use super::{StatsError, check_range};

/// Bets are spread over so many sizes.
pub(super) const BETS: usize = 24;
/// Values are kept below this; an alarm was due long before.
const VALUE_MAX: f64 = 1e300;

/// What bet `index` pays at `x` in [0, 1] against a supposed `mean`: the likelihood ratio of a rate q to `mean` for 0 and 1,
/// and its line between for other scores. Mean at most 1 under the hypothesis, never 0.
pub(super) fn bet(hypothesis: Hypothesis, mean: f64, index: usize, x: f64) -> f64 {
    // Quadratically spaced: most sizes are small, because small changes are the hard ones to see.
    let share = ((index + 1) as f64 / (BETS + 1) as f64).powi(2);
    let size = match hypothesis {
        Hypothesis::AtMost => share / mean,
        Hypothesis::AtLeast => -share / (1.0 - mean),
    };
    1.0 + size * (x - mean)
}

/// How past evidence is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorKind {
    /// M_t = (M_{t−1} + 1)·L_t (Shiryaev-Roberts): every moment is a candidate for the change.
    ShiryaevRoberts,
    /// M_t = max(M_{t−1}, 1)·L_t (CUSUM): only the best one. Never larger, so its false alarms are rarer still.
    Cusum,
}

/// Watches observations in a range for ever, and alarms when their mean has left the hypothesis.
///
/// While the hypothesis holds, the mean number of observations until an alarm (average run length) is at least the one
/// asked for, whatever the distribution, also when means wander inside the hypothesis. After an alarm it starts
/// anew. Not a p-value: false alarms do come, at no more than that rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EDetector {
    version: FormatVersion<1>,
    kind: DetectorKind,
    hypothesis: Hypothesis,
    #[serde(with = "exact")]
    low: f64,
    #[serde(with = "exact")]
    high: f64,
    #[serde(with = "exact")]
    threshold: f64,
    #[serde(with = "exact")]
    run_length: f64,
    #[serde(with = "exact_all")]
    values: Vec<f64>,
    /// Observations since the start or the last alarm.
    n: u64,
    alarms: u64,
}

impl EDetector {
    /// `run_length`: the mean number of observations between false alarms, at least (1/alpha).
    ///
    /// # Errors
    /// A threshold that is not inside `low..high`, or a run length below 1.
    pub fn new(
        kind: DetectorKind,
        hypothesis: Hypothesis,
        threshold: f64,
        (low, high): (f64, f64),
        run_length: f64,
    ) -> Result<Self, StatsError> {
        super::check_finite(&[low, high, threshold])?;
        if threshold <= low || threshold >= high {
            return Err(StatsError::Range { what: "the threshold", low, high, value: threshold });
        }
        check_range("the run length", run_length, 1.0, 1e15)?;
        let values = vec![0.0; BETS];
        Ok(Self { version: FormatVersion, kind, hypothesis, low, high, threshold, run_length, values, n: 0, alarms: 0 })
    }

    /// Whether this observation raises an alarm; the detector then starts anew.
    ///
    /// # Errors
    /// A value outside the range, or not a number; the state is then unchanged.
    pub fn observe(&mut self, value: f64) -> Result<bool, StatsError> {
        check_range("an observation", value, self.low, self.high)?;
        let width = self.high - self.low;
        let (x, mean) = ((value - self.low) / width, (self.threshold - self.low) / width);
        for (index, value) in self.values.iter_mut().enumerate() {
            let carried = match self.kind {
                DetectorKind::ShiryaevRoberts => *value + 1.0,
                DetectorKind::Cusum => value.max(1.0),
            };
            *value = (carried * bet(self.hypothesis, mean, index, x)).min(VALUE_MAX);
        }
        self.n += 1;
        let alarm = self.value() >= self.run_length;
        if alarm {
            self.alarms += 1;
            self.n = 0;
            self.values.fill(0.0);
        }
        Ok(alarm)
    }

    /// The detector's value: alarms at the run length. 0 at the start.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    #[must_use]
    pub fn run_length(&self) -> f64 {
        self.run_length
    }

    /// Observations since the start or the last alarm.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }

    #[must_use]
    pub fn alarms(&self) -> u64 {
        self.alarms
    }
}
