//! Pages of a list, and single entities.

use mizzen_store::Store;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::cursor::{self, Asked, Cursor};
use super::{FullText, LIMIT_MAX, ORDERS_MAX, Order, Page, Predicate, Query, REFS_MAX, Stored, load, matching};
use crate::plane::{Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::storage::sql::Sql;

/// The names of what a list is ordered by.
const VALUES: [&str; ORDERS_MAX] = ["v0", "v1", "v2", "v3"];
/// References that one statement asks for.
const REFS_AT_ONCE: usize = 500;

impl Catalog {
    /// `None` when there is no such entity.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, reference: &EntityRef) -> Result<Option<Stored>, CatalogError> {
        let sql = "SELECT entity_id FROM catalog_entities WHERE ref = $1";
        self.one(sql, reference.to_string()).await
    }

    /// `None` when there is no such entity.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn by_uid(&self, uid: &str) -> Result<Option<Stored>, CatalogError> {
        self.one("SELECT entity_id FROM catalog_entities WHERE uid = $1", uid.to_owned()).await
    }

    async fn one(&self, sql: &'static str, name: String) -> Result<Option<Stored>, CatalogError> {
        let row = sqlx::query(sql).bind(name).fetch_optional(self.store().pool()).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(load(self.store(), &[row.try_get(0)?], true).await?.pop())
    }

    /// In the order of `references`, at most [`REFS_MAX`]; `None` for what there is not.
    ///
    /// # Errors
    /// When there are too many, or the database fails.
    pub async fn by_refs(&self, references: &[EntityRef]) -> Result<Vec<Option<Stored>>, CatalogError> {
        if references.len() > REFS_MAX {
            return Err(CatalogError::TooMany { what: "references", max: REFS_MAX, got: references.len() });
        }
        let mut found = std::collections::BTreeMap::new();
        for some in references.chunks(REFS_AT_ONCE) {
            let mut sql = Sql::new("SELECT entity_id FROM catalog_entities WHERE ref IN ");
            sql.list(some.iter().map(ToString::to_string));
            let rows = sql.query().fetch_all(self.store().pool()).await?;
            let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
            let stored = load(self.store(), &ids, true).await?;
            found.extend(stored.into_iter().map(|stored| (stored.reference.clone(), stored)));
        }
        Ok(references.iter().map(|reference| found.get(reference).cloned()).collect())
    }

    /// The references of those that match, in their order, at most `max` from `from` on: for who asks for no more of them.
    ///
    /// # Errors
    /// When the predicate is over a limit, or the database fails.
    pub async fn references(
        &self,
        predicate: &Predicate,
        from: Option<&EntityRef>,
        max: u32,
    ) -> Result<Vec<EntityRef>, CatalogError> {
        let mut sql = Sql::new("SELECT e.ref FROM catalog_entities e WHERE ");
        matching(&mut sql, predicate, None)?;
        if let Some(from) = from {
            sql.push(" AND e.ref >= ").bind(from.to_string());
        }
        sql.push(" ORDER BY e.ref LIMIT ").bind(i64::from(max));
        let rows = sql.query().fetch_all(self.store().pool()).await?;
        let references = rows.iter().map(|row| {
            let name: String = row.try_get(0)?;
            name.parse().map_err(|error| CatalogError::damaged("entity", &name, error))
        });
        references.collect()
    }

    /// One page of the entities that match.
    ///
    /// # Errors
    /// When the question is over a limit or its cursor damaged, or the database fails.
    pub async fn query(&self, query: &Query) -> Result<Page, CatalogError> {
        let asked = cursor::resolve(query)?;
        check(query, &asked)?;
        // Each on a connection of its own.
        let total = async {
            match asked.total {
                None if query.count => self.count(&asked.predicate, asked.full_text.as_ref()).await.map(Some),
                known => Ok(known),
            }
        };
        let (total, (mut places, has_more)) =
            futures::future::try_join(total, places(self.store(), query, &asked)).await?;
        let is_backwards = asked.from.as_ref().is_some_and(|from| from.is_backwards);
        if is_backwards {
            places.reverse();
        }
        let ids: Vec<i64> = places.iter().map(|place| place.entity_id).collect();
        let items = load(self.store(), &ids, query.relations).await?;
        let at = |place: Option<&Place>, is_backwards| {
            place.map(|place| encode(&asked, total, place, is_backwards)).transpose()
        };
        let has_before = if is_backwards { has_more } else { asked.from.is_some() || query.offset > 0 };
        let has_after = is_backwards || has_more;
        Ok(Page {
            items,
            total,
            next: at(places.last().filter(|_| has_after), false)?,
            previous: at(places.first().filter(|_| has_before), true)?,
        })
    }

    /// How many entities match.
    ///
    /// # Errors
    /// When the predicate is over a limit, or the database fails.
    pub async fn count(&self, predicate: &Predicate, full_text: Option<&FullText>) -> Result<u64, CatalogError> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM catalog_entities e WHERE ");
        matching(&mut sql, predicate, full_text)?;
        let row = sql.query().fetch_one(self.store().pool()).await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
    }
}

