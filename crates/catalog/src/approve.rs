//! Versions on their way from *draft* to *approved* and beyond, and what of them may be used.
//!
//! What is decided about is a digest; a tag is only its name, and once a version of that tag was approved, no other content
//! can have it (the database sees to that, too). A step is a compare-and-set in one transaction: of two people who decide at the
//! same moment one wins, and the other is told who.

pub(crate) mod steps;

use std::collections::{BTreeMap, BTreeSet, btree_map};

use mizzen_model::id::Digest;
use mizzen_store::Store;
use sqlx::{Any, Row as _, Transaction};

use self::steps::{Step, Wanted};
use crate::plane::{Actor, Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::storage::entities;
use crate::storage::sql::optional;
use crate::template::plane::kept;
use crate::version::{TEMPLATE_CLASS, Transition, Version, VersionState, class_of};

/// Versions that one list gives.
pub const VERSIONS_MAX: i64 = 1_000;
/// Entities whose versions one statement asks for.
const ENTITIES_AT_ONCE: usize = 100;
const REASON_BYTES_MAX: usize = 2_000;

/// Of every reviewed entity in the catalog: what may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approved {
    /// Greater after every change.
    pub revision: i64,
    entities: BTreeMap<EntityRef, Governed>,
    /// Whose versions of each agent count; agents in lower case.
    agents: BTreeMap<String, EntityRef>,
}

/// A reviewed entity and its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governed {
    /// Of the newest applied content.
    pub current: Digest,
    pub versions: BTreeMap<Digest, GovernedVersion>,
}

/// One version of a reviewed entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GovernedVersion {
    pub tag: String,
    pub state: VersionState,
    /// `spec.agent.digest`: of the code or image that the version is about.
    pub agent_digest: Option<Digest>,
    /// What this version's content calls the agent in traffic, in lower case: what was reviewed, whatever was applied since.
    pub agent: Option<String>,
}

impl Approved {
    /// `None` for what is not reviewed, or not in the catalog.
    #[must_use]
    pub fn get(&self, reference: &EntityRef) -> Option<&Governed> {
        self.entities.get(reference)
    }

    /// The entity whose versions of an agent count: of several that describe it, the oldest with a version of it that may be
    /// used, or else the oldest.
    #[must_use]
    pub fn of_agent(&self, agent: &str) -> Option<(&EntityRef, &Governed)> {
        self.agents.get(&agent.to_lowercase()).and_then(|reference| self.entities.get_key_value(reference))
    }

    /// Of every agent each digest that a caller can name, and the version that it belongs to.
    pub fn agent_digests(&self) -> impl Iterator<Item = (&str, &Digest, &GovernedVersion)> {
        let found = self.agents.iter().filter_map(|(agent, reference)| Some((agent, self.entities.get(reference)?)));
        found.flat_map(|(agent, governed)| {
            let digests = governed.digests(agent).into_iter();
            digests.map(move |(digest, version)| (agent.as_str(), digest, version))
        })
    }

    pub fn entities(&self) -> impl Iterator<Item = (&EntityRef, &Governed)> {
        self.entities.iter()
    }
}

impl Governed {
    #[must_use]
    pub fn state(&self, digest: &Digest) -> Option<VersionState> {
        self.versions.get(digest).map(|version| version.state)
    }

    /// Digests of versions that may be used.
    pub fn usable(&self) -> impl Iterator<Item = (&Digest, &GovernedVersion)> {
        self.versions.iter().filter(|(_, version)| version.state.is_usable())
    }

    /// The versions of one agent by their own digests, and by those of the code or image that they are about.
    fn digests(&self, agent: &str) -> BTreeMap<&Digest, &GovernedVersion> {
        let of_agent = || self.versions.iter().filter(|(_, version)| version.agent.as_deref() == Some(agent));
        let mut about: Vec<_> =
            of_agent().filter_map(|(_, version)| Some((version.agent_digest.as_ref()?, version))).collect();
        // Of several versions about one image, one that may be used lets it be used: the last of equals is kept.
        about.sort_by_key(|(_, version)| version.state.is_usable());
        about.into_iter().chain(of_agent()).collect()
    }
}

