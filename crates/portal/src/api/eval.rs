//! Evaluation: eval sets, experiments, monitors, labels, baselines, evidence and plans.

pub(crate) mod baselines;
pub(crate) mod comparison;
pub(crate) mod evaluators;
pub(crate) mod evidence;
pub(crate) mod experiments;
pub(crate) mod labels;
pub(crate) mod monitors;
pub(crate) mod plan;
pub(crate) mod sets;

use crate::error::ApiError;

/// A number of a query string; `default` when it is absent.
pub(super) fn number(field: &'static str, text: Option<&str>, default: f64) -> Result<f64, ApiError> {
    optional(field, text).map(|number| number.unwrap_or(default))
}

/// A number of a query string that may be absent.
pub(super) fn optional(field: &'static str, text: Option<&str>) -> Result<Option<f64>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Some).ok_or_else(|| ApiError::Field { field, message: format!("`{text}` is not a number") })
}
