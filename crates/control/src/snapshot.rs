//! What the doors read on every call: immutable, replaced as a whole, no lock and no I/O.

use std::collections::{BTreeMap, HashMap};

use mizzen_model::id::{Digest, RunId};
use mizzen_model::permission::Caller;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::secret::Secret;

use crate::audit::{AuditLog, Kind, Who};
use crate::keys;
use crate::providers::{Resolved, SecretError};
use crate::sign_in::Session;
use crate::token::TokenHash;

/// What stands before `issuer#subject` in [`KeyIdentity::key_id`] where an access token of an issuer is the credential: no
/// key of ours is called so.
pub const TOKEN_KEY_PREFIX: &str = "token:";

/// Who a virtual key names. It opens the gateway and OTLP doors; it is no session and carries no role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyIdentity {
    pub key_id: String,
    /// The name of the key: who called.
    pub caller: String,
    pub agent: Option<String>,
    pub team: Option<String>,
    /// What exactly carries the key, as whoever made it says; unknown satisfies no evidence rule.
    pub agent_digest: Option<Digest>,
    /// The person who had the key made.
    pub minted_by: Option<String>,
    /// The run that calls without trace context belong to.
    pub run_id: Option<RunId>,
    pub expires_at: Option<Timestamp>,
}

impl KeyIdentity {
    /// As policies name it: `agent:default/helm-agent`, or `user:default/…` for a key that names no agent.
    #[must_use]
    pub fn reference(&self) -> String {
        match &self.agent {
            Some(agent) => format!("agent:default/{agent}"),
            None => format!("user:default/{}", self.caller),
        }
    }

    /// As decisions record it.
    #[must_use]
    pub fn as_caller(&self) -> Caller {
        Caller { reference: self.reference(), agent_digest: self.agent_digest.clone() }
    }
}

/// One state of the keys of callers and providers, and of API tokens.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) revision: i64,
    pub(crate) keys: HashMap<TokenHash, KeyIdentity>,
    /// API tokens, and whom they name to the portal.
    pub(crate) tokens: HashMap<TokenHash, Session>,
    pub(crate) providers: BTreeMap<String, Resolved>,
    pub(crate) clock: Clock,
    /// Where refusals are written down.
    pub(crate) audit: Option<AuditLog>,
}

impl Snapshot {
    /// Who `key` names; `None` when it is unknown, revoked or expired.
    #[must_use]
    pub fn identify(&self, key: &str) -> Option<KeyIdentity> {
        let identity = TokenHash::of(keys::PREFIX, key).and_then(|hash| self.keys.get(&hash));
        let is_expired = |identity: &KeyIdentity| identity.expires_at.is_some_and(|expiry| expiry <= self.clock.now());
        match identity {
            Some(identity) if !is_expired(identity) => Some(identity.clone()),
            known => {
                self.refused(known);
                None
            }
        }
    }

    /// A key that opens no door is written down, with its id where it once was one.
    fn refused(&self, known: Option<&KeyIdentity>) {
        let Some(audit) = &self.audit else { return };
        let code = if known.is_some() { "key_expired" } else { "key_unknown" };
        let who = Who {
            key_id: known.map(|identity| identity.key_id.clone()),
            reference: known.map(|identity| identity.caller.clone()).unwrap_or_default(),
            ..Who::default()
        };
        audit.refused(Kind::DoorRefused, "gateway", code, who);
    }

    /// Every secret that providers are called with, so that none of them leaves in another way.
    pub fn provider_secrets(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.providers.iter().filter_map(|(name, resolved)| match resolved {
            Resolved::Ready(secret) => Some((name.as_str(), secret)),
            Resolved::Faulty(_) => None,
        })
    }

    /// The key to send to the provider `name`; `None` when there is none by this name.
    ///
    /// # Errors
    /// When there is one and it cannot be used: its environment variable is not set, or it cannot be decrypted.
    pub fn provider_secret(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        match self.providers.get(name) {
            None => Ok(None),
            Some(Resolved::Ready(secret)) => Ok(Some(secret.clone())),
            Some(Resolved::Faulty(fault)) => Err(fault.clone()),
        }
    }
}
