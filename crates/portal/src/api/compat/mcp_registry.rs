//! The MCP registry's API, v0.1 and its twin v0: reads. What a version's approval says is under our own key of `_meta`.

mod change;
mod list;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::compat::{mcp_registry, name, published};
use mizzen_catalog::version::{Version, VersionState};
use mizzen_catalog::{Catalog, EntityRef};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Body, Named, Params, Problem};
use super::reader::{self, Reader};
use crate::app::App;

pub(crate) use change::{edit, publish, set_status, set_status_of_all};
pub(crate) use list::list;

/// The registry's own block.
const OFFICIAL: &str = "io.modelcontextprotocol.registry/official";
/// Ours.
const APPROVAL: &str = "dev.mizzen/approval";
const LATEST: &str = "latest";

/// A server and those of its versions that this reader may see, newest first.
#[derive(Debug)]
struct Server {
    reference: EntityRef,
    versions: Vec<Version>,
    latest: Option<mizzen_model::id::Digest>,
}

impl Server {
    fn of(reference: EntityRef, versions: Vec<Version>, sees_all: bool) -> Self {
        let latest = reader::newest(&versions, sees_all).map(|version| version.digest.clone());
        Self { reference, versions, latest }
    }

    /// `None` where no such server is, or none of this name.
    async fn named(catalog: &Catalog, name: &str, sees_all: bool) -> Result<Option<Self>, Problem> {
        for reference in references(name) {
            let versions = catalog.versions(&reference).await?;
            let is_it = |version: &Version| {
                mcp_registry::document(&version.entity).is_some()
                    && mcp_registry::name_of(&version.entity).eq_ignore_ascii_case(name)
            };
            // A server that was taken out of the catalog keeps its versions, and is not there.
            if versions.first().is_some_and(is_it) && catalog.get(&reference).await?.is_some() {
                return Ok(Some(Self::of(reference, versions, sees_all)));
            }
        }
        Ok(None)
    }

    fn is_latest(&self, version: &Version) -> bool {
        self.latest.as_ref() == Some(&version.digest)
    }

    /// As the registry answers.
    fn entry(&self, version: &Version) -> Option<Value> {
        let mut server = mcp_registry::document(&version.entity)?;
        if let Some(server) = server.as_object_mut() {
            // A document that names no version has the tag that the catalog gave it.
            if version.entity.annotation(mizzen_catalog::compat::VERSION).is_none() {
                server.insert("version".to_owned(), version.tag.clone().into());
            }
        }
        let step = version.history.last();
        let mut official = json!({
            "status": status(version.state),
            "publishedAt": published::applied_at(version),
            "updatedAt": published::changed_at(version),
            "statusChangedAt": published::changed_at(version),
            "isLatest": self.is_latest(version),
        });
        if let Some(reason) = step.and_then(|step| step.reason.as_ref()) {
            official["statusMessage"] = reason.clone().into();
        }
        Some(json!({ "server": server, "_meta": { OFFICIAL: official, APPROVAL: reader::approval(version) } }))
    }
}

/// Which entities a server's name may stand for: the one that came under it, or any tool server as `NAMESPACE/NAME`.
fn references(server: &str) -> Vec<EntityRef> {
    let mut all = vec![EntityRef::new("API", mizzen_catalog::reference::DEFAULT_NAMESPACE, &name::of(server))];
    if let Some((namespace, name)) = server.split_once('/') {
        all.push(EntityRef::new("API", namespace, name));
    }
    all
}

/// The registry knows three. What was not approved is `deleted` to clients that know no other, so that none installs it.
const fn status(state: VersionState) -> &'static str {
    match state {
        VersionState::Approved => "active",
        VersionState::Deprecated => "deprecated",
        VersionState::Draft | VersionState::Pending | VersionState::Rejected | VersionState::Retired => "deleted",
    }
}

/// What may be asked of the versions of a server.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct VersionsQuery {
    include_deleted: Option<bool>,
    include_unapproved: Option<bool>,
    // Sent by clients that page; a server's versions are one page.
    #[serde(rename = "cursor")]
    _cursor: Option<String>,
    #[serde(rename = "limit")]
    _limit: Option<u32>,
}

/// Whether a reader sees a version. What was retired and never approved was not there for everybody, and is not now.
fn is_shown(version: &Version, sees_all: bool, with_deleted: bool) -> bool {
    match version.state {
        VersionState::Retired => {
            with_deleted && (sees_all || published::approval(version).is_some()) && published::is_intact(version)
        }
        _ => sees_all && published::is_intact(version) || published::is_published(version),
    }
}

pub(crate) async fn versions(
    State(app): State<Arc<App>>,
    reader: Reader,
    Named(name): Named<String>,
    Params(query): Params<VersionsQuery>,
) -> Result<Json<Value>, Problem> {
    let sees_all = reader.sees_all(query.include_unapproved);
    let with_deleted = query.include_deleted == Some(true);
    let missing = || Problem::not_found("server", &name);
    let server = Server::named(&app.state.catalog, &name, sees_all).await?.ok_or_else(missing)?;
    let shown = server.versions.iter().filter(|version| is_shown(version, sees_all, with_deleted));
    let servers: Vec<Value> = shown.filter_map(|version| server.entry(version)).collect();
    if servers.is_empty() {
        return Err(missing());
    }
    let count = servers.len();
    Ok(Json(json!({ "servers": servers, "metadata": { "count": count } })))
}

pub(crate) async fn version(
    State(app): State<Arc<App>>,
    reader: Reader,
    Named((name, tag)): Named<(String, String)>,
    Params(query): Params<VersionsQuery>,
) -> Result<Json<Value>, Problem> {
    let sees_all = reader.sees_all(query.include_unapproved);
    let with_deleted = query.include_deleted == Some(true);
    let missing = || Problem::not_found("version of a server", format!("{name} {tag}"));
    let server = Server::named(&app.state.catalog, &name, sees_all).await?.ok_or_else(missing)?;
    let is_asked = |version: &&Version| {
        let is_named = if tag == LATEST { server.is_latest(version) } else { version.tag == tag };
        is_named && is_shown(version, sees_all, with_deleted)
    };
    // Of several versions of a tag the published one is meant, of which there is one at most.
    let mut asked: Vec<&Version> = server.versions.iter().filter(is_asked).collect();
    asked.sort_by_key(|version| !version.state.is_usable());
    asked.first().and_then(|version| server.entry(version)).map(Json).ok_or_else(missing)
}
