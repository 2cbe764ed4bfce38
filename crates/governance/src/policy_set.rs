//! The policies in force.

use mizzen_model::id::Digest;
use mizzen_model::permission::{Effect, Mode};

use crate::request::{Obligations, Outcome, Request};

/// Compiled policies. Immutable; replaced as a whole.
#[derive(Debug)]
pub struct PolicySet {
    digest: Digest,
}

impl PolicySet {
    /// The set without a policy.
    #[must_use]
    pub fn empty() -> Self {
        Self { digest: Digest::of(b"") }
    }

    /// Of all sources that it was compiled from.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Decides. Never fails: what cannot be evaluated denies, and says so.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Outcome {
        let agent = request.agent.unwrap_or(&request.caller.reference);
        Outcome {
            effect: Effect::Deny,
            mode: Mode::Observe,
            policies: Vec::new(),
            reason: format!("no boundary names `{agent}`"),
            obligations: Obligations::default(),
        }
    }
}
