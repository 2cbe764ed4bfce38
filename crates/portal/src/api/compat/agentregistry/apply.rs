//! `/v0/apply`: many documents at once, each with a result of its own.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_catalog::apply::{Applied, ApplyOptions, Outcome};
use mizzen_catalog::compat::agentregistry::{self, ArKind, FORMAT};
use mizzen_catalog::document::{self, Document, Format, Read};
use mizzen_catalog::plane::CatalogError;
use mizzen_control::sign_in::Session;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Named, Params, Problem, actor, kind, retire_version};
use crate::api::run::blocking;
use crate::app::App;

const SOURCE: &str = "apply.yaml";

/// Whether anything is changed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplyQuery {
    #[serde(default)]
    dry_run: bool,
    // A client that forces is refused all the same where an approved tag would change.
    #[serde(rename = "force")]
    _force: Option<bool>,
}

/// One document: to be applied, or why not, with what its result begins with.
enum Part {
    Apply(Value),
    Done(Value),
}

pub(crate) async fn apply(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Params(query): Params<ApplyQuery>,
    text: String,
) -> Result<Json<Value>, Problem> {
    let (parts, documents) = read(text).await?;
    let options = ApplyOptions { dry_run: query.dry_run, ..ApplyOptions::default() };
    let mut applied = app.state.catalog.apply(documents, &actor(&session), &options).await?.into_iter();
    let result = |part| match part {
        Part::Done(failed) => failed,
        Part::Apply(about) => applied.next().map_or(Value::Null, |applied| of_applied(about, &applied, query.dry_run)),
    };
    let results: Vec<Value> = parts.into_iter().map(result).collect();
    Ok(Json(json!({ "results": results })))
}

/// Deletes what the documents name: a version where there is a tag, or else all of it.
pub(crate) async fn delete_all(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Params(query): Params<ApplyQuery>,
    text: String,
) -> Result<Json<Value>, Problem> {
    let (parts, documents) = read(text).await?;
    let mut documents = documents.into_iter();
    let mut results = Vec::new();
    for part in parts {
        let result = match part {
            Part::Done(failed) => failed,
            Part::Apply(about) => match documents.next() {
                Some(document) => delete(&app, &session, &document, about, query.dry_run).await,
                None => about,
            },
        };
        results.push(result);
    }
    Ok(Json(json!({ "results": results })))
}

async fn delete(app: &App, session: &Session, document: &Document, about: Value, is_dry: bool) -> Value {
    let (catalog, reference) = (&app.state.catalog, document.entity.reference());
    let tag = about.get("tag").and_then(Value::as_str);
    let missing = || CatalogError::NotFound { what: "entity", name: reference.to_string() };
    let done = match (is_dry, tag) {
        (true, _) => match catalog.get(&reference).await {
            Ok(found) => found.map(|_| ()).ok_or_else(missing).map_err(Problem::from),
            Err(error) => Err(error.into()),
        },
        (false, Some(tag)) => retire_version(app, session, &reference, tag).await,
        (false, None) => catalog.delete(&reference, &actor(session)).await.map_err(Problem::from),
    };
    match done {
        Ok(()) => told(about, if is_dry { "dry-run" } else { "deleted" }, None),
        Err(problem) => told(about, "failed", Some(&problem.to_string())),
    }
}

/// The documents of a text, in its order. Thousands of them take longer than an async thread should be held.
async fn read(text: String) -> Result<(Vec<Part>, Vec<Document>), Problem> {
    Ok(blocking(move || parts(&text)).await?)
}

fn parts(text: &str) -> (Vec<Part>, Vec<Document>) {
    let mut documents = Vec::new();
    let part = |read| match read {
        Read::Valid(document) if document.format == Format::AgentRegistry => {
            let part = Part::Apply(about(&document));
            documents.push(*document);
            part
        }
        Read::Valid(document) => {
            let message = format!("must be of `{FORMAT}`; `mizzen apply` takes other formats");
            Part::Done(told(json!({ "name": document.entity.name() }), "failed", Some(&message)))
        }
        Read::Rejected(rejected) => {
            let name = rejected.reference.as_ref().map_or("", |reference| reference.name());
            let message: Vec<String> = rejected.problems.iter().map(ToString::to_string).collect();
            Part::Done(told(json!({ "name": name }), "failed", Some(&message.join("; "))))
        }
    };
    let parts = document::read(SOURCE, text).into_iter().map(part).collect();
    (parts, documents)
}

fn about(document: &Document) -> Value {
    let manifest = agentregistry::document(&document.entity).unwrap_or_default();
    let mut about = json!({ "apiVersion": FORMAT, "kind": manifest["kind"], "name": manifest["metadata"]["name"] });
    about["namespace"] = document.entity.namespace().into();
    if let Some(tag) = manifest["metadata"]["tag"].as_str() {
        about["tag"] = tag.into();
    }
    about
}

fn of_applied(mut about: Value, applied: &Applied, is_dry: bool) -> Value {
    if let (Some(tag), true) = (&applied.tag, about.get("tag").is_none()) {
        about["tag"] = tag.clone().into();
    }
    let status = match applied.outcome {
        Outcome::Rejected => "failed",
        _ if is_dry => "dry-run",
        Outcome::Created => "created",
        Outcome::Updated => "configured",
        Outcome::Unchanged => "unchanged",
    };
    told(about, status, applied.error.as_deref())
}

fn told(mut about: Value, status: &str, error: Option<&str>) -> Value {
    about["status"] = status.into();
    if let Some(error) = error {
        about["error"] = error.into();
    }
    about
}

/// Sets a deployment or a runtime.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((plural, name)): Named<(String, String)>,
    text: String,
) -> Result<Json<Value>, Problem> {
    let kind = kind(&plural)?;
    if kind.is_tagged() {
        return Err(Problem::invalid("is set by POST /v0/apply"));
    }
    let (mut parts, documents) = read(text).await?;
    let (Some(part), true, [document]) = (parts.pop(), parts.is_empty(), documents.as_slice()) else {
        return Err(Problem::invalid(format!("must be one valid document of `{FORMAT}`")));
    };
    let Part::Apply(about) = part else { return Err(Problem::invalid("must be valid")) };
    if ArKind::of_entity(&document.entity) != Some(kind) || about["name"] != *name {
        return Err(Problem::invalid("kind and name of the document must be those of the address"));
    }
    let reference = document.entity.reference();
    let applied = app.state.catalog.apply(documents, &actor(&session), &ApplyOptions::default()).await?;
    if let Some(error) = applied.into_iter().find_map(|applied| applied.error) {
        return Err(Problem::conflict(error));
    }
    let stored = app.state.catalog.get(&reference).await?;
    stored.and_then(|stored| super::of_stored(&stored)).map(Json).ok_or_else(|| Problem::not_found("document", name))
}
