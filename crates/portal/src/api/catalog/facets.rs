//! Which values entities have, and how often.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use indexmap::{IndexMap, IndexSet};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::select::Select;
use crate::app::App;
use crate::asked::Asked;
use crate::error::{ApiError, ErrorBody};

const FACETS_MAX: usize = 16;
/// Values of one facet that are told.
const VALUES_MAX: usize = 100;
/// Short names, and the keys they stand for.
const SHORT: &[(&str, &str)] = &[
    ("kind", "kind"),
    ("class", "mizzen.class"),
    ("type", "spec.type"),
    ("owner", "relations.ownedby"),
    ("lifecycle", "spec.lifecycle"),
    ("system", "relations.partof"),
    ("tag", "metadata.tags"),
    ("namespace", "metadata.namespace"),
    ("origin", "mizzen.origin"),
    ("state", "mizzen.state"),
    ("level", "mizzen.level"),
];
/// What is counted when nothing is named.
const DEFAULT: &[&str] = &["class", "kind", "type", "owner", "lifecycle", "tag", "origin", "state", "level"];

/// One value of a facet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogFacetValue {
    value: String,
    count: u64,
}

/// Facets by name, each with its most frequent values first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogFacets {
    /// All entities that match.
    total: u64,
    #[schema(value_type = std::collections::BTreeMap<String, Vec<CatalogFacetValue>>)]
    facets: IndexMap<String, Vec<CatalogFacetValue>>,
    /// How many values of a facet are not told.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, usize>)]
    more: IndexMap<String, usize>,
}

/// What is to be counted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by name; this documents it")]
pub(crate) struct CatalogFacetNames {
    /// A dotted path, for example `spec.type`, or `class`, `kind`, `type`, `owner`, `lifecycle`, `system`, `tag`, `namespace`, `origin`,
    /// `state`, `level`. May be given up to 16 times; without it, most of these.
    #[param(required = false)]
    facet: Vec<String>,
}

/// Count values
#[utoipa::path(get, path = "/api/v1/catalog/facets", tag = "catalog", operation_id = "catalog_facets",
    params(Select, CatalogFacetNames),
    responses((status = 200, body = CatalogFacets), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
pub(crate) async fn facets(State(app): State<Arc<App>>, asked: Asked) -> Result<Json<CatalogFacets>, ApiError> {
    let asked = asked.only(&[Select::NAMES, &["facet"]].concat())?;
    let select = Select::read(&asked)?;
    let mut names: IndexSet<&str> = asked.all("facet").filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        names.extend(DEFAULT);
    }
    if names.len() > FACETS_MAX {
        return Err(ApiError::Field {
            field: "facet",
            message: format!("at most {FACETS_MAX} can be counted at once"),
        });
    }
    let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
    let (predicate, full_text) = (select.predicate()?, select.full_text());
    let catalog = &app.state.catalog;
    let counted = catalog.facets(&predicate, &keys, full_text.as_ref()).await?;
    let mut answer = CatalogFacets { total: counted.total, facets: IndexMap::new(), more: IndexMap::new() };
    for (name, key) in names.into_iter().zip(&keys) {
        let mut values: Vec<CatalogFacetValue> = counted.values.get(key).map_or_else(Vec::new, |values| {
            values.iter().map(|(value, count)| CatalogFacetValue { value: value.clone(), count: *count }).collect()
        });
        // Values of one count stay in their order.
        values.sort_by_key(|value| Reverse(value.count));
        if values.len() > VALUES_MAX {
            answer.more.insert(name.to_owned(), values.len() - VALUES_MAX);
            values.truncate(VALUES_MAX);
        }
        answer.facets.insert(name.to_owned(), values);
    }
    Ok(Json(answer))
}

fn key(name: &str) -> String {
    let short = SHORT.iter().find(|(short, _)| *short == name);
    short.map_or_else(|| name.to_lowercase(), |(_, key)| (*key).to_owned())
}
