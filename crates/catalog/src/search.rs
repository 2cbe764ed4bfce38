//! Full text over entities and their documentation.

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use crate::entity::Entity;
use crate::plane::{Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::storage::entities;
use crate::storage::sql::{Sql, after_prefix};
use crate::storage::terms;

/// Hits of one search.
pub const HITS_MAX: u32 = 100;
/// Pages of one entity's documentation.
pub const PAGES_MAX: usize = 500;
/// Bytes of one page.
pub const PAGE_BYTES_MAX: usize = 1 << 20;
const SNIPPET_CHARS_MAX: usize = 160;
/// A word that is there as it was written counts so much more than one that only begins so.
const WHOLE_WORD: &str = "2";

/// Where the words are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Entity,
    /// A page of the entity's documentation.
    Documentation {
        path: String,
    },
}

/// One entity or page that has the words.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub reference: EntityRef,
    /// Of the entity, or of the page.
    pub title: String,
    /// As written, for example `Component`.
    pub kind: String,
    /// `spec.type`.
    pub spec_type: Option<String>,
    /// See [`crate::version::class_of`].
    pub class: String,
    /// Up to 160 characters of plain text.
    pub snippet: String,
    /// Greater is better.
    pub score: i64,
    pub place: Place,
}

/// A page of documentation, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Below the documentation's root, for example `runbook.md`.
    pub path: String,
    pub title: String,
    pub markdown: String,
}

/// A page of documentation, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPage {
    pub page: Page,
    pub digest: Digest,
    pub updated_at: Timestamp,
}

impl Catalog {
    /// The best hits for all words of `text`; the last word may be only begun. Of no words: none.
    ///
    /// # Errors
    /// When the limit is over [`HITS_MAX`], or the database fails.
    pub async fn search(&self, text: &str, limit: u32) -> Result<Vec<Hit>, CatalogError> {
        if !(1..=HITS_MAX).contains(&limit) {
            let message = format!("must be a number from 1 to {HITS_MAX}, not {limit}");
            return Err(CatalogError::Invalid { field: "limit", message });
        }
        let (words, is_finished) = terms::of_question(text);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let sql = question(&words, is_finished, limit);
        let rows = sql.query().fetch_all(self.store().pool()).await?;
        rows.iter().map(|row| hit(row, &words)).collect()
    }

    /// Makes `pages` the documentation of an entity, all of it.
    ///
    /// # Errors
    /// When there is no such entity, there are too many pages or one is too large, or the database fails.
    pub async fn put_documents(&self, reference: &EntityRef, pages: &[Page]) -> Result<(), CatalogError> {
        if pages.len() > PAGES_MAX {
            return Err(CatalogError::TooMany { what: "pages", max: PAGES_MAX, got: pages.len() });
        }
        if let Some(page) = pages.iter().find(|page| page.markdown.len() > PAGE_BYTES_MAX) {
            let message = format!("`{}` has more than {PAGE_BYTES_MAX} bytes; split it", page.path);
            return Err(CatalogError::Invalid { field: "documentation", message });
        }
        let now = self.clock().now();
        let mut change = self.store().begin().await?;
        let first = entities::reserve(&mut change, pages.len()).await?;
        let head = entities::find(&mut change, reference).await?;
        let head = head.ok_or_else(|| CatalogError::NotFound { what: "entity", name: reference.to_string() })?;
        remove_pages(&mut change, head.entity_id, reference).await?;
        for (document_id, page) in (first..).zip(pages) {
            insert_page(&mut change, head.entity_id, reference, document_id, page, now).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// The documentation of an entity, by path.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn documents(&self, reference: &EntityRef) -> Result<Vec<StoredPage>, CatalogError> {
        let sql =
            "SELECT path, title, markdown, digest, updated_at FROM catalog_documents WHERE ref = $1 ORDER BY path";
        let rows = sqlx::query(sql).bind(reference.to_string()).fetch_all(self.store().pool()).await?;
        rows.iter().map(stored_page).collect()
    }

    /// One page; `None` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn document_page(&self, reference: &EntityRef, path: &str) -> Result<Option<StoredPage>, CatalogError> {
        let sql =
            "SELECT path, title, markdown, digest, updated_at FROM catalog_documents WHERE ref = $1 AND path = $2";
        let query = sqlx::query(sql).bind(reference.to_string()).bind(path.to_owned());
        query.fetch_optional(self.store().pool()).await?.as_ref().map(stored_page).transpose()
    }
}

