//! Changing stored policies: the set is compiled as it would become, told to the audit log, and only then made true.

use mizzen_model::id::Digest;
use mizzen_model::permission::{Mode, Role};
use mizzen_model::time::Timestamp;

use super::publish::{self, Working};
use super::set::{self, Assembled};
use super::stored::{self, NewVersion, Stored, StoredSet};
use super::{
    POLICIES_MAX, Policies, PolicyError, PolicyKind, Problems, REASON_BYTES_MAX, TEXT_BYTES_MAX, check_name, mode_line,
};
use crate::audit::{AuditEntry, Durability, Kind, Who};

/// Changes of other nodes that a change is put on top of before it gives up.
const ATTEMPTS: u32 = 8;

/// What the one who changes believes to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there.
    Anything,
    Nothing,
    /// The version with this digest.
    Version(Digest),
}

/// Who changes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    pub name: String,
    /// As which they are signed in.
    pub role: Option<Role>,
    pub reason: String,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    Created,
    Updated,
    /// The text is the one in force, byte for byte.
    Unchanged,
}

impl ChangeOutcome {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// A change that was made, or was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub outcome: ChangeOutcome,
    pub kind: PolicyKind,
    pub name: String,
    pub digest: Digest,
    pub version: i64,
    /// The set in force now.
    pub policy_set: Digest,
}

/// One change that is on its way.
#[derive(Debug)]
struct Wanted<'a> {
    kind: PolicyKind,
    name: &'a str,
    /// `None`: it is to go.
    text: Option<&'a str>,
    expected: &'a Expected,
    by: &'a By,
}

impl Policies<'_> {
    /// Stores a policy and puts the set in force that it then is.
    ///
    /// # Errors
    /// When the set would not compile, with the places; when another version than the expected one is there; when the
    /// policy is a file of the folder; when the audit log does not take the change. Nothing is changed then.
    pub async fn put(
        &self,
        kind: PolicyKind,
        name: &str,
        text: &str,
        expected: &Expected,
        by: &By,
    ) -> Result<Changed, PolicyError> {
        check_name(name)?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(PolicyError::TextTooLong { got: text.len() });
        }
        if kind == PolicyKind::Boundary {
            let boundary = set::read_boundary(text, name).map_err(PolicyError::Invalid)?;
            if boundary.name != name {
                return Err(PolicyError::OtherName { inside: boundary.name, outside: name.to_owned() });
            }
        }
        let working = self.0.policies.working().await;
        self.make(working, &Wanted { kind, name, text: Some(text), expected, by }).await
    }

    /// Takes a policy away. Its versions stay.
    ///
    /// # Errors
    /// As [`Self::put`]; when there is none.
    pub async fn remove(
        &self,
        kind: PolicyKind,
        name: &str,
        expected: &Expected,
        by: &By,
    ) -> Result<Changed, PolicyError> {
        let working = self.0.policies.working().await;
        self.make(working, &Wanted { kind, name, text: None, expected, by }).await
    }

    /// Switches a stored boundary between watching and enforcing: its `mode:` becomes `mode`, every other byte stays.
    ///
    /// # Errors
    /// As [`Self::put`]; when there is none.
    pub async fn set_mode(&self, name: &str, mode: Mode, expected: &Expected, by: &By) -> Result<Changed, PolicyError> {
        let (kind, working) = (PolicyKind::Boundary, self.0.policies.working().await);
        self.refuse_file(&working, kind, name)?;
        let stored = stored::load(&self.0.store).await?;
        let current = find(&stored, kind, name).ok_or_else(|| PolicyError::NotFound { kind, name: name.to_owned() })?;
        check_expected(Some(current), kind, name, expected)?;
        let text = mode_line::with_mode(&current.text, mode).ok_or_else(|| {
            let message = "its `mode` cannot be told from the text around it; change it by hand".to_owned();
            PolicyError::Invalid(Problems(vec![set::whole(&set::label(kind, name), message)]))
        })?;
        // What was read is what is replaced.
        let expected = Expected::Version(current.digest.clone());
        self.make(working, &Wanted { kind, name, text: Some(&text), expected: &expected, by }).await
    }

    async fn make(
        &self,
        mut working: tokio::sync::MutexGuard<'_, Working>,
        wanted: &Wanted<'_>,
    ) -> Result<Changed, PolicyError> {
        if wanted.by.reason.len() > REASON_BYTES_MAX {
            return Err(PolicyError::ReasonTooLong { got: wanted.by.reason.len() });
        }
        self.refuse_file(&working, wanted.kind, wanted.name)?;
        for _ in 0..ATTEMPTS {
            let stored = stored::load(&self.0.store).await?;
            let current = find(&stored, wanted.kind, wanted.name).cloned();
            check_expected(current.as_ref(), wanted.kind, wanted.name, wanted.expected)?;
            if let Some(same) = current.as_ref().filter(|current| Some(current.text.as_str()) == wanted.text) {
                return Ok(self.unchanged(same));
            }
            let at = self.0.clock.now();
            let next = becoming(&stored, wanted, current.as_ref(), at)?;
            // What is not in force may stay so, or the first of two could not be mended.
            let mut may_close = self.published().may_close(&stored);
            may_close.remove(&set::label(wanted.kind, wanted.name));
            let assembled = publish::assemble(&next, working.files(), working.unnamed, may_close).await;
            let assembled = assembled.map_err(PolicyError::Invalid)?;
            let Some(version) = self.commit(&stored, wanted, current.as_ref(), &assembled, at).await? else { continue };
            let mut assembled = assembled;
            assembled.number(wanted.kind, wanted.name, version);
            let policy_set = assembled.set.digest().clone();
            if let Some(folder) = working.folder.as_mut() {
                folder.try_again();
            }
            publish::publish(self.0, &working, stored.revision + 1, assembled);
            let outcome = if current.is_some() { ChangeOutcome::Updated } else { ChangeOutcome::Created };
            let digest = Digest::of(wanted.text.unwrap_or_default().as_bytes());
            let (kind, name) = (wanted.kind, wanted.name.to_owned());
            return Ok(Changed { outcome, kind, name, digest, version, policy_set });
        }
        Err(PolicyError::Busy)
    }

    /// The number of the new version; `None` when another node changed the set meanwhile.
    async fn commit(
        &self,
        stored: &StoredSet,
        wanted: &Wanted<'_>,
        current: Option<&Stored>,
        assembled: &Assembled,
        at: Timestamp,
    ) -> Result<Option<i64>, PolicyError> {
        if stored::revision(&self.0.store).await? != stored.revision {
            return Ok(None);
        }
        self.audit(wanted, current, assembled).await?;
        let mut change = self.0.begin_change().await?;
        let new = NewVersion {
            kind: wanted.kind,
            name: wanted.name,
            text: wanted.text,
            by: &wanted.by.name,
            at,
            reason: &wanted.by.reason,
        };
        let version = stored::change(&mut change, stored.revision, &new).await?;
        if version.is_some() {
            change.commit().await.map_err(mizzen_store::StoreError::from)?;
        }
        Ok(version)
    }

    /// The entry comes first: a change that the log does not know of must not be in force.
    async fn audit(
        &self,
        wanted: &Wanted<'_>,
        current: Option<&Stored>,
        assembled: &Assembled,
    ) -> Result<(), PolicyError> {
        let kind = match wanted.kind {
            PolicyKind::Boundary => Kind::BoundaryChanged,
            PolicyKind::Policy => Kind::PolicyChanged,
        };
        let result = match (current, wanted.text) {
            (None, _) => "created",
            (Some(_), Some(_)) => "updated",
            (Some(_), None) => "deleted",
        };
        let who = match wanted.by.role {
            Some(role) => Who::person(&wanted.by.name, role),
            None => Who::named(wanted.by.name.clone()),
        };
        let mut entry = AuditEntry::new(self.0.audit.now(), kind, who).with("result", result);
        if let Some(current) = current {
            entry = entry.with("from", current.digest.as_str());
        }
        if let Some(text) = wanted.text {
            entry = entry.with("to", Digest::of(text.as_bytes()).as_str());
        }
        if let Some(mode) = assembled.mode_of(wanted.kind, wanted.name) {
            entry.mode = Some(mode);
        }
        entry.resource = Some(set::label(wanted.kind, wanted.name));
        entry.policy_set = Some(assembled.set.digest().clone());
        entry.reason = (!wanted.by.reason.is_empty()).then(|| wanted.by.reason.clone());
        let written = self.0.audit.append(entry, Durability::Durable).await;
        written.map(|_| ()).map_err(|error| PolicyError::NotAudited(Box::new(error)))
    }

    fn unchanged(&self, current: &Stored) -> Changed {
        Changed {
            outcome: ChangeOutcome::Unchanged,
            kind: current.kind,
            name: current.name.clone(),
            digest: current.digest.clone(),
            version: current.version,
            policy_set: self.published().set.digest().clone(),
        }
    }

    fn refuse_file(&self, working: &Working, kind: PolicyKind, name: &str) -> Result<(), PolicyError> {
        let file = working.files().iter().find(|file| file.kind == kind && set::name_of(file) == name);
        match file {
            None => Ok(()),
            Some(file) => Err(PolicyError::InFolder { kind, name: name.to_owned(), file: file.name.clone() }),
        }
    }
}

