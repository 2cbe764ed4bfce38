//! What lies beside a catalog file and goes with it: documentation, and the folder of a template.

use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use mizzen_catalog::docs::site::media_type;
use mizzen_catalog::template::disk;
use mizzen_catalog::template::files::{Files, FilesLimits};
use mizzen_catalog::template::path::FilePath;
use mizzen_catalog::{Entity, document};
use mizzen_model::yaml::{self, Kind, Limits};
use serde_json::json;

use super::disk_failure;
use crate::catalog;
use crate::client::{Server, encode};
use crate::failure::Failure;

const TECHDOCS: &str = "backstage.io/techdocs-ref";
const CONFIGURATION: [&str; 2] = ["mkdocs.yml", "mkdocs.yaml"];
const DOCS_FOLDER: &str = "docs";

/// Sends what belongs to the documents of `file`, which were applied. Says what was sent.
///
/// # Errors
/// When something beside the file cannot be read, or the server refuses it.
pub(crate) async fn send(server: &Server, file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    let beside = file.parent().unwrap_or(Path::new("."));
    let mut sent = Vec::new();
    for read in document::read(&file.display().to_string(), &text) {
        let Some(document) = read.valid() else { continue };
        let entity = &document.entity;
        if let Some(files) = documentation(entity, beside)? {
            let body = json!({ "files": files.to_texts(), "source_url": source_url(entity) });
            put(server, &format!("{}/docs", catalog::path(&entity.reference())), &body).await?;
            sent.push(format!("{}: documentation of {} files", entity.reference(), files.len()));
        }
        if entity.kind().eq_ignore_ascii_case("template") {
            let files = disk::read_folder(beside, FilesLimits::TEMPLATE).map_err(disk_failure)?;
            let (namespace, name) = (encode(entity.namespace()), encode(entity.name()));
            let body = json!({ "files": files.to_texts() });
            put(server, &format!("/api/v1/catalog/templates/{namespace}/{name}"), &body).await?;
            sent.push(format!("{}: {} files", entity.reference(), files.len()));
        }
    }
    Ok(sent)
}

async fn put(server: &Server, path: &str, body: &serde_json::Value) -> Result<(), Failure> {
    server.json(Method::PUT, path, Bytes::from(body.to_string())).await.map(|_| ())
}

/// Where the sources can be read, where the entity says so.
fn source_url(entity: &Entity) -> Option<String> {
    let url = entity.annotation("backstage.io/source-location")?.strip_prefix("url:")?;
    Some(format!("{}/{DOCS_FOLDER}/", url.trim_end_matches('/')))
}

/// The pages and images that `backstage.io/techdocs-ref: dir:…` means.
fn documentation(entity: &Entity, beside: &Path) -> Result<Option<Files>, Failure> {
    let Some(named) = entity.annotation(TECHDOCS).and_then(|place| place.strip_prefix("dir:")) else {
        return Ok(None);
    };
    let inner = FilePath::parse_folder(named).with_context(|| format!("`{TECHDOCS}`")).map_err(Failure::Usage)?;
    let root = inner.map_or_else(|| beside.to_owned(), |inner| beside.join(inner.as_str()));
    let known = CONFIGURATION.iter().filter_map(|name| FilePath::parse(name).ok()).collect::<Vec<_>>();
    let configured = disk::read_files(&root, &known, FilesLimits::DOCUMENTATION).map_err(disk_failure)?;
    let text = configured.iter().find_map(|(_, file)| file.text()).unwrap_or_default();
    let folder = docs_folder(text);
    let path = FilePath::parse(&folder).with_context(|| "`docs_dir` of mkdocs.yml").map_err(Failure::Usage)?;
    if !root.join(path.as_str()).is_dir() {
        return Ok(None);
    }
    let all = disk::read_folder(&root.join(path.as_str()), FilesLimits::TEMPLATE).map_err(disk_failure)?;
    let mut files = configured;
    for (inner, file) in all.iter().filter(|(inner, _)| is_shown(inner)) {
        let inner = inner.below(Some(&path)).context("a path is too long")?;
        files.add(inner, file.clone()).map_err(|error| Failure::Usage(error.into()))?;
    }
    Ok(Some(files))
}

fn is_shown(path: &FilePath) -> bool {
    path.as_str().ends_with(".md") || path.as_str().ends_with(".markdown") || media_type(path.as_str()).is_some()
}

fn docs_folder(configuration: &str) -> String {
    let named = yaml::parse(configuration, Limits::PAGE).ok().and_then(|node| match node.kind {
        Kind::Map(fields) => fields.into_iter().find(|(key, _)| key.name == "docs_dir"),
        _ => None,
    });
    match named {
        Some((_, yaml::Node { kind: Kind::Text(text), .. })) => text,
        _ => DOCS_FOLDER.to_owned(),
    }
}
