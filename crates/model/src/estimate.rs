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
        let digits = digits(self.lower.zip(self.upper).map(|(lower, upper)| upper - lower));
        match self.lower.zip(self.upper) {
            Some((lower, upper)) => format!("{:.digits$} ({lower:.digits$} to {upper:.digits$})", self.value),
            None => format!("{:.digits$}", self.value),
        }
    }
}

/// Two significant digits of the width, and at most six.
fn digits(width: Option<f64>) -> usize {
    match width {
        Some(width) if width >= 20.0 => 0,
        Some(width) if width >= 2.0 => 1,
        Some(width) if width >= 0.02 => 3,
        Some(width) if width >= 0.0002 => 5,
        Some(_) => 6,
        None => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn a_value_is_told_with_its_limits_or_without() {
        let wide =
            Estimate { lower: Some(0.31), upper: Some(0.53), ..Estimate::without_interval(0.42, 0.05, 9, 3, "") };
        assert_eq!(wide.text(), "0.420 (0.310 to 0.530)");
        assert_eq!(Estimate::without_interval(0.42, 0.05, 1, 1, "one cluster").text(), "0.420");
        let large = Estimate { value: 1234.56, lower: Some(1200.0), upper: Some(1300.0), ..wide };
        assert_eq!(large.text(), "1235 (1200 to 1300)");
    }
}