/// Where an entity stands in a list.
struct Place {
    entity_id: i64,
    values: Vec<Option<String>>,
}

fn check(query: &Query, asked: &Asked) -> Result<(), CatalogError> {
    if !(1..=LIMIT_MAX).contains(&query.limit) {
        let message = format!("must be a number from 1 to {LIMIT_MAX}, not {}", query.limit);
        return Err(CatalogError::Invalid { field: "limit", message });
    }
    if asked.order.len() > ORDERS_MAX {
        return Err(CatalogError::TooMany { what: "keys of an order", max: ORDERS_MAX, got: asked.order.len() });
    }
    Ok(())
}

fn encode(asked: &Asked, total: Option<u64>, place: &Place, is_backwards: bool) -> Result<String, CatalogError> {
    let cursor = Cursor {
        predicate: asked.predicate.clone(),
        order: asked.order.clone(),
        full_text: asked.full_text.clone(),
        total,
        is_backwards,
        values: place.values.clone(),
        entity_id: place.entity_id,
    };
    cursor.encode()
}

/// The places of a page, and whether more follow in its direction.
async fn places(store: &Store, query: &Query, asked: &Asked) -> Result<(Vec<Place>, bool), CatalogError> {
    let limit = query.limit as usize;
    let mut found = match asked.order.as_slice() {
        [order] => by_one_key(store, query, asked, order).await?,
        _ => by_keys(store, query, asked).await?,
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok((found, has_more))
}

/// The general way: every match is looked up, and sorted.
async fn by_keys(store: &Store, query: &Query, asked: &Asked) -> Result<Vec<Place>, CatalogError> {
    let mut sql = Sql::new("SELECT m.entity_id");
    for name in &VALUES[..asked.order.len()] {
        sql.push(", m.").push(name);
    }
    sql.push(" FROM (SELECT e.entity_id");
    for (order, name) in asked.order.iter().zip(VALUES) {
        sql.push(
            ", (SELECT o.value FROM catalog_search o WHERE o.entity_id = e.entity_id AND o.place = 0 AND o.key = ",
        );
        sql.bind(order.key.to_lowercase()).push(") AS ").push(name);
    }
    sql.push(" FROM catalog_entities e WHERE ");
    matching(&mut sql, &asked.predicate, asked.full_text.as_ref())?;
    sql.push(") m WHERE 1 = 1");
    let is_backwards = asked.from.as_ref().is_some_and(|from| from.is_backwards);
    if let Some(from) = &asked.from {
        beyond(&mut sql, from);
    }
    sql.push(" ORDER BY ");
    for (order, name) in asked.order.iter().zip(VALUES) {
        let (nulls, values) = (is_backwards, order.descending != is_backwards);
        sql.push("CASE WHEN m.").push(name).push(" IS NULL THEN 1 ELSE 0 END").push(direction(nulls)).push(", m.");
        sql.push(name).push(direction(values)).push(", ");
    }
    sql.push("m.entity_id").push(direction(is_backwards));
    page(&mut sql, query);
    fetch(store, sql, asked.order.len()).await
}

/// The index of one key is walked in its order until the page is full; entities without the key come after all others.
async fn by_one_key(store: &Store, query: &Query, asked: &Asked, order: &Order) -> Result<Vec<Place>, CatalogError> {
    let is_backwards = asked.from.as_ref().is_some_and(|from| from.is_backwards);
    let wanted = query.limit as usize + 1;
    let at_value = asked.from.as_ref().is_none_or(|from| from.values.iter().all(Option::is_some));
    // (whether entities have the key, whether this part begins at the cursor)
    let parts: &[(bool, bool)] = match (at_value, is_backwards) {
        (true, false) => &[(true, true), (false, false)],
        (true, true) => &[(true, true)],
        (false, false) => &[(false, true)],
        (false, true) => &[(false, true), (true, false)],
    };
    let mut found = Vec::new();
    let mut offset = if asked.from.is_some() { 0 } else { query.offset };
    for (place, (has_key, from_cursor)) in parts.iter().enumerate() {
        let left = wanted.saturating_sub(found.len());
        let from = asked.from.as_ref().filter(|_| *from_cursor);
        let sql = part(asked, order, from, (*has_key, is_backwards), (left, offset))?;
        let rows = fetch(store, sql, 1).await?;
        if offset > 0 && rows.is_empty() && place == 0 {
            // All of this part was passed over.
            offset = offset.saturating_sub(with_key(store, asked, order).await?);
        } else {
            offset = 0;
        }
        found.extend(rows);
        if found.len() >= wanted {
            break;
        }
    }
    Ok(found)
}

fn part(
    asked: &Asked,
    order: &Order,
    from: Option<&Cursor>,
    (has_key, is_backwards): (bool, bool),
    (limit, offset): (usize, u64),
) -> Result<Sql, CatalogError> {
    let key = order.key.to_lowercase();
    let mut sql = Sql::default();
    if has_key {
        sql.push("SELECT o.entity_id, o.value AS v0 FROM catalog_search o JOIN catalog_entities e ON e.entity_id = o.entity_id");
        sql.push(" WHERE o.key = ").bind(key).push(" AND o.place = 0 AND o.value IS NOT NULL AND ");
    } else {
        sql.push("SELECT e.entity_id, CAST(NULL AS TEXT) AS v0 FROM catalog_entities e WHERE NOT EXISTS (SELECT 1 FROM catalog_search o");
        sql.push(" WHERE o.entity_id = e.entity_id AND o.place = 0 AND o.value IS NOT NULL AND o.key = ").bind(key);
        sql.push(") AND ");
    }
    matching(&mut sql, &asked.predicate, asked.full_text.as_ref())?;
    let (beyond_value, beyond_id) =
        (if order.descending != is_backwards { "<" } else { ">" }, if is_backwards { "<" } else { ">" });
    if let Some(from) = from {
        if let Some(Some(value)) = from.values.first() {
            sql.push(" AND (o.value ").push(beyond_value).push(" ").bind(value.as_str()).push(" OR (o.value = ");
            sql.bind(value.as_str())
                .push(" AND o.entity_id ")
                .push(beyond_id)
                .push(" ")
                .bind(from.entity_id)
                .push("))");
        } else {
            sql.push(" AND e.entity_id ").push(beyond_id).push(" ").bind(from.entity_id);
        }
    }
    sql.push(" ORDER BY ");
    if has_key {
        sql.push("o.value").push(direction(order.descending != is_backwards)).push(", o.entity_id");
    } else {
        sql.push("e.entity_id");
    }
    sql.push(direction(is_backwards)).push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
    if offset > 0 {
        sql.push(" OFFSET ").bind(i64::try_from(offset).unwrap_or(i64::MAX));
    }
    Ok(sql)
}

/// How many of the matches have the key.
async fn with_key(store: &Store, asked: &Asked, order: &Order) -> Result<u64, CatalogError> {
    let mut sql = Sql::new("SELECT COUNT(*) FROM catalog_entities e WHERE EXISTS (SELECT 1 FROM catalog_search o");
    sql.push(" WHERE o.entity_id = e.entity_id AND o.place = 0 AND o.value IS NOT NULL AND o.key = ");
    sql.bind(order.key.to_lowercase()).push(") AND ");
    matching(&mut sql, &asked.predicate, asked.full_text.as_ref())?;
    let row = sql.query().fetch_one(store.pool()).await?;
    Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
}

/// Only what stands after the cursor (before it, for a page backwards). A missing value stands after every other.
fn beyond(sql: &mut Sql, from: &Cursor) {
    sql.push(" AND (");
    for (depth, (order, name)) in from.order.iter().zip(VALUES).enumerate() {
        for (value, name) in from.values.iter().zip(VALUES).take(depth) {
            same(sql, name, value.as_deref());
            sql.push(" AND ");
        }
        let value = from.values.get(depth).and_then(Option::as_deref);
        match (value, from.is_backwards) {
            (None, false) => sql.push("1 = 0"),
            (None, true) => sql.push("m.").push(name).push(" IS NOT NULL"),
            (Some(value), is_backwards) => {
                let sign = if order.descending == is_backwards { " > " } else { " < " };
                sql.push("(m.").push(name).push(sign).bind(value);
                if !is_backwards {
                    sql.push(" OR m.").push(name).push(" IS NULL");
                }
                sql.push(")")
            }
        };
        sql.push(" OR ");
    }
    for (value, name) in from.values.iter().zip(VALUES) {
        same(sql, name, value.as_deref());
        sql.push(" AND ");
    }
    sql.push("m.entity_id").push(if from.is_backwards { " < " } else { " > " }).bind(from.entity_id).push(")");
}

fn same(sql: &mut Sql, name: &str, value: Option<&str>) {
    sql.push("m.").push(name);
    match value {
        Some(value) => sql.push(" = ").bind(value),
        None => sql.push(" IS NULL"),
    };
}

const fn direction(is_descending: bool) -> &'static str {
    if is_descending { " DESC" } else { "" }
}

fn page(sql: &mut Sql, query: &Query) {
    sql.push(" LIMIT ").bind(i64::from(query.limit) + 1);
    if query.offset > 0 && query.cursor.is_none() {
        sql.push(" OFFSET ").bind(i64::try_from(query.offset).unwrap_or(i64::MAX));
    }
}

async fn fetch(store: &Store, sql: Sql, keys: usize) -> Result<Vec<Place>, CatalogError> {
    let rows = sql.query().fetch_all(store.pool()).await?;
    let decode = |row: &AnyRow| {
        let values = (1..=keys).map(|column| row.try_get(column)).collect::<Result<_, _>>()?;
        Ok(Place { entity_id: row.try_get(0)?, values })
    };
    Ok(rows.iter().map(decode).collect::<Result<_, sqlx::Error>>()?)
}
