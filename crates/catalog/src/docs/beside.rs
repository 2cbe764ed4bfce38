//! Which files beside a catalog file are the documentation of its entity.

use super::site::{self, CONFIGURATION, DOCS_FOLDER};
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

/// The folder of the pages, which `mkdocs.yml` may name; `None`: its own.
///
/// # Errors
/// When that is not within the folder of `mkdocs.yml`.
pub fn docs_folder(configured: &Files) -> Result<Option<FilePath>, BesideError> {
    // What is wrong with a configuration is told, with its place, when the whole is read as a site.
    let node = site::configuration(configured).1.ok().flatten();
    site::named_folder(node.as_ref()).map_err(BesideError::DocsFolder)
}

/// `mkdocs.yml`, and of the files in the folder of the pages those that are shown.
///
/// # Errors
/// When they are too many or too large.
pub fn site(configured: Files, folder: Option<&FilePath>, inside: &Files) -> Result<Files, BesideError> {
    let mut files = configured;
    for (inner, file) in inside.iter().filter(|(inner, _)| site::is_shown(inner.as_str())) {
        files.add(inner.below(folder).map_err(FilesError::from)?, file.clone())?;
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
    let inside = root.part(folder.as_ref());
    if inside.is_empty() { Ok(None) } else { site(configured, folder.as_ref(), &inside).map(Some) }
}

/// Where the sources can be read, where the entity says so.
#[must_use]
pub fn source_url(entity: &Entity) -> Option<String> {
    let url = entity.annotation(SOURCE)?.strip_prefix("url:")?;
    Some(format!("{}/{DOCS_FOLDER}/", url.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{docs_folder, within};
    use crate::docs::site::Site;
    use crate::entity::Entity;
    use crate::template::files::{Files, FilesLimits};

    fn folder(files: &[(&str, &str)]) -> Files {
        Files::of(FilesLimits::DOCUMENTATION, files)
    }

    #[test]
    fn what_is_sent_is_what_is_shown_whatever_the_configuration_says() {
        let document = json!({ "kind": "Component", "metadata": { "name": "x",
            "annotations": { "backstage.io/techdocs-ref": "dir:." } } });
        let entity = Entity::new(document.as_object().unwrap().clone());
        let beside = |configurations: &[(&str, &str)]| {
            let pages = [("docs/a.md", "# A"), ("pages/b.md", "# B"), ("top.md", "# Top"), ("catalog-info.yaml", "")];
            folder(&[configurations, &pages].concat())
        };
        let tagged = "site_url: !ENV [SITE, none]\nx: !!python/name:x.y\ndocs_dir: pages\n";
        for (configurations, shown) in [
            (&[][..], &["a.md"][..]),
            (&[("mkdocs.yml", "docs_dir: pages\n")], &["b.md"]),
            (&[("mkdocs.yml", "docs_dir: .\n")], &["top.md", "docs/a.md", "pages/b.md"]),
            (&[("mkdocs.yaml", "docs_dir: docs\n"), ("mkdocs.yml", "docs_dir: pages\n")], &["b.md"]),
            (&[("mkdocs.yml", tagged)], &["b.md"]),
            (&[("mkdocs.yml", "docs_dir: !ENV [DOCS, pages]\n")], &["a.md"]),
        ] {
            let sent = within(&entity, &beside(configurations)).unwrap().unwrap();
            let site = Site::read(&sent).unwrap();
            let paths: Vec<_> = site.pages.iter().map(|page| page.path.as_str()).collect();
            assert_eq!(paths, shown, "{configurations:?}");
            // All that is sent is shown.
            assert_eq!(sent.len(), configurations.len() + shown.len(), "{configurations:?}");
        }
        // A mistake is sent, for its place to be told.
        let wrong = within(&entity, &beside(&[("mkdocs.yml", "a: [\n")])).unwrap().unwrap();
        assert!(Site::read(&wrong).is_err());
        assert!(docs_folder(&folder(&[("mkdocs.yml", "docs_dir: ../x\n")])).is_err());
    }
}
