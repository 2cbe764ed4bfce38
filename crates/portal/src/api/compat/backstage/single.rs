//! Entities by reference, name or `uid`, and what they come from.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_catalog::EntityRef;
use mizzen_catalog::query::{Predicate, Query, Stored};
use mizzen_control::sign_in::Session;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask;
use super::locations;
use super::project::Fields;
use super::shape::{self, Document, shown};
use crate::api::catalog::entity::actor;
use crate::app::App;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::page::{Body, Named};

/// Entities of which one statement asks whether they match.
const MATCHED_AT_ONCE: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ByRefs {
    entity_refs: Vec<String>,
    #[serde(default)]
    fields: Vec<String>,
    query: Option<Value>,
}

/// In the order of the references; `null` for what there is not.
#[derive(Debug, Serialize)]
pub(crate) struct Batch {
    items: Vec<Option<Document>>,
}

/// `POST /entities/by-refs`
pub(crate) async fn by_refs(
    State(app): State<Arc<App>>,
    asked: Asked,
    Body(request): Body<ByRefs>,
) -> Result<Json<Batch>, ApiError> {
    let asked = asked.only(&["filter", "fields"])?;
    let fields = Fields::of(request.fields.iter().map(String::as_str).chain(asked.all("fields")))?;
    let filters: Vec<Predicate> =
        [ask::filter(&asked)?, ask::predicate(request.query.as_ref())?].into_iter().flatten().collect();
    // What is no reference names nothing.
    let references: Vec<Option<EntityRef>> = request.entity_refs.iter().map(|text| text.parse().ok()).collect();
    let named: Vec<EntityRef> = references.iter().flatten().cloned().collect();
    let mut found = app.state.catalog.by_refs(&named).await?;
    if !filters.is_empty() {
        keep_matching(&app, &mut found, ask::among_named(Predicate::All(filters))).await?;
    }
    let mut found = found.into_iter();
    let next = |reference: &Option<EntityRef>| reference.as_ref().and_then(|_| found.next().flatten());
    let items = references.iter().map(next).map(|stored| stored.map(|stored| shown(&stored, fields.as_ref())));
    Ok(Json(Batch { items: items.collect() }))
}

/// Takes out what does not match.
async fn keep_matching(app: &App, found: &mut [Option<Stored>], predicate: Predicate) -> Result<(), ApiError> {
    let mut uids: Vec<String> = found.iter().flatten().map(|stored| stored.uid.clone()).collect();
    uids.sort_unstable();
    uids.dedup();
    let mut matching = BTreeSet::new();
    for some in uids.chunks(MATCHED_AT_ONCE) {
        let named = Predicate::In("metadata.uid".to_owned(), some.to_vec());
        let predicate = Predicate::All(vec![predicate.clone(), named]);
        let limit = u32::try_from(MATCHED_AT_ONCE).unwrap_or(u32::MAX);
        let query = Query { predicate, limit, count: false, relations: false, ..Query::default() };
        matching.extend(app.state.catalog.query(&query).await?.items.into_iter().map(|stored| stored.uid));
    }
    for place in found {
        if place.as_ref().is_some_and(|stored| !matching.contains(&stored.uid)) {
            *place = None;
        }
    }
    Ok(())
}

type Name = Named<(String, String, String)>;

/// `GET /entities/by-name/{kind}/{namespace}/{name}`
pub(crate) async fn by_name(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name)): Name,
) -> Result<Json<Document>, ApiError> {
    let reference = EntityRef::new(&kind, &namespace, &name);
    if let Some(stored) = app.state.catalog.get(&reference).await? {
        return Ok(Json(shape::document(&stored)));
    }
    let location = locations::of_entity(&app, &reference).await?;
    Ok(Json(locations::entity(&location.ok_or_else(|| ApiError::not_found("entity", reference))?)))
}

/// `GET /entities/by-uid/{uid}`
pub(crate) async fn by_uid(State(app): State<Arc<App>>, Named(uid): Named<String>) -> Result<Json<Document>, ApiError> {
    let stored = app.state.catalog.by_uid(&uid).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found("entity with the uid", uid))?;
    Ok(Json(shape::document(&stored)))
}

/// `DELETE /entities/by-uid/{uid}`; as in Backstage, what is not there need not be removed.
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(uid): Named<String>,
) -> Result<StatusCode, ApiError> {
    app.state.catalog.delete_uid(&uid, &actor(&session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ancestry {
    root_entity_ref: EntityRef,
    items: Vec<Ancestor>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ancestor {
    entity: Document,
    parent_entity_refs: Vec<EntityRef>,
}

/// `GET …/ancestry`: the entity, and the location that it was read from.
pub(crate) async fn ancestry(
    State(app): State<Arc<App>>,
    Named((kind, namespace, name)): Name,
) -> Result<Json<Ancestry>, ApiError> {
    let root = EntityRef::new(&kind, &namespace, &name);
    let Some(stored) = app.state.catalog.get(&root).await? else {
        let location = locations::of_entity(&app, &root).await?;
        let location = location.ok_or_else(|| ApiError::not_found("entity", &root))?;
        let items = vec![Ancestor { entity: locations::entity(&location), parent_entity_refs: Vec::new() }];
        return Ok(Json(Ancestry { root_entity_ref: root, items }));
    };
    let location = app.state.catalog.location_of(&root).await?;
    let parent_entity_refs = location.iter().map(locations::entity_ref).collect();
    let mut items = vec![Ancestor { entity: shape::document(&stored), parent_entity_refs }];
    if let Some(location) = location {
        items.push(Ancestor { entity: locations::entity(&location), parent_entity_refs: Vec::new() });
    }
    Ok(Json(Ancestry { root_entity_ref: root, items }))
}
