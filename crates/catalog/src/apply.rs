//! Documents become entities and versions.
//!
//! Documents are taken in small groups, each in one transaction: what stands in the way of one document rejects that one;
//! when the database or the audit log fails, the whole group was not applied, and each of its documents says so. Whoever applies
//! the same again gets *unchanged* for what is there.

mod change;

use mizzen_control::audit::{AuditEntry, Durability, Kind};
use mizzen_model::canonical;
use mizzen_model::id::Digest;
use mizzen_runtime::error::Chain;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Any, Transaction};

use self::change::Making;
pub(crate) use self::change::count_approvals;
use crate::document::Document;
use crate::locations;
use crate::plane::{Actor, Catalog, CatalogError};
use crate::query::Origin;
use crate::reference::EntityRef;
use crate::storage::{entities, subjects};
use crate::version::{VersionState, is_governed, tag_of};

/// Documents of one call.
pub const DOCUMENTS_MAX: usize = 10_000;
/// Bytes of one document as JSON, its body included.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// Documents of one transaction: few enough that others get their turn, many enough that a sync of the disk is shared.
const GROUP: usize = 32;

/// How documents are applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplyOptions {
    /// Only says what would happen.
    pub dry_run: bool,
    /// New versions wait for `submit` rather than for a review.
    pub draft: bool,
    /// The location that documents were read from.
    pub location: Option<String>,
}

/// What became of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CatalogOutcome)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
    Rejected,
}

/// One document, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub source: String,
    pub line: u32,
    pub column: u32,
    pub reference: Option<EntityRef>,
    pub outcome: Outcome,
    /// Of the version, where entities of its kind are reviewed.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
    pub state: Option<VersionState>,
    /// Why it was rejected.
    pub error: Option<String>,
    /// It was rejected because another document declares the entity, and keeps it.
    pub is_duplicate: bool,
}

/// Identifies the content of a document: its entity, and the text of a `SKILL.md` below its front matter.
#[must_use]
pub fn digest_of(document: &Document) -> Digest {
    match &document.body {
        None => document.entity.digest(),
        Some(body) => {
            let content = json!({ "entity": document.entity.document(), "body": body });
            Digest::of(canonical::text(&content).as_bytes())
        }
    }
}

impl Catalog {
    /// Applies documents in their order and says for each what became of it, also for those that could not be applied.
    ///
    /// # Errors
    /// When there are too many; then none was applied.
    pub async fn apply(
        &self,
        documents: Vec<Document>,
        by: &Actor,
        options: &ApplyOptions,
    ) -> Result<Vec<Applied>, CatalogError> {
        if documents.len() > DOCUMENTS_MAX {
            return Err(CatalogError::TooMany { what: "documents", max: DOCUMENTS_MAX, got: documents.len() });
        }
        let twice = twice(&documents);
        let mut applied = Vec::with_capacity(documents.len());
        let mut has_new_versions = false;
        for (group, twice) in documents.chunks(GROUP).zip(twice.chunks(GROUP)) {
            match self.group(group, twice, by, options).await {
                Ok(done) => {
                    has_new_versions |=
                        done.iter().any(|done| done.state.is_some() && done.outcome != Outcome::Unchanged);
                    applied.extend(done);
                }
                Err(error) => {
                    let why = format!("not applied, and may be applied again: {}", Chain(&error));
                    applied.extend(group.iter().map(|document| rejected(document, why.clone())));
                }
            }
        }
        if has_new_versions && !options.dry_run {
            self.publish_changes().await;
        }
        Ok(applied)
    }

    /// Takes an entity away; its versions keep what was decided about them.
    ///
    /// # Errors
    /// When there is none, or the database or the audit log fails. What a location holds comes back when it is read again.
    pub async fn delete(&self, reference: &EntityRef, by: &Actor) -> Result<(), CatalogError> {
        let missing = || CatalogError::NotFound { what: "entity", name: reference.to_string() };
        let mut change = self.store().begin().await?;
        entities::reserve(&mut change, 0).await?;
        let head = entities::find(&mut change, reference).await?.ok_or_else(missing)?;
        let now = self.clock().now();
        if head.origin == Origin::Discovered {
            subjects::forget(&mut change, head.entity_id, reference).await?;
        } else {
            subjects::let_go(&mut change, head.entity_id, reference, now).await?;
        }
        count_approvals(&mut change).await?;
        let entry = self.entry(reference, by, "delete").with("digest", head.digest);
        self.audited(reference, entry).await?;
        change.commit().await?;
        self.publish_changes().await;
        Ok(())
    }

    /// [`Self::delete`], by the entity's uid.
    ///
    /// # Errors
    /// As there.
    pub async fn delete_uid(&self, uid: &str, by: &Actor) -> Result<(), CatalogError> {
        let stored = self.by_uid(uid).await?;
        let stored =
            stored.ok_or_else(|| CatalogError::NotFound { what: "entity with the uid", name: uid.to_owned() })?;
        self.delete(&stored.reference, by).await
    }

