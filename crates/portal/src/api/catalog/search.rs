//! Search over entities and their documentation, for the palette.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::EntityRef;
use mizzen_catalog::search::{Hit, Place};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{self, Params};

const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatalogSearch {
    /// All of these words, the last of them perhaps only begun.
    q: String,
    limit: Option<String>,
}

/// An entity or a page of documentation that has the words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogHit {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    /// Of the entity, or of the page.
    title: String,
    class: String,
    kind: String,
    r#type: Option<String>,
    snippet: String,
    /// `entity` or `documentation`.
    place: &'static str,
    /// Of the page.
    path: Option<String>,
}

/// The best hits first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogHits {
    items: Vec<CatalogHit>,
}

/// Search
#[utoipa::path(get, path = "/api/v1/catalog/search", tag = "catalog", operation_id = "search_catalog", params(CatalogSearch),
    responses((status = 200, body = CatalogHits), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Params(asked): Params<CatalogSearch>,
) -> Result<Json<CatalogHits>, ApiError> {
    let limit = page::limit(asked.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let hits = app.state.catalog.search(&asked.q, limit).await?;
    Ok(Json(CatalogHits { items: hits.into_iter().map(shown).collect() }))
}

fn shown(hit: Hit) -> CatalogHit {
    let (place, path) = match hit.place {
        Place::Entity => ("entity", None),
        Place::Documentation { path } => ("documentation", Some(path)),
    };
    CatalogHit {
        reference: hit.reference,
        title: hit.title,
        class: hit.class,
        kind: hit.kind,
        r#type: hit.spec_type,
        snippet: hit.snippet,
        place,
        path,
    }
}
