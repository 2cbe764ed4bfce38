//! What a fallible judge's verdicts say about the truth, with the help of calibration labels: runs that both the judge and
//! a person have judged. Both corrections assume that the calibration runs are a random sample of what the judge judges.

use super::special::normal_quantile;
use super::{Interval, Method, StatsError, check_alpha, check_finite};

/// A judge's verdicts on runs whose truth a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// Truly passing, and the judge says pass.
    pub true_positive: u64,
    /// Truly passing, the judge says fail.
    pub false_negative: u64,
    pub true_negative: u64,
    pub false_positive: u64,
}

impl Calibration {
    /// From (truth, judge) pairs.
    #[must_use]
    pub fn count(pairs: &[(bool, bool)]) -> Self {
        let count = |truth, judged| pairs.iter().filter(|pair| **pair == (truth, judged)).count() as u64;
        Self {
            true_positive: count(true, true),
            false_negative: count(true, false),
            true_negative: count(false, false),
            false_positive: count(false, true),
        }
    }

    /// The share of truly passing runs that the judge passes; `None` without any.
    #[must_use]
    pub fn sensitivity(&self) -> Option<f64> {
        let passing = self.true_positive + self.false_negative;
        (passing > 0).then(|| self.true_positive as f64 / passing as f64)
    }

    /// The share of truly failing runs that the judge fails; `None` without any.
    #[must_use]
    pub fn specificity(&self) -> Option<f64> {
        let failing = self.true_negative + self.false_positive;
        (failing > 0).then(|| self.true_negative as f64 / failing as f64)
    }
}

/// The true pass rate behind `passed` of `judged` verdicts: Rogan and Gladen's (p̂ + sp − 1)/(se + sp − 1) (Am. J.
/// Epidemiology 107:71, 1978), limits by Lang and Reiczigel (Preventive Veterinary Medicine 113:13, 2014).
///
/// The limits include the uncertainty of p̂, of sensitivity and of specificity, each with pseudo-counts (z²/2 and z²/2 for
/// p̂, one and one for the others), so that a flawless calibration of ten is not taken for a flawless judge. Estimate
/// and limits are kept in [0, 1]. Verdicts count as independent; with several trials of a case pass one of each,
/// or use [`prediction_powered`] on case means.
///
/// # Errors
/// No verdicts, more passed than judged, calibration without truly passing or without truly failing runs, a judge no better
/// than chance on the calibration, or an alpha that is none.
pub fn rogan_gladen(passed: u64, judged: u64, calibration: Calibration, alpha: f64) -> Result<Interval, StatsError> {
    check_alpha(alpha)?;
    super::proportion::check_counts(passed, judged)?;
    let (Some(sensitivity), Some(specificity)) = (calibration.sensitivity(), calibration.specificity()) else {
        return Err(StatsError::TooFew {
            what: "truly passing and truly failing calibration labels",
            needed: 1,
            got: 0,
        });
    };
    if sensitivity + specificity <= 1.0 {
        return Err(StatsError::UninformativeJudge { sensitivity, specificity });
    }
    let truth =
        |rate: f64, sensitivity: f64, specificity: f64| (rate + specificity - 1.0) / (sensitivity + specificity - 1.0);
    let estimate = truth(passed as f64 / judged as f64, sensitivity, specificity).clamp(0.0, 1.0);

    let z = -normal_quantile(alpha / 2.0);
    let n = judged as f64 + z * z;
    let rate = (passed as f64 + z * z / 2.0) / n;
    let passing = (calibration.true_positive + calibration.false_negative) as f64 + 2.0;
    let failing = (calibration.true_negative + calibration.false_positive) as f64 + 2.0;
    let sensitivity = (calibration.true_positive as f64 + 1.0) / passing;
    let specificity = (calibration.true_negative as f64 + 1.0) / failing;
    let gain = sensitivity + specificity - 1.0;
    if gain <= 0.0 {
        return Err(StatsError::UninformativeJudge { sensitivity, specificity });
    }
    let centre = truth(rate, sensitivity, specificity);
    let of_sensitivity = sensitivity * (1.0 - sensitivity) / passing;
    let of_specificity = specificity * (1.0 - specificity) / failing;
    let shift = 2.0 * z * z * (centre * of_sensitivity - (1.0 - centre) * of_specificity);
    let variance = rate * (1.0 - rate) / n + centre.powi(2) * of_sensitivity + (1.0 - centre).powi(2) * of_specificity;
    let half = z * variance.sqrt() / gain;
    Ok(Interval {
        estimate,
        lower: (centre + shift - half).clamp(0.0, estimate),
        upper: (centre + shift + half).clamp(estimate, 1.0),
        alpha,
        method: Method::RoganGladen,
    })
}