    /// All or nothing but for documents that are rejected by themselves.
    async fn group(
        &self,
        documents: &[Document],
        twice: &[Option<String>],
        by: &Actor,
        options: &ApplyOptions,
    ) -> Result<Vec<Applied>, CatalogError> {
        let mut change = self.store().begin().await?;
        let first = entities::reserve(&mut change, documents.len()).await?;
        // What a location that is gone held could be taken over by nobody.
        if let Some(id) = &options.location
            && !locations::is_there(&mut change, id).await?
        {
            return Err(CatalogError::NotFound { what: "location", name: id.clone() });
        }
        let mut applied = Vec::with_capacity(documents.len());
        for ((new_id, document), twice) in (first..).zip(documents).zip(twice) {
            if let Some(why) = twice {
                let is_duplicate = size(document) <= DOCUMENT_BYTES_MAX;
                applied.push(Applied { is_duplicate, ..rejected(document, why.clone()) });
                continue;
            }
            let making = Making { document, digest: digest_of(document), by, options, new_id, now: self.clock().now() };
            applied.push(making.apply(&mut change).await?);
        }
        if options.dry_run {
            change.rollback().await?;
            return Ok(applied);
        }
        self.finish(change, &applied, by).await?;
        Ok(applied)
    }

    /// The entries come first: a change that the log does not know of must not be in force.
    async fn finish(
        &self,
        mut change: Transaction<'static, Any>,
        applied: &[Applied],
        by: &Actor,
    ) -> Result<(), CatalogError> {
        let changed = applied.iter().filter(|done| matches!(done.outcome, Outcome::Created | Outcome::Updated));
        let entries = changed.filter_map(|done| {
            let reference = done.reference.as_ref()?;
            let result = if done.outcome == Outcome::Created { "created" } else { "updated" };
            let mut entry = self.entry(reference, by, "apply").with("result", result);
            if let Some(digest) = &done.digest {
                entry = entry.with("digest", digest.as_str());
            }
            if let (Some(tag), Some(state)) = (&done.tag, done.state) {
                entry = entry.with("tag", tag.as_str()).with("to", state.as_str());
            }
            Some((reference, entry))
        });
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            // Nothing was changed.
            change.rollback().await?;
            return Ok(());
        }
        if applied.iter().any(|done| done.state.is_some()) {
            count_approvals(&mut change).await?;
        }
        let appends = entries.into_iter().map(|(reference, entry)| self.audited(reference, entry));
        futures::future::try_join_all(appends).await?;
        change.commit().await?;
        Ok(())
    }

    pub(crate) fn entry(&self, reference: &EntityRef, by: &Actor, action: &str) -> AuditEntry {
        let mut entry = AuditEntry::new(self.clock().now(), Kind::CatalogChanged, by.who());
        entry.action = Some(action.to_owned());
        entry.resource = Some(reference.to_string());
        entry
    }

    pub(crate) async fn audited(&self, what: impl ToString, entry: AuditEntry) -> Result<(), CatalogError> {
        let written = self.0.control.audit().append(entry, Durability::Durable).await;
        let failed = |error| CatalogError::NotAudited { what: what.to_string(), source: Box::new(error) };
        written.map(|_| ()).map_err(failed)
    }

    /// The change is made by now; a reader that is behind catches up at its next turn.
    pub(crate) async fn publish_changes(&self) {
        if let Err(error) = self.publish().await {
            tracing::warn!(error = %Chain(&error), "the approvals of the catalog could not be read");
        }
    }
}

fn rejected(document: &Document, error: String) -> Applied {
    Applied {
        source: document.source.clone(),
        line: document.line,
        column: document.column,
        reference: Some(document.entity.reference()),
        outcome: Outcome::Rejected,
        tag: None,
        digest: None,
        state: None,
        error: Some(error),
        is_duplicate: false,
    }
}

/// For each document whether one before it declares the same entity: only the first can hold.
fn twice(documents: &[Document]) -> Vec<Option<String>> {
    let mut seen = std::collections::BTreeMap::new();
    let mut why = |document: &Document| {
        let reference = document.entity.reference();
        let here = (document.source.clone(), document.line);
        if size(document) > DOCUMENT_BYTES_MAX {
            return Some(format!(
                "the document has more than {DOCUMENT_BYTES_MAX} bytes; keep large definitions in files of their own"
            ));
        }
        match seen.entry(reference) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(here);
                None
            }
            std::collections::btree_map::Entry::Occupied(entry) => {
                let (source, line) = entry.get();
                Some(format!("`{}` is declared twice, first at {source}:{line}; remove one", entry.key()))
            }
        }
    };
    documents.iter().map(&mut why).collect()
}

fn size(document: &Document) -> usize {
    let body = document.body.as_ref().map_or(0, String::len);
    body + Value::Object(document.entity.document().clone()).to_string().len()
}

/// The name of the version that a document makes, where entities of its kind are reviewed.
fn version_tag(document: &Document, digest: &Digest) -> Option<String> {
    is_governed(&document.entity).then(|| tag_of(&document.entity, digest))
}

#[cfg(test)]
mod tests;
