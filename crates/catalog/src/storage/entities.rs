//! Entities in the database, with what hangs on each: search rows, relations, words, claims.
//!
//! A change begins with [`reserve`], which also lets one change at a time through on PostgreSQL (SQLite has one writer anyway).

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::searches::{self, OWN, SearchRow};
use super::sql::{self, Bind, optional};
use super::terms::{self, Terms};
use super::uses;
use crate::entity::Entity;
use crate::plane::CatalogError;
use crate::query::{self, Origin};
use crate::reference::EntityRef;
use crate::relation;
use crate::search;
use crate::version::class_of;

/// What a change must know of the entity as it is.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) entity_id: i64,
    pub(crate) uid: String,
    pub(crate) digest: String,
    pub(crate) origin: Origin,
    pub(crate) location_id: Option<String>,
    pub(crate) source: String,
    pub(crate) source_line: i64,
    pub(crate) is_orphan: bool,
    pub(crate) applied_by: String,
    pub(crate) created_at: i64,
}

/// An entity as it is to become.
#[derive(Debug)]
pub(crate) struct New<'a> {
    pub(crate) entity: &'a Entity,
    pub(crate) body: Option<&'a str>,
    pub(crate) digest: &'a Digest,
    /// Of its version, where it is reviewed.
    pub(crate) tag: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    pub(crate) origin: Origin,
    pub(crate) format: &'a str,
    pub(crate) source: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) location_id: Option<&'a str>,
    pub(crate) applied_by: &'a str,
    pub(crate) now: Timestamp,
}

/// Takes `count` numbers for rows and gives the first.
pub(crate) async fn reserve(change: &mut Transaction<'_, Any>, count: usize) -> Result<i64, CatalogError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let row = sqlx::query("UPDATE catalog_counters SET value = value + $1 WHERE name = 'row' RETURNING value")
        .bind(count)
        .fetch_one(&mut **change)
        .await?;
    Ok(row.try_get::<i64, _>(0)? - count + 1)
}

pub(crate) async fn find(
    change: &mut Transaction<'_, Any>,
    reference: &EntityRef,
) -> Result<Option<Head>, CatalogError> {
    let row = sqlx::query(
        "SELECT entity_id, uid, digest, origin, location_id, source, source_line, orphan_since, applied_by, created_at
         FROM catalog_entities WHERE ref = $1",
    )
    .bind(reference.to_string())
    .fetch_optional(&mut **change)
    .await?;
    Ok(row.as_ref().map(head).transpose()?)
}

fn head(row: &AnyRow) -> Result<Head, sqlx::Error> {
    Ok(Head {
        entity_id: row.try_get("entity_id")?,
        uid: row.try_get("uid")?,
        digest: row.try_get("digest")?,
        origin: origin(&row.try_get::<String, _>("origin")?),
        location_id: optional(row, "location_id")?,
        source: row.try_get("source")?,
        source_line: row.try_get("source_line")?,
        is_orphan: row.try_get::<i64, _>("orphan_since")? != 0,
        applied_by: row.try_get("applied_by")?,
        created_at: row.try_get("created_at")?,
    })
}

pub(crate) fn origin(text: &str) -> Origin {
    if text == Origin::Discovered.as_str() { Origin::Discovered } else { Origin::Declared }
}

/// Writes an entity with all that hangs on it but its claims. `new_id` is for one that is new.
pub(crate) async fn put(
    change: &mut Transaction<'_, Any>,
    head: Option<&Head>,
    new_id: i64,
    new: &New<'_>,
) -> Result<i64, CatalogError> {
    let reference = new.entity.reference();
    let entity_id = head.map_or(new_id, |head| head.entity_id);
    let uid = head.map_or_else(uid, |head| Ok(head.uid.clone()))?;
    let document = serde_json::to_string(new.entity.document());
    let document = document.map_err(|error| CatalogError::damaged("entity", &reference.to_string(), error))?;
    sqlx::query(
        "INSERT INTO catalog_entities (entity_id, ref, uid, class, origin, document, body, digest, tag, format, source,
             source_line, source_column, location_id, orphan_since, applied_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, $16, $17)
         ON CONFLICT (entity_id) DO UPDATE SET class = excluded.class, origin = excluded.origin,
             document = excluded.document, body = excluded.body, digest = excluded.digest, tag = excluded.tag,
             format = excluded.format, source = excluded.source, source_line = excluded.source_line,
             source_column = excluded.source_column, location_id = excluded.location_id, orphan_since = 0,
             applied_by = excluded.applied_by, updated_at = excluded.updated_at",
    )
    .bind(entity_id)
    .bind(reference.to_string())
    .bind(uid.clone())
    .bind(class_of(new.entity))
    .bind(new.origin.as_str())
    .bind(document)
    .bind(new.body.map(str::to_owned))
    .bind(new.digest.as_str().to_owned())
    .bind(new.tag.map(str::to_owned))
    .bind(new.format.to_owned())
    .bind(new.source.to_owned())
    .bind(i64::from(new.line))
    .bind(i64::from(new.column))
    .bind(new.location_id.map(str::to_owned))
    .bind(new.applied_by.to_owned())
    .bind(head.map_or(new.now.unix_nanos(), |head| head.created_at))
    .bind(new.now.unix_nanos())
    .execute(&mut **change)
    .await?;
    write_search(change, entity_id, &uid, new, head.is_some()).await?;
    write_relations(change, entity_id, new.entity, head.is_some()).await?;
    if head.is_none() {
        write_ends(change, &reference, Some(entity_id)).await?;
    }
    if head.is_some() {
        let words = "DELETE FROM catalog_terms WHERE entity_id = $1 AND document_id = 0";
        sqlx::query(words).bind(entity_id).execute(&mut **change).await?;
    }
    insert_terms(change, entity_id, 0, terms::of_entity(new.entity, new.body)).await?;
    Ok(entity_id)
}

