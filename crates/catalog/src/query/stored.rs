//! An entity as it is kept, with what the catalog knows of it.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::entity::Entity;
use crate::plane::CatalogError;
use crate::reference::EntityRef;
use crate::relation::Relation;
use crate::storage::sql::{Sql, optional};
use crate::version::VersionHead;

/// Relations of one entity that are read.
const RELATIONS_MAX: i64 = 5_000;

/// How the catalog knows of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CatalogOrigin)]
pub enum Origin {
    Declared,
    /// Traffic showed it, and nobody declared it.
    Discovered,
}

impl Origin {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Discovered => "discovered",
        }
    }
}

/// What is wrong with an entity that is valid by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusItem {
    /// For example `mizzen.dev/dangling`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `info`, `warning` or `error`.
    pub level: String,
    pub message: String,
}

/// An entity as the catalog keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub entity: Entity,
    /// Of a `SKILL.md`, below its front matter.
    pub body: Option<String>,
    pub reference: EntityRef,
    pub uid: String,
    /// Changes when anything of this changes.
    pub etag: String,
    /// `agent`, `tool_server`, … (see [`crate::version::class_of`]).
    pub class: String,
    pub digest: Digest,
    /// Both directions, in order. Empty when not asked for.
    pub relations: Vec<Relation>,
    /// Targets of [`Self::relations`] that do not exist.
    pub dangling: Vec<EntityRef>,
    pub status_items: Vec<StatusItem>,
    pub origin: Origin,
    /// What it was written as, for example `backstage`.
    pub format: String,
    /// Where it was read, as Backstage writes it: `url:…` or `file:…`; `None` when it came by hand from no file.
    pub location: Option<String>,
    /// The location from which that was found.
    pub origin_location: Option<String>,
    /// Its location holds it no longer.
    pub is_orphan: bool,
    /// `None` for what is not reviewed.
    pub version: Option<VersionHead>,
    /// Of the scorecard, where one was computed.
    pub level: Option<u8>,
    pub applied_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// In traffic.
    pub last_seen: Option<Timestamp>,
}

impl Stored {
    /// As Backstage's catalog gives it: with uid, etag, relations, status, and where it came from.
    #[must_use]
    pub fn document(&self) -> Map<String, Value> {
        let mut document = self.entity.document().clone();
        let metadata = document.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.entry("namespace").or_insert_with(|| self.entity.namespace().into());
            metadata.insert("uid".to_owned(), self.uid.clone().into());
            metadata.insert("etag".to_owned(), self.etag.clone().into());
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                let origin = self.origin_location.as_ref().or(self.location.as_ref());
                let places = [("location", self.location.as_ref()), ("origin-location", origin)];
                for (name, place) in places {
                    if let Some(place) = place {
                        let name = format!("backstage.io/managed-by-{name}");
                        annotations.entry(name).or_insert_with(|| place.clone().into());
                    }
                }
                if self.is_orphan {
                    annotations.insert("backstage.io/orphan".to_owned(), "true".into());
                }
            }
        }
        document.insert("relations".to_owned(), json!(self.relations));
        if !self.status_items.is_empty() {
            document.insert("status".to_owned(), json!({ "items": self.status_items }));
        }
        document
    }
}

/// Reads entities by their ids, in that order; what is gone meanwhile is left out.
pub(crate) async fn load(store: &Store, ids: &[i64], with_relations: bool) -> Result<Vec<Stored>, CatalogError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(
        "SELECT e.entity_id, e.ref, e.uid, e.class, e.origin, e.document, e.body, e.digest, e.tag, e.format, e.source,
             e.location_id, e.orphan_since, e.applied_by, e.created_at, e.updated_at,
             (SELECT v.state FROM catalog_versions v WHERE v.ref = e.ref AND v.digest = e.digest) AS state,
             (SELECT l.kind FROM catalog_locations l WHERE l.location_id = e.location_id) AS location_kind,
             (SELECT l.target FROM catalog_locations l WHERE l.location_id = e.location_id) AS location_target,
             (SELECT MAX(s.last_seen) FROM catalog_subjects s WHERE s.entity_id = e.entity_id) AS last_seen,
             (SELECT MIN(x.value) FROM catalog_search x WHERE x.entity_id = e.entity_id AND x.key = 'mizzen.level') AS level
         FROM catalog_entities e WHERE e.entity_id IN ",
    );
    sql.list(ids.iter().copied());
    let mut found = BTreeMap::new();
    for row in sql.query().fetch_all(store.pool()).await? {
        let id: i64 = row.try_get("entity_id")?;
        found.insert(id, decode(&row)?);
    }
    let mut stored: Vec<Stored> = ids.iter().filter_map(|id| found.remove(id)).collect();
    if with_relations {
        add_relations(store, &mut stored).await?;
    }
    add_problems(store, &mut stored).await?;
    for entity in &mut stored {
        entity.etag = etag(entity);
    }
    Ok(stored)
}

