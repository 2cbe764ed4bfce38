//! One document inside a transaction.

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use sqlx::{Any, Transaction};

use super::{Applied, ApplyOptions, Outcome, version_tag};
use crate::approve::steps::{self, Step};
use crate::document::Document;
use crate::observed::Subject;
use crate::plane::{Actor, CatalogError};
use crate::query::Origin;
use crate::storage::entities::{self, Head, New};
use crate::storage::searches::{self, ROWS_MAX};
use crate::storage::subjects;
use crate::version::{TEMPLATE_CLASS, VersionState, class_of};

/// A document on its way into the database.
pub(super) struct Making<'a> {
    pub(super) document: &'a Document,
    pub(super) digest: Digest,
    pub(super) by: &'a Actor,
    pub(super) options: &'a ApplyOptions,
    /// Of the entity, when it is new.
    pub(super) new_id: i64,
    pub(super) now: Timestamp,
}

/// Other nodes see by this counter that they must read versions again.
pub(crate) async fn count_approvals(change: &mut Transaction<'_, Any>) -> Result<(), CatalogError> {
    let next = "UPDATE catalog_counters SET value = value + 1 WHERE name = 'approvals'";
    sqlx::query(next).execute(&mut **change).await?;
    Ok(())
}

impl Making<'_> {
    /// Errors are of the database; what is wrong with the document is in the answer.
    pub(super) async fn apply(&self, change: &mut Transaction<'_, Any>) -> Result<Applied, CatalogError> {
        let reference = self.document.entity.reference();
        let head = entities::find(change, &reference).await?;
        let tag = version_tag(self.document, &self.digest);
        if let Some(why) = self.oversize() {
            return Ok(self.answer(Outcome::Rejected, tag, None, Some(why)));
        }
        if let Some(why) = self.held_by_another(head.as_ref()) {
            if self.is_template_of(head.as_ref()) {
                let state = steps::state(change, &reference, &self.digest).await?;
                return Ok(self.answer(Outcome::Unchanged, tag, state, None));
            }
            return Ok(Applied { is_duplicate: true, ..self.answer(Outcome::Rejected, tag, None, Some(why)) });
        }
        let is_same = head.as_ref().is_some_and(|head| self.is_same(head));
        let state = match &tag {
            None => None,
            Some(tag) => match self.version(change, tag, is_same).await? {
                Ok(state) => Some(state),
                Err(why) => return Ok(self.answer(Outcome::Rejected, Some(tag.clone()), None, Some(why))),
            },
        };
        if is_same && state.is_none_or(|(_, is_new)| !is_new) {
            return Ok(self.answer(Outcome::Unchanged, tag, state.map(|(state, _)| state), None));
        }
        let state = state.map(|(state, _)| state);
        let entity_id = self.put(change, head.as_ref(), tag.as_deref(), state).await?;
        let subject = Subject::of(&self.document.entity);
        subjects::claim(change, entity_id, &reference, subject.as_ref(), self.now).await?;
        let is_new = head.is_none_or(|head| head.origin == Origin::Discovered);
        let outcome = if is_new { Outcome::Created } else { Outcome::Updated };
        Ok(self.answer(outcome, tag, state, None))
    }

    fn oversize(&self) -> Option<String> {
        let rows = searches::rows(&self.document.entity, "").len();
        (rows > ROWS_MAX).then(|| format!("the document has {rows} values, at most {ROWS_MAX} are kept; split it"))
    }

    /// Who declares the entity already, and keeps it.
    fn held_by_another(&self, head: Option<&Head>) -> Option<String> {
        let head = head.filter(|head| head.origin == Origin::Declared && !head.is_orphan)?;
        // Whoever declared it first keeps it: otherwise two sources would take turns.
        match (&head.location_id, &self.options.location) {
            // Within one location, a file that was renamed keeps its entities; two of one reading were told apart before.
            (Some(theirs), Some(ours)) if theirs == ours => None,
            (None, None) => None,
            (Some(_), _) => Some(format!(
                "it is read from `{}:{}` already; change it there, or remove that location first",
                head.source, head.source_line
            )),
            (None, Some(_)) => Some(format!(
                "it was applied from `{}` by `{}` already; delete that with `mizzen delete` first",
                head.source, head.applied_by
            )),
        }
    }

    /// Whether somebody applies a template as a location holds it. Locations have no files beside a template: whoever applies
    /// its folder sends those, and changes nothing else.
    fn is_template_of(&self, head: Option<&Head>) -> bool {
        let is_held = head.is_some_and(|head| head.location_id.is_some() && head.digest == self.digest.as_str());
        is_held && self.options.location.is_none() && class_of(&self.document.entity) == TEMPLATE_CLASS
    }

    fn is_same(&self, head: &Head) -> bool {
        head.origin == Origin::Declared
            && !head.is_orphan
            && head.digest == self.digest.as_str()
            && head.location_id == self.options.location
    }

    /// The state of the version that the document is, and whether this changed it; or why it cannot be one.
    async fn version(
        &self,
        change: &mut Transaction<'_, Any>,
        tag: &str,
        is_same: bool,
    ) -> Result<Result<(VersionState, bool), String>, CatalogError> {
        let reference = self.document.entity.reference();
        if let Some((digest, state)) = steps::fixed(change, &reference, tag).await?
            && digest != self.digest.as_str()
        {
            return Ok(Err(format!(
                "version `{tag}` is {state} with other content, {digest}, which cannot change; apply this under another tag \
                 (annotation `{}`)",
                crate::version::VERSION_ANNOTATION
            )));
        }
        // A template comes without its files: it is submitted when those are there, and whoever reviews it sees them.
        let waits = self.options.draft || class_of(&self.document.entity) == TEMPLATE_CLASS;
        let wanted = if waits { VersionState::Draft } else { VersionState::Pending };
        let known = steps::state(change, &reference, &self.digest).await?;
        let step = Step { reference: &reference, digest: &self.digest, by: &self.by.reference, at: self.now };
        let state = match known {
            Some(VersionState::Retired) if !is_same => {
                return Ok(Err(format!("version `{tag}` is retired and not to be used; apply this under another tag")));
            }
            Some(VersionState::Draft) if wanted == VersionState::Pending => {
                step.make(change, VersionState::Draft, wanted, Some("applied")).await?;
                (wanted, true)
            }
            Some(state) => (state, false),
            None => {
                step.begin(change, tag, wanted, &self.document.entity, self.document.body.as_deref()).await?;
                (wanted, true)
            }
        };
        if state.1 {
            step.set_aside_others(change, tag).await?;
        }
        Ok(Ok(state))
    }

    async fn put(
        &self,
        change: &mut Transaction<'_, Any>,
        head: Option<&Head>,
        tag: Option<&str>,
        state: Option<VersionState>,
    ) -> Result<i64, CatalogError> {
        let format = serde_json::to_value(self.document.format).ok();
        let new = New {
            entity: &self.document.entity,
            body: self.document.body.as_deref(),
            digest: &self.digest,
            tag,
            state: state.map(VersionState::as_str),
            origin: Origin::Declared,
            format: format.as_ref().and_then(|format| format.as_str()).unwrap_or_default(),
            source: &self.document.source,
            line: self.document.line,
            column: self.document.column,
            location_id: self.options.location.as_deref(),
            applied_by: &self.by.reference,
            now: self.now,
        };
        entities::put(change, head, self.new_id, &new).await
    }

    fn answer(
        &self,
        outcome: Outcome,
        tag: Option<String>,
        state: Option<VersionState>,
        error: Option<String>,
    ) -> Applied {
        Applied {
            source: self.document.source.clone(),
            line: self.document.line,
            column: self.document.column,
            reference: Some(self.document.entity.reference()),
            outcome,
            tag,
            digest: Some(self.digest.clone()),
            state,
            error,
            is_duplicate: false,
        }
    }
}
