//! A predicate as a condition of SQL on the column `e.entity_id`.

use crate::filter::VALUES_MAX;
use crate::plane::CatalogError;
use crate::query::{CONDITIONS_MAX, FullText, Predicate};
use crate::storage::searches::{PROBLEMS, RELATIONS};
use crate::storage::sql::{Sql, after_prefix};
use crate::storage::terms;

/// Predicates inside predicates.
const DEPTH_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 1_000;

/// Adds the condition that an entity matches.
pub(crate) fn matching(sql: &mut Sql, predicate: &Predicate, full_text: Option<&FullText>) -> Result<(), CatalogError> {
    let mut left = Left { conditions: CONDITIONS_MAX, values: VALUES_MAX };
    condition(sql, predicate, DEPTH_MAX, &mut left)?;
    if let Some(full_text) = full_text {
        text(sql, full_text)?;
    }
    Ok(())
}

/// What a question may still ask for.
#[derive(Debug)]
struct Left {
    conditions: usize,
    /// What is asked for is bound, and a statement has so many places.
    values: usize,
}

impl Left {
    /// One more condition.
    fn take(&mut self, depth: usize) -> Result<(), CatalogError> {
        if depth == 0 || self.conditions == 0 {
            let message = format!("has more than {CONDITIONS_MAX} conditions, or {DEPTH_MAX} inside each other");
            return Err(invalid(message));
        }
        self.conditions -= 1;
        Ok(())
    }
}

fn invalid(message: String) -> CatalogError {
    CatalogError::Invalid { field: "filter", message }
}

fn condition(sql: &mut Sql, predicate: &Predicate, depth: usize, left: &mut Left) -> Result<(), CatalogError> {
    match predicate {
        Predicate::All(parts) => {
            left.take(depth)?;
            let (sets, others): (Vec<&Predicate>, Vec<&Predicate>) = parts.iter().partition(|part| is_set(part));
            if !sets.is_empty() {
                in_all(sql, &sets, |sql, part| entities(sql, part, depth - 1, left))?;
                sql.push(" AND ");
            }
            joined(sql, &others, (" AND ", "1 = 1"), depth, left)
        }
        Predicate::Any(parts) => {
            left.take(depth)?;
            joined(sql, &parts.iter().collect::<Vec<_>>(), (" OR ", "1 = 0"), depth, left)
        }
        Predicate::Not(part) => {
            left.take(depth)?;
            sql.push("NOT (");
            condition(sql, part, depth - 1, left)?;
            sql.push(")");
            Ok(())
        }
        of_key if is_set(of_key) => in_all(sql, &[of_key], |sql, part| entities(sql, part, depth, left)),
        of_problems => {
            left.take(depth)?;
            sql.push("(CASE WHEN ").push(HAS_PROBLEMS);
            // A column that is always there stands for the value.
            sql.push(" THEN 1 ELSE 0 END = 1 AND EXISTS (SELECT 1 FROM (SELECT 'true' AS value) p WHERE 1 = 1");
            value(sql, of_problems, "p.value", left)?;
            sql.push("))");
            Ok(())
        }
    }
}

/// Whether rows of its key say which entities match.
fn is_set(predicate: &Predicate) -> bool {
    key(predicate).is_some_and(|key| !key.eq_ignore_ascii_case(PROBLEMS))
}

fn key(predicate: &Predicate) -> Option<&str> {
    match predicate {
        Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_) => None,
        Predicate::Exists(key)
        | Predicate::Equals(key, _)
        | Predicate::In(key, _)
        | Predicate::HasPrefix(key, _)
        | Predicate::Contains(key, _) => Some(key),
    }
}

/// Adds that an entity is in each of the sets. Intersected once, they are not looked into for every entity.
fn in_all<T>(
    sql: &mut Sql,
    sets: &[T],
    mut add: impl FnMut(&mut Sql, &T) -> Result<(), CatalogError>,
) -> Result<(), CatalogError> {
    for (place, set) in sets.iter().enumerate() {
        sql.push(if place == 0 { "e.entity_id IN (" } else { " INTERSECT " });
        add(sql, set)?;
    }
    sql.push(")");
    Ok(())
}