/// Every word must be in the entity's own words, or in one page.
fn question(words: &[String], is_finished: bool, limit: u32) -> Sql {
    let mut sql = Sql::new(
        "SELECT e.ref, e.class, e.document, d.path, d.title, d.markdown, h.score
         FROM (SELECT w.entity_id, w.document_id, CAST(SUM(w.weight) AS BIGINT) AS score FROM (",
    );
    for (place, word) in words.iter().enumerate() {
        sql.push(if place > 0 { " UNION ALL " } else { "" });
        let is_prefix = place + 1 == words.len() && !is_finished;
        sql.push("SELECT entity_id, document_id, MAX(");
        if is_prefix {
            sql.push("CASE WHEN term = ")
                .bind(word.as_str())
                .push(" THEN weight * ")
                .push(WHOLE_WORD)
                .push(" ELSE weight END");
        } else {
            sql.push("weight * ").push(WHOLE_WORD);
        }
        sql.push(") AS weight FROM catalog_terms WHERE term ");
        if is_prefix {
            sql.push(">= ").bind(word.as_str());
            if let Some(end) = after_prefix(word) {
                sql.push(" AND term < ").bind(end);
            }
        } else {
            sql.push("= ").bind(word.as_str());
        }
        sql.push(" GROUP BY entity_id, document_id");
    }
    sql.push(") w GROUP BY w.entity_id, w.document_id HAVING COUNT(*) = ");
    sql.bind(i64::try_from(words.len()).unwrap_or(i64::MAX));
    sql.push(" ORDER BY CAST(SUM(w.weight) AS BIGINT) DESC, w.entity_id, w.document_id LIMIT ").bind(i64::from(limit));
    sql.push(
        ") h JOIN catalog_entities e ON e.entity_id = h.entity_id
         LEFT JOIN catalog_documents d ON d.document_id = h.document_id
         ORDER BY h.score DESC, h.entity_id, h.document_id",
    );
    sql
}

fn hit(row: &AnyRow, words: &[String]) -> Result<Hit, CatalogError> {
    let name: String = row.try_get("ref")?;
    let reference = name.parse().map_err(|error| CatalogError::damaged("entity", &name, error))?;
    let document: String = row.try_get("document")?;
    let document = serde_json::from_str(&document).map_err(|error| CatalogError::damaged("entity", &name, error))?;
    let entity = Entity::new(document);
    let path: Option<String> = row.try_get("path")?;
    let (title, text) = match path {
        Some(_) => (row.try_get::<String, _>("title")?, row.try_get::<String, _>("markdown")?),
        None => {
            let purpose = entity.text(&["spec", "agent", "purpose"]).unwrap_or_default();
            (entity.title().to_owned(), entity.text(&["metadata", "description"]).unwrap_or(purpose).to_owned())
        }
    };
    Ok(Hit {
        reference,
        title,
        kind: entity.kind().to_owned(),
        spec_type: entity.spec_type().map(str::to_owned),
        class: row.try_get("class")?,
        snippet: snippet(&text, words),
        score: row.try_get("score")?,
        place: path.map_or(Place::Entity, |path| Place::Documentation { path }),
    })
}

/// The line with the most of the words, cut around the first of them.
fn snippet(text: &str, words: &[String]) -> String {
    let count = |line: &str| {
        let lower = line.to_lowercase();
        words.iter().filter(|word| lower.contains(word.as_str())).count()
    };
    let lines = text.lines().map(|line| line.trim_matches(|c: char| c.is_whitespace() || "#*->`|".contains(c)));
    let lines = lines.filter(|line| !line.is_empty()).map(|line| (count(line), line));
    let Some((_, line)) = lines.reduce(|best, line| if line.0 > best.0 { line } else { best }) else {
        return String::new();
    };
    let characters: Vec<char> = line.chars().collect();
    if characters.len() <= SNIPPET_CHARS_MAX {
        return line.to_owned();
    }
    let lower: String = characters.iter().map(|c| c.to_ascii_lowercase()).collect();
    let first = words.iter().filter_map(|word| lower.find(word.as_str())).min().unwrap_or(0);
    let first = lower.get(..first).map_or(0, |before| before.chars().count());
    let from = first.saturating_sub(SNIPPET_CHARS_MAX / 3).min(characters.len() - SNIPPET_CHARS_MAX + 2);
    let shown: String = characters.iter().skip(from).take(SNIPPET_CHARS_MAX - 2).collect();
    let (before, after) = (from > 0, from + SNIPPET_CHARS_MAX - 2 < characters.len());
    format!("{}{}{}", if before { "…" } else { "" }, shown.trim(), if after { "…" } else { "" })
}

fn stored_page(row: &AnyRow) -> Result<StoredPage, CatalogError> {
    let path: String = row.try_get("path")?;
    let digest: String = row.try_get("digest")?;
    let digest = digest.parse().map_err(|error| CatalogError::damaged("page", &path, error))?;
    let page = Page { path, title: row.try_get("title")?, markdown: row.try_get("markdown")? };
    Ok(StoredPage { page, digest, updated_at: Timestamp::from_unix_nanos(row.try_get("updated_at")?) })
}

/// Takes away an entity's documentation, and its words.
pub(crate) async fn remove_pages(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    reference: &EntityRef,
) -> Result<(), CatalogError> {
    let words = "DELETE FROM catalog_terms WHERE entity_id = $1 AND document_id <> 0";
    sqlx::query(words).bind(entity_id).execute(&mut **change).await?;
    let pages = "DELETE FROM catalog_documents WHERE ref = $1";
    sqlx::query(pages).bind(reference.to_string()).execute(&mut **change).await?;
    Ok(())
}

async fn insert_page(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    reference: &EntityRef,
    document_id: i64,
    page: &Page,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query(
        "INSERT INTO catalog_documents (document_id, ref, path, title, markdown, digest, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(document_id)
    .bind(reference.to_string())
    .bind(clean(&page.path))
    .bind(clean(&page.title))
    .bind(clean(&page.markdown))
    .bind(Digest::of(page.markdown.as_bytes()).as_str().to_owned())
    .bind(now.unix_nanos())
    .execute(&mut **change)
    .await?;
    let words = terms::of_page(&page.title, &page.markdown);
    entities::insert_terms(change, entity_id, document_id, words).await
}

#[cfg(test)]
mod tests;
