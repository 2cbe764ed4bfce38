//! The list of entities: rows of what a list page shows, never whole documents.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::EntityRef;
use mizzen_catalog::compat::UNOWNED;
use mizzen_catalog::query::{Order, Origin, Query, Stored};
use mizzen_catalog::version::VersionState;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::select::Select;
use crate::app::App;
use crate::asked::Asked;
use crate::error::{ApiError, ErrorBody};
use crate::page;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;
const TITLE_CHARS_MAX: usize = 80;
const DESCRIPTION_CHARS_MAX: usize = 60;
const TAGS_MAX: usize = 2;

/// Names of orders, and the keys they order by.
const ORDERS: &[(&str, &str)] = &[
    ("name", "metadata.name"),
    ("title", "mizzen.title"),
    ("kind", "kind"),
    ("class", "mizzen.class"),
    ("type", "spec.type"),
    ("owner", "spec.owner"),
    ("lifecycle", "spec.lifecycle"),
    ("level", "mizzen.level"),
    ("state", "mizzen.state"),
    ("updated", "mizzen.updated"),
    ("last_seen", "mizzen.last_seen"),
];

/// What a list shows of an entity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogRow {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    class: String,
    /// As written, for example `Component`.
    kind: String,
    /// The title, or else the name; at most 80 characters.
    title: String,
    /// `spec.type`
    r#type: Option<String>,
    #[schema(value_type = Option<String>)]
    owner: Option<EntityRef>,
    lifecycle: Option<String>,
    #[schema(value_type = Option<String>)]
    system: Option<EntityRef>,
    /// At most 60 characters.
    description: Option<String>,
    /// The first two.
    tags: Vec<String>,
    #[schema(value_type = String)]
    origin: Origin,
    /// `null` for what is not reviewed.
    version: Option<CatalogRowVersion>,
    /// Of the scorecard, 0 to 4; `null` while there is none.
    level: Option<u8>,
    /// In traffic.
    last_seen: Option<Timestamp>,
    /// Ingestion errors and dangling references.
    problems: usize,
    updated_at: Timestamp,
}

/// The version that is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogRowVersion {
    tag: String,
    state: VersionState,
}

/// A page of the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogList {
    items: Vec<CatalogRow>,
    /// All that match.
    total: u64,
    next_cursor: Option<String>,
    previous_cursor: Option<String>,
}

/// Order and place of a page.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CatalogPage {
    /// `name`, `title`, `kind`, `class`, `type`, `owner`, `lifecycle`, `level`, `state`, `updated` or `last_seen`, with `-` before it for the
    /// other direction. What lacks it comes last.
    sort: Option<String>,
    /// `next_cursor` or `previous_cursor` of a page; it carries selection and order, and wins over them.
    cursor: Option<String>,
    limit: Option<String>,
}

impl CatalogPage {
    const NAMES: &'static [&'static str] = &["sort", "cursor", "limit"];

    fn read(asked: &Asked) -> Result<Self, ApiError> {
        let one = |name| asked.one(name).map(|value| value.map(str::to_owned));
        Ok(Self { sort: one("sort")?, cursor: one("cursor")?, limit: one("limit")? })
    }

    fn order(&self) -> Result<Order, ApiError> {
        let given = self.sort.as_deref().unwrap_or("name");
        let (name, descending) = given.strip_prefix('-').map_or((given, false), |name| (name, true));
        let known = ORDERS.iter().find(|(known, _)| *known == name);
        let (_, key) = known.ok_or_else(|| {
            ApiError::unknown("sort", name, &ORDERS.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        })?;
        Ok(Order { key: (*key).to_owned(), descending })
    }
}

/// List entities
#[utoipa::path(get, path = "/api/v1/catalog/entities", tag = "catalog", operation_id = "list_entities",
    params(Select, CatalogPage),
    responses((status = 200, body = CatalogList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>, asked: Asked) -> Result<Json<CatalogList>, ApiError> {
    let asked = asked.only(&[Select::NAMES, CatalogPage::NAMES].concat())?;
    let (select, page) = (Select::read(&asked)?, CatalogPage::read(&asked)?);
    let query = Query {
        predicate: select.predicate()?,
        order: vec![page.order()?],
        limit: page::limit(page.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?,
        full_text: select.full_text(),
        cursor: page.cursor,
        ..Query::default()
    };
    let page = app.state.catalog.query(&query).await?;
    Ok(Json(CatalogList {
        items: page.items.into_iter().map(row).collect(),
        total: page.total.unwrap_or(0),
        next_cursor: page.next,
        previous_cursor: page.previous,
    }))
}

fn row(stored: Stored) -> CatalogRow {
    let entity = &stored.entity;
    let related = |kind: &str, of: &[&str]| {
        let mut found =
            stored.relations.iter().filter(|relation| relation.kind == kind).map(|relation| &relation.target_ref);
        found.find(|target| of.is_empty() || of.contains(&target.kind())).cloned()
    };
    let description = entity.text(&["metadata", "description"]).or_else(|| entity.text(&["spec", "agent", "purpose"]));
    let tags = entity.value(&["metadata", "tags"]).and_then(|tags| tags.as_array());
    let tags = tags.into_iter().flatten().filter_map(|tag| tag.as_str()).take(TAGS_MAX).map(str::to_owned).collect();
    CatalogRow {
        kind: entity.kind().to_owned(),
        title: cut(entity.title(), TITLE_CHARS_MAX),
        r#type: entity.spec_type().map(str::to_owned),
        owner: related("ownedBy", &[]).filter(|owner| owner.name() != UNOWNED),
        lifecycle: entity.text(&["spec", "lifecycle"]).map(str::to_owned),
        system: related("partOf", &["system"]),
        description: description.map(|text| cut(text, DESCRIPTION_CHARS_MAX)),
        tags,
        origin: stored.origin,
        version: stored.version.as_ref().map(|head| CatalogRowVersion { tag: head.tag.clone(), state: head.state }),
        level: stored.level,
        last_seen: stored.last_seen,
        problems: stored.status_items.len(),
        updated_at: stored.updated_at,
        class: stored.class,
        reference: stored.reference,
    }
}

/// The beginning of a text, on one line.
fn cut(text: &str, chars_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars_max {
        return line;
    }
    let mut cut: String = line.chars().take(chars_max - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_text_is_cut_and_lines_are_joined() {
        assert_eq!(cut("a\n  b", 3), "a b");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
