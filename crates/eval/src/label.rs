//! Human labels: what a person says of a run, by metric.

use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::EvalError;

/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 4 * 1024;
/// Longest name of a metric, a set or a baseline, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// What a person said of one revision of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Label {
    pub run_id: String,
    pub revision: u32,
    /// For example `success`.
    pub metric: String,
    /// From 0 (bad) to 1 (good).
    pub value: f64,
    pub note: Option<String>,
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether it is this person's newest word on the run.
    pub is_current: bool,
}

impl Label {
    /// # Errors
    /// When the metric is no name, the value lies outside [0, 1], or the note is too long.
    pub fn validate(&self) -> Result<(), EvalError> {
        check_name("metric", &self.metric)?;
        if !(0.0..=1.0).contains(&self.value) {
            return Err(EvalError::invalid("value", format!("must lie between 0 and 1, got {}", self.value)));
        }
        if self.note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return Err(EvalError::invalid("note", format!("must have at most {NOTE_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

/// A name that fits into a path and a table.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<(), EvalError> {
    let fit = !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
    if fit {
        return Ok(());
    }
    Err(EvalError::invalid(field, format!("must be 1 to {NAME_BYTES_MAX} bytes without control characters")))
}

/// The labels in force of a run as one number: the mean over people, each once.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a handful of people label a run")]
pub fn consensus(labels: &[Label]) -> Option<f64> {
    (!labels.is_empty()).then(|| labels.iter().map(|label| label.value).sum::<f64>() / labels.len() as f64)
}