/// What others have marked the entity with stays.
async fn write_search(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    uid: &str,
    new: &New<'_>,
    is_there: bool,
) -> Result<(), CatalogError> {
    if is_there {
        let mut stale = sql::Sql::new("DELETE FROM catalog_search WHERE entity_id = ");
        stale.bind(entity_id).push(" AND (key < ").bind(OWN).push(" OR key >= ").bind("mizzen/").push(" OR key IN ");
        stale.list([
            searches::CLASS,
            searches::ORIGIN,
            searches::STATE,
            searches::TITLE,
            searches::UPDATED,
            searches::ORPHAN,
        ]);
        stale.push(")");
        stale.query().execute(&mut **change).await?;
    }
    let mut rows = searches::rows(new.entity, uid);
    rows.retain(|row| !row.key.starts_with(OWN) || [searches::CLASS, searches::TITLE].contains(&row.key.as_str()));
    rows.push(searches::own(searches::ORIGIN, new.origin.as_str()));
    rows.push(searches::own(searches::UPDATED, &searches::instant(new.now)));
    rows.extend(new.state.map(|state| searches::own(searches::STATE, state)));
    rows.extend(places(change, new, &rows).await?);
    insert_search(change, entity_id, &rows).await
}

/// Where an entity was read, by the annotations that Backstage's clients ask for; the document's own go before.
async fn places(
    change: &mut Transaction<'_, Any>,
    new: &New<'_>,
    rows: &[SearchRow],
) -> Result<Vec<SearchRow>, CatalogError> {
    let Some(location) = query::location_of(new.source) else { return Ok(Vec::new()) };
    let origin = match new.location_id {
        None => None,
        Some(id) => {
            let sql = "SELECT kind, target FROM catalog_locations WHERE location_id = $1";
            let row = sqlx::query(sql).bind(id.to_owned()).fetch_optional(&mut **change).await?;
            row.map(|row| {
                let (kind, target): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                Ok::<_, sqlx::Error>(format!("{kind}:{target}"))
            })
            .transpose()?
        }
    };
    let origin = origin.unwrap_or_else(|| location.clone());
    let annotations = [("location", location), ("origin-location", origin)];
    let found = annotations.into_iter().map(|(name, value)| {
        let key = format!("metadata.annotations.backstage.io/managed-by-{name}");
        searches::own(&key, &value)
    });
    Ok(found.filter(|new| rows.iter().all(|row| row.key != new.key)).collect())
}

/// `rows` in the order of key and value: the first of each key is what lists are ordered by.
async fn insert_search(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    rows: &[SearchRow],
) -> Result<(), CatalogError> {
    let mut binds = Vec::with_capacity(rows.len() * 5);
    let (mut key, mut place) = ("", 0_i64);
    // A missing value sorts first, and must not stand for its key beside one that is there.
    let mut ordered: Vec<&SearchRow> = rows.iter().collect();
    ordered.sort_by_key(|row| (row.key.as_str(), row.value.is_none(), row.value.as_deref()));
    for row in ordered {
        place = if row.key == key { place + 1 } else { 0 };
        key = &row.key;
        binds.extend([
            entity_id.into(),
            row.key.as_str().into(),
            row.value.clone().into(),
            row.original.clone().into(),
        ]);
        binds.push(place.into());
    }
    let insert = "INSERT INTO catalog_search (entity_id, key, value, original, place) VALUES";
    Ok(sql::insert(change, insert, 5, binds).await?)
}

