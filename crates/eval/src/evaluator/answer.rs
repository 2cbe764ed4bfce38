//! What an evaluator found, before thresholds.

use mizzen_model::permission::Verdict;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Value {
        value: f64,
        explanation: Option<String>,
    },
    /// A program may give its own verdict.
    Judged {
        value: f64,
        verdict: Verdict,
        explanation: Option<String>,
    },
    /// The trial or the case lacks this.
    Missing(String),
    /// The evaluator itself failed.
    Broken(String),
}

impl Answer {
    pub(super) fn nothing() -> Self {
        Self::Missing("the evaluator has nothing to say".to_owned())
    }

    /// 1 when `holds`, else 0 with what did not hold.
    pub(super) fn yes_or_no(holds: bool, explanation: impl FnOnce() -> String) -> Self {
        Self::Value { value: f64::from(u8::from(holds)), explanation: (!holds).then(explanation) }
    }
}