fn find<'a>(stored: &'a StoredSet, kind: PolicyKind, name: &str) -> Option<&'a Stored> {
    stored.policies.iter().find(|policy| policy.kind == kind && policy.name == name)
}

fn check_expected(
    current: Option<&Stored>,
    kind: PolicyKind,
    name: &str,
    expected: &Expected,
) -> Result<(), PolicyError> {
    let name = name.to_owned();
    match (expected, current) {
        (Expected::Anything, _) | (Expected::Nothing, None) => Ok(()),
        (Expected::Nothing, Some(_)) => Err(PolicyError::Exists { kind, name }),
        (Expected::Version(_), None) => Err(PolicyError::NotFound { kind, name }),
        (Expected::Version(digest), Some(current)) if *digest == current.digest => Ok(()),
        (Expected::Version(_), Some(current)) => {
            let (by, digest) = (current.changed_by.clone(), current.digest.to_string());
            Err(PolicyError::ChangedMeanwhile { kind, name, by, digest })
        }
    }
}

/// The set as it is to become.
fn becoming(
    stored: &StoredSet,
    wanted: &Wanted<'_>,
    current: Option<&Stored>,
    at: Timestamp,
) -> Result<StoredSet, PolicyError> {
    let mut next = stored.clone();
    next.policies.retain(|policy| policy.kind != wanted.kind || policy.name != wanted.name);
    let Some(text) = wanted.text else {
        let missing = PolicyError::NotFound { kind: wanted.kind, name: wanted.name.to_owned() };
        return current.is_some().then_some(next).ok_or(missing);
    };
    if next.policies.len() >= POLICIES_MAX {
        return Err(PolicyError::TooMany);
    }
    next.policies.push(Stored {
        kind: wanted.kind,
        name: wanted.name.to_owned(),
        version: current.map_or(1, |current| current.version + 1),
        digest: Digest::of(text.as_bytes()),
        text: text.to_owned(),
        changed_by: wanted.by.name.clone(),
        changed_at: at,
        reason: wanted.by.reason.clone(),
    });
    Ok(next)
}
