//! Which files beside a catalog file are the documentation of its entity.

use mizzen_model::yaml::{self, Kind, Limits};

use super::site::{CONFIGURATION, DOCS_FOLDER, media_type};
use crate::entity::Entity;
use crate::template::files::{Files, FilesError, FilesLimits};
use crate::template::path::{FilePath, PathError};

const TECHDOCS: &str = "backstage.io/techdocs-ref";
const SOURCE: &str = "backstage.io/source-location";

/// Why the documentation of an entity cannot be read beside its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BesideError {
    #[error("`{TECHDOCS}`: {0}")]
    Place(PathError),
    #[error("`docs_dir` of mkdocs.yml: {0}")]
    DocsFolder(PathError),
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Where `mkdocs.yml` lies, seen from the entity's file; `None`: it says of no folder that it is its documentation.
///
/// # Errors
/// When it names something that is not within the folder of its file.
pub fn place(entity: &Entity) -> Result<Option<Option<FilePath>>, BesideError> {
    let named = entity.annotation(TECHDOCS).and_then(|place| place.strip_prefix("dir:"));
    named.map(|named| FilePath::parse_folder(named).map_err(BesideError::Place)).transpose()
}

/// The names that `mkdocs.yml` may have.
#[must_use]
pub fn configurations() -> Vec<FilePath> {
    CONFIGURATION.iter().filter_map(|name| FilePath::parse(name).ok()).collect()
}

/// The folder of the pages, which `mkdocs.yml` may name.
///
/// # Errors
/// When that is not within the folder of `mkdocs.yml`.
pub fn docs_folder(configured: &Files) -> Result<FilePath, BesideError> {
    let text = configured.iter().find_map(|(_, file)| file.text()).unwrap_or_default();
    let named = yaml::parse(text, Limits::PAGE).ok().and_then(|node| match node.kind {
        Kind::Map(fields) => fields.into_iter().find(|(key, _)| key.name == "docs_dir"),
        _ => None,
    });
    let named = match &named {
        Some((_, yaml::Node { kind: Kind::Text(text), .. })) => text.as_str(),
        _ => DOCS_FOLDER,
    };
    FilePath::parse(named).map_err(BesideError::DocsFolder)
}

/// `mkdocs.yml`, and of the files in the folder of the pages those that are shown.
///
/// # Errors
/// When they are too many or too large.
pub fn site(configured: Files, folder: &FilePath, inside: &Files) -> Result<Files, BesideError> {
    let mut files = configured;
    for (inner, file) in inside.iter().filter(|(inner, _)| is_shown(inner)) {
        files.add(inner.below(Some(folder)).map_err(FilesError::from)?, file.clone())?;
    }
    Ok(files)
}

/// The documentation of an entity whose file lies in `beside`; `None`: it has none there.
///
/// # Errors
/// When it names a folder that is not within, or they are too many or too large.
pub fn within(entity: &Entity, beside: &Files) -> Result<Option<Files>, BesideError> {
    let Some(place) = place(entity)? else { return Ok(None) };
    let root = beside.part(place.as_ref());
    let mut configured = Files::new(FilesLimits::DOCUMENTATION);
    for path in configurations() {
        if let Some(file) = root.get(&path) {
            configured.add(path, file.clone())?;
        }
    }
    let folder = docs_folder(&configured)?;
    let inside = root.part(Some(&folder));
    if inside.is_empty() { Ok(None) } else { site(configured, &folder, &inside).map(Some) }
}

/// Where the sources can be read, where the entity says so.
#[must_use]
pub fn source_url(entity: &Entity) -> Option<String> {
    let url = entity.annotation(SOURCE)?.strip_prefix("url:")?;
    Some(format!("{}/{DOCS_FOLDER}/", url.trim_end_matches('/')))
}

fn is_shown(path: &FilePath) -> bool {
    path.as_str().ends_with(".md") || path.as_str().ends_with(".markdown") || media_type(path.as_str()).is_some()
}
