//! What is written down: one entry of the log, and its bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mizzen_model::canonical;
use mizzen_model::id::{Digest, RunId, SpanId, TraceId};
use mizzen_model::permission::{Caller, Decision, Effect, Mode, Role};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of entries that is written; newer ones are not read.
pub const ENTRY_VERSION: u32 = 1;
/// The length of an entry has two bytes in a bundle (C2SP tlog-tiles).
pub const ENTRY_BYTES_MAX: usize = 65_535;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What an entry is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $($(#[$doc])* $kind),+ }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }
    };
}

kinds! {
    /// A door asked whether a call may go out.
    Decision = "decision",
    /// A held call was held, approved, denied or has expired.
    Approval = "approval",
    Pause = "pause",
    PolicyChanged = "policy_changed",
    BoundaryChanged = "boundary_changed",
    BudgetChanged = "budget_changed",
    CatalogChanged = "catalog_changed",
    ToolServerChanged = "tool_server_changed",
    /// A definition was pinned, or the pin was taken away.
    Pin = "pin",
    EvidencePublished = "evidence_published",
    KeyCreated = "key_created",
    KeyExtended = "key_extended",
    KeyRevoked = "key_revoked",
    TokenCreated = "token_created",
    TokenRevoked = "token_revoked",
    ProviderKeyChanged = "provider_key_changed",
    SignIn = "sign_in",
    SignInRefused = "sign_in_refused",
    SignOut = "sign_out",
    SignInLinkCreated = "sign_in_link_created",
    /// Somebody came without a credential that opens the door.
    DoorRefused = "door_refused",
    RunDeleted = "run_deleted",
    BackupMade = "backup_made",
    /// The content of old entries was removed; their hashes stay.
    ContentPruned = "content_pruned",
    /// The log was begun.
    LogOpened = "log_opened",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// A name that is none of [`Kind::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of audit entry `{0}`")]
pub struct UnknownKind(pub String);

/// Who did it, or asked for it. Its fields are in the order of their names, as [`AuditEntry::encode`] needs them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Who {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub agent_digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// For example `agent:default/helm-agent` or `user:default/anna`; empty when nobody knows.
    pub reference: String,
    /// Of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    /// How a person signed in, for example `token`, `link` or `oidc:https://issuer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Who {
    /// Somebody known by name alone.
    #[must_use]
    pub fn named(reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), ..Self::default() }
    }

    /// A person, of whom only the name is known here.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self::named(format!("user:default/{name}"))
    }

    /// A signed-in person.
    #[must_use]
    pub fn person(name: &str, role: Role) -> Self {
        Self { role: Some(role), ..Self::user(name) }
    }

    /// Mizzen, of its own accord: nobody asked for it, and no person who happens to have that name did it.
    #[must_use]
    pub fn mizzen() -> Self {
        Self::named("service:default/mizzen")
    }
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        Self { agent_digest: caller.agent_digest.clone(), ..Self::named(caller.reference.clone()) }
    }
}

/// One entry. What is not known is left out of its text.
///
/// Arguments are there as a keyed hash ([`super::AuditLog::hash_arguments`]), never as they were, unless a policy
/// asked for content. Its fields are in the order of their names, as [`AuditEntry::encode`] needs them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// For example `tools:call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// `hmac-sha256:` and 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    pub at: Timestamp,
    /// The stable code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only where a policy says that content may be recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
    /// How many alike this entry stands for, where they are too many to be written one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The id of the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// What only this kind has, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub effect: Option<Effect>,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub mode: Option<Mode>,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub policy_set: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For example `tool:helm/helm_list_releases`; for a change, what was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub span: Option<SpanId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub trace: Option<TraceId>,
    /// [`ENTRY_VERSION`].
    pub v: u32,
    #[serde(default)]
    pub who: Who,
    /// What was taken out of the result or not shown, for example JSON pointers or names of tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// Why something cannot become an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("an audit entry of {bytes} bytes is longer than {ENTRY_BYTES_MAX}; shorten its reason, content or details")]
    TooLong { bytes: usize },
    #[error("the audit entry cannot be written as JSON: {0}")]
    NotJson(String),
}

impl AuditEntry {
    /// With all the rest unknown.
    #[must_use]
    pub fn new(at: Timestamp, kind: Kind, who: Who) -> Self {
        Self {
            v: ENTRY_VERSION,
            at,
            kind,
            who,
            run: None,
            trace: None,
            span: None,
            action: None,
            resource: None,
            effect: None,
            mode: None,
            decision: None,
            policies: Vec::new(),
            policy_set: None,
            reason: None,
            arguments: None,
            withheld: Vec::new(),
            code: None,
            count: None,
            content: None,
            details: BTreeMap::new(),
        }
    }

    /// Of a decision, as far as the decision knows.
    #[must_use]
    pub fn of_decision(decision: &Decision) -> Self {
        Self {
            action: Some(decision.action.clone()),
            resource: Some(decision.resource.clone()),
            effect: Some(decision.effect),
            mode: Some(decision.mode),
            decision: Some(decision.id.clone()),
            policies: decision.policies.clone(),
            policy_set: Some(decision.policy_set.clone()),
            reason: Some(decision.reason.clone()),
            ..Self::new(decision.at, Kind::Decision, Who::from(&decision.caller))
        }
    }

    /// With one more of the details.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The bytes that are logged and hashed: JSON with sorted names and without spaces (RFC 8785).
    ///
    /// # Errors
    /// When they are more than [`ENTRY_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let not_json = |error: serde_json::Error| EntryError::NotJson(error.to_string());
        // One is written for every call. The names of fields are sorted already; those within content need not be.
        let bytes = match self.content {
            None => serde_json::to_vec(self).map_err(not_json)?,
            Some(_) => canonical::text(&serde_json::to_value(self).map_err(not_json)?).into_bytes(),
        };
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLong { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads [`Self::encode`].
    ///
    /// # Errors
    /// When it is no entry of a version that this program knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        let Versioned { v } = serde_json::from_slice(bytes).map_err(DecodeError::NotAnEntry)?;
        if v > ENTRY_VERSION {
            return Err(DecodeError::Newer { found: v });
        }
        serde_json::from_slice(bytes).map_err(DecodeError::NotAnEntry)
    }
}

/// Why bytes of the log are no entry.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the audit entry has version {found}, and this Mizzen reads up to {ENTRY_VERSION}")]
    Newer { found: u32 },
    #[error("this is no audit entry")]
    NotAnEntry(#[source] serde_json::Error),
}

#[cfg(test)]
mod tests;
