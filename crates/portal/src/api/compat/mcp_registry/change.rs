//! What changes servers: publishing, editing what was not approved yet, and the status of versions.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_catalog::apply::{ApplyOptions, Outcome};
use mizzen_catalog::compat::mcp_registry;
use mizzen_catalog::document::{Document, Format};
use mizzen_catalog::version::{Version, VersionState};
use mizzen_control::sign_in::Session;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Named, Problem, Server};
use crate::api::catalog::entity::actor;
use crate::app::App;

/// `status` and `statusMessage` of the registry's status routes.
#[derive(Debug, Deserialize)]
pub(crate) struct StatusBody {
    status: String,
    #[serde(rename = "statusMessage")]
    message: Option<String>,
}

/// Puts a new version up for review. The same content again is answered as it was; other content under a version that there is
/// already is refused, as the registry does.
pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(document): Body<Value>,
) -> Result<Json<Value>, Problem> {
    let document = read(&document)?;
    let reference = document.entity.reference();
    let tag = document.entity.annotation(mizzen_catalog::compat::VERSION).unwrap_or_default().to_owned();
    let digest = document.entity.digest();
    let versions = app.state.catalog.versions(&reference).await?;
    if versions.iter().any(|version| version.tag == tag && version.digest != digest) {
        return Err(Problem::invalid(format!(
            "version `{tag}` was published before with other content; publish it under another version"
        )));
    }
    applied(&app, &session, document).await
}

/// Replaces the content of a version that was not approved yet.
pub(crate) async fn edit(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((name, tag)): Named<(String, String)>,
    Body(document): Body<Value>,
) -> Result<Json<Value>, Problem> {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("name") != name || text("version") != tag {
        return Err(Problem::invalid("`name` and `version` of the document must be those of the address"));
    }
    let document = read(&document)?;
    let server = Server::named(&app.state.catalog, &name, true).await?;
    let versions = server.map(|server| server.versions).unwrap_or_default();
    let known: Vec<&Version> = versions.iter().filter(|version| version.tag == tag).collect();
    if known.is_empty() {
        return Err(Problem::not_found("version of a server", format!("{name} {tag}")));
    }
    let digest = document.entity.digest();
    let is_decided = |state| !matches!(state, VersionState::Draft | VersionState::Pending | VersionState::Rejected);
    if let Some(version) = known.iter().find(|version| is_decided(version.state) && version.digest != digest) {
        return Err(Problem::conflict(format!(
            "version `{tag}` is {} with the content {}, which does not change; publish this under another version",
            version.state, version.digest
        )));
    }
    applied(&app, &session, document).await
}

fn read(document: &Value) -> Result<Document, Problem> {
    let entity = mcp_registry::entity(document).map_err(|faults| {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Problem::invalid(told.join("; "))
    })?;
    let entity = mizzen_catalog::validate::entity(entity.into_document()).map_err(|faults| {
        let told: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        Problem::invalid(told.join("; "))
    })?;
    let source = "server.json".to_owned();
    Ok(Document { source, line: 1, column: 1, format: Format::McpServer, entity, body: None, warnings: Vec::new() })
}

async fn applied(app: &App, session: &Session, document: Document) -> Result<Json<Value>, Problem> {
    let (reference, digest) = (document.entity.reference(), document.entity.digest());
    let catalog = &app.state.catalog;
    let applied = catalog.apply(vec![document], &actor(session), &ApplyOptions::default()).await?;
    if let Some(rejected) = applied.into_iter().find(|one| one.outcome == Outcome::Rejected) {
        return Err(Problem::conflict(rejected.error.unwrap_or_else(|| "it was not taken".to_owned())));
    }
    let server = Server::of(reference.clone(), catalog.versions(&reference).await?, true);
    let entry = server.versions.iter().find(|version| version.digest == digest).and_then(|it| server.entry(it));
    entry.map(Json).ok_or_else(|| Problem::not_found("version of a server", reference))
}

/// Approves, deprecates or retires a version, in the registry's words.
pub(crate) async fn set_status(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((name, tag)): Named<(String, String)>,
    Body(body): Body<StatusBody>,
) -> Result<Json<Value>, Problem> {
    let missing = || Problem::not_found("version of a server", format!("{name} {tag}"));
    let catalog = &app.state.catalog;
    let server = Server::named(catalog, &name, true).await?.ok_or_else(missing)?;
    let version = catalog.version(&server.reference, &tag).await?.ok_or_else(missing)?;
    let to = state(&body.status)?;
    let (digest, reason) = (version.digest.as_str(), body.message.as_deref());
    let changed = catalog.decide(&server.reference, digest, to, &actor(&session), reason).await?;
    let server = Server::of(server.reference.clone(), catalog.versions(&server.reference).await?, true);
    server.entry(&changed).map(Json).ok_or_else(missing)
}

/// As [`set_status`], for every version that may go there; the answer is those that went.
pub(crate) async fn set_status_of_all(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(body): Body<StatusBody>,
) -> Result<Json<Value>, Problem> {
    let missing = || Problem::not_found("server", &name);
    let catalog = &app.state.catalog;
    let server = Server::named(catalog, &name, true).await?.ok_or_else(missing)?;
    let to = state(&body.status)?;
    let mut changed = Vec::new();
    for version in &server.versions {
        // What waits for its first review is not decided along with all others.
        let may = version.state.may_become(to) && version.state != VersionState::Pending;
        if may {
            let (digest, reason) = (version.digest.as_str(), body.message.as_deref());
            changed.push(catalog.decide(&server.reference, digest, to, &actor(&session), reason).await?);
        }
    }
    let server = Server::of(server.reference.clone(), catalog.versions(&server.reference).await?, true);
    let servers: Vec<Value> = changed.iter().filter_map(|version| server.entry(version)).collect();
    Ok(Json(json!({ "updatedCount": servers.len(), "servers": servers })))
}

fn state(status: &str) -> Result<VersionState, Problem> {
    match status {
        "active" => Ok(VersionState::Approved),
        "deprecated" => Ok(VersionState::Deprecated),
        "deleted" => Ok(VersionState::Retired),
        other => {
            let known = ["active", "deprecated", "deleted"];
            Err(crate::error::ApiError::unknown("status", other, &known).into())
        }
    }
}
