//! Locations: where documents are read. Backstage keeps an entity of kind `Location` for each; here there is none in the catalog, and one
//! is shown where a client asks for it by its reference, or for what an entity comes from.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use mizzen_catalog::EntityRef;
use mizzen_catalog::filter;
use mizzen_catalog::locations::{Location, LocationKind};
use mizzen_catalog::plane::CatalogError;
use mizzen_catalog::query::Predicate;
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::shape::{self, Document};
use crate::api::catalog::entity::actor;
use crate::app::App;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::page::{Body, Named};

const KIND: &str = "location";
const NAME_PREFIX: &str = "generated-";
/// Hexadecimal digits in the name of a location's entity.
const NAME_DIGITS: usize = 40;
/// Locations on a page when nothing is said.
const LIMIT_DEFAULT: usize = 1_000;

/// A location as Backstage's clients read it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    target: String,
    entity_ref: EntityRef,
}

fn shown(location: &Location) -> Shown {
    Shown {
        id: location.id.clone(),
        kind: location.kind.as_str(),
        target: location.target.clone(),
        entity_ref: entity_ref(location),
    }
}

/// Backstage takes SHA-1 of the same text; nobody computes it outside of the catalog.
pub(super) fn entity_ref(location: &Location) -> EntityRef {
    let digest = Digest::of(location.reference().as_bytes());
    let digits: String = digest.hex().chars().take(NAME_DIGITS).collect();
    EntityRef::new(KIND, "default", &format!("{NAME_PREFIX}{digits}"))
}

