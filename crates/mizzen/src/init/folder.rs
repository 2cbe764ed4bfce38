//! What lies beside a catalog file and goes with it: documentation, and the folder of a template.

use std::path::Path;

use bytes::Bytes;
use http::Method;
use mizzen_catalog::Entity;
use mizzen_catalog::docs::beside;
use mizzen_catalog::template::disk;
use mizzen_catalog::template::files::{Files, FilesLimits};
use serde_json::{Value, json};

use super::disk_failure;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::{catalog, output};

/// What lies beside a document that was applied, and goes with it.
#[derive(Debug)]
pub(crate) struct Part {
    what: String,
    path: String,
    body: Value,
}

/// Each part that goes with a document of `file`, or why it cannot be read. With its files, a template is submitted unless it is to
/// stay a draft.
pub(crate) fn parts(entity: &Entity, file: &Path, draft: bool) -> Vec<Result<Part, Failure>> {
    let around = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut parts = Vec::new();
    let files = documentation(entity, around).transpose();
    parts.extend(files.map(|files| {
        let files = files?;
        let what = format!("documentation of {} files", files.len());
        let body = json!({ "files": files.to_texts(), "source_url": beside::source_url(entity) });
        Ok(Part { what, path: format!("{}/docs", catalog::path(&entity.reference())), body })
    }));
    if entity.kind().eq_ignore_ascii_case("template") {
        let (namespace, name) = (encode(entity.namespace()), encode(entity.name()));
        let files = disk::read_folder(around, FilesLimits::TEMPLATE).map_err(disk_failure);
        parts.push(files.map(|files| Part {
            what: format!("{} files", files.len()),
            path: format!("/api/v1/catalog/templates/{namespace}/{name}"),
            body: json!({ "files": files.to_texts(), "draft": draft }),
        }));
    }
    parts
}

impl Part {
    /// Says what was sent, and the state of the version that it made.
    ///
    /// # Errors
    /// When the server refuses it, or cannot be reached.
    pub(crate) async fn send(self, server: &Server) -> Result<String, Failure> {
        let kept = server.json(Method::PUT, &self.path, Bytes::from(self.body.to_string())).await?;
        Ok(match kept["state"].as_str() {
            Some(state) => format!("{}, its version is {}", self.what, output::one_line(state)),
            None => self.what,
        })
    }
}

/// The pages and images that `backstage.io/techdocs-ref: dir:…` means.
fn documentation(entity: &Entity, around: &Path) -> Result<Option<Files>, Failure> {
    let usage = |error: beside::BesideError| Failure::Usage(error.into());
    let Some(inner) = beside::place(entity).map_err(usage)? else { return Ok(None) };
    let root = inner.map_or_else(|| around.to_owned(), |inner| around.join(inner.as_str()));
    let configured = disk::read_files(&root, &beside::configurations(), FilesLimits::DOCUMENTATION);
    let configured = configured.map_err(disk_failure)?;
    let folder = beside::docs_folder(&configured).map_err(usage)?;
    let inside = folder.as_ref().map_or_else(|| root.clone(), |folder| root.join(folder.as_str()));
    if !inside.is_dir() {
        return Ok(None);
    }
    let inside = disk::read_folder(&inside, FilesLimits::TEMPLATE).map_err(disk_failure)?;
    beside::site(configured, folder.as_ref(), &inside).map(Some).map_err(usage)
}
