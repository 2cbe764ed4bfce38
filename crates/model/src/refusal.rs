//! With what Mizzen itself keeps a call from going on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::step::{UnknownName, named};

named! {
    /// The stable code of a refusal: what the client is told, and `error.type` of the call's span.
    RefusalCode, "code of a refusal" {
        PolicyDenied = "policy_denied",
        EvidenceMissing = "evidence_missing",
        DefinitionChanged = "definition_changed",
        BudgetExhausted = "budget_exhausted",
        RateLimited = "rate_limited",
        Paused = "paused",
        Stopped = "stopped",
        ApprovalPending = "approval_pending",
        ApprovalDenied = "approval_denied",
        ApprovalExpired = "approval_expired",
        SecretFound = "secret_found",
        GuardrailDenied = "guardrail_denied",
        /// It could not be decided, or not be recorded.
        PermissionUnavailable = "permission_unavailable",
        SecretsNotSearched = "secrets_not_searched",
        GuardrailFailed = "guardrail_failed",
    }
}

impl RefusalCode {
    /// Whether somebody or something said no to what the agent did. What is too fast, what waits for a person, and what nobody could
    /// judge was not denied; nor does a pause say anything about a call.
    #[must_use]
    pub const fn is_denial(self) -> bool {
        match self {
            Self::PolicyDenied
            | Self::EvidenceMissing
            | Self::DefinitionChanged
            | Self::BudgetExhausted
            | Self::ApprovalDenied
            | Self::ApprovalExpired
            | Self::SecretFound
            | Self::GuardrailDenied => true,
            Self::RateLimited
            | Self::Paused
            | Self::Stopped
            | Self::ApprovalPending
            | Self::PermissionUnavailable
            | Self::SecretsNotSearched
            | Self::GuardrailFailed => false,
        }
    }
}

/// What the span of a refused call says: why, as the client was told it, and by which decision, for `mizzen policy explain`.
#[must_use]
pub fn status_message(why: &str, decision: &str) -> String {
    format!("{why} (decision `{decision}`)")
}
