//! Templates with the catalog and the database: which there are, what was made from them, and how that is kept up.

mod documentation;
mod error;
pub(crate) mod kept;
mod silent;
mod updates;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use mizzen_model::id::Digest;
use serde_json::{Map, Value};

pub use self::error::TemplateError;
pub use self::kept::Created;
pub use self::updates::{FolderSeen, Update};
use super::built_in;
use super::definition::Template;
use super::disk;
use super::effects::Effects;
use super::files::{Files, FilesLimits};
use super::path::FilePath;
use super::run::{Asked, Made, dry_run, perform};
use crate::entity::Entity;
use crate::plane::{Actor, Catalog};
use crate::query::{Predicate, Query, Stored};
use crate::reference::EntityRef;
use crate::version::VersionState;

/// Templates that are listed.
const TEMPLATES_MAX: u32 = 200;

/// What templates work with.
#[derive(Debug)]
pub struct Parts {
    pub catalog: Catalog,
    pub effects: Arc<dyn Effects>,
    /// The folder that projects may be written into.
    pub projects: Option<PathBuf>,
}

/// All templates. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Templates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalog: Catalog,
    effects: Arc<dyn Effects>,
    projects: Option<PathBuf>,
    built_in: Vec<Arc<Template>>,
}

/// Where a template comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    Catalog,
}

/// A template, and whether it can be run.
#[derive(Debug, Clone)]
pub struct Listed {
    pub reference: EntityRef,
    pub entity: Entity,
    pub origin: Origin,
    /// Of the version in the catalog.
    pub state: Option<VersionState>,
    /// `None`: the files beside the entity were not sent.
    pub template: Option<Arc<Template>>,
    /// `None`: it can be run.
    pub why_not: Option<String>,
    pub made: u64,
    /// Of those, from another digest than the template has now.
    pub made_behind: u64,
}

/// Where what is made goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To whoever asked.
    Download,
    /// Into the server's folder of projects.
    Project,
}

/// What was made, beside what was there before.
#[derive(Debug)]
pub struct Outcome {
    pub made: Made,
    /// Those of the made files that the target has already.
    pub existing: Files,
    /// Name of the project's folder.
    pub project: Option<String>,
}

impl Templates {
    /// # Errors
    /// When a template of the binary cannot be read.
    pub fn open(parts: Parts) -> Result<Self, TemplateError> {
        let Parts { catalog, effects, projects } = parts;
        Ok(Self(Arc::new(Inner { catalog, effects, projects, built_in: built_in::all()? })))
    }

    /// Whether there is a folder for projects.
    #[must_use]
    pub fn has_projects(&self) -> bool {
        self.0.projects.is_some()
    }

