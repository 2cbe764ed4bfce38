//! A number with its uncertainty, as the API and the command line show it. Making one is the work of the `eval` plane.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A number with its uncertainty. Without limits nothing honest can be said about it, and `note` says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    pub value: f64,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// 1 − α of the interval.
    pub confidence: f64,
    /// How the interval was made, for example `cluster_t`.
    pub method: String,
    /// Observations.
    pub n: u64,
    /// Independent clusters (cases) that the observations fall into.
    pub clusters: u64,
    pub note: Option<String>,
}

impl Estimate {
    /// A value about whose error nothing is known.
    #[must_use]
    pub fn without_interval(value: f64, alpha: f64, n: u64, clusters: u64, note: impl Into<String>) -> Self {
        let note = Some(note.into());
        let method = "none".to_owned();
        Self { value, lower: None, upper: None, confidence: 1.0 - alpha, method, n, clusters, note }
    }

    /// `0.42 (0.31 to 0.53)`, with enough digits to tell the limits apart.
    #[must_use]
    pub fn text(&self) -> String {
        match self.lower.zip(self.upper) {
            Some((lower, upper)) => {
                let digits = decimals(self.value, upper - lower);
                format!("{:.digits$} ({lower:.digits$} to {upper:.digits$})", self.value)
            }
            None => format!("{:.1$}", self.value, decimals(self.value, self.value.abs())),
        }
    }
}

/// Decimals that tell two significant digits of the width, or of the value where there is no width; of a share three decimals.
fn decimals(value: f64, width: f64) -> usize {
    match if width > 0.0 { width } else { value.abs() } {
        20.0.. => 0,
        2.0.. => 1,
        0.02.. => 3,
        scale if scale > 0.0 => decimals_of(scale, 2),
        _ => 3,
    }
}

/// Decimals beyond which a number says nothing to anybody.
const DECIMALS_MAX: usize = 12;

/// Decimals with which a number has so many significant digits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a magnitude, clamped just before")]
fn decimals_of(value: f64, significant: u32) -> usize {
    let leading = value.abs().log10().floor();
    (f64::from(significant) - 1.0 - leading).clamp(0.0, DECIMALS_MAX as f64) as usize
}

/// A number rounded to so many significant digits, without zeros at its end: `0.00034`, `61`, `12345`. Digits before the
/// point are never rounded away.
#[must_use]
pub fn significant(value: f64, digits: u32) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if value.abs() < 1e-9 {
        return format!("{value:e}");
    }
    let text = format!("{value:.*}", decimals_of(value, digits));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{Estimate, significant};

    #[test]
    fn a_value_is_told_with_its_limits_or_without() {
        let wide =
            Estimate { lower: Some(0.31), upper: Some(0.53), ..Estimate::without_interval(0.42, 0.05, 9, 3, "") };
        assert_eq!(wide.text(), "0.420 (0.310 to 0.530)");
        assert_eq!(Estimate::without_interval(0.42, 0.05, 1, 1, "one cluster").text(), "0.420");
        let large = Estimate { value: 1234.56, lower: Some(1200.0), upper: Some(1300.0), ..wide };
        assert_eq!(large.text(), "1235 (1200 to 1300)");
        let cents = Estimate { value: 0.000_34, lower: Some(0.000_31), upper: Some(0.000_37), ..large };
        assert_eq!(cents.text(), "0.000340 (0.000310 to 0.000370)");
        assert_eq!(Estimate { lower: None, ..cents }.text(), "0.00034");
        assert_eq!(Estimate::without_interval(0.0, 0.05, 1, 1, "").text(), "0.000");
    }

    #[test]
    fn a_number_keeps_the_digits_that_mean_something() {
        let numbers = [
            (0.003_036_950_000_000_002, "0.00303695"),
            (61.0, "61"),
            (123_456_789.0, "123456789"),
            (2.5e-20, "2.5e-20"),
            (0.0, "0"),
            (-0.25, "-0.25"),
        ];
        for (value, expected) in numbers {
            assert_eq!(significant(value, 12), expected);
        }
        assert_eq!(significant(0.000_343_21, 2), "0.00034");
    }
}
