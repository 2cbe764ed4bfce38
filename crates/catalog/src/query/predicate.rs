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

fn condition(sql: &mut Sql, predicate: &Predicate, depth: usize, left: &mut Left) -> Result<(), CatalogError> {
    let invalid = |message: String| CatalogError::Invalid { field: "filter", message };
    if depth == 0 || left.conditions == 0 {
        return Err(invalid(format!("has more than {CONDITIONS_MAX} conditions, or {DEPTH_MAX} inside each other")));
    }
    left.conditions -= 1;
    match predicate {
        Predicate::All(parts) => joined(sql, parts, (" AND ", "1 = 1"), depth, left),
        Predicate::Any(parts) => joined(sql, parts, (" OR ", "1 = 0"), depth, left),
        Predicate::Not(part) => {
            sql.push("NOT (");
            condition(sql, part, depth - 1, left)?;
            sql.push(")");
            Ok(())
        }
        Predicate::Exists(key) => {
            rows(sql, key, |_, _| {});
            Ok(())
        }
        Predicate::Equals(key, value) => {
            rows(sql, key, |sql, column| {
                sql.push(" AND ").push(column).push(" = ").bind(value.to_lowercase());
            });
            Ok(())
        }
        Predicate::In(key, values) => {
            let values_left = left.values.checked_sub(values.len());
            left.values = values_left.ok_or_else(|| invalid(format!("has more than {VALUES_MAX} values")))?;
            rows(sql, key, |sql, column| {
                sql.push(" AND ").push(column).push(" IN ").list(values.iter().map(|value| value.to_lowercase()));
            });
            Ok(())
        }
        Predicate::HasPrefix(key, prefix) => {
            rows(sql, key, |sql, column| has_prefix(sql, column, &prefix.to_lowercase()));
            Ok(())
        }
        Predicate::Contains(key, part) => {
            rows(sql, key, |sql, column| contains(sql, column, part));
            Ok(())
        }
    }
}

fn joined(
    sql: &mut Sql,
    parts: &[Predicate],
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

/// Entities with a row of `key` that `more` is true of. Some keys are asked of other tables than the search rows.
fn rows(sql: &mut Sql, key: &str, more: impl FnOnce(&mut Sql, &str)) {
    let key = key.to_lowercase();
    if key == PROBLEMS {
        sql.push("(CASE WHEN ");
        sql.push(HAS_PROBLEMS);
        // A column that is always there stands for the value.
        sql.push(" THEN 1 ELSE 0 END = 1 AND EXISTS (SELECT 1 FROM (SELECT 'true' AS value) p WHERE 1 = 1");
        more(sql, "p.value");
        sql.push("))");
        return;
    }
    if let Some(kind) = key.strip_prefix(RELATIONS) {
        sql.push("e.entity_id IN (SELECT r.source_id FROM catalog_relations r WHERE r.source_id IS NOT NULL AND r.kind_key = ");
        sql.bind(kind);
        more(sql, "r.target");
        sql.push(")");
        return;
    }
    sql.push("e.entity_id IN (SELECT s.entity_id FROM catalog_search s WHERE s.key = ").bind(key);
    more(sql, "s.value");
    sql.push(")");
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
    for (place, word) in words.iter().enumerate() {
        sql.push(" AND e.entity_id IN (SELECT t.entity_id FROM catalog_terms t WHERE 1 = 1");
        if place + 1 == words.len() && !is_finished {
            has_prefix(sql, "t.term", word);
        } else {
            sql.push(" AND t.term = ").bind(word.as_str());
        }
        sql.push(")");
    }
    Ok(())
}