    /// All there are: those of the binary, then those of the catalog. One of the catalog takes the place of one of the
    /// binary that has its name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<Listed>, TemplateError> {
        let query = Query {
            predicate: Predicate::Equals("kind".to_owned(), "template".to_owned()),
            limit: TEMPLATES_MAX,
            ..Query::default()
        };
        let stored = self.0.catalog.query(&query).await?.items;
        let counts = self.counts().await?;
        let mut listed = Vec::new();
        for template in &self.0.built_in {
            if !stored.iter().any(|stored| stored.reference == template.reference()) {
                listed.push(self.counted(of_binary(template), &counts));
            }
        }
        for stored in stored {
            let one =
                self.of_catalog(stored.entity, stored.digest, stored.version.map(|version| version.state)).await?;
            listed.push(self.counted(one, &counts));
        }
        Ok(listed)
    }

    /// # Errors
    /// When there is none of that name, or the database fails.
    pub async fn get(&self, reference: &EntityRef) -> Result<Listed, TemplateError> {
        let counts = self.counts().await?;
        let one = match self.0.catalog.get(reference).await? {
            Some(stored) => {
                let state = stored.version.map(|version| version.state);
                self.of_catalog(stored.entity, stored.digest, state).await?
            }
            None => {
                let own = self.0.built_in.iter().find(|template| template.reference() == *reference);
                of_binary(own.ok_or_else(|| TemplateError::NotFound(reference.clone()))?)
            }
        };
        Ok(self.counted(one, &counts))
    }

    /// Shows what would be made.
    ///
    /// # Errors
    /// When there is no such template, the answers do not fit, or a step is wrong.
    pub async fn dry_run(
        &self,
        reference: &EntityRef,
        values: Map<String, Value>,
        by: &Actor,
        target: Target,
    ) -> Result<Outcome, TemplateError> {
        let template = self.get(reference).await?.readable()?;
        let made = dry_run(Asked { template, values, by }, &*self.0.effects).await?;
        let (project, existing) = self.target(target, &made).await?;
        Ok(Outcome { made, existing, project })
    }

    /// Makes it: first as a dry run; then, when nothing stands in the way, in earnest.
    ///
    /// # Errors
    /// As [`Self::dry_run`]; when the template is not approved, or the target has one of the files already.
    pub async fn run(
        &self,
        reference: &EntityRef,
        values: Map<String, Value>,
        by: &Actor,
        target: Target,
    ) -> Result<Outcome, TemplateError> {
        let template = self.get(reference).await?.runnable()?;
        let asked = Asked { template: Arc::clone(&template), values, by };
        let planned = dry_run(asked.clone(), &*self.0.effects).await?;
        let (project, existing) = self.target(target, &planned).await?;
        if !existing.is_empty() {
            let there = existing.below(None).into_iter().map(String::from).collect();
            return Err(TemplateError::Disk(disk::DiskError::Exists(there)));
        }
        let mut made = perform(asked, &planned, &*self.0.effects).await?;
        if let Some(project) = &project {
            self.write(project, &made.files).await?;
        }
        self.keep_created(&template, &made, project.as_deref(), by).await?;
        self.keep_documentation(&mut made, by).await?;
        Ok(Outcome { made, existing, project })
    }

    /// Keeps the folder of a template whose entity is in the catalog, and submits that version, unless it is to stay a draft.
    ///
    /// # Errors
    /// When the files are no template, that template is not in the catalog with this content, the version was submitted before
    /// with other files or none, or the database or the audit log fails.
    pub async fn put(
        &self,
        reference: &EntityRef,
        files: Files,
        by: &Actor,
        draft: bool,
    ) -> Result<Arc<Template>, TemplateError> {
        let (template, stored) = self.check(reference, files).await?;
        self.keep_folder(&template, &stored, by, draft).await?;
        Ok(Arc::new(template))
    }

    /// The template that a folder is, and the entity that the catalog has of it.
    ///
    /// # Errors
    /// When the folder is no template, or not the one that was applied, or the database fails.
    async fn check(&self, reference: &EntityRef, files: Files) -> Result<(Template, Stored), TemplateError> {
        let source = template_file(&files).ok_or(TemplateError::NoTemplate)?;
        let template = Template::read(source.as_str(), files).map_err(TemplateError::Problems)?;
        let stored = self.0.catalog.get(reference).await?.ok_or_else(|| TemplateError::NotFound(reference.clone()))?;
        if template.reference() != *reference || template.entity.digest() != stored.digest {
            return Err(TemplateError::OtherTemplate { reference: reference.clone(), file: source.to_string() });
        }
        Ok((template, stored))
    }

    async fn of_catalog(
        &self,
        entity: Entity,
        digest: Digest,
        state: Option<VersionState>,
    ) -> Result<Listed, TemplateError> {
        let reference = entity.reference();
        let template = self.kept_template(&reference, &digest).await?.map(Arc::new);
        let why_not = match (&template, state) {
            (None, state) => {
                let way_out = kept::way_to_files(&reference, state);
                Some(format!("the files beside the template were not sent; {way_out}"))
            }
            (Some(template), _) if !template.problems.is_empty() => Some(first_problem(template)),
            (_, Some(VersionState::Draft)) => Some(format!(
                "its version is draft; `mizzen submit {reference}`, and somebody's approval, let it be run"
            )),
            (_, Some(state)) if !state.is_usable() => {
                Some(format!("its version is {}; `mizzen approve {reference}` lets it be run", state.as_str()))
            }
            _ => None,
        };
        Ok(Listed { reference, entity, origin: Origin::Catalog, state, template, why_not, made: 0, made_behind: 0 })
    }

    fn counted(&self, mut listed: Listed, counts: &HashMap<EntityRef, Vec<(Digest, u64)>>) -> Listed {
        let now = listed.template.as_ref().map(|template| &template.digest);
        for (digest, count) in counts.get(&listed.reference).into_iter().flatten() {
            listed.made += count;
            listed.made_behind += if Some(digest) == now { 0 } else { *count };
        }
        listed
    }

    /// The folder of a project, and what of the made files is in it.
    async fn target(&self, target: Target, made: &Made) -> Result<(Option<String>, Files), TemplateError> {
        let nothing = Files::new(FilesLimits::TEMPLATE);
        if target == Target::Download {
            return Ok((None, nothing));
        }
        let root = self.0.projects.clone().ok_or(TemplateError::NoProjects)?;
        let name = made.entities.first().map(EntityRef::name).ok_or(TemplateError::NoName)?;
        let name = FilePath::parse(name).map_err(|_| TemplateError::NoName)?.to_string();
        let (folder, paths) = (root.join(&name), made.files.below(None));
        let read = tokio::task::spawn_blocking(move || match folder.exists() {
            true => disk::read_files(&folder, &paths, FilesLimits::TEMPLATE),
            false => Ok(nothing),
        });
        Ok((Some(name), read.await.map_err(|_| TemplateError::Ended)??))
    }

    async fn write(&self, project: &str, files: &Files) -> Result<(), TemplateError> {
        let root = self.0.projects.clone().ok_or(TemplateError::NoProjects)?;
        let (folder, files) = (root.join(project), files.clone());
        let written = tokio::task::spawn_blocking(move || disk::stage(&folder, &files)?.place());
        Ok(written.await.map_err(|_| TemplateError::Ended)??)
    }
}