/// The entity that stands for a location.
pub(super) fn entity(location: &Location) -> Document {
    let reference = entity_ref(location);
    let place = location.reference();
    let document = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {
            "name": reference.name(),
            "namespace": reference.namespace(),
            "uid": location.id,
            "etag": Digest::of(place.as_bytes()).as_str(),
            "annotations": {
                "backstage.io/managed-by-location": place,
                "backstage.io/managed-by-origin-location": place,
            },
        },
        "spec": { "type": location.kind.as_str(), "target": location.target },
        "relations": [],
    });
    match document {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

/// The location that an entity of kind `Location` stands for.
pub(super) async fn of_entity(app: &App, reference: &EntityRef) -> Result<Option<Location>, ApiError> {
    if reference.kind() != KIND || !reference.name().starts_with(NAME_PREFIX) {
        return Ok(None);
    }
    let locations = app.state.catalog.locations().await?;
    Ok(locations.into_iter().find(|location| entity_ref(location) == *reference))
}

#[derive(Debug, Serialize)]
pub(crate) struct Wrapped {
    data: Shown,
}

/// `GET /locations`
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Wrapped>>, ApiError> {
    let locations = app.state.catalog.locations().await?;
    Ok(Json(locations.iter().map(|location| Wrapped { data: shown(location) }).collect()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    #[serde(rename = "type")]
    kind: String,
    target: String,
    /// Of files that may not be there yet: here a location that cannot be read is kept and says so.
    #[serde(rename = "presence")]
    _presence: Option<Presence>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Presence {
    Required,
    Optional,
}

/// What adding a location did, or would do.
#[derive(Debug, Serialize)]
pub(crate) struct Added {
    location: Shown,
    entities: Vec<Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exists: Option<bool>,
}

/// `POST /locations`
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    asked: Asked,
    Body(input): Body<Input>,
) -> Result<(StatusCode, Json<Added>), ApiError> {
    let asked = asked.only(&["dryRun", "onConflict"])?;
    let kind = LocationKind::parse(&input.kind)?;
    if is_on(asked.one("dryRun")?)? {
        return Ok((StatusCode::CREATED, Json(tried(&app, kind, &input.target).await?)));
    }
    let refreshes = match asked.one("onConflict")? {
        None | Some("reject") => false,
        Some("refresh") => true,
        Some(other) => return Err(ApiError::unknown("onConflict", other, &["reject", "refresh"])),
    };
    let catalog = &app.state.catalog;
    let by = actor(&session);
    let location = match catalog.add_location(kind, &input.target, &by).await {
        Err(CatalogError::Conflict(_)) if refreshes => {
            let found = catalog.locations().await?.into_iter().find(|known| is_same(known, kind, &input.target));
            let found = found.ok_or_else(|| ApiError::not_found("location", &input.target))?;
            catalog.refresh_location(&found.id).await?;
            found
        }
        added => added?,
    };
    Ok((StatusCode::CREATED, Json(Added { location: shown(&location), entities: Vec::new(), exists: None })))
}

fn is_same(location: &Location, kind: LocationKind, target: &str) -> bool {
    location.kind == kind && location.target == target.trim()
}

fn is_on(text: Option<&str>) -> Result<bool, ApiError> {
    match text {
        None | Some("false" | "0" | "no" | "") => Ok(false),
        Some("true" | "1" | "yes") => Ok(true),
        Some(other) => Err(ApiError::unknown("dryRun", other, &["true", "false"])),
    }
}

/// What a location holds, and whether it is known; nothing of it is kept.
async fn tried(app: &App, kind: LocationKind, target: &str) -> Result<Added, ApiError> {
    let catalog = &app.state.catalog;
    let reading = catalog.try_location(kind, target).await?;
    let problem = reading.failure.clone().or_else(|| {
        let (_, problem, _) = reading.problems.first()?;
        Some(format!("{}:{}:{}: {}", problem.source, problem.line, problem.column, problem.message))
    });
    if let Some(message) = problem {
        return Err(ApiError::Field { field: "target", message });
    }
    let known = catalog.locations().await?.into_iter().find(|known| is_same(known, kind, target));
    let location = known.clone().unwrap_or_else(|| Location {
        id: format!("{}:{}", kind.as_str(), target.trim()),
        kind,
        target: target.trim().to_owned(),
        is_configured: false,
        added_by: String::new(),
        added_at: app.state.clock.now(),
    });
    let origin = location.reference();
    let held = reading.documents.iter().map(|document| shape::declared(&document.entity, &document.source, &origin));
    let entities = std::iter::once(entity(&location)).chain(held).collect();
    Ok(Added { location: shown(&location), entities, exists: Some(known.is_some()) })
}

/// `GET /locations/{id}`
pub(crate) async fn detail(State(app): State<Arc<App>>, Named(id): Named<String>) -> Result<Json<Shown>, ApiError> {
    let location = app.state.catalog.location(&id).await?;
    Ok(Json(shown(&location.ok_or_else(|| ApiError::not_found("location", id))?)))
}

/// `PUT /locations/{id}`
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
    Body(input): Body<Input>,
) -> Result<Json<Shown>, ApiError> {
    let kind = LocationKind::parse(&input.kind)?;
    let by = actor(&session);
    Ok(Json(shown(&app.state.catalog.update_location(&id, kind, &input.target, &by).await?)))
}

/// `DELETE /locations/{id}`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    app.state.catalog.remove_location(&id, &actor(&session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /locations/by-entity/{kind}/{namespace}/{name}`
pub(crate) async fn by_entity(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name)): Named<(String, String, String)>,
) -> Result<Json<Shown>, ApiError> {
    let reference = EntityRef::new(&kind, &namespace, &name);
    let location = app.state.catalog.location_of(&reference).await?;
    Ok(Json(shown(&location.ok_or_else(|| ApiError::not_found("location of", reference))?)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Question {
    cursor: Option<String>,
    limit: Option<usize>,
    query: Option<Value>,
}

/// Where a list of locations goes on; base64 of JSON, as Backstage writes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    limit: usize,
    after_id: String,
    query: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    items: Vec<Shown>,
    total_items: usize,
    page_info: PageInfo,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `POST /locations/by-query`
pub(crate) async fn by_query(
    State(app): State<Arc<App>>,
    Body(question): Body<Question>,
) -> Result<Json<Page>, ApiError> {
    let from = question.cursor.as_deref().map(decode).transpose()?;
    let (limit, after, query) = match from {
        Some(cursor) => (cursor.limit, Some(cursor.after_id), cursor.query),
        None => (question.limit.unwrap_or(LIMIT_DEFAULT), None, question.query),
    };
    if limit == 0 {
        return Err(ApiError::Field { field: "limit", message: "must be a whole number from 1".to_owned() });
    }
    let predicate = query.as_ref().map(filter::predicate).transpose()?.unwrap_or_default();
    known_fields(&predicate)?;
    let mut locations = app.state.catalog.locations().await?;
    locations.retain(|location| holds(&predicate, location));
    locations.sort_by(|a, b| a.id.cmp(&b.id));
    let total_items = locations.len();
    locations.retain(|location| after.as_ref().is_none_or(|after| location.id > *after));
    let has_more = locations.len() > limit;
    locations.truncate(limit);
    let next_cursor = match locations.last().filter(|_| has_more) {
        None => None,
        Some(last) => {
            let cursor = Cursor { limit, after_id: last.id.clone(), query };
            Some(STANDARD.encode(serde_json::to_vec(&cursor).map_err(ApiError::internal)?))
        }
    };
    let items = locations.iter().map(shown).collect();
    Ok(Json(Page { items, total_items, page_info: PageInfo { next_cursor } }))
}

fn decode(text: &str) -> Result<Cursor, ApiError> {
    let bytes = STANDARD.decode(text).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| ApiError::Field { field: "cursor", message: "must come from the page before".to_owned() })
}

fn field(location: &Location, key: &str) -> Option<String> {
    Some(match key {
        "id" => location.id.clone(),
        "type" => location.kind.as_str().to_owned(),
        "target" => location.target.to_lowercase(),
        "entityref" => entity_ref(location).to_string(),
        _ => return None,
    })
}

/// A location has four fields; whoever asks for another is told so.
fn known_fields(predicate: &Predicate) -> Result<(), ApiError> {
    match predicate {
        Predicate::All(inner) | Predicate::Any(inner) => inner.iter().try_for_each(known_fields),
        Predicate::Not(inner) => known_fields(inner),
        Predicate::Exists(key)
        | Predicate::Equals(key, _)
        | Predicate::In(key, _)
        | Predicate::HasPrefix(key, _)
        | Predicate::Contains(key, _) => {
            let known = ["id", "type", "target", "entityref"];
            if known.contains(&key.as_str()) { Ok(()) } else { Err(ApiError::unknown("query", key, &known)) }
        }
    }
}

/// There are few locations, and all of them are read at once: no table of keys is kept of them.
fn holds(predicate: &Predicate, location: &Location) -> bool {
    let is = |key: &str, meant: &dyn Fn(&str) -> bool| field(location, key).is_some_and(|value| meant(&value));
    match predicate {
        Predicate::All(inner) => inner.iter().all(|inner| holds(inner, location)),
        Predicate::Any(inner) => inner.iter().any(|inner| holds(inner, location)),
        Predicate::Not(inner) => !holds(inner, location),
        Predicate::Exists(key) => is(key, &|_| true),
        Predicate::Equals(key, value) => is(key, &|found| found == value),
        Predicate::In(key, values) => is(key, &|found| values.iter().any(|value| value == found)),
        Predicate::HasPrefix(key, prefix) => is(key, &|found| found.starts_with(prefix.as_str())),
        Predicate::Contains(key, part) => is(key, &|found| found.contains(part.as_str())),
    }
}
