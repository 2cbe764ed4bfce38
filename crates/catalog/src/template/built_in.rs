//! The templates in the binary: golden paths that every installation has.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use mizzen_governance::problem::Problem;
use rust_embed::RustEmbed;

use super::definition::Template;
use super::files::{File, Files, FilesError, FilesLimits};
use super::path::FilePath;

/// Each has a folder of its own.
#[derive(RustEmbed)]
#[folder = "templates"]
struct Embedded;

const TEMPLATE_FILE: &str = "template.yaml";

/// Why a template of the binary cannot be used: a defect that a test finds.
#[derive(Debug, thiserror::Error)]
pub enum BuiltInError {
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Template(Vec<Problem>),
}

/// All templates of the binary, by name.
///
/// # Errors
/// Never, as the tests have read the same files.
pub fn all() -> Result<Vec<Arc<Template>>, BuiltInError> {
    names().iter().map(|name| read(name).map(Arc::new)).collect()
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = Embedded::iter().filter_map(|path| Some(path.split_once('/')?.0.to_owned())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn read(name: &str) -> Result<Template, BuiltInError> {
    let mut files = Files::new(FilesLimits::TEMPLATE);
    for path in Embedded::iter() {
        let Some(inner) = path.strip_prefix(name).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let content = Embedded::get(&path).map(|file| Bytes::from(file.data.into_owned())).unwrap_or_default();
        // The binary carries no modes; what begins like a script is one.
        let executable = content.starts_with(b"#!");
        let path = FilePath::parse(inner).map_err(FilesError::from)?;
        files.add(path, File { content, executable })?;
    }
    Template::read(TEMPLATE_FILE, files).map_err(BuiltInError::Template)
}