impl Listed {
    fn readable(self) -> Result<Arc<Template>, TemplateError> {
        let why = self.why_not.unwrap_or_default();
        self.template.ok_or(TemplateError::NotRunnable { reference: self.reference, why })
    }

    fn runnable(self) -> Result<Arc<Template>, TemplateError> {
        match self.why_not {
            Some(why) => Err(TemplateError::NotRunnable { reference: self.reference, why }),
            None => self.readable(),
        }
    }
}

fn of_binary(template: &Arc<Template>) -> Listed {
    Listed {
        reference: template.reference(),
        entity: template.entity.clone(),
        origin: Origin::BuiltIn,
        state: None,
        why_not: (!template.problems.is_empty()).then(|| first_problem(template)),
        template: Some(Arc::clone(template)),
        made: 0,
        made_behind: 0,
    }
}

fn first_problem(template: &Template) -> String {
    template.problems.first().map(ToString::to_string).unwrap_or_default()
}

/// The file of a folder that holds the template: the one nearest to the root, `template.yaml` before others.
fn template_file(files: &Files) -> Option<FilePath> {
    let is_template = |path: &FilePath| {
        let text = files.get(path).and_then(super::files::File::text).unwrap_or_default();
        (path.name().ends_with(".yaml") || path.name().ends_with(".yml"))
            && text.contains(super::definition::API_VERSION)
            && text.lines().any(|line| line.trim_end() == "kind: Template")
    };
    let mut found: Vec<FilePath> = files.below(None).into_iter().filter(is_template).collect();
    found.sort_by_key(|path| (path.names().count(), path.name() != "template.yaml", path.clone()));
    found.into_iter().next()
}
