//! agentregistry's API below `/v0`: its lists and documents, over everything in the catalog that it has a kind for.
//!
//! Its API knows no approval, so a reader must be signed in, and the state of what is shown stands in `status.conditions`.

mod apply;

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_catalog::compat::agentregistry::{self, ArKind};
use mizzen_catalog::compat::{VERSION, published};
use mizzen_catalog::query::{Order, Predicate, Query, Stored};
use mizzen_catalog::version::{Version, VersionHead, VersionState};
use mizzen_catalog::{Catalog, Entity, EntityRef};
use mizzen_control::sign_in::Session;
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Named, Params, Problem};
use super::reader::{equals, of_kind};
use crate::api::catalog::entity::actor;
use crate::app::App;
use crate::error::ApiError;

pub(crate) use apply::{apply, delete_all, put};

const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 200;
const LATEST: &str = "latest";
const EVERY_NAMESPACE: &str = "all";

/// What may be asked of a list, or of one document.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListQuery {
    namespace: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
    labels: Option<String>,
    tag: Option<String>,
    // Both are so in any case: a name is listed once, with its newest content, and what is deleted is gone.
    #[serde(rename = "latestOnly")]
    _latest_only: Option<bool>,
    #[serde(rename = "includeTerminating")]
    _include_terminating: Option<bool>,
}

impl ListQuery {
    fn namespace(&self) -> &str {
        self.namespace.as_deref().filter(|it| !it.is_empty()).unwrap_or(mizzen_catalog::reference::DEFAULT_NAMESPACE)
    }
}

fn kind(plural: &str) -> Result<ArKind, Problem> {
    let found = ArKind::ALL.iter().copied().find(|kind| kind.plural() == plural);
    found.ok_or_else(|| Problem::not_found("kind of agentregistry's", plural))
}

/// One document for each name, with its newest content, or with what a tag names.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Named(plural): Named<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let kind = kind(&plural)?;
    let mut predicate = vec![of_kind(kind.entity_kind(), kind.spec_type())];
    if query.namespace() != EVERY_NAMESPACE {
        predicate.push(equals("metadata.namespace", query.namespace()));
    }
    for label in query.labels.as_deref().unwrap_or_default().split(',').filter(|label| !label.is_empty()) {
        let (key, value) =
            label.split_once('=').ok_or_else(|| Problem::invalid("labels: must be `key=value,key=value`"))?;
        predicate.push(equals(&format!("metadata.labels.{key}"), value));
    }
    let asked = Query {
        predicate: Predicate::All(predicate),
        order: vec![Order { key: "metadata.name".to_owned(), descending: false }],
        limit: query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX),
        cursor: query.cursor.clone().filter(|cursor| !cursor.is_empty()),
        is_fixed: true,
        count: false,
        relations: false,
        ..Query::default()
    };
    let page = app.state.catalog.query(&asked).await?;
    let mut items = Vec::new();
    for stored in &page.items {
        let shown = match query.tag.as_deref().filter(|tag| *tag != LATEST) {
            None => of_stored(stored),
            Some(tag) => app.state.catalog.version(&stored.reference, tag).await?.and_then(|it| of_version(&it)),
        };
        items.extend(shown);
    }
    let mut body = json!({ "items": items });
    if let Some(next) = page.next {
        body["nextCursor"] = next.into();
    }
    Ok(Json(body))
}

/// The newest content of a name.
pub(crate) async fn newest(
    State(app): State<Arc<App>>,
    Named((plural, name)): Named<(String, String)>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let stored = find(&app.state.catalog, kind(&plural)?, query.namespace(), &name).await?;
    of_stored(&stored).map(Json).ok_or_else(|| Problem::not_found("document", name))
}

/// All that a name was, newest first.
pub(crate) async fn tags(
    State(app): State<Arc<App>>,
    Named((plural, name)): Named<(String, String)>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let stored = find(&app.state.catalog, kind(&plural)?, query.namespace(), &name).await?;
    let versions = app.state.catalog.versions(&stored.reference).await?;
    let mut items: Vec<Value> = versions.iter().filter_map(of_version).collect();
    if items.is_empty() {
        items.extend(of_stored(&stored));
    }
    Ok(Json(json!({ "items": items })))
}

