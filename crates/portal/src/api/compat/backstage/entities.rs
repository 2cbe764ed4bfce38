//! `GET /entities`: everything that matches as one array, or a part of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use mizzen_catalog::query::{LIMIT_MAX, Page, Query};
use serde::{Deserialize, Serialize};

use super::ask;
use super::project::Fields;
use super::shape::{Document, shown};
use crate::app::App;
use crate::asked::Asked;
use crate::error::ApiError;

const KNOWN: &[&str] = &["fields", "limit", "filter", "offset", "after", "order"];
/// Entities that are read at once while a whole list is written.
const CHUNK: u32 = 500;

pub(crate) async fn list(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.only(KNOWN)?;
    let fields = Fields::of(asked.all("fields"))?;
    let order = asked.all("order").map(order).collect::<Result<_, _>>()?;
    let query = Query { predicate: ask::visible(ask::filter(&asked)?), order, count: false, ..Query::default() };
    let after = asked.one("after")?.map(After::decode).transpose()?;
    let (limit, offset) = (asked.number("limit")?, asked.number("offset")?);
    if limit == Some(0) {
        return Err(ApiError::Field { field: "limit", message: "must be greater than zero".to_owned() });
    }
    if after.is_none() && limit.is_none() && offset.is_none() {
        return whole(app, query, fields).await;
    }
    let after = after.unwrap_or_default();
    let from = After { limit: after.limit.or(limit), offset: after.offset.or(offset) };
    part(&app, query, fields.as_ref(), &from, &asked).await
}

/// `asc:metadata.name`
fn order(text: &str) -> Result<mizzen_catalog::query::Order, ApiError> {
    let (direction, field) = text.split_once(':').unwrap_or((text, ""));
    ask::order("order", field, direction)
}

/// Where the list goes on: base64 of JSON, as Backstage writes it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct After {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

impl After {
    fn decode(text: &str) -> Result<Self, ApiError> {
        let bytes = STANDARD.decode(text).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.ok_or_else(|| ApiError::Field { field: "after", message: "must come from the part before".to_owned() })
    }

    fn encode(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map(|text| STANDARD.encode(text)).map_err(ApiError::internal)
    }
}

/// A part, with the address of the next one in `Link`.
async fn part(
    app: &App,
    query: Query,
    fields: Option<&Fields>,
    from: &After,
    asked: &Asked,
) -> Result<Response, ApiError> {
    let offset = from.offset.unwrap_or(0);
    let limit = ask::bounded(from.limit.unwrap_or(u64::from(LIMIT_MAX)));
    let page = app.state.catalog.query(&Query { limit, offset, ..query }).await?;
    let items: Vec<Document> = page.items.iter().map(|stored| shown(stored, fields)).collect();
    let mut response = Json(items).into_response();
    if page.next.is_some() {
        let next = After { limit: Some(u64::from(limit)), offset: Some(offset.saturating_add(u64::from(limit))) };
        let address = asked.with("after", &next.encode()?, &["offset"]);
        let link = format!("</api/catalog/entities?{address}>; rel=\"next\"");
        response.headers_mut().insert(header::LINK, HeaderValue::from_str(&link).map_err(ApiError::internal)?);
    }
    Ok(response)
}

/// Everything, read page by page while it is sent, so that no list is in memory as a whole.
async fn whole(app: Arc<App>, query: Query, fields: Option<Fields>) -> Result<Response, ApiError> {
    let query = Query { limit: CHUNK, ..query };
    // The first page is read before anything is said: what fails until then is still an error for the client.
    let first = app.state.catalog.query(&query).await?;
    let writer = Writer { app, query, fields, next: Some(first), is_first: true };
    let body = Body::from_stream(stream::try_unfold(writer, Writer::step));
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}

struct Writer {
    app: Arc<App>,
    query: Query,
    fields: Option<Fields>,
    next: Option<Page>,
    is_first: bool,
}

impl Writer {
    /// The next page as a piece of the array. An error ends the connection, so that a client does not take a part for the whole.
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let Some(page) = self.next.take() else { return Ok(None) };
        let mut text = Vec::new();
        for stored in &page.items {
            text.push(if self.is_first { b'[' } else { b',' });
            self.is_first = false;
            let document = shown(stored, self.fields.as_ref());
            serde_json::to_writer(&mut text, &document).map_err(ApiError::internal)?;
        }
        match page.next {
            Some(cursor) => {
                self.query.cursor = Some(cursor);
                self.next = Some(self.app.state.catalog.query(&self.query).await?);
            }
            None => text.extend_from_slice(if self.is_first { b"[]" } else { b"]" }),
        }
        Ok(Some((Bytes::from(text), self)))
    }
}
