//! `GET` and `POST /entities/by-query`: pages with cursors, and how many there are in all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::query::{FullText, Order, Predicate, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask;
use super::project::Fields;
use super::shape::{Document, shown};
use crate::app::App;
use crate::asked::Asked;
use crate::error::ApiError;
use crate::page::Body;

const KNOWN: &[&str] = &[
    "fields",
    "limit",
    "offset",
    "orderField",
    "cursor",
    "filter",
    "totalItems",
    "fullTextFilterTerm",
    "fullTextFilterFields",
];
/// Entities on a page when nothing is said.
const LIMIT_DEFAULT: u64 = 200;

/// A page of entities.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    items: Vec<Document>,
    total_items: u64,
    page_info: PageInfo,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_cursor: Option<String>,
}

/// What a request says beside `fields`; a cursor wins over all of it but the limit.
#[derive(Debug, Default)]
struct Question {
    predicate: Option<Predicate>,
    order: Vec<Order>,
    term: Option<String>,
    term_fields: Vec<String>,
    limit: Option<u64>,
    offset: Option<u64>,
    cursor: Option<String>,
    total_items: Option<String>,
}

pub(crate) async fn get(State(app): State<Arc<App>>, asked: Asked) -> Result<Json<Answer>, ApiError> {
    let asked = asked.only(KNOWN)?;
    let order = |text: &str| {
        let (field, direction) = text.split_once(',').unwrap_or((text, "asc"));
        ask::order("orderField", field, direction)
    };
    let question = Question {
        predicate: ask::filter(&asked)?,
        order: asked.all("orderField").map(order).collect::<Result<_, _>>()?,
        term: asked.one("fullTextFilterTerm")?.map(str::to_owned),
        term_fields: asked.all("fullTextFilterFields").flat_map(|text| text.split(',')).map(str::to_owned).collect(),
        limit: asked.number("limit")?,
        offset: asked.number("offset")?,
        cursor: asked.one("cursor")?.map(str::to_owned),
        total_items: asked.one("totalItems")?.map(str::to_owned),
    };
    answer(&app, question, Fields::of(asked.all("fields"))?).await
}

/// The same, with a predicate as JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub(crate) struct Request {
    cursor: Option<String>,
    limit: Option<u64>,
    offset: Option<u64>,
    order_by: Vec<OrderBy>,
    full_text_filter: Option<Term>,
    fields: Vec<String>,
    total_items: Option<String>,
    query: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBy {
    field: String,
    order: String,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Term {
    term: String,
    fields: Vec<String>,
}

pub(crate) async fn post(State(app): State<Arc<App>>, Body(asked): Body<Request>) -> Result<Json<Answer>, ApiError> {
    let fields = Fields::of(asked.fields.iter().map(String::as_str))?;
    let order = |by: &OrderBy| ask::order("orderBy", &by.field, &by.order);
    let text = asked.full_text_filter.unwrap_or_default();
    let question = Question {
        predicate: ask::predicate(asked.query.as_ref())?,
        order: asked.order_by.iter().map(order).collect::<Result<_, _>>()?,
        term: Some(text.term),
        term_fields: text.fields,
        limit: asked.limit,
        offset: asked.offset,
        cursor: asked.cursor,
        total_items: asked.total_items,
    };
    answer(&app, question, fields).await
}

async fn answer(app: &App, question: Question, fields: Option<Fields>) -> Result<Json<Answer>, ApiError> {
    let limit = question.limit.unwrap_or(LIMIT_DEFAULT);
    let query = query(question)?;
    let page = app.state.catalog.query(&query).await?;
    let is_first = query.cursor.is_none();
    let items = if limit == 0 { &[] } else { page.items.as_slice() };
    Ok(Json(Answer {
        items: items.iter().map(|stored| shown(stored, fields.as_ref())).collect(),
        total_items: page.total.unwrap_or(0),
        page_info: PageInfo {
            next_cursor: page.next.filter(|_| limit > 0),
            // Backstage leads back to where a list began, and an offset is a beginning.
            prev_cursor: page.previous.filter(|_| limit > 0 && !is_first),
        },
    }))
}

fn query(question: Question) -> Result<Query, ApiError> {
    let limit = ask::bounded(question.limit.unwrap_or(LIMIT_DEFAULT));
    let count = match question.total_items.as_deref() {
        None | Some("include") => true,
        Some("exclude") => false,
        Some(other) => return Err(ApiError::unknown("totalItems", other, &["include", "exclude"])),
    };
    if let Some(cursor) = question.cursor {
        if cursor.is_empty() {
            return Err(ApiError::Field { field: "cursor", message: "cannot be empty".to_owned() });
        }
        // How many there are was counted for the first page, if it was to be.
        return Ok(Query { cursor: Some(cursor), limit, count: false, ..Query::default() });
    }
    // One key orders a list there; what has no value of it is not on the list.
    let order: Vec<Order> = question.order.into_iter().take(1).collect();
    let mut predicate = ask::visible(question.predicate);
    if let Some(order) = order.first() {
        predicate = Predicate::All(vec![predicate, Predicate::HasPrefix(order.key.clone(), String::new())]);
    }
    let full_text = question.term.map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).map(|text| {
        let fields = match (question.term_fields.is_empty(), order.first()) {
            (false, _) => question.term_fields,
            (true, Some(order)) => vec![order.key.clone()],
            (true, None) => vec!["metadata.uid".to_owned()],
        };
        FullText { text, fields }
    });
    Ok(Query { predicate, order, limit, offset: question.offset.unwrap_or(0), full_text, count, ..Query::default() })
}