/// One row of [`load`], without relations and problems.
fn decode(row: &AnyRow) -> Result<Stored, CatalogError> {
    let name: String = row.try_get("ref")?;
    let damaged = |source: Box<dyn std::error::Error + Send + Sync>| CatalogError::damaged("entity", &name, source);
    let document: String = row.try_get("document")?;
    let document = serde_json::from_str(&document).map_err(|error| damaged(error.into()))?;
    let digest: Digest = row.try_get::<String, _>("digest")?.parse().map_err(|error| damaged(Box::new(error)))?;
    let version = match (optional(row, "tag")?, optional(row, "state")?) {
        (Some(tag), Some(state)) => {
            let state = state.parse().map_err(|error| damaged(Box::new(error)))?;
            Some(VersionHead { tag, digest: digest.clone(), state })
        }
        _ => None,
    };
    let source: String = row.try_get("source")?;
    let origin_location = match (optional(row, "location_kind")?, optional(row, "location_target")?) {
        (Some(kind), Some(target)) => Some(format!("{kind}:{target}")),
        _ => None,
    };
    let instant = |column| row.try_get(column).map(Timestamp::from_unix_nanos);
    Ok(Stored {
        entity: Entity::new(document),
        body: optional(row, "body")?,
        reference: name.parse().map_err(|error| damaged(Box::new(error)))?,
        uid: row.try_get("uid")?,
        etag: String::new(),
        class: row.try_get("class")?,
        digest,
        relations: Vec::new(),
        dangling: Vec::new(),
        status_items: Vec::new(),
        origin: if row.try_get::<String, _>("origin")? == "discovered" { Origin::Discovered } else { Origin::Declared },
        format: row.try_get("format")?,
        location: location_of(&source),
        origin_location,
        is_orphan: row.try_get::<i64, _>("orphan_since")? != 0,
        version,
        level: optional(row, "level")?.and_then(|level| level.parse().ok()),
        applied_by: row.try_get("applied_by")?,
        created_at: instant("created_at")?,
        updated_at: instant("updated_at")?,
        last_seen: row.try_get::<Option<i64>, _>("last_seen")?.map(Timestamp::from_unix_nanos),
    })
}

/// `url:…` or `file:…`.
pub(crate) fn location_of(source: &str) -> Option<String> {
    if source.is_empty() || source == "-" {
        return None;
    }
    let is_url = source.starts_with("http://") || source.starts_with("https://");
    Some(if is_url { format!("url:{source}") } else { format!("file:{source}") })
}

async fn add_relations(store: &Store, stored: &mut [Stored]) -> Result<(), CatalogError> {
    let mut sql = Sql::new(
        "SELECT DISTINCT r.source, r.kind, r.target, CASE WHEN r.target_id IS NULL THEN 0 ELSE 1 END AS is_there
         FROM catalog_relations r WHERE r.source IN ",
    );
    sql.list(stored.iter().map(|entity| entity.reference.to_string()));
    sql.push(" ORDER BY r.source, r.kind, r.target LIMIT ");
    sql.bind(RELATIONS_MAX.saturating_mul(i64::try_from(stored.len()).unwrap_or(1)));
    let mut found: BTreeMap<String, (Vec<Relation>, BTreeSet<EntityRef>)> = BTreeMap::new();
    for row in sql.query().fetch_all(store.pool()).await? {
        let (relations, dangling) = found.entry(row.try_get("source")?).or_default();
        let target: String = row.try_get("target")?;
        let Ok(target_ref) = target.parse::<EntityRef>() else { continue };
        if row.try_get::<i64, _>("is_there")? == 0 {
            dangling.insert(target_ref.clone());
        }
        relations.push(Relation { kind: row.try_get("kind")?, target_ref });
    }
    for entity in stored {
        let Some((relations, dangling)) = found.remove(&entity.reference.to_string()) else { continue };
        entity.relations = relations;
        entity.dangling = dangling.into_iter().collect();
        for target in &entity.dangling {
            entity.status_items.push(StatusItem {
                kind: "mizzen.dev/dangling".to_owned(),
                level: "warning".to_owned(),
                message: format!("`{target}` is not in the catalog"),
            });
        }
    }
    Ok(())
}

async fn add_problems(store: &Store, stored: &mut [Stored]) -> Result<(), CatalogError> {
    let mut sql =
        Sql::new("SELECT ref, source, source_line, source_column, message FROM catalog_problems WHERE ref IN ");
    sql.list(stored.iter().map(|entity| entity.reference.to_string()));
    sql.push(" ORDER BY location_id, place");
    let places: BTreeMap<String, usize> =
        stored.iter().enumerate().map(|(place, entity)| (entity.reference.to_string(), place)).collect();
    for row in sql.query().fetch_all(store.pool()).await? {
        let name: String = row.try_get("ref")?;
        let Some(entity) = places.get(&name).and_then(|place| stored.get_mut(*place)) else { continue };
        let (source, message): (String, String) = (row.try_get("source")?, row.try_get("message")?);
        let (line, column): (i64, i64) = (row.try_get("source_line")?, row.try_get("source_column")?);
        entity.status_items.push(StatusItem {
            kind: "mizzen.dev/ingestion".to_owned(),
            level: "error".to_owned(),
            message: format!("{source}:{line}:{column}: {message}"),
        });
    }
    Ok(())
}

fn etag(stored: &Stored) -> String {
    let content = json!([
        stored.uid,
        stored.digest,
        stored.relations,
        stored.status_items,
        stored.version,
        stored.is_orphan,
        stored.level,
        stored.updated_at,
    ]);
    let digest = Digest::of(content.to_string().as_bytes());
    digest.hex().chars().take(40).collect()
}