/// A prediction-powered mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictionPowered {
    pub interval: Interval,
    /// How far the judge was relied on: 0 the labels alone, 1 in full.
    pub lambda: f64,
    /// Standard error over that of the labels alone: below 1 the judge helped.
    pub gain: f64,
}

/// The mean of the truth from few labelled and many judged values: λ·mean(judge, unlabelled) + mean(truth − λ·judge,
/// labelled), λ tuned to the least variance and kept in [0, 1] (PPI++: Angelopoulos, Duchi and Zrnic, arXiv 2311.01453).
///
/// Normal limits: assumes some 30 labels or more, independent values (pass one mean per case), and labels on a
/// random sample. Unlike [`rogan_gladen`] it takes scores of any kind and stays right for any judge; a useless one
/// gets λ near 0.
///
/// # Errors
/// Fewer than two labelled values or no others, lengths that differ, a value that is not finite, or an alpha that is none.
pub fn prediction_powered(
    truth: &[f64],
    judged: &[f64],
    judged_unlabelled: &[f64],
    alpha: f64,
) -> Result<PredictionPowered, StatsError> {
    check_alpha(alpha)?;
    for values in [truth, judged, judged_unlabelled] {
        check_finite(values)?;
    }
    if truth.len() != judged.len() {
        let (left, right) = (truth.len(), judged.len());
        return Err(StatsError::Lengths { what: "labels and the judge's scores of them", left, right });
    }
    if truth.len() < 2 {
        return Err(StatsError::TooFew { what: "labelled values", needed: 2, got: truth.len() });
    }
    if judged_unlabelled.is_empty() {
        return Err(StatsError::Empty);
    }
    let (labelled, others) = (truth.len() as f64, judged_unlabelled.len() as f64);
    let lambda = tuned_lambda(truth, judged, judged_unlabelled);
    let rectified: Vec<f64> = truth.iter().zip(judged).map(|(truth, judged)| truth - lambda * judged).collect();
    let estimate = lambda * mean(judged_unlabelled) + mean(&rectified);
    let error = (lambda * lambda * variance(judged_unlabelled) / others + variance(&rectified) / labelled).sqrt();
    let half = -normal_quantile(alpha / 2.0) * error;
    let interval =
        Interval { estimate, lower: estimate - half, upper: estimate + half, alpha, method: Method::PredictionPowered };
    let alone = (variance(truth) / labelled).sqrt();
    Ok(PredictionPowered { interval, lambda, gain: if alone > 0.0 { error / alone } else { 1.0 } })
}

/// Cov(truth, judge)/((1 + n/N)·Var(judge)), the variance over all judged values (equation 12 of the paper).
fn tuned_lambda(truth: &[f64], judged: &[f64], judged_unlabelled: &[f64]) -> f64 {
    let (centre, centre_judged) = (mean(truth), mean(judged));
    let products = truth.iter().zip(judged).map(|(truth, judged)| (truth - centre) * (judged - centre_judged));
    let labelled = truth.len() as f64;
    let covariance = products.sum::<f64>() / labelled;
    let pooled: Vec<f64> = judged.iter().chain(judged_unlabelled).copied().collect();
    let spread = variance(&pooled) * pooled.len() as f64 / (pooled.len() - 1) as f64;
    if spread <= 0.0 {
        return 0.0;
    }
    (covariance / ((1.0 + labelled / judged_unlabelled.len() as f64) * spread)).clamp(0.0, 1.0)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// With n, not n − 1, as ppi-python has it.
fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / values.len() as f64
}
