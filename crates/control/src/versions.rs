//! Which digests of which agents belong to a version in the catalog, and in what state it is: what a boundary with
//! `versions: approved` rests on. The catalog is a higher plane; whoever joins them hands over what it publishes.

use std::collections::HashMap;
use std::sync::Arc;

use mizzen_model::id::Digest;

use crate::plane::Inner;
use crate::snapshot::KeyIdentity;

/// A version of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentVersion {
    /// As traffic and boundaries name it; compared without regard to case, as the catalog compares names.
    pub agent: String,
    pub digest: Digest,
    /// For example `approved` or `pending`.
    pub state: &'static str,
}

/// One state of all versions of agents. Before the first one is handed over every digest is unknown, which is no
/// approved version.
#[derive(Debug, Default)]
pub struct AgentVersions {
    states: HashMap<String, HashMap<Digest, &'static str>>,
}

impl AgentVersions {
    #[must_use]
    pub fn new(versions: impl IntoIterator<Item = AgentVersion>) -> Self {
        let mut states: HashMap<String, HashMap<Digest, &'static str>> = HashMap::new();
        for version in versions {
            states.entry(version.agent.to_lowercase()).or_default().insert(version.digest, version.state);
        }
        Self { states }
    }

    /// Of the version that the caller's digest belongs to; `None`: it names no agent or no digest, or the digest belongs
    /// to no version of that agent.
    pub(crate) fn state(&self, caller: &KeyIdentity) -> Option<&'static str> {
        self.state_of(caller.agent.as_deref()?, caller.agent_digest.as_ref()?)
    }

    pub(crate) fn state_of(&self, agent: &str, digest: &Digest) -> Option<&'static str> {
        self.states.get(&agent.to_lowercase())?.get(digest).copied()
    }
}

/// From [`crate::Control::versions`].
#[derive(Debug)]
pub struct Versions<'a>(pub(crate) &'a Inner);

impl Versions<'_> {
    /// The state of the version that the caller's digest belongs to; `None` as of no version.
    #[must_use]
    pub fn state(&self, caller: &KeyIdentity) -> Option<&'static str> {
        self.0.memory.versions.load().state(caller)
    }

    /// Puts what the catalog says now in the place of what it said before.
    pub fn publish(&self, versions: AgentVersions) {
        self.0.memory.versions.store(Arc::new(versions));
    }
}