/// Replaces what the catalog itself says of an entity under one key; `None` takes it away.
pub(crate) async fn mark(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    key: &str,
    value: Option<&str>,
) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM catalog_search WHERE entity_id = $1 AND key = $2")
        .bind(entity_id)
        .bind(key.to_owned())
        .execute(&mut **change)
        .await?;
    match value {
        Some(value) => insert_search(change, entity_id, &[searches::own(key, value)]).await,
        None => Ok(()),
    }
}

pub(crate) async fn write_relations(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    entity: &Entity,
    is_there: bool,
) -> Result<(), CatalogError> {
    if is_there {
        sqlx::query("DELETE FROM catalog_relations WHERE entity_id = $1")
            .bind(entity_id)
            .execute(&mut **change)
            .await?;
    }
    let mut binds = Vec::new();
    let mut add = |source: &str, kind: &str, target: &str, is_forward: bool, follows: Option<&uses::Use>| {
        binds.extend([Bind::from(entity_id), source.into(), kind.into(), kind.to_lowercase().into()]);
        binds.extend([target.into(), i64::from(is_forward).into()]);
        binds.push(follows.map(|used| used.subject.kind.as_str().to_owned()).into());
        binds
            .extend([follows.map(|used| used.subject.key()).into(), follows.map(|used| used.unclaimed.clone()).into()]);
    };
    let this = entity.reference().to_string();
    for (relation, inverse) in relation::of(entity) {
        let (kind, other) = (&relation.kind, relation.target_ref.to_string());
        add(&this, kind, &other, inverse.is_none() || is_forward(kind), None);
        if let Some(inverse) = inverse {
            add(&other, inverse, &this, is_forward(inverse), None);
        }
    }
    let (kind, inverse) = relation::of_subjects();
    for used in &uses::of(change, entity).await? {
        add(&this, kind, &used.target, true, Some(used));
        add(&used.target, inverse, &this, false, Some(used));
    }
    let insert = "INSERT INTO catalog_relations (entity_id, source, kind, kind_key, target, is_forward, subject_kind,
        subject_key, unclaimed) VALUES";
    sql::insert(change, insert, 9, binds).await?;
    // Ends that are in the catalog are known by number, the others dangle.
    let ends = "UPDATE catalog_relations SET
            source_id = (SELECT e.entity_id FROM catalog_entities e WHERE e.ref = catalog_relations.source),
            target_id = (SELECT e.entity_id FROM catalog_entities e WHERE e.ref = catalog_relations.target)
        WHERE entity_id = $1";
    sqlx::query(ends).bind(entity_id).execute(&mut **change).await?;
    Ok(())
}

/// Relations of others lead to what is there from now on (`Some`), or to what is gone.
async fn write_ends(
    change: &mut Transaction<'_, Any>,
    reference: &EntityRef,
    entity_id: Option<i64>,
) -> Result<(), CatalogError> {
    for statement in [
        "UPDATE catalog_relations SET source_id = $2 WHERE source = $1",
        "UPDATE catalog_relations SET target_id = $2 WHERE target = $1",
    ] {
        sqlx::query(statement).bind(reference.to_string()).bind(entity_id).execute(&mut **change).await?;
    }
    Ok(())
}

/// Of the two names of a pair, the one that points at what is needed, owns, or is the whole.
fn is_forward(kind: &str) -> bool {
    const FORWARD: &[&str] = &["dependsOn", "ownedBy", "partOf", "consumesApi", "providesApi", "memberOf", "childOf"];
    FORWARD.contains(&kind)
}

pub(crate) async fn insert_terms(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    document_id: i64,
    terms: Terms,
) -> Result<(), CatalogError> {
    let mut binds: Vec<Bind> = Vec::with_capacity(terms.len() * 4);
    for (term, weight) in terms {
        binds.extend([term.into(), entity_id.into(), document_id.into(), weight.into()]);
    }
    let insert = "INSERT INTO catalog_terms (term, entity_id, document_id, weight) VALUES";
    Ok(sql::insert(change, insert, 4, binds).await?)
}

/// Takes an entity away with all that hangs on it but its versions: what was decided about those stays decided.
pub(crate) async fn remove(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    reference: &EntityRef,
) -> Result<(), CatalogError> {
    search::remove_pages(change, entity_id, reference).await?;
    for statement in [
        "DELETE FROM catalog_search WHERE entity_id = $1",
        "DELETE FROM catalog_relations WHERE entity_id = $1",
        "DELETE FROM catalog_terms WHERE entity_id = $1",
        "DELETE FROM catalog_claims WHERE entity_id = $1",
        "DELETE FROM catalog_entities WHERE entity_id = $1",
    ] {
        sqlx::query(statement).bind(entity_id).execute(&mut **change).await?;
    }
    write_ends(change, reference, None).await
}

/// A random UUID (RFC 9562, version 4).
fn uid() -> Result<String, CatalogError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(CatalogError::Random)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = mizzen_model::id::hex(&bytes);
    let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join("-"))
}
