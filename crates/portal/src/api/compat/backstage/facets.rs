//! `GET` and `POST /entity-facets`: which values a field has, and how often.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use indexmap::IndexMap;
use mizzen_catalog::query::Predicate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask;
use crate::app::App;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::page::Body;

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    facets: IndexMap<String, Vec<Facet>>,
}

#[derive(Debug, Serialize)]
struct Facet {
    value: String,
    count: u64,
}

pub(crate) async fn get(State(app): State<Arc<App>>, asked: Asked) -> Result<Json<Answer>, ApiError> {
    let asked = asked.only(&["facet", "filter"])?;
    answer(&app, asked.all("facet").map(str::to_owned).collect(), ask::filter(&asked)?).await
}

/// The same, with a predicate as JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(default)]
    facets: Vec<String>,
    query: Option<Value>,
}

pub(crate) async fn post(State(app): State<Arc<App>>, Body(asked): Body<Request>) -> Result<Json<Answer>, ApiError> {
    answer(&app, asked.facets, ask::predicate(asked.query.as_ref())?).await
}

async fn answer(app: &App, mut facets: Vec<String>, asked: Option<Predicate>) -> Result<Json<Answer>, ApiError> {
    facets.retain(|facet| !facet.is_empty());
    let mut seen = BTreeSet::new();
    facets.retain(|facet| seen.insert(facet.clone()));
    if facets.is_empty() {
        return Err(ApiError::Field { field: "facet", message: "must name a field, for example `kind`".to_owned() });
    }
    let mut counted = app.state.catalog.facets(&ask::visible(asked), &facets, None).await?.values;
    let one = |facet: String| {
        let mut values: Vec<Facet> = counted
            .remove(&facet)
            .unwrap_or_default()
            .into_iter()
            .map(|(value, count)| Facet { value, count })
            .collect();
        values.sort_by(|a, b| a.value.cmp(&b.value));
        (facet, values)
    };
    Ok(Json(Answer { facets: facets.into_iter().map(one).collect() }))
}