fn joined(
    sql: &mut Sql,
    parts: &[&Predicate],
    (word, empty): (&str, &str),
    depth: usize,
    left: &mut Left,
) -> Result<(), CatalogError> {
    if parts.is_empty() {
        sql.push(empty);
        return Ok(());
    }
    sql.push("(");
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            sql.push(word);
        }
        condition(sql, part, depth - 1, left)?;
    }
    sql.push(")");
    Ok(())
}

/// Selects the entities with a row of the predicate's key that it is true of.
fn entities(sql: &mut Sql, predicate: &Predicate, depth: usize, left: &mut Left) -> Result<(), CatalogError> {
    left.take(depth)?;
    let key = key(predicate).unwrap_or_default().to_lowercase();
    if let Some(kind) = key.strip_prefix(RELATIONS) {
        sql.push("SELECT r.source_id FROM catalog_relations r WHERE r.source_id IS NOT NULL AND r.kind_key = ");
        sql.bind(kind);
        return value(sql, predicate, "r.target", left);
    }
    sql.push("SELECT s.entity_id FROM catalog_search s WHERE s.key = ").bind(key);
    value(sql, predicate, "s.value", left)
}

/// Adds what a predicate of a key says of its value.
fn value(sql: &mut Sql, predicate: &Predicate, column: &str, left: &mut Left) -> Result<(), CatalogError> {
    match predicate {
        Predicate::Equals(_, value) => {
            sql.push(" AND ").push(column).push(" = ").bind(value.to_lowercase());
        }
        Predicate::In(_, values) => {
            let values_left = left.values.checked_sub(values.len());
            left.values = values_left.ok_or_else(|| invalid(format!("has more than {VALUES_MAX} values")))?;
            sql.push(" AND ").push(column).push(" IN ").list(values.iter().map(|value| value.to_lowercase()));
        }
        Predicate::HasPrefix(_, prefix) => has_prefix(sql, column, &prefix.to_lowercase()),
        Predicate::Contains(_, part) => contains(sql, column, part),
        Predicate::Exists(_) | Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_) => {}
    }
    Ok(())
}

const HAS_PROBLEMS: &str = "(EXISTS (SELECT 1 FROM catalog_problems q WHERE q.ref = e.ref)
    OR EXISTS (SELECT 1 FROM catalog_relations r WHERE r.source = e.ref AND r.target_id IS NULL))";

fn has_prefix(sql: &mut Sql, column: &str, prefix: &str) {
    sql.push(" AND ").push(column).push(" >= ").bind(prefix);
    if let Some(end) = after_prefix(prefix) {
        sql.push(" AND ").push(column).push(" < ").bind(end);
    }
}

fn contains(sql: &mut Sql, column: &str, part: &str) {
    let escaped = part.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    sql.push(" AND ").push(column).push(" LIKE ").bind(format!("%{escaped}%")).push(r" ESCAPE '\'");
}

fn text(sql: &mut Sql, full_text: &FullText) -> Result<(), CatalogError> {
    if full_text.text.len() > TEXT_BYTES_MAX {
        return Err(CatalogError::Invalid { field: "text", message: format!("is longer than {TEXT_BYTES_MAX} bytes") });
    }
    if !full_text.fields.is_empty() {
        sql.push(" AND e.entity_id IN (SELECT s.entity_id FROM catalog_search s WHERE s.key IN ");
        sql.list(full_text.fields.iter().take(CONDITIONS_MAX).map(|field| field.to_lowercase()));
        contains(sql, "s.value", full_text.text.trim());
        sql.push(")");
        return Ok(());
    }
    let (words, is_finished) = terms::of_question(&full_text.text);
    if words.is_empty() {
        return Ok(());
    }
    // Words are in many entities. With the sign SQLite does not begin with them, and sort what it finds, but walks the order.
    sql.push(" AND +");
    let words: Vec<(usize, &String)> = words.iter().enumerate().collect();
    let last = words.len() - 1;
    in_all(sql, &words, |sql, (place, word)| {
        sql.push("SELECT t.entity_id FROM catalog_terms t WHERE 1 = 1");
        if *place == last && !is_finished {
            has_prefix(sql, "t.term", word);
        } else {
            sql.push(" AND t.term = ").bind(word.as_str());
        }
        Ok(())
    })
}