pub(crate) async fn revision(store: &Store) -> Result<i64, CatalogError> {
    let sql = "SELECT value FROM catalog_counters WHERE name = 'approvals'";
    Ok(sqlx::query(sql).fetch_one(store.pool()).await?.try_get(0)?)
}

/// The revision is read first: a change in between makes the rest newer than it says, and it is then read again.
pub(crate) async fn load(store: &Store) -> Result<Approved, CatalogError> {
    let revision = revision(store).await?;
    let rows = sqlx::query(
        "SELECT e.ref, e.digest AS current, v.digest, v.tag, v.state, v.agent_digest, v.agent
         FROM catalog_entities e JOIN catalog_versions v ON v.ref = e.ref
         WHERE e.tag IS NOT NULL ORDER BY e.entity_id",
    )
    .fetch_all(store.pool())
    .await?;
    let mut approved = Approved { revision, ..Approved::default() };
    // With whether what holds it may be used.
    let mut agents: BTreeMap<String, (bool, EntityRef)> = BTreeMap::new();
    for row in rows {
        let name: String = row.try_get("ref")?;
        let damaged =
            |source: Box<dyn std::error::Error + Send + Sync>| CatalogError::damaged("version", &name, source);
        let digest = |column| -> Result<Digest, CatalogError> {
            row.try_get::<String, _>(column)?.parse().map_err(|error| damaged(Box::new(error)))
        };
        let reference: EntityRef = name.parse().map_err(|error| damaged(Box::new(error)))?;
        let version = GovernedVersion {
            tag: row.try_get("tag")?,
            state: row.try_get::<String, _>("state")?.parse().map_err(|error| damaged(Box::new(error)))?,
            agent_digest: optional(&row, "agent_digest")?.and_then(|digest| digest.parse().ok()),
            agent: optional(&row, "agent")?.filter(|agent| !agent.is_empty()),
        };
        if let Some(agent) = &version.agent {
            let claim = (version.state.is_usable(), reference.clone());
            match agents.entry(agent.clone()) {
                // Rows come in the age of their entities. What nobody reviewed takes an agent from nobody.
                btree_map::Entry::Occupied(mut held) if claim.0 && !held.get().0 => {
                    held.insert(claim);
                }
                btree_map::Entry::Occupied(_) => {}
                btree_map::Entry::Vacant(free) => {
                    free.insert(claim);
                }
            }
        }
        let (current, own) = (digest("current")?, digest("digest")?);
        let entity = approved.entities.entry(reference);
        let entity = entity.or_insert_with(|| Governed { current, versions: BTreeMap::new() });
        entity.versions.insert(own, version);
    }
    approved.agents = agents.into_iter().map(|(agent, (_, reference))| (agent, reference)).collect();
    Ok(approved)
}