/// What a tag names.
pub(crate) async fn tagged(
    State(app): State<Arc<App>>,
    Named((plural, name, tag)): Named<(String, String, String)>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let stored = find(&app.state.catalog, kind(&plural)?, query.namespace(), &name).await?;
    let shown = match tag.as_str() {
        LATEST => of_stored(&stored),
        tag => app.state.catalog.version(&stored.reference, tag).await?.and_then(|version| of_version(&version)),
    };
    shown.map(Json).ok_or_else(|| Problem::not_found("document", format!("{name} {tag}")))
}

/// Retires the version that a tag names, or rejects it while it waits for its review.
pub(crate) async fn retire(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((plural, name, tag)): Named<(String, String, String)>,
    Params(query): Params<ListQuery>,
) -> Result<StatusCode, Problem> {
    let stored = find(&app.state.catalog, kind(&plural)?, query.namespace(), &name).await?;
    retire_version(&app, &session, &stored.reference, &tag).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn retire_version(app: &App, session: &Session, reference: &EntityRef, tag: &str) -> Result<(), Problem> {
    if session.role < Role::Approver {
        let (needed, have) = (Role::Approver.as_str(), session.role.as_str());
        return Err(ApiError::Role { needed, have }.into());
    }
    let catalog = &app.state.catalog;
    let missing = || Problem::not_found("version", format!("{tag} of {reference}"));
    let version = catalog.version(reference, tag).await?.ok_or_else(missing)?;
    let (digest, by) = (version.digest.as_str(), actor(session));
    let reason = Some("deleted through agentregistry's API");
    // Nobody has taken up what still waits for its review.
    let to = if version.state == VersionState::Pending { VersionState::Rejected } else { VersionState::Retired };
    catalog.decide(reference, digest, to, &by, reason).await?;
    Ok(())
}

/// Takes a deployment or a runtime away: these have no tags.
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((plural, name)): Named<(String, String)>,
    Params(query): Params<ListQuery>,
) -> Result<StatusCode, Problem> {
    let kind = kind(&plural)?;
    if kind.is_tagged() {
        return Err(Problem::invalid(format!("name the tag to delete: DELETE /v0/{plural}/{name}/TAG")));
    }
    let stored = find(&app.state.catalog, kind, query.namespace(), &name).await?;
    app.state.catalog.delete(&stored.reference, &actor(&session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What agentregistry's clients call by `name`: what came under it, or what is called so in the catalog.
async fn find(catalog: &Catalog, kind: ArKind, namespace: &str, name: &str) -> Result<Stored, Problem> {
    let references =
        [agentregistry::reference(kind, namespace, name), EntityRef::new(kind.entity_kind(), namespace, name)];
    for reference in references {
        let stored = catalog.get(&reference).await?;
        if let Some(stored) = stored.filter(|stored| ArKind::of_entity(&stored.entity) == Some(kind)) {
            return Ok(stored);
        }
    }
    Err(Problem::not_found("document", format!("{namespace}/{name} of the kind {}", kind.as_str())))
}

fn of_stored(stored: &Stored) -> Option<Value> {
    shown(&stored.entity, stored.version.as_ref(), Some(stored.created_at), Some(stored.updated_at))
}

fn of_version(version: &Version) -> Option<Value> {
    if !published::is_intact(version) {
        return None;
    }
    let head = VersionHead { tag: version.tag.clone(), digest: version.digest.clone(), state: version.state };
    shown(&version.entity, Some(&head), published::applied_at(version), published::changed_at(version))
}

/// The document as agentregistry answers it: with what it sets itself, where the document does not say it.
fn shown(
    entity: &Entity,
    version: Option<&VersionHead>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
) -> Option<Value> {
    let mut document = agentregistry::document(entity)?;
    let metadata = document.get_mut("metadata")?.as_object_mut()?;
    metadata.entry("namespace").or_insert_with(|| entity.namespace().into());
    metadata.insert("createdAt".to_owned(), json!(created_at));
    metadata.insert("updatedAt".to_owned(), json!(updated_at));
    let Some(version) = version else { return Some(document) };
    if entity.annotation(VERSION).is_none() {
        metadata.insert("tag".to_owned(), version.tag.clone().into());
    }
    document["status"] = json!({
        "conditions": [{
            "type": "Approved",
            "status": if version.state.is_usable() { "True" } else { "False" },
            "reason": version.state,
            "message": version.digest,
            "lastTransitionTime": updated_at,
        }],
    });
    Some(document)
}

/// It answers, so it is well: what Mizzen's own `/readyz` knows, agentregistry's clients do not ask.
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

pub(crate) async fn ping() -> Json<Value> {
    Json(json!({ "pong": true }))
}

pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION"), "git_commit": "unknown", "build_time": "unknown" }))
}
