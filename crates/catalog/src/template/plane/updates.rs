//! Updates of what was made: the template as it was × as it is × the folder.

use std::sync::Arc;

use mizzen_model::id::Digest;

use super::silent::Silent;
use super::{Created, TemplateError, Templates};
use crate::plane::Actor;
use crate::reference::EntityRef;
use crate::template::definition::Template;
use crate::template::disk;
use crate::template::files::{Files, FilesLimits};
use crate::template::path::FilePath;
use crate::template::run::{Asked, RECORD_FILE, dry_run};
use crate::template::update::{Change, FileUpdate, three_way};

/// Which folder was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderSeen {
    /// The project on the server.
    Project,
    /// One that came with the question.
    Sent,
    /// None: it is taken to be as it was made.
    AsMade,
}

/// What has changed since something was made.
#[derive(Debug)]
pub struct Update {
    pub template: EntityRef,
    pub from: Digest,
    pub to: Digest,
    pub folder: FolderSeen,
    pub changes: Vec<FileUpdate>,
}

impl Update {
    #[must_use]
    pub fn conflicts(&self) -> usize {
        self.changes.iter().filter(|change| change.is_conflict).count()
    }
}

impl Templates {
    /// Whether the template as it was, when this was made, is still known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn can_update(&self, created: &Created) -> Result<bool, TemplateError> {
        match self.own(created) {
            Some(_) => Ok(true),
            None => self.has_source(&created.template_digest).await,
        }
    }

    /// What an update would do to the folder of `reference`.
    ///
    /// # Errors
    /// When it was made from no template, the template as it was is not known, or either cannot be run.
    pub async fn update(
        &self,
        reference: &EntityRef,
        sent: Option<Files>,
        by: &Actor,
    ) -> Result<Update, TemplateError> {
        Ok(self.compared(reference, sent, by).await?.0)
    }

    /// Brings the folder of a project up to the template, conflicts between marks. A folder that was sent is changed by
    /// whoever sent it; here it is only noted.
    ///
    /// # Errors
    /// As [`Self::update`]; when there is no folder, or files cannot be written.
    pub async fn apply_update(
        &self,
        reference: &EntityRef,
        sent: Option<Files>,
        by: &Actor,
    ) -> Result<Update, TemplateError> {
        let (update, created, template) = self.compared(reference, sent, by).await?;
        if update.folder == FolderSeen::AsMade {
            return Err(TemplateError::NoProjects);
        }
        if let (FolderSeen::Project, Some(root), Some(project)) = (update.folder, &self.0.projects, &created.project) {
            let (folder, changes) = (root.join(project), update.changes.clone());
            let written = tokio::task::spawn_blocking(move || write(&folder, &changes));
            written.await.map_err(|_| TemplateError::Ended)??;
        }
        self.keep_updated(reference, &template).await?;
        Ok(update)
    }

    async fn compared(
        &self,
        reference: &EntityRef,
        sent: Option<Files>,
        by: &Actor,
    ) -> Result<(Update, Created, Arc<Template>), TemplateError> {
        let created = self.created_from(reference).await?;
        let was = self.as_it_was(&created).await?.ok_or_else(|| TemplateError::Forgotten {
            template: created.template.clone(),
            digest: created.template_digest.to_string(),
        })?;
        let is = self.get(&created.template).await?.runnable()?;
        let before = self.files(was, &created, by).await?;
        let after = self.files(Arc::clone(&is), &created, by).await?;
        let (seen, mut folder) = match sent {
            Some(sent) => (FolderSeen::Sent, sent),
            None => self.folder_of(&created, &before, &after).await?,
        };
        // The record is the engine's: nobody's edit of it counts.
        if let Ok(record) = FilePath::parse(RECORD_FILE)
            && let Some(file) = before.get(&record)
        {
            folder.put(record, file.clone()).map_err(|error| TemplateError::damaged(RECORD_FILE, error))?;
        }
        let changes = three_way(&before, &after, &folder);
        let (from, to) = (created.template_digest.clone(), is.digest.clone());
        let update = Update { template: created.template.clone(), from, to, folder: seen, changes };
        Ok((update, created, is))
    }

    async fn folder_of(
        &self,
        created: &Created,
        before: &Files,
        after: &Files,
    ) -> Result<(FolderSeen, Files), TemplateError> {
        let (Some(root), Some(project)) = (&self.0.projects, &created.project) else {
            return Ok((FolderSeen::AsMade, before.clone()));
        };
        let mut paths = [before.below(None), after.below(None)].concat();
        paths.sort_unstable();
        paths.dedup();
        let folder = root.join(project);
        let read = tokio::task::spawn_blocking(move || disk::read_files(&folder, &paths, FilesLimits::TEMPLATE));
        Ok((FolderSeen::Project, read.await.map_err(|_| TemplateError::Ended)??))
    }

    /// The template of the binary that it was made from.
    fn own(&self, created: &Created) -> Option<&Arc<Template>> {
        self.0.built_in.iter().find(|template| template.digest == created.template_digest)
    }

    async fn as_it_was(&self, created: &Created) -> Result<Option<Arc<Template>>, TemplateError> {
        if let Some(own) = self.own(created) {
            return Ok(Some(Arc::clone(own)));
        }
        Ok(self.source(&created.template_digest).await?.map(Arc::new))
    }

    /// What a template makes from the answers that were given.
    async fn files(&self, template: Arc<Template>, created: &Created, by: &Actor) -> Result<Files, TemplateError> {
        let asked = Asked { template, values: created.answers.clone(), by };
        Ok(dry_run(asked, &Silent(&*self.0.effects)).await?.files)
    }
}

fn write(folder: &std::path::Path, changes: &[FileUpdate]) -> Result<(), disk::DiskError> {
    for change in changes {
        match (&change.result, change.change) {
            (Some(file), _) => disk::replace(folder, &change.path, file)?,
            (None, Change::Removed) => disk::remove(folder, &change.path)?,
            (None, _) => {}
        }
    }
    Ok(())
}