impl Catalog {
    /// All versions of an entity, newest first; those of a deleted one too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions(&self, reference: &EntityRef) -> Result<Vec<Version>, CatalogError> {
        steps::load(self.store(), Wanted::Of(reference)).await
    }

    /// As [`Self::versions`], of many entities; an entity without versions is not among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions_of(
        &self,
        references: &[EntityRef],
    ) -> Result<BTreeMap<EntityRef, Vec<Version>>, CatalogError> {
        let mut found: BTreeMap<EntityRef, Vec<Version>> = BTreeMap::new();
        for some in references.chunks(ENTITIES_AT_ONCE) {
            for version in steps::load(self.store(), Wanted::OfAll(some)).await? {
                found.entry(version.reference.clone()).or_default().push(version);
            }
        }
        Ok(found)
    }

    /// By digest, or by tag: then the one that was approved under it, or else the newest. `None` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn version(&self, reference: &EntityRef, name: &str) -> Result<Option<Version>, CatalogError> {
        Ok(steps::load(self.store(), Wanted::Named(reference, name)).await?.pop())
    }

    /// As [`Self::version`], of one that somebody named.
    ///
    /// # Errors
    /// When there is none, which tells those that there are, or the database fails.
    pub async fn find_version(&self, reference: &EntityRef, name: &str) -> Result<Version, CatalogError> {
        match self.version(reference, name).await? {
            Some(version) => Ok(version),
            None => Err(self.no_version(reference, name).await?),
        }
    }

    /// Versions that wait for a review, oldest first: at most `limit` and [`VERSIONS_MAX`] of them after the first `from`, and
    /// how many there are. Of everything, or of one entity.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending(
        &self,
        of: Option<&EntityRef>,
        from: usize,
        limit: usize,
    ) -> Result<(Vec<Version>, usize), CatalogError> {
        let wanted = Wanted::Pending { of, from, limit };
        Ok((steps::load(self.store(), wanted).await?, steps::count(self.store(), wanted).await?))
    }

    /// Whether four eyes are required, and whoever this is applied or submitted the version, sent its files, or added the
    /// location that it was read from: then somebody else must decide.
    #[must_use]
    pub fn needs_other_eyes(&self, version: &Version, who: &str) -> bool {
        let mut steps = version.history.iter().enumerate();
        let is_maker = |(place, step): (usize, &Transition)| {
            Actor::is_maker(who, &step.by) && (place == 0 || step.to == VersionState::Pending)
        };
        let sent_files = version.files_by.as_ref().is_some_and(|by| Actor::is_maker(who, by));
        self.config().four_eyes && (sent_files || steps.any(is_maker))
    }

    /// Takes a version a step further: `name` is its digest or its tag, `to` where it is to be. A rejection needs a reason.
    ///
    /// # Errors
    /// When there is no such version, it may not go there from where it is, somebody else decided first, four eyes are required
    /// and these made it, the reason is missing, or the database or the audit log fails.
    pub async fn decide(
        &self,
        reference: &EntityRef,
        name: &str,
        to: VersionState,
        by: &Actor,
        reason: Option<&str>,
    ) -> Result<Version, CatalogError> {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        check_reason(to, reason)?;
        let version = self.find_version(reference, name).await?;
        self.check(&version, to, by)?;
        let mut change = self.store().begin().await?;
        entities::reserve(&mut change, 0).await?;
        let files = self.files_of(&mut change, &version, to, by).await?;
        let step = Step { reference, digest: &version.digest, by: &by.reference, at: self.clock().now() };
        if !step.make(&mut change, version.state, to, reason).await? {
            drop(change);
            return Err(self.lost(reference, &version.digest, to).await?);
        }
        steps::show_state(&mut change, reference, &version.digest, to).await?;
        let mut entry = self.entry(reference, by, verb(to));
        entry.reason = reason.map(str::to_owned);
        let entry = entry.with("tag", version.tag.as_str()).with("digest", version.digest.as_str());
        let mut entry = entry.with("from", version.state.as_str()).with("to", to.as_str());
        if let Some(files) = files {
            entry = entry.with("files", files.digest.as_str());
        }
        self.audited(reference, entry).await?;
        change.commit().await?;
        self.publish_changes().await;
        self.find_version(reference, version.digest.as_str()).await
    }

    fn check(&self, version: &Version, to: VersionState, by: &Actor) -> Result<(), CatalogError> {
        let (reference, tag, from) = (version.reference.to_string(), version.tag.clone(), version.state);
        if from == to || !from.may_become(to) {
            let last = version.history.last();
            // Two who decide about one version want to know of each other, not of states.
            if let Some(last) = last.filter(|_| is_decision(to) && is_decision(from)) {
                let (by, at) = (last.by.clone(), last.at.to_string());
                return Err(CatalogError::Decided { reference, tag, state: from, by, at });
            }
            return Err(CatalogError::Transition { reference, tag, from, to });
        }
        if to == VersionState::Approved && self.needs_other_eyes(version, &by.reference) {
            return Err(CatalogError::FourEyes { reference, tag, by: by.reference.clone() });
        }
        Ok(())
    }

    /// A template's folder, which is decided about together with the version: without files it goes to no review. Who sent them
    /// is asked again where no change comes between: they may have been sent since the version was read.
    async fn files_of(
        &self,
        change: &mut Transaction<'_, Any>,
        version: &Version,
        to: VersionState,
        by: &Actor,
    ) -> Result<Option<kept::Folder>, CatalogError> {
        if class_of(&version.entity) != TEMPLATE_CLASS {
            return Ok(None);
        }
        let (reference, tag) = (&version.reference, &version.tag);
        let files = kept::folder(&mut **change, reference, &version.digest).await?;
        if files.is_none() && matches!(to, VersionState::Pending | VersionState::Approved) {
            let way_out = kept::way_to_files(reference, Some(version.state));
            return Err(CatalogError::Conflict(format!(
                "the files of version `{tag}` of `{reference}` were not sent, so nobody can review them; {way_out}"
            )));
        }
        let is_own = files.as_ref().is_some_and(|files| Actor::is_maker(&by.reference, &files.put_by));
        if to == VersionState::Approved && self.config().four_eyes && is_own {
            let (reference, tag) = (reference.to_string(), tag.clone());
            return Err(CatalogError::FourEyes { reference, tag, by: by.reference.clone() });
        }
        Ok(files)
    }

    async fn no_version(&self, reference: &EntityRef, name: &str) -> Result<CatalogError, CatalogError> {
        let versions = self.versions(reference).await?;
        if versions.is_empty() && self.get(reference).await?.is_none() {
            return Ok(CatalogError::NotFound { what: "entity", name: reference.to_string() });
        }
        let mut tags = BTreeSet::new();
        let known = versions.into_iter().filter(|version| tags.insert(version.tag.clone()));
        let known = known.map(|version| (version.tag, version.state)).collect();
        Ok(CatalogError::NoVersion { reference: reference.to_string(), version: name.to_owned(), known })
    }

    /// Why a step could not be made that could have been a moment before.
    async fn lost(
        &self,
        reference: &EntityRef,
        digest: &Digest,
        to: VersionState,
    ) -> Result<CatalogError, CatalogError> {
        let Some(now) = self.version(reference, digest.as_str()).await? else {
            return self.no_version(reference, digest.as_str()).await;
        };
        let (reference, tag, state) = (now.reference.to_string(), now.tag, now.state);
        Ok(match now.history.last() {
            Some(last) => CatalogError::Decided { reference, tag, state, by: last.by.clone(), at: last.at.to_string() },
            None => CatalogError::Transition { reference, tag, from: state, to },
        })
    }
}

const fn is_decision(state: VersionState) -> bool {
    matches!(state, VersionState::Approved | VersionState::Rejected)
}

const fn verb(to: VersionState) -> &'static str {
    match to {
        VersionState::Draft => "withdraw",
        VersionState::Pending => "submit",
        VersionState::Approved => "approve",
        VersionState::Rejected => "reject",
        VersionState::Deprecated => "deprecate",
        VersionState::Retired => "retire",
    }
}

fn check_reason(to: VersionState, reason: Option<&str>) -> Result<(), CatalogError> {
    match reason {
        None if to == VersionState::Rejected => Err(CatalogError::ReasonMissing),
        Some(reason) if reason.len() > REASON_BYTES_MAX || reason.contains('\0') => {
            let message = format!("must be at most {REASON_BYTES_MAX} bytes without NUL");
            Err(CatalogError::Invalid { field: "reason", message })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
