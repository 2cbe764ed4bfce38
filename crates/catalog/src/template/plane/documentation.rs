//! Documentation of what was made, as `mizzen apply` takes it in beside a catalog file.

use super::{TemplateError, Templates};
use crate::docs::beside::{self, BesideError};
use crate::docs::plane::{DocsError, Documentation};
use crate::document::{self, Document};
use crate::plane::Actor;
use crate::template::files::File;
use crate::template::path::FilePath;
use crate::template::record::{Level, LogLine};
use crate::template::run::Made;

/// Why there is no documentation of something that was made all the same.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Beside(#[from] BesideError),
    #[error(transparent)]
    Docs(#[from] DocsError),
}

impl Templates {
    /// Everything is made by now: documentation that cannot be kept is told in the log, and undoes nothing.
    pub(super) async fn keep_documentation(&self, made: &mut Made, by: &Actor) -> Result<(), TemplateError> {
        for (step, path) in made.registered.clone() {
            let (source, text) =
                (path.to_string(), made.files.get(&path).and_then(File::text).unwrap_or_default().to_owned());
            // A large file takes longer than an async thread should be held.
            let read = tokio::task::spawn_blocking(move || document::read(&source, &text)).await;
            let read = read.map_err(|_| TemplateError::Ended)?;
            for document in read.into_iter().filter_map(document::Read::valid) {
                let reference = document.entity.reference();
                let (level, message) = match self.document(made, &path, &document, by).await {
                    Ok(None) => continue,
                    Ok(Some(pages)) => {
                        (Level::Info, format!("kept the documentation of `{reference}`, pages: {pages}"))
                    }
                    Err(error) => (Level::Warn, format!("the documentation of `{reference}` was not kept: {error}")),
                };
                let said = made.log.iter().rfind(|line| line.step == step).cloned();
                made.log.extend(said.map(|said| LogLine { level, message, ..said }));
            }
        }
        Ok(())
    }

    /// How many pages were kept; `None`: the entity has no documentation beside its file.
    async fn document(
        &self,
        made: &Made,
        path: &FilePath,
        document: &Document,
        by: &Actor,
    ) -> Result<Option<usize>, NotKept> {
        let entity = &document.entity;
        let folder = path.as_str().rsplit_once('/').and_then(|(folder, _)| FilePath::parse(folder).ok());
        let around = made.files.part(folder.as_ref());
        let Some(files) = beside::within(entity, &around)? else { return Ok(None) };
        let documentation = Documentation::new(self.0.catalog.clone());
        let source = beside::source_url(entity);
        let (site, _) = documentation.put(&entity.reference(), &files, source.as_deref(), by).await?;
        Ok(Some(site.pages.len()))
    }
}
