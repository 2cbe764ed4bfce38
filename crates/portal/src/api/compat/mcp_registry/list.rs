//! The list of servers, a page at a time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_catalog::EntityRef;
use mizzen_catalog::compat::published;
use mizzen_catalog::query::Predicate;
use mizzen_catalog::version::Version;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LATEST, Params, Problem, Server, is_shown};
use crate::api::compat::reader::{Reader, Visible, of_kind};
use crate::app::App;

const LIMIT: usize = 30;
const LIMIT_MAX: usize = 100;
/// Servers whose versions one page reads; where few of them are shown, the page is short and the next begins there.
const SCANNED_MAX: usize = 500;
const REFERENCES_AT_ONCE: u32 = 1_000;
/// Where a search looks.
const SEARCHED: &[&str] =
    &["metadata.name", "metadata.annotations.mizzen.dev/name", "metadata.title", "metadata.description"];

/// What may be asked of the list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ListQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    search: Option<String>,
    updated_since: Option<String>,
    version: Option<String>,
    include_deleted: Option<bool>,
    include_unapproved: Option<bool>,
}

/// The server with which a page begins, and how many of its versions were told; `None`: the first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Place {
    server: Option<EntityRef>,
    version: usize,
}

/// Which versions are asked for.
struct Asked {
    sees_all: bool,
    with_deleted: bool,
    since: Option<Timestamp>,
    version: Option<String>,
    limit: usize,
}

impl Asked {
    fn is(&self, server: &Server, version: &Version) -> bool {
        let is_version = match self.version.as_deref() {
            None => true,
            Some(LATEST) => server.is_latest(version),
            Some(tag) => version.tag == tag,
        };
        let is_new = self.since.is_none_or(|since| published::changed_at(version).is_some_and(|at| at >= since));
        is_version && is_new && is_shown(version, self.sees_all, self.with_deleted)
    }
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let since = query.updated_since.as_deref().map(str::parse::<Timestamp>).transpose();
    let since = since.map_err(|_| {
        Problem::invalid("updated_since: must be a time as in RFC 3339, for example 2026-11-25T20:00:00Z")
    })?;
    let place =
        query.cursor.as_deref().filter(|cursor| !cursor.is_empty()).map(decode).transpose()?.unwrap_or_default();
    let asked = Asked {
        sees_all: reader.sees_all(query.include_unapproved),
        with_deleted: query.include_deleted.unwrap_or(since.is_some()),
        since,
        version: query.version,
        limit: query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX),
    };
    let (servers, next) = page(&app, &asked, query.search.as_deref(), place).await?;
    let mut metadata = json!({ "count": servers.len() });
    if let Some(next) = next {
        metadata["nextCursor"] = encode(&next).into();
    }
    Ok(Json(json!({ "servers": servers, "metadata": metadata })))
}

async fn page(
    app: &App,
    asked: &Asked,
    search: Option<&str>,
    place: Place,
) -> Result<(Vec<Value>, Option<Place>), Problem> {
    let catalog = &app.state.catalog;
    let mut predicate = vec![of_kind("api", "mcp-server")];
    if let Some(text) = search.filter(|text| !text.is_empty()) {
        let contains = |key: &&str| Predicate::Contains((*key).to_owned(), text.to_owned());
        predicate.push(Predicate::Any(SEARCHED.iter().map(contains).collect()));
    }
    let predicate = Predicate::All(predicate);
    let visible = Visible::to(catalog, asked.sees_all).with_retired(asked.with_deleted);
    let (mut servers, mut scanned) = (Vec::new(), 0);
    let mut from = place.server.clone();
    loop {
        let mut some = catalog.references(&predicate, from.as_ref(), REFERENCES_AT_ONCE + 1).await?;
        from = if some.len() > REFERENCES_AT_ONCE as usize { some.pop() } else { None };
        some.retain(|reference| visible.has(reference));
        for some in some.chunks(asked.limit) {
            let first = || Some(Place { server: some.first().cloned(), version: 0 });
            if scanned >= SCANNED_MAX {
                return Ok((servers, first()));
            }
            scanned += some.len();
            let mut versions = catalog.versions_of(some).await?;
            for reference in some {
                let server =
                    Server::of(reference.clone(), versions.remove(reference).unwrap_or_default(), asked.sees_all);
                let told = if place.server.as_ref() == Some(reference) { place.version } else { 0 };
                let shown = server.versions.iter().filter(|version| asked.is(&server, version));
                let entries = shown.enumerate().skip(told);
                for (version, entry) in entries.filter_map(|(number, version)| Some((number, server.entry(version)?))) {
                    if servers.len() == asked.limit {
                        return Ok((servers, Some(Place { server: Some(server.reference), version })));
                    }
                    servers.push(entry);
                }
            }
        }
        if from.is_none() {
            return Ok((servers, None));
        }
    }
}

fn encode(place: &Place) -> String {
    URL_SAFE_NO_PAD.encode(json!(place).to_string())
}

fn decode(cursor: &str) -> Result<Place, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| Problem::invalid("cursor: is none of this list; leave it out to begin at the first page"))
}

#[cfg(test)]
mod tests {
    use super::{EntityRef, Place, decode, encode};

    #[test]
    fn a_cursor_that_is_none_is_refused() {
        let server = EntityRef::new("API", "default", "weather");
        let read = decode(&encode(&Place { server: Some(server.clone()), version: 1 })).unwrap();
        assert_eq!((read.server, read.version), (Some(server), 1));
        assert!(decode("io.github.acme/weather:1.0.0").is_err() && decode("bm8").is_err());
    }
}
